"""Which store keys there are of each record key, in order: a store key is the record key and a suffix of fixed size.

A store of windows or sessions is asked for the entries of one key all the time, and seldom for those of a range of
keys; so each key has a short sorted list of its own.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class KeyIndex:
    __slots__ = ("_by_key", "_suffix")

    def __init__(self, suffix_size: int, store_keys: Iterable[bytes] = ()) -> None:
        self._by_key: dict[bytes, list[bytes]] = {}
        self._suffix = suffix_size
        for store_key in sorted(store_keys):
            self._by_key.setdefault(store_key[:-suffix_size], []).append(store_key)

    def add(self, store_key: bytes) -> None:
        """A store key that is not there yet."""
        key = store_key[: -self._suffix]
        known = self._by_key.get(key)
        if known is None:
            self._by_key[key] = [store_key]
        elif store_key > known[-1]:
            known.append(store_key)
        else:
            known.insert(bisect_left(known, store_key), store_key)

    def discard(self, store_key: bytes) -> None:
        key = store_key[: -self._suffix]
        known = self._by_key.get(key)
        if known is None:
            return
        at = bisect_left(known, store_key)
        if at < len(known) and known[at] == store_key:
            del known[at]
            if not known:
                del self._by_key[key]

    def between(self, key: bytes, first: bytes, last: bytes) -> list[bytes]:
        """The store keys of `key` from `first` to `last`, both inclusive."""
        known = self._by_key.get(key)
        if known is None:
            return []
        return known[bisect_left(known, first) : bisect_right(known, last)]

    def clear(self) -> None:
        self._by_key.clear()
