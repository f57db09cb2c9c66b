"""Partitions and their logs on this node. Kafka's `Partition`, `Log`, `ReplicaManager` and fetchers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla.runtime.metrics.metric import gauge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ottla.broker.node_view import NodeView
    from ottla.broker.replica.partition import Partition
    from ottla.log.log import Log
    from ottla.runtime.metrics.metric import Metric, Reading


def _of_partition(name: str, text: str) -> Metric:
    mbean = f"kafka.cluster:type=Partition,name={name}"
    return gauge(f"kafka_cluster_partition_{name.lower()}", text, "topic", "partition", mbean=mbean)


def _of_log(name: str, text: str) -> Metric:
    mbean = f"kafka.log:type=Log,name={name}"
    return gauge(f"kafka_log_log_{name.lower()}", text, "topic", "partition", mbean=mbean)


def _of_manager(name: str, text: str) -> Metric:
    mbean = f"kafka.server:type=ReplicaManager,name={name}"
    return gauge(f"kafka_server_replicamanager_{name.lower()}", text, mbean=mbean)


UNDER_REPLICATED = _of_partition("UnderReplicated", "1: this node leads it, and a replica is out of sync.")
IN_SYNC = _of_partition("InSyncReplicasCount", "In-sync replicas; 0 where another node leads.")
REPLICAS = _of_partition("ReplicasCount", "Replicas; 0 where another node leads.")
UNDER_MIN_ISR = _of_partition("UnderMinIsr", "1: this node leads it, and fewer are in sync than min.insync.replicas.")
AT_MIN_ISR = _of_partition("AtMinIsr", "1: this node leads it, and just min.insync.replicas are in sync.")
STABLE_LAG = _of_partition("LastStableOffsetLag", "Records between the last stable offset and the high watermark.")

SIZE = _of_log("Size", "Bytes on the disk.")
START = _of_log("LogStartOffset", "The first offset.")
END = _of_log("LogEndOffset", "The next offset to be given.")
SEGMENTS = _of_log("NumLogSegments", "Segments.")

LEADERS = _of_manager("LeaderCount", "Partitions that this node leads.")
PARTITIONS = _of_manager("PartitionCount", "Partitions that this node hosts.")
UNDER_REPLICATED_COUNT = _of_manager("UnderReplicatedPartitions", "Partitions led here with a replica out of sync.")
UNDER_MIN_ISR_COUNT = _of_manager("UnderMinIsrPartitionCount", "Partitions led here below min.insync.replicas.")
AT_MIN_ISR_COUNT = _of_manager("AtMinIsrPartitionCount", "Partitions led here with just min.insync.replicas.")
REASSIGNING = _of_manager("ReassigningPartitions", "Partitions led here whose replicas are being moved.")
OFFLINE = _of_manager("OfflineReplicaCount", "Replicas of this node whose disk failed.")
PRODUCERS = _of_manager("ProducerIdCount", "Producers whose sequence numbers are remembered.")

MAX_LAG = gauge(
    "kafka_server_replicafetchermanager_maxlag",
    "The most records that a partition misses here of what its leader has committed.",
    "clientId",
    mbean="kafka.server:type=ReplicaFetcherManager,name=MaxLag,clientId=Replica",
)
FETCHER_LAG = gauge(
    "kafka_server_fetcherlagmetrics_consumerlag",
    "Records that a partition misses here of what its leader has committed.",
    "clientId",
    "topic",
    "partition",
    mbean="kafka.server:type=FetcherLagMetrics,name=ConsumerLag",
)

METRICS = (
    UNDER_REPLICATED,
    IN_SYNC,
    REPLICAS,
    UNDER_MIN_ISR,
    AT_MIN_ISR,
    STABLE_LAG,
    SIZE,
    START,
    END,
    SEGMENTS,
    LEADERS,
    PARTITIONS,
    UNDER_REPLICATED_COUNT,
    UNDER_MIN_ISR_COUNT,
    AT_MIN_ISR_COUNT,
    REASSIGNING,
    OFFLINE,
    PRODUCERS,
    MAX_LAG,
    FETCHER_LAG,
)

REPLICA_CLIENT: Final = "Replica"


def read_partitions(view: NodeView) -> Iterator[Reading]:
    if view.parts is None:
        return
    replicas = view.parts.replicas
    hosted = list(replicas.partitions())
    for partition in hosted:
        yield from _read_partition(partition)
    led = [partition for partition in hosted if partition.is_leader]
    yield LEADERS, (), len(led)
    yield PARTITIONS, (), len(hosted)
    yield UNDER_REPLICATED_COUNT, (), sum(map(_is_under_replicated, led))
    yield UNDER_MIN_ISR_COUNT, (), sum(partition.lacks_replicas() for partition in led)
    yield AT_MIN_ISR_COUNT, (), sum(map(_is_at_min_isr, led))
    yield REASSIGNING, (), sum(_is_reassigning(view, partition) for partition in led)
    yield OFFLINE, (), replicas.offline_count
    yield PRODUCERS, (), sum(len(partition.log.producers.entries) for partition in hosted)
    followed = [partition for partition in hosted if not partition.is_leader]
    yield MAX_LAG, (REPLICA_CLIENT,), max((partition.lag for partition in followed), default=0)
    for partition in followed:
        yield FETCHER_LAG, (REPLICA_CLIENT, partition.topic, str(partition.index)), partition.lag


def read_logs(view: NodeView) -> Iterator[Reading]:
    """Of every log, and of the metadata's."""
    for name, log in [] if view.logs is None else list(view.logs):
        yield from _read_log((name.topic, str(name.partition)), log)
    if view.metadata is not None and view.metadata.is_started:
        yield from _read_log(("__cluster_metadata", "0"), view.metadata.quorum.log)


def _read_log(labels: tuple[str, str], log: Log) -> Iterator[Reading]:
    yield SIZE, labels, log.size_bytes
    yield START, labels, log.log_start_offset
    yield END, labels, log.log_end_offset
    yield SEGMENTS, labels, log.segment_count


def _read_partition(partition: Partition) -> Iterator[Reading]:
    labels = (partition.topic, str(partition.index))
    leads = partition.is_leader
    yield UNDER_REPLICATED, labels, int(leads and _is_under_replicated(partition))
    yield IN_SYNC, labels, len(partition.isr) if leads else 0
    yield REPLICAS, labels, len(partition.replicas) if leads else 0
    yield UNDER_MIN_ISR, labels, int(leads and partition.lacks_replicas())
    yield AT_MIN_ISR, labels, int(leads and _is_at_min_isr(partition))
    yield STABLE_LAG, labels, partition.log.high_watermark - partition.log.last_stable_offset


def _is_under_replicated(partition: Partition) -> bool:
    return len(partition.isr) < len(partition.replicas)


def _is_at_min_isr(partition: Partition) -> bool:
    return len(partition.isr) == partition.min_insync_replicas()


def _is_reassigning(view: NodeView, partition: Partition) -> bool:
    assert view.parts is not None
    registration = view.parts.replicas.image.topics.partition(partition.topic_id, partition.index)
    return registration is not None and bool(registration.adding_replicas or registration.removing_replicas)
