"""`StreamsBuilder`: where an application written in the DSL begins, and becomes a topology.

builder = StreamsBuilder()
builder.stream("lines").flat_map_values(str.split).group_by(lambda _, word: word).count().to_stream().to("counts")
topology = builder.build({"topology.optimization": "all"})
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ottla.streams.config_definitions import NO_OPTIMIZATION, OPTIMIZATIONS, OPTIMIZE
from ottla.streams.dsl.abstract_stream import Origin
from ottla.streams.dsl.consumed import Consumed
from ottla.streams.dsl.global_ktable import GlobalKTable
from ottla.streams.dsl.graph.graph_builder import GraphBuilder
from ottla.streams.dsl.graph.node import GlobalStoreNode, StateStoreNode, StreamSourceNode, TableSourceNode
from ottla.streams.dsl.graph.table_supplier import TableSourceSupplier
from ottla.streams.dsl.kstream import KStream
from ottla.streams.dsl.ktable import KTable
from ottla.streams.dsl.materialized import Materialized
from ottla.streams.dsl.materialized_store import MaterializedStore
from ottla.streams.dsl.named import NodeName
from ottla.streams.errors import StreamsError, TopologyError
from ottla.streams.operators.table_view import StoreView
from ottla.streams.topology.store_factory import StoreFactory
from ottla.streams.topology.topology import Topology

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ottla.streams.processor import ProcessorSupplier
    from ottla.streams.state.store import StoreBuilder

STREAM_SOURCE = "KSTREAM-SOURCE-"
TABLE_SOURCE = "KTABLE-SOURCE-"


class StreamsBuilder:
    def __init__(self) -> None:
        self._topology = Topology()
        self._graph = GraphBuilder(self._topology)
        self._is_built = False

    def stream(
        self, topics: str | Collection[str] | re.Pattern[str], consumed: Consumed[Any, Any] | None = None
    ) -> KStream[Any, Any]:
        """One topic, several, or all whose names match a compiled pattern."""
        options = consumed or Consumed()
        name = NodeName.of(options.name).or_generated(self._graph, STREAM_SOURCE)
        pattern = topics if isinstance(topics, re.Pattern) else None
        if isinstance(topics, str):
            topics = (topics,)
        node = StreamSourceNode(name, () if isinstance(topics, re.Pattern) else topics, pattern, options)
        self._graph.add(node)
        origin = Origin(self._graph, node, name, frozenset({name}))
        return KStream(origin, options.key_serde, options.value_serde, needs_repartition=False)

    def table(
        self,
        topic: str,
        consumed: Consumed[Any, Any] | None = None,
        materialized: Materialized[Any, Any] | None = None,
    ) -> KTable[Any, Any]:
        """The newest value of each key of `topic`."""
        options, store = self._table_options(topic, consumed, materialized)
        named = NodeName.of(options.name)
        source = named.suffixed_or_generated("-source", self._graph, STREAM_SOURCE)
        name = named.or_generated(self._graph, TABLE_SOURCE)
        supplier = TableSourceSupplier(store.key_value_factory(), materialized=store.queryable_name is not None)
        node = TableSourceNode(name, source, topic, options, supplier)
        node.output_versioned = store.is_versioned
        self._graph.add(node)
        origin = Origin(self._graph, node, name, frozenset({source}))
        return KTable(origin, options.key_serde, options.value_serde, supplier, store.queryable_name)

    def global_table(
        self,
        topic: str,
        consumed: Consumed[Any, Any] | None = None,
        materialized: Materialized[Any, Any] | None = None,
    ) -> GlobalKTable[Any, Any]:
        """All of `topic`, on every instance."""
        given = (materialized or Materialized()).with_logging_disabled()
        options, store = self._table_options(topic, consumed, given, is_global=True)
        if store.is_versioned:
            raise TopologyError("GlobalTables cannot be versioned.")
        named = NodeName.of(options.name)
        source = named.suffixed_or_generated("-source", self._graph, STREAM_SOURCE)
        processor = named.or_generated(self._graph, TABLE_SOURCE)
        factory = store.key_value_factory()
        supplier = TableSourceSupplier(factory, materialized=True)
        self._graph.add(GlobalStoreNode(source, topic, processor, options, supplier, factory, reprocess=False))
        return GlobalKTable(StoreView(factory.name), store.queryable_name)

    def add_state_store(self, builder: StoreBuilder) -> StreamsBuilder:
        """For processors, which name the stores that they use."""
        self._graph.add(StateStoreNode(StoreFactory.of(builder)))
        return self

    def add_global_store(
        self,
        builder: StoreBuilder,
        topic: str,
        consumed: Consumed[Any, Any] | None,
        supplier: ProcessorSupplier,
    ) -> StreamsBuilder:
        """A store that a processor fills from all of `topic`, on every instance; all processors may read it."""
        options = consumed or Consumed()
        named = NodeName.of(options.name)
        source = named.suffixed_or_generated("-source", self._graph, STREAM_SOURCE)
        processor = named.or_generated(self._graph, TABLE_SOURCE)
        factory = StoreFactory.of(builder)
        self._graph.add(GlobalStoreNode(source, topic, processor, options, supplier, factory, reprocess=True))
        return self

    def build(self, config: Mapping[str, Any] | None = None) -> Topology:
        """Optimised as `topology.optimization` of `config` says; once."""
        if self._is_built:
            raise StreamsError("this StreamsBuilder has been built already; describe the topology that it returned")
        self._is_built = True
        settings = config or {}
        if settings.get("ensure.explicit.internal.resource.naming") in (True, "true"):
            self._graph.refuse_implicit_names()
        return self._graph.build(_optimizations(settings.get("topology.optimization")))

    def _table_options(
        self,
        topic: str,
        consumed: Consumed[Any, Any] | None,
        materialized: Materialized[Any, Any] | None,
        *,
        is_global: bool = False,
    ) -> tuple[Consumed[Any, Any], MaterializedStore]:
        """Serdes are those of `consumed`; without it, those of `materialized`."""
        given = materialized or Materialized()
        options = consumed or Consumed(given.key_serde, given.value_serde)
        given = replace(given, key_serde=options.key_serde, value_serde=options.value_serde)
        return options, MaterializedStore.of(given, self._graph, f"{topic}-", queryable=is_global)


def _optimizations(given: Any) -> frozenset[str]:
    text = str(given or NO_OPTIMIZATION)
    if text == OPTIMIZE:
        return frozenset(OPTIMIZATIONS)
    names = frozenset(part.strip() for part in text.split(","))
    unknown = names - {NO_OPTIMIZATION} - set(OPTIMIZATIONS)
    if unknown or (NO_OPTIMIZATION in names and len(names) > 1):
        raise ValueError(
            f'"{text}" is not a valid optimization config: {OPTIMIZE}, {NO_OPTIMIZATION} or some of {OPTIMIZATIONS}'
        )
    return names - {NO_OPTIMIZATION}
