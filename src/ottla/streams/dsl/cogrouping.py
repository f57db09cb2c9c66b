"""How a cogrouped aggregation is written (`CogroupedStreamAggregateBuilder`): one for each stream, over one store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.streams.dsl.abstract_stream import Origin
from ottla.streams.dsl.graph.node import GraphNode, ProcessorNode
from ottla.streams.dsl.graph.repartition import RepartitionNames, RepartitionNode
from ottla.streams.dsl.graph.table_supplier import PassThroughSupplier

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.streams.dsl.graph.graph_builder import GraphBuilder
    from ottla.streams.dsl.graph.table_supplier import AggregateSupplier
    from ottla.streams.dsl.kgrouped_stream import KGroupedStream
    from ottla.streams.dsl.ktable import KTable
    from ottla.streams.dsl.materialized_store import MaterializedStore
    from ottla.streams.dsl.named import NodeName
    from ottla.streams.serdes.serde import Serde

    Aggregator = Callable[[Any, Any, Any], Any]

AGGREGATE = "COGROUPKSTREAM-AGGREGATE-"
MERGE = "COGROUPKSTREAM-MERGE-"


class Cogrouping:
    def __init__(self, builder: GraphBuilder) -> None:
        self._builder = builder
        self.streams: dict[KGroupedStream[Any, Any], Aggregator] = {}
        self._parents: dict[KGroupedStream[Any, Any], GraphNode] = {}

    def build(
        self,
        named: NodeName,
        store: MaterializedStore,
        supplier: Callable[[Aggregator], AggregateSupplier],
        key_serde: Serde[Any] | None,
        *,
        grace_ms: int | None = None,
    ) -> KTable[Any, Any]:
        """`supplier` makes the aggregation of one stream; all share the store."""
        from ottla.streams.dsl.ktable import KTable

        self._repartition(store)
        suppliers: list[AggregateSupplier] = []
        nodes: list[GraphNode] = []
        for number, (stream, aggregator) in enumerate(self.streams.items()):
            name = named.suffixed_or_generated(f"-cogroup-agg-{number}", self._builder, AGGREGATE)
            suppliers.append(supplier(aggregator))
            node = ProcessorNode(name, suppliers[-1])
            node.grace_ms = grace_ms
            if grace_ms is None:
                node.output_versioned = store.is_versioned
            self._builder.add(node, self._parents[stream])
            nodes.append(node)
        merge_name = named.suffixed_or_generated("-cogroup-merge", self._builder, MERGE)
        merger = PassThroughSupplier(suppliers)
        merge = ProcessorNode(merge_name, merger)
        self._builder.add(merge, *nodes)
        origin = Origin(self._builder, merge, merge_name, frozenset({merge_name}))
        return KTable(origin, key_serde, store.value_serde, merger, store.queryable_name)

    def _repartition(self, store: MaterializedStore) -> None:
        assert store.name is not None
        for stream in self.streams:
            if not stream._needs_repartition:
                self._parents[stream] = stream._node
                continue
            given = stream._grouped.name
            names = RepartitionNames.of(given or store.name, self._builder)
            if given is None and store.queryable_name is None:
                self._builder.note_implicit_repartition(names.topic)
            if stream not in self._parents:
                node = RepartitionNode(names, stream._key_serde, stream._value_serde, mergeable=True)
                self._builder.add(node, stream._node)
                self._parents[stream] = node
        first, *others = self._parents
        first._ensure_copartition_with(*others)
