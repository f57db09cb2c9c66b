"""The stores and suppliers of windowed aggregations, and the serdes of their keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.streams.dsl.graph.table_supplier import WindowedAggregateSupplier
from ottla.streams.windows import EmitStrategy, SessionWindows, SlidingWindows, Windows

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.streams.dsl.materialized_store import MaterializedStore
    from ottla.streams.operator import Operator
    from ottla.streams.operators.table_view import TableView
    from ottla.streams.serdes.serde import Serde

AnyWindows = Windows | SlidingWindows


def time_window_aggregate(
    store: MaterializedStore,
    windows: AnyWindows,
    strategy: EmitStrategy,
    initializer: Callable[[], Any],
    aggregator: Callable[[Any, Any, Any], Any],
) -> WindowedAggregateSupplier:
    def make(name: str, send_old_values: bool) -> Operator:
        if isinstance(windows, SlidingWindows):
            from ottla.streams.operators.sliding_window_aggregate import SlidingWindowAggregate

            return SlidingWindowAggregate(windows, name, strategy, initializer, aggregator, send_old_values)
        from ottla.streams.operators.window_aggregate import WindowAggregate

        return WindowAggregate(windows, name, strategy, initializer, aggregator, send_old_values)

    is_sliding = isinstance(windows, SlidingWindows)
    factory = store.window_factory(_size_ms(windows), _retention_ms(store, windows), strategy, is_sliding=is_sliding)
    return WindowedAggregateSupplier(factory, make, _window_view)


def session_aggregate(
    store: MaterializedStore,
    windows: SessionWindows,
    strategy: EmitStrategy,
    initializer: Callable[[], Any],
    aggregator: Callable[[Any, Any, Any], Any],
    merger: Callable[[Any, Any, Any], Any],
) -> WindowedAggregateSupplier:
    def make(name: str, send_old_values: bool) -> Operator:
        from ottla.streams.operators.session_aggregate import SessionAggregate

        return SessionAggregate(windows, name, strategy, initializer, aggregator, merger, send_old_values)

    least_ms = windows.inactivity_gap_ms + windows.grace_period_ms
    retention_ms = least_ms if store.options.retention_ms is None else store.options.retention_ms
    if least_ms > retention_ms:
        raise ValueError(
            f"The retention period of the session store {store.name} must be no smaller than the session inactivity "
            f"gap plus the grace period. Got gap=[{windows.inactivity_gap_ms}], grace=[{windows.grace_period_ms}], "
            f"retention=[{retention_ms}]"
        )
    return WindowedAggregateSupplier(store.session_factory(retention_ms, strategy), make, _session_view)


def window_grace_ms(windows: AnyWindows) -> int:
    return windows.grace_period_ms


def time_windowed_serde(key_serde: Serde[Any] | None, windows: AnyWindows) -> Serde[Any] | None:
    from ottla.streams.serdes import windowed

    serdes: Any = windowed
    return None if key_serde is None else serdes.time_windowed_serde(key_serde, _size_ms(windows))


def session_windowed_serde(key_serde: Serde[Any] | None) -> Serde[Any] | None:
    from ottla.streams.serdes import windowed

    serdes: Any = windowed
    return None if key_serde is None else serdes.session_windowed_serde(key_serde)


def _size_ms(windows: AnyWindows) -> int:
    return windows.time_difference_ms if isinstance(windows, SlidingWindows) else windows.size_ms


def _retention_ms(store: MaterializedStore, windows: AnyWindows) -> int:
    """Sliding windows look back twice as far as they are long."""
    size_ms = _size_ms(windows) * (2 if isinstance(windows, SlidingWindows) else 1)
    least_ms = size_ms + windows.grace_period_ms
    retention_ms = least_ms if store.options.retention_ms is None else store.options.retention_ms
    if least_ms > retention_ms:
        what = "2 * time difference" if isinstance(windows, SlidingWindows) else "its window size"
        raise ValueError(
            f"The retention period of the window store {store.name} must be no smaller than {what} plus the grace "
            f"period. Got size=[{_size_ms(windows)}], grace=[{windows.grace_period_ms}], retention=[{retention_ms}]"
        )
    return retention_ms


def _window_view(store: str) -> TableView:
    from ottla.streams.operators.windowed_view import WindowView

    return WindowView(store)


def _session_view(store: str) -> TableView:
    from ottla.streams.operators.windowed_view import SessionView

    return SessionView(store)
