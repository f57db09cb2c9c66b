"""Tables: a topic read as one, filtered and mapped, and the ways from and to streams.

`store` is None for a table that nobody looks up and nobody needs old values of: then it holds nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.streams.change import Change
from ottla.streams.errors import StreamsError
from ottla.streams.operator import Operator
from ottla.streams.operators.table_store import TableStore
from ottla.streams.processor_context import ReadOnlyProcessorContext

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.streams.operator import OperatorContext
    from ottla.streams.record import Headers


class TableOperator(Operator):
    """A node that has a store of its own, or none."""

    __slots__ = ("_send_old_values", "_store", "_store_name")

    _store: TableStore | None

    def __init__(self, store: str | None, send_old_values: bool) -> None:
        self._store_name = store
        self._send_old_values = send_old_values

    def bind(self, context: OperatorContext) -> None:
        super().bind(context)
        name = self._store_name
        self._store = None if name is None else TableStore(context, name, self._send_old_values)


class TableSource(TableOperator):
    """From a stream of values to a table, of a topic or of a stream within the topology."""

    __slots__ = ()

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        if key is None:
            self.context.drop("the key is null")
            return
        store = self._store
        if store is None:
            self.forward(key, Change(value, None), timestamp_ms, headers)
            return
        old = None if store.is_cached or not self._send_old_values else store.value_of(key)
        store.put_and_forward(key, value, old, timestamp_ms, headers)


class TableFilter(TableOperator):
    __slots__ = ("_negate", "_predicate", "_versioned")

    def __init__(
        self,
        predicate: Callable[[Any, Any], bool],
        negate: bool,
        store: str | None,
        send_old_values: bool,
        versioned: bool,
    ) -> None:
        super().__init__(store, send_old_values)
        self._predicate = predicate
        self._negate = negate
        self._versioned = versioned

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        new, old, is_latest = value
        store = self._store
        new = self._kept(key, new)
        if not self._send_old_values:
            old = None
        else:
            old = self._kept(key, old) if store is None else store.value_of(key)
            if new is None and old is None and not self._versioned:
                return
        if store is not None:
            store.put_and_forward(key, new, old, timestamp_ms, headers)
        else:
            self.forward(key, Change(new, old, is_latest), timestamp_ms, headers)

    def _kept(self, key: Any, value: Any) -> Any:
        return value if value is not None and bool(self._predicate(key, value)) is not self._negate else None


class TableMapValues(TableOperator):
    __slots__ = ("_mapper",)

    def __init__(self, mapper: Callable[[Any, Any], Any], store: str | None, send_old_values: bool) -> None:
        super().__init__(store, send_old_values)
        self._mapper = mapper

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        new, old, is_latest = value
        store, mapper = self._store, self._mapper
        if new is not None:
            new = mapper(key, new)
        if not self._send_old_values:
            old = None
        elif store is not None:
            old = store.value_of(key)
        elif old is not None:
            old = mapper(key, old)
        if store is not None:
            store.put_and_forward(key, new, old, timestamp_ms, headers)
        else:
            self.forward(key, Change(new, old, is_latest), timestamp_ms, headers)


class TableTransformValues(TableOperator):
    """The transformer is asked of deletions, too: its value is None then."""

    __slots__ = ("_transformer",)

    def __init__(self, transformer: Any, store: str | None, send_old_values: bool) -> None:
        super().__init__(store, send_old_values)
        self._transformer = transformer

    def bind(self, context: OperatorContext) -> None:
        super().bind(context)
        self._transformer.init(ReadOnlyProcessorContext(context))

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        new, old, is_latest = value
        store, transform = self._store, self._transformer.transform
        new = transform(key, new)
        if not self._send_old_values:
            old = None
        else:
            old = transform(key, old) if store is None else store.value_of(key)
        if store is not None:
            store.put_and_forward(key, new, old, timestamp_ms, headers)
        else:
            self.forward(key, Change(new, old, is_latest), timestamp_ms, headers)

    def close(self) -> None:
        self._transformer.close()


class TableToStream(Operator):
    __slots__ = ()
    forwards_unchanged = True

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        self.forward(key, value[0], timestamp_ms, headers)


class TableRepartitionMap(Operator):
    """Regroups a table: what left a group, and what came to one, may go to different partitions.

    While an application is upgraded from before 3.5, whose readers know no form with both values, they go apart.
    """

    __slots__ = ("_mapper", "_together", "_versioned")
    forwards_unchanged = True

    def __init__(self, mapper: Callable[[Any, Any], tuple[Any, Any]], versioned: bool) -> None:
        self._mapper = mapper
        self._versioned = versioned
        self._together = True

    def bind(self, context: OperatorContext) -> None:
        super().bind(context)
        self._together = context.config.get("upgrade.from") not in _BEFORE_3_5

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        if key is None:
            raise StreamsError("the key of a table's record is null, so it cannot be grouped")
        new, old, is_latest = value
        if self._versioned and not is_latest:
            return
        new_key = old_key = None
        if new is not None:
            new_key, new = self._mapper(key, new)
        if old is not None:
            old_key, old = self._mapper(key, old)
        has_new = new_key is not None and new is not None
        has_old = old_key is not None and old is not None
        if has_new and has_old and self._together and new_key == old_key:
            self.forward(old_key, Change(new, old, is_latest), timestamp_ms, headers)
            return
        if has_old:
            self.forward(old_key, Change(None, old, is_latest), timestamp_ms, headers)
        if has_new:
            self.forward(new_key, Change(new, None, is_latest), timestamp_ms, headers)


_BEFORE_3_5 = frozenset(("2.4", "2.5", "2.6", "2.7", "2.8", "3.0", "3.1", "3.2", "3.3", "3.4"))
