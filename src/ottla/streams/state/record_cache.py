"""The cache of one store: entries in the order of their use, the dirty ones in the order of their last write (KIP-63).

Kafka Streams' `NamedCache`, its sizes of entries included, so that a cache of a given size is flushed by the same write
as there. An entry stays after a flush, clean, until room is needed: reads find it, even where the store below has let
it expire.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ottla.streams.record import Headers, RawRecord
    from ottla.streams.state.key_index import KeyIndex

NODE_BYTES: Final = 3 * 8 + 1 + 8 + 8 + 4  # links, the dirty flag, timestamp, offset, partition


Saved = tuple[int, "Headers", "RawRecord | None"]
"""`CurrentRecord.saved()`."""


class CacheEntry(NamedTuple):
    """`record` is what was processed when it was written."""

    value: bytes | None
    """Its bytes, where they are made already."""
    record: Saved
    size: int
    typed: Any = None
    """What the bytes are of, where nobody can change that. Neither this nor bytes: a deletion, which readers see."""

    @property
    def is_deletion(self) -> bool:
        return self.value is None and self.typed is None


_new: Final = tuple.__new__  # of named tuples: a third less than to call them


class RecordCache:
    __slots__ = ("_dirty", "_entries", "_flush", "_index", "_max_bytes", "_overhead", "_size", "misses")

    def __init__(
        self,
        max_bytes: int,
        flush: Callable[[list[tuple[bytes, CacheEntry]]], None],
        index: KeyIndex | None = None,
        key_overhead: int = 0,
    ) -> None:
        self._entries: OrderedDict[bytes, CacheEntry] = (
            OrderedDict()
        )  # whose first one is found at once, unlike a dict's
        self._dirty: dict[bytes, None] = {}
        self._max_bytes = max_bytes
        self._flush = flush
        self._index = index
        self._overhead = NODE_BYTES + key_overhead
        self._size = 0
        self.misses = 0

    def get(self, key: bytes) -> CacheEntry | None:
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
        else:
            self.misses += 1
        return entry

    def peek(self, key: bytes) -> CacheEntry | None:
        """As a range reads: nobody takes note of the use."""
        return self._entries.get(key)

    def put(self, key: bytes, value: bytes | None, record: Saved, typed: Any = None, value_size: int = 0) -> None:
        """`value_size`: how many bytes the value has, or will have when they are made of `typed`."""
        size = self._overhead + len(key) + value_size
        _, headers, raw = record
        if raw is not None:
            size += len(raw.topic)
        if headers:
            size += sum(len(name) + len(each or b"") for name, each in headers)
        entries, dirty = self._entries, self._dirty
        before = entries.get(key)
        entries[key] = _new(CacheEntry, (value, record, size, typed))
        if before is not None:
            self._size += size - before[2]
            entries.move_to_end(key)
            dirty.pop(key, None)
        else:
            self._size += size
            if self._index is not None:
                self._index.add(key)
        dirty[key] = None
        while self._size > self._max_bytes and entries:
            self._evict()

    def flush(self) -> None:
        self._flush_dirty(None)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._entries)

    def between(self, key: bytes, first: bytes, last: bytes) -> list[bytes]:
        """The cached store keys of one record key, in order."""
        return [] if self._index is None else self._index.between(key, first, last)

    def clear(self) -> None:
        self._entries.clear()
        self._dirty.clear()
        self._size = 0
        if self._index is not None:
            self._index.clear()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def size_bytes(self) -> int:
        return self._size

    def _evict(self) -> None:
        key, entry = self._entries.popitem(last=False)
        self._size -= entry[2]
        if self._index is not None:
            self._index.discard(key)
        if key in self._dirty:
            del self._dirty[key]
            self._flush_dirty((key, entry))

    def _flush_dirty(self, first: tuple[bytes, CacheEntry] | None) -> None:
        """What is about to be evicted comes first, whatever its place was."""
        if not self._dirty and first is None:
            return
        entries = [] if first is None else [first]
        entries += [(key, self._entries[key]) for key in self._dirty]
        self._dirty.clear()
        self._flush(entries)
        for key, entry in entries:
            # A listener may have written the key again: then this entry is no longer there.
            if entry.is_deletion and self._entries.get(key) is entry:
                self._remove(key)

    def _remove(self, key: bytes) -> CacheEntry:
        entry = self._entries.pop(key)
        self._size -= entry.size
        if self._index is not None:
            self._index.discard(key)
        return entry
