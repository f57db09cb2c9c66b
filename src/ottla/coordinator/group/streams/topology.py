"""The topology of an application as its members sent it: subtopologies, what each reads, writes and keeps. A value."""

from collections.abc import Iterator
from dataclasses import dataclass

from ottla.coordinator.group.streams.iteration_order import hash_order
from ottla.protocol.api import streams_group_heartbeat as api
from ottla.protocol.coordinator_record import streams_group_topology as record
from ottla.protocol.coordinator_record.streams_group_topology import StreamsGroupTopologyValue, Subtopology
from ottla.protocol.errors import ErrorCode, KafkaError


@dataclass(slots=True, frozen=True)
class StreamsTopology:
    """`subtopologies` by id, in the order in which Kafka looks at them."""

    epoch: int
    subtopologies: dict[str, Subtopology]

    def required_topics(self) -> set[str]:
        """All topics it reads from or keeps state in, whether they are there or not."""
        return {name for each in self.subtopologies.values() for name in _read_and_kept(each)}

    def reader_of(self, topic: str) -> str | None:
        """The id of the subtopology that reads a topic."""
        found = None
        for each in self.subtopologies.values():
            if topic in each.source_topics or any(topic == info.name for info in each.repartition_source_topics):
                found = each.subtopology_id
        return found


def source_names(part: Subtopology) -> Iterator[str]:
    """What a subtopology reads: topics of others, and repartition topics."""
    yield from part.source_topics
    yield from (info.name for info in part.repartition_source_topics)


def _read_and_kept(part: Subtopology) -> Iterator[str]:
    yield from source_names(part)
    yield from (info.name for info in part.state_changelog_topics)


def topology_of(value: StreamsGroupTopologyValue) -> StreamsTopology:
    """Raises `KafkaError` for one that cannot be: two subtopologies of one id, an epoch below zero."""
    by_id = {each.subtopology_id: each for each in value.subtopologies}
    if len(by_id) < len(value.subtopologies) or value.epoch < 0:
        raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, "")
    return StreamsTopology(value.epoch, {each: by_id[each] for each in hash_order(by_id)})


def topology_value(topology: api.Topology) -> StreamsGroupTopologyValue:
    """A request's topology, as it is recorded."""
    return StreamsGroupTopologyValue(
        epoch=topology.epoch,
        subtopologies=[
            Subtopology(
                subtopology_id=each.subtopology_id,
                source_topics=list(each.source_topics),
                source_topic_regex=list(each.source_topic_regex),
                state_changelog_topics=[_topic_info(info) for info in each.state_changelog_topics],
                repartition_sink_topics=list(each.repartition_sink_topics),
                repartition_source_topics=[_topic_info(info) for info in each.repartition_source_topics],
                copartition_groups=[
                    record.CopartitionGroup(
                        source_topics=list(group.source_topics),
                        source_topic_regex=list(group.source_topic_regex),
                        repartition_source_topics=list(group.repartition_source_topics),
                    )
                    for group in each.copartition_groups
                ],
            )
            for each in topology.subtopologies
        ],
    )


def _topic_info(info: api.TopicInfo) -> record.TopicInfo:
    return record.TopicInfo(
        name=info.name,
        partitions=info.partitions,
        replication_factor=info.replication_factor,
        topic_configs=[record.TopicConfig(key=each.key, value=each.value) for each in info.topic_configs],
    )
