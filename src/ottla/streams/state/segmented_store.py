"""What stores of windows and of sessions have in common: typed values over a cache, a changelog and segments.

    put ─► RecordCache ─flush─► segments + changelog, then the listener          without a cache: segments + changelog

Two orders are visible: entries of one key come by their suffix, and entries of several keys by segment and then by the
bytes of the store key. What is final is read by time, as from Java's time-ordered stores.
"""

from __future__ import annotations

import struct
from abc import abstractmethod
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from ottla.streams.change import Change
from ottla.streams.duration import LONG_MAX
from ottla.streams.serdes.primitive import BOOL, FIXED_SIZES, NATURAL_TYPES
from ottla.streams.state.key_index import KeyIndex
from ottla.streams.state.record_cache import RecordCache
from ottla.streams.state.segments import segment_interval_ms
from ottla.streams.state.store import ValueAndTimestamp
from ottla.streams.state.store_of_segments import StoreOfSegments
from ottla.streams.state.time_index import TimeIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ottla.streams.operator import Push
    from ottla.streams.record import Headers
    from ottla.streams.serdes.serde import Serde
    from ottla.streams.state.record_cache import CacheEntry
    from ottla.streams.state.segments import SegmentStorage
    from ottla.streams.state.store import StoreContext
    from ottla.streams.windows import Windowed

TIMESTAMP: Final = struct.Struct(">q")
SEGMENT_ID_BYTES: Final = 8
_new: Final = tuple.__new__
"""Java's caches prefix the keys of such stores with the segment; ours count it, to be full at the same write."""


@dataclass(frozen=True, slots=True)
class SegmentedConfig:
    """What a builder knows of a store of windows or sessions. `storage` is None for memory."""

    name: str
    retention_ms: int
    key_serde: Serde[Any] | None
    value_serde: Serde[Any] | None
    caching: bool = False
    time_ordered: bool = False
    indexed_by_key: bool = False
    """Whether ranges of keys come by key all the same."""

    keeps_last: bool = False
    """Whether what is just as old as the retention is seen: a window that closes at that very time must be emitted."""

    refuses_expired: bool = False
    """Whether a late write is refused by its time, and not only when its segment is gone, as Java's do in memory."""

    logs_headers: bool = False
    """Whether the changelog has the headers of the records that were put: that of a stream-stream join has."""

    logs_headers_of_deletions: bool = False
    """As `logs_headers`, of records that put nothing."""

    storage: Callable[[str, int], SegmentStorage] | None = None
    """Called with the store's name and the size of the suffix of its keys."""


class SegmentedStore(StoreOfSegments):
    """`timestamped`: values are `ValueAndTimestamp`, stored as 8 bytes of time before the value's, logged apart."""

    kind: str
    suffix_size: int
    timestamped = False
    time_of: Callable[[bytes], int]
    """The time by which a store key belongs to a segment and expires."""

    time_first: Callable[[bytes], bytes]

    def __init__(self, config: SegmentedConfig) -> None:
        interval_ms = segment_interval_ms(config.retention_ms)
        super().__init__(config.name, config.storage, self.suffix_size, config.retention_ms, interval_ms)
        self.retention_ms = config.retention_ms
        self._config = config
        self._slack_ms = 0 if config.keeps_last else 1
        self._cache: RecordCache | None = None
        self._time_index: TimeIndex | None = None
        self._listener: Push | None = None
        self._send_old_values = False

    @property
    def metrics_scope(self) -> str:
        return f"{'in-memory' if self.is_in_memory else 'rocksdb'}-{self.kind}"

    @property
    def has_headers_format(self) -> bool:
        """Whether it is a table's whose `dsl.store.format` is HEADERS."""
        return self._config.logs_headers_of_deletions

    @property
    def cache_misses(self) -> int:
        return 0 if self._cache is None else self._cache.misses

    @property
    def cache_size_bytes(self) -> int:
        return 0 if self._cache is None else self._cache.size_bytes

    def open(self, context: StoreContext) -> None:
        config = self._config
        self.open_segments(context, config.key_serde, config.value_serde)
        self._record = context.record
        value_serde = config.value_serde or context.value_serde
        self._immutable: type | None
        self._immutable, self._least, self._greatest = NATURAL_TYPES.get(value_serde, (None, 0, 0))
        self._fixed_size = 1 if value_serde is BOOL else FIXED_SIZES.get(value_serde.serializer)
        if config.caching and context.cache_bytes > 0:
            index = KeyIndex(self.suffix_size)
            self._cache = RecordCache(context.cache_bytes, self._flush_entries, index, SEGMENT_ID_BYTES)

    def restore(self, records: Iterable[tuple[bytes, bytes | None, int, Headers]]) -> None:
        batch = list(records)
        self._time_index = None
        time_of = type(self).time_of
        if batch:
            self._observed_ms = max(self._observed_ms, *(time_of(key) for key, _, _, _ in batch))
        segments = self._segments
        for key, value, timestamp_ms, headers in batch:
            time_ms = time_of(key)
            segment = segments.create_if_live(segments.segment_id(time_ms), self._observed_ms)
            if segment is not None:
                segment.put(key, None if value is None else self.restored_value(value, timestamp_ms, headers))
                if time_ms > segment.newest_ms:
                    segment.newest_ms = time_ms

    def restored_value(self, value: bytes, timestamp_ms: int, headers: Headers) -> bytes:
        """As it is stored, of what the changelog has."""
        return TIMESTAMP.pack(timestamp_ms) + value if self.timestamped else value

    def flush(self) -> None:
        if self._cache is not None:
            self._cache.flush()

    def forget_cached(self) -> None:
        if self._cache is not None:
            self._cache.clear()

    def close(self) -> None:
        super().close()
        self.forget_cached()

    def set_flush_listener(self, listener: Push, send_old_values: bool) -> bool:
        if self._cache is None:
            return False
        self._listener = listener
        self._send_old_values = send_old_values
        return True

    @abstractmethod
    def windowed(self, store_key: bytes) -> Windowed[Any]: ...

    def decode_key(self, key: bytes) -> Any:
        return self._deserialize_key(self._topic, key)

    def encode_value(self, value: Any) -> bytes | None:
        if value is None:
            return None
        if not self.timestamped:
            return self._serialize_value(self._topic, value)
        encoded = self._serialize_value(self._topic, value[0])
        return None if encoded is None else TIMESTAMP.pack(value[1]) + encoded

    def decode_value(self, value: bytes | None) -> Any:
        if value is None:
            return None
        if not self.timestamped:
            return self._deserialize_value(self._topic, value)
        return ValueAndTimestamp(self._deserialize_value(self._topic, value[8:]), TIMESTAMP.unpack_from(value)[0])

    def write(self, store_key: bytes, value: Any | None) -> None:
        """A put, for who knows the store key. In a cache the bytes of what nobody can change wait for the flush."""
        cache = self._cache
        if cache is None:
            self._write(store_key, self.encode_value(value))
            return
        inner = value[0] if self.timestamped and value is not None else value
        record = self._record
        saved = record.timestamp_ms, record.headers, record.raw
        kind = type(inner)
        if kind is not self._immutable:
            encoded = self.encode_value(value)
            cache.put(store_key, encoded, saved, None, 0 if encoded is None else len(encoded))
            return
        size = self._size_of(inner)
        if size is None:
            encoded = self.encode_value(value)
            assert encoded is not None
            cache.put(store_key, encoded, saved, value, len(encoded))
        else:
            cache.put(store_key, None, saved, value, size + TIMESTAMP.size if self.timestamped else size)

    def _size_of(self, value: Any) -> int | None:
        """How many bytes a value of the natural type will have; None where that shows when they are made."""
        size = self._fixed_size
        if size is None:
            return len(value) if type(value) is bytes or value.isascii() else None
        return size if type(value) is not int or self._least <= value <= self._greatest else None

    def _data_of(self, entry: CacheEntry) -> bytes | None:
        value, _, _, typed = entry
        return value if value is not None or typed is None else self.encode_value(typed)

    def read(self, store_key: bytes) -> Any | None:
        """A get, for who knows the store key."""
        if self._cache is not None:
            entry = self._cache.get(store_key)
            if entry is not None:
                return self.decode_value(entry[0]) if entry[3] is None else entry[3]
        return self.decode_value(self._stored(store_key))

    def fetch_bytes(
        self, key: bytes, first: bytes, last: bytes, from_ms: int, to_ms: int, *, reverse: bool
    ) -> list[tuple[bytes, bytes]]:
        """Entries of one key whose times lie between; `first` and `last` bound their store keys."""
        cache = self._cache
        time_of = type(self).time_of
        least = max(from_ms, self._least_ms())
        found: list[tuple[bytes, bytes]] = []
        if least <= to_ms:
            for segment in self._segments.between(least, to_ms, reverse):
                entries = segment.fetch(key, first, last, reverse)
                # Their store keys say that they are not before `from_ms`.
                found += entries if least <= from_ms else [each for each in entries if time_of(each[0]) >= least]
        if cache is None:
            return found
        cached = [each for each in cache.between(key, first, last) if from_ms <= time_of(each) <= to_ms]
        if not cached:
            return found
        merged: dict[bytes, bytes | None] = dict(found)
        for store_key in cached:
            entry = cache.peek(store_key)
            if entry is not None:
                merged[store_key] = self._data_of(entry)
        ordered = sorted(merged, reverse=reverse)
        return [(store_key, value) for store_key in ordered if (value := merged[store_key]) is not None]

    def scan_bytes(
        self,
        from_ms: int,
        to_ms: int,
        keeps: Callable[[bytes], bool] | None,
        *,
        reverse: bool = False,
        by_time: bool = False,
    ) -> Iterator[tuple[bytes, bytes]]:
        """Entries of all keys whose times lie between and which are kept."""
        time_of = type(self).time_of
        least = max(from_ms, self._least_ms())
        found: list[tuple[bytes, bytes]] = []
        if least <= to_ms:
            for segment in self._segments.between(least, to_ms, reverse):
                found += [each for each in segment.scan(reverse) if least <= time_of(each[0]) <= to_ms]
        cached = self._cached(from_ms, to_ms)
        if cached or by_time:
            found = self._merged(dict(found), cached, by_time=by_time, reverse=reverse)
        return iter(found if keeps is None else [each for each in found if keeps(each[0])])

    def segment_ids(self, from_ms: int, to_ms: int, *, reverse: bool) -> list[int]:
        """Of segments that may have something of that time, or will have, when the cache is flushed."""
        segments, time_of = self._segments, type(self).time_of
        found = {each.id for each in segments.between(from_ms, to_ms, reverse=False)} if from_ms <= to_ms else set()
        found.update(segments.segment_id(time_of(store_key)) for store_key, _ in self._cached(from_ms, to_ms))
        return sorted(found, reverse=reverse)

    def page(
        self,
        segment_id: int,
        from_ms: int,
        to_ms: int,
        after: bytes | None,
        limit: int,
        *,
        reverse: bool = False,
        live: bool = False,
    ) -> tuple[list[tuple[bytes, bytes]], bytes | None]:
        """Entries of one segment behind the store key `after`, as `scan_bytes` has them where nothing is by time.

        No more than `limit` stored ones are looked at; what it comes to is the `after` of the next page, None at the
        end. `live`: without what has expired, and only the cache has still.
        """
        time_of, segments = type(self).time_of, self._segments
        least = max(from_ms, self._least_ms())
        first, last = (None, after) if reverse else (after, None)
        segment = segments.by_id(segment_id)
        rows = [] if segment is None else list(islice(segment.scan(reverse, first, last), limit))
        reached = rows[-1][0] if len(rows) == limit else None
        first, last = (reached, after) if reverse else (after, reached)
        found: dict[bytes, bytes | None] = {key: value for key, value in rows if least <= time_of(key) <= to_ms}
        found |= {
            key: value
            for key, value in self._cached(least if live else from_ms, to_ms)
            if segments.segment_id(time_of(key)) == segment_id and _within(key, first, last)
        }
        ordered = sorted(found, reverse=reverse)
        return [(key, data) for key in ordered if key != after and (data := found[key]) is not None], reached

    def due_bytes(self, from_ms: int, to_ms: int, *, expired: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """Entries of all keys whose times lie between, by time; `expired` ones, too, where they are still there."""
        time_of = type(self).time_of
        segments = self._segments
        index = self._time_index
        if index is None:
            index = self._time_index = TimeIndex()
            for segment in segments.between(0, LONG_MAX, False):
                for store_key, _ in segment.scan(False):
                    index.add(time_of(store_key), store_key)
        index.drop_before(segments.oldest_ms)
        found: dict[bytes, bytes | None] = {}
        for store_key in index.between(from_ms if expired else max(from_ms, self._least_ms()), to_ms):
            held = segments.at(time_of(store_key))
            found[store_key] = None if held is None else held.get(store_key)
        return iter(self._merged(found, self._cached(from_ms, to_ms), by_time=True))

    def _merged(
        self,
        stored: dict[bytes, bytes | None],
        cached: tuple[tuple[bytes, bytes | None], ...],
        *,
        by_time: bool,
        reverse: bool = False,
    ) -> list[tuple[bytes, bytes]]:
        stored.update(cached)
        ordered = sorted(stored, key=self._time_order if by_time else self._segment_order, reverse=reverse)
        return [(store_key, value) for store_key in ordered if (value := stored[store_key]) is not None]

    def _cached(self, from_ms: int, to_ms: int) -> tuple[tuple[bytes, bytes | None], ...]:
        if self._cache is None:
            return ()
        time_of = type(self).time_of
        entries = ((store_key, self._cache.peek(store_key)) for store_key in self._cache)
        return tuple(
            (store_key, self._data_of(entry))
            for store_key, entry in entries
            if entry is not None and from_ms <= time_of(store_key) <= to_ms
        )

    @property
    def is_time_ordered(self) -> bool:
        return self._config.time_ordered

    def is_live(self, time_ms: int) -> bool:
        """Whether a window of that start, or a session of that end, is not expired: a cache may have it still."""
        return time_ms >= self._least_ms()

    def _least_ms(self) -> int:
        """What lies before is expired, whether it is still there or not."""
        return self._observed_ms - self.retention_ms + self._slack_ms

    def _segment_order(self, store_key: bytes) -> tuple[int, bytes]:
        return self._segments.segment_id(type(self).time_of(store_key)), store_key

    def _time_order(self, store_key: bytes) -> bytes:
        return type(self).time_first(store_key)

    def _stored(self, store_key: bytes) -> bytes | None:
        timestamp_ms = type(self).time_of(store_key)
        if timestamp_ms < self._least_ms():
            return None
        segment = self._segments.at(timestamp_ms)
        return None if segment is None or timestamp_ms > segment.newest_ms else segment.get(store_key)

    def _write(self, store_key: bytes, value: bytes | None) -> None:
        """To the segment and to the changelog, which hears of expired writes, too."""
        self.store_bytes(store_key, value)
        self.log_bytes(store_key, value)

    def _write_typed(self, store_key: bytes, value: Any) -> None:
        """`_write` of the bytes of a value, of which what is stored and what is logged are made at once."""
        if not self.timestamped or self._config.logs_headers:
            self._write(store_key, self.encode_value(value))
            return
        data = self._serialize_value(self._topic, value[0])
        assert data is not None
        self.store_bytes(store_key, TIMESTAMP.pack(value[1]) + data)
        if self._changelog is not None:
            self._changelog(store_key, data, value[1])

    def store_bytes(self, store_key: bytes, value: bytes | None) -> None:
        context = self._context
        assert context is not None
        timestamp_ms = type(self).time_of(store_key)
        if timestamp_ms > self._observed_ms:
            self._observed_ms = timestamp_ms
        segment = None
        if not self._config.refuses_expired or timestamp_ms > self._observed_ms - self.retention_ms:
            segments = self._segments
            segment = segments.create_if_live(segments.segment_id(timestamp_ms), self._observed_ms)
        if segment is None:
            context.record_expired(self.name, "expired window record")
        else:
            segment.put(store_key, value)
            if timestamp_ms > segment.newest_ms:
                segment.newest_ms = timestamp_ms
            if self._time_index is not None:
                if value is None:
                    self._time_index.discard(timestamp_ms, store_key)
                else:
                    self._time_index.add(timestamp_ms, store_key)

    def log_bytes(self, store_key: bytes, value: bytes | None) -> None:
        if self._changelog is None:
            return
        config = self._config
        if config.logs_headers or (value is None and config.logs_headers_of_deletions):
            self._changelog(store_key, value, self._record.timestamp_ms, self._record.headers)
        elif value is None or not self.timestamped:
            self._changelog(store_key, value, self._record.timestamp_ms)
        else:
            self._changelog(store_key, value[8:], TIMESTAMP.unpack_from(value)[0])

    def _flush_entries(self, entries: list[tuple[bytes, CacheEntry]]) -> None:
        record, listener, send_old_values = self._record, self._listener, self._send_old_values
        before = record.saved()
        try:
            for store_key, (value, written, _, typed) in entries:
                is_deletion = value is None and typed is None
                old = None
                if listener is not None and (send_old_values or is_deletion):
                    old = self._stored(store_key)
                    if is_deletion and old is None:
                        continue
                timestamp_ms, headers, raw = written
                record.timestamp_ms, record.headers, record.raw = timestamp_ms, headers, raw
                if value is None and typed is not None:
                    self._write_typed(store_key, typed)
                else:
                    self._write(store_key, value)
                if listener is not None:
                    new = self.decode_value(value) if typed is None else typed
                    old_value = self.decode_value(old) if send_old_values else None
                    listener(self.windowed(store_key), _new(Change, (new, old_value, True)), timestamp_ms, headers)
        finally:
            record.restore(before)


def _within(key: bytes, first: bytes | None, last: bytes | None) -> bool:
    return (first is None or key >= first) and (last is None or key <= last)
