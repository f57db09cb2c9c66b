"""Aggregates of streams and of tables (Java: `KStreamAggregate`, `KStreamReduce`, `KTableAggregate`, `KTableReduce`).

An aggregate is as late as the latest record that went into it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.streams.errors import StreamsError
from ottla.streams.operator import Operator
from ottla.streams.operators.table_store import TableStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.streams.operator import OperatorContext
    from ottla.streams.record import Headers

_NULL = "the key or the value is null"


class _Aggregate(Operator):
    __slots__ = ("_send_old_values", "_store", "_store_name")

    _store: TableStore

    def __init__(self, store: str, send_old_values: bool) -> None:
        self._store_name = store
        self._send_old_values = send_old_values

    def bind(self, context: OperatorContext) -> None:
        super().bind(context)
        self._store = TableStore(context, self._store_name, self._send_old_values)


class StreamAggregate(_Aggregate):
    __slots__ = ("_aggregator", "_initializer")

    def __init__(
        self,
        store: str,
        initializer: Callable[[], Any],
        aggregator: Callable[[Any, Any, Any], Any],
        send_old_values: bool,
    ) -> None:
        super().__init__(store, send_old_values)
        self._initializer = initializer
        self._aggregator = aggregator

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        if key is None or value is None:
            self.context.drop(_NULL)
            return
        found = self._store.get(key)
        if found is None:
            aggregate = self._initializer()
        else:
            aggregate, latest_ms = found
            if latest_ms > timestamp_ms:
                timestamp_ms = latest_ms
        new = self._aggregator(key, value, aggregate)
        self._store.put_and_forward(key, new, aggregate, timestamp_ms, headers)


class StreamReduce(_Aggregate):
    __slots__ = ("_reducer",)

    def __init__(self, store: str, reducer: Callable[[Any, Any], Any], send_old_values: bool) -> None:
        super().__init__(store, send_old_values)
        self._reducer = reducer

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        if key is None or value is None:
            self.context.drop(_NULL)
            return
        found = self._store.get(key)
        if found is None:
            self._store.put_and_forward(key, value, None, timestamp_ms, headers)
            return
        old, latest_ms = found
        new = self._reducer(old, value)
        self._store.put_and_forward(key, new, old, max(timestamp_ms, latest_ms), headers)


class TableAggregate(_Aggregate):
    """What a change took away is subtracted, then what it brought is added."""

    __slots__ = ("_adder", "_initializer", "_subtractor")

    def __init__(
        self,
        store: str,
        initializer: Callable[[], Any],
        adder: Callable[[Any, Any, Any], Any],
        subtractor: Callable[[Any, Any, Any], Any],
        send_old_values: bool,
    ) -> None:
        super().__init__(store, send_old_values)
        self._initializer = initializer
        self._adder = adder
        self._subtractor = subtractor

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        if key is None:
            raise StreamsError(f"the key of a record for the table aggregate {self._store_name} is null")
        added, removed, _ = value
        found = self._store.get(key)
        old = None if found is None else found[0]
        latest_ms = timestamp_ms if found is None else max(timestamp_ms, found[1])
        aggregate = old
        if removed is not None and old is not None:
            aggregate = self._subtractor(key, removed, old)
            timestamp_ms = latest_ms
        if added is not None:
            if aggregate is None:
                aggregate = self._initializer()
            aggregate = self._adder(key, added, aggregate)
            timestamp_ms = latest_ms
        self._store.put_and_forward(key, aggregate, old, timestamp_ms, headers)


class TableReduce(_Aggregate):
    __slots__ = ("_adder", "_subtractor")

    def __init__(
        self,
        store: str,
        adder: Callable[[Any, Any], Any],
        subtractor: Callable[[Any, Any], Any],
        send_old_values: bool,
    ) -> None:
        super().__init__(store, send_old_values)
        self._adder = adder
        self._subtractor = subtractor

    def process(self, key: Any, value: Any, timestamp_ms: int, headers: Headers, /) -> None:
        if key is None:
            raise StreamsError(f"the key of a record for the table reduce {self._store_name} is null")
        added, removed, _ = value
        found = self._store.get(key)
        old = None if found is None else found[0]
        latest_ms = timestamp_ms if found is None else max(timestamp_ms, found[1])
        aggregate = old
        if removed is not None and old is not None:
            aggregate = self._subtractor(old, removed)
            timestamp_ms = latest_ms
        if added is not None:
            if aggregate is None:
                aggregate = added
            else:
                aggregate = self._adder(aggregate, added)
                timestamp_ms = latest_ms
        self._store.put_and_forward(key, aggregate, old, timestamp_ms, headers)
