"""Timestamped stores as a test likes to see them: values without timestamps.

What a test puts gets the timestamp -1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.streams.state.headers_key_value_store import HeadersKeyValueStore
from ottla.streams.state.store import KeyValueStore, StateStore, ValueAndTimestamp, ValueTimestampHeaders, WindowStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ottla.streams.record import Headers
    from ottla.streams.state.store import StoreContext
    from ottla.streams.windows import Windowed

NO_TIMESTAMP = -1


def _value(found: Any) -> Any:
    return None if found is None else found[0]


def _timed(value: Any) -> ValueAndTimestamp | None:
    return None if value is None else ValueAndTimestamp(value, NO_TIMESTAMP)


class _Facade(StateStore):
    def __init__(self, store: Any) -> None:
        self.name = store.name
        self._store = store

    @property
    def is_persistent(self) -> bool:
        return bool(self._store.is_persistent)

    @property
    def is_open(self) -> bool:
        return bool(self._store.is_open)

    def open(self, context: StoreContext) -> None:
        self._store.open(context)

    def restore(self, records: Iterable[tuple[bytes, bytes | None, int, Headers]]) -> None:
        self._store.restore(records)

    def flush(self) -> None:
        self._store.flush()

    def commit(self, changelog_offset: int | None) -> None:
        self._store.commit(changelog_offset)

    @property
    def committed_offset(self) -> int | None:
        offset: int | None = self._store.committed_offset
        return offset

    def close(self) -> None:
        self._store.close()


class PlainKeyValues(_Facade, KeyValueStore):
    def get(self, key: Any) -> Any | None:
        return _value(self._store.get(key))

    def put(self, key: Any, value: Any | None) -> None:
        self._store.put(key, self._timed(value))

    def put_if_absent(self, key: Any, value: Any) -> Any | None:
        return _value(self._store.put_if_absent(key, self._timed(value)))

    def _timed(self, value: Any) -> Any:
        if value is not None and isinstance(self._store, HeadersKeyValueStore):
            return ValueTimestampHeaders(value, NO_TIMESTAMP)
        return _timed(value)

    def delete(self, key: Any) -> Any | None:
        return _value(self._store.delete(key))

    def range(
        self, first: Any | None = None, last: Any | None = None, *, reverse: bool = False
    ) -> Iterator[tuple[Any, Any]]:
        return ((key, _value(each)) for key, each in self._store.range(first, last, reverse=reverse))

    def prefix_scan(self, prefix: bytes) -> Iterator[tuple[Any, Any]]:
        return ((key, _value(each)) for key, each in self._store.prefix_scan(prefix))

    def approximate_num_entries(self) -> int:
        return int(self._store.approximate_num_entries())


class PlainWindows(_Facade, WindowStore):
    def __init__(self, store: Any) -> None:
        super().__init__(store)
        self.retention_ms = store.retention_ms
        self.window_size_ms = store.window_size_ms

    def put(self, key: Any, value: Any | None, window_start_ms: int) -> None:
        self._store.put(key, _timed(value), window_start_ms)

    def get(self, key: Any, window_start_ms: int) -> Any | None:
        return _value(self._store.get(key, window_start_ms))

    def fetch(self, key: Any, from_ms: int, to_ms: int, *, reverse: bool = False) -> Iterator[tuple[int, Any]]:
        return ((start, _value(each)) for start, each in self._store.fetch(key, from_ms, to_ms, reverse=reverse))

    def fetch_range(
        self, first: Any | None, last: Any | None, from_ms: int, to_ms: int, *, reverse: bool = False
    ) -> Iterator[tuple[Windowed[Any], Any]]:
        found = self._store.fetch_range(first, last, from_ms, to_ms, reverse=reverse)
        return ((windowed, _value(each)) for windowed, each in found)

    def fetch_all(self, from_ms: int, to_ms: int, *, reverse: bool = False) -> Iterator[tuple[Windowed[Any], Any]]:
        return ((windowed, _value(each)) for windowed, each in self._store.fetch_all(from_ms, to_ms, reverse=reverse))

    def all(self, *, reverse: bool = False) -> Iterator[tuple[Windowed[Any], Any]]:
        return ((windowed, _value(each)) for windowed, each in self._store.all(reverse=reverse))
