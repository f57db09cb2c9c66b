"""Versioned key-value stores: what each key was at each time of the last `history_retention_ms` (KIP-889, KIP-914).

    latest     key ─► int64 time ‖ value, while the key has one
    segments   key ─► `SegmentValue`: values that were replaced, in the segment of the time at which they were

Java's `RocksDBVersionedStore`, step by step, since what a late put finds decides how it is stored. The changelog has
the puts themselves: records whose timestamps are the times.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ottla.streams.duration import LONG_MAX
from ottla.streams.state.logged_builder import LoggedBuilder
from ottla.streams.state.segment_value import SegmentValue
from ottla.streams.state.store import VersionedKeyValueStore, VersionedRecord
from ottla.streams.state.store_of_segments import StoreOfSegments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ottla.streams.operator import Push
    from ottla.streams.record import Headers
    from ottla.streams.serdes.serde import Serde
    from ottla.streams.state.segments import Segment, SegmentStorage
    from ottla.streams.state.store import StoreContext

LATEST: Final = -1
"""The id of the segment that has what is valid now."""

NOT_PUT: Final = -1

_TIME: Final = struct.Struct(">q")


class SegmentedVersionedStore(StoreOfSegments, VersionedKeyValueStore):
    def __init__(self, config: VersionedStoreBuilder) -> None:
        kind = config.supplier
        super().__init__(config.name, kind.storage, 0, kind.history_retention_ms, kind.segment_interval_ms)
        self.history_retention_ms = kind.history_retention_ms
        self._config = config

    @property
    def metrics_scope(self) -> str:
        return "in-memory" if self.is_in_memory else "rocksdb"

    def open(self, context: StoreContext) -> None:
        latest = self.open_segments(context, self._config.key_serde, self._config.value_serde, LATEST)
        self._latest = latest or self._storage.create(LATEST)

    def set_flush_listener(self, listener: Push, send_old_values: bool) -> bool:
        return False

    # Writing

    def put(self, key: Any, value: Any | None, timestamp_ms: int) -> int | None:
        encoded = self.encode_key(key)
        data = None if value is None else self._serialize_value(self._topic, value)
        if timestamp_ms < self._observed_ms - self.history_retention_ms:
            self._refuse("expired put")
            found: int | None = NOT_PUT
        else:
            self._observed_ms = max(self._observed_ms, timestamp_ms)
            found = self._put(encoded, data, timestamp_ms, self._observed_ms)
        self._log(encoded, data, timestamp_ms)
        return found

    def delete(self, key: Any, timestamp_ms: int) -> VersionedRecord | None:
        encoded = self.encode_key(key)
        before = None
        if timestamp_ms < self._observed_ms - self.history_retention_ms:
            self._refuse("expired delete")
        else:
            before = self._get_as_of(encoded, timestamp_ms)
            self._observed_ms = max(self._observed_ms, timestamp_ms)
            self._put(encoded, None, timestamp_ms, self._observed_ms)
        self._log(encoded, None, timestamp_ms)
        return before

    def restore(self, records: Iterable[tuple[bytes, bytes | None, int, Headers]]) -> None:
        batch = list(records)
        end_ms = max([self._observed_ms, *(timestamp_ms for _, _, timestamp_ms, _ in batch)])
        for key, value, timestamp_ms, _ in batch:
            if timestamp_ms >= self._observed_ms - self.history_retention_ms:
                self._observed_ms = max(self._observed_ms, timestamp_ms)
                self._put(key, value, timestamp_ms, end_ms)

    def _put(self, key: bytes, value: bytes | None, timestamp_ms: int, now_ms: int) -> int | None:
        """When the value is replaced; None when nothing newer is known, and when it was too old for all segments."""
        self._segments.drop_expired(now_ms)
        latest = self._latest.get(key)
        if latest is None:
            return self._put_among_older(key, value, timestamp_ms, now_ms, None)
        (latest_ms,) = _TIME.unpack_from(latest)
        if timestamp_ms < latest_ms:
            return self._put_among_older(key, value, timestamp_ms, now_ms, latest_ms)
        if timestamp_ms > latest_ms:
            segment = self._segment_for(timestamp_ms, now_ms)
            if segment is not None:
                _insert_latest(segment, key, latest_ms, timestamp_ms, latest[_TIME.size :])
        self._latest.put(key, None if value is None else _TIME.pack(timestamp_ms) + value)
        return None

    def _put_among_older(
        self, key: bytes, value: bytes | None, timestamp_ms: int, now_ms: int, found_ms: int | None
    ) -> int | None:
        """`found_ms` is the earliest time after `timestamp_ms` that is known of so far."""
        for segment in self._segments.between(timestamp_ms, LONG_MAX, reverse=True):
            data = segment.get(key)
            if data is None:
                continue
            older = SegmentValue.from_bytes(data)
            if older.next_ms <= timestamp_ms:
                break
            if older.first_ms <= timestamp_ms:
                return self._put_into(segment, older, key, value, timestamp_ms, now_ms)
            if older.first_ms < now_ms - self.history_retention_ms:
                return None
            found_ms = older.first_ms
        if found_ms is None:
            self._put_first(key, value, timestamp_ms, now_ms)
            return None
        return self._put_before(key, value, timestamp_ms, now_ms, found_ms)

    def _put_into(
        self,
        segment: Segment,
        held: SegmentValue,
        key: bytes,
        value: bytes | None,
        timestamp_ms: int,
        now_ms: int,
    ) -> int:
        """Between the values of a segment; what it replaces may belong into an older segment now."""
        index, valid_from_ms, valid_to_ms, replaced = held.find(timestamp_ms)
        if valid_from_ms == timestamp_ms:
            held.update(timestamp_ms, value, index)
        elif self._segments.segment_id(timestamp_ms) != segment.id:
            older = self._segment_for(timestamp_ms, now_ms)
            if older is not None:
                _insert_latest(older, key, valid_from_ms, timestamp_ms, replaced)
            held.update(timestamp_ms, value, index)
        else:
            held.insert(timestamp_ms, value, index)
        segment.put(key, held.to_bytes())
        return valid_to_ms

    def _put_first(self, key: bytes, value: bytes | None, timestamp_ms: int, now_ms: int) -> None:
        """Nothing newer is known: the value becomes the latest; a deletion is noted in the segment of its time."""
        if value is not None:
            self._latest.put(key, _TIME.pack(timestamp_ms) + value)
            return
        segment = self._segment_for(timestamp_ms, now_ms)
        if segment is None:
            return
        data = segment.get(key)
        if data is None:
            segment.put(key, SegmentValue([(timestamp_ms, None)], timestamp_ms).to_bytes())
            return
        held = SegmentValue.from_bytes(data)
        if held.next_ms != timestamp_ms:
            held.insert_latest(held.next_ms, timestamp_ms, None)
            segment.put(key, held.to_bytes())

    def _put_before(self, key: bytes, value: bytes | None, timestamp_ms: int, now_ms: int, found_ms: int) -> int | None:
        """Into the segment of the time at which it was replaced already."""
        segment = self._segment_for(found_ms, now_ms)
        if segment is None:
            return None
        data = segment.get(key)
        if data is None:
            segment.put(key, SegmentValue([(timestamp_ms, value)], found_ms).to_bytes())
            return found_ms
        held = SegmentValue.from_bytes(data)
        if held.next_ms <= timestamp_ms:
            held.insert_latest(timestamp_ms, found_ms, value)
        else:
            held.insert_earliest(timestamp_ms, value)
        segment.put(key, held.to_bytes())
        return found_ms

    def _segment_for(self, timestamp_ms: int, now_ms: int) -> Segment | None:
        return self._segments.create_if_live(self._segments.segment_id(timestamp_ms), now_ms)

    def _log(self, key: bytes, value: bytes | None, timestamp_ms: int) -> None:
        """The changelog hears of what came too late, too, as in Java."""
        if self._changelog is not None:
            self._changelog(key, value, timestamp_ms)

    def _refuse(self, reason: str) -> None:
        assert self._context is not None
        self._context.record_expired(self.name, reason)

    # Reading

    def get(self, key: Any, as_of_ms: int | None = None) -> VersionedRecord | None:
        encoded = self.encode_key(key)
        if as_of_ms is not None:
            return self._get_as_of(encoded, as_of_ms)
        latest = self._latest.get(encoded)
        return None if latest is None else self._latest_record(latest)

    def history(
        self, key: Any, from_ms: int = 0, to_ms: int = LONG_MAX, *, reverse: bool = False
    ) -> Iterator[VersionedRecord]:
        """What `key` was between two times, both inclusive, the earliest first (KIP-968)."""
        encoded = self.encode_key(key)
        found: list[VersionedRecord] = []
        latest = self._latest.get(encoded)
        if latest is not None and _TIME.unpack_from(latest)[0] <= to_ms:
            found.append(self._latest_record(latest))
        if to_ms >= self._observed_ms - self.history_retention_ms:
            for segment in self._segments.between(0, LONG_MAX, reverse=True):
                data = segment.get(encoded)
                if data is not None:
                    for _, valid_from_ms, valid_to_ms, value in SegmentValue.from_bytes(data).between(from_ms, to_ms):
                        found.append(VersionedRecord(self._decode(value), valid_from_ms, valid_to_ms))
        return iter(found if reverse else found[::-1])

    def _get_as_of(self, key: bytes, as_of_ms: int) -> VersionedRecord | None:
        latest = self._latest.get(key)
        if latest is not None and _TIME.unpack_from(latest)[0] <= as_of_ms:
            return self._latest_record(latest)
        if as_of_ms < self._observed_ms - self.history_retention_ms:
            return None
        for segment in self._segments.between(as_of_ms, LONG_MAX, reverse=True):
            data = segment.get(key)
            if data is None:
                continue
            held = SegmentValue.from_bytes(data)
            if held.next_ms <= as_of_ms:
                return None
            if held.first_ms <= as_of_ms:
                _, valid_from_ms, valid_to_ms, value = held.find(as_of_ms)
                return None if value is None else VersionedRecord(self._decode(value), valid_from_ms, valid_to_ms)
        return None

    def _latest_record(self, latest: bytes) -> VersionedRecord:
        return VersionedRecord(self._decode(latest[_TIME.size :]), _TIME.unpack_from(latest)[0])

    def _decode(self, value: bytes | None) -> Any:
        return self._deserialize_value(self._topic, value)

    def flush(self) -> None:
        """Versioned stores have no cache."""


def _insert_latest(segment: Segment, key: bytes, valid_from_ms: int, valid_to_ms: int, value: bytes | None) -> None:
    data = segment.get(key)
    if data is None:
        held = SegmentValue([(valid_from_ms, value)], valid_to_ms)
    else:
        held = SegmentValue.from_bytes(data)
        held.insert_latest(valid_from_ms, valid_to_ms, value)
    segment.put(key, held.to_bytes())


@dataclass(frozen=True, slots=True)
class VersionedBytesStoreSupplier:
    """`Stores` makes these. `storage` is None for memory."""

    name: str
    history_retention_ms: int
    segment_interval_ms: int
    storage: Callable[[str, int], SegmentStorage] | None = None

    def __post_init__(self) -> None:
        if self.history_retention_ms < 0:
            raise ValueError("historyRetention cannot be negative")
        if self.segment_interval_ms < 1:
            raise ValueError("segmentInterval cannot be zero or negative")


def default_segment_interval_ms(history_retention_ms: int) -> int:
    if history_retention_ms <= 60_000:
        return max(history_retention_ms // 3, 2_000)
    if history_retention_ms <= 300_000:
        return max(history_retention_ms // 5, 20_000)
    if history_retention_ms <= 3_600_000:
        return max(history_retention_ms // 12, 60_000)
    return max(history_retention_ms // 24, 300_000)


@dataclass(frozen=True, slots=True)
class VersionedStoreBuilder(LoggedBuilder):
    """A `StoreBuilder`."""

    supplier: VersionedBytesStoreSupplier
    key_serde: Serde[Any] | None
    value_serde: Serde[Any] | None

    @property
    def name(self) -> str:
        return self.supplier.name

    @property
    def history_retention_ms(self) -> int:
        return self.supplier.history_retention_ms

    def with_caching_enabled(self) -> VersionedStoreBuilder:
        raise ValueError("Versioned stores do not support caching")

    def build(self) -> SegmentedVersionedStore:
        return SegmentedVersionedStore(self)
