"""Batches on their way: whole where they can be, written anew where they must, every record as it was."""

from __future__ import annotations

import pytest

from ottla.clients.aborted_producers import AbortedProducers
from ottla.mirror.batch_copy import WHOLE_BATCH_BYTES, CopiedBatch, OffsetRun, copy_batches, split
from ottla.protocol.api.fetch import AbortedTransaction, PartitionData
from ottla.protocol.control_batch import end_transaction_batch
from ottla.protocol.record import Record, RecordBatchBuilder, iterate_records
from ottla.protocol.record_batch import CompressionType, InvalidBatchError, TimestampType, read_header, single_batch

BIG = b"x" * WHOLE_BATCH_BYTES


def batch(
    base: int,
    *values: bytes,
    offsets: tuple[int, ...] = (),
    compression: CompressionType = CompressionType.NONE,
    producer_id: int = -1,
    transactional: bool = False,
    append_time: int | None = None,
) -> bytearray:
    builder = RecordBatchBuilder(
        base_offset=base,
        compression=compression,
        producer_id=producer_id,
        producer_epoch=0 if producer_id >= 0 else -1,
        base_sequence=0 if producer_id >= 0 else -1,
        transactional=transactional,
        log_append_time_ms=append_time,
        partition_leader_epoch=7,
    )
    for number, value in enumerate(values):
        offset = offsets[number] if offsets else None
        builder.append(b"k", value, [("h", b"1"), ("h", None)], timestamp_ms=1000 + number, offset=offset)
    return builder.build()


def marker(producer_id: int, *, commit: bool, offset: int) -> bytearray:
    return end_transaction_batch(
        commit=commit,
        producer_id=producer_id,
        producer_epoch=0,
        coordinator_epoch=0,
        timestamp_ms=0,
        base_offset=offset,
    )


def records(copied: list[CopiedBatch]) -> list[Record]:
    return [record for each in copied for record in iterate_records(each.batch)]


def test_a_large_batch_goes_over_as_it_is() -> None:
    original = batch(40, BIG, b"b", compression=CompressionType.ZSTD, producer_id=5)
    data = original + batch(42, b"c")
    copied, position = copy_batches(data, 40)
    assert position == 43
    header = single_batch(copied[0].batch)
    assert bytes(copied[0].batch[61:]) == bytes(original[61:])
    assert (header.base_offset, header.partition_leader_epoch, header.compression) == (0, -1, CompressionType.ZSTD)
    assert [each.runs for each in copied] == [[OffsetRun(40, 2)], [OffsetRun(42, 1)]]
    assert [each.next_offset for each in copied] == [42, 43]


def test_small_batches_are_put_together() -> None:
    data = b"".join(batch(offset, b"%d" % offset) for offset in (*range(10, 20), 25))
    copied, position = copy_batches(data, 10)
    assert position == 26
    assert [each.runs for each in copied] == [[OffsetRun(10, 10), OffsetRun(25, 1)]]
    assert [record.value for record in records(copied)] == [b"%d" % offset for offset in (*range(10, 20), 25)]
    assert [record.timestamp for record in records(copied)] == [1000] * 11
    assert all(record.headers == [("h", b"1"), ("h", None)] for record in records(copied))
    assert read_header(copied[0].batch).last_offset_delta == 10


def test_batches_of_different_compression_are_not_put_together() -> None:
    data = batch(0, b"a") + batch(1, b"b", compression=CompressionType.GZIP) + batch(2, b"c")
    copied, _ = copy_batches(data, 0)
    assert [read_header(each.batch).compression for each in copied] == [
        CompressionType.NONE,
        CompressionType.GZIP,
        CompressionType.NONE,
    ]


def test_a_start_in_the_middle_leaves_out_what_is_before_it() -> None:
    copied, position = copy_batches(batch(0, b"a", b"b", BIG), 1)
    assert [record.value for record in records(copied)] == [b"b", BIG]
    assert copied[0].runs == [OffsetRun(1, 2)]
    assert position == 3
    assert copy_batches(batch(0, b"a"), 1) == ([], 1)


def test_a_compacted_batch_is_numbered_without_gaps() -> None:
    data = batch(5, BIG, b"b", b"c", offsets=(5, 7, 8))
    copied, position = copy_batches(data, 5)
    header = single_batch(copied[0].batch)
    assert header.records_count == header.last_offset_delta + 1 == 3
    assert copied[0].runs == [OffsetRun(5, 1), OffsetRun(7, 2)]
    assert position == 9


def test_log_append_time_becomes_the_records_own() -> None:
    copied, _ = copy_batches(batch(0, BIG, b"b", append_time=77), 0)
    assert read_header(copied[0].batch).timestamp_type is TimestampType.CREATE_TIME
    assert [record.timestamp for record in records(copied)] == [77, 77]


def test_transactions_end_at_the_source() -> None:
    data = (
        batch(0, BIG, producer_id=5, transactional=True)
        + marker(5, commit=False, offset=1)
        + batch(2, b"b", producer_id=6, transactional=True)
        + marker(6, commit=True, offset=3)
    )
    copied, position = copy_batches(data, 0)
    assert position == 4
    assert [record.value for record in records(copied)] == [BIG, b"b"]
    assert not any(read_header(each.batch).is_transactional for each in copied)
    aborted = PartitionData(
        partition_index=0,
        error_code=0,
        high_watermark=4,
        aborted_transactions=[AbortedTransaction(producer_id=5, first_offset=0)],
        records=None,
    )
    copied, position = copy_batches(data, 0, AbortedProducers(aborted))
    assert [record.value for record in records(copied)] == [b"b"]
    assert position == 4


def test_a_damaged_batch_is_refused_and_a_cut_one_comes_again() -> None:
    good, bad = batch(0, b"a"), batch(1, b"b")
    assert copy_batches(good + bad[:-1], 0)[1] == 1
    bad[-1] ^= 1
    with pytest.raises(InvalidBatchError, match="offset 1 has a wrong checksum"):
        copy_batches(good + bad, 0)


def test_halves_of_what_is_too_large() -> None:
    copied, _ = copy_batches(batch(5, b"a", b"b", b"c", offsets=(5, 7, 8)), 5)
    first, second = split(copied[0])
    assert [record.value for record in records([first, second])] == [b"a", b"b", b"c"]
    assert (first.runs, first.next_offset) == ([OffsetRun(5, 1)], 6)
    assert (second.runs, second.next_offset) == ([OffsetRun(7, 2)], 9)
    assert split(first) == [first]
