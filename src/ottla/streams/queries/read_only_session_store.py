"""All partitions of a session store that are here, as one (`CompositeReadOnlySessionStore`).

Times in milliseconds, inclusive. The sessions of one key are read at once.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ottla.streams.duration import LONG_MAX
from ottla.streams.queries.segment_scan import SegmentScan, is_paged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ottla.streams.queries.readable_store import ReadableStore
    from ottla.streams.state.store import StateStore
    from ottla.streams.windows import Windowed

K = TypeVar("K")
V = TypeVar("V")


class ReadOnlySessionStore(Generic[K, V]):
    """Every method raises `InvalidStateStoreError` where the store is not here any more, or cannot be read now."""

    def __init__(
        self,
        stores: Callable[[], Sequence[ReadableStore]],
        value_of: Callable[[StateStore], Callable[[Any], Any]],
    ) -> None:
        self._stores = stores
        self._value_of = value_of

    def find_sessions(
        self, key: K, earliest_end_ms: int, latest_start_ms: int, *, reverse: bool = False
    ) -> Iterator[tuple[Windowed[K], V]]:
        """Sessions of one key that end at one time or later, and start at another or earlier."""
        return self._first(lambda store: store.find_sessions(key, earliest_end_ms, latest_start_ms, reverse=reverse))

    def find_sessions_range(
        self,
        first: K | None,
        last: K | None,
        earliest_end_ms: int,
        latest_start_ms: int,
        *,
        reverse: bool = False,
    ) -> Iterator[tuple[Windowed[K], V]]:
        """Java's `findSessions(keyFrom, keyTo, …)`."""

        def one(readable: ReadableStore) -> Iterator[tuple[Any, Any]]:
            if is_paged(readable):
                store: Any = readable.store
                keeps = store.key_filter(first, last, latest_start_ms)
                value_of = self._value_of(store)
                return SegmentScan(readable, earliest_end_ms, LONG_MAX, value_of, keeps, reverse=reverse)
            rows: list[tuple[Any, Any]] = readable.read(
                lambda store: list(
                    store.find_sessions_range(first, last, earliest_end_ms, latest_start_ms, reverse=reverse)
                )
            )
            return self._values(readable, rows)

        return chain.from_iterable([one(each) for each in self._stores()])

    def fetch_session(self, key: K, start_ms: int, end_ms: int) -> V | None:
        for readable in self._stores():
            found = readable.read(lambda store: store.fetch_session(key, start_ms, end_ms))
            if found is not None:
                value: V = self._value_of(readable.store)(found)
                return value
        return None

    def fetch(self, key: K, *, reverse: bool = False) -> Iterator[tuple[Windowed[K], V]]:
        return self._first(lambda store: store.fetch(key, reverse=reverse))

    def fetch_range(self, first: K | None, last: K | None, *, reverse: bool = False) -> Iterator[tuple[Windowed[K], V]]:
        return self.find_sessions_range(first, last, 0, LONG_MAX, reverse=reverse)

    def _first(self, read: Callable[[Any], Iterator[tuple[Any, Any]]]) -> Iterator[tuple[Any, Any]]:
        """A key is in one partition."""
        for readable in self._stores():
            rows = readable.read(lambda store: list(read(store)))
            if rows:
                return self._values(readable, rows)
        return iter(())

    def _values(self, readable: ReadableStore, rows: list[tuple[Any, Any]]) -> Iterator[tuple[Any, Any]]:
        value_of = self._value_of(readable.store)
        return ((windowed, value_of(value)) for windowed, value in rows)
