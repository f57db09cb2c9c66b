"""One segment, read from end to end: its batches, and whether the indexes beside it say what is in it."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING

from ottla.log.file_names import (
    INDEX_SUFFIX,
    TIME_INDEX_SUFFIX,
    TRANSACTION_INDEX_SUFFIX,
    segment_file,
)
from ottla.protocol.errors import ProtocolError
from ottla.protocol.record import iterate_records
from ottla.tools.index_files import IndexFileError, offset_entries, time_entries, transaction_entries
from ottla.tools.segment_file import Broken, read_batches

if TYPE_CHECKING:
    from pathlib import Path

    from ottla.protocol.record_batch import BatchHeader
    from ottla.tools.segment_file import Batch

FAULTS_MAX = 10
"""Of one kind in one file: what is broken throughout is told once, not a million times."""


@dataclass(slots=True)
class SegmentCheck:
    log: Path
    next_offset: int
    size: int = 0
    batches: int = 0
    records: int = 0
    first_epoch: int = -1
    last_epoch: int = -1
    torn: str | None = None
    """What stands at its end and is no batch."""
    damage: list[str] = field(default_factory=list)
    index_faults: list[tuple[str, str]] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    last_offsets: list[int] = field(default_factory=list)
    timestamps: list[int] = field(default_factory=list)


def check_segment(
    directory: Path,
    base_offset: int,
    following: int | None,
    *,
    name: str | None = None,
    decodes: bool = False,
) -> SegmentCheck:
    """`following`: the base offset of the next segment. `name`: of a snapshot, which has no indexes. `OSError`."""
    log = directory / (name or segment_file(base_offset, ".log"))
    check = SegmentCheck(log, base_offset)
    for each in read_batches(log):
        if isinstance(each, Broken):
            rest = "zeros" if each.is_zeros else each.why
            check.torn = f"{each.size} bytes from position {each.position} on are no batch: {rest}"
            check.size += each.size
            break
        check.size += each.header.size
        _take(check, each.position, each.header, following)
        if not each.crc_is_right:
            _tell(check, f"the checksum of the batch at offset {each.header.base_offset} is wrong")
        elif decodes:
            _decode(check, each)
    if name is None:
        _check_indexes(check, directory, base_offset)
    return check


def _take(check: SegmentCheck, position: int, header: BatchHeader, following: int | None) -> None:
    where = f"the batch at position {position}"
    if header.base_offset < check.next_offset:
        _tell(check, f"{where} begins at offset {header.base_offset}, where {check.next_offset} or more should be")
    if header.last_offset_delta < 0 or header.records_count < 0:
        _tell(check, f"{where} has {header.records_count} records over {header.last_offset_delta} offsets")
    if following is not None and header.last_offset >= following:
        _tell(check, f"{where} ends at offset {header.last_offset}; the next segment begins at {following}")
    if header.partition_leader_epoch < check.last_epoch:
        _tell(check, f"{where} has leader epoch {header.partition_leader_epoch} after {check.last_epoch}")
    if check.first_epoch < 0:
        check.first_epoch = header.partition_leader_epoch
    check.last_epoch = max(check.last_epoch, header.partition_leader_epoch)
    check.next_offset = max(check.next_offset, header.next_offset)
    check.batches += 1
    check.records += max(0, header.records_count)
    check.positions.append(position)
    check.last_offsets.append(header.last_offset)
    check.timestamps.append(header.max_timestamp)


def _decode(check: SegmentCheck, batch: Batch) -> None:
    header = batch.header
    before = header.base_offset - 1
    try:
        for record in iterate_records(batch.data, 0, header):
            if not before < record.offset <= header.last_offset:
                _tell(check, f"record {record.offset} stands behind {before} in the batch at {header.base_offset}")
                return
            before = record.offset
    except ProtocolError as error:
        _tell(check, f"the records of the batch at offset {header.base_offset} cannot be read: {error}")


def _check_indexes(check: SegmentCheck, directory: Path, base_offset: int) -> None:
    for suffix in (INDEX_SUFFIX, TIME_INDEX_SUFFIX, TRANSACTION_INDEX_SUFFIX):
        path = directory / segment_file(base_offset, suffix)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            if suffix == INDEX_SUFFIX:
                check.notes.append((path.name, "is not there; the node makes it again"))
            continue
        try:
            if suffix == INDEX_SUFFIX:
                faults = _offset_faults(check, data, base_offset)
            elif suffix == TIME_INDEX_SUFFIX:
                faults = _time_faults(check, data, base_offset)
            else:
                faults = _transaction_faults(check, data, base_offset)
        except IndexFileError as error:
            faults = [str(error)]
        check.index_faults += [(path.name, fault) for fault in faults[:FAULTS_MAX]]


def _offset_faults(check: SegmentCheck, data: bytes, base_offset: int) -> list[str]:
    """A look-up begins at the position of an entry, for offsets from the entry's on: nothing of them may lie before."""
    slots = {position: slot for slot, position in enumerate(check.positions)}
    ends = set(check.last_offsets)
    faults = []
    for entry in offset_entries(data, base_offset):
        slot = slots.get(entry.position)
        if slot is None:
            faults.append(f"offset {entry.offset} at position {entry.position}, where no batch begins")
        elif slot and check.last_offsets[slot - 1] >= entry.offset:
            faults.append(f"offset {entry.offset} at position {entry.position}, which is behind it")
        elif entry.offset not in ends:
            faults.append(f"offset {entry.offset}, where no batch ends")
    return faults


def _time_faults(check: SegmentCheck, data: bytes, base_offset: int) -> list[str]:
    """An entry is the latest time so far, and where it was: a look-up for a later time begins there."""
    latest = list(accumulate(check.timestamps, max))
    faults = []
    for entry in time_entries(data, base_offset):
        slot = bisect_right(check.last_offsets, entry.offset) - 1
        if slot >= 0 and latest[slot] != entry.timestamp:
            faults.append(f"time {entry.timestamp} at offset {entry.offset}; the latest up to there is {latest[slot]}")
        if check.last_offsets and entry.offset > check.last_offsets[-1]:
            faults.append(f"offset {entry.offset} is behind the end of the segment")
    return faults


def _transaction_faults(check: SegmentCheck, data: bytes, base_offset: int) -> list[str]:
    return [
        f"producer {entry.producer_id}: its abort marker would be at {entry.last_offset}, outside of the segment"
        for entry in transaction_entries(data)
        if not base_offset <= entry.last_offset < check.next_offset
    ]


def _tell(check: SegmentCheck, text: str) -> None:
    if len(check.damage) < FAULTS_MAX:
        check.damage.append(text)
