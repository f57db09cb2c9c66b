"""What views of all partitions of a store have in common: each call looks anew at which of them are here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ottla.streams.queries.readable_store import ReadableStore
    from ottla.streams.state.store import StateStore

K = TypeVar("K")
V = TypeVar("V")


class StoreView(Generic[K, V]):
    """Every method raises `InvalidStateStoreError` where the store is not here any more, or cannot be read now."""

    def __init__(
        self,
        stores: Callable[[], Sequence[ReadableStore]],
        value_of: Callable[[StateStore], Callable[[Any], Any]],
    ) -> None:
        self._stores = stores
        self._value_of = value_of

    def _one(self, read: Callable[[Any], Any]) -> Any:
        """The value of the first partition that has it: a key is in one of them."""
        for readable in self._stores():
            found = readable.read(read)
            if found is not None:
                return self._value_of(readable.store)(found)
        return None

    def _first(self, read: Callable[[Any], Iterator[tuple[Any, Any]]]) -> Iterator[tuple[Any, Any]]:
        """The rows of the first partition that has any."""
        for readable in self._stores():
            rows = readable.read(lambda store: list(read(store)))
            if rows:
                return self._values(readable, rows)
        return iter(())

    def _at_once(
        self, readable: ReadableStore, read: Callable[[Any], Iterator[tuple[Any, Any]]]
    ) -> Iterator[tuple[Any, Any]]:
        return self._values(readable, readable.read(lambda store: list(read(store))))

    def _values(self, readable: ReadableStore, rows: list[tuple[Any, Any]]) -> Iterator[tuple[Any, Any]]:
        value_of = self._value_of(readable.store)
        return ((key, value_of(value)) for key, value in rows)
