"""Snapshots of the producers' state: `<offset>.snapshot`, what the batches before `offset` left (`ProducerSnapshot`).

     0  version        int16   1
     2  crc            uint32  CRC-32C of everything from byte 6 on
     6  entries count  int32
    10  entries                producer id i64, epoch i16, last sequence i32, last offset i64, offset delta i32,
                               timestamp i64, coordinator epoch i32, current transaction's first offset i64 (-1: none)

Only a producer's last batch is kept of those that are cached. Taken at each roll and at a clean close.
"""

from collections.abc import Iterable
from pathlib import PurePath
from struct import Struct
from struct import error as StructError  # noqa: N812

from ottla.log.checkpoint import read_whole, replace_whole
from ottla.log.file_names import SNAPSHOT_SUFFIX, segment_file
from ottla.log.producer_state import CachedBatch, ProducerEntry
from ottla.protocol.crc import crc32c
from ottla.runtime.files import FileSystem

_HEAD = Struct(">hI")
_COUNT = Struct(">i")
_ENTRY = Struct(">qhiqiqiq")
_VERSION = 1
_SEQUENCES = 2**31


class CorruptSnapshotError(Exception):
    """A snapshot that cannot be trusted; an older one and the log serve instead."""


def encode_snapshot(entries: Iterable[ProducerEntry]) -> bytes:
    """In the order of producer ids."""
    parts = []
    for entry in sorted(entries, key=lambda entry: entry.producer_id):
        last = entry.batches[-1] if entry.batches else None
        first_offset = entry.transaction_first_offset
        parts.append(
            _ENTRY.pack(
                entry.producer_id,
                entry.epoch,
                last.last_sequence if last else -1,
                last.last_offset if last else -1,
                last.last_offset - last.first_offset if last else 0,
                entry.last_timestamp_ms,
                entry.coordinator_epoch,
                -1 if first_offset is None else first_offset,
            )
        )
    body = _COUNT.pack(len(parts)) + b"".join(parts)
    return _HEAD.pack(_VERSION, crc32c(body)) + body


def decode_snapshot(content: bytes) -> list[ProducerEntry]:
    """Raises `CorruptSnapshotError`."""
    try:
        version, crc = _HEAD.unpack_from(content)
        (count,) = _COUNT.unpack_from(content, _HEAD.size)
    except StructError:
        raise CorruptSnapshotError(f"{len(content)} bytes are too few") from None
    if version != _VERSION:
        raise CorruptSnapshotError(f"version {version} is not known")
    body = memoryview(content)[_HEAD.size :]
    if crc32c(body) != crc:
        raise CorruptSnapshotError("its checksum is wrong")
    if count * _ENTRY.size + _COUNT.size != len(body):
        raise CorruptSnapshotError(f"{len(content)} bytes do not hold {count} entries")
    entries = []
    for producer_id, epoch, sequence, offset, delta, timestamp, coordinator_epoch, first in _ENTRY.iter_unpack(
        body[_COUNT.size :]
    ):
        entry = ProducerEntry(producer_id, epoch)
        if offset >= 0:  # offsets that a group coordinator wrote in a transaction have no sequence
            first_sequence = (sequence - delta) % _SEQUENCES if sequence >= 0 else sequence
            entry.batches.append(CachedBatch(first_sequence, sequence, offset - delta, offset, timestamp))
            entry.next_sequence = (sequence + 1) % _SEQUENCES
        entry.last_timestamp_ms = timestamp
        entry.coordinator_epoch = coordinator_epoch
        entry.transaction_first_offset = first if first >= 0 else None
        entries.append(entry)
    return entries


def snapshot_path(directory: PurePath, offset: int) -> PurePath:
    return directory / segment_file(offset, SNAPSHOT_SUFFIX)


def write_snapshot(
    files: FileSystem, directory: PurePath, offset: int, entries: Iterable[ProducerEntry], *, sync: bool
) -> None:
    replace_whole(files, snapshot_path(directory, offset), encode_snapshot(entries), sync=sync)


def read_snapshot(files: FileSystem, directory: PurePath, offset: int) -> list[ProducerEntry]:
    """Raises `CorruptSnapshotError`, also when it is not there."""
    content = read_whole(files, snapshot_path(directory, offset))
    if content is None:
        raise CorruptSnapshotError("it is not there")
    return decode_snapshot(content)
