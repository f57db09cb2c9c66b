"""All partitions of a key-value store that are here, as one (`CompositeReadOnlyKeyValueStore`).

Each call looks anew at which partitions are here, so that the view outlives rebalances. Ranges come partition by
partition, each in the order of its keys' bytes.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ottla.streams.queries.key_range import key_range, prefix_range
from ottla.streams.state.key_value_store import TypedKeyValueStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ottla.streams.queries.readable_store import ReadableStore
    from ottla.streams.state.store import StateStore

K = TypeVar("K")
V = TypeVar("V")


class ReadOnlyKeyValueStore(Generic[K, V]):
    """Every method raises `InvalidStateStoreError` where the store is not here any more, or cannot be read now."""

    def __init__(
        self,
        stores: Callable[[], Sequence[ReadableStore]],
        value_of: Callable[[StateStore], Callable[[Any], Any]],
    ) -> None:
        self._stores = stores
        self._value_of = value_of

    def get(self, key: K) -> V | None:
        for readable in self._stores():
            found = readable.read(lambda store: _get(store, key))
            if found is not None:
                value: V = self._value_of(readable.store)(found)
                return value
        return None

    def range(self, first: K | None = None, last: K | None = None, *, reverse: bool = False) -> Iterator[tuple[K, V]]:
        """From one key to another, both inclusive."""
        return chain.from_iterable(
            [key_range(each, first, last, self._value_of(each.store), reverse=reverse) for each in self._stores()]
        )

    def all(self, *, reverse: bool = False) -> Iterator[tuple[K, V]]:
        return self.range(reverse=reverse)

    def prefix_scan(self, prefix: bytes) -> Iterator[tuple[K, V]]:
        """Keys whose bytes begin with `prefix`."""
        return chain.from_iterable([prefix_range(each, prefix, self._value_of(each.store)) for each in self._stores()])

    def approximate_num_entries(self) -> int:
        return sum(each.read(lambda store: store.approximate_num_entries()) for each in self._stores())


def _get(store: Any, key: Any) -> Any:
    return store.peek(key) if isinstance(store, TypedKeyValueStore) else store.get(key)
