"""Streams grouped by their keys (`KGroupedStream`): what follows is an aggregation, by windows or of all time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from ottla.streams.dsl.abstract_stream import AbstractStream, Origin
from ottla.streams.dsl.aggregation import AggregateBuilder, count_one, zero
from ottla.streams.dsl.aggregations import STATES, aggregator_of, finished
from ottla.streams.dsl.graph.table_supplier import AggregateSupplier
from ottla.streams.dsl.materialized import Materialized
from ottla.streams.dsl.materialized_store import MaterializedStore
from ottla.streams.dsl.named import AnyNamed, NodeName
from ottla.streams.expressions.sides import of_both, of_value_and_aggregate
from ottla.streams.windows import SessionWindows, SlidingWindows, Windows

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.streams.dsl.cogrouped_kstream import CogroupedKStream
    from ottla.streams.dsl.grouped import Grouped
    from ottla.streams.dsl.ktable import KTable
    from ottla.streams.dsl.session_windowed_kstream import SessionWindowedKStream
    from ottla.streams.dsl.time_windowed_kstream import TimeWindowedKStream
    from ottla.streams.expressions.aggregations import Aggregation
    from ottla.streams.expressions.expression import Expression
    from ottla.streams.operator import Operator

K = TypeVar("K")
V = TypeVar("V")
VR = TypeVar("VR")

REDUCE = "KSTREAM-REDUCE-"
AGGREGATE = "KSTREAM-AGGREGATE-"


class KGroupedStream(AbstractStream, Generic[K, V]):
    def __init__(self, origin: Origin, grouped: Grouped[K, V], *, needs_repartition: bool) -> None:
        super().__init__(origin, grouped.key_serde, grouped.value_serde)
        self._grouped = grouped
        self._needs_repartition = needs_repartition
        self._aggregates = AggregateBuilder(origin, grouped, needs_repartition=needs_repartition)

    def count(self, *, named: AnyNamed = None, materialized: Materialized[K, int] | None = None) -> KTable[K, int]:
        """Records whose value is not None."""
        from ottla.streams.serdes.primitive import INT64

        if materialized is not None and materialized.name is None:
            self._builder.new_store_name(AGGREGATE)
        store = self._store(materialized or Materialized.with_(self._key_serde, INT64), AGGREGATE, INT64)

        def make(name: str, send_old_values: bool) -> Operator:
            from ottla.streams.operators.aggregate import StreamAggregate

            return StreamAggregate(name, zero, count_one, send_old_values)

        return self._aggregate(named, AGGREGATE, store, make)

    def reduce(
        self,
        reducer: Callable[[V, V], V] | Expression,
        *,
        named: AnyNamed = None,
        materialized: Materialized[K, V] | None = None,
    ) -> KTable[K, V]:
        """`reducer(reduced, value)`, or an expression over `left()`, what was reduced, and `right()`, the value."""
        both = of_both(reducer)
        options = materialized or Materialized.with_(self._key_serde, self._value_serde)
        store = self._store(options, REDUCE, self._value_serde)

        def make(name: str, send_old_values: bool) -> Operator:
            from ottla.streams.operators.aggregate import StreamReduce

            return StreamReduce(name, both, send_old_values)

        return self._aggregate(named, REDUCE, store, make)

    @overload
    def aggregate(
        self,
        initializer: Callable[[], VR],
        aggregator: Callable[[K, V, VR], VR | None] | Expression,
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
        aggregator: Any = None,
        *,
        named: AnyNamed = None,
        materialized: Materialized[K, Any] | None = None,
        **fields: Aggregation,
    ) -> KTable[K, Any]:
        """With functions as in Java, or with aggregations: `aggregate(total=sum_("amount"), n=count_())`.

        `aggregator(key, value, aggregate)` may be an expression over `left()`, the aggregate, and `right()`, the value.
        """
        options = materialized or Materialized.with_(self._key_serde, None)
        made = aggregator_of(initializer, (aggregator,), fields)
        if made is not None:
            initializer, aggregator = made.initial, made.adder
        aggregator = of_value_and_aggregate(aggregator)
        store = self._store(options, AGGREGATE, None if made is None else STATES)

        def make(name: str, send_old_values: bool) -> Operator:
            from ottla.streams.operators.aggregate import StreamAggregate

            return StreamAggregate(name, initializer, aggregator, send_old_values)

        table = self._aggregate(named, AGGREGATE, store, make)
        return table if made is None else finished(table, made)

    @overload
    def windowed_by(self, windows: Windows | SlidingWindows) -> TimeWindowedKStream[K, V]: ...
    @overload
    def windowed_by(self, windows: SessionWindows) -> SessionWindowedKStream[K, V]: ...
    def windowed_by(self, windows: Windows | SlidingWindows | SessionWindows) -> Any:
        from ottla.streams.dsl.session_windowed_kstream import SessionWindowedKStream
        from ottla.streams.dsl.time_windowed_kstream import TimeWindowedKStream

        if isinstance(windows, SessionWindows):
            return SessionWindowedKStream(self._origin, self._key_serde, self._value_serde, windows, self._aggregates)
        return TimeWindowedKStream(self._origin, self._key_serde, self._value_serde, windows, self._aggregates)

    @overload
    def cogroup(self, aggregator: Callable[[K, V, VR], VR | None]) -> CogroupedKStream[K, VR]: ...
    @overload
    def cogroup(
        self, aggregator: Expression | Aggregation | None = None, **fields: Aggregation
    ) -> CogroupedKStream[K, Any]: ...
    def cogroup(self, aggregator: Any = None, **fields: Aggregation) -> CogroupedKStream[K, Any]:
        """Together with other grouped streams, into one aggregate."""
        from ottla.streams.dsl.cogrouped_kstream import CogroupedKStream

        made: CogroupedKStream[K, Any] = CogroupedKStream(self._origin)
        return made.cogroup(self, aggregator, **fields)

    def _store(self, options: Materialized[Any, Any], prefix: str, value_serde: Any) -> MaterializedStore:
        made = MaterializedStore.of(options, self._builder, prefix)
        return made.with_default_serdes(self._key_serde, value_serde)

    def _aggregate(
        self, named: AnyNamed, prefix: str, store: MaterializedStore, make: Callable[[str, bool], Operator]
    ) -> KTable[K, Any]:
        name = NodeName.of(named).or_generated(self._builder, prefix)
        supplier = AggregateSupplier(store.key_value_factory(), make)
        return self._aggregates.build(name, store, supplier, store.key_serde)
