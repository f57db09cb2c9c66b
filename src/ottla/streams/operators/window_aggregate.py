"""Aggregation over tumbling, hopping and unlimited windows (Java: `KStreamWindowAggregate`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.streams.change import Change
from ottla.streams.operators.final_emission import EXPIRED, NO_KEY
from ottla.streams.operators.windowed_aggregate import WindowedAggregate
from ottla.streams.state.store import ValueAndTimestamp
from ottla.streams.windows import EmitStrategy, TimeWindows, Windowed, time_window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ottla.streams.record import Headers
    from ottla.streams.windows import Windows

_new: Final = tuple.__new__  # of named tuples: a third less than to call them


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
        self._windows_for = windows.windows_for
        self._size_ms = windows.size_ms
        self._grace_ms = windows.grace_period_ms
        # Starts alone are enough, and cheaper than windows.
        self._starts_for: Callable[[int], Iterable[int]] = getattr(windows, "starts_for", windows.windows_for)
        self._is_tumbling = isinstance(windows, TimeWindows) and windows.advance_ms == windows.size_ms

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        if key is None:
            self.context.drop(NO_KEY)
            return
        if timestamp_ms > self._observed_ms:
            self._observed_ms = timestamp_ms
        size_ms = self._size_ms
        close_ms = self._observed_ms - self._grace_ms
        starts: Iterable[int]
        if self._is_tumbling:
            starts = (timestamp_ms - timestamp_ms % size_ms,)
        else:
            starts = self._starts_for(timestamp_ms)
        for start_ms in starts:
            if start_ms + size_ms > close_ms:
                self._add(key, value, timestamp_ms, headers, start_ms)
            else:
                self.context.drop(EXPIRED)
        if self._is_final:
            self.emit_final(headers, close_ms)

    def _add(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, start_ms: int) -> None:
        """`update` with one store key for both. As in Java, the old value of a first record is the initial one."""
        store = self._store
        store_key = store.store_key(key, start_ms)
        found = store.read(store_key)
        if found is None:
            old = self._initializer()
            new_timestamp_ms = timestamp_ms
        else:
            old, new_timestamp_ms = found
            if timestamp_ms > new_timestamp_ms:
                new_timestamp_ms = timestamp_ms
        new = self._aggregator(key, value, old)
        store.write(store_key, None if new is None else _new(ValueAndTimestamp, (new, new_timestamp_ms)))
        if not self._is_cached:
            windowed = Windowed(key, time_window(start_ms, self._size_ms))
            self.forward(windowed, Change(new, old if self._send_old_values else None), new_timestamp_ms, headers)

    def bounds(self, close_ms: int) -> tuple[int, int] | None:
        size_ms = self._size_ms
        last = close_ms - size_ms
        if last < 0:
            return None
        if self.emitted_ms == -1:
            return 0, last
        first = max(0, self.emitted_ms - size_ms) + 1
        if list(self._windows_for(last)) == list(self._windows_for(first - 1)):
            return None
        return first, last
