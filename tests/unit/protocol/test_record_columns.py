"""Records as columns: what `iterate_records` yields one by one, of whole batches and of broken ones."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import example, given
from hypothesis import strategies as st

from ottla.protocol.record import Record, RecordBatchBuilder, iterate_records
from ottla.protocol.record_batch import CompressionType, InvalidBatchError, read_header
from ottla.protocol.record_columns import read_record_columns

sizes = st.sampled_from([0, 1, 63, 64, 127, 128, 8_191, 8_192, 20_000])
contents = st.none() | st.binary(max_size=4) | sizes.map(bytes)
headers = st.lists(st.tuples(st.text(max_size=3), st.none() | st.binary(max_size=3)), max_size=3)
deltas = st.integers(0, 3) | st.sampled_from([63, 64, 8_191, 8_192, 2**20])


@dataclass(frozen=True, slots=True)
class Written:
    delta: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]


times = st.integers(0, 9) | st.integers(-(2**62), 2**62)
records = st.lists(st.builds(Written, deltas, times, contents, contents, headers), min_size=1, max_size=8)


def batch_of(written: list[Written], compression: CompressionType, append_time_ms: int | None) -> bytearray:
    builder = RecordBatchBuilder(base_offset=7, compression=compression, log_append_time_ms=append_time_ms)
    for each in written:
        offset = builder.next_offset + each.delta
        builder.append(each.key, each.value, each.headers, timestamp_ms=each.timestamp_ms, offset=offset)
    return builder.build()


def one_by_one(batch: bytearray) -> list[Record] | str:
    try:
        return list(iterate_records(batch, 0, read_header(batch)))
    except InvalidBatchError as error:
        return error.code.name


def as_columns(batch: bytearray) -> list[Record] | str:
    try:
        columns = read_record_columns(batch, 0, read_header(batch))
    except InvalidBatchError as error:
        return error.code.name
    return [Record(*row) for row in zip(*columns, strict=True)]


@given(records, st.sampled_from(CompressionType), st.none() | st.just(12_345))
def test_a_whole_batch(written: list[Written], compression: CompressionType, append_time_ms: int | None) -> None:
    batch = batch_of(written, compression, append_time_ms)
    assert as_columns(batch) == one_by_one(batch)
    assert len(as_columns(batch)) == len(written)


@given(records, st.lists(st.tuples(st.integers(57, 200), st.integers(0, 255)), min_size=1, max_size=3))
@example([Written(0, 0, b"k", b"v", [])], [(61, 0x81), (62, 0)])
@example([Written(0, 0, None, None, [])], [(65, 0x83), (66, 0x01)])
def test_a_broken_batch_is_refused_alike(written: list[Written], changes: list[tuple[int, int]]) -> None:
    batch = batch_of(written, CompressionType.NONE, None)
    for position, byte in changes:
        batch[57 + (position - 57) % (len(batch) - 57)] = byte
    assert as_columns(batch) == one_by_one(batch)
