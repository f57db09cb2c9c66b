"""Bringing a log to the disk without holding up the loop that appends to it."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import PurePath
from typing import TypeAlias

from ottla.runtime.files import File, FileSystem

Together: TypeAlias = Callable[[Sequence[Callable[[], None]]], None]
"""Does all of some work, in any order and perhaps in threads, before it returns; raises what one of them raised."""


def one_by_one(works: Sequence[Callable[[], None]]) -> None:
    for work in works:
        work()


class PendingFlush:
    """What was written before `prepare_flush` and is not synced: run `sync` in any thread, then `complete` on the loop.

    `directory` is the log's, `directories` those in which files were made or renamed. `complete` may only be called
    when `sync` returned; if it raised `OSError`, the log's directory has failed.
    """

    __slots__ = ("_done", "_files", "_logs", "_paths", "directories", "directory", "offset")

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
        self.directories = directories
        self._done = done
        self.offset = offset

    def sync(self) -> None:
        """Blocking; touches nothing but files."""
        self.sync_files()
        for directory in self.directories:
            self.sync_names(directory)

    def sync_files(self) -> None:
        for log in self._logs:
            log.sync()
        for path in self._paths:
            with suppress(FileNotFoundError):  # renamed meanwhile: the segment is gone, or was rebuilt by its owner
                file = self._files.open(path)
                try:
                    file.sync()
                finally:
                    file.close()

    def sync_names(self, directory: PurePath) -> None:
        with suppress(FileNotFoundError):  # the log was deleted meanwhile
            self._files.sync_directory(directory)

    def complete(self) -> None:
        """The recovery point advances to `offset`."""
        self._done(self.offset)


def sync_all(pending: Sequence[PendingFlush], together: Together) -> None:
    """Sync and complete many, each directory once. `OSError`: none is complete."""
    together([each.sync_files for each in pending])
    of_directory = {directory: each for each in pending for directory in each.directories}
    together([partial(each.sync_names, directory) for directory, each in of_directory.items()])
    for each in pending:
        each.complete()
