"""A topology held against the topics that exist: how many tasks it has, which internal topics it lacks.

What is wrong, if anything, is a status that members are told with their heartbeats; they have no tasks until it is
right. Missing internal topics are for the broker to make. Source: InternalTopicManager, ConfiguredTopology (KIP-1071).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from ottla.coordinator.group.streams.iteration_order import hash_order
from ottla.coordinator.group.streams.partition_counts import IncorrectlyPartitionedError, decide_partition_counts
from ottla.coordinator.group.streams.topology import StreamsTopology, source_names
from ottla.metadata.image import TopicsImage
from ottla.protocol.coordinator_record.streams_group_topology import Subtopology, TopicInfo
from ottla.protocol.errors import ErrorCode, KafkaError

MAX_TOPICS_SHOWN = 3


class StatusCode(IntEnum):
    """What members are told in their heartbeats' `status`."""

    STALE_TOPOLOGY = 0
    MISSING_SOURCE_TOPICS = 1
    INCORRECTLY_PARTITIONED_TOPICS = 2
    MISSING_INTERNAL_TOPICS = 3
    SHUTDOWN_APPLICATION = 4
    ASSIGNMENT_DELAYED = 5


@dataclass(slots=True, frozen=True)
class ConfiguredInternalTopic:
    """`replication_factor` 0: the broker's default."""

    name: str
    partitions: int
    replication_factor: int
    configs: Mapping[str, str]


@dataclass(slots=True, frozen=True)
class ConfiguredSubtopology:
    """`task_count`: as many as the widest topic that it reads has partitions."""

    task_count: int
    source_topics: frozenset[str]
    repartition_source_topics: Mapping[str, ConfiguredInternalTopic]
    repartition_sink_topics: frozenset[str]
    state_changelog_topics: Mapping[str, ConfiguredInternalTopic]

    @property
    def is_stateful(self) -> bool:
        return bool(self.state_changelog_topics)


@dataclass(slots=True, frozen=True)
class ConfiguredTopology:
    """`subtopologies` are ordered by id, and None if the topics do not allow any."""

    epoch: int
    subtopologies: Mapping[str, ConfiguredSubtopology] | None
    missing: Mapping[str, ConfiguredInternalTopic] = field(default_factory=dict)
    problem: tuple[StatusCode, str] | None = None

    @property
    def is_ready(self) -> bool:
        return self.problem is None


def configure(topology: StreamsTopology, topics: TopicsImage) -> ConfiguredTopology:
    """Raises `KafkaError` for a topology that no topics would fit."""

    def existing(name: str) -> int | None:
        topic = topics.by_name.get(name)
        return None if topic is None else len(topic.partitions)

    absent = {name for each in topology.subtopologies.values() for name in each.source_topics} - topics.by_name.keys()
    if absent:
        text = f"There are no source topics {summary(sorted(absent))}."
        return ConfiguredTopology(topology.epoch, None, problem=(StatusCode.MISSING_SOURCE_TOPICS, text))
    try:
        counts = decide_partition_counts(topology, existing)
        parts = {each: _configured(part, topics, counts) for each, part in sorted(topology.subtopologies.items())}
        missing = _missing(parts, topics)
    except IncorrectlyPartitionedError as error:
        problem = (StatusCode.INCORRECTLY_PARTITIONED_TOPICS, str(error))
        return ConfiguredTopology(topology.epoch, None, problem=problem)
    if not missing:
        return ConfiguredTopology(topology.epoch, parts)
    text = f"There are no internal topics {summary(missing)} yet"
    return ConfiguredTopology(topology.epoch, parts, missing, (StatusCode.MISSING_INTERNAL_TOPICS, text))


def summary(names: Iterable[str]) -> str:
    """The first few, and how many more."""
    all_names = list(names)
    text = ", ".join(all_names[:MAX_TOPICS_SHOWN])
    more = len(all_names) - MAX_TOPICS_SHOWN
    return f"{text} and {more} more" if more > 0 else text


def _configured(part: Subtopology, topics: TopicsImage, counts: Mapping[str, int]) -> ConfiguredSubtopology:
    widths = [
        len(topics.by_name[name].partitions) if name in topics.by_name else counts[name] for name in source_names(part)
    ]
    task_count = max(widths, default=0)
    if task_count <= 0:
        raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, "")
    return ConfiguredSubtopology(
        task_count=task_count,
        source_topics=frozenset(part.source_topics),
        repartition_source_topics=_internal_topics(part.repartition_source_topics, counts),
        repartition_sink_topics=frozenset(part.repartition_sink_topics),
        state_changelog_topics=_internal_topics(part.state_changelog_topics, counts),
    )


def _internal_topics(infos: Iterable[TopicInfo], counts: Mapping[str, int]) -> dict[str, ConfiguredInternalTopic]:
    made: dict[str, ConfiguredInternalTopic] = {}
    for info in infos:
        partitions = info.partitions or counts[info.name]
        configs = {each.key: each.value for each in info.topic_configs}
        if info.name in made or partitions < 1 or len(configs) < len(info.topic_configs):
            raise KafkaError(ErrorCode.UNKNOWN_SERVER_ERROR, "")
        ordered = {key: configs[key] for key in hash_order(configs)}
        made[info.name] = ConfiguredInternalTopic(info.name, partitions, info.replication_factor, ordered)
    return {name: made[name] for name in hash_order(made)}


def _missing(parts: Mapping[str, ConfiguredSubtopology], topics: TopicsImage) -> dict[str, ConfiguredInternalTopic]:
    """Internal topics that are not there. Those that are must have the right number of partitions."""
    wanted: dict[str, ConfiguredInternalTopic] = {}
    for part in parts.values():
        wanted |= part.repartition_source_topics
        wanted |= part.state_changelog_topics
    for name, topic in wanted.items():
        known = topics.by_name.get(name)
        if known is not None and len(known.partitions) != topic.partitions:
            message = f"Topic {name} has {len(known.partitions)} partitions, the topology needs {topic.partitions}."
            raise IncorrectlyPartitionedError(message)
    return {name: wanted[name] for name in hash_order(wanted) if name not in topics.by_name}
