"""A checkpoint file being written without holding up the loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.log.checkpoint import write_offsets_aside

if TYPE_CHECKING:
    from pathlib import PurePath

    from ottla.log.file_names import TopicPartition
    from ottla.log.log_directory import LogDirectory
    from ottla.runtime.files import FileSystem


class PendingCheckpoint:
    """Run `write` in any thread, then `complete` on the loop, then `sync` in any thread. All raise `OSError`."""

    __slots__ = ("_aside", "_before", "_changes", "_files", "_log_directory", "_name", "_offsets")

    def __init__(
        self, files: FileSystem, log_directory: LogDirectory, name: str, offsets: dict[TopicPartition, int], writer: str
    ) -> None:
        """`writer`: who else may write the same checkpoint meanwhile has another name."""
        self._files = files
        self._log_directory = log_directory
        self._name = name
        self._offsets = offsets
        self._changes = log_directory.changes
        self._before = log_directory.checkpoints.get(name)
        self._aside = log_directory.path / f"{name}.{writer}.tmp"

    @property
    def directory(self) -> PurePath:
        """The log directory."""
        return self._log_directory.path

    def write(self) -> None:
        """Touches nothing but a file of its own."""
        write_offsets_aside(self._files, self._aside, self._offsets)

    def complete(self) -> bool:
        """Put it in its place. False: other logs or checkpoints came meanwhile, and the offsets are out of date."""
        directory = self._log_directory
        before = directory.checkpoints.get(self._name)
        if directory.changes != self._changes or before is not self._before or directory.failure is not None:
            return False
        self._files.rename(self._aside, directory.path / self._name)
        directory.checkpoints[self._name] = self._offsets
        return True

    def sync(self) -> None:
        self._files.sync_directory(self._log_directory.path)
