"""The batches of a `.log` file, or of a snapshot of the metadata log, as far as they can be read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from ottla.protocol.errors import ProtocolError
from ottla.protocol.record_batch import HEADER_SIZE, BatchHeader, batch_size_at, crc_matches, read_header

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

READ_BYTES = 1 << 20


class Batch(NamedTuple):
    position: int
    header: BatchHeader
    crc_is_right: bool
    data: bytes
    """All of it."""


class Broken(NamedTuple):
    """From here to the end nothing can be read: `size` bytes."""

    position: int
    size: int
    why: str
    is_zeros: bool
    """Nothing but zeros: space that was taken and never written."""


def read_batches(path: Path) -> Iterator[Batch | Broken]:
    """In the order of the file, as long as it is now: a node may be writing. The last is a `Broken` if there is a rest
    that is no whole batch. `OSError`."""
    with path.open("rb", buffering=READ_BYTES) as file:
        position, end = 0, os.fstat(file.fileno()).st_size
        while position < end:
            found = _read(file, position, end)
            yield found
            if isinstance(found, Broken):
                return
            position += found.header.size


def _read(file: BinaryIO, position: int, end: int) -> Batch | Broken:
    left = end - position
    data = file.read(min(HEADER_SIZE, left))
    try:
        size = batch_size_at(data, 0, len(data))
        if size is not None and len(data) < size <= left:
            data += file.read(size - len(data))
        header = read_header(data)
    except ProtocolError as error:
        return Broken(position, left, str(error), _is_zeros(file, position, end))
    return Batch(position, header, crc_matches(data, 0, header), data)


def _is_zeros(file: BinaryIO, position: int, end: int) -> bool:
    file.seek(position)
    while position < end:
        data = file.read(min(READ_BYTES, end - position))
        if not data or any(data):
            return False
        position += len(data)
    return True
