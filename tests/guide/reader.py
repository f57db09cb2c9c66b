"""Whoever reads a page of the guide and does what it says: writes its files, runs its commands, keeps what was said."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING, Self

from tests.peers.process import free_port, wait_for

if TYPE_CHECKING:
    from pathlib import Path

BLOCK = re.compile(r"^```(?P<kind>\w+)(?: (?P<file>\S+))?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
PORTS = re.compile(r"\blocalhost:((?:909|808)\d)\b")
TIMEOUT_S = 120


STAYS = {
    "ottla start": "is ready on",
    "ottla exporter": "is on",
    "ottla console --bootstrap": "is ready on",
    "ottla console --config": "is ready on",
    "ottla lake start orders --warehouse lake --every": "Ctrl-C stops it",
    "ottla mirror": "Mirroring",
    "ottla registry --bootstrap": "is ready on",
    "ottla sql --serve": "is ready on",
    "ottla connect ": "is ready on",
    "ottla streams run": "RUNNING",
    "python shop.py": "the shop is open",
}
"""What goes on by itself, and what it says when it is ready."""


class Reader:
    """Does what the page says, in a directory of its own. What goes on by itself ends with the reader."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.nodes: list[subprocess.Popen[bytes]] = []
        """What goes on by itself, in order."""
        self.said: dict[str, str] = {}
        self._ports: dict[str, int] = {}

    def do(self, kind: str, file: str | None, text: str) -> None:
        text = PORTS.sub(lambda found: f"localhost:{self._ports.setdefault(found[1], free_port())}", text)
        if file is not None:
            (self.directory / file).write_text(text.replace("$PWD", str(self.directory)))
        elif kind == "sh":
            for line in text.splitlines():
                self.do_line(line)

    def do_line(self, line: str) -> None:
        for beginning, word in STAYS.items():
            if line.startswith(beginning):
                self.start(line, word)
                return
        self._run(line)

    def _run(self, line: str) -> None:
        done = subprocess.run(
            ["bash", "-c", f"set -o pipefail; {self._command(line)}"],
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        self.said[PORTS.sub("localhost", line)] = done.stdout

    def start(self, line: str, word: str = "") -> subprocess.Popen[bytes]:
        """Something that goes on by itself; it is ready when `word` is in its log."""
        log = self.directory / f"node-{len(self.nodes)}.log"
        with log.open("wb") as out:
            node = subprocess.Popen(
                ["bash", "-c", f"exec {self._command(line)}"], cwd=self.directory, stdout=out, stderr=out
            )
        self.nodes.append(node)

        def ready() -> bool:
            assert node.poll() is None, log.read_text()
            return word in log.read_text()

        wait_for(ready, f"{line} to be ready", TIMEOUT_S)
        return node

    def log_of(self, node: subprocess.Popen[bytes]) -> str:
        return (self.directory / f"node-{self.nodes.index(node)}.log").read_text()

    def _command(self, line: str) -> str:
        line = re.sub(r"(^|\| )ottla ", rf"\1{sys.executable} -m ottla ", line)
        return re.sub(r"^python ", f"{sys.executable} ", line)

    def said_by(self, part: str) -> str:
        return next(said for line, said in self.said.items() if part in line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for node in self.nodes:
            node.terminate()
        for node in self.nodes:
            node.wait(TIMEOUT_S)
