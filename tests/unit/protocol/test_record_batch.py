"""The header of a batch: what is read, refused and patched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.protocol.errors import ErrorCode
from ottla.protocol.record import RecordBatchBuilder, iterate_records
from ottla.protocol.record_batch import (
    BatchHeader,
    CompressionType,
    InvalidBatchError,
    TimestampType,
    assign_create_time,
    assign_log_append_time,
    assign_offset,
    batch_size_at,
    crc_matches,
    increment_sequence,
    iterate_batches,
    parse_header,
    read_header,
    renew_crc,
    single_batch,
)

# A v1 message set with one message, key "k", value "v", as Kafka 0.10 wrote it.
V1_SET = bytes.fromhex("0000000000000000 00000018 7fb0d5b4 01 00 0000018bcfe56800 00000001 6b 00000001 76")


def batch(count: int = 2, **more: int) -> bytearray:
    builder = RecordBatchBuilder(**more)  # type: ignore[arg-type]  # every option used here is an int
    for number in range(count):
        builder.append(b"key", b"value %d" % number, timestamp_ms=1000 + number)
    return builder.build()


def code_of(records: bytes | bytearray) -> ErrorCode:
    with pytest.raises(InvalidBatchError) as caught:
        single_batch(records)
    return caught.value.code


def test_a_header_and_what_follows_from_it() -> None:
    data = batch(3, base_offset=40, producer_id=9, producer_epoch=2, base_sequence=5, compression=CompressionType.ZSTD)
    header = single_batch(data)
    assert header == read_header(data) == parse_header(data)
    assert (header.base_offset, header.last_offset, header.next_offset) == (40, 42, 43)
    assert (header.base_sequence, header.last_sequence) == (5, 7)
    assert (header.producer_id, header.producer_epoch, header.has_producer_id) == (9, 2, True)
    assert (header.base_timestamp, header.max_timestamp) == (1000, 1002)
    assert header.size == len(data)
    assert header.compression is CompressionType.ZSTD
    assert header.is_compressed
    assert header.timestamp_type is TimestampType.CREATE_TIME
    assert not header.is_transactional
    assert not header.is_control
    assert header.delete_horizon_ms is None


def test_no_producer_has_no_sequence() -> None:
    header = single_batch(batch())
    assert not header.has_producer_id
    assert header.last_sequence == -1


def test_sequences_wrap() -> None:
    assert increment_sequence(2**31 - 1, 1) == 0
    assert increment_sequence(2**31 - 3, 5) == 2
    assert increment_sequence(7, 0) == 7


@pytest.mark.parametrize("at", [21, 30, 60, 61, 70])
def test_a_wrong_checksum_is_corrupt(at: int) -> None:
    data = batch()
    data[at] ^= 1
    assert not crc_matches(data, 0, parse_header(data))
    assert code_of(data) is ErrorCode.CORRUPT_MESSAGE


def test_what_a_produce_request_may_not_carry() -> None:
    data = batch()
    assert code_of(b"") is ErrorCode.INVALID_RECORD
    assert code_of(V1_SET) is ErrorCode.INVALID_RECORD
    assert code_of(data + data) is ErrorCode.INVALID_RECORD
    assert code_of(data[:-1]) is ErrorCode.INVALID_RECORD
    assert code_of(data[:10]) is ErrorCode.INVALID_RECORD
    data[16] = 3
    assert code_of(data) is ErrorCode.CORRUPT_MESSAGE
    data[16] = 255
    assert code_of(data) is ErrorCode.CORRUPT_MESSAGE
    for length in (-1, 0, 13, 48):
        data = batch()
        data[8:12] = length.to_bytes(4, "big", signed=True)
        assert code_of(data) is ErrorCode.CORRUPT_MESSAGE


def test_old_message_sets_are_named() -> None:
    with pytest.raises(InvalidBatchError, match="format 1"):
        single_batch(V1_SET)
    with pytest.raises(InvalidBatchError, match="format 0"):
        read_header(V1_SET[:16] + b"\0" + V1_SET[17:])


def test_batches_one_after_the_other() -> None:
    first, second = batch(base_offset=0), batch(base_offset=2)
    log = bytes(first + second)
    assert [(position, header.base_offset) for position, header in iterate_batches(log)] == [(0, 0), (len(first), 2)]
    assert [position for position, _ in iterate_batches(b"junk" + log, 4, 4 + len(first))] == [4]
    for cut in (1, 50, len(second) - 1, len(second) - 12, len(second) - 20):
        torn = log[:-cut]
        assert [header.base_offset for _, header in iterate_batches(torn, cut_is_end=True)] == [0]
        with pytest.raises(InvalidBatchError, match="cut"):
            list(iterate_batches(torn))
    with pytest.raises(InvalidBatchError):
        list(iterate_batches(log + bytes(30), cut_is_end=True))


def test_the_size_of_a_batch_that_is_not_all_there() -> None:
    data = batch()
    assert batch_size_at(data, 0, 11) is None
    assert batch_size_at(data, 0, 16) is None
    assert batch_size_at(data, 0, 17) == len(data)


def test_a_leader_assigns_offset_and_epoch_without_the_checksum() -> None:
    data = b"before" + batch()
    view = memoryview(bytearray(data))
    assign_offset(view, 6, 1 << 40, 17)
    header = read_header(view, 6)
    assert (header.base_offset, header.last_offset, header.partition_leader_epoch) == (1 << 40, (1 << 40) + 1, 17)
    assert crc_matches(view, 6, header)
    assert [record.offset for record in iterate_records(view, 6)] == [1 << 40, (1 << 40) + 1]
    assert bytes(view[:6]) == b"before"


def test_log_append_time_and_back() -> None:
    data = batch()
    assign_log_append_time(data, 0, 5000)
    header = single_batch(data)
    assert header.timestamp_type is TimestampType.LOG_APPEND_TIME
    assert [record.timestamp for record in iterate_records(data)] == [5000, 5000]
    assign_create_time(data, 0, 1001)
    assert data == batch()


def test_an_unknown_compression_is_corrupt() -> None:
    data = batch()
    data[22] = 6
    renew_crc(data, 0)
    with pytest.raises(InvalidBatchError, match="compression type 6"):
        list(iterate_records(data))


@given(st.binary(max_size=200), st.booleans())
def test_junk_is_an_error_value(data: bytes, cut_is_end: bool) -> None:
    try:
        for _, header in iterate_batches(data, cut_is_end=cut_is_end):
            assert isinstance(header, BatchHeader)
    except InvalidBatchError:
        pass
