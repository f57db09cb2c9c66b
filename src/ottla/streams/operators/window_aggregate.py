"""Aggregation over tumbling, hopping and unlimited windows (Java: `KStreamWindowAggregate`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.streams.operators.windowed_aggregate import EXPIRED, NO_KEY, WindowedAggregate
from ottla.streams.state.store import ValueAndTimestamp
from ottla.streams.windows import EmitStrategy, TimeWindows

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.streams.record import Headers
    from ottla.streams.windows import Windows


class WindowAggregate(WindowedAggregate):
    """A record goes into every window that contains it and that has not closed: that is decided window by window."""

    def __init__(
        self,
        windows: Windows,
        store_name: str,
        emit_strategy: EmitStrategy,
        initializer: Callable[[], Any],
        aggregator: Callable[[Any, Any, Any], Any],
        send_old_values: bool,
    ) -> None:
        super().__init__(store_name, emit_strategy, initializer, aggregator, send_old_values)
        if emit_strategy is EmitStrategy.ON_WINDOW_CLOSE and not isinstance(windows, TimeWindows):
            raise ValueError(
                "ON_WINDOW_CLOSE strategy is only supported for TimeWindows and SlidingWindows for TimeWindowedKStream"
            )
        self._windows = windows
        self._windows_for = windows.windows_for
        self._grace_ms = windows.grace_period_ms

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        if key is None:
            self.context.drop(NO_KEY)
            return
        if timestamp_ms > self._observed_ms:
            self._observed_ms = timestamp_ms
        close_ms = self._observed_ms - self._grace_ms
        for start_ms, window in self._windows_for(timestamp_ms).items():
            if window.end_ms > close_ms:
                found = self._store.get(key, start_ms)
                if found is None:
                    # As in Java, the initial value is the old one of a window's first record.
                    found = ValueAndTimestamp(self._initializer(), timestamp_ms)
                self.update(key, value, timestamp_ms, headers, window, found)
            else:
                self.context.drop(EXPIRED)
        if self._is_final:
            self.emit_final(headers, close_ms)

    def bounds(self, close_ms: int) -> tuple[int, int] | None:
        size_ms = self._windows.size_ms
        last = close_ms - size_ms
        if last < 0:
            return None
        if self.emitted_ms == -1:
            return 0, last
        first = max(0, self.emitted_ms - size_ms) + 1
        if list(self._windows_for(last)) == list(self._windows_for(first - 1)):
            return None
        return first, last
