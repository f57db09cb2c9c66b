"""An instance of our schema registry, started as a user starts it: `ottla registry --bootstrap … --listen …`."""

from __future__ import annotations

import re
import sys
import time
from typing import TYPE_CHECKING, Final

from tests.peers.process import POLL_INTERVAL_S, NodeProcess

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

START_TIMEOUT_S: Final = 60.0
_URL: Final = re.compile(r"ready on (https?)://127\.0\.0\.1:(\d+)")


class RegistryProcess(NodeProcess):
    """On a free port of the loopback, which it keeps over restarts."""

    name = "Schema registry"

    def __init__(self, directory: Path, bootstrap: str, *options: str) -> None:
        super().__init__(directory)
        self._bootstrap = bootstrap
        self._options = options
        self._port = 0
        self._scheme = "http"

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    @property
    def url(self) -> str:
        assert self._port, "the registry was never started"
        return f"{self._scheme}://{self.address}"

    def start(self) -> None:
        written = len(self.output)
        command: Sequence[str] = [sys.executable, "-m", "ottla", "registry", "--bootstrap", self._bootstrap]
        command = [*command, "--listen", f"127.0.0.1:{self._port}", *self._options]
        self._spawn(command, {"PYTHONUNBUFFERED": "1"})
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            running = self.is_running
            found = _URL.search(self.output, written)
            if found:
                self._scheme, self._port = found[1], int(found[2])
                return
            if not running or time.monotonic() > deadline:
                raise self.died("did not get ready")
            time.sleep(POLL_INTERVAL_S)
