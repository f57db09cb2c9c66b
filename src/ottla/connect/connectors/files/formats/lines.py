"""Records within bytes, by lines: where each begins and ends. A line of more than `LINE_BYTES_MAX` is a `DataError`."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Final

from ottla.connect.api.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

LINE_BYTES_MAX: Final = 64 * 1024 * 1024


def lines_from(stream: IO[bytes], start: int) -> Iterator[tuple[int, bytes]]:
    """(where the next begins, the line without its end), from the byte `start` on; the last needs no end."""
    at = start
    if start:
        stream.seek(start)
    while line := stream.readline(LINE_BYTES_MAX + 1):
        if len(line) > LINE_BYTES_MAX:
            raise DataError(f"the line at byte {at} has more than {LINE_BYTES_MAX} bytes: it is no line")
        at += len(line)
        yield at, line.removesuffix(b"\n").removesuffix(b"\r")


def text_of(line: bytes, at: int) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise DataError(f"the line that ends at byte {at} is no text in UTF-8: {error.reason}") from error
