"""What a buffer keeps of a record, in Kafka Streams' bytes (`BufferValue`, `ProcessorRecordContext`).

    context    int64 timestamp ‖ int64 offset ‖ topic ‖ int32 partition ‖ int32 headers ‖ (name ‖ value) …
    value      context ‖ prior value ‖ old value ‖ new value

Each part is an int32 size, -1 for null, and the bytes; an old value that equals the prior one is the size -2 alone.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from ottla.streams.record import RawRecord

if TYPE_CHECKING:
    from ottla.streams.record import Headers

Saved = tuple[int, "Headers", "RawRecord | None"]
"""`CurrentRecord.saved()`."""

_INT32: Final = struct.Struct(">i")
_START: Final = struct.Struct(">qq")
_NULL: Final = -1
_SAME_AS_PRIOR: Final = -2


class BufferValue(NamedTuple):
    prior: bytes | None
    old: bytes | None
    new: bytes | None
    record: Saved

    def to_bytes(self) -> bytes:
        old = _INT32.pack(_SAME_AS_PRIOR) if self.old is not None and self.old == self.prior else _sized(self.old)
        return _context(self.record) + _sized(self.prior) + old + _sized(self.new)

    @classmethod
    def from_bytes(cls, data: bytes) -> BufferValue:
        """What follows the value is not looked at."""
        record, at = _read_context(data)
        prior, at = _read(data, at)
        (size,) = _INT32.unpack_from(data, at)
        if size == _SAME_AS_PRIOR:
            old, at = prior, at + 4
        else:
            old, at = _read(data, at)
        new, _ = _read(data, at)
        return cls(prior, old, new, record)


def _sized(data: bytes | None) -> bytes:
    return _INT32.pack(_NULL) if data is None else _INT32.pack(len(data)) + data


def _read(data: bytes, at: int) -> tuple[bytes | None, int]:
    (size,) = _INT32.unpack_from(data, at)
    at += 4
    return (None, at) if size == _NULL else (data[at : at + size], at + size)


def _context(record: Saved) -> bytes:
    timestamp_ms, headers, raw = record
    topic, partition, offset = ("", -1, -1) if raw is None else (raw.topic, raw.partition, raw.offset)
    parts = [
        _START.pack(timestamp_ms, offset),
        _sized(topic.encode()),
        _INT32.pack(partition),
        _INT32.pack(len(headers)),
    ]
    for name, value in headers:
        parts += (_sized(name.encode()), _sized(value))
    return b"".join(parts)


def _read_context(data: bytes) -> tuple[Saved, int]:
    timestamp_ms, offset = _START.unpack_from(data)
    topic, at = _read(data, _START.size)
    (partition,) = _INT32.unpack_from(data, at)
    (count,) = _INT32.unpack_from(data, at + 4)
    at += 8
    headers: list[tuple[str, bytes | None]] = []
    for _ in range(count):
        name, at = _read(data, at)
        value, at = _read(data, at)
        headers.append(((name or b"").decode(), value))
    raw = RawRecord((topic or b"").decode(), partition, offset, timestamp_ms, None, None, tuple(headers))
    return (timestamp_ms, tuple(headers), raw if topic else None), at
