"""A log that is to be opened, and, where the last stop was not clean, recovered."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.log.file_names import TopicPartition
    from ottla.log.log import Log


class PendingLog:
    """Run `open` once, before the next one is asked for: here if it is `clean`, which is short, else in any thread."""

    __slots__ = ("_error", "_log", "_open", "clean", "name")

    def __init__(self, name: TopicPartition, open_log: Callable[[], Log], *, clean: bool) -> None:
        self.name = name
        self.clean = clean
        self._open = open_log
        self._log: Log | None = None
        self._error: Exception | None = None

    def open(self) -> None:
        """Raises nothing: who waits for the log is told."""
        try:
            self._log = self._open()
        except Exception as error:  # `take` raises it
            self._error = error

    def take(self) -> Log:
        """The log, or what `Log.open` raised."""
        if self._error is not None:
            raise self._error
        assert self._log is not None, f"{self.name} was not opened"
        return self._log
