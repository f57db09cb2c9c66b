"""Reading a segment batch by batch without ever making the loop wait for the disk: the cleaner's eyes.

A `Step` is what a cleaning hands to whoever drives it, between two short pieces of work: a number of bytes that were
read or written just now (for the throttle), or something to be run to its end, in a thread, before it goes on.
"""

from collections.abc import Callable, Generator, Iterator
from typing import NamedTuple, TypeAlias

from ottla.log.batch_scan import CorruptBatchError
from ottla.protocol.compression import decompress
from ottla.protocol.errors import ErrorCode, ProtocolError
from ottla.protocol.record_batch import (
    HEADER_SIZE,
    LOG_OVERHEAD,
    MAGIC,
    BatchHeader,
    InvalidBatchError,
    crc_matches,
    parse_header,
)
from ottla.protocol.varint import decode_varint, decode_varlong
from ottla.runtime.files import File

Step: TypeAlias = int | Callable[[], None]

THREAD_WORTHY_BYTES = 8192
"""(De)compressing less than this is done at once: it takes as long as handing it over."""


class ReadBatch(NamedTuple):
    header: BatchHeader
    data: memoryview


class ScannedRecord(NamedTuple):
    """A record in `data`: `start … stop` with its length, `rest … stop` what follows its timestamp delta."""

    offset_delta: int
    timestamp_delta: int
    key: bytes | None
    has_value: bool
    start: int
    rest: int
    stop: int


class BatchReader:
    """`next` gives the batches of `file` from `position` up to `end`; their checksums are computed."""

    __slots__ = ("_chunk_bytes", "_data", "_end", "_file", "_start", "position")

    def __init__(self, file: File, position: int, end: int, chunk_bytes: int) -> None:
        self._file = file
        self._end = end
        self._chunk_bytes = chunk_bytes
        self._data = memoryview(b"")
        self._start = position
        self.position = position

    def next(self) -> Generator[Step, None, ReadBatch | None]:
        """`None` at the end. Raises `CorruptBatchError`, `OSError`."""
        if self.position >= self._end:
            return None
        if self.position + HEADER_SIZE > self._start + len(self._data):
            yield from self._read(HEADER_SIZE)
        header = parse_header(self._data, self.position - self._start)
        size = header.batch_length + LOG_OVERHEAD
        if header.magic != MAGIC or size < HEADER_SIZE or self.position + size > self._end:
            raise CorruptBatchError(self.position, f"no batch: format {header.magic}, {size} bytes")
        if self.position + size > self._start + len(self._data):
            yield from self._read(size)
        at = self.position - self._start
        batch = self._data[at : at + size]
        if not crc_matches(batch, 0, header):
            raise CorruptBatchError(self.position, f"the checksum of the batch at offset {header.base_offset} is wrong")
        self.position += size
        return ReadBatch(header, batch)

    def _read(self, at_least: int) -> Generator[Step, None, None]:
        size = min(max(at_least, self._chunk_bytes), self._end - self.position)

        def work() -> None:
            self._data = memoryview(self._file.read(self.position, size))

        yield work
        self._start = self.position
        if len(self._data) < at_least:
            raise CorruptBatchError(self.position, f"the file ends {at_least - len(self._data)} bytes too early")
        yield len(self._data)


def decompressed(batch: ReadBatch) -> Generator[Step, None, bytes]:
    """The records part. Raises `InvalidBatchError`."""
    header, data = batch
    body = data[HEADER_SIZE:]
    if not header.is_compressed:
        return bytes(body)
    out = b""

    def work() -> None:
        nonlocal out
        out = bytes(decompress(header.compression, body))

    if len(body) >= THREAD_WORTHY_BYTES:
        yield work
    else:
        work()
    return out


def scan_records(data: bytes, header: BatchHeader) -> Iterator[ScannedRecord]:
    """The records, as far as a cleaner looks into them. Raises `InvalidBatchError`."""
    position, end = 0, len(data)
    try:
        for _ in range(header.records_count):
            start = position
            length, position = decode_varint(data, position)
            stop = position + length
            if length < 0 or stop > end:
                raise _invalid(f"a record claims {length} bytes of {end - position}")
            timestamp_delta, rest = decode_varlong(data, position + 1)
            offset_delta, position = decode_varint(data, rest)
            size, position = decode_varint(data, position)
            key = None
            if size >= 0:
                key = data[position : position + size]
                position += size
            value_size, position = decode_varint(data, position)
            if position + max(0, value_size) > stop:
                raise _invalid(f"a key and a value do not fit a record of {length} bytes")
            yield ScannedRecord(offset_delta, timestamp_delta, key, value_size >= 0, start, rest, stop)
            position = stop
    except IndexError:
        raise _invalid("a record is cut") from None
    except InvalidBatchError:
        raise
    except ProtocolError as error:
        raise _invalid(str(error)) from None
    if position != end:
        raise _invalid(f"{end - position} bytes follow the last of {header.records_count} records")


def _invalid(message: str) -> InvalidBatchError:
    return InvalidBatchError(ErrorCode.INVALID_RECORD, message)
