"""A program that writes lines: read as they come, within bounds. What it writes faster than that waits in its pipe."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Final

from ottla.connect.api.errors import ConnectError
from ottla.connect.bridges.program import END_GRACE_S, END_OF_OUTPUT_S, Program

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

CHUNK_BYTES: Final = 256 * 1024
BUFFERED_BYTES_MAX: Final = 16 * 1024 * 1024
LINE_BYTES_MAX: Final = 64 * 1024 * 1024
"""A longer line is no line: the plugin has failed."""
OUTPUT_BYTES_MAX: Final = 64 * 1024 * 1024


class PluginProcess(Program):
    """`read_lines` from one thread."""

    def __init__(
        self,
        command: Sequence[str],
        name: str,
        *,
        with_input: bool = False,
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(command, name, with_input=with_input, folder=folder, environment=environment)
        self._buffered: deque[list[bytes]] = deque()
        self._buffered_bytes = 0
        self._ended = False
        self._too_long = False
        self._changed = threading.Condition()
        self._reading = threading.Thread(target=self._read, name=name, daemon=True)
        self._reading.start()

    def read_lines(self, timeout_s: float) -> list[bytes] | None:
        """The next lines without their ends; `None`: none in time; `[]`: there will be none."""
        with self._changed:
            self._changed.wait_for(lambda: self._buffered or self._ended, timeout_s)
            if self._buffered:
                lines = self._buffered.popleft()
                self._buffered_bytes -= sum(map(len, lines))
                self._changed.notify_all()
                return lines
            if self._too_long:
                raise ConnectError(f"{self.name} wrote a line of more than {LINE_BYTES_MAX} bytes")
            return [] if self._ended else None

    def stop(self) -> None:
        super().stop()
        with self._changed:  # who waits for room does so no more
            self._buffered.clear()
            self._buffered_bytes = 0
            self._ended = True
            self._changed.notify_all()
        self._reading.join(END_OF_OUTPUT_S)

    def _read(self) -> None:
        assert self._process.stdout is not None
        rest = bytearray()
        with self._process.stdout as pipe:
            while chunk := pipe.read(CHUNK_BYTES):
                self.last_heard = time.monotonic()
                if b"\n" not in chunk:
                    rest += chunk
                    if len(rest) > LINE_BYTES_MAX:
                        self._too_long = True
                        break
                    continue
                lines = bytes(rest + chunk).split(b"\n")
                rest = bytearray(lines.pop())
                self._keep(lines)
        with self._changed:
            if rest and not self._too_long:
                self._buffered.append([bytes(rest)])
                self._buffered_bytes += len(rest)
            self._ended = True
            self._changed.notify_all()

    def _keep(self, lines: list[bytes]) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._buffered_bytes < BUFFERED_BYTES_MAX or self._ended)
            self._buffered.append(lines)
            self._buffered_bytes += sum(map(len, lines))
            self._changed.notify_all()


class ProgramError(ConnectError):
    """A program ended badly; `lines` is what it wrote."""

    java_name = ConnectError.java_name

    def __init__(self, message: str, lines: list[bytes]) -> None:
        super().__init__(message)
        self.lines = lines


def run_to_end(command: Sequence[str], name: str, timeout_s: float, *, folder: Path | None = None) -> list[bytes]:
    """The lines that it writes. `ConnectError` with the end of its stderr: it takes or writes too much, or
    (`ProgramError`) ends with another status than 0."""
    process = PluginProcess(command, name, folder=folder)
    try:
        deadline = time.monotonic() + timeout_s
        found: list[bytes] = []
        size = 0
        while True:
            lines = process.read_lines(max(0.0, deadline - time.monotonic()))
            if lines is None:
                raise ConnectError(f"{name} was not done within {timeout_s:g} s{process.last_words()}")
            if not lines:
                break
            size += sum(map(len, lines))
            if size > OUTPUT_BYTES_MAX:
                raise ConnectError(f"{name} wrote more than {OUTPUT_BYTES_MAX} bytes")
            found += lines
        status = process.wait(max(END_GRACE_S, deadline - time.monotonic()))
        if status != 0:
            raise ProgramError(f"{name} ended {process.how_it_ended()}{process.last_words()}", found)
        return found
    finally:
        process.stop()
