"""Several grouped streams that are aggregated into one table (`CogroupedKStream`, KIP-150)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from ottla.streams.dsl.abstract_stream import AbstractStream, Origin
from ottla.streams.dsl.aggregations import STATES, finished
from ottla.streams.dsl.cogrouping import Cogrouping
from ottla.streams.dsl.graph.table_supplier import AggregateSupplier
from ottla.streams.dsl.materialized import Materialized
from ottla.streams.dsl.materialized_store import MaterializedStore
from ottla.streams.dsl.named import AnyNamed, NodeName
from ottla.streams.dsl.windowed_store import (
    session_aggregate,
    session_windowed_serde,
    time_window_aggregate,
    time_windowed_serde,
    window_grace_ms,
)
from ottla.streams.expressions.sides import of_key_and_both
from ottla.streams.windows import EmitStrategy, SessionWindows, SlidingWindows, Windowed, Windows

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.streams.dsl.graph.graph_builder import GraphBuilder
    from ottla.streams.dsl.kgrouped_stream import KGroupedStream
    from ottla.streams.dsl.ktable import KTable
    from ottla.streams.expressions.aggregations import Aggregation
    from ottla.streams.expressions.aggregator import Aggregator
    from ottla.streams.expressions.expression import Expression
    from ottla.streams.operator import Operator

K = TypeVar("K")
V = TypeVar("V")
VI = TypeVar("VI")

AGGREGATE = "COGROUPKSTREAM-AGGREGATE-"


class CogroupedKStream(AbstractStream, Generic[K, V]):
    def __init__(self, origin: Origin) -> None:
        super().__init__(origin, None, None)
        self._cogrouping = Cogrouping(origin.builder)

    @overload
    def cogroup(
        self, grouped: KGroupedStream[K, VI], aggregator: Callable[[K, VI, V], V | None]
    ) -> CogroupedKStream[K, V]: ...
    @overload
    def cogroup(
        self,
        grouped: KGroupedStream[K, VI],
        aggregator: Expression | Aggregation | None = None,
        **fields: Aggregation,
    ) -> CogroupedKStream[K, V]: ...
    def cogroup(
        self, grouped: KGroupedStream[K, VI], aggregator: Any = None, **fields: Aggregation
    ) -> CogroupedKStream[K, V]:
        """One more stream, with its own way into the aggregate: a function, an expression, or aggregations.

        `aggregator(key, value, aggregate)`, or over `left()`, the aggregate, and `right()`, the value. Of aggregations
        each stream has its fields: `orders.cogroup(n=count_()).cogroup(payments, paid=sum_("amount")).aggregate()`.
        """
        self._cogrouping.add(grouped, aggregator, fields)
        return self

    def aggregate(
        self,
        initializer: Callable[[], V] | None = None,
        *,
        named: AnyNamed = None,
        materialized: Materialized[K, V] | None = None,
    ) -> KTable[K, V]:
        """With an initializer, unless the streams have aggregations, which know how they begin."""
        made = self._cogrouping.together(initializer)
        begin: Any = initializer if made is None else made.initial
        store = _store(self._builder, materialized, made)
        factory = store.key_value_factory()

        def supplier(aggregator: Callable[[Any, Any, Any], Any]) -> AggregateSupplier:
            def make(name: str, send_old_values: bool) -> Operator:
                from ottla.streams.operators.aggregate import StreamAggregate

                return StreamAggregate(name, begin, aggregator, send_old_values)

            return AggregateSupplier(factory, make)

        table = self._cogrouping.build(NodeName.of(named), store, supplier, store.key_serde)
        return table if made is None else finished(table, made)

    @overload
    def windowed_by(self, windows: Windows | SlidingWindows) -> TimeWindowedCogroupedKStream[K, V]: ...
    @overload
    def windowed_by(self, windows: SessionWindows) -> SessionWindowedCogroupedKStream[K, V]: ...
    def windowed_by(self, windows: Windows | SlidingWindows | SessionWindows) -> Any:
        if isinstance(windows, SessionWindows):
            return SessionWindowedCogroupedKStream(self._origin, windows, self._cogrouping)
        return TimeWindowedCogroupedKStream(self._origin, windows, self._cogrouping)


class TimeWindowedCogroupedKStream(AbstractStream, Generic[K, V]):
    def __init__(self, origin: Origin, windows: Windows | SlidingWindows, cogrouping: Cogrouping) -> None:
        super().__init__(origin, None, None)
        self._windows = windows
        self._cogrouping = cogrouping

    def aggregate(
        self,
        initializer: Callable[[], V] | None = None,
        *,
        named: AnyNamed = None,
        materialized: Materialized[K, V] | None = None,
    ) -> KTable[Windowed[K], V]:
        made = self._cogrouping.together(initializer)
        begin: Any = initializer if made is None else made.initial
        windows, strategy = self._windows, EmitStrategy.ON_WINDOW_UPDATE
        store = _store(self._builder, materialized, made)
        first = time_window_aggregate(store, windows, strategy, begin, _no_aggregator)

        def supplier(aggregator: Callable[[Any, Any, Any], Any]) -> AggregateSupplier:
            return time_window_aggregate(store, windows, strategy, begin, aggregator).sharing(first)

        key_serde, grace_ms = time_windowed_serde(store.key_serde, windows), window_grace_ms(windows)
        table = self._cogrouping.build(NodeName.of(named), store, supplier, key_serde, grace_ms=grace_ms)
        return table if made is None else finished(table, made)


class SessionWindowedCogroupedKStream(AbstractStream, Generic[K, V]):
    def __init__(self, origin: Origin, windows: SessionWindows, cogrouping: Cogrouping) -> None:
        super().__init__(origin, None, None)
        self._windows = windows
        self._cogrouping = cogrouping

    def aggregate(
        self,
        initializer: Callable[[], V] | None = None,
        merger: Callable[[K, V, V], V] | Expression | None = None,
        *,
        named: AnyNamed = None,
        materialized: Materialized[K, V] | None = None,
    ) -> KTable[Windowed[K], V]:
        made = self._cogrouping.together(initializer, merger)
        begin: Any = initializer if made is None else made.initial
        merge = of_key_and_both(merger) if made is None else made.merged
        windows, strategy = self._windows, EmitStrategy.ON_WINDOW_UPDATE
        store = _store(self._builder, materialized, made)
        first = session_aggregate(store, windows, strategy, begin, _no_aggregator, merge)

        def supplier(aggregator: Callable[[Any, Any, Any], Any]) -> AggregateSupplier:
            return session_aggregate(store, windows, strategy, begin, aggregator, merge).sharing(first)

        grace_ms = windows.grace_period_ms + windows.inactivity_gap_ms
        key_serde = session_windowed_serde(store.key_serde)
        table = self._cogrouping.build(NodeName.of(named), store, supplier, key_serde, grace_ms=grace_ms)
        return table if made is None else finished(table, made)


def _store(
    builder: GraphBuilder, materialized: Materialized[Any, Any] | None, aggregator: Aggregator | None
) -> MaterializedStore:
    store = MaterializedStore.of(materialized or Materialized(), builder, AGGREGATE)
    return store if aggregator is None else store.with_default_serdes(None, STATES)


def _no_aggregator(key: Any, value: Any, aggregate: Any) -> Any:
    raise AssertionError("only its store is used")
