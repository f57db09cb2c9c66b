"""What a lake tells of itself while it runs: a line for whoever waits at a terminal."""

import sys
from typing import Any


class LakeProgress:
    """Hears what a task would tell its worker (`connect.task.channel.Listener`)."""

    def __init__(self) -> None:
        self.read = 0
        self._shown = False

    def send(self, kind: str, **fields: object) -> None:
        values: Any = fields.get("values")
        if kind == "metrics" and isinstance(values, dict):
            self.read = int(values["sink-record-send-total"])
            if sys.stderr.isatty():
                self._shown = True
                waiting = int(values["sink-record-active-count"])
                print(
                    f"\r\x1b[K{self.read:,} records read, {waiting:,} of them wait", end="", file=sys.stderr, flush=True
                )

    def end(self) -> None:
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self._shown = False
