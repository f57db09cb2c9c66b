"""The batches of a `.log` file, or of a snapshot of the metadata log, as far as they can be read."""

from __future__ import annotations

import mmap
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from ottla.protocol.errors import ProtocolError
from ottla.protocol.record_batch import BatchHeader, Buffer, crc_matches, read_header

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Batch(NamedTuple):
    position: int
    header: BatchHeader
    crc_is_right: bool


class Broken(NamedTuple):
    """From here to the end nothing can be read: `size` bytes."""

    position: int
    size: int
    why: str
    is_zeros: bool
    """Nothing but zeros: space that was taken and never written."""


@contextmanager
def mapped(path: Path) -> Iterator[memoryview]:
    """All bytes of a file, read as they are looked at. `OSError`."""
    with path.open("rb") as file:
        if not path.stat().st_size:
            yield memoryview(b"")
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
            view = memoryview(whole)
            try:
                yield view
            finally:
                view.release()


def read_batches(data: Buffer, *, checks_crc: bool = True) -> Iterator[Batch | Broken]:
    """In the order of the file. The last is a `Broken` if there is a rest that is no whole batch."""
    position, end = 0, len(data)
    while position < end:
        try:
            header = read_header(data, position, end)
        except ProtocolError as error:
            yield Broken(position, end - position, str(error), _is_zeros(data, position))
            return
        yield Batch(position, header, not checks_crc or crc_matches(data, position, header))
        position += header.size


def _is_zeros(data: Buffer, position: int) -> bool:
    step = 1 << 16
    return not any(any(data[at : at + step]) for at in range(position, len(data), step))
