"""`KTable.suppress` (KIP-328): changes wait, the last one of each key, until time is up or the buffer is full.

Time is stream time, as this operator sees it. Of windowed tables whose windows are final when they leave, deletions
need not be told: nobody ever heard of what they delete.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ottla.streams.errors import StreamsError
from ottla.streams.operator import Operator

if TYPE_CHECKING:
    from ottla.streams.change import Change
    from ottla.streams.operator import OperatorContext
    from ottla.streams.operators.table_view import TableView, ValueGetter
    from ottla.streams.record import Headers
    from ottla.streams.state.buffer_value import Saved
    from ottla.streams.state.store import ValueAndTimestamp


class Suppress(Operator):
    """Changes of windows wait `wait_ms` after the window's end (`until_window_end`), others after their own time."""

    emits_as = "suppression-emit"

    def __init__(
        self,
        store_name: str,
        wait_ms: int,
        max_records: int,
        max_bytes: int,
        *,
        shut_down_when_full: bool,
        until_window_end: bool,
    ) -> None:
        self._store_name = store_name
        self._wait_ms = wait_ms
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._shut_down_when_full = shut_down_when_full
        self._until_window_end = until_window_end
        self._observed_ms = -1

    def bind(self, context: OperatorContext) -> None:
        super().bind(context)
        buffer: Any = context.store(self._store_name)
        self._buffer = buffer
        self._record = buffer.record  # the one of the task

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        if timestamp_ms > self._observed_ms:
            self._observed_ms = timestamp_ms
        buffer = self._buffer
        time_ms = key.window.end_ms if self._until_window_end else timestamp_ms
        buffer.put(time_ms, key, value, (timestamp_ms, headers, self._record.raw))
        expiry_ms = self._observed_ms - self._wait_ms
        if buffer.min_time_ms <= expiry_ms:
            buffer.evict_while(lambda: buffer.min_time_ms <= expiry_ms, self._emit)
        if self._is_full():
            if self._shut_down_when_full:
                raise StreamsError(
                    f"{self._store_name}: the buffer exceeded its max capacity. Currently "
                    f"[{len(buffer)}/{self._max_records}] records and [{buffer.size_bytes}/{self._max_bytes}] bytes."
                )
            buffer.evict_while(self._is_full, self._emit)

    def _is_full(self) -> bool:
        return len(self._buffer) > self._max_records or self._buffer.size_bytes > self._max_bytes

    def _emit(self, key: Any, change: Change, saved: Saved) -> None:
        if change.new is None and self._until_window_end:
            return
        record = self._record
        before = record.saved()
        record.restore(saved)
        try:
            self.forward(key, change, saved[0], saved[1])
        finally:
            record.restore(before)


@dataclass(frozen=True, slots=True)
class SuppressView:
    """Of a suppressed table: what others know of it, which is the value before the one that waits."""

    parent: TableView
    store_name: str

    @property
    def store_names(self) -> tuple[str, ...]:
        return (self.store_name, *self.parent.store_names)

    def bind(self, context: OperatorContext) -> ValueGetter:
        return _SuppressGetter(self.parent.bind(context), context.store(self.store_name))


class _SuppressGetter:
    is_versioned = False

    def __init__(self, parent: ValueGetter, buffer: Any) -> None:
        self._parent = parent
        self._prior_value = buffer.prior_value

    def get(self, key: Any) -> ValueAndTimestamp | None:
        waits, prior = self._prior_value(key)
        return prior if waits else self._parent.get(key)

    def get_as_of(self, key: Any, as_of_ms: int) -> ValueAndTimestamp | None:
        raise TypeError("a suppressed table does not know its values of earlier times")
