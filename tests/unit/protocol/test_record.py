"""Records and batches against Apache Kafka's bytes, round trips, and malformed input."""

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.protocol.control_batch import (
    ControlRecordType,
    control_batch,
    control_record_key,
    control_record_type,
    end_transaction_batch,
)
from ottla.protocol.crc import crc32c
from ottla.protocol.errors import ErrorCode, ProtocolError
from ottla.protocol.record import Record, RecordBatchBuilder, encode_batch, iterate_records, one_record_batch
from ottla.protocol.record_batch import (
    HEADER_SIZE,
    CompressionType,
    InvalidBatchError,
    crc_matches,
    iterate_batches,
    parse_header,
    read_header,
    renew_crc,
)
from ottla.protocol.varint import decode_varint, decode_varlong, encode_varint, varint_size

GOLDEN_FILE = Path(__file__).parents[2] / "golden" / "record_batches.txt"
GOLDEN = {
    name: bytes.fromhex(text)
    for name, text in (line.split() for line in GOLDEN_FILE.read_text().splitlines() if line[0] != "#")
}
NOW = 1_700_000_000_000


def four_records(base: int) -> list[Record]:
    return [
        Record(base, NOW, b"k1", b"v1", []),
        Record(base + 1, NOW + 5, None, b"value two", [("h", None), ("hé", b"x")]),
        Record(base + 5, NOW - 1000, b"k3", None, []),
        Record(base + 300, NOW + 100_000, b"", bytes(200), [("", b"")]),
    ]


def append_all(builder: RecordBatchBuilder, records: list[Record]) -> RecordBatchBuilder:
    for record in records:
        assert builder.append(
            record.key, record.value, record.headers, timestamp_ms=record.timestamp, offset=record.offset
        )
    return builder


BUILDERS = {
    "plain": lambda: RecordBatchBuilder(),
    "idempotent": lambda: RecordBatchBuilder(
        base_offset=77, producer_id=4000, producer_epoch=3, base_sequence=2147483640, partition_leader_epoch=9
    ),
    "transactional": lambda: RecordBatchBuilder(
        base_offset=1 << 40,
        producer_id=1 << 50,
        producer_epoch=32767,
        base_sequence=5,
        transactional=True,
        partition_leader_epoch=2,
    ),
    "append_time": lambda: RecordBatchBuilder(
        base_offset=12, log_append_time_ms=1_800_000_000_000, partition_leader_epoch=0
    ),
    # Compressed bytes depend on the compressor; snappy's and lz4's happen to be the same for a small batch.
    "snappy": lambda: RecordBatchBuilder(base_offset=3, partition_leader_epoch=1, compression=CompressionType.SNAPPY),
    "lz4": lambda: RecordBatchBuilder(base_offset=3, partition_leader_epoch=1, compression=CompressionType.LZ4),
}


@pytest.mark.parametrize("name", BUILDERS)
def test_builds_the_bytes_of_kafka(name: str) -> None:
    base = parse_header(GOLDEN[name]).base_offset
    assert append_all(BUILDERS[name](), four_records(base)).build() == GOLDEN[name]


@pytest.mark.parametrize("name", ["plain", "idempotent", "transactional", "gzip", "snappy", "lz4", "zstd"])
def test_reads_the_bytes_of_kafka(name: str) -> None:
    data = GOLDEN[name]
    header = read_header(data)
    assert crc_matches(data, 0, header)
    assert list(iterate_records(data)) == four_records(header.base_offset)
    if name.upper() in CompressionType.__members__:
        assert header.compression is CompressionType[name.upper()]


def test_log_append_time_overrides_the_timestamp_of_each_record() -> None:
    assert {record.timestamp for record in iterate_records(GOLDEN["append_time"])} == {1_800_000_000_000}


def test_builds_the_control_batches_of_kafka() -> None:
    marker = end_transaction_batch(
        commit=True,
        producer_id=55,
        producer_epoch=6,
        coordinator_epoch=7,
        timestamp_ms=NOW,
        base_offset=10,
        partition_leader_epoch=4,
    )
    assert marker == GOLDEN["commit"]
    marker = end_transaction_batch(
        commit=False, producer_id=55, producer_epoch=6, coordinator_epoch=0, timestamp_ms=NOW
    )
    assert marker == GOLDEN["abort"]
    for name, kind, base_offset in (
        ("leader_change", ControlRecordType.LEADER_CHANGE, 0),
        ("snapshot_header", ControlRecordType.SNAPSHOT_HEADER, 0),
        ("snapshot_footer", ControlRecordType.SNAPSHOT_FOOTER, 9),
        ("kraft_version", ControlRecordType.KRAFT_VERSION, 0),
        ("voters", ControlRecordType.KRAFT_VOTERS, 0),
    ):
        (record,) = iterate_records(GOLDEN[name])
        assert control_record_type(record.key) is kind
        assert record.value is not None
        built = control_batch(
            [(kind, record.value)], base_offset=base_offset, timestamp_ms=NOW, partition_leader_epoch=1
        )
        assert built == GOLDEN[name]


def test_the_key_of_a_control_record() -> None:
    assert control_record_key(ControlRecordType.COMMIT) == b"\0\0\0\1"
    assert control_record_type(b"\0\5\0\1") is ControlRecordType.COMMIT
    assert control_record_type(b"\0\0\0\x63") is None
    for key in (None, b"", b"\0\0\0", b"\xff\xff\0\0"):
        with pytest.raises(InvalidBatchError):
            control_record_type(key)


headers = st.lists(st.tuples(st.text(max_size=5), st.none() | st.binary(max_size=9)), max_size=3)
contents = st.none() | st.binary(max_size=300)
records = st.lists(
    st.tuples(contents, contents, headers, st.integers(0, 2**62), st.integers(1, 1000)), min_size=1, max_size=8
)


@given(records, st.integers(0, 2**62), st.sampled_from(CompressionType))
def test_records_survive_a_batch(
    drawn: list[tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]], int, int]],
    base: int,
    compression: CompressionType,
) -> None:
    written: list[Record] = []
    offset = base - 1
    for key, value, head, timestamp, step in drawn:
        offset += step if written else 1
        written.append(Record(offset, timestamp, key, value, head))
    batch = append_all(RecordBatchBuilder(base_offset=base, compression=compression), written).build()
    header = read_header(batch)
    assert header.size == len(batch)
    assert header.last_offset == offset
    assert header.max_timestamp == max(record.timestamp for record in written)
    assert crc_matches(batch, 0, header)
    assert list(iterate_records(batch)) == written


@given(st.data(), st.sampled_from(["plain", "gzip", "snappy", "lz4", "zstd", "commit"]))
def test_damaged_batches_are_protocol_errors_and_nothing_else(data: st.DataObject, name: str) -> None:
    batch = bytearray(GOLDEN[name])
    for _ in range(data.draw(st.integers(1, 4))):
        batch[data.draw(st.integers(0, len(batch) - 1))] = data.draw(st.integers(0, 255))
    del batch[data.draw(st.integers(0, len(batch))) :]
    try:
        for position, header in iterate_batches(batch):
            for record in iterate_records(batch, position, header, max_bytes=100_000):
                struct.pack(">qq", record.offset, record.timestamp)
    except ProtocolError:
        pass


def with_records(body: bytes, count: int, **changes: int) -> bytearray:
    header = parse_header(GOLDEN["plain"])._replace(records_count=count, base_offset=0, **changes)
    return encode_batch(body, header)


@pytest.mark.parametrize(
    ("body", "count", "why"),
    [
        ("", 1, "cut"),
        ("", -1, "claims -1 records"),
        ("01", 1, "claims -1 bytes"),
        ("14000000010100", 1, "claims 10 bytes of 6"),
        ("0c00000001010000", 1, "follow the last"),
        ("0c000000010100", 2, "cut"),
        ("0e00000001010000", 1, "off"),
        ("0c000000" + "14" + "0100", 1, "key or value claims 10 bytes"),
        ("0c000000010101", 1, "claims -1 headers"),
        ("0c000000010112", 1, "claims 9 headers"),
        ("1000000001010200" + "00", 1, None),
        ("1000000001010201" + "00", 1, "no key"),
        ("ffffffffff01", 1, "longer than 32 bits"),
        ("0c00ffffffffffffffffffff01", 1, "longer than 64 bits"),
    ],
)
def test_malformed_records(body: str, count: int, why: str | None) -> None:
    batch = with_records(bytes.fromhex(body), count)
    if why is None:
        assert next(iterate_records(batch)).headers == [("", b"")]
        return
    with pytest.raises(InvalidBatchError, match=why) as caught:
        list(iterate_records(batch))
    assert caught.value.code is ErrorCode.INVALID_RECORD


def test_a_timestamp_beyond_64_bits_is_refused() -> None:
    batch = with_records(bytes.fromhex("0c000200010100"), 1, base_timestamp=2**63 - 1)
    with pytest.raises(InvalidBatchError, match="timestamp"):
        list(iterate_records(batch))


def test_a_header_key_that_is_not_utf8_survives() -> None:
    batch = with_records(bytes.fromhex("12000000010102" + "02ff" + "01"), 1)
    (record,) = iterate_records(batch)
    again = RecordBatchBuilder()
    again.append(None, None, record.headers, timestamp_ms=0)
    assert bytes(again.build()[HEADER_SIZE:]) == bytes(batch[HEADER_SIZE:])


def test_the_size_of_a_batch_is_bound() -> None:
    builder = RecordBatchBuilder(max_bytes=200)
    assert builder.append(None, bytes(500), timestamp_ms=0), "the first record always fits"
    assert not builder.append(None, b"", timestamp_ms=0)
    builder = RecordBatchBuilder(max_bytes=HEADER_SIZE + 2 * 17)
    assert builder.append(None, bytes(10), timestamp_ms=0)
    assert builder.append(None, bytes(10), timestamp_ms=0)
    assert not builder.append(None, b"", timestamp_ms=0)
    assert builder.count == 2
    assert builder.next_offset == 2
    assert len(builder.build()) == builder.size == HEADER_SIZE + 2 * 17


@given(
    st.binary(max_size=200),
    st.none() | st.binary(max_size=20_000),
    st.integers(0, 2**62),
    st.none() | st.tuples(st.integers(0, 2**62), st.integers(0, 2**15 - 1)),
)
def test_a_batch_of_one_record_is_that_of_the_builder(
    key: bytes, value: bytes | None, timestamp_ms: int, producer: tuple[int, int] | None
) -> None:
    producer_id, epoch = producer or (-1, -1)
    transactional = producer is not None
    builder = RecordBatchBuilder(producer_id=producer_id, producer_epoch=epoch, transactional=transactional)
    builder.append(key, value, timestamp_ms=timestamp_ms)
    built = one_record_batch(
        key,
        value,
        timestamp_ms=timestamp_ms,
        producer_id=producer_id,
        producer_epoch=epoch,
        transactional=transactional,
    )
    assert built == builder.build()


def test_what_a_builder_refuses() -> None:
    builder = RecordBatchBuilder(base_offset=5)
    with pytest.raises(ValueError, match="without records"):
        builder.build()
    with pytest.raises(ValueError, match="does not follow"):
        builder.append(None, None, timestamp_ms=0, offset=4)


def test_a_batch_may_cover_offsets_beyond_its_last_record_and_have_a_delete_horizon() -> None:
    builder = RecordBatchBuilder(base_offset=5, delete_horizon_ms=77)
    builder.append(b"k", None, timestamp_ms=1000)
    batch = builder.build(last_offset=20)
    header = read_header(batch)
    assert (header.last_offset, header.next_offset, header.delete_horizon_ms) == (20, 21, 77)
    assert [record.timestamp for record in iterate_records(batch)] == [1000]


@given(st.integers(-(2**31), 2**31 - 1))
def test_varints(value: int) -> None:
    encoded = encode_varint(value)
    assert len(encoded) == varint_size(value)
    assert decode_varint(b"x" + encoded, 1) == (value, 1 + len(encoded))


@given(st.integers(-(2**63), 2**63 - 1))
def test_varlongs(value: int) -> None:
    encoded = encode_varint(value)
    assert len(encoded) == varint_size(value)
    assert decode_varlong(encoded, 0) == (value, len(encoded))


def test_the_checksum_is_castagnoli() -> None:
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(memoryview(bytearray(b"x123456789"))[1:]) == 0xE3069283
    batch = bytearray(GOLDEN["plain"])
    batch[17:21] = bytes(4)
    renew_crc(batch, 0)
    assert batch == GOLDEN["plain"]
