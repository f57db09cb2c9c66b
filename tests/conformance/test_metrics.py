"""The metrics of a real node: that they are there, and that the numbers are right.

Apache Kafka does the same work beside it, and tells its own through the JMX exporter: what both count alike must be the
same to the byte (`SAME`); whatever bears a name of Kafka's is told by Kafka under that name, with those labels.
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Final

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from tests.peers.apache_kafka import KafkaNode
from tests.peers.jmx_exporter import agent_option
from tests.peers.ottla_node import OttlaNode
from tests.peers.process import free_port, wait_for
from tests.peers.scrape import Scrape

from ottla.broker.metrics.observation import METRICS
from ottla.runtime.metrics.metric import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.peers.process import NodeProcess

SETTINGS: Final = {
    "offsets.topic.num.partitions": "2",
    "transaction.state.log.num.partitions": "2",
    "group.initial.rebalance.delay.ms": "0",
}
TOPIC: Final = "orders"
RECORDS: Final = 300
GROUP: Final = "billing"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OttlaNode]:
    """After `work`; nobody asks anything of it any more."""
    directory = tmp_path_factory.mktemp("metrics")
    own = {"ottla.metrics.listen": "127.0.0.1:0", "ottla.log.format": "json", "ottla.log.level": "INFO"}
    with OttlaNode(directory, SETTINGS | own) as running:
        work(running)
        yield running


@pytest.fixture(scope="module")
def scrape(node: OttlaNode) -> Scrape:
    return Scrape.of(metrics_url(node))


def metrics_url(node: OttlaNode) -> str:
    found = wait_for(lambda: re.search(r"Its metrics are on (\S+)", node.output), "the address of the metrics")
    return found[1]


def work(node: NodeProcess) -> None:
    """Records of a known size, each batch one record; a group that has read a part; a transaction; a refusal."""
    servers: dict[str, str | int | float | bool] = {"bootstrap.servers": node.address}
    admin = AdminClient(servers)
    for made in admin.create_topics([NewTopic(TOPIC, 2, 1)]).values():
        made.result(60)
    producer = Producer({**servers, "batch.num.messages": 1, "enable.idempotence": False})
    for number in range(RECORDS):
        producer.produce(TOPIC, b"x" * 100, partition=number % 3 % 2)
    assert producer.flush(60) == 0
    consumer = Consumer({**servers, "group.id": GROUP, "auto.offset.reset": "earliest", "enable.auto.commit": False})
    consumer.assign([TopicPartition(TOPIC, 0, 0)])
    read = 0
    while read < RECORDS * 2 // 3:
        read += len(consumer.consume(RECORDS, 10))
    consumer.commit(offsets=[TopicPartition(TOPIC, 0, 150), TopicPartition(TOPIC, 1, 100)], asynchronous=False)
    consumer.close()
    transactional = Producer({**servers, "transactional.id": "payments"})
    transactional.init_transactions(60)
    transactional.begin_transaction()
    transactional.produce(TOPIC, b"y" * 100, partition=1)
    transactional.commit_transaction(60)
    too_large = Producer({**servers, "message.max.bytes": 3_000_000, "enable.idempotence": False})
    too_large.produce(TOPIC, b"z" * 2_000_000, partition=0, on_delivery=_refused)
    assert too_large.flush(60) == 0
    with pytest.raises(KafkaException):
        admin.create_topics([NewTopic(TOPIC, 1, 1)])[TOPIC].result(60)


def _refused(error: object, _: object) -> None:
    assert error is not None


def test_the_numbers_are_right(scrape: Scrape) -> None:
    topics = "kafka_server_brokertopicmetrics_"
    assert scrape.value(f"{topics}messagesin_total", topic=TOPIC) == RECORDS + 2  # the transaction's, and its marker
    sizes = {"orders": scrape.value(f"{topics}bytesin_total", topic=TOPIC)}
    sizes["on disk"] = sum(value for labels, value in scrape.series("kafka_log_log_size") if labels["topic"] == TOPIC)
    assert sizes["orders"] == sizes["on disk"]
    assert scrape.value(f"{topics}totalproducerequests_total", topic=TOPIC) == RECORDS + 3
    one_batch = 61 + 7 + 2 + 100  # header, record, varints of its size, value
    bytes_out = scrape.value(f"{topics}bytesout_total", topic=TOPIC)
    assert bytes_out is not None
    assert bytes_out >= 200 * (one_batch - 3)
    rejected = scrape.value(f"{topics}bytesrejected_total", topic=TOPIC)
    assert rejected is not None
    assert rejected > 2_000_000
    everything = scrape.value(f"{topics}messagesin_total")
    assert everything == sum(value for labels, value in scrape.series(f"{topics}messagesin_total") if labels)

    assert scrape.value("kafka_log_log_logendoffset", topic=TOPIC, partition="0") == 200
    assert scrape.value("kafka_log_log_logendoffset", topic=TOPIC, partition="1") == 102
    assert scrape.value("kafka_server_replicamanager_leadercount") == 6
    assert scrape.value("kafka_server_replicamanager_underreplicatedpartitions") == 0
    assert scrape.value("kafka_controller_kafkacontroller_activecontrollercount") == 1
    assert scrape.value("kafka_controller_kafkacontroller_globaltopiccount") == 3
    assert scrape.value("kafka_controller_kafkacontroller_offlinepartitionscount") == 0
    assert scrape.value("kafka_server_raftmetrics_current_state", current_state="leader") == 1
    assert scrape.value("ottla_transactions", state="CompleteCommit") == 1


def test_requests_and_their_errors_are_counted(scrape: Scrape) -> None:
    requests = "kafka_network_requestmetrics_"
    produce = sum(
        value for labels, value in scrape.series(f"{requests}requests_total") if labels["request"] == "Produce"
    )
    assert produce == RECORDS + 2
    assert scrape.value(f"{requests}totaltimems_count", request="Produce") == produce
    assert scrape.value(f"{requests}errors_total", request="Produce", error="NONE") == RECORDS + 1
    assert scrape.value(f"{requests}errors_total", request="Produce", error="MESSAGE_TOO_LARGE") == 1
    assert scrape.value(f"{requests}errors_total", request="CreateTopics", error="TOPIC_ALREADY_EXISTS") == 1
    total, local = (
        scrape.value(f"{requests}{part}", request="Produce", quantile="0.99") for part in ("totaltimems", "localtimems")
    )
    assert total is not None
    assert local is not None
    assert 0 < local <= total
    assert scrape.value(f"{requests}totaltimems_sum", request="FetchConsumer") is not None


def test_lag_is_what_the_group_has_not_read(scrape: Scrape) -> None:
    lag = "kafka_consumergroup_lag"
    assert scrape.value(lag, consumergroup=GROUP, topic=TOPIC, partition="0") == 50
    assert scrape.value(lag, consumergroup=GROUP, topic=TOPIC, partition="1") == 2
    assert scrape.value(f"{lag}_sum", consumergroup=GROUP, topic=TOPIC) == 52
    assert scrape.value("kafka_consumergroup_current_offset_sum", consumergroup=GROUP, topic=TOPIC) == 250
    assert scrape.value("kafka_consumergroup_members", consumergroup=GROUP) == 0
    assert scrape.value("kafka_topic_partitions", topic=TOPIC) == 2
    assert scrape.value("kafka_topic_partition_current_offset", topic=TOPIC, partition="0") == 200
    assert scrape.value("kafka_brokers") == 1


NOT_HERE: Final = {
    "kafka_server_fetcherlagmetrics_consumerlag",  # no partition is led elsewhere
    "kafka_controller_kafkacontroller_timesincelastheartbeatreceivedms",  # the broker is in the controller's process
    "kafka_server_socket_server_metrics_connections_software",  # perhaps nobody is connected any more
    "ottla_traces_spans_total",  # there are no traces
}


def test_what_is_declared_is_told_and_nothing_else(scrape: Scrape) -> None:
    declared = {metric.name: metric for metrics in METRICS.values() for metric in metrics}
    assert scrape.types.keys() - NOT_HERE == declared.keys() - NOT_HERE
    assert {name: declared[name].kind.value for name in scrape.types} == scrape.types
    for name, metric in declared.items():
        extra = {"quantile"} if metric.kind is Kind.SUMMARY else set()
        for labels in scrape.samples.get(name, {}):
            assert {label for label, _ in labels} <= {*metric.labels, *extra}, name


def probe(node: OttlaNode, path: str) -> tuple[int, object]:
    try:
        with urllib.request.urlopen(metrics_url(node).replace("/metrics", path), timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_a_node_that_serves_is_alive_and_ready(node: OttlaNode) -> None:
    assert probe(node, "/healthz") == (200, {"status": "ok", "checks": {"node": {"ok": True}}})
    status, told = probe(node, "/readyz")
    assert status == 200
    assert isinstance(told, dict)
    assert set(told["checks"]) == {"node", "started", "quorum", "unfenced", "log directories"}


def test_the_log_is_json(node: OttlaNode) -> None:
    """A connection that does not speak Kafka's protocol is told of at the level INFO."""
    import socket

    host, _, port = node.address.rpartition(":")
    with socket.create_connection((host, int(port))) as stranger:
        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n" + b"x" * 100)
        stranger.recv(1)
    lines = [line for line in node.output.splitlines() if line.startswith("{")]
    told = json.loads(lines[-1])
    assert (told["level"], told["logger"]) == ("INFO", "ottla.broker.connection")
    assert told["message"].startswith("closing the connection of 127.0.0.1")


# ── the same work, told by Apache Kafka ────────────────────────────────────────────────────────────────────────────

SAME: Final = (
    "kafka_server_brokertopicmetrics_messagesin_total",
    "kafka_server_brokertopicmetrics_bytesin_total",
    "kafka_server_brokertopicmetrics_bytesout_total",
    "kafka_server_brokertopicmetrics_bytesrejected_total",
    "kafka_server_brokertopicmetrics_totalproducerequests_total",
    "kafka_server_brokertopicmetrics_failedproducerequests_total",
    "kafka_server_brokertopicmetrics_failedfetchrequests_total",
    "kafka_server_brokertopicmetrics_replicationbytesin_total",
    "kafka_server_brokertopicmetrics_replicationbytesout_total",
    "kafka_log_log_size",
    "kafka_log_log_logstartoffset",
    "kafka_log_log_logendoffset",
    "kafka_log_log_numlogsegments",
    "kafka_cluster_partition_underreplicated",
    "kafka_cluster_partition_insyncreplicascount",
    "kafka_cluster_partition_replicascount",
    "kafka_cluster_partition_underminisr",
    "kafka_cluster_partition_atminisr",
    "kafka_cluster_partition_laststableoffsetlag",
    "kafka_server_replicamanager_leadercount",
    "kafka_server_replicamanager_partitioncount",
    "kafka_server_replicamanager_underreplicatedpartitions",
    "kafka_server_replicamanager_underminisrpartitioncount",
    "kafka_server_replicamanager_atminisrpartitioncount",
    "kafka_server_replicamanager_reassigningpartitions",
    "kafka_server_replicamanager_offlinereplicacount",
    "kafka_server_replicamanager_produceridcount",
    "kafka_server_replicamanager_isrexpands_total",
    "kafka_server_replicamanager_isrshrinks_total",
    "kafka_server_replicamanager_failedisrupdates_total",
    "kafka_server_replicafetchermanager_maxlag",
    "kafka_server_kafkaserver_brokerstate",
    "kafka_server_fetchsessioncache_numincrementalfetchsessions",
    "kafka_server_fetchsessioncache_numincrementalfetchpartitionscached",
    "kafka_server_fetchsessioncache_incrementalfetchsessionevictions_total",
    "kafka_controller_kafkacontroller_activecontrollercount",
    "kafka_controller_kafkacontroller_globaltopiccount",
    "kafka_controller_kafkacontroller_globalpartitioncount",
    "kafka_controller_kafkacontroller_offlinepartitionscount",
    "kafka_controller_kafkacontroller_preferredreplicaimbalancecount",
    "kafka_controller_kafkacontroller_activebrokercount",
    "kafka_controller_kafkacontroller_fencedbrokercount",
    "kafka_controller_kafkacontroller_controlledshutdownbrokercount",
    "kafka_controller_kafkacontroller_brokerregistrationstate",
    "kafka_controller_kafkacontroller_metadataerrorcount",
    "kafka_controller_kafkacontroller_newactivecontrollerscount",
    "kafka_controller_controllerstats_uncleanleaderelections_total",
    "kafka_controller_controllerstats_electionfromeligibleleaderreplicas_total",
    "kafka_server_raftmetrics_current_state",
    "kafka_server_raftmetrics_current_leader",
    "kafka_server_raftmetrics_current_epoch",
    "kafka_server_raftmetrics_current_vote",
    "kafka_server_raftmetrics_number_of_voters",
    "kafka_server_raftmetrics_number_of_observers",
    "kafka_server_raftmetrics_log_end_epoch",
    "kafka_server_raftmetrics_uncommitted_voter_change",
    "kafka_server_metadataloader_currentmetadataversion",
    "kafka_server_metadataloader_currentcontrollerid",
    "kafka_server_metadataloader_finalizedlevel",
    "kafka_log_logmanager_offlinelogdirectorycount",
    "kafka_log_logcleanermanager_uncleanable_partitions_count",
    "kafka_coordinator_group_groupmetadatamanager_numoffsets",
    "kafka_server_group_coordinator_metrics_num_partitions",
)
"""Whatever both do alike, and so must tell alike, series by series."""

COUNTED_ALIKE: Final = ("Produce", "EndTxn", "OffsetCommit")
"""Requests that the clients of `work` send as often to both."""

INTERNAL: Final = {"__cluster_metadata", "__consumer_offsets", "__transaction_state"}
"""What the brokers write there of their own accord is not the same: how often they take a step, and how long its
text is."""

IGNORED_LABELS: Final = ("logDirectory", "_objectname")


@pytest.fixture(scope="module")
def kafka_scrape(tmp_path_factory: pytest.TempPathFactory) -> Scrape:
    port = free_port()
    node = KafkaNode(tmp_path_factory.mktemp("kafka-metrics"), SETTINGS)
    node.add_option(agent_option(port))
    with node:
        work(node)
        return wait_for(
            lambda: settled(Scrape.of(f"http://127.0.0.1:{port}/metrics")), "the metrics of Apache Kafka", 120
        )


def settled(scrape: Scrape) -> Scrape | None:
    """Some of what Apache Kafka tells is looked up from time to time only."""
    offsets = scrape.value("kafka_coordinator_group_groupmetadatamanager_numoffsets")
    sessions = scrape.value("kafka_server_fetchsessioncache_numincrementalfetchsessions")
    return scrape if offsets == 2 and sessions == 0 else None


def told(scrape: Scrape, name: str) -> dict[frozenset[tuple[str, str]], float]:
    return {
        frozenset(labels.items()): value
        for labels, value in scrape.series(name, *IGNORED_LABELS)
        if labels.get("topic") not in INTERNAL and not (name.startswith("kafka_server_brokertopic") and not labels)
    }


@pytest.mark.long
@pytest.mark.java
@pytest.mark.parametrize("name", SAME)
def test_apache_kafka_tells_the_same(scrape: Scrape, kafka_scrape: Scrape, name: str) -> None:
    expected = told(kafka_scrape, name)
    assert told(scrape, name) == expected
    assert expected or name.startswith("kafka_server_brokertopic")
    assert scrape.types[name] == kafka_scrape.types.get(name, scrape.types[name]) or name.endswith("_state")


@pytest.mark.long
@pytest.mark.java
@pytest.mark.parametrize("request_name", COUNTED_ALIKE)
def test_apache_kafka_counts_as_many_requests(scrape: Scrape, kafka_scrape: Scrape, request_name: str) -> None:
    for name in ("requests_total", "errors_total"):
        ours, theirs = (
            {
                tuple(labels.items()): value
                for labels, value in each.series(f"kafka_network_requestmetrics_{name}")
                if labels["request"] == request_name
            }
            for each in (scrape, kafka_scrape)
        )
        assert ours == theirs


@pytest.mark.long
@pytest.mark.java
def test_what_has_a_name_of_kafkas_is_told_by_kafka(scrape: Scrape, kafka_scrape: Scrape) -> None:
    """Under the same name, with the same labels. Quantiles and counts of summaries, too."""
    for name in sorted(scrape.samples):
        if not name.startswith("kafka_") or name.startswith(("kafka_topic_", "kafka_consumergroup_", "kafka_broker")):
            continue
        if name.endswith("_sum"):
            continue  # the exporter has none
        kafka_name = f"{name}_total" if name.endswith("_count") and name not in kafka_scrape.samples else name
        assert kafka_name in kafka_scrape.samples, name
        ours, theirs = (
            {frozenset(label for label, _ in labels if label not in IGNORED_LABELS) for labels in each.samples[own]}
            for each, own in ((scrape, name), (kafka_scrape, kafka_name))
        )
        assert ours <= theirs | {labels | {"topic"} for labels in theirs}, name
