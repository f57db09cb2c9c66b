"""What one segment of a versioned store has of one key: values in turn, each valid until the next (KIP-889).

    int64 next ‖ int64 first ‖ (int64 from ‖ int32 size or -1) …, the latest first ‖ values …, the earliest first

`next` is when the latest of them was replaced. A segment that knows of a deletion alone has `next` equal to `first`.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

_HEAD: Final = struct.Struct(">qq")
_ENTRY: Final = struct.Struct(">qi")
_NULL: Final = -1


class Found(NamedTuple):
    place: int
    valid_from_ms: int
    valid_to_ms: int
    value: bytes | None


class SegmentValue:
    """`records` are times and values, the latest first; None is a deletion."""

    __slots__ = ("next_ms", "records")

    def __init__(self, records: list[tuple[int, bytes | None]], next_ms: int) -> None:
        self.records = records
        self.next_ms = next_ms

    @classmethod
    def from_bytes(cls, data: bytes) -> SegmentValue:
        next_ms, first_ms = _HEAD.unpack_from(data)
        records: list[tuple[int, bytes | None]] = []
        at, end = _HEAD.size, len(data)
        from_ms = None
        while from_ms != first_ms:
            from_ms, size = _ENTRY.unpack_from(data, at)
            at += _ENTRY.size
            if size == _NULL:
                records.append((from_ms, None))
            else:
                records.append((from_ms, data[end - size : end]))
                end -= size
        return cls(records, next_ms)

    def to_bytes(self) -> bytes:
        entries = b"".join(_ENTRY.pack(from_ms, _NULL if v is None else len(v)) for from_ms, v in self.records)
        values = b"".join(value for _, value in reversed(self.records) if value is not None)
        return _HEAD.pack(self.next_ms, self.first_ms) + entries + values

    @property
    def first_ms(self) -> int:
        return self.records[-1][0]

    @property
    def is_degenerate(self) -> bool:
        return self.next_ms == self.first_ms

    def find(self, timestamp_ms: int) -> Found:
        """What was valid at a time from `first_ms` on, and before `next_ms`."""
        valid_to_ms = self.next_ms
        for index, (from_ms, value) in enumerate(self.records):
            if from_ms <= timestamp_ms:
                return Found(index, from_ms, valid_to_ms, value)
            valid_to_ms = from_ms
        raise ValueError(f"{timestamp_ms} is before {self.first_ms}, the first time of this segment's value")

    def between(self, from_ms: int, to_ms: int) -> list[Found]:
        """All values, not the deletions, that were valid at some time between, the latest first."""
        found = []
        valid_to_ms = self.next_ms
        for index, (valid_from_ms, value) in enumerate(self.records):
            if value is not None and valid_from_ms <= to_ms and valid_to_ms > from_ms:
                found.append(Found(index, valid_from_ms, valid_to_ms, value))
            valid_to_ms = valid_from_ms
        return found

    def insert_latest(self, valid_from_ms: int, valid_to_ms: int, value: bytes | None) -> None:
        if valid_from_ms < self.next_ms:
            self._truncate(valid_from_ms)  # a write before was done in part only
        if self.is_degenerate:
            self.records.clear()
        if self.next_ms != valid_from_ms:
            self.records.insert(0, (self.next_ms, None))
        self.records.insert(0, (valid_from_ms, value))
        self.next_ms = valid_to_ms

    def insert_earliest(self, timestamp_ms: int, value: bytes | None) -> None:
        if self.is_degenerate:
            self.records.clear()
        self.records.append((timestamp_ms, value))

    def insert(self, timestamp_ms: int, value: bytes | None, index: int) -> None:
        self.records.insert(index, (timestamp_ms, value))

    def update(self, timestamp_ms: int, value: bytes | None, index: int) -> None:
        self.records[index] = timestamp_ms, value

    def _truncate(self, timestamp_ms: int) -> None:
        """Forget what was said of that time and later."""
        self.records = [record for record in self.records if record[0] < timestamp_ms]
        self.next_ms = timestamp_ms
        if not self.records:
            self.records = [(timestamp_ms, None)]
