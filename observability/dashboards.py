"""The dashboards, and what writes them: `python -m observability.dashboards` (`make docs`).

cluster   all nodes together: are they well, what do they carry, how fast do they answer
topics    what goes into and out of topics
groups    lag, members, states; transactions
quorum    the metadata quorum and its controller
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

from observability.panels import Dashboard, Panel, Query, Variable, grafana_json

FOLDER: Final = Path(__file__).with_name("grafana")

NODES: Final = Variable("instance", "kafka_server_kafkaserver_brokerstate", "instance")
TOPICS: Final = Variable("topic", "kafka_log_log_size", "topic")
GROUPS: Final = Variable("consumergroup", "kafka_consumergroup_members", "consumergroup")

_ON = 'instance=~"$instance"'
_OF = 'instance=~"$instance",topic=~"$topic"'
_IN = "kafka_server_brokertopicmetrics_"
_REQUESTS = "kafka_network_requestmetrics_"
_CONTROLLER = "kafka_controller_kafkacontroller_"
_RAFT = "kafka_server_raftmetrics_"
_WAITING = "kafka_server_delayedoperationpurgatory_purgatorysize"
_CONNECTIONS = "kafka_server_socket_server_metrics_connection_count"
_LAG = 'kafka_consumergroup_lag{consumergroup=~"$consumergroup",topic=~"$topic"}'
_READ = 'kafka_consumergroup_current_offset{consumergroup=~"$consumergroup",topic=~"$topic"}'
_REBALANCING = 'kafka_server_group_coordinator_metrics_consumer_group_count{state=~"Assigning|Reconciling"}'


def rate(metric: str, labels: str, by: str = "") -> str:
    summed = f"sum by ({by})" if by else "sum"
    return f"{summed} (rate({metric}{{{labels}}}[$__rate_interval]))"


def by_instance(metric: str, legend: str = "{{instance}}") -> Query:
    return Query(f"{metric}{{{_ON}}}", legend)


CLUSTER = Dashboard(
    "ottla-cluster",
    "Ottla: cluster",
    "All nodes together: are they well, what do they carry, how fast do they answer.",
    (NODES,),
    (
        (
            "Is it well?",
            (
                Panel("Brokers", (Query(f"max({_CONTROLLER}activebrokercount)"),), stat=True, red=1, red_below=True),
                Panel(
                    "Active controllers",
                    (Query(f"sum({_CONTROLLER}activecontrollercount)"),),
                    stat=True,
                    red=1,
                    red_below=True,
                ),
                Panel("Fenced brokers", (Query(f"max({_CONTROLLER}fencedbrokercount)"),), stat=True, red=1),
                Panel("Offline partitions", (Query(f"max({_CONTROLLER}offlinepartitionscount)"),), stat=True, red=1),
                Panel(
                    "Under-replicated",
                    (Query("sum(kafka_server_replicamanager_underreplicatedpartitions)"),),
                    stat=True,
                    red=1,
                ),
                Panel(
                    "Below min.insync.replicas",
                    (Query("sum(kafka_server_replicamanager_underminisrpartitioncount)"),),
                    stat=True,
                    red=1,
                ),
            ),
        ),
        (
            "What it carries",
            (
                Panel(
                    "Records in",
                    (Query(rate(f"{_IN}messagesin_total", f'{_ON},topic=""', "instance"), "{{instance}}"),),
                    "cps",
                ),
                Panel(
                    "Bytes in",
                    (Query(rate(f"{_IN}bytesin_total", f'{_ON},topic=""', "instance"), "{{instance}}"),),
                    "Bps",
                ),
                Panel(
                    "Bytes out",
                    (
                        Query(rate(f"{_IN}bytesout_total", f'{_ON},topic=""', "instance"), "{{instance}} consumers"),
                        Query(rate(f"{_IN}replicationbytesout_total", _ON, "instance"), "{{instance}} followers"),
                    ),
                    "Bps",
                ),
            ),
        ),
        (
            "Requests",
            (
                Panel(
                    "Requests",
                    (
                        Query(
                            rate(f"{_REQUESTS}requests_total", f'{_ON},request!~"Fetch(Consumer|Follower)"', "request"),
                            "{{request}}",
                        ),
                    ),
                    "reqps",
                    stacked=True,
                ),
                Panel(
                    "Errors",
                    (
                        Query(
                            rate(f"{_REQUESTS}errors_total", f'{_ON},error!="NONE"', "request, error"),
                            "{{request}} {{error}}",
                        ),
                    ),
                    "reqps",
                ),
                Panel(
                    "Time of 99 % of produce requests",
                    (Query(f'{_REQUESTS}totaltimems{{{_ON},request="Produce",quantile="0.99"}}', "{{instance}}"),),
                    "ms",
                ),
                Panel(
                    "Where a produce request spends it (median)",
                    (
                        Query(f'max({_REQUESTS}localtimems{{{_ON},request="Produce",quantile="0.50"}})', "here"),
                        Query(
                            f'max({_REQUESTS}remotetimems{{{_ON},request="Produce",quantile="0.50"}})',
                            "waiting for followers",
                        ),
                        Query(
                            f'max({_REQUESTS}responsesendtimems{{{_ON},request="Produce",quantile="0.50"}})', "sending"
                        ),
                    ),
                    "ms",
                    text="The slowest node.",
                ),
                Panel(
                    "Requests that wait",
                    (
                        Query(
                            f"sum by (delayedOperation) ({_WAITING}{{{_ON}}})",
                            "{{delayedOperation}}",
                        ),
                    ),
                ),
                Panel("Requests not served yet", (by_instance("kafka_network_requestchannel_requestqueuesize"),)),
            ),
        ),
        (
            "Nodes",
            (
                Panel(
                    "Idle part of the event loop",
                    (by_instance("kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent"),),
                    "percentunit",
                ),
                Panel(
                    "CPU",
                    (Query(rate("process_cpu_seconds_total", _ON, "instance"), "{{instance}}"),),
                    "percentunit",
                    text="1 is one core.",
                ),
                Panel("Memory", (by_instance("process_resident_memory_bytes"),), "bytes"),
                Panel(
                    "Connections",
                    (
                        Query(
                            f"sum by (instance, listener) ({_CONNECTIONS}{{{_ON}}})",
                            "{{instance}} {{listener}}",
                        ),
                    ),
                ),
                Panel("Open files", (by_instance("process_open_fds"),)),
                Panel(
                    "Usable disk",
                    (by_instance("ottla_log_directory_usable_bytes", "{{instance}} {{logDirectory}}"),),
                    "bytes",
                ),
            ),
        ),
        (
            "Replicas",
            (
                Panel(
                    "Partitions",
                    (
                        by_instance("kafka_server_replicamanager_leadercount", "{{instance}} led"),
                        by_instance("kafka_server_replicamanager_partitioncount", "{{instance}} hosted"),
                    ),
                ),
                Panel(
                    "Changes of in-sync replicas",
                    (
                        Query(
                            rate("kafka_server_replicamanager_isrshrinks_total", _ON, "instance"),
                            "{{instance}} shrinks",
                        ),
                        Query(
                            rate("kafka_server_replicamanager_isrexpands_total", _ON, "instance"),
                            "{{instance}} expands",
                        ),
                    ),
                    "cps",
                ),
                Panel(
                    "Records that a follower is behind, at most",
                    (by_instance("kafka_server_replicafetchermanager_maxlag"),),
                ),
            ),
        ),
    ),
)

TOPICS_DASHBOARD = Dashboard(
    "ottla-topics",
    "Ottla: topics",
    "What goes into and out of topics, and what they take of the disk.",
    (NODES, TOPICS),
    (
        (
            "In and out",
            (
                Panel(
                    "Records in",
                    (Query(rate(f"{_IN}messagesin_total", f'{_OF},topic!=""', "topic"), "{{topic}}"),),
                    "cps",
                ),
                Panel(
                    "Bytes in", (Query(rate(f"{_IN}bytesin_total", f'{_OF},topic!=""', "topic"), "{{topic}}"),), "Bps"
                ),
                Panel(
                    "Bytes out", (Query(rate(f"{_IN}bytesout_total", f'{_OF},topic!=""', "topic"), "{{topic}}"),), "Bps"
                ),
                Panel(
                    "Batches",
                    (Query(rate(f"{_IN}totalproducerequests_total", f'{_OF},topic!=""', "topic"), "{{topic}}"),),
                    "cps",
                ),
                Panel(
                    "Reads",
                    (Query(rate(f"{_IN}totalfetchrequests_total", f'{_OF},topic!=""', "topic"), "{{topic}}"),),
                    "cps",
                ),
                Panel(
                    "Refused",
                    (
                        Query(
                            rate(f"{_IN}failedproducerequests_total", f'{_OF},topic!=""', "topic"), "{{topic}} batches"
                        ),
                        Query(
                            rate(f"{_IN}bytesrejected_total", f'{_OF},topic!=""', "topic"), "{{topic}} bytes too large"
                        ),
                    ),
                ),
            ),
        ),
        (
            "On disk",
            (
                Panel(
                    "Size",
                    (Query(f"sum by (topic) (kafka_log_log_size{{{_OF}}})", "{{topic}}"),),
                    "bytes",
                    text="All replicas together.",
                ),
                Panel("Segments", (Query(f"sum by (topic) (kafka_log_log_numlogsegments{{{_OF}}})", "{{topic}}"),)),
                Panel(
                    "Records kept",
                    (
                        Query(
                            f"sum by (topic) (max by (topic, partition) (kafka_log_log_logendoffset{{{_OF}}})"
                            f" - max by (topic, partition) (kafka_log_log_logstartoffset{{{_OF}}}))",
                            "{{topic}}",
                        ),
                    ),
                    text="Offsets between a log's start and its end: compaction leaves holes.",
                ),
            ),
        ),
        (
            "Replicas",
            (
                Panel(
                    "Under-replicated partitions",
                    (Query(f"sum by (topic) (kafka_cluster_partition_underreplicated{{{_OF}}})", "{{topic}}"),),
                ),
                Panel(
                    "Below min.insync.replicas",
                    (Query(f"sum by (topic) (kafka_cluster_partition_underminisr{{{_OF}}})", "{{topic}}"),),
                ),
                Panel(
                    "Open transactions hold back",
                    (Query(f"sum by (topic) (kafka_cluster_partition_laststableoffsetlag{{{_OF}}})", "{{topic}}"),),
                    text="Records between the last stable offset and the high watermark, on all replicas.",
                ),
            ),
        ),
    ),
)

GROUPS_DASHBOARD = Dashboard(
    "ottla-groups",
    "Ottla: groups and transactions",
    "How far groups lag, who is in them, and what transactions do.",
    (GROUPS, TOPICS),
    (
        (
            "Lag",
            (
                Panel(
                    "Lag",
                    (
                        Query(
                            f"sum by (consumergroup, topic) ({_LAG})",
                            "{{consumergroup}} {{topic}}",
                        ),
                    ),
                ),
                Panel(
                    "Lag of the worst partition",
                    (
                        Query(
                            f"max by (consumergroup, topic) ({_LAG})",
                            "{{consumergroup}} {{topic}}",
                        ),
                    ),
                ),
                Panel(
                    "Records read",
                    (
                        Query(
                            f"sum by (consumergroup, topic) (rate({_READ}[$__rate_interval]))",
                            "{{consumergroup}} {{topic}}",
                        ),
                    ),
                    "cps",
                    text="As the group commits them.",
                ),
            ),
        ),
        (
            "Members",
            (
                Panel(
                    "Members",
                    (
                        Query(
                            'sum by (consumergroup) (kafka_consumergroup_members{consumergroup=~"$consumergroup"})',
                            "{{consumergroup}}",
                        ),
                    ),
                ),
                Panel(
                    "Groups by protocol",
                    (Query("sum by (protocol) (kafka_server_group_coordinator_metrics_group_count)", "{{protocol}}"),),
                    stacked=True,
                ),
                Panel(
                    "Groups that rebalance",
                    (
                        Query(
                            "sum(kafka_coordinator_group_groupmetadatamanager_numgroupspreparingrebalance)", "preparing"
                        ),
                        Query(
                            "sum(kafka_coordinator_group_groupmetadatamanager_numgroupscompletingrebalance)",
                            "completing",
                        ),
                        Query(
                            f"sum by (state) ({_REBALANCING})",
                            "{{state}}",
                        ),
                    ),
                ),
            ),
        ),
        (
            "Transactions and offsets",
            (
                Panel("Transactions", (Query("sum by (state) (ottla_transactions)", "{{state}}"),), stacked=True),
                Panel(
                    "Committed offsets",
                    (Query("sum(kafka_coordinator_group_groupmetadatamanager_numoffsets)", "offsets"),),
                ),
                Panel(
                    "Producers remembered",
                    (Query("sum by (instance) (kafka_server_replicamanager_produceridcount)", "{{instance}}"),),
                ),
            ),
        ),
    ),
)

QUORUM = Dashboard(
    "ottla-quorum",
    "Ottla: metadata quorum",
    "Who leads the quorum, how far everyone is, what the controller has in its charge.",
    (NODES,),
    (
        (
            "The quorum",
            (
                Panel("Leader", (Query(f"max({_RAFT}current_leader)"),), stat=True, red=0, red_below=True),
                Panel("Epoch", (Query(f"max({_RAFT}current_epoch)"),), stat=True),
                Panel("Voters", (Query(f"max({_RAFT}number_of_voters)"),), stat=True),
                Panel("Observers", (Query(f"max({_RAFT}number_of_observers)"),), stat=True),
                Panel(
                    "metadata.version", (Query("min(kafka_server_metadataloader_currentmetadataversion)"),), stat=True
                ),
                Panel("Metadata errors", (Query(f"sum({_CONTROLLER}metadataerrorcount)"),), stat=True, red=1),
            ),
        ),
        (
            "How far everyone is",
            (
                Panel("End of the log", (by_instance(f"{_RAFT}log_end_offset"),)),
                Panel("High watermark", (by_instance(f"{_RAFT}high_watermark"),)),
                Panel("States", (by_instance(f"{_RAFT}current_state", "{{instance}} {{current_state}}"),)),
                Panel("Records appended", (by_instance(f"{_RAFT}append_records_rate"),), "cps"),
                Panel("Records fetched", (by_instance(f"{_RAFT}fetch_records_rate"),), "cps"),
                Panel(
                    "From append to commit",
                    (
                        by_instance(f"{_RAFT}commit_latency_avg", "{{instance}} mean"),
                        by_instance(f"{_RAFT}commit_latency_max", "{{instance}} longest"),
                    ),
                    "ms",
                ),
            ),
        ),
        (
            "In the controller's charge",
            (
                Panel(
                    "Topics and partitions",
                    (
                        Query(f"max({_CONTROLLER}globaltopiccount)", "topics"),
                        Query(f"max({_CONTROLLER}globalpartitioncount)", "partitions"),
                    ),
                ),
                Panel(
                    "Partitions not led by the preferred replica",
                    (Query(f"max({_CONTROLLER}preferredreplicaimbalancecount)", "partitions"),),
                ),
                Panel(
                    "Elections that may lose records",
                    (
                        Query(
                            f"max(increase(kafka_controller_controllerstats_uncleanleaderelections_total{{{_ON}}}[$__rate_interval]))",
                            "elections",
                        ),
                    ),
                ),
                Panel(
                    "Age of the metadata of brokers",
                    (by_instance("kafka_server_brokermetadatametrics_last_applied_record_lag_ms"),),
                    "ms",
                    text="The active controller writes at least twice a second (metadata.max.idle.interval.ms).",
                ),
                Panel(
                    "Brokers",
                    (
                        Query(f"max({_CONTROLLER}activebrokercount)", "may lead"),
                        Query(f"max({_CONTROLLER}fencedbrokercount)", "fenced"),
                        Query(f"max({_CONTROLLER}controlledshutdownbrokercount)", "on their way out"),
                    ),
                ),
                Panel(
                    "New controllers",
                    (
                        Query(
                            f"max(increase({_CONTROLLER}newactivecontrollerscount{{{_ON}}}[$__rate_interval]))",
                            "controllers",
                        ),
                    ),
                ),
            ),
        ),
    ),
)

DASHBOARDS: Final = (CLUSTER, TOPICS_DASHBOARD, GROUPS_DASHBOARD, QUORUM)


def text_of(dashboard: Dashboard) -> str:
    return json.dumps(grafana_json(dashboard), indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for dashboard in DASHBOARDS:
        (FOLDER / f"{dashboard.uid}.json").write_text(text_of(dashboard), "utf-8")
    sys.stdout.write(f"observability/grafana: {len(DASHBOARDS)} dashboards\n")


if __name__ == "__main__":
    main()
