"""The header of a record batch, format v2 (KIP-98): read, checked and patched in place, records left alone.

     0  base offset             int64  ┐ what a broker assigns on append
     8  batch length            int32  │ bytes after this field
    12  partition leader epoch  int32  ┘ assigned on append too
    16  magic                   int8     2
    17  crc                     uint32   CRC-32C of everything from byte 21 to the end
    21  attributes              int16    bits 0-2 compression, 3 timestamp type, 4 transactional, 5 control,
    23  last offset delta       int32      6 base timestamp is a delete horizon (KIP-534)
    27  base timestamp          int64
    35  max timestamp           int64
    43  producer id             int64
    51  producer epoch          int16
    53  base sequence           int32
    57  records count           int32
    61  records                          compressed as one, unless compression is 0

Base offset and leader epoch stand outside of the checksum, so a broker assigns them with two small writes into the
buffer. Message sets of format v0 and v1 share bytes 0 … 16 and are told apart by their magic: Kafka 4 neither writes
nor takes them (a produce request with one is answered `INVALID_RECORD`, any other magic `CORRUPT_MESSAGE`).

Positions are in bytes, timestamps in milliseconds since 1970. Malformed bytes raise `ProtocolError`.
"""

from collections.abc import Iterator
from enum import IntEnum
from struct import Struct
from typing import NamedTuple, TypeAlias

from ottla.protocol.crc import crc32c
from ottla.protocol.errors import ErrorCode, ProtocolError

Buffer: TypeAlias = bytes | bytearray | memoryview

MAGIC = 2
HEADER_SIZE = 61
LOG_OVERHEAD = 12
"""Bytes before and including the batch length: what `batch_length` does not count."""
CHECKED_FROM = 21
"""The first byte that the checksum covers."""

NO_TIMESTAMP = -1
NO_PRODUCER_ID = -1
NO_PRODUCER_EPOCH = -1
NO_SEQUENCE = -1
NO_PARTITION_LEADER_EPOCH = -1

COMPRESSION_MASK = 0x07
LOG_APPEND_TIME_FLAG = 0x08
TRANSACTIONAL_FLAG = 0x10
CONTROL_FLAG = 0x20
DELETE_HORIZON_FLAG = 0x40

_MAGIC_AT = 16
_SMALLEST_V0 = 14  # a v0 message without key and value: no batch of any format claims to be shorter
_MAX_SEQUENCE = 0x7FFFFFFF

HEADER = Struct(">qiibIhiqqqhii")
_INT64 = Struct(">q")
_INT32 = Struct(">i")
_UINT32 = Struct(">I")
_INT16 = Struct(">h")
_read_header = HEADER.unpack_from
_read_int32 = _INT32.unpack_from


class CompressionType(IntEnum):
    NONE = 0
    GZIP = 1
    SNAPPY = 2
    LZ4 = 3
    ZSTD = 4


class TimestampType(IntEnum):
    """Who stamps the records: the producer, or the broker at append."""

    CREATE_TIME = 0
    LOG_APPEND_TIME = 1


class InvalidBatchError(ProtocolError):
    """A batch that cannot be taken; `code` is what Kafka 4 answers a producer."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code


class BatchHeader(NamedTuple):
    """The header as it stands in the bytes; nothing in it was checked beyond its size."""

    base_offset: int
    batch_length: int
    partition_leader_epoch: int
    magic: int
    crc: int
    attributes: int
    last_offset_delta: int
    base_timestamp: int
    max_timestamp: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    records_count: int

    @property
    def size(self) -> int:
        """Bytes of the whole batch."""
        return self.batch_length + LOG_OVERHEAD

    @property
    def last_offset(self) -> int:
        return self.base_offset + self.last_offset_delta

    @property
    def next_offset(self) -> int:
        return self.base_offset + self.last_offset_delta + 1

    @property
    def last_sequence(self) -> int:
        """The sequence number of the last record; sequences wrap from 2**31 - 1 to 0."""
        if self.base_sequence == NO_SEQUENCE:
            return NO_SEQUENCE
        return increment_sequence(self.base_sequence, self.last_offset_delta)

    @property
    def compression(self) -> CompressionType:
        """`InvalidBatchError` if the number means no compression type."""
        try:
            return CompressionType(self.attributes & COMPRESSION_MASK)
        except ValueError:
            raise InvalidBatchError(
                ErrorCode.CORRUPT_MESSAGE, f"compression type {self.attributes & COMPRESSION_MASK} does not exist"
            ) from None

    @property
    def is_compressed(self) -> bool:
        return self.attributes & COMPRESSION_MASK != 0

    @property
    def timestamp_type(self) -> TimestampType:
        if self.attributes & LOG_APPEND_TIME_FLAG:
            return TimestampType.LOG_APPEND_TIME
        return TimestampType.CREATE_TIME

    @property
    def is_transactional(self) -> bool:
        return self.attributes & TRANSACTIONAL_FLAG != 0

    @property
    def is_control(self) -> bool:
        return self.attributes & CONTROL_FLAG != 0

    @property
    def has_producer_id(self) -> bool:
        return self.producer_id > NO_PRODUCER_ID

    @property
    def delete_horizon_ms(self) -> int | None:
        """When tombstones and markers of this batch may go; set by the cleaner."""
        return self.base_timestamp if self.attributes & DELETE_HORIZON_FLAG else None


def increment_sequence(sequence: int, by: int) -> int:
    """A sequence number `by` records later, wrapping at 2**31 - 1 as `DefaultRecordBatch` does."""
    if sequence > _MAX_SEQUENCE - by:
        return by - (_MAX_SEQUENCE - sequence) - 1
    return sequence + by


def parse_header(buffer: Buffer, offset: int = 0) -> BatchHeader:
    """The header at a position, unchecked: for bytes that were checked before. The buffer must hold 61 bytes there."""
    return BatchHeader._make(_read_header(buffer, offset))


def batch_size_at(buffer: Buffer, offset: int, end: int) -> int | None:
    """The size in bytes that the batch at `offset` claims; `None` if too few bytes are there to tell.

    Raises `InvalidBatchError`: `CORRUPT_MESSAGE` for a size or magic that no format has. The batch itself may reach
    beyond `end`.
    """
    left = end - offset
    if left < LOG_OVERHEAD:
        return None
    (length,) = _read_int32(buffer, offset + 8)
    if length < _SMALLEST_V0:
        raise InvalidBatchError(ErrorCode.CORRUPT_MESSAGE, f"a record batch claims a size of {length} bytes")
    if left <= _MAGIC_AT:
        return None
    magic = buffer[offset + _MAGIC_AT]
    if magic > MAGIC:
        raise InvalidBatchError(ErrorCode.CORRUPT_MESSAGE, f"record batch format {magic} does not exist")
    return int(length) + LOG_OVERHEAD


def read_header(buffer: Buffer, offset: int = 0, end: int | None = None) -> BatchHeader:
    """The checked header of a whole v2 batch that lies between `offset` and `end`. The checksum is not computed.

    Raises `InvalidBatchError`: `INVALID_RECORD` for a message set of format v0 or v1, `CORRUPT_MESSAGE` for a size
    or magic that is wrong, or a batch that is cut.
    """
    if end is None:
        end = len(buffer)
    if end - offset >= HEADER_SIZE:
        header = BatchHeader._make(_read_header(buffer, offset))
        length = header.batch_length
        if header.magic == MAGIC and HEADER_SIZE - LOG_OVERHEAD <= length <= end - offset - LOG_OVERHEAD:
            return header
    raise _what_is_wrong(buffer, offset, end)


def _what_is_wrong(buffer: Buffer, offset: int, end: int) -> InvalidBatchError:
    try:
        size = batch_size_at(buffer, offset, end)
    except InvalidBatchError as error:
        return error
    if size is None or size > end - offset:
        claim = "unknown" if size is None else str(size)
        return InvalidBatchError(
            ErrorCode.CORRUPT_MESSAGE, f"a record batch is cut: {end - offset} bytes of a size of {claim}"
        )
    if buffer[offset + _MAGIC_AT] != MAGIC:
        magic = buffer[offset + _MAGIC_AT]
        return InvalidBatchError(
            ErrorCode.INVALID_RECORD, f"messages of format {magic} are not taken; record batches (format 2) are"
        )
    return InvalidBatchError(
        ErrorCode.CORRUPT_MESSAGE, f"a record batch of {size} bytes is shorter than its header of {HEADER_SIZE}"
    )


def iterate_batches(
    buffer: Buffer, offset: int = 0, end: int | None = None, *, cut_is_end: bool = False
) -> Iterator[tuple[int, BatchHeader]]:
    """Position and checked header of each batch between `offset` and `end`; checksums are not computed.

    With `cut_is_end` a batch that is cut ends the iteration, as at the end of a fetched chunk or of a torn log; else,
    and for anything else that is malformed, `InvalidBatchError` (see `read_header`).
    """
    if end is None:
        end = len(buffer)
    while offset < end:
        if cut_is_end:
            size = batch_size_at(buffer, offset, end)
            if size is None or size > end - offset:
                return
        header = read_header(buffer, offset, end)
        yield offset, header
        offset += header.batch_length + LOG_OVERHEAD


def single_batch(records: Buffer) -> BatchHeader:
    """The checked header of the batch that a produce request carries for a partition; the hot path of produce.

    Checks what Kafka's `ProduceRequest.validateRecords` checks (exactly one v2 batch), that nothing follows it, and
    the checksum. Raises `InvalidBatchError` with Kafka's code.
    """
    size = len(records)
    if size >= HEADER_SIZE:
        header = BatchHeader._make(_read_header(records, 0))
        if header.magic == MAGIC and header.batch_length + LOG_OVERHEAD == size:
            if crc32c(memoryview(records)[CHECKED_FROM:]) == header.crc:
                return header
            raise InvalidBatchError(
                ErrorCode.CORRUPT_MESSAGE, f"the checksum of the record batch at offset {header.base_offset} is wrong"
            )
    claimed = batch_size_at(records, 0, size)
    if claimed is None or claimed > size:
        raise InvalidBatchError(ErrorCode.INVALID_RECORD, "a partition of a produce request has no whole record batch")
    header = read_header(records)
    raise InvalidBatchError(
        ErrorCode.INVALID_RECORD,
        f"a partition of a produce request must have exactly one record batch; {size - header.size} bytes follow it",
    )


def crc_matches(buffer: Buffer, offset: int, header: BatchHeader) -> bool:
    """Whether the checksum is that of the bytes. The whole batch must be in the buffer."""
    end = offset + header.batch_length + LOG_OVERHEAD
    return crc32c(memoryview(buffer)[offset + CHECKED_FROM : end]) == header.crc


def assign_offset(buffer: bytearray | memoryview, offset: int, base_offset: int, partition_leader_epoch: int) -> None:
    """Write what a leader assigns at append; the checksum does not cover it."""
    _INT64.pack_into(buffer, offset, base_offset)
    _INT32.pack_into(buffer, offset + 12, partition_leader_epoch)


def assign_log_append_time(buffer: bytearray | memoryview, offset: int, timestamp_ms: int) -> None:
    """Stamp the whole batch with the broker's time (`message.timestamp.type=LogAppendTime`) and renew the checksum.

    Records keep their deltas: with this flag, every record's timestamp is the batch's max timestamp.
    """
    (attributes,) = _INT16.unpack_from(buffer, offset + 21)
    _INT16.pack_into(buffer, offset + 21, attributes | LOG_APPEND_TIME_FLAG)
    _INT64.pack_into(buffer, offset + 35, timestamp_ms)
    renew_crc(buffer, offset)


def assign_create_time(buffer: bytearray | memoryview, offset: int, max_timestamp_ms: int) -> None:
    """Write the true max timestamp and the producer's timestamp type, and renew the checksum."""
    (attributes,) = _INT16.unpack_from(buffer, offset + 21)
    _INT16.pack_into(buffer, offset + 21, attributes & ~LOG_APPEND_TIME_FLAG)
    _INT64.pack_into(buffer, offset + 35, max_timestamp_ms)
    renew_crc(buffer, offset)


def renew_crc(buffer: bytearray | memoryview, offset: int) -> None:
    """Compute and write the checksum of the batch at a position."""
    (length,) = _read_int32(buffer, offset + 8)
    view = memoryview(buffer)[offset + CHECKED_FROM : offset + LOG_OVERHEAD + length]
    _UINT32.pack_into(buffer, offset + 17, crc32c(view))
