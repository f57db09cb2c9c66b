"""All partitions of a window store that are here, as one (`CompositeReadOnlyWindowStore`).

Times are starts of windows in milliseconds, both ends inclusive. The windows of one key are read at once.
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


class ReadOnlyWindowStore(Generic[K, V]):
    """Every method raises `InvalidStateStoreError` where the store is not here any more, or cannot be read now."""

    def __init__(
        self,
        stores: Callable[[], Sequence[ReadableStore]],
        value_of: Callable[[StateStore], Callable[[Any], Any]],
    ) -> None:
        self._stores = stores
        self._value_of = value_of

    def get(self, key: K, window_start_ms: int) -> V | None:
        """Java's `fetch(key, time)`."""
        for readable in self._stores():
            found = readable.read(lambda store: store.get(key, window_start_ms))
            if found is not None:
                value: V = self._value_of(readable.store)(found)
                return value
        return None

    def fetch(self, key: K, from_ms: int, to_ms: int, *, reverse: bool = False) -> Iterator[tuple[int, V]]:
        """Starts and values of the windows of one key: of the first partition that has any."""
        for readable in self._stores():
            rows = readable.read(lambda store: list(store.fetch(key, from_ms, to_ms, reverse=reverse)))
            if rows:
                return self._values(readable, rows)
        return iter(())

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

    def _at_once(
        self, readable: ReadableStore, read: Callable[[Any], Iterator[tuple[Any, Any]]]
    ) -> Iterator[tuple[Any, Any]]:
        return self._values(readable, readable.read(lambda store: list(read(store))))

    def _values(self, readable: ReadableStore, rows: Any) -> Iterator[tuple[Any, Any]]:
        value_of = self._value_of(readable.store)
        return ((key, value_of(value)) for key, value in rows)
