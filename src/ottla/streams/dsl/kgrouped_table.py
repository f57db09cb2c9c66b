"""Tables grouped by other keys (`KGroupedTable`): a change leaves one group and comes to another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from ottla.streams.dsl.abstract_stream import AbstractStream, Origin
from ottla.streams.dsl.aggregation import count_one, zero
from ottla.streams.dsl.aggregations import STATES, aggregator_of, finished
from ottla.streams.dsl.graph.node import GraphNode, ProcessorNode
from ottla.streams.dsl.graph.repartition import SINK, SOURCE, SUFFIX, TableRepartitionNode
from ottla.streams.dsl.graph.table_supplier import AggregateSupplier
from ottla.streams.dsl.materialized import Materialized
from ottla.streams.dsl.materialized_store import MaterializedStore
from ottla.streams.dsl.named import AnyNamed, NodeName
from ottla.streams.expressions.sides import of_both, of_value_and_aggregate

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.streams.dsl.grouped import Grouped
    from ottla.streams.dsl.ktable import KTable
    from ottla.streams.expressions.aggregations import Aggregation
    from ottla.streams.expressions.expression import Expression
    from ottla.streams.operator import Operator

K = TypeVar("K")
V = TypeVar("V")
VR = TypeVar("VR")

AGGREGATE = "KTABLE-AGGREGATE-"
REDUCE = "KTABLE-REDUCE-"


class KGroupedTable(AbstractStream, Generic[K, V]):
    def __init__(self, origin: Origin, grouped: Grouped[K, V]) -> None:
        super().__init__(origin, grouped.key_serde, grouped.value_serde)
        self._repartition_name = grouped.name
        self._repartition: GraphNode | None = None

    def count(self, *, named: AnyNamed = None, materialized: Materialized[K, int] | None = None) -> KTable[K, int]:
        from ottla.streams.serdes.primitive import INT64

        options = materialized or Materialized.with_(self._key_serde, INT64)
        return self._aggregate(zero, count_one, _count_one_less, named, options, INT64)

    def reduce(
        self,
        adder: Callable[[V, V], V] | Expression,
        subtractor: Callable[[V, V], V] | Expression,
        *,
        named: AnyNamed = None,
        materialized: Materialized[K, V] | None = None,
    ) -> KTable[K, V]:
        """`adder(aggregate, new value)`, `subtractor(aggregate, old value)`; or expressions over left and right."""
        add, subtract = of_both(adder), of_both(subtractor)
        options = materialized or Materialized.with_(self._key_serde, self._value_serde)
        store = self._store(options, self._value_serde)

        def make(name: str, send_old_values: bool) -> Operator:
            from ottla.streams.operators.aggregate import TableReduce

            return TableReduce(name, add, subtract, send_old_values)

        return self._build(named, REDUCE, store, make)

    @overload
    def aggregate(
        self,
        initializer: Callable[[], VR],
        adder: Callable[[K, V, VR], VR | None] | Expression,
        subtractor: Callable[[K, V, VR], VR | None] | Expression,
        *,
        named: AnyNamed = None,
        materialized: Materialized[K, VR] | None = None,
    ) -> KTable[K, VR]: ...
    @overload
    def aggregate(
        self, initializer: Aggregation, *, named: AnyNamed = None, materialized: Materialized[K, Any] | None = None
    ) -> KTable[K, Any]: ...
    @overload
    def aggregate(
        self, *, named: AnyNamed = None, materialized: Materialized[K, Any] | None = None, **fields: Aggregation
    ) -> KTable[K, dict[str, Any]]: ...
    def aggregate(
        self,
        initializer: Any = None,
        adder: Any = None,
        subtractor: Any = None,
        *,
        named: AnyNamed = None,
        materialized: Materialized[K, Any] | None = None,
        **fields: Aggregation,
    ) -> KTable[K, Any]:
        """With functions as in Java, or with aggregations that can go back: `sum_`, `count_`, `avg_`.

        Functions may be expressions over `left()`, the aggregate, and `right()`, the value that comes or goes.
        """
        options = materialized or Materialized.with_(self._key_serde, None)
        made = aggregator_of(initializer, (adder, subtractor), fields)
        if made is None:
            add, subtract = of_value_and_aggregate(adder), of_value_and_aggregate(subtractor)
            return self._aggregate(initializer, add, subtract, named, options, None)
        if made.irreversible:
            raise TypeError(
                f"{', '.join(made.irreversible)}: of a table only sum_, count_ and avg_ can be kept, since what a "
                "change took away cannot be taken out of others"
            )
        return finished(self._aggregate(made.initial, made.adder, made.removed, named, options, STATES), made)

    def _aggregate(
        self,
        initializer: Callable[[], Any],
        adder: Callable[[Any, Any, Any], Any],
        subtractor: Callable[[Any, Any, Any], Any],
        named: AnyNamed,
        options: Materialized[Any, Any],
        value_serde: Any,
    ) -> KTable[K, Any]:
        def make(name: str, send_old_values: bool) -> Operator:
            from ottla.streams.operators.aggregate import TableAggregate

            return TableAggregate(name, initializer, adder, subtractor, send_old_values)

        return self._build(named, AGGREGATE, self._store(options, value_serde), make)

    def _store(self, options: Materialized[Any, Any], value_serde: Any) -> MaterializedStore:
        made = MaterializedStore.of(options, self._builder, AGGREGATE)
        return made.with_default_serdes(self._key_serde, value_serde)

    def _build(
        self, named: AnyNamed, prefix: str, store: MaterializedStore, make: Callable[[str, bool], Operator]
    ) -> KTable[K, Any]:
        from ottla.streams.dsl.ktable import KTable

        builder, given = self._builder, NodeName.of(named)
        sink = given.suffixed_or_generated("-sink", builder, SINK)
        source = given.suffixed_or_generated("-source", builder, SOURCE)
        name = given.or_generated(builder, prefix)
        topic = f"{self._repartition_name or store.name}{SUFFIX}"
        if self._repartition is None or self._repartition_name is None:
            self._repartition = TableRepartitionNode(topic, sink, source, self._key_serde, self._value_serde)
        builder.add(self._repartition, self._node)
        supplier = AggregateSupplier(store.key_value_factory(), make)
        node = ProcessorNode(name, supplier)
        node.output_versioned = store.is_versioned
        builder.add(node, self._repartition)
        origin = Origin(builder, node, name, frozenset({source}))
        return KTable(origin, store.key_serde, store.value_serde, supplier, store.queryable_name)


def _count_one_less(key: Any, value: Any, aggregate: int) -> int:
    return aggregate - 1
