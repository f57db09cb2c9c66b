"""A key-value store with a write-back cache: what is put is logged, stored and forwarded at the next flush (KIP-63).

Of several writes to one key between two flushes the last alone is seen. Flushes come with each commit, and when the
cache is full. Where key or value are of a kind that nobody can change and that comes back from its bytes as it was, the
cache holds the objects, and bytes are made at the flush; anything else it holds as bytes, so that an application that
changes a list in place gets a fresh one from each `get`, as in Java.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

from ottla.streams.change import Change
from ottla.streams.serdes.primitive import NATURAL_TYPES
from ottla.streams.state.key_value_store import TIMESTAMP_SIZE, KeyValueConfig, TypedKeyValueStore
from ottla.streams.state.memory_bytes_store import LruBytesStore
from ottla.streams.state.without_timestamps import WithoutTimestamps

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ottla.streams.operator import Push
    from ottla.streams.record import Headers, RawRecord
    from ottla.streams.serdes.serde import Serde
    from ottla.streams.state.store import StoreContext

ENTRY_BYTES: Final = 64  # what an entry costs beside its key and value
NUMBER_BYTES: Final = 8

_ABSENT: Final[Any] = object()
_new: Final = tuple.__new__
_DirtyEntry = tuple[Any, int, "Headers", "RawRecord | None"]


class CachedKeyValueStore(TypedKeyValueStore):
    def __init__(self, config: KeyValueConfig) -> None:
        super().__init__(config)
        self._dirty: dict[Any, _DirtyEntry] = {}  # in the order of the last writes
        self._clean: OrderedDict[Any, Any] = OrderedDict()  # in the order of use
        self._flushing = False
        self._size = 0
        self._max_size = 0
        self._listener: Push | None = None
        self._send_old_values = False
        self.cache_misses = 0

    @property
    def cache_size_bytes(self) -> int:
        """As this cache counts, which holds objects where it can."""
        return self._size

    def _open_typed(self, context: StoreContext, key_serde: Serde[Any], value_serde: Serde[Any]) -> None:
        super()._open_typed(context, key_serde, value_serde)
        self._max_size = context.cache_bytes
        unnatural: tuple[type | None, int, int] = (None, 0, 0)
        self._key_type, self._least_key, self._greatest_key = NATURAL_TYPES.get(key_serde, unnatural)
        if self._key_type is float:  # two zeros are equal, but have not the same bytes
            self._key_type = None
        self._value_type, self._least, self._greatest = NATURAL_TYPES.get(value_serde, unnatural)
        self._sized = self._value_type in (None, str, bytes)

    def set_flush_listener(self, listener: Push, send_old_values: bool) -> bool:
        self._listener = listener
        self._send_old_values = send_old_values
        return True

    def get(self, key: Any) -> Any | None:
        if type(key) is not self._key_type or self._key_type is int:
            key = self._cached_key(key)
        entry = self._dirty.get(key)
        if entry is not None:
            held = entry[0]
        else:
            held = self._clean.get(key, _ABSENT)
            if held is _ABSENT:
                held = self._read(key)
            else:
                self._clean.move_to_end(key)
        if held is None or self._value_type is not None:
            return held
        return self.value_of(held)

    def peek(self, key: Any) -> Any | None:
        """What is read below is not kept: a copy would go on showing it, whatever is restored."""
        if type(key) is not self._key_type or self._key_type is int:
            key = self._cached_key(key)
        entry = self._dirty.get(key)
        held = self._clean.get(key, _ABSENT) if entry is None else entry[0]
        if held is _ABSENT:
            data = self.bytes_store.get(self._bytes_of_key(key))
            return None if data is None else self.value_of(data)
        return held if held is None or self._value_type is not None else self.value_of(held)

    def restore(self, records: Iterable[tuple[bytes, bytes | None, int, Headers]]) -> None:
        """What was read before may be of before."""
        while self._clean:
            self._size -= self._size_of(*self._clean.popitem())
        super().restore(records)

    def put(self, key: Any, value: Any | None) -> None:
        if type(key) is not self._key_type or self._key_type is int:
            key = self._cached_key(key)
        if value is not None:
            inner: Any = value[0] if self.timestamped else value
            kind: Any = type(inner)
            if kind is not self._value_type or (kind is int and not self._least <= inner <= self._greatest):
                value = self._held(value)
        record, dirty = self._record, self._dirty
        before = dirty.pop(key, None)
        dirty[key] = (value, record.timestamp_ms, record.headers, record.raw)
        if before is None:
            was = self._clean.pop(key, _ABSENT)
            if was is _ABSENT:
                self._size += self._size_of(key, value)
            elif self._sized or was is None or value is None:  # else one is as large as the other
                self._size += self._size_of(key, value) - self._size_of(key, was)
        elif self._sized:
            self._size += self._size_of(key, value) - self._size_of(key, before[0])
        if self._size > self._max_size:
            self._make_room()

    def delete(self, key: Any) -> Any | None:
        before = self.get(key)
        self.put(key, None)
        return before

    def range_of_bytes(
        self, first: bytes | None, last: bytes | None, *, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        below = super().range_of_bytes(first, last, reverse=reverse)
        cached: dict[bytes, bytes | None] = {}
        entries = [(key, entry[0]) for key, entry in list(self._dirty.items())]
        if self._flushing or isinstance(self.bytes_store, LruBytesStore | WithoutTimestamps):
            # What is clean is more than what is below: what a flush has not written yet, an entry that was dropped
            # there, or a time that is not kept.
            entries += list(self._clean.items())
        for key, held in entries:
            key_bytes = self._bytes_of_key(key)
            if (first is None or key_bytes >= first) and (last is None or key_bytes <= last):
                cached[key_bytes] = self._bytes_of_value(held)
        if not cached:
            return below
        return _merged(cached, below, reverse)

    def flush(self) -> None:
        while self._dirty:  # what is forwarded may come back, and be put
            self._flush_once()

    def _flush_once(self) -> None:
        entries, self._dirty = self._dirty, {}
        clean = self._clean
        for key, entry in entries.items():
            clean[key] = entry[0]
        record, listener, send_old_values = self._record, self._listener, self._send_old_values
        get, write, write_value = self.bytes_store.get, self.write, self.write_value
        topic, serialize_key = self._topic, self._serialize_key
        holds_bytes, has_byte_keys = self._value_type is None, self._key_type is None
        before = record.saved()
        self._flushing = True  # what is clean now is not below yet, and must not be dropped
        try:
            for key, (held, timestamp_ms, headers, raw) in entries.items():
                record.timestamp_ms, record.headers, record.raw = timestamp_ms, headers, raw
                key_bytes = key if has_byte_keys else serialize_key(topic, key)
                assert key_bytes is not None
                old = None
                if listener is not None and (held is None or send_old_values):
                    old = get(key_bytes)
                    if held is None and old is None:
                        continue  # never seen below, and gone again
                if held is None or holds_bytes:
                    write(key_bytes, held, timestamp_ms)
                else:
                    write_value(key_bytes, held, timestamp_ms)
                if listener is None:
                    continue
                if has_byte_keys or holds_bytes or old is not None:
                    self._forward(listener, key, held, old, timestamp_ms, headers)
                else:
                    listener(key, _new(Change, (held, None, True)), timestamp_ms, headers)
        finally:
            self._flushing = False
            record.restore(before)
        for key, entry in entries.items():
            if entry[0] is None and clean.get(key, _ABSENT) is None:
                del clean[key]
                self._size -= self._size_of(key, None)

    def _forward(
        self, listener: Push, key: Any, held: Any, old: bytes | None, timestamp_ms: int, headers: Headers
    ) -> None:
        if self._key_type is None:
            key = self._deserialize_key(self._topic, key)
        new = held if held is None or self._value_type is not None else self.value_of(held)
        old_value = None if old is None or not self._send_old_values else self.value_of(old)
        listener(key, Change(new, old_value), timestamp_ms, headers)

    def _make_room(self) -> None:
        if self._flushing:
            return
        self._drop_clean()
        if self._size > self._max_size:
            self._flush_once()
            self._drop_clean()

    def _drop_clean(self) -> None:
        clean = self._clean
        while clean and self._size > self._max_size:
            self._size -= self._size_of(*clean.popitem(last=False))

    def forget_cached(self) -> None:
        self._clean.clear()
        self._size = 0

    def close(self) -> None:
        self._dirty.clear()
        self._clean.clear()
        self._size = 0
        super().close()

    # Objects or bytes

    def _cached_key(self, key: Any) -> Any:
        """The key as the cache knows it: itself, made exact, or its bytes."""
        kind = self._key_type
        if kind is int and type(key) is int and self._least_key <= key <= self._greatest_key:
            return key
        data = self.key_bytes(key)
        return data if kind is None else self._deserialize_key(self._topic, data)

    def _held(self, value: Any) -> Any:
        data = self.data_of(value)
        return data if data is None or self._value_type is None else self.value_of(data)

    def _read(self, key: Any) -> Any:
        self.cache_misses += 1
        data = self.bytes_store.get(self._bytes_of_key(key))
        if data is None:
            return None
        held = data if self._value_type is None else self.value_of(data)
        size = self._size_of(key, held)
        self._clean[key] = held
        self._size += size
        if self._size > self._max_size:
            if self._flushing:
                self._size -= self._size_of(*self._clean.popitem())
            else:
                self._drop_clean()
        return held

    def _bytes_of_key(self, key: Any) -> bytes:
        return key if self._key_type is None else self.key_bytes(key)

    def _bytes_of_value(self, held: Any) -> bytes | None:
        return held if held is None or self._value_type is None else self.data_of(held)

    def _size_of(self, key: Any, held: Any) -> int:
        size = ENTRY_BYTES + (len(key) if type(key) in (str, bytes) else NUMBER_BYTES)
        if held is None:
            return size
        if not self._sized:
            return size + NUMBER_BYTES
        inner = held[0] if self.timestamped and self._value_type is not None else held
        return size + TIMESTAMP_SIZE + len(inner)


def _merged(
    cached: dict[bytes, bytes | None], below: Iterator[tuple[bytes, bytes]], reverse: bool
) -> Iterator[tuple[bytes, bytes]]:
    own = ((key, cached[key]) for key in sorted(cached, reverse=reverse))
    others = ((key, data) for key, data in below if key not in cached)
    for key, data in heapq.merge(own, others, key=_first, reverse=reverse):
        if data is not None:
            yield key, data


def _first(entry: tuple[bytes, bytes | None]) -> bytes:
    return entry[0]
