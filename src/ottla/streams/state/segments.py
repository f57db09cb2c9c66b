"""The segments of a store that forgets: entries of one stretch of time lie together and are dropped together.

Which entries a reader sees is decided by the observed stream time alone (the greatest time that was ever written), to
the millisecond; segments only bound what is kept. Java: `AbstractSegments`, `AbstractRocksDBSegmentedBytesStore`. Its
stores in memory have no segments: late writes are refused one by one, and `all()` is by time. Ours have, and show the
same (but for sessions of one key and end, which come by their starts as in RocksDB).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Final, Protocol

from ottla.streams.state.key_index import KeyIndex

if TYPE_CHECKING:
    from collections.abc import Iterable

MIN_SEGMENT_INTERVAL_MS: Final = 60_000


def segment_interval_ms(retention_ms: int) -> int:
    return max(retention_ms // 2, MIN_SEGMENT_INTERVAL_MS)


class Segment(Protocol):
    newest_ms: int
    """No entry has a later time than this, as far as whoever writes it takes care: nothing later need be looked for."""

    @property
    def id(self) -> int: ...

    def get(self, store_key: bytes, /) -> bytes | None: ...

    def put(self, store_key: bytes, value: bytes | None, /) -> None: ...

    def fetch(self, key: bytes, first: bytes, last: bytes, reverse: bool) -> Iterable[tuple[bytes, bytes]]:
        """Entries of one record key, from one store key to another, both inclusive; a snapshot."""

    def scan(
        self, reverse: bool, first: bytes | None = None, last: bytes | None = None
    ) -> Iterable[tuple[bytes, bytes]]:
        """Entries in the order of the bytes of their store keys, from one to another, both inclusive; a snapshot."""


class SegmentStorage(Protocol):
    """Where segments are kept: memory, or a part of RocksDB for each."""

    @property
    def is_persistent(self) -> bool: ...

    @property
    def committed_offset(self) -> int | None: ...

    def open(self, directory: str | None) -> Iterable[Segment]:
        """The segments that are there already."""

    def create(self, segment_id: int) -> Segment: ...

    def drop(self, segment_id: int) -> None: ...

    def commit(self, changelog_offset: int | None) -> None: ...

    def close(self) -> None: ...


class Segments:
    """The live segments of one store, by their ids."""

    __slots__ = ("_interval_ms", "_least", "_live", "_retention_ms", "_storage")

    def __init__(self, storage: SegmentStorage, retention_ms: int, interval_ms: int) -> None:
        self._storage = storage
        self._retention_ms = retention_ms
        self._interval_ms = interval_ms
        self._live: dict[int, Segment] = {}
        self._least = -1  # the id below which all was dropped

    def open(self, directory: str | None, reserved: int | None = None) -> Segment | None:
        """The segment of the id `reserved`, when it is there: that one is not of a stretch of time."""
        found = None
        for segment in sorted(self._storage.open(directory), key=lambda each: each.id):
            if segment.id == reserved:
                found = segment
            else:
                self._live[segment.id] = segment
        return found

    def segment_id(self, timestamp_ms: int) -> int:
        return timestamp_ms // self._interval_ms if timestamp_ms >= 0 else 0

    def at(self, timestamp_ms: int) -> Segment | None:
        return self._live.get(timestamp_ms // self._interval_ms)

    def create_if_live(self, segment_id: int, stream_time_ms: int) -> Segment | None:
        """The segment of that id, made if need be, and older ones dropped; None when its time is over."""
        past_ms = stream_time_ms - self._retention_ms
        least = past_ms // self._interval_ms if past_ms > 0 else 0
        if segment_id < least:
            return None
        segment = self._live.get(segment_id)
        if segment is None:
            segment = self._live[segment_id] = self._storage.create(segment_id)
            if len(self._live) > 1:
                self._live = dict(sorted(self._live.items()))
        if least != self._least:
            self._least = least
            self.drop_expired(stream_time_ms)
        return segment

    def by_id(self, segment_id: int) -> Segment | None:
        return self._live.get(segment_id)

    def drop_expired(self, stream_time_ms: int) -> None:
        least = self.segment_id(stream_time_ms - self._retention_ms)
        live = self._live
        while live and (oldest := next(iter(live))) < least:
            del live[oldest]
            self._storage.drop(oldest)

    @property
    def oldest_ms(self) -> int:
        """The time at which the oldest live segment begins; 0 when there is none."""
        return next(iter(self._live), 0) * self._interval_ms

    def between(self, from_ms: int, to_ms: int, reverse: bool) -> list[Segment]:
        first, last = self.segment_id(from_ms), self.segment_id(to_ms)
        found = [segment for segment_id, segment in self._live.items() if first <= segment_id <= last]
        if reverse:
            found.reverse()
        return found

    def close(self) -> None:
        self._live.clear()
        self._least = -1
        self._storage.close()


class MemorySegment:
    """The index by record key is made when it is first asked for: an aggregation over fixed windows never does."""

    __slots__ = ("_index", "_sorted", "_suffix", "_values", "id", "newest_ms")

    def __init__(self, segment_id: int, suffix_size: int) -> None:
        self.id = segment_id
        self.newest_ms = -1
        self._suffix = suffix_size
        self._values: dict[bytes, bytes] = {}
        self._index: KeyIndex | None = None
        self._sorted: list[bytes] | None = None

    def get(self, store_key: bytes) -> bytes | None:
        return self._values.get(store_key)

    def put(self, store_key: bytes, value: bytes | None) -> None:
        if value is None:
            if self._values.pop(store_key, None) is not None:
                self._sorted = None
                if self._index is not None:
                    self._index.discard(store_key)
            return
        if store_key not in self._values:
            self._sorted = None
            if self._index is not None:
                self._index.add(store_key)
        self._values[store_key] = value

    def fetch(self, key: bytes, first: bytes, last: bytes, reverse: bool) -> list[tuple[bytes, bytes]]:
        if self._index is None:
            self._index = KeyIndex(self._suffix, self._values)
        found = self._index.between(key, first, last)
        if reverse:
            found.reverse()
        values = self._values
        return [(store_key, values[store_key]) for store_key in found]

    def scan(self, reverse: bool, first: bytes | None = None, last: bytes | None = None) -> list[tuple[bytes, bytes]]:
        if self._sorted is None:
            self._sorted = sorted(self._values)
        values, keys = self._values, self._sorted
        if first is not None or last is not None:
            start = 0 if first is None else bisect_left(keys, first)
            keys = keys[start : None if last is None else bisect_right(keys, last)]
        return [(store_key, values[store_key]) for store_key in (reversed(keys) if reverse else keys)]


class MemorySegments:
    """Segments that are lost with the process: the changelog has them."""

    __slots__ = ("_suffix",)

    is_persistent = False
    committed_offset: int | None = None

    def __init__(self, suffix_size: int) -> None:
        self._suffix = suffix_size

    def open(self, directory: str | None) -> tuple[Segment, ...]:
        return ()

    def create(self, segment_id: int) -> MemorySegment:
        return MemorySegment(segment_id, self._suffix)

    def drop(self, segment_id: int) -> None:
        """The last reference to it is gone by now."""

    def commit(self, changelog_offset: int | None) -> None:
        """Nothing of it outlives the process."""

    def close(self) -> None:
        """Nothing of it outlives the process."""
