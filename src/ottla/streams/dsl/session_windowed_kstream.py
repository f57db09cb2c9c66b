"""Grouped streams in sessions (`SessionWindowedKStream`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from ottla.streams.dsl.abstract_stream import AbstractStream, Origin
from ottla.streams.dsl.aggregation import AggregateBuilder, count_one, nothing, reducing, zero
from ottla.streams.dsl.aggregations import STATES, aggregator_of, finished
from ottla.streams.dsl.kgrouped_stream import AGGREGATE, REDUCE
from ottla.streams.dsl.materialized import Materialized
from ottla.streams.dsl.materialized_store import MaterializedStore
from ottla.streams.dsl.named import AnyNamed, NodeName
from ottla.streams.dsl.windowed_store import session_aggregate, session_windowed_serde
from ottla.streams.expressions.sides import of_both, of_key_and_both, of_value_and_aggregate
from ottla.streams.windows import EmitStrategy, SessionWindows, Windowed

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.streams.dsl.ktable import KTable
    from ottla.streams.expressions.aggregations import Aggregation
    from ottla.streams.expressions.expression import Expression
    from ottla.streams.serdes.serde import Serde

K = TypeVar("K")
V = TypeVar("V")
VR = TypeVar("VR")


class SessionWindowedKStream(AbstractStream, Generic[K, V]):
    def __init__(
        self,
        origin: Origin,
        key_serde: Serde[K] | None,
        value_serde: Serde[V] | None,
        windows: SessionWindows,
        aggregates: AggregateBuilder,
    ) -> None:
        super().__init__(origin, key_serde, value_serde)
        self._windows = windows
        self._aggregates = aggregates
        self._emit_strategy = EmitStrategy.ON_WINDOW_UPDATE

    def emit_strategy(self, strategy: EmitStrategy) -> SessionWindowedKStream[K, V]:
        self._emit_strategy = strategy
        return self

    def count(
        self, *, named: AnyNamed = None, materialized: Materialized[K, int] | None = None
    ) -> KTable[Windowed[K], int]:
        from ottla.streams.serdes.primitive import INT64

        if materialized is not None and materialized.name is None:
            self._builder.new_store_name(AGGREGATE)
        options = materialized or Materialized.with_(self._key_serde, INT64)
        return self._build(named, AGGREGATE, options, INT64, zero, count_one, _sum)

    def reduce(
        self,
        reducer: Callable[[V, V], V] | Expression,
        *,
        named: AnyNamed = None,
        materialized: Materialized[K, V] | None = None,
    ) -> KTable[Windowed[K], V]:
        options = materialized or Materialized.with_(self._key_serde, self._value_serde)
        aggregator = reducing(of_both(reducer))

        def merge(key: Any, one: Any, two: Any) -> Any:
            return aggregator(key, two, one)

        return self._build(named, REDUCE, options, self._value_serde, nothing, aggregator, merge)

    @overload
    def aggregate(
        self,
        initializer: Callable[[], VR],
        aggregator: Callable[[K, V, VR], VR | None] | Expression,
        merger: Callable[[K, VR, VR], VR] | Expression,
        *,
        named: AnyNamed = None,
        materialized: Materialized[K, VR] | None = None,
    ) -> KTable[Windowed[K], VR]: ...
    @overload
    def aggregate(
        self, initializer: Aggregation, *, named: AnyNamed = None, materialized: Materialized[K, Any] | None = None
    ) -> KTable[Windowed[K], Any]: ...
    @overload
    def aggregate(
        self, *, named: AnyNamed = None, materialized: Materialized[K, Any] | None = None, **fields: Aggregation
    ) -> KTable[Windowed[K], dict[str, Any]]: ...
    def aggregate(
        self,
        initializer: Any = None,
        aggregator: Any = None,
        merger: Any = None,
        *,
        named: AnyNamed = None,
        materialized: Materialized[K, Any] | None = None,
        **fields: Aggregation,
    ) -> KTable[Windowed[K], Any]:
        """With functions as in Java, or with aggregations: `aggregate(total=sum_("amount"), n=count_())`.

        `merger(key, one, two)` makes one aggregate of two sessions that a record has brought together.
        """
        options = materialized or Materialized.with_(self._key_serde, None)
        made = aggregator_of(initializer, (aggregator, merger), fields)
        if made is None:
            add, merge = of_value_and_aggregate(aggregator), of_key_and_both(merger)
            return self._build(named, AGGREGATE, options, None, initializer, add, merge)
        table = self._build(named, AGGREGATE, options, STATES, made.initial, made.adder, made.merged)
        return finished(table, made)

    def _build(
        self,
        named: AnyNamed,
        prefix: str,
        options: Materialized[Any, Any],
        value_serde: Any,
        initializer: Callable[[], Any],
        aggregator: Callable[[Any, Any, Any], Any],
        merger: Callable[[Any, Any, Any], Any],
    ) -> KTable[Windowed[K], Any]:
        windows = self._windows
        store = MaterializedStore.of(options, self._builder, prefix)
        store = store.with_default_serdes(self._key_serde, value_serde)
        name = NodeName.of(named).or_generated(self._builder, prefix)
        supplier = session_aggregate(store, windows, self._emit_strategy, initializer, aggregator, merger)
        grace_ms = windows.grace_period_ms + windows.inactivity_gap_ms
        return self._aggregates.build(name, store, supplier, session_windowed_serde(store.key_serde), grace_ms=grace_ms)


def _sum(key: Any, one: int, two: int) -> int:
    return one + two
