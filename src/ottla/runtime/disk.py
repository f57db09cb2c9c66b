"""The real disk behind `runtime.files`: `writev`, `pread` and `fsync` on descriptors.

A `DiskFile` closes its descriptor when the last reference to it goes, so a region of a removed segment that still waits
in a slow connection stays readable, and its descriptor's number is never another file's meanwhile.
"""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path, PurePath

from ottla.runtime.files import Buffer

_IOV_MAX = min(os.sysconf("SC_IOV_MAX"), 1024) if "SC_IOV_MAX" in os.sysconf_names else 16
JOINED_BYTES = 32 * 1024  # measured: up to here a copy costs less than the system's way from buffer to buffer
_READ_AT_ONCE = 1 << 30
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC


class DiskFile:
    """One open file of the real disk (`runtime.files.File`), with `fileno()` for `sendfile`."""

    __slots__ = ("_fd", "size")

    def __init__(self, fd: int, size: int) -> None:
        self._fd = fd
        self.size = size

    def fileno(self) -> int:
        """The descriptor, -1 once closed."""
        return self._fd

    def append(self, buffers: Sequence[Buffer]) -> int:
        """One gathering write for up to IOV_MAX buffers; what the system did not take is written again.

        Raises `OSError`; bytes that were written before it stay, and count in `size`.
        """
        total = sum(map(len, buffers))
        written = 0
        if total <= JOINED_BYTES and len(buffers) > 1:
            written = os.write(self._fd, b"".join(buffers))
            self.size += written
        elif len(buffers) <= _IOV_MAX:
            written = os.writev(self._fd, buffers)
            self.size += written
        if written < total:
            self._append_rest(buffers, written)
        return total

    def _append_rest(self, buffers: Sequence[Buffer], written: int) -> None:
        left = []
        for buffer in buffers:
            size = len(buffer)
            if written < size:
                left.append(memoryview(buffer)[written:])
            written = max(0, written - size)
        while left:
            taken = os.writev(self._fd, left[:_IOV_MAX])
            self.size += taken
            while left and taken >= len(left[0]):
                taken -= len(left.pop(0))
            if left and taken:
                left[0] = left[0][taken:]

    def read(self, position: int, size: int) -> bytes:
        data = os.pread(self._fd, min(size, _READ_AT_ONCE), position)
        if len(data) == size or not data:
            return data
        parts = [data]
        got = len(data)
        while got < size:
            data = os.pread(self._fd, min(size - got, _READ_AT_ONCE), position + got)
            if not data:
                break
            parts.append(data)
            got += len(data)
        return b"".join(parts)

    def truncate(self, size: int) -> None:
        os.ftruncate(self._fd, size)
        self.size = size

    def sync(self) -> None:
        os.fsync(self._fd)

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __del__(self) -> None:
        self.close()


class Disk:
    """The real file system (`runtime.files.FileSystem`)."""

    def open(self, path: PurePath, *, create: bool = False) -> DiskFile:
        fd = os.open(path, _FLAGS | os.O_CREAT if create else _FLAGS, 0o644)
        return DiskFile(fd, os.fstat(fd).st_size)

    def list(self, directory: PurePath) -> list[str]:
        return sorted(os.listdir(directory))  # noqa: PTH208

    def make_directory(self, directory: PurePath) -> None:
        Path(directory).mkdir(parents=True, exist_ok=True)

    def rename(self, source: PurePath, target: PurePath) -> None:
        Path(source).replace(target)

    def remove(self, path: PurePath) -> None:
        real = Path(path)
        if real.is_dir() and not real.is_symlink():
            shutil.rmtree(real)
        else:
            real.unlink()

    def sync_directory(self, directory: PurePath) -> None:
        fd = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
