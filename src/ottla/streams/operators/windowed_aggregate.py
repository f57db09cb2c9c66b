"""What aggregations over time windows and sliding windows have in common: a window's new result, and how it goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.streams.change import Change
from ottla.streams.operators.final_emission import EmittingAggregate
from ottla.streams.state.store import ValueAndTimestamp
from ottla.streams.windows import Window, Windowed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ottla.streams.operator import Push
    from ottla.streams.record import Headers

_new: Final = tuple.__new__


class WindowedAggregate(EmittingAggregate):
    def update(
        self, key: Any, value: Any, timestamp_ms: int, headers: Headers, window: Window, found: ValueAndTimestamp | None
    ) -> None:
        """Add a record to a window whose aggregate is `found`."""
        if found is None:
            old, new_timestamp_ms = None, timestamp_ms
        else:
            old, old_timestamp_ms = found
            new_timestamp_ms = timestamp_ms if old is None or timestamp_ms > old_timestamp_ms else old_timestamp_ms
        new = self._aggregator(key, value, old)
        self.put(key, window, None if new is None else ValueAndTimestamp(new, new_timestamp_ms))
        if not self._is_cached:
            change = Change(new, old if self._send_old_values else None)
            self.forward(Windowed(key, window), change, new_timestamp_ms, headers)

    def put(self, key: Any, window: Window, aggregate: ValueAndTimestamp | None) -> None:
        self._store.put(key, aggregate, window.start_ms)

    def due(self, first_ms: int, last_ms: int) -> Iterator[tuple[Any, Any, int]]:
        for windowed, (aggregate, timestamp_ms) in self._store.windows_due(first_ms, last_ms):
            yield windowed, aggregate, timestamp_ms

    def listener(self) -> Push:
        return self._flushed

    def _flushed(self, windowed: Any, change: Change, timestamp_ms: int, headers: Headers, /) -> None:
        new, old, is_latest = change
        if new is not None:
            new, timestamp_ms = new
        self.forward(windowed, _new(Change, (new, None if old is None else old[0], is_latest)), timestamp_ms, headers)
