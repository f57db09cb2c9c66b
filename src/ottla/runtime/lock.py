"""One process for one log directory: the `.lock` file, held as Apache Kafka holds it: either excludes the other."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LOCK_FILE = ".lock"


class DirectoryInUseError(Exception):
    """Another process holds the directory."""

    def __init__(self, directory: Path) -> None:
        super().__init__(
            f"{directory} is in use by another process (its {LOCK_FILE} is held). "
            "Stop that one first, or start this one with another --data directory."
        )


class DirectoryLock:
    """Held from construction until `release`; the system releases it when the process dies, however it dies."""

    def __init__(self, directory: Path) -> None:
        self._descriptor = os.open(directory / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            # `lockf` (POSIX record locks) is what the JVM's FileChannel.tryLock takes; `flock` would not meet it.
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            os.close(self._descriptor)
            raise DirectoryInUseError(directory) from None

    def release(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
