"""What a client may append, what it is told otherwise, and what stands in the file afterwards."""

from __future__ import annotations

from struct import pack_into
from typing import TYPE_CHECKING

import pytest
from tests.simulation.disk import SimulatedDisk
from tests.unit.log.batches import NOW_MS, all_bytes, all_records, append, batch, open_log

from ottla.log.append_result import AppendOrigin, AppendResult
from ottla.log.config import LogConfig
from ottla.protocol.crc import crc32c
from ottla.protocol.errors import ErrorCode
from ottla.protocol.record_batch import CompressionType, TimestampType, parse_header

if TYPE_CHECKING:
    from ottla.log.log import Log


@pytest.fixture
def log() -> Log:
    return open_log(SimulatedDisk(1))


def log_with(**configs: object) -> Log:
    return open_log(SimulatedDisk(1), LogConfig(**configs))  # type: ignore[arg-type]  # the names tell the types


def patched(records: bytes, layout: str, offset: int, value: int, *, crc: bool = True) -> bytes:
    """A batch with one header field changed, and its checksum made right again."""
    changed = bytearray(records)
    pack_into(layout, changed, offset, value)
    if crc:
        pack_into(">I", changed, 17, crc32c(memoryview(changed)[21:]))
    return bytes(changed)


def refused(log: Log, records: bytes, **more: object) -> AppendResult:
    """The refusal of an append, which must have left no trace."""
    size = log.size_bytes
    result = log.append(records, leader_epoch=0, now_ms=NOW_MS, **more)  # type: ignore[arg-type]  # as above
    assert result.error is not ErrorCode.NONE
    assert result.error_message
    assert (result.base_offset, log.log_end_offset, log.size_bytes) == (-1, 0, size)
    return result


def test_offsets_and_epoch_are_assigned_and_nothing_else_changes(log: Log) -> None:
    first, second = batch(3), batch(2, compression=CompressionType.GZIP)
    view = memoryview(first).toreadonly()
    result = log.append(view, leader_epoch=4, now_ms=NOW_MS)
    assert (result.error, result.base_offset, result.last_offset) == (ErrorCode.NONE, 0, 2)
    assert (result.log_append_time_ms, result.log_start_offset) == (-1, 0)
    assert append(log, second, epoch=5).base_offset == 3
    data = all_bytes(log)
    assert data[16 : len(first)] == first[16:]
    assert data[len(first) + 16 :] == second[16:]
    assert parse_header(data).partition_leader_epoch == 4
    header = parse_header(data, len(first))
    assert (header.base_offset, header.partition_leader_epoch) == (3, 5)
    assert log.epochs.entries == [(4, 0), (5, 3)]


REFUSALS = [
    (b"", ErrorCode.INVALID_RECORD),
    (batch()[:60], ErrorCode.INVALID_RECORD),
    (batch()[:-1], ErrorCode.INVALID_RECORD),
    (batch() + batch(), ErrorCode.INVALID_RECORD),
    (patched(batch(), ">b", 16, 1), ErrorCode.INVALID_RECORD),
    (patched(batch(), ">b", 16, 0), ErrorCode.INVALID_RECORD),
    (patched(batch(), ">b", 16, 3), ErrorCode.CORRUPT_MESSAGE),
    (patched(batch(), ">i", 8, 3, crc=False), ErrorCode.CORRUPT_MESSAGE),
    (patched(batch(), ">I", 17, 1, crc=False), ErrorCode.CORRUPT_MESSAGE),
    (patched(batch(), ">q", 0, 5), ErrorCode.INVALID_RECORD),
    (patched(batch(2), ">i", 23, 5), ErrorCode.INVALID_RECORD),
    (patched(batch(2), ">i", 23, -1), ErrorCode.INVALID_RECORD),
    (patched(batch(2), ">i", 57, 0), ErrorCode.INVALID_RECORD),
    (patched(batch(), ">h", 21, 0x20), ErrorCode.INVALID_RECORD),
    (patched(batch(), ">h", 21, 0x08), ErrorCode.INVALID_TIMESTAMP),
    (patched(batch(), ">h", 21, 0x07), ErrorCode.CORRUPT_MESSAGE),
    (batch(producer_id=3, sequence=-1), ErrorCode.INVALID_RECORD),
    (batch(timestamp_ms=NOW_MS + 3_600_001), ErrorCode.INVALID_TIMESTAMP),
]


@pytest.mark.parametrize(("records", "error"), REFUSALS, ids=range(len(REFUSALS)))
def test_what_is_malformed_is_refused_with_kafkas_code(log: Log, records: bytes, error: ErrorCode) -> None:
    assert refused(log, records).error is error


def test_every_single_byte_changed_is_noticed(log: Log) -> None:
    """Bytes 12 … 15 are the leader epoch, which the leader overwrites: they are nobody's."""
    whole = batch(2)
    for at in [at for at in range(len(whole)) if not 12 <= at < 16]:
        changed = bytearray(whole)
        changed[at] ^= 0x55
        assert log.append(changed, leader_epoch=0, now_ms=NOW_MS).error is not ErrorCode.NONE, f"byte {at}"


def test_sizes() -> None:
    records = batch(size=1000)
    assert refused(log_with(max_message_bytes=len(records) - 1), records).error is ErrorCode.MESSAGE_TOO_LARGE
    assert refused(log_with(segment_bytes=len(records) - 1), records).error is ErrorCode.RECORD_LIST_TOO_LARGE
    append(log_with(max_message_bytes=len(records), segment_bytes=len(records)), records)


def test_timestamps_too_early() -> None:
    config = {"message_timestamp_before_max_ms": 1000}
    assert refused(log_with(**config), batch(timestamp_ms=NOW_MS - 1001)).error is ErrorCode.INVALID_TIMESTAMP
    append(log_with(**config), batch(timestamp_ms=NOW_MS - 1000))
    append(log_with(**config), batch(timestamp_ms=-1))


def test_log_append_time() -> None:
    log = log_with(message_timestamp_type="LogAppendTime")
    result = append(log, batch(2, timestamp_ms=5))
    assert result.log_append_time_ms == NOW_MS
    header = parse_header(all_bytes(log))
    assert (header.timestamp_type, header.max_timestamp) == (TimestampType.LOG_APPEND_TIME, NOW_MS)
    assert [record.timestamp for record in all_records(log)] == [NOW_MS, NOW_MS]
    append(log, batch(1, timestamp_ms=NOW_MS + 10**10))


def test_a_compacted_topic_needs_keys() -> None:
    log = log_with(cleanup_policy=("compact",))
    result = refused(log, batch(2, key=None))
    assert result.error is ErrorCode.INVALID_RECORD
    assert [error.batch_index for error in result.record_errors] == [0, 1]
    append(log, batch(2))
    append(log, batch(2, compression=CompressionType.ZSTD))


@pytest.mark.parametrize("target", ["gzip", "snappy", "lz4", "zstd", "uncompressed"])
@pytest.mark.parametrize("sent", list(CompressionType))
def test_compression_type(target: str, sent: CompressionType) -> None:
    log = log_with(compression_type=target)
    records = batch(20, step_ms=3, compression=sent, producer_id=4, sequence=9)
    append(log, records)
    header = parse_header(all_bytes(log))
    assert header.compression.name.lower() == ("none" if target == "uncompressed" else target)
    assert (header.producer_id, header.base_sequence, header.records_count) == (4, 9, 20)
    assert [(r.offset, r.timestamp, r.value) for r in all_records(log)] == [
        (index, NOW_MS + 3 * index, bytes(10)) for index in range(20)
    ]


def test_a_batch_that_grows_too_large_when_compressed_otherwise_is_refused() -> None:
    records = batch(10, size=1000, compression=CompressionType.ZSTD)
    log = log_with(compression_type="uncompressed", max_message_bytes=5000)
    assert refused(log, records).error is ErrorCode.MESSAGE_TOO_LARGE


def test_the_quorums_batches_keep_their_offsets_and_may_be_control_batches(log: Log) -> None:
    control = patched(batch(2), ">h", 21, 0x20)
    append(log, control + batch(1, base_offset=2), origin=AppendOrigin.RAFT, epoch=3)
    assert log.log_end_offset == 3
    with pytest.raises(ValueError, match="cannot follow"):
        log.append(batch(1, base_offset=9), leader_epoch=3, now_ms=NOW_MS, origin=AppendOrigin.RAFT)


def test_a_leaders_bytes_are_taken_as_they_are(log: Log) -> None:
    sent = batch(2, base_offset=5, leader_epoch=7) + batch(1, base_offset=10, leader_epoch=8)
    result = append(log, sent + batch(1, base_offset=11)[:40], origin=AppendOrigin.REPLICATION, epoch=99)
    assert (result.base_offset, result.last_offset, log.log_end_offset) == (5, 10, 11)
    assert all_bytes(log) == sent
    assert log.epochs.entries == [(7, 5), (8, 10)]
    torn = bytearray(batch(1, base_offset=11))
    torn[-1] ^= 1
    failed = log.append(torn, leader_epoch=0, now_ms=NOW_MS, origin=AppendOrigin.REPLICATION)
    assert failed.error is ErrorCode.CORRUPT_MESSAGE


def test_flush_messages_asks_for_a_sync_in_the_append() -> None:
    log = log_with(flush_messages=5)
    append(log, batch(4))
    assert log.recovery_point == 0
    append(log, batch(1))
    assert log.recovery_point == 5


@pytest.mark.parametrize("configs", [{"cleanup_policy": ("compact",)}, {"compression_type": "gzip"}, {}])
def test_the_records_of_coordinators_are_written_as_they_come(configs: dict[str, object]) -> None:
    """Whatever the topic wants of clients: keys are theirs to have, and nothing is compressed anew."""
    log = log_with(**configs)
    own = batch(2)
    for base, epoch in ((0, 3), (2, 4)):
        result = log.append(own, leader_epoch=epoch, now_ms=NOW_MS, origin=AppendOrigin.COORDINATOR)
        assert (result.error, result.base_offset, result.last_offset) == (ErrorCode.NONE, base, base + 1)
        assert parse_header(memoryview(all_bytes(log))[-len(own) :]).partition_leader_epoch == epoch
    assert all_bytes(log)[16 : len(own)] == own[16:]
    assert log.end_offset_for_epoch(3) == (3, 2)


def test_the_records_of_coordinators_are_stamped_where_a_topic_stamps_its_records() -> None:
    log = log_with(message_timestamp_type="LogAppendTime")
    result = log.append(batch(1), leader_epoch=0, now_ms=NOW_MS + 7, origin=AppendOrigin.COORDINATOR)
    assert result.log_append_time_ms == NOW_MS + 7
    assert [record.timestamp for record in all_records(log)] == [NOW_MS + 7]
