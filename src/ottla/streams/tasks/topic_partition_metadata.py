"""What is committed beside an offset: the partition's time, and what operators keep for their next run.

Java's `TopicPartitionMetadata`: base64 of a byte 2, the partition time, and the entries of `ProcessorMetadata`.
Version 1 had the time alone.
"""

from __future__ import annotations

import struct
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

_VERSION: Final = 2
_HEAD: Final = struct.Struct(">bq")
_INT32: Final = struct.Struct(">i")
_INT64: Final = struct.Struct(">q")


class OffsetAndMetadata(NamedTuple):
    """What is committed for one partition: the next offset to read, and `encode_metadata`'s text."""

    offset: int
    metadata: str


class TopicPartitionMetadata(NamedTuple):
    partition_time_ms: int
    processor_metadata: Mapping[str, int]


def encode_metadata(partition_time_ms: int, processor_metadata: Mapping[str, int]) -> str:
    data = bytearray(_HEAD.pack(_VERSION, partition_time_ms))
    if processor_metadata:
        data += _INT32.pack(len(processor_metadata))
        for key, value in processor_metadata.items():
            name = key.encode()
            data += _INT32.pack(len(name)) + name + _INT64.pack(value)
    return b64encode(data).decode("ascii")


def decode_metadata(text: str) -> TopicPartitionMetadata:
    """Time -1 and no entries where the text is empty or not one of ours: another client committed it."""
    try:
        data = b64decode(text, validate=True)
        version, time_ms = _HEAD.unpack_from(data)
        if version == 1:
            return TopicPartitionMetadata(time_ms, {})
        if version == _VERSION:
            return TopicPartitionMetadata(time_ms, _entries(data, _HEAD.size))
    except (struct.error, ValueError):
        pass
    return TopicPartitionMetadata(-1, {})


def _entries(data: bytes, offset: int) -> dict[str, int]:
    if offset >= len(data):
        return {}
    entries = {}
    (count,) = _INT32.unpack_from(data, offset)
    offset += 4
    for _ in range(count):
        (size,) = _INT32.unpack_from(data, offset)
        name = data[offset + 4 : offset + 4 + size].decode()
        (entries[name],) = _INT64.unpack_from(data, offset + 4 + size)
        offset += 4 + size + 8
    return entries
