"""All partitions of a window store that are here, as one (`CompositeReadOnlyWindowStore`).

Times are starts of windows in milliseconds, both ends inclusive. What a call finds in a partition it reads at once.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Generic, TypeVar

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
        return self._all(lambda store: store.fetch_range(first, last, from_ms, to_ms, reverse=reverse))

    def fetch_all(self, from_ms: int, to_ms: int, *, reverse: bool = False) -> Iterator[tuple[Windowed[K], V]]:
        return self._all(lambda store: store.fetch_all(from_ms, to_ms, reverse=reverse))

    def all(self, *, reverse: bool = False) -> Iterator[tuple[Windowed[K], V]]:
        return self._all(lambda store: store.all(reverse=reverse))

    def _all(self, read: Callable[[Any], Iterator[tuple[Any, Any]]]) -> Iterator[tuple[Any, Any]]:
        return chain.from_iterable([self._values(each, each.read(read)) for each in self._stores()])

    def _values(self, readable: ReadableStore, rows: Any) -> Iterator[tuple[Any, Any]]:
        value_of = self._value_of(readable.store)
        return ((key, value_of(value)) for key, value in rows)
