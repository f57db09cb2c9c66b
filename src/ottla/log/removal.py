"""What is left of something deleted, to be removed in any thread: freeing a large file takes its time."""

from contextlib import suppress
from pathlib import PurePath
from typing import NamedTuple

from ottla.runtime.files import FileSystem


class Removal(NamedTuple):
    """A file, or a directory with all that is in it; `directory` is the log directory that it lies in."""

    files: FileSystem
    directory: PurePath
    path: PurePath

    def remove(self) -> None:
        """Raises `OSError`, but not for what is gone already."""
        with suppress(FileNotFoundError):
            self.files.remove(self.path)
