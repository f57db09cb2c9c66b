"""How far something long is: a bar that is drawn anew on a terminal, and now and then a line elsewhere. To stderr."""

import sys
import time
from collections.abc import Callable
from typing import TextIO

from ottla.console.cli.output import bytes_text, duration_text

BAR_WIDTH = 30
LINE_INTERVAL_S = 5.0
"""How often a line is written where there is no terminal."""
_FROM_START_OF_LINE = "\r\x1b[K"


class ByteProgress:
    """Of bytes that become fewer; what there was to do at first is the most that was ever left."""

    def __init__(self, stream: TextIO | None = None, now_s: Callable[[], float] = time.monotonic) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._now_s = now_s
        self._began_s = now_s()
        self._total = 0
        self._written_s: float | None = None
        self._open_line = False

    def show(self, bytes_left: int, rest: str) -> None:
        """`rest`: what there is to say beside the bytes."""
        self._total = max(self._total, bytes_left)
        line = f"{self._bar(bytes_left)} {self._words(bytes_left)}, {rest}"
        now_s = self._now_s()
        if self._stream.isatty():
            self._stream.write(f"{_FROM_START_OF_LINE}{line}")
            self._open_line = True
        elif self._written_s is None or now_s - self._written_s >= LINE_INTERVAL_S:
            self._stream.write(f"{line}\n")
            self._written_s = now_s
        self._stream.flush()

    def end(self) -> None:
        if self._open_line:
            self._stream.write("\n")
            self._stream.flush()
            self._open_line = False

    def _bar(self, bytes_left: int) -> str:
        share = 1.0 if not self._total else 1 - bytes_left / self._total
        full = int(share * BAR_WIDTH)
        return f"[{'#' * full}{'.' * (BAR_WIDTH - full)}] {int(share * 100):3d} %"

    def _words(self, bytes_left: int) -> str:
        words = f"{bytes_text(bytes_left)} of {bytes_text(self._total)} left"
        copied, elapsed_s = self._total - bytes_left, self._now_s() - self._began_s
        if not copied or not bytes_left or elapsed_s <= 0:
            return words
        rate = copied / elapsed_s
        return f"{words} at {bytes_text(int(rate))}/s, about {duration_text(bytes_left / rate * 1000)}"
