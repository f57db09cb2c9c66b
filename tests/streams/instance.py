"""One process of an application, started as a user starts it: `ottla streams run MODULE:NAME --set …`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.peers.process import NodeProcess, wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping

REPOSITORY: Final = Path(__file__).resolve().parents[2]


class Instance(NodeProcess):
    """Its state lies in `directory/state`, whatever happens to the process."""

    name = "Ottla Streams"

    def __init__(
        self,
        directory: Path,
        bootstrap: str,
        settings: Mapping[str, str],
        *,
        application: str = "tests.streams.word_count:topology",
    ) -> None:
        super().__init__(directory)
        self._bootstrap = bootstrap
        self._application = application
        self._settings = dict(settings)
        self._written = 0

    @property
    def address(self) -> str:
        return self._bootstrap

    @property
    def data(self) -> Path:  # type: ignore[override]
        return self.directory / "state"

    def start(self) -> None:
        self._written = len(self.output)
        settings = {"application.id": "word-count", "bootstrap.servers": self._bootstrap, "state.dir": str(self.data)}
        settings |= self._settings
        command = [sys.executable, "-m", "ottla", "streams", "run", self._application, "--verbose", *self.arguments()]
        command += [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
        paths = [str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._spawn(command, {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"})

    def arguments(self) -> list[str]:
        """More of the command line."""
        return []

    @property
    def said(self) -> str:
        """Since the last start."""
        return self.output[self._written :]

    def wait_until_running(self, timeout_s: float = 60.0) -> None:
        def running() -> bool:
            if not self.is_running:
                raise self.died("ended before it ran")
            return "is RUNNING" in self.said

        wait_for(running, f"{self.directory.name} runs", timeout_s)
