"""The nodes and stores of a topology while it is written, and everything that must hold of them.

`InternalTopologyBuilder` of Kafka Streams; what it refuses is refused here in the same cases.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.streams.errors import TopologyError
from ottla.streams.topology.definitions import (
    GlobalStoreDefinition,
    NodeDefinition,
    ProcessorDefinition,
    SinkDefinition,
    SourceDefinition,
)
from ottla.streams.topology.node_groups import NodeGrouper

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Iterator

    from ottla.streams.topology.store_factory import StoreFactory


class NodeGraph:
    def __init__(self) -> None:
        self.nodes: dict[str, NodeDefinition] = {}
        self.stores: dict[str, StoreFactory] = {}
        self.global_stores: dict[str, GlobalStoreDefinition] = {}
        self.grouper = NodeGrouper()
        self.internal_topics: dict[str, int | None] = {}
        self.copartition_groups: list[set[str]] = []
        self.source_topic_changelogs: dict[str, str] = {}
        self.store_sources: dict[str, tuple[SourceDefinition, ...]] = {}
        """Which sources feed a store: those of the processor that was connected with it first."""

    def add_source(self, source: SourceDefinition) -> None:
        self._verify_name(source.name)
        if source.pattern is None:
            if not source.topics:
                raise TopologyError(f"source {source.name} has neither topics nor a pattern")
            for at, topic in enumerate(source.topics):
                self._verify_topic(topic)
                if topic in source.topics[:at]:
                    raise TopologyError(f"topic {topic} has already been registered by another source")
        elif source.topics:
            raise TopologyError(f"source {source.name} has topics and a pattern; it can have only one of them")
        else:
            for topic in self._topics():
                if source.pattern.fullmatch(topic) and topic not in self._global_topics():
                    raise TopologyError(
                        f"pattern {source.pattern.pattern} matches topic {topic}, which another source has registered"
                    )
        self._add(source)

    def add_processor(self, processor: ProcessorDefinition) -> None:
        self._verify_name(processor.name)
        self._verify_parents(processor.name, processor.parents)
        self._add(processor)

    def add_sink(self, sink: SinkDefinition) -> None:
        self._verify_name(sink.name)
        self._verify_parents(sink.name, sink.parents)
        self._add(sink)

    def add_state_store(self, factory: StoreFactory) -> None:
        known = self.stores.get(factory.name)
        if known is not None and not known.is_compatible_with(factory):
            raise TopologyError(f"a different state store has already been added with the name {factory.name}")
        if factory.name in self.global_stores:
            raise TopologyError(f"a different global state store has already been added with the name {factory.name}")
        if known is None:
            self.stores[factory.name] = factory

    def add_global_store(
        self, source: SourceDefinition, processor: ProcessorDefinition, store: GlobalStoreDefinition
    ) -> None:
        self._verify_name(source.name)
        self._verify_topic(source.topics[0])
        self._verify_name(processor.name)
        if source.name == processor.name:
            raise TopologyError(f"the source and the processor of a global store cannot both be named {source.name}")
        name = store.store.name
        if name in self.stores:
            raise TopologyError(f"a different state store has already been added with the name {name}")
        if name in self.global_stores:
            raise TopologyError(f"a different global state store has already been added with the name {name}")
        self._add(source)
        self._add(processor)
        self.global_stores[name] = store
        self.connect_source_store_and_topic(name, source.topics[0])

    def connect_all(self, processor: str, stores: Iterable[str]) -> None:
        if isinstance(self.nodes.get(processor), SourceDefinition | SinkDefinition):
            raise TopologyError(f"state stores cannot be connected to {processor}, which is a source or a sink")
        for store in stores:
            self.connect(processor, store)

    def connect(self, processor: str, store: str) -> None:
        if store in self.global_stores:
            raise TopologyError(
                f"global state store {store} can be used by every processor without being connected to {processor}"
            )
        factory = self.stores.get(store)
        if factory is None:
            raise TopologyError(f"state store {store} is not added yet")
        node = self.nodes.get(processor)
        if node is None:
            raise TopologyError(f"processor {processor} is not added yet")
        if not isinstance(node, ProcessorDefinition):
            raise TopologyError(f"state store {store} cannot be connected to {processor}, a source or a sink")
        user = next(iter(factory.connected), None)
        if user is not None:
            self.grouper.unite(user, (processor,))
        factory.connected[processor] = None
        node.stores[store] = None
        self.store_sources.setdefault(store, tuple(self._sources_above(node)))

    def connect_source_store_and_topic(self, store: str, topic: str) -> None:
        """`topic` is the changelog of `store`."""
        if store in self.source_topic_changelogs:
            raise TopologyError(f"store {store} has a source topic as its changelog already")
        self.source_topic_changelogs[store] = topic

    def validate_copartitions(self) -> None:
        for group in self.copartition_groups:
            topics = {topic for name in group for topic in self._source_topics(name)}
            counts = {topic: count for topic in topics if (count := self.internal_topics.get(topic)) is not None}
            if counts and topics == counts.keys() and len(set(counts.values())) > 1:
                told = ", ".join(f"{topic}={count}" for topic, count in sorted(counts.items()))
                raise TopologyError(f"the following topics do not have the same number of partitions: [{told}]")

    def _source_topics(self, name: str) -> tuple[str, ...]:
        node = self.nodes.get(name)
        return node.topics if isinstance(node, SourceDefinition) else ()

    def _add(self, node: NodeDefinition) -> None:
        self.nodes[node.name] = node
        self.grouper.add(node.name)
        self.grouper.unite(node.name, node.parents)

    def _sources_above(self, node: NodeDefinition) -> Iterator[SourceDefinition]:
        for parent in node.parents:
            above = self.nodes[parent]
            if isinstance(above, SourceDefinition):
                yield above
            else:
                yield from self._sources_above(above)

    def _topics(self) -> Iterator[str]:
        for node in self.nodes.values():
            if isinstance(node, SourceDefinition):
                yield from node.topics

    def _global_topics(self) -> set[str]:
        return {self.source_topic_changelogs[name] for name in self.global_stores}

    def _patterns(self) -> Iterator[re.Pattern[str]]:
        for node in self.nodes.values():
            if isinstance(node, SourceDefinition) and node.pattern is not None:
                yield node.pattern

    def _verify_name(self, name: str) -> None:
        if name in self.nodes:
            raise TopologyError(f"processor {name} is already added")

    def _verify_topic(self, topic: str) -> None:
        if topic in self._topics():
            raise TopologyError(f"topic {topic} has already been registered by another source")
        for pattern in self._patterns():
            if pattern.fullmatch(topic):
                raise TopologyError(
                    f"topic {topic} matches pattern {pattern.pattern}, which another source has registered"
                )

    def _verify_parents(self, name: str, parents: tuple[str, ...]) -> None:
        if not parents:
            raise TopologyError(f"{name} has no parents; the names of its parents cannot be empty")
        for parent in parents:
            node = self.nodes.get(parent)
            if node is None:
                itself = " (it is the node itself)" if parent == name else ""
                raise TopologyError(f"parent node {parent} of {name} is unknown{itself}")
            if isinstance(node, SinkDefinition):
                raise TopologyError(f"sink {parent} cannot be used as a parent, of {name}")
