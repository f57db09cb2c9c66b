"""Aggregation over sliding windows (KIP-450; Java: `KStreamSlidingWindowAggregate`).

There is a window that ends at each record (its left one), and one that starts a millisecond after it (its right one)
once a later record falls into it. A record is added to the windows around it, and makes up to three new ones: its left
window, its right window, and the right window of the record before it, which was empty until now.

    the record at t, difference d:   [t-d ……… t]  left        [t+1 ……… t+1+d]  right
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.streams.change import Change
from ottla.streams.operators.final_emission import EXPIRED, NO_KEY_OR_VALUE
from ottla.streams.operators.windowed_aggregate import WindowedAggregate
from ottla.streams.state.store import ValueAndTimestamp
from ottla.streams.windows import Window, Windowed

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.streams.record import Headers
    from ottla.streams.windows import EmitStrategy, SlidingWindows


class SlidingWindowAggregate(WindowedAggregate):
    def __init__(
        self,
        windows: SlidingWindows,
        store_name: str,
        emit_strategy: EmitStrategy,
        initializer: Callable[[], Any],
        aggregator: Callable[[Any, Any, Any], Any],
        send_old_values: bool,
    ) -> None:
        super().__init__(store_name, emit_strategy, initializer, aggregator, send_old_values)
        self._difference_ms = windows.time_difference_ms
        self._grace_ms = windows.grace_period_ms
        self._close_ms = -1

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        if key is None or value is None:
            self.context.drop(NO_KEY_OR_VALUE)
            return
        if timestamp_ms > self._observed_ms:
            self._observed_ms = timestamp_ms
        self._close_ms = close_ms = self._observed_ms - self._grace_ms
        if timestamp_ms + self._difference_ms < close_ms:
            self.context.drop(EXPIRED)
            return
        if timestamp_ms < self._difference_ms:
            self._process_early(key, value, timestamp_ms, headers)
            return
        self._process(key, value, timestamp_ms, headers)
        if self._is_final:
            self.emit_final(headers, close_ms)

    def _process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers) -> None:
        """From the latest window that can matter backwards, until one ends before the record."""
        difference_ms = self._difference_ms
        starts: set[int] = set()
        left: ValueAndTimestamp | None = None
        right: ValueAndTimestamp | None = None
        has_left = has_right = False
        previous_ms: int | None = None
        earliest = max(0, timestamp_ms - 2 * difference_ms)
        for start_ms, found in self._store.fetch(key, earliest, timestamp_ms + 1, reverse=True):
            starts.add(start_ms)
            end_ms = start_ms + difference_ms
            if start_ms == timestamp_ms + 1:
                has_right = True
            elif end_ms > timestamp_ms:
                if right is None:
                    right = found
                self._add(key, value, timestamp_ms, headers, Window(start_ms, end_ms), found)
            elif end_ms == timestamp_ms:
                has_left = True
                self._add(key, value, timestamp_ms, headers, Window(start_ms, end_ms), found)
                if found.timestamp_ms >= timestamp_ms:
                    return  # a record was here before: there is nothing new to make
                previous_ms = found.timestamp_ms
            else:
                left = found
                previous_ms = found.timestamp_ms
                break
        if previous_ms is not None:
            start_ms = previous_ms + 1
            if start_ms not in starts and start_ms + difference_ms >= timestamp_ms:
                self._make(key, value, timestamp_ms, headers, start_ms, self._initializer())
        if not has_left:
            start_ms = timestamp_ms - difference_ms
            continues = left is not None and previous_ms is not None and start_ms <= previous_ms
            initial = left.value if continues and left is not None else self._initializer()
            self._make(key, value, timestamp_ms, headers, start_ms, initial)
        if not has_right and right is not None and right.timestamp_ms > timestamp_ms:
            self._make_right(key, timestamp_ms, headers, right)

    def _process_early(self, key: Any, value: Any, timestamp_ms: int, headers: Headers) -> None:
        """No window starts before time does: all records of the first stretch share the window from 0 as their left."""
        combined: ValueAndTimestamp | None = None
        right: ValueAndTimestamp | None = None
        has_right = False
        previous_ms: int | None = None
        starts: set[int] = set()
        for start_ms, found in self._store.fetch(key, 0, timestamp_ms + 1):
            starts.add(start_ms)
            if start_ms == 0:
                combined = found
                if found.timestamp_ms < timestamp_ms:
                    previous_ms = found.timestamp_ms
            elif start_ms <= timestamp_ms:
                right = found
                window = Window(start_ms, start_ms + self._difference_ms)
                self._add(key, value, timestamp_ms, headers, window, found)
            else:
                has_right = True
        if right is None and combined is not None and combined.timestamp_ms > timestamp_ms:
            right = combined
        if not has_right and right is not None and right.timestamp_ms > timestamp_ms:
            self._make_right(key, timestamp_ms, headers, right)
        if previous_ms is not None and previous_ms + 1 not in starts:
            self._make(key, value, timestamp_ms, headers, previous_ms + 1, self._initializer())
        if combined is None:
            combined = ValueAndTimestamp(self._initializer(), timestamp_ms)
        self._add(key, value, timestamp_ms, headers, Window(0, self._difference_ms), combined)

    def _make(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, start_ms: int, initial: Any) -> None:
        window = Window(start_ms, start_ms + self._difference_ms)
        self._add(key, value, timestamp_ms, headers, window, ValueAndTimestamp(initial, timestamp_ms))

    def _make_right(self, key: Any, timestamp_ms: int, headers: Headers, aggregate: ValueAndTimestamp) -> None:
        """The record's own right window has what the window around both it and the later records has, without it."""
        start_ms = timestamp_ms + 1
        window = Window(start_ms, start_ms + self._difference_ms)
        self.put(key, window, aggregate)
        if not self._is_cached:
            self.forward(Windowed(key, window), Change(aggregate.value, None), aggregate.timestamp_ms, headers)

    def _add(
        self, key: Any, value: Any, timestamp_ms: int, headers: Headers, window: Window, found: ValueAndTimestamp
    ) -> None:
        if window.end_ms >= self._close_ms:
            self.update(key, value, timestamp_ms, headers, window, found)
        else:
            self.context.drop(EXPIRED)

    def bounds(self, close_ms: int) -> tuple[int, int] | None:
        last = close_ms - self._difference_ms - 1
        if last < 0:
            return None
        return (0 if self.emitted_ms == -1 else max(0, self.emitted_ms - self._difference_ms)), last
