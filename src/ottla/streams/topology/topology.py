"""The Processor API graph: sources, processors, sinks and stores, by names (`org.apache.kafka.streams.Topology`).

    topology = Topology()
    topology.add_source("words", "in").add_processor("count", Count, "words").add_sink("counts", "out", "count")
    topology.add_state_store(builder, "count")

What cannot be a topology raises TopologyError here, when it is written. `build(config)` is what tasks run.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ottla.streams.errors import StreamsError, TopologyError
from ottla.streams.processor import stores_of
from ottla.streams.topology.auto_offset_reset import AutoOffsetReset
from ottla.streams.topology.building import built
from ottla.streams.topology.definitions import GlobalStoreDefinition, ProcessorDefinition, SinkDefinition
from ottla.streams.topology.definitions import SourceDefinition as _Source
from ottla.streams.topology.description import TopologyDescription
from ottla.streams.topology.graph import NodeGraph
from ottla.streams.topology.store_factory import StoreFactory

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ottla.streams.serdes.serde import Deserializer
    from ottla.streams.state.store import StoreBuilder
    from ottla.streams.topology.built import BuiltTopology
    from ottla.streams.topology.defaults import Deferred
    from ottla.streams.topology.definitions import AnyDeserializer, AnySerializer, Supplier
    from ottla.streams.topology.stream_partitioner import StreamPartitioner
    from ottla.streams.topology.timestamp_extractor import TimestampExtractor
    from ottla.streams.topology.topic_name_extractor import TopicNameExtractor


class Topology:
    def __init__(self) -> None:
        self._graph = NodeGraph()

    def add_source(
        self,
        name: str,
        *topics: str,
        pattern: re.Pattern[str] | str | None = None,
        offset_reset: AutoOffsetReset | None = None,
        timestamp_extractor: TimestampExtractor | None = None,
        key_deserializer: AnyDeserializer = None,
        value_deserializer: AnyDeserializer = None,
    ) -> Topology:
        """Read `topics`, or all whose names match `pattern`. What is not given is the configuration's."""
        compiled = re.compile(pattern) if isinstance(pattern, str) else pattern
        self._graph.add_source(
            _Source(name, topics, compiled, key_deserializer, value_deserializer, timestamp_extractor, offset_reset)
        )
        return self

    def add_processor(
        self, name: str, supplier: Supplier | Deferred[Supplier], *parents: str, fixed_key: bool = False
    ) -> Topology:
        """`supplier` is called for each task. What its `stores()` names is added and connected (KIP-401)."""
        if not callable(supplier) and not hasattr(supplier, "make"):
            raise TopologyError(f"the supplier of processor {name} must be callable; it is {supplier!r}")
        self._graph.add_processor(ProcessorDefinition(name, supplier, parents, fixed_key))
        for builder in stores_of(supplier):
            self.add_state_store(builder, name)
        return self

    def add_sink(
        self,
        name: str,
        topic: str | TopicNameExtractor,
        *parents: str,
        key_serializer: AnySerializer = None,
        value_serializer: AnySerializer = None,
        partitioner: StreamPartitioner | Deferred[StreamPartitioner | None] | None = None,
    ) -> Topology:
        """Write to `topic`, or to the one that it extracts for each record; partitions by the key's hash."""
        if not isinstance(topic, str) and not callable(topic):
            raise TopologyError(f"the topic of sink {name} must be a name or an extractor; it is {topic!r}")
        self._graph.add_sink(SinkDefinition(name, topic, key_serializer, value_serializer, partitioner, parents))
        return self

    def add_state_store(self, builder: StoreBuilder | StoreFactory, *processors: str) -> Topology:
        self._graph.add_state_store(StoreFactory.of(builder))
        for processor in processors:
            self._graph.connect(processor, builder.name)
        return self

    def add_read_only_state_store(
        self,
        builder: StoreBuilder | StoreFactory,
        source: str,
        topic: str,
        processor: str,
        supplier: Supplier,
        *,
        timestamp_extractor: TimestampExtractor | None = None,
        key_deserializer: Deserializer[Any] | None = None,
        value_deserializer: Deserializer[Any] | None = None,
    ) -> Topology:
        """A store that only `processor` writes, from `topic`, which is its changelog; others may read it (KIP-813)."""
        factory = StoreFactory.of(builder)
        factory.logging_enabled = False
        self.add_source(
            source,
            topic,
            offset_reset=AutoOffsetReset.earliest(),
            timestamp_extractor=timestamp_extractor,
            key_deserializer=key_deserializer,
            value_deserializer=value_deserializer,
        )
        self._graph.add_processor(ProcessorDefinition(processor, supplier, (source,), fixed_key=False))
        self.add_state_store(factory, processor)
        self._graph.connect_source_store_and_topic(factory.name, topic)
        return self

    def add_global_store(
        self,
        builder: StoreBuilder | StoreFactory,
        source: str,
        topic: str,
        processor: str,
        supplier: Supplier | Deferred[Supplier],
        *,
        timestamp_extractor: TimestampExtractor | None = None,
        key_deserializer: AnyDeserializer = None,
        value_deserializer: AnyDeserializer = None,
        reprocess_on_restore: bool = True,
    ) -> Topology:
        """A store that every instance fills from all of `topic`; each processor may read it, unconnected."""
        factory = StoreFactory.of(builder)
        factory.logging_enabled = False
        self._graph.add_global_store(
            _Source(source, (topic,), None, key_deserializer, value_deserializer, timestamp_extractor, None),
            ProcessorDefinition(processor, supplier, (source,), fixed_key=False, stores={factory.name: None}),
            GlobalStoreDefinition(source, processor, factory, reprocess_on_restore),
        )
        return self

    def connect_processor_and_state_stores(self, processor: str, *stores: str) -> Topology:
        if not stores:
            raise TopologyError("the names of stores cannot be empty")
        self._graph.connect_all(processor, stores)
        return self

    def describe(self) -> TopologyDescription:
        """`str()` of it is Kafka Streams' text."""
        nodes = self._graph.nodes
        groups = [[nodes[name] for name in group] for group in self._graph.grouper.groups()]
        return TopologyDescription(groups, frozenset(each.source for each in self._graph.global_stores.values()))

    def build(self, config: Mapping[str, Any]) -> BuiltTopology:
        """What the application that `config` names runs: every name final, every default resolved."""
        return built(self._graph, config)

    # For the DSL

    def add_internal_topic(self, name: str, partitions: int | None = None) -> None:
        """A topic that gets the application's prefix and is made by it."""
        self._graph.internal_topics[name] = partitions

    def copartition_sources(self, sources: Iterable[str]) -> None:
        self._graph.copartition_groups.append(set(sources))

    def replace_copartitioned_source(self, replaced: str, source: str) -> None:
        for group in self._graph.copartition_groups:
            if replaced in group:
                group.remove(replaced)
                group.add(source)

    def connect_source_store_and_topic(self, store: str, topic: str) -> None:
        self._graph.connect_source_store_and_topic(store, topic)

    def validate_copartitions(self) -> None:
        self._graph.validate_copartitions()

    def store_factory(self, name: str) -> StoreFactory:
        found = self._graph.stores.get(name)
        if found is None:
            raise StreamsError(f"no state store is named {name}")
        return found
