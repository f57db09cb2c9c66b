"""The records inside of a batch: read one by one, and built.

    length          varint    bytes after this field
    attributes      int8      0
    timestamp delta varlong   to the batch's base timestamp
    offset delta    varint    to the batch's base offset
    key length      varint    -1: no key
    key
    value length    varint    -1: no value
    value
    headers count   varint
      key length    varint
      key           UTF-8
      value length  varint    -1: no value
      value

For consumers, tools, coordinators and the cleaner. The produce and fetch paths of a broker never come here.
"""

from collections.abc import Iterable, Iterator, Sequence
from struct import Struct
from typing import NamedTuple, TypeAlias

from ottla.protocol.compression import MAX_DECOMPRESSED_BYTES, compress, decompress
from ottla.protocol.crc import crc32c
from ottla.protocol.errors import ErrorCode, ProtocolError
from ottla.protocol.record_batch import (
    CHECKED_FROM,
    CONTROL_FLAG,
    DELETE_HORIZON_FLAG,
    HEADER,
    HEADER_SIZE,
    LOG_APPEND_TIME_FLAG,
    LOG_OVERHEAD,
    MAGIC,
    NO_PARTITION_LEADER_EPOCH,
    NO_PRODUCER_EPOCH,
    NO_PRODUCER_ID,
    NO_SEQUENCE,
    NO_TIMESTAMP,
    TRANSACTIONAL_FLAG,
    BatchHeader,
    CompressionType,
    InvalidBatchError,
    TimestampType,
    read_header,
)
from ottla.protocol.varint import decode_varint, decode_varlong, encode_varint, varint_size

Buffer: TypeAlias = bytes | bytearray | memoryview
Headers: TypeAlias = Sequence[tuple[str, bytes | None]]

MAX_INT64 = 0x7FFFFFFFFFFFFFFF
_NULL = encode_varint(-1)
_NULL_BYTE = _NULL[0]
_FIRST_RECORD = b"\0\0\0"  # attributes, timestamp and offset delta
_NULL_AND_NO_HEADERS = _NULL + b"\0"
_pack_unchecked = Struct(">qiibI").pack  # the header up to the checksum, and what follows it
_pack_checked = Struct(">hiqqqhii").pack
NO_HEADERS: list[tuple[str, bytes | None]] = []


class Record(NamedTuple):
    """One record. `timestamp` in milliseconds since 1970; a header key that is not UTF-8 has surrogate escapes."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


def iterate_records(
    buffer: Buffer,
    offset: int = 0,
    header: BatchHeader | None = None,
    *,
    max_bytes: int = MAX_DECOMPRESSED_BYTES,
) -> Iterator[Record]:
    """The records of the whole batch at a position, decompressed to at most `max_bytes`. The checksum is not computed.

    `header` saves parsing it again. Raises `InvalidBatchError`: what `read_header` and `decompress` raise, and
    `INVALID_RECORD` for a record that is malformed, or a count that is not that of the records.
    """
    if header is None:
        header = read_header(buffer, offset)
    return _records(body_of(buffer, offset, header, max_bytes), header)


def body_of(buffer: Buffer, offset: int, header: BatchHeader, max_bytes: int) -> bytes:
    """The records of the batch at a position, decompressed. Raises what `iterate_records` raises of the batch."""
    view = memoryview(buffer)[offset + HEADER_SIZE : offset + LOG_OVERHEAD + header.batch_length]
    return bytes(decompress(header.compression, view, max_bytes))


def _records(data: bytes, header: BatchHeader) -> Iterator[Record]:
    base_offset = header.base_offset
    base_timestamp = header.base_timestamp
    append_time = header.max_timestamp if header.timestamp_type is TimestampType.LOG_APPEND_TIME else None
    check_count(header)
    position = 0
    end = len(data)
    try:
        for _ in range(header.records_count):
            length, position = decode_varint(data, position)
            stop = position + length
            if length < 0 or stop > end:
                raise invalid_record(f"a record claims {length} bytes of {end - position}")
            delta, position = decode_varlong(data, position + 1)
            byte = data[position]
            if byte < 0x80:
                offset_delta, position = (byte >> 1) ^ -(byte & 1), position + 1
            else:
                offset_delta, position = decode_varint(data, position)
            # One byte says "no key", and one "no headers": most records.
            if data[position] == _NULL_BYTE:
                key, position = None, position + 1
            else:
                key, position = read_bytes(data, position, stop)
            value, position = read_bytes(data, position, stop)
            if data[position]:
                headers, position = read_headers(data, position, stop)
            else:
                headers, position = NO_HEADERS, position + 1
            if position != stop:
                raise invalid_record(f"a record of {length} bytes ends {position - stop} bytes off")
            timestamp = base_timestamp + delta if append_time is None else append_time
            if timestamp > MAX_INT64 or timestamp < -MAX_INT64:
                raise invalid_record("a record's timestamp is out of range")
            yield Record(base_offset + offset_delta, timestamp, key, value, headers)
    except IndexError:
        raise invalid_record("a record is cut") from None
    except InvalidBatchError:
        raise
    except ProtocolError as error:
        raise invalid_record(str(error)) from None
    if position != end:
        raise invalid_record(f"{end - position} bytes follow the last of {header.records_count} records")


def check_count(header: BatchHeader) -> None:
    if header.records_count < 0 or header.base_offset < 0:
        raise invalid_record(f"a batch claims {header.records_count} records from offset {header.base_offset}")


def read_bytes(data: bytes, position: int, stop: int) -> tuple[bytes | None, int]:
    length, position = decode_varint(data, position)
    if length < 0:
        return None, position
    following = position + length
    if following > stop:
        raise invalid_record(f"a key or value claims {length} bytes of {stop - position}")
    return data[position:following], following


def read_headers(data: bytes, position: int, stop: int) -> tuple[list[tuple[str, bytes | None]], int]:
    count, position = decode_varint(data, position)
    if count < 0 or count > stop - position:
        raise invalid_record(f"a record claims {count} headers in {stop - position} bytes")
    headers: list[tuple[str, bytes | None]] = []
    for _ in range(count):
        key, position = read_bytes(data, position, stop)
        if key is None:
            raise invalid_record("a header has no key")
        value, position = read_bytes(data, position, stop)
        headers.append((key.decode("utf-8", "surrogateescape"), value))
    return headers, position


def invalid_record(message: str) -> InvalidBatchError:
    return InvalidBatchError(ErrorCode.INVALID_RECORD, message)


class RecordBatchBuilder:
    """Builds one batch, byte for byte as Kafka's `MemoryRecordsBuilder` does.

    `max_bytes` bounds the batch before compression: `append` refuses what would exceed it, except the first record.
    """

    def __init__(
        self,
        *,
        base_offset: int = 0,
        compression: CompressionType = CompressionType.NONE,
        compression_level: int | None = None,
        log_append_time_ms: int | None = None,
        partition_leader_epoch: int = NO_PARTITION_LEADER_EPOCH,
        producer_id: int = NO_PRODUCER_ID,
        producer_epoch: int = NO_PRODUCER_EPOCH,
        base_sequence: int = NO_SEQUENCE,
        transactional: bool = False,
        control: bool = False,
        delete_horizon_ms: int | None = None,
        max_bytes: int | None = None,
    ) -> None:
        self._base_offset = base_offset
        self._compression = compression
        self._level = compression_level
        self._log_append_time_ms = log_append_time_ms
        self._leader_epoch = partition_leader_epoch
        self._producer = (producer_id, producer_epoch, base_sequence)
        self._attributes = (
            compression
            | (LOG_APPEND_TIME_FLAG if log_append_time_ms is not None else 0)
            | (TRANSACTIONAL_FLAG if transactional else 0)
            | (CONTROL_FLAG if control else 0)
            | (DELETE_HORIZON_FLAG if delete_horizon_ms is not None else 0)
        )
        self._max_bytes = max_bytes
        self._body = bytearray()
        self._base_timestamp = delete_horizon_ms
        self._max_timestamp = NO_TIMESTAMP
        self._last_offset = base_offset - 1
        self.count = 0

    @property
    def size(self) -> int:
        """Bytes of the batch so far, before compression."""
        return HEADER_SIZE + len(self._body)

    @property
    def next_offset(self) -> int:
        return self._last_offset + 1

    def append(
        self,
        key: Buffer | None,
        value: Buffer | None,
        headers: Iterable[tuple[str, bytes | None]] = (),
        *,
        timestamp_ms: int,
        offset: int | None = None,
    ) -> bool:
        """Add a record; `False`, and nothing happens, if it would make the batch larger than `max_bytes`.

        Without `offset`, it follows the last. `ValueError` for an offset that does not grow.
        """
        if offset is None:
            offset = self._last_offset + 1
        elif offset <= self._last_offset:
            raise ValueError(f"offset {offset} does not follow {self._last_offset}")
        base_timestamp = timestamp_ms if self._base_timestamp is None else self._base_timestamp
        body = bytearray(1)
        body += encode_varint(timestamp_ms - base_timestamp)
        body += encode_varint(offset - self._base_offset)
        _write_bytes(body, key)
        _write_bytes(body, value)
        headers = list(headers)
        body += encode_varint(len(headers))
        for name, content in headers:
            _write_bytes(body, name.encode("utf-8", "surrogateescape"))
            _write_bytes(body, content)
        length = len(body)
        if (
            self._max_bytes is not None
            and self.count
            and HEADER_SIZE + len(self._body) + varint_size(length) + length > self._max_bytes
        ):
            return False
        self._body += encode_varint(length)
        self._body += body
        self._base_timestamp = base_timestamp
        self._max_timestamp = max(self._max_timestamp, timestamp_ms)
        self._last_offset = offset
        self.count += 1
        return True

    def build(self, last_offset: int | None = None) -> bytearray:
        """The batch; `last_offset` when it is to cover offsets beyond its last record. `ValueError` if it is empty."""
        if not self.count:
            raise ValueError("a batch without records cannot be built")
        records = compress(self._compression, self._body, self._level)
        last = self._last_offset if last_offset is None else last_offset
        return encode_batch(
            records,
            BatchHeader(
                base_offset=self._base_offset,
                batch_length=0,
                partition_leader_epoch=self._leader_epoch,
                magic=MAGIC,
                crc=0,
                attributes=self._attributes,
                last_offset_delta=last - self._base_offset,
                base_timestamp=NO_TIMESTAMP if self._base_timestamp is None else self._base_timestamp,
                max_timestamp=self._max_timestamp if self._log_append_time_ms is None else self._log_append_time_ms,
                producer_id=self._producer[0],
                producer_epoch=self._producer[1],
                base_sequence=self._producer[2],
                records_count=self.count,
            ),
        )


def one_record_batch(
    key: Buffer,
    value: Buffer | None,
    *,
    timestamp_ms: int,
    producer_id: int = NO_PRODUCER_ID,
    producer_epoch: int = NO_PRODUCER_EPOCH,
    transactional: bool = False,
) -> bytes:
    """What `RecordBatchBuilder` makes of one record without headers, uncompressed: most decisions of coordinators."""
    if value is None:
        body = b"".join((_FIRST_RECORD, encode_varint(len(key)), key, _NULL_AND_NO_HEADERS))
    else:
        body = b"".join((_FIRST_RECORD, encode_varint(len(key)), key, encode_varint(len(value)), value, b"\0"))
    size = encode_varint(len(body))
    attributes = TRANSACTIONAL_FLAG if transactional else 0
    checked = b"".join(
        (
            _pack_checked(attributes, 0, timestamp_ms, timestamp_ms, producer_id, producer_epoch, NO_SEQUENCE, 1),
            size,
            body,
        )
    )
    length = len(checked) + CHECKED_FROM - LOG_OVERHEAD
    return _pack_unchecked(0, length, NO_PARTITION_LEADER_EPOCH, MAGIC, crc32c(checked)) + checked


def encode_batch(records: Buffer, header: BatchHeader) -> bytearray:
    """A batch of a header and its (compressed) records; length and checksum of the header are computed."""
    batch = bytearray(HEADER_SIZE)
    batch += records
    HEADER.pack_into(batch, 0, header.base_offset, len(batch) - LOG_OVERHEAD, *header[2:])
    crc = crc32c(memoryview(batch)[CHECKED_FROM:])
    batch[17:21] = crc.to_bytes(4, "big")
    return batch


def _write_bytes(out: bytearray, content: Buffer | None) -> None:
    if content is None:
        out += _NULL
    else:
        out += encode_varint(len(content))
        out += content
