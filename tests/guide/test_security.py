"""docs/guide/security.md, run from top to bottom: its files are written, its commands run and answer as it says."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.peers.process import free_port, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "security.md"
BLOCK = re.compile(r"^```(?P<kind>\w+)(?: (?P<file>\S+))?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
PORTS = re.compile(r"\blocalhost:(909\d)\b")
TIMEOUT_S = 120


class Reader:
    """Does what the page says, in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.nodes: list[subprocess.Popen[bytes]] = []
        self.said: dict[str, str] = {}
        self._ports: dict[str, int] = {}

    def do(self, kind: str, file: str | None, text: str) -> None:
        text = PORTS.sub(lambda found: f"localhost:{self._ports.setdefault(found[1], free_port())}", text)
        if file is not None:
            (self.directory / file).write_text(text.replace("$PWD", str(self.directory)))
        elif kind == "sh":
            for line in text.splitlines():
                self._start(line) if line.startswith("ottla start") else self._run(line)

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

    def _start(self, line: str) -> None:
        log = self.directory / f"node-{len(self.nodes)}.log"
        with log.open("wb") as out:
            node = subprocess.Popen(
                ["bash", "-c", f"exec {self._command(line)}"], cwd=self.directory, stdout=out, stderr=out
            )
        self.nodes.append(node)

        def ready() -> bool:
            assert node.poll() is None, log.read_text()
            return "is ready on" in log.read_text()

        wait_for(ready, f"{line} to be ready", TIMEOUT_S)

    def _command(self, line: str) -> str:
        line = re.sub(r"(^|\| )ottla ", rf"\1{sys.executable} -m ottla ", line)
        return re.sub(r"^python ", f"{sys.executable} ", line)

    def said_by(self, part: str) -> str:
        return next(said for line, said in self.said.items() if part in line)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    made = Reader(tmp_path)
    yield made
    for node in made.nodes:
        node.terminate()
    for node in made.nodes:
        node.wait(TIMEOUT_S)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl (apt install openssl)")
def test_the_page_does_what_it_says(reader: Reader) -> None:
    text = PAGE.read_text("utf-8")
    for block in BLOCK.finditer(text):
        reader.do(block["kind"], block["file"], block["text"])
    assert "orders" not in reader.said_by("topics list")
    assert reader.said_by("ottla consume orders") == "first order\n"
    assert reader.said_by("not allowed").endswith("refused\n")
    assert len(reader.nodes) == 3
    secrets = ("admin-secret", "alice-secret")
    logs = "".join(path.read_text() for path in reader.directory.glob("node-*.log"))
    assert not any(secret in logs for secret in secrets)
    assert (reader.directory / "server.pem").stat().st_mode & 0o077 == 0
