"""What a topology is once it is built for an application: read-only, every name final, every default resolved.

Tasks, the test driver and memberships read this; `Topology.build(config)` makes it. Names of internal topics carry the
application's prefix, serdes and extractors that were not given are those of the configuration.

    BuiltTopology ─► SubTopology (one task for each of its partitions) ─► SourceNode, ProcessorNode, SinkNode
                  └► GlobalStore (no tasks; read whole by every instance)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Mapping

    from ottla.streams.operator import Operator
    from ottla.streams.processor import Processor
    from ottla.streams.serdes.serde import Deserializer, Serializer
    from ottla.streams.state.store import StoreBuilder
    from ottla.streams.topology.auto_offset_reset import AutoOffsetReset
    from ottla.streams.topology.stream_partitioner import StreamPartitioner
    from ottla.streams.topology.timestamp_extractor import TimestampExtractor
    from ottla.streams.topology.topic_name_extractor import TopicNameExtractor


@dataclass(frozen=True, slots=True)
class SourceNode:
    """Reads `topics`, or every topic whose whole name matches `pattern` (then `topics` is empty)."""

    name: str
    topics: tuple[str, ...]
    pattern: re.Pattern[str] | None
    key_deserializer: Deserializer[Any]
    value_deserializer: Deserializer[Any]
    timestamp_extractor: TimestampExtractor
    offset_reset: AutoOffsetReset | None
    children: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProcessorNode:
    """`supplier` makes the operator of one task, or a user's `Processor`; a `fixed_key` one may not change keys."""

    name: str
    supplier: Callable[[], Operator | Processor[Any, Any]]
    stores: tuple[str, ...]
    parents: tuple[str, ...]
    children: tuple[str, ...]
    fixed_key: bool = False


@dataclass(frozen=True, slots=True)
class SinkNode:
    """Writes to one topic, or to the one that an extractor names for each record."""

    name: str
    topic: str | TopicNameExtractor
    key_serializer: Serializer[Any]
    value_serializer: Serializer[Any]
    partitioner: StreamPartitioner | None
    parents: tuple[str, ...]


Node = SourceNode | ProcessorNode | SinkNode


@dataclass(frozen=True, slots=True)
class InternalTopic:
    """A topic that the application owns. `partitions` is None until the topics around it are known."""

    name: str
    config: Mapping[str, str]
    partitions: int | None = None


@dataclass(frozen=True, slots=True)
class SubTopology:
    """Nodes that hang together by edges or stores. Its tasks are `{id}_{partition}`."""

    id: int
    nodes: Mapping[str, Node]
    """Parents before children, in the order in which they were added."""

    stores: Mapping[str, StoreBuilder]

    source_topics: frozenset[str]
    """With repartition topics; without those that patterns will find."""

    source_patterns: tuple[re.Pattern[str], ...]

    sink_topics: frozenset[str]
    """Named ones, with repartition topics."""

    repartition_source_topics: Mapping[str, InternalTopic]
    """Topics by which another sub-topology, or this one, hands records to this one."""

    repartition_sink_topics: frozenset[str]

    changelog_topics: Mapping[str, InternalTopic]
    """By the name of the store. Only the application's own: no source topics."""

    source_topic_changelogs: Mapping[str, str]
    """Stores whose changelog is a source topic: from the store's name to the topic's."""

    copartition_groups: tuple[frozenset[str], ...]
    """Source topics that must have as many partitions as each other."""

    def changelog_topic(self, store: str) -> str | None:
        if store in self.source_topic_changelogs:
            return self.source_topic_changelogs[store]
        topic = self.changelog_topics.get(store)
        return None if topic is None else topic.name

    @property
    def sources(self) -> tuple[SourceNode, ...]:
        return tuple(node for node in self.nodes.values() if isinstance(node, SourceNode))


@dataclass(frozen=True, slots=True)
class GlobalStore:
    """A store that every instance fills from all partitions of `source.topics[0]`; that topic is its changelog.

    With `reprocess` a restored record goes through `processor`; otherwise it is put into the store as it is.
    """

    id: int
    source: SourceNode
    processor: ProcessorNode
    store: StoreBuilder
    reprocess: bool


@dataclass(frozen=True, slots=True)
class BuiltTopology:
    application_id: str
    config: Mapping[str, Any]
    sub_topologies: tuple[SubTopology, ...]
    """In the order of their ids, which have gaps where global stores took one."""

    global_stores: tuple[GlobalStore, ...] = field(default=())

    def sub_topology(self, sub_topology_id: int) -> SubTopology:
        return next(each for each in self.sub_topologies if each.id == sub_topology_id)
