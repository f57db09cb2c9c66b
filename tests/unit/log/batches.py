"""Batches, logs and their contents for the tests of the log."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from ottla.log.append_result import AppendOrigin, AppendResult
from ottla.log.config import LogConfig
from ottla.log.log import Log
from ottla.protocol.errors import ErrorCode
from ottla.protocol.record import Record, RecordBatchBuilder, iterate_records
from ottla.protocol.record_batch import CompressionType, iterate_batches

if TYPE_CHECKING:
    from ottla.runtime.files import FileSystem

NOW_MS = 1_790_000_000_000
DIRECTORY = PurePath("/data/topic-0")


def batch(
    count: int = 1,
    *,
    timestamp_ms: int = NOW_MS,
    step_ms: int = 0,
    producer_id: int = -1,
    epoch: int = 0,
    sequence: int = 0,
    size: int = 10,
    compression: CompressionType = CompressionType.NONE,
    transactional: bool = False,
    key: bytes | None = b"k",
    base_offset: int = 0,
    leader_epoch: int = -1,
) -> bytes:
    """A producer's batch of `count` records of `size` bytes each."""
    builder = RecordBatchBuilder(
        base_offset=base_offset,
        compression=compression,
        producer_id=producer_id,
        producer_epoch=epoch if producer_id >= 0 else -1,
        base_sequence=sequence if producer_id >= 0 else -1,
        transactional=transactional,
        partition_leader_epoch=leader_epoch,
    )
    for index in range(count):
        builder.append(key, bytes(size), timestamp_ms=timestamp_ms + index * step_ms)
    return bytes(builder.build())


def open_log(files: FileSystem, config: LogConfig | None = None, *, clean: bool = True, recovery_point: int = 0) -> Log:
    return Log.open(files, DIRECTORY, config or LogConfig(), now_ms=NOW_MS, clean=clean, recovery_point=recovery_point)


def append(
    log: Log, records: bytes, *, epoch: int = 0, now_ms: int = NOW_MS, origin: AppendOrigin = AppendOrigin.CLIENT
) -> AppendResult:
    """An append that must succeed."""
    result = log.append(records, leader_epoch=epoch, now_ms=now_ms, origin=origin)
    assert result.error is ErrorCode.NONE, result
    return result


def all_bytes(log: Log, *, max_bytes: int = 1 << 20) -> bytes:
    """Everything a consumer gets, from the log's start, read after read."""
    out, offset = b"", log.log_start_offset
    while offset < log.log_end_offset:
        region = log.read(offset, max_bytes).region
        if region is None:
            break
        data = region.file.read(region.position, region.size)
        whole = 0
        for position, header in iterate_batches(data, cut_is_end=True):
            whole, offset = position + header.size, header.next_offset
        assert whole, "a read must hold at least one whole batch"
        out += data[:whole]
    return out


def all_records(log: Log) -> list[Record]:
    data = all_bytes(log)
    return [record for at, header in iterate_batches(data) for record in iterate_records(data, at, header)]
