"""All partitions of a window store that are here, as one (`CompositeReadOnlyWindowStore`).

Times are starts of windows in milliseconds, both ends inclusive. The windows of one key are read at once.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ottla.streams.duration import LONG_MAX
from ottla.streams.queries.segment_scan import SegmentScan, is_paged
from ottla.streams.queries.store_view import StoreView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ottla.streams.queries.readable_store import ReadableStore
    from ottla.streams.windows import Windowed

K = TypeVar("K")
V = TypeVar("V")


class ReadOnlyWindowStore(StoreView[K, V], Generic[K, V]):
    def get(self, key: K, window_start_ms: int) -> V | None:
        """Java's `fetch(key, time)`."""
        found: V | None = self._one(lambda store: store.get(key, window_start_ms))
        return found

    def fetch(self, key: K, from_ms: int, to_ms: int, *, reverse: bool = False) -> Iterator[tuple[int, V]]:
        """Starts and values of the windows of one key: of the first partition that has any."""
        return self._first(lambda store: store.fetch(key, from_ms, to_ms, reverse=reverse))

    def fetch_range(
        self, first: K | None, last: K | None, from_ms: int, to_ms: int, *, reverse: bool = False
    ) -> Iterator[tuple[Windowed[K], V]]:
        def one(readable: ReadableStore) -> Iterator[tuple[Any, Any]]:
            if is_paged(readable):
                store: Any = readable.store
                keeps = store.key_filter(first, last)
                return self._scan(readable, from_ms, to_ms, keeps, reverse=reverse)
            return self._at_once(
                readable, lambda store: store.fetch_range(first, last, from_ms, to_ms, reverse=reverse)
            )

        return chain.from_iterable([one(each) for each in self._stores()])

    def fetch_all(self, from_ms: int, to_ms: int, *, reverse: bool = False) -> Iterator[tuple[Windowed[K], V]]:
        def one(readable: ReadableStore) -> Iterator[tuple[Any, Any]]:
            if is_paged(readable):
                return self._scan(readable, from_ms, to_ms, None, reverse=reverse)
            return self._at_once(readable, lambda store: store.fetch_all(from_ms, to_ms, reverse=reverse))

        return chain.from_iterable([one(each) for each in self._stores()])

    def all(self, *, reverse: bool = False) -> Iterator[tuple[Windowed[K], V]]:
        return self.fetch_all(0, LONG_MAX, reverse=reverse)

    def _scan(
        self,
        readable: ReadableStore,
        from_ms: int,
        to_ms: int,
        keeps: Callable[[bytes], bool] | None,
        *,
        reverse: bool,
    ) -> Iterator[tuple[Any, Any]]:
        return SegmentScan(readable, from_ms, to_ms, self._value_of(readable.store), keeps, reverse=reverse)
