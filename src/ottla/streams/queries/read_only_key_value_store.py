"""All partitions of a key-value store that are here, as one (`CompositeReadOnlyKeyValueStore`).

Each call looks anew at which partitions are here, so that the view outlives rebalances. Ranges come partition by
partition, each in the order of its keys' bytes.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ottla.streams.queries.key_range import key_range, prefix_range
from ottla.streams.queries.store_view import StoreView
from ottla.streams.state.key_value_store import TypedKeyValueStore

if TYPE_CHECKING:
    from collections.abc import Iterator

K = TypeVar("K")
V = TypeVar("V")


class ReadOnlyKeyValueStore(StoreView[K, V], Generic[K, V]):
    def get(self, key: K) -> V | None:
        found: V | None = self._one(lambda store: _get(store, key))
        return found

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
