"""A stream looks up a table by its key: as it is now, or, of a versioned table, as it was at the record's time.

With a grace period records wait in a buffer until stream time has passed them by so much; then the table has, most
likely, everything that was written before (KIP-923).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.streams.errors import StreamsError
from ottla.streams.operator import Operator

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.streams.operator import OperatorContext
    from ottla.streams.operators.table_view import TableView
    from ottla.streams.record import Headers

NULL_KEY_OR_VALUE = "the join key or the value is null"


class StreamTableJoin(Operator):
    """`joiner(key, value, table_value)`; with `left` it is asked with None, too, where the table has no value."""

    __slots__ = ("_buffer", "_buffer_name", "_get", "_get_as_of", "_grace_ms", "_joiner", "_left", "_view")

    def __init__(
        self,
        view: TableView,
        joiner: Callable[[Any, Any, Any], Any],
        left: bool,
        grace_ms: int | None = None,
        buffer: str | None = None,
    ) -> None:
        self._view = view
        self._joiner = joiner
        self._left = left
        self._grace_ms = grace_ms
        self._buffer_name = buffer
        self._buffer: Any = None

    def bind(self, context: OperatorContext) -> None:
        super().bind(context)
        getter = self._view.bind(context)
        self._get = getter.get
        self._get_as_of = getter.get_as_of if getter.is_versioned else None
        if self._grace_ms is None:
            return
        if not getter.is_versioned:
            raise StreamsError("a stream-table join has a grace period, but its table is not versioned")
        if self._buffer_name is not None:
            self._buffer = context.store(self._buffer_name)

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        if value is None or (key is None and not self._left):
            self.context.drop(NULL_KEY_OR_VALUE)
            return
        buffer = self._buffer
        if buffer is None or not buffer.put(key, value, timestamp_ms, headers):
            self._join(key, value, timestamp_ms, headers)
        else:
            buffer.evict(self._join)

    def _join(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        if key is None:
            found = None
        elif self._get_as_of is not None:
            found = self._get_as_of(key, timestamp_ms)
        else:
            found = self._get(key)
        if found is not None:
            self.forward(key, self._joiner(key, value, found[0]), timestamp_ms, headers)
        elif self._left:
            self.forward(key, self._joiner(key, value, None), timestamp_ms, headers)
