"""The kinds of stores that version 1 of interactive queries reads, and the views of them (`QueryableStoreTypes`).

A kind of one's own, for a store of one's own, has `accepts` and `create` as these have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from ottla.streams.queries.read_only_key_value_store import ReadOnlyKeyValueStore
from ottla.streams.queries.read_only_session_store import ReadOnlySessionStore
from ottla.streams.queries.read_only_window_store import ReadOnlyWindowStore
from ottla.streams.queries.stored_value import as_it_is, has_headers, is_key_value, is_timestamped, plain, timestamped
from ottla.streams.state.store import SessionStore, WindowStore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ottla.streams.queries.readable_store import ReadableStore
    from ottla.streams.state.store import (
        AggregationWithHeaders,
        StateStore,
        ValueAndTimestamp,
        ValueTimestampHeaders,
    )

T = TypeVar("T", covariant=True)


class QueryableStoreType(Protocol[T]):
    def accepts(self, store: StateStore, /) -> bool: ...

    def create(self, stores: Callable[[], Sequence[ReadableStore]], /) -> T:
        """`stores` gives those that are here now, at least one, or raises `InvalidStateStoreError`."""


class _Kind(Generic[T]):
    def __init__(
        self,
        name: str,
        accepts: Callable[[StateStore], bool],
        create: Callable[[Callable[[], Sequence[ReadableStore]]], T],
    ) -> None:
        self._name = name
        self._accepts = accepts
        self._create = create

    def accepts(self, store: StateStore, /) -> bool:
        return self._accepts(store)

    def create(self, stores: Callable[[], Sequence[ReadableStore]], /) -> T:
        return self._create(stores)

    def __repr__(self) -> str:
        return self._name


def _as_it_is(store: StateStore) -> Callable[[Any], Any]:
    return as_it_is


def _is_window(store: StateStore) -> bool:
    return isinstance(store, WindowStore)


def _is_session(store: StateStore) -> bool:
    return isinstance(store, SessionStore)


_KEY_VALUE: Final[_Kind[ReadOnlyKeyValueStore[Any, Any]]] = _Kind(
    "key-value store", is_key_value, lambda stores: ReadOnlyKeyValueStore(stores, plain)
)
_TIMESTAMPED: Final[_Kind[ReadOnlyKeyValueStore[Any, ValueAndTimestamp]]] = _Kind(
    "timestamped key-value store",
    lambda store: is_key_value(store) and is_timestamped(store),
    lambda stores: ReadOnlyKeyValueStore(stores, timestamped),
)
_WITH_HEADERS: Final[_Kind[ReadOnlyKeyValueStore[Any, ValueTimestampHeaders]]] = _Kind(
    "timestamped key-value store with headers",
    lambda store: is_key_value(store) and has_headers(store),
    lambda stores: ReadOnlyKeyValueStore(stores, _as_it_is),
)
_WINDOW: Final[_Kind[ReadOnlyWindowStore[Any, Any]]] = _Kind(
    "window store", _is_window, lambda stores: ReadOnlyWindowStore(stores, plain)
)
_TIMESTAMPED_WINDOW: Final[_Kind[ReadOnlyWindowStore[Any, ValueAndTimestamp]]] = _Kind(
    "timestamped window store",
    lambda store: _is_window(store) and is_timestamped(store),
    lambda stores: ReadOnlyWindowStore(stores, timestamped),
)
_WINDOW_WITH_HEADERS: Final[_Kind[ReadOnlyWindowStore[Any, ValueTimestampHeaders]]] = _Kind(
    "timestamped window store with headers",
    lambda store: _is_window(store) and has_headers(store),
    lambda stores: ReadOnlyWindowStore(stores, _as_it_is),
)
_SESSION: Final[_Kind[ReadOnlySessionStore[Any, Any]]] = _Kind(
    "session store", _is_session, lambda stores: ReadOnlySessionStore(stores, plain)
)
_SESSION_WITH_HEADERS: Final[_Kind[ReadOnlySessionStore[Any, AggregationWithHeaders]]] = _Kind(
    "session store with headers",
    lambda store: _is_session(store) and has_headers(store),
    lambda stores: ReadOnlySessionStore(stores, _as_it_is),
)


class QueryableStoreTypes:
    @staticmethod
    def key_value_store() -> QueryableStoreType[ReadOnlyKeyValueStore[Any, Any]]:
        """Values alone, of timestamped stores, too."""
        return _KEY_VALUE

    @staticmethod
    def timestamped_key_value_store() -> QueryableStoreType[ReadOnlyKeyValueStore[Any, ValueAndTimestamp]]:
        return _TIMESTAMPED

    @staticmethod
    def timestamped_key_value_store_with_headers() -> QueryableStoreType[
        ReadOnlyKeyValueStore[Any, ValueTimestampHeaders]
    ]:
        return _WITH_HEADERS

    @staticmethod
    def window_store() -> QueryableStoreType[ReadOnlyWindowStore[Any, Any]]:
        """Values alone, of timestamped stores, too."""
        return _WINDOW

    @staticmethod
    def timestamped_window_store() -> QueryableStoreType[ReadOnlyWindowStore[Any, ValueAndTimestamp]]:
        return _TIMESTAMPED_WINDOW

    @staticmethod
    def timestamped_window_store_with_headers() -> QueryableStoreType[ReadOnlyWindowStore[Any, ValueTimestampHeaders]]:
        return _WINDOW_WITH_HEADERS

    @staticmethod
    def session_store() -> QueryableStoreType[ReadOnlySessionStore[Any, Any]]:
        """Values alone, of stores with headers, too."""
        return _SESSION

    @staticmethod
    def session_store_with_headers() -> QueryableStoreType[ReadOnlySessionStore[Any, AggregationWithHeaders]]:
        return _SESSION_WITH_HEADERS
