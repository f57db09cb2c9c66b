"""Bringing a log to the disk without holding up the loop that appends to it."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import PurePath

from ottla.runtime.files import File, FileSystem


class PendingFlush:
    """What was written before `prepare_flush` and is not synced: run `sync` in any thread, then `complete` on the loop.

    `directory` is the log's, `directories` those in which files were made or renamed. `complete` may only be called
    when `sync` returned; if it raised `OSError`, the log's directory has failed.
    """

    __slots__ = ("_directories", "_done", "_files", "_logs", "_paths", "directory", "offset")

    def __init__(
        self,
        files: FileSystem,
        directory: PurePath,
        logs: Sequence[File],
        paths: Sequence[PurePath],
        directories: Sequence[PurePath],
        offset: int,
        done: Callable[[int], None],
    ) -> None:
        self._files = files
        self.directory = directory
        self._logs = logs
        self._paths = paths
        self._directories = directories
        self._done = done
        self.offset = offset

    def sync(self) -> None:
        """Blocking; touches nothing but files."""
        for log in self._logs:
            log.sync()
        for path in self._paths:
            with suppress(FileNotFoundError):  # renamed meanwhile: the segment is gone, or was rebuilt by its owner
                file = self._files.open(path)
                try:
                    file.sync()
                finally:
                    file.close()
        for directory in self._directories:
            with suppress(FileNotFoundError):  # the log was deleted meanwhile
                self._files.sync_directory(directory)

    def complete(self) -> None:
        """The recovery point advances to `offset`."""
        self._done(self.offset)
