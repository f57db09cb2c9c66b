"""Grouped streams in tumbling, hopping, unlimited or sliding windows (`TimeWindowedKStream`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from ottla.streams.dsl.abstract_stream import AbstractStream, Origin
from ottla.streams.dsl.aggregation import AggregateBuilder, count_one, nothing, reducing, zero
from ottla.streams.dsl.aggregations import STATES, aggregator_of, finished
from ottla.streams.dsl.kgrouped_stream import AGGREGATE, REDUCE
from ottla.streams.dsl.materialized import Materialized
from ottla.streams.dsl.materialized_store import MaterializedStore
from ottla.streams.dsl.named import AnyNamed, NodeName
from ottla.streams.dsl.windowed_store import time_window_aggregate, time_windowed_serde, window_grace_ms
from ottla.streams.expressions.sides import of_both, of_value_and_aggregate
from ottla.streams.windows import EmitStrategy, SlidingWindows, UnlimitedWindows, Windowed, Windows

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.streams.dsl.ktable import KTable
    from ottla.streams.expressions.aggregations import Aggregation
    from ottla.streams.expressions.expression import Expression
    from ottla.streams.serdes.serde import Serde

K = TypeVar("K")
V = TypeVar("V")
VR = TypeVar("VR")


class TimeWindowedKStream(AbstractStream, Generic[K, V]):
    def __init__(
        self,
        origin: Origin,
        key_serde: Serde[K] | None,
        value_serde: Serde[V] | None,
        windows: Windows | SlidingWindows,
        aggregates: AggregateBuilder,
    ) -> None:
        super().__init__(origin, key_serde, value_serde)
        self._windows = windows
        self._aggregates = aggregates
        self._emit_strategy = EmitStrategy.ON_WINDOW_UPDATE

    def emit_strategy(self, strategy: EmitStrategy) -> TimeWindowedKStream[K, V]:
        """Whether each change is told of, or only what a window holds when it closes."""
        if isinstance(self._windows, UnlimitedWindows) and strategy is EmitStrategy.ON_WINDOW_CLOSE:
            raise ValueError("ON_WINDOW_CLOSE emit strategy cannot be used for UnlimitedWindows")
        self._emit_strategy = strategy
        return self

    def count(
        self, *, named: AnyNamed = None, materialized: Materialized[K, int] | None = None
    ) -> KTable[Windowed[K], int]:
        from ottla.streams.serdes.primitive import INT64

        if materialized is not None and materialized.name is None and not isinstance(self._windows, SlidingWindows):
            self._builder.new_store_name(AGGREGATE)
        options = materialized or Materialized.with_(self._key_serde, INT64)
        return self._build(named, AGGREGATE, options, INT64, zero, count_one)

    def reduce(
        self,
        reducer: Callable[[V, V], V] | Expression,
        *,
        named: AnyNamed = None,
        materialized: Materialized[K, V] | None = None,
    ) -> KTable[Windowed[K], V]:
        options = materialized or Materialized.with_(self._key_serde, self._value_serde)
        return self._build(named, REDUCE, options, self._value_serde, nothing, reducing(of_both(reducer)))

    @overload
    def aggregate(
        self,
        initializer: Callable[[], VR],
        aggregator: Callable[[K, V, VR], VR | None] | Expression,
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
        *,
        named: AnyNamed = None,
        materialized: Materialized[K, Any] | None = None,
        **fields: Aggregation,
    ) -> KTable[Windowed[K], Any]:
        """With functions as in Java, or with aggregations: `aggregate(total=sum_("amount"), n=count_())`."""
        options = materialized or Materialized.with_(self._key_serde, None)
        made = aggregator_of(initializer, (aggregator,), fields)
        if made is None:
            return self._build(named, AGGREGATE, options, None, initializer, of_value_and_aggregate(aggregator))
        return finished(self._build(named, AGGREGATE, options, STATES, made.initial, made.adder), made)

    def _build(
        self,
        named: AnyNamed,
        prefix: str,
        options: Materialized[Any, Any],
        value_serde: Any,
        initializer: Callable[[], Any],
        aggregator: Callable[[Any, Any, Any], Any],
    ) -> KTable[Windowed[K], Any]:
        windows, strategy = self._windows, self._emit_strategy
        store = MaterializedStore.of(options, self._builder, prefix)
        store = store.with_default_serdes(self._key_serde, value_serde)
        name = NodeName.of(named).or_generated(self._builder, prefix)
        supplier = time_window_aggregate(store, windows, strategy, initializer, aggregator)
        key_serde = time_windowed_serde(store.key_serde, windows)
        return self._aggregates.build(name, store, supplier, key_serde, grace_ms=window_grace_ms(windows))
