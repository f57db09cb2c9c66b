"""The port to a disk: what the log, the quorum and the checkpoints ask of files.

The real disk is `runtime.disk`; a simulated one loses unsynced bytes and tears writes. Cores receive a `FileSystem`
and never touch `os` themselves. Errors are `OSError`, as the operating system raised them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Protocol, TypeAlias

Buffer: TypeAlias = bytes | bytearray | memoryview


class File(Protocol):
    """One open file. Reads and appends need no seek and may interleave."""

    @property
    def size(self) -> int:
        """The length in bytes, unsynced bytes included."""
        ...

    def append(self, buffers: Sequence[Buffer]) -> int:
        """Write the buffers, in order, at the end with one gathering write; return the bytes written (all of them)."""
        ...

    def read(self, position: int, size: int) -> bytes:
        """Up to `size` bytes from `position`; fewer only at the end of the file."""
        ...

    def truncate(self, size: int) -> None: ...

    def sync(self) -> None:
        """Make every byte written so far survive a loss of power (`fsync`)."""
        ...

    def close(self) -> None: ...


class FileSystem(Protocol):
    """The directory operations; paths are the caller's, absolute or relative to the process."""

    def open(self, path: PurePath, *, create: bool = False) -> File:
        """Open for reading and appending; with `create`, make it empty if it is not there."""
        ...

    def list(self, directory: PurePath) -> list[str]:
        """The names in a directory, sorted. `FileNotFoundError` if there is none."""
        ...

    def make_directory(self, directory: PurePath) -> None:
        """Make the directory and its parents; nothing happens if it is there."""
        ...

    def rename(self, source: PurePath, target: PurePath) -> None:
        """Atomically, over an existing file."""
        ...

    def remove(self, path: PurePath) -> None:
        """A file, or a directory with all that is in it."""
        ...

    def sync_directory(self, directory: PurePath) -> None:
        """Make the names in a directory survive a loss of power."""
        ...


@dataclass(slots=True, frozen=True)
class FileRegion:
    """Bytes of a file that leave by `sendfile`, unread. A file removed meanwhile stays readable until closed."""

    file: File
    position: int
    size: int
