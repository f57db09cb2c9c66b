"""All partitions of a session store that are here, as one (`CompositeReadOnlySessionStore`).

Times in milliseconds, inclusive. The sessions of one key are read at once.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ottla.streams.duration import LONG_MAX
from ottla.streams.queries.segment_scan import SegmentScan, is_paged
from ottla.streams.queries.store_view import StoreView

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ottla.streams.queries.readable_store import ReadableStore
    from ottla.streams.windows import Windowed

K = TypeVar("K")
V = TypeVar("V")


class ReadOnlySessionStore(StoreView[K, V], Generic[K, V]):
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
            return self._at_once(
                readable,
                lambda store: store.find_sessions_range(first, last, earliest_end_ms, latest_start_ms, reverse=reverse),
            )

        return chain.from_iterable([one(each) for each in self._stores()])

    def fetch_session(self, key: K, start_ms: int, end_ms: int) -> V | None:
        found: V | None = self._one(lambda store: store.fetch_session(key, start_ms, end_ms))
        return found

    def fetch(self, key: K, *, reverse: bool = False) -> Iterator[tuple[Windowed[K], V]]:
        return self._first(lambda store: store.fetch(key, reverse=reverse))

    def fetch_range(self, first: K | None, last: K | None, *, reverse: bool = False) -> Iterator[tuple[Windowed[K], V]]:
        return self.find_sessions_range(first, last, 0, LONG_MAX, reverse=reverse)
