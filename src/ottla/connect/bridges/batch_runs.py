"""A program that reads a source once and ends, run again and again: `poll()` of a task, over what speaks with it."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final, Protocol

from ottla.connect.api.errors import ConnectError

if TYPE_CHECKING:
    from ottla.connect.api.record import SourceRecord
    from ottla.connect.bridges.plugin_process import PluginProcess

_log = logging.getLogger("ottla.connect.plugin")
WAIT_S: Final = 0.5
EXIT_WAIT_S: Final = 60.0
"""A program that has closed its output ends within that time."""
SHOWN_CHARACTERS: Final = 200


class Conversation(Protocol):
    """What knows the program's language. What it raises fails the task."""

    def begin(self) -> PluginProcess:
        """Start the program where the last run stopped."""
        ...

    def hear(self, line: bytes) -> list[SourceRecord]:
        """What may go on after this line."""
        ...

    def quiet(self) -> list[SourceRecord]:
        """Nothing more has come for a while: what need not wait."""
        ...

    def end(self) -> list[SourceRecord]:
        """The program has ended well: what is left."""
        ...

    def reason(self) -> str:
        """What the program said of its failure in its own language, if it did."""
        ...


class BatchRuns:
    """`interval_ms` between runs, negative: once; `idle_timeout_ms` of silence fail the task."""

    def __init__(self, conversation: Conversation, interval_ms: int, idle_timeout_ms: int) -> None:
        self._conversation = conversation
        self._interval_ms = interval_ms
        self._idle_timeout_ms = idle_timeout_ms
        self._process: PluginProcess | None = None
        self._next_run = time.monotonic()
        self._is_over = False
        self.runs = 0
        self.lines = 0
        self.error_lines = 0

    def poll(self) -> list[SourceRecord] | None:
        """At most `WAIT_S` while there is nothing."""
        if self._process is None:
            wait_s = WAIT_S if self._is_over else min(WAIT_S, self._next_run - time.monotonic())
            if wait_s > 0:
                time.sleep(wait_s)
                return None
            self._process = self._conversation.begin()
        process = self._process
        lines = process.read_lines(WAIT_S)
        if lines is None:
            self._check_alive(process)
            return self._conversation.quiet() or None
        if not lines:
            return self._end(process) or None
        self.lines += len(lines)
        records: list[SourceRecord] = []
        for line in lines:
            if line.strip():
                records += self._conversation.hear(line)
        return records or None

    def metrics(self) -> dict[str, float]:
        """From any thread."""
        process = self._process
        return {
            "plugin-runs-total": self.runs,
            "plugin-lines-total": self.lines,
            "plugin-error-lines-total": self.error_lines + (0 if process is None else process.error_lines),
        }

    def stop(self) -> None:
        if self._process is not None:
            self.error_lines += self._process.error_lines
            self._process.stop()
            self._process = None

    def _check_alive(self, process: PluginProcess) -> None:
        silent_ms = (time.monotonic() - process.last_heard) * 1000
        if silent_ms > self._idle_timeout_ms:
            self.stop()
            raise ConnectError(
                f"{process.name} has said nothing for {self._idle_timeout_ms} ms and is ended; if it needs longer, "
                f"raise idle.timeout.ms{process.last_words()}"
            )

    def _end(self, process: PluginProcess) -> list[SourceRecord]:
        status = process.wait(EXIT_WAIT_S)
        how = process.how_it_ended()
        self.stop()
        if status != 0:
            reason = self._conversation.reason()
            raise ConnectError(f"{process.name} ended {how}{f': {reason}' if reason else process.last_words()}")
        records = self._conversation.end()
        self.runs += 1
        self._is_over = self._interval_ms < 0
        self._next_run = time.monotonic() + max(self._interval_ms, 0) / 1000
        _log.info("%s is done (run %d)", process.name, self.runs)
        return records


def shown(line: bytes) -> str:
    text = line.decode("utf-8", "replace")
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
