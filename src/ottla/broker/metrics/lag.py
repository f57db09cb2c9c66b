"""How far groups lag, and topics as consumers see them, under the names of kafka_exporter.

A separate exporter asks a whole cluster; here each node tells of what it alone answers for, so that the sum over all
nodes is the cluster, and nothing is told twice: a topic's partitions by their leaders, a group by its coordinator, the
number of brokers by the active controller. A group's lag needs the high watermark of each of its partitions: where this
node does not host one, that partition's lag is left out.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from ottla.coordinator.group.shard import GroupShard
from ottla.runtime.metrics.kafka_exporter import (
    BROKER_INFO,
    BROKERS,
    CURRENT_OFFSET,
    GROUP_LAG,
    GROUP_LAG_SUM,
    GROUP_MEMBERS,
    GROUP_OFFSET,
    GROUP_OFFSET_SUM,
    IN_SYNC,
    IS_PREFERRED,
    LEADER,
    METRICS,
    OLDEST_OFFSET,
    REPLICAS,
    TOPIC_PARTITIONS,
    UNDER_REPLICATED,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ottla.broker.node_view import NodeView
    from ottla.broker.parts import Parts
    from ottla.broker.replica.replica_manager import ReplicaManager
    from ottla.runtime.metrics.metric import Reading

__all__ = ("METRICS", "read_cluster", "read_groups", "read_topics")

_FIRST: Final = 0


def read_cluster(view: NodeView) -> Iterator[Reading]:
    metadata = view.metadata
    if metadata is not None and metadata.is_started and metadata.controller.is_active:
        yield BROKERS, (), sum(1 for _ in metadata.quorum.image.cluster.unfenced())
    if view.parts is None:
        return
    broker = view.parts.replicas.image.cluster.brokers.get(view.parts.config.node_id)
    for endpoint in [] if broker is None else list(broker.listeners.values())[:1]:
        yield BROKER_INFO, (str(view.parts.config.node_id), f"{endpoint.host}:{endpoint.port}"), 1


def read_topics(view: NodeView) -> Iterator[Reading]:
    if view.parts is None:
        return
    replicas = view.parts.replicas
    for partition in list(replicas.partitions()):
        if not partition.is_leader:
            continue
        topic = replicas.image.topics.by_name.get(partition.topic)
        if partition.index == _FIRST and topic is not None:
            yield TOPIC_PARTITIONS, (partition.topic,), len(topic.partitions)
        labels = (partition.topic, str(partition.index))
        yield CURRENT_OFFSET, labels, partition.log.high_watermark
        yield OLDEST_OFFSET, labels, partition.log.log_start_offset
        yield LEADER, labels, partition.leader
        yield REPLICAS, labels, len(partition.replicas)
        yield IN_SYNC, labels, len(partition.isr)
        yield IS_PREFERRED, labels, int(partition.replicas[:1] == (partition.leader,))
        yield UNDER_REPLICATED, labels, int(len(partition.isr) < len(partition.replicas))


def read_groups(view: NodeView) -> Iterator[Reading]:
    if view.parts is None:
        return
    for _, shard in view.parts.groups.runtime.shards():
        if not isinstance(shard, GroupShard):
            continue
        for group in list(shard.groups.by_id.values()):
            yield GROUP_MEMBERS, (group.group_id,), len(group.members)
        for group_id in list(shard.offsets.committed):
            yield from _read_offsets(view.parts, shard, group_id)


def _read_offsets(parts: Parts, shard: GroupShard, group_id: str) -> Iterator[Reading]:
    offsets: Counter[str] = Counter()
    lags: Counter[str] = Counter()
    for topic, partitions in list(shard.offsets.of_group(group_id).items()):
        for index, committed in list(partitions.items()):
            offset, labels = committed.committed_offset, (group_id, topic, str(index))
            offsets[topic] += offset
            yield GROUP_OFFSET, labels, offset
            end = _end(parts.replicas, topic, index)
            if end is not None:
                lag = max(0, end - offset)
                lags[topic] += lag
                yield GROUP_LAG, labels, lag
    for topic, total in offsets.items():
        yield GROUP_OFFSET_SUM, (group_id, topic), total
    for topic, total in lags.items():
        yield GROUP_LAG_SUM, (group_id, topic), total


def _end(replicas: ReplicaManager, topic: str, index: int) -> int | None:
    hosted = replicas.by_name.get(topic)
    partition = None if hosted is None else hosted.partitions.get(index)
    return None if partition is None else partition.log.high_watermark
