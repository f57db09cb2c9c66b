"""Batches of the source as batches for the target: the records as they are, under the name of another producer.

A batch goes over whole, compressed as it is, when it can: its records are those from the position on, numbered without
a gap, stamped by their producer. What cannot (compacted batches, a start in the middle, `LogAppendTime`) is written
anew from its records. Small batches that follow each other are put together, since a request carries one batch of a
partition: a producer that did not wait for company must not cost a round trip a record. Transaction markers are left
out, and with `read_committed` what was aborted; what remains is no transaction any more.

The sender numbers the batches (`clients.batch_sender`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ottla.protocol.errors import ErrorCode
from ottla.protocol.record import RecordBatchBuilder, iterate_records
from ottla.protocol.record_batch import (
    DELETE_HORIZON_FLAG,
    HEADER_SIZE,
    LOG_APPEND_TIME_FLAG,
    NO_PARTITION_LEADER_EPOCH,
    TRANSACTIONAL_FLAG,
    BatchHeader,
    InvalidBatchError,
    assign_offset,
    crc_matches,
    iterate_batches,
    read_header,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ottla.clients.aborted_producers import AbortedProducers
    from ottla.protocol.record import Record
    from ottla.protocol.record_batch import Buffer, CompressionType

WHOLE_BATCH_BYTES = 16 * 1024
"""A batch of this size goes over by itself; smaller ones are put together."""
MERGED_BATCH_BYTES = 64 * 1024
"""What small batches are put together to, before compression."""

_ATTRIBUTES = slice(21, 23)


class OffsetRun(NamedTuple):
    """Records that follow each other without a gap in the source."""

    first: int
    records: int


@dataclass(frozen=True, slots=True)
class CopiedBatch:
    batch: bytearray
    """Without a producer: its id and sequence numbers are still to be written."""
    runs: list[OffsetRun]
    next_offset: int
    """Where the source goes on when this batch is acknowledged."""

    @property
    def count(self) -> int:
        return sum(run.records for run in self.runs)


class _Merging:
    """The batch that small ones are put into."""

    def __init__(self, compression: CompressionType) -> None:
        self.compression = compression
        self._builder = RecordBatchBuilder(compression=compression)
        self._runs: list[OffsetRun] = []

    @property
    def size(self) -> int:
        return self._builder.size

    @property
    def is_empty(self) -> bool:
        return not self._runs

    def append(self, record: Record) -> None:
        self._builder.append(record.key, record.value, record.headers, timestamp_ms=record.timestamp)
        last = self._runs[-1] if self._runs else None
        if last is not None and last.first + last.records == record.offset:
            self._runs[-1] = OffsetRun(last.first, last.records + 1)
        else:
            self._runs.append(OffsetRun(record.offset, 1))

    def build(self) -> CopiedBatch:
        last = self._runs[-1]
        return CopiedBatch(self._builder.build(), self._runs, last.first + last.records)


def copy_batches(data: Buffer, position: int, aborted: AbortedProducers | None = None) -> tuple[list[CopiedBatch], int]:
    """What is to be sent of a fetched chunk, and the position behind it.

    `InvalidBatchError` for a batch that is damaged, or of a format from before 2017.
    """
    copied: list[CopiedBatch] = []
    merging: _Merging | None = None
    chosen = list(_chosen(data, position, aborted))
    for number, (offset, header, is_wanted) in enumerate(chosen):
        if is_wanted:
            follower = chosen[number + 1][1] if number + 1 < len(chosen) else None
            alone = merging is None and (follower is None or header.size >= WHOLE_BATCH_BYTES)
            if (alone or header.size >= WHOLE_BATCH_BYTES) and _can_go_whole(header, position):
                if merging is not None:
                    copied.append(merging.build())
                    merging = None
                copied.append(_whole(data, offset, header))
            else:
                merging = _merge(data, offset, header, position, merging, copied)
        position = max(position, header.next_offset)
    if merging is not None and not merging.is_empty:
        copied.append(merging.build())
    return copied, position


def split(copied: CopiedBatch) -> list[CopiedBatch]:
    """Two batches of half the records each, for a target that takes no batch of this size; one record stays one."""
    records = list(iterate_records(copied.batch))
    if len(records) < 2:
        return [copied]
    sources = [run.first + step for run in copied.runs for step in range(run.records)]
    half = len(records) // 2
    halves = []
    for part in (slice(0, half), slice(half, None)):
        merging = _Merging(read_header(copied.batch).compression)
        for record, source in zip(records[part], sources[part], strict=True):
            merging.append(record._replace(offset=source))
        halves.append(merging.build())
    return halves


def _chosen(data: Buffer, position: int, aborted: AbortedProducers | None) -> Iterator[tuple[int, BatchHeader, bool]]:
    for offset, header in iterate_batches(data, cut_is_end=True):
        hidden = aborted is not None and aborted.hides(
            header.producer_id, header.base_offset, header.is_transactional, header.is_control
        )
        if header.next_offset <= position:
            continue
        if not crc_matches(data, offset, header):
            raise InvalidBatchError(
                ErrorCode.CORRUPT_MESSAGE, f"the batch at offset {header.base_offset} has a wrong checksum"
            )
        yield offset, header, not header.is_control and not hidden and header.records_count > 0


def _can_go_whole(header: BatchHeader, position: int) -> bool:
    return (
        header.base_offset >= position
        and header.records_count == header.last_offset_delta + 1
        and not header.attributes & (LOG_APPEND_TIME_FLAG | DELETE_HORIZON_FLAG)
    )


def _whole(data: Buffer, offset: int, header: BatchHeader) -> CopiedBatch:
    batch = bytearray(memoryview(data)[offset : offset + header.size])
    batch[_ATTRIBUTES] = (header.attributes & ~TRANSACTIONAL_FLAG).to_bytes(2, "big")
    assign_offset(batch, 0, 0, NO_PARTITION_LEADER_EPOCH)  # as a producer numbers them: else a broker writes it anew
    return CopiedBatch(batch, [OffsetRun(header.base_offset, header.records_count)], header.next_offset)


def _merge(
    data: Buffer,
    offset: int,
    header: BatchHeader,
    position: int,
    merging: _Merging | None,
    copied: list[CopiedBatch],
) -> _Merging:
    compression = header.compression
    for record in iterate_records(data, offset, header):
        if record.offset < position:
            continue
        if merging is not None and not merging.is_empty:
            size = len(record.key or b"") + len(record.value or b"") + HEADER_SIZE
            if merging.compression is not compression or merging.size + size > MERGED_BATCH_BYTES:
                copied.append(merging.build())
                merging = None
        if merging is None:
            merging = _Merging(compression)
        merging.append(record)
    return merging or _Merging(compression)
