"""Topics and lag under the names of kafka_exporter: of its part a node tells them, of a cluster `ottla exporter`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.runtime.metrics.metric import gauge

if TYPE_CHECKING:
    from ottla.runtime.metrics.metric import Metric

BROKERS = gauge("kafka_brokers", "Brokers that may lead; of nodes the active controller tells it.")
BROKER_INFO = gauge("kafka_broker_info", "A broker; always 1.", "id", "address")


def _of_topic(name: str, text: str, *labels: str) -> Metric:
    return gauge(f"kafka_topic_{name}", text, "topic", *labels)


TOPIC_PARTITIONS = _of_topic("partitions", "Partitions of a topic; of nodes the leader of its partition 0 tells it.")
CURRENT_OFFSET = _of_topic("partition_current_offset", "The high watermark.", "partition")
OLDEST_OFFSET = _of_topic("partition_oldest_offset", "The first offset.", "partition")
LEADER = _of_topic("partition_leader", "The broker that leads.", "partition")
REPLICAS = _of_topic("partition_replicas", "Replicas.", "partition")
IN_SYNC = _of_topic("partition_in_sync_replica", "In-sync replicas.", "partition")
IS_PREFERRED = _of_topic("partition_leader_is_preferred", "1: the preferred replica leads.", "partition")
UNDER_REPLICATED = _of_topic("partition_under_replicated_partition", "1: a replica is out of sync.", "partition")


def _of_group(name: str, text: str, *labels: str) -> Metric:
    return gauge(f"kafka_consumergroup_{name}", text, "consumergroup", *labels)


GROUP_OFFSET = _of_group("current_offset", "The offset that a group has committed.", "topic", "partition")
GROUP_OFFSET_SUM = _of_group("current_offset_sum", "The sum of a group's committed offsets.", "topic")
GROUP_LAG = _of_group("lag", "Records between a group's committed offset and the high watermark.", "topic", "partition")
GROUP_LAG_SUM = _of_group("lag_sum", "The sum of a group's lags.", "topic")
GROUP_MEMBERS = _of_group("members", "Members of a group.")

METRICS = (
    BROKERS,
    BROKER_INFO,
    TOPIC_PARTITIONS,
    CURRENT_OFFSET,
    OLDEST_OFFSET,
    LEADER,
    REPLICAS,
    IN_SYNC,
    IS_PREFERRED,
    UNDER_REPLICATED,
    GROUP_OFFSET,
    GROUP_OFFSET_SUM,
    GROUP_LAG,
    GROUP_LAG_SUM,
    GROUP_MEMBERS,
)
