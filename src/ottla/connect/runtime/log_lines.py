"""The last lines of each connector's log, kept by its worker for `GET /connectors/NAME/logs` (Ottla's own).

What a task's process writes to its standard error, what a connector's own thread logs, and the states that both go
through. Numbers grow over all connectors and over restarts of the worker, so that whoever has read up to one can go on.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Final

LINES_MAX: Final = 2_000
"""Of a connector."""
TEXT_LENGTH_MAX: Final = 512 * 1024
"""Of a connector, characters of all its lines."""
LINE_LENGTH_MAX: Final = 4_096
CONNECTORS_MAX: Final = 200
"""Those that wrote last."""
ANSWER_LINES_MAX: Final = 500
THREAD_PREFIX: Final = "connector "
"""What the threads of connectors are called, before their names."""


@dataclass(frozen=True, slots=True)
class LogLine:
    number: int
    at_ms: int
    task: int | None
    """`None`: the connector's own."""
    text: str


class _Lines:
    def __init__(self) -> None:
        self.kept: deque[LogLine] = deque()
        self._length = 0

    def add(self, line: LogLine) -> None:
        self.kept.append(line)
        self._length += len(line.text)
        while len(self.kept) > LINES_MAX or self._length > TEXT_LENGTH_MAX:
            self._length -= len(self.kept.popleft().text)


class LogLines:
    """Of all connectors of a worker; threads may write."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._number = time.time_ns() // 1000
        """Microseconds: no worker writes a line in each, so the next life of it begins with greater ones."""
        self._connectors: OrderedDict[str, _Lines] = OrderedDict()

    def add(self, connector: str, task: int | None, text: str) -> None:
        """A line, or several."""
        at_ms = time.time_ns() // 1_000_000
        with self._lock:
            lines = self._connectors.get(connector)
            if lines is None:
                lines = self._connectors[connector] = _Lines()
                if len(self._connectors) > CONNECTORS_MAX:
                    self._connectors.popitem(last=False)
            self._connectors.move_to_end(connector)
            for part in text.splitlines():
                self._number += 1
                shown = part if len(part) <= LINE_LENGTH_MAX else f"{part[:LINE_LENGTH_MAX]}…"
                lines.add(LogLine(self._number, at_ms, task, shown))

    def after(self, connector: str, number: int | None) -> list[LogLine]:
        """The first that came after that one, at most `ANSWER_LINES_MAX`; the last of all without a number."""
        with self._lock:
            lines = self._connectors.get(connector)
            kept = [] if lines is None else list(lines.kept)
        if number is None:
            return kept[-ANSWER_LINES_MAX:]
        return [line for line in kept if line.number > number][:ANSWER_LINES_MAX]

    def forget(self, connector: str) -> None:
        with self._lock:
            self._connectors.pop(connector, None)


class ConnectorLogHandler(logging.Handler):
    """What is logged in the thread of a connector is a line of that connector."""

    def __init__(self, lines: LogLines) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        thread = record.threadName or ""
        if thread.startswith(THREAD_PREFIX):
            try:
                self._lines.add(thread.removeprefix(THREAD_PREFIX), None, self.format(record))
            except Exception:
                self.handleError(record)
