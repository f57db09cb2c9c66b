"""Several grouped streams that are aggregated into one table (`CogroupedKStream`, KIP-150)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from ottla.streams.dsl.abstract_stream import AbstractStream, Origin
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
from ottla.streams.windows import EmitStrategy, SessionWindows, SlidingWindows, Windowed, Windows

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.streams.dsl.kgrouped_stream import KGroupedStream
    from ottla.streams.dsl.ktable import KTable
    from ottla.streams.operator import Operator

K = TypeVar("K")
V = TypeVar("V")
VI = TypeVar("VI")

AGGREGATE = "COGROUPKSTREAM-AGGREGATE-"


class CogroupedKStream(AbstractStream, Generic[K, V]):
    def __init__(self, origin: Origin) -> None:
        super().__init__(origin, None, None)
        self._cogrouping = Cogrouping(origin.builder)

    def cogroup(
        self, grouped: KGroupedStream[K, VI], aggregator: Callable[[K, VI, V], V | None]
    ) -> CogroupedKStream[K, V]:
        """One more stream, with its own way into the aggregate."""
        self._cogrouping.streams[grouped] = aggregator
        return self

    def aggregate(
        self,
        initializer: Callable[[], V],
        *,
        named: AnyNamed = None,
        materialized: Materialized[K, V] | None = None,
    ) -> KTable[K, V]:
        store = MaterializedStore.of(materialized or Materialized(), self._builder, AGGREGATE)
        factory = store.key_value_factory()

        def supplier(aggregator: Callable[[Any, Any, Any], Any]) -> AggregateSupplier:
            def make(name: str, send_old_values: bool) -> Operator:
                from ottla.streams.operators.aggregate import StreamAggregate

                return StreamAggregate(name, initializer, aggregator, send_old_values)

            return AggregateSupplier(factory, make)

        return self._cogrouping.build(NodeName.of(named), store, supplier, store.key_serde)

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
        initializer: Callable[[], V],
        *,
        named: AnyNamed = None,
        materialized: Materialized[K, V] | None = None,
    ) -> KTable[Windowed[K], V]:
        windows = self._windows
        store = MaterializedStore.of(materialized or Materialized(), self._builder, AGGREGATE)
        first = time_window_aggregate(store, windows, EmitStrategy.ON_WINDOW_UPDATE, initializer, _no_aggregator)

        def supplier(aggregator: Callable[[Any, Any, Any], Any]) -> AggregateSupplier:
            made = time_window_aggregate(store, windows, EmitStrategy.ON_WINDOW_UPDATE, initializer, aggregator)
            return made.sharing(first)

        key_serde = time_windowed_serde(store.key_serde, windows)
        return self._cogrouping.build(NodeName.of(named), store, supplier, key_serde, grace_ms=window_grace_ms(windows))


class SessionWindowedCogroupedKStream(AbstractStream, Generic[K, V]):
    def __init__(self, origin: Origin, windows: SessionWindows, cogrouping: Cogrouping) -> None:
        super().__init__(origin, None, None)
        self._windows = windows
        self._cogrouping = cogrouping

    def aggregate(
        self,
        initializer: Callable[[], V],
        merger: Callable[[K, V, V], V],
        *,
        named: AnyNamed = None,
        materialized: Materialized[K, V] | None = None,
    ) -> KTable[Windowed[K], V]:
        windows = self._windows
        store = MaterializedStore.of(materialized or Materialized(), self._builder, AGGREGATE)
        strategy = EmitStrategy.ON_WINDOW_UPDATE
        first = session_aggregate(store, windows, strategy, initializer, _no_aggregator, merger)

        def supplier(aggregator: Callable[[Any, Any, Any], Any]) -> AggregateSupplier:
            return session_aggregate(store, windows, strategy, initializer, aggregator, merger).sharing(first)

        grace_ms = windows.grace_period_ms + windows.inactivity_gap_ms
        key_serde = session_windowed_serde(store.key_serde)
        return self._cogrouping.build(NodeName.of(named), store, supplier, key_serde, grace_ms=grace_ms)


def _no_aggregator(key: Any, value: Any, aggregate: Any) -> Any:
    raise AssertionError("only its store is used")
