"""An Ottla node, started as a user starts it: `python -m ottla start --data DIR --listen 127.0.0.1:PORT`."""

from __future__ import annotations

import re
import sys
import time
from typing import TYPE_CHECKING, Final

from tests.peers.process import POLL_INTERVAL_S, NodeProcess, keep_port

if TYPE_CHECKING:
    import signal
    from collections.abc import Mapping, Sequence
    from pathlib import Path

START_TIMEOUT_S: Final = 90.0
_ADDRESS: Final = re.compile(r"127\.0\.0\.1:(\d+)")


class OttlaNode(NodeProcess):
    """A node on a free port of the loopback, its data in `directory/data`; `settings` become `--set KEY=VALUE`.

    The first start listens on port 0; the port of its ready line is kept over restarts.
    """

    name = "Ottla"

    def __init__(
        self, directory: Path, settings: Mapping[str, str] | None = None, *, prefix: Sequence[str] = ()
    ) -> None:
        super().__init__(directory)
        self.data = directory / "data"
        self._settings = dict(settings or {})
        self._prefix = tuple(prefix)
        self._port = 0

    @property
    def address(self) -> str:
        assert self._port, "the node was never started"
        return f"127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start the process and return at its ready line, the first line with `127.0.0.1:PORT` in it."""
        written = len(self.output)
        command = [sys.executable, "-m", "ottla", "start", "--data", str(self.data)]
        command += ["--listen", f"127.0.0.1:{self._port}"]
        for key, value in self._settings.items():
            command += ["--set", f"{key}={value}"]
        self._spawn([*self._prefix, *command], {"PYTHONUNBUFFERED": "1"})
        self._port = self._wait_until_ready(written)

    def _end(self, number: signal.Signals) -> int:
        status = super()._end(number)
        if self._port:
            keep_port(self._port)
        return status

    def _wait_until_ready(self, written: int) -> int:
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            running = self.is_running
            for line in self.output[written:].splitlines(keepends=True):
                found = _ADDRESS.search(line)
                if found and line.endswith("\n"):
                    return int(found[1])
            if not running:
                raise self.died("ended before its ready line")
            if time.monotonic() > deadline:
                self.close()
                raise self.died(f"no ready line after {START_TIMEOUT_S:g} s")
            time.sleep(POLL_INTERVAL_S)
