"""How a cogrouped aggregation is written (`CogroupedStreamAggregateBuilder`): one for each stream, over one store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.streams.dsl.abstract_stream import Origin
from ottla.streams.dsl.graph.node import GraphNode, ProcessorNode
from ottla.streams.dsl.graph.repartition import RepartitionNames, RepartitionNode
from ottla.streams.dsl.graph.table_supplier import PassThroughSupplier
from ottla.streams.expressions.aggregations import Aggregation
from ottla.streams.expressions.aggregator import Aggregator
from ottla.streams.expressions.sides import of_value_and_aggregate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ottla.streams.dsl.graph.graph_builder import GraphBuilder
    from ottla.streams.dsl.graph.table_supplier import AggregateSupplier
    from ottla.streams.dsl.kgrouped_stream import KGroupedStream
    from ottla.streams.dsl.ktable import KTable
    from ottla.streams.dsl.materialized_store import MaterializedStore
    from ottla.streams.dsl.named import NodeName
    from ottla.streams.serdes.serde import Serde

    Function = Callable[[Any, Any, Any], Any]

AGGREGATE = "COGROUPKSTREAM-AGGREGATE-"
MERGE = "COGROUPKSTREAM-MERGE-"


class Cogrouping:
    def __init__(self, builder: GraphBuilder) -> None:
        self._builder = builder
        self._streams: dict[KGroupedStream[Any, Any], Function | Aggregator] = {}
        self._parents: dict[KGroupedStream[Any, Any], GraphNode] = {}

    def add(self, stream: KGroupedStream[Any, Any], aggregator: Any, fields: Mapping[str, Aggregation]) -> None:
        if isinstance(aggregator, Aggregation) or fields:
            self._streams[stream] = Aggregator.of(aggregator, fields, keeps_others=True)
        elif aggregator is None:
            raise TypeError("cogroup needs an aggregator, or aggregations: cogroup(payments, paid=sum_('amount'))")
        else:
            self._streams[stream] = of_value_and_aggregate(aggregator)

    def together(self, *functions: Any) -> Aggregator | None:
        """Of all streams; None where they have functions, and `aggregate` is given its own, all of them."""
        parts = [each for each in self._streams.values() if isinstance(each, Aggregator)]
        if not parts:
            if any(each is None for each in functions):
                raise TypeError(
                    "streams that are cogrouped by functions are aggregated by functions: an initializer, "
                    "and of sessions a merger"
                )
            return None
        if len(parts) < len(self._streams) or any(each is not None for each in functions):
            raise TypeError("cogrouped streams have functions, or they have aggregations, not some of both")
        return Aggregator.together(parts)

    def build(
        self,
        named: NodeName,
        store: MaterializedStore,
        supplier: Callable[[Function], AggregateSupplier],
        key_serde: Serde[Any] | None,
        *,
        grace_ms: int | None = None,
    ) -> KTable[Any, Any]:
        """`supplier` makes the aggregation of one stream; all share the store."""
        from ottla.streams.dsl.ktable import KTable

        self._repartition(store)
        suppliers: list[AggregateSupplier] = []
        nodes: list[GraphNode] = []
        for number, (stream, aggregator) in enumerate(self._streams.items()):
            name = named.suffixed_or_generated(f"-cogroup-agg-{number}", self._builder, AGGREGATE)
            suppliers.append(supplier(aggregator.adder if isinstance(aggregator, Aggregator) else aggregator))
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
        for stream in self._streams:
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
