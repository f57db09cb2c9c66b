"""Walking over the batches of a `.log` file, header by header, with few and small reads."""

from collections.abc import Iterator
from struct import Struct

from ottla.protocol.record_batch import HEADER_SIZE, LOG_OVERHEAD, BatchHeader, parse_header
from ottla.runtime.files import File

_HEADERS_AT_ONCE = 8192
_BODIES_AT_ONCE = 1 << 20
_LOCATE = Struct(">qi11xi")  # base offset, batch length, …, last offset delta
_LOCATE_SIZE = _LOCATE.size


class CorruptBatchError(Exception):
    """Bytes in a log that are no batch; `position` is where they begin."""

    def __init__(self, position: int, reason: str) -> None:
        super().__init__(f"at position {position}: {reason}")
        self.position = position


def locate(file: File, offset: int, position: int, end: int) -> tuple[int, int] | None:
    """Position and size of the first batch from `position` on whose last offset is `offset` or later.

    None if the file has none before `end`. Batches are trusted; a cut or malformed one ends the search.
    """
    unpack = _LOCATE.unpack_from
    data = b""
    start = position
    while position + HEADER_SIZE <= end:
        at = position - start
        if at + _LOCATE_SIZE > len(data):
            start, at = position, 0
            data = file.read(position, min(_HEADERS_AT_ONCE, end - position))
            if len(data) < _LOCATE_SIZE:
                return None
        base_offset, length, delta = unpack(data, at)
        if base_offset + delta >= offset:
            return position, length + LOG_OVERHEAD
        if length < HEADER_SIZE - LOG_OVERHEAD:
            return None
        position += length + LOG_OVERHEAD
    return None


def scan_headers(file: File, position: int, end: int) -> Iterator[tuple[int, BatchHeader]]:
    """Position and header of each whole batch; stops at one that is cut or malformed. Nothing else is checked."""
    data = b""
    start = position
    while position + HEADER_SIZE <= end:
        at = position - start
        if at + HEADER_SIZE > len(data):
            start, at = position, 0
            data = file.read(position, min(_HEADERS_AT_ONCE, end - position))
            if len(data) < HEADER_SIZE:
                return
        header = parse_header(data, at)
        size = header.batch_length + LOG_OVERHEAD
        if header.magic != 2 or size < HEADER_SIZE or position + size > end:
            return
        yield position, header
        position += size


def scan_batches(file: File, position: int, end: int) -> Iterator[tuple[int, BatchHeader, memoryview]]:
    """Position, header and all bytes of each batch, in large reads.

    Raises `CorruptBatchError` at the first bytes that are no whole v2 batch; the checksum is the caller's to compute.
    """
    data = memoryview(b"")
    start = position
    while position < end:
        at = position - start
        if at + HEADER_SIZE > len(data):
            start, at = position, 0
            data = memoryview(file.read(position, min(_BODIES_AT_ONCE, end - position)))
            if len(data) < HEADER_SIZE:
                raise CorruptBatchError(position, f"{len(data)} bytes are too few for a batch")
        header = parse_header(data, at)
        size = header.batch_length + LOG_OVERHEAD
        if header.magic != 2:
            raise CorruptBatchError(position, f"format {header.magic} is not supported")
        if size < HEADER_SIZE or position + size > end:
            raise CorruptBatchError(position, f"a batch of {size} bytes, where {end - position} are left")
        if at + size > len(data):
            start, at = position, 0
            data = memoryview(file.read(position, max(size, min(_BODIES_AT_ONCE, end - position))))
            if len(data) < size:
                raise CorruptBatchError(position, "the file ends inside of a batch")
        yield position, header, data[at : at + size]
        position += size
