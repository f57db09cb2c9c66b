"""What a streams group's broker is told of a topology (KIP-1071): the `Topology` of a heartbeat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.protocol.api.streams_group_heartbeat import CopartitionGroup, KeyValue, Subtopology, TopicInfo, Topology
from ottla.streams.errors import StreamsError

if TYPE_CHECKING:
    from ottla.streams.topology.built import BuiltTopology, InternalTopic, SubTopology


def describe_topology(topology: BuiltTopology, replication_factor: int, epoch: int = 0) -> Topology:
    """Sorted as Java sorts it, so that both kinds of client tell one broker the same."""
    parts = sorted((_sub_topology(each, replication_factor) for each in topology.sub_topologies), key=_id)
    return Topology(epoch=epoch, subtopologies=parts)


def _id(part: Subtopology) -> str:
    return part.subtopology_id


def _sub_topology(sub: SubTopology, replication_factor: int) -> Subtopology:
    if sub.source_patterns:
        patterns = ", ".join(pattern.pattern for pattern in sub.source_patterns)
        raise StreamsError(
            f"group.protocol=streams cannot subscribe to a pattern ({patterns}); set group.protocol=classic"
        )
    external = sorted(sub.source_topics - sub.repartition_source_topics.keys())
    repartition = sorted(sub.repartition_source_topics)
    return Subtopology(
        subtopology_id=str(sub.id),
        source_topics=external,
        source_topic_regex=[],
        state_changelog_topics=[
            _topic(each, 0, replication_factor) for each in sorted(sub.changelog_topics.values(), key=lambda t: t.name)
        ],
        repartition_sink_topics=sorted(sub.repartition_sink_topics),
        repartition_source_topics=[
            _topic(topic, topic.partitions or 0, replication_factor)
            for _, topic in sorted(sub.repartition_source_topics.items())
        ],
        copartition_groups=[
            CopartitionGroup(
                source_topics=[external.index(name) for name in sorted(group) if name in external],
                source_topic_regex=[],
                repartition_source_topics=[repartition.index(name) for name in sorted(group) if name in repartition],
            )
            for group in sub.copartition_groups
        ],
    )


def _topic(topic: InternalTopic, partitions: int, replication_factor: int) -> TopicInfo:
    return TopicInfo(
        name=topic.name,
        partitions=partitions,
        replication_factor=replication_factor,
        topic_configs=[KeyValue(key=key, value=value) for key, value in sorted(topic.config.items())],
    )
