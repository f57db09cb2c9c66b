"""Bytes in memory: a dict, and beside it, from the first range on, the keys in order."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

MAX_INSERTED: Final = 64  # more new keys than this between two ranges are sorted in together
MIN_DEAD: Final = 1_000  # deleted keys stay in the order until there are this many, and more than live ones


class MemoryBytesStore:
    """`BytesStore`. Nothing outlives it, so its commits only note the position."""

    is_persistent = False

    def __init__(self) -> None:
        self._entries: dict[bytes, bytes] = {}
        self._order: list[bytes] | None = None
        self._fresh: list[bytes] = []
        self._dead: set[bytes] = set()
        self._offset: int | None = None
        self.is_open = False
        self.get: Callable[[bytes], bytes | None] = self._entries.get

    def open(self, directory: str | None) -> None:
        self.is_open = True

    def put(self, key: bytes, value: bytes | None, /) -> None:
        entries = self._entries
        if self._order is not None:
            if value is None:
                if key in entries:
                    self._dead.add(key)
            elif key not in entries:
                if key in self._dead:
                    self._dead.discard(key)
                else:
                    self._fresh.append(key)
        if value is None:
            entries.pop(key, None)
        else:
            entries[key] = value

    def put_all(self, entries: Iterable[tuple[bytes, bytes | None]], /) -> None:
        put = self.put
        for key, value in entries:
            put(key, value)

    def range(
        self, first: bytes | None, last: bytes | None, /, *, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        order = self._ordered()
        start = 0 if first is None else bisect_left(order, first)
        end = len(order) if last is None else bisect_right(order, last)
        keys = order[start:end]
        return self._pairs(reversed(keys) if reverse else keys)

    def _pairs(self, keys: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
        get = self._entries.get
        for key in keys:
            value = get(key)
            if value is not None:
                yield key, value

    def _ordered(self) -> list[bytes]:
        order = self._order
        if order is None or (len(self._dead) > MIN_DEAD and len(self._dead) > len(self._entries)):
            order = self._order = sorted(self._entries)
            self._fresh.clear()
            self._dead.clear()
        elif self._fresh:
            if len(self._fresh) <= MAX_INSERTED:
                for key in self._fresh:
                    insort(order, key)
            else:
                order += self._fresh
                order.sort()  # two sorted runs are merged, in linear time
            self._fresh.clear()
        return order

    def approximate_num_entries(self) -> int:
        return len(self._entries)

    def commit(self, offset: int | None) -> None:
        if offset is not None:
            self._offset = offset

    @property
    def committed_offset(self) -> int | None:
        return self._offset

    def close(self) -> None:
        self.is_open = False


class LruBytesStore(MemoryBytesStore):
    """No more than `max_entries`: a put beyond them drops what was used least recently, and says so to `on_evicted`."""

    def __init__(self, max_entries: int) -> None:
        super().__init__()
        self._used: OrderedDict[bytes, bytes] = OrderedDict()
        self._entries = self._used
        self._max_entries = max_entries
        self.on_evicted: Callable[[bytes], None] | None = None
        self.get = self._get

    def _get(self, key: bytes, /) -> bytes | None:
        value = self._used.get(key)
        if value is not None:
            self._used.move_to_end(key)
        return value

    def put(self, key: bytes, value: bytes | None, /) -> None:
        super().put(key, value)
        if value is not None:
            self._used.move_to_end(key)
        if len(self._used) > self._max_entries:
            eldest = next(iter(self._used))
            super().put(eldest, None)
            if self.on_evicted is not None:
                self.on_evicted(eldest)
