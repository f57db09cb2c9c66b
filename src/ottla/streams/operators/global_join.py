"""A stream looks up a global table, which every instance has whole, by whatever key it makes of the record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.streams.operator import Operator
from ottla.streams.operators.stream_table_join import NULL_KEY_OR_VALUE

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.streams.operator import OperatorContext
    from ottla.streams.operators.table_view import TableView
    from ottla.streams.record import Headers


class StreamGlobalJoin(Operator):
    """`key_selector(key, value)` is the key in the table; `joiner(key, value, global_value)`."""

    __slots__ = ("_get", "_joiner", "_key_selector", "_left", "_view")
    forwards_unchanged = True

    def __init__(
        self,
        view: TableView,
        key_selector: Callable[[Any, Any], Any],
        joiner: Callable[[Any, Any, Any], Any],
        left: bool,
    ) -> None:
        self._view = view
        self._key_selector = key_selector
        self._joiner = joiner
        self._left = left

    def bind(self, context: OperatorContext) -> None:
        super().bind(context)
        self._get = self._view.bind(context).get

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        table_key = self._key_selector(key, value)
        if value is None or (table_key is None and not self._left):
            self.context.drop(NULL_KEY_OR_VALUE)
            return
        found = None if table_key is None else self._get(table_key)
        if found is not None:
            self.forward(key, self._joiner(key, value, found[0]), timestamp_ms, headers)
        elif self._left:
            self.forward(key, self._joiner(key, value, None), timestamp_ms, headers)
