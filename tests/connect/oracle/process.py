"""Java's Kafka Connect as an oracle: a program, compiled once for each of its texts, run once a session.

Each question is an object with "ask": config, configure, from, to, from_header, to_header, transform, test, parse,
convert, project, each with the class of the plugin and its configuration where there is one (`ConnectOracle.java`).
Schemas and values are as in `Data.java`; `wire.py` says them. Without Java or Maven the calling test is skipped (in CI
it fails).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import pytest
from tests.peers.apache_kafka import cache_folder, connect_jars

if TYPE_CHECKING:
    from collections.abc import Sequence

SOURCES: Final = sorted(Path(__file__).parent.glob("*.java"))
_OPTIONS: Final = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Xmx256m", "-Duser.timezone=UTC")


class ConnectOracle:
    main = "ConnectOracle"

    def sources(self) -> Sequence[Path]:
        return SOURCES

    def class_path(self) -> str:
        return f"{connect_jars()}/*"

    def __init__(self) -> None:
        if shutil.which("javac") is None:
            stop = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
            stop("no Java compiler (to run this test: apt install openjdk-17-jdk-headless maven)")
        self._process: subprocess.Popen[str] | None = None
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  # as long as the process

    def ask(self, *questions: dict[str, Any]) -> list[dict[str, Any]]:
        """The answers, in order; where Java raised, `error` is the class and `message` what it said."""
        if self._process is None:
            logging = connect_jars().parent / "log4j2.properties"
            options = [*_OPTIONS, f"-Dlog4j2.configurationFile={logging}"]
            self._process = subprocess.Popen(
                ["java", *options, "-cp", f"{self._compiled()}:{self.class_path()}", self.main],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(questions) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line.endswith("\n"), self._said()
        answers: list[dict[str, Any]] = json.loads(line)
        return answers

    def close(self) -> None:
        if self._process is not None:
            self._process.communicate()
            assert self._process.returncode == 0, self._said()
        self._errors.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _said(self) -> str:
        self._errors.seek(0)
        return self._errors.read()

    def _compiled(self) -> Path:
        """The folder of the program's classes, named after its text."""
        sources = self.sources()
        digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]
        folder = cache_folder().parent / f"connect-oracle-{digest}"
        if not folder.exists():
            folder.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder.parent) as partial:
                command = ["javac", "-nowarn", "-Xlint:none", "-d", partial, "-cp", self.class_path()]
                result = subprocess.run([*command, *map(str, sources)], capture_output=True, text=True, check=False)
                assert result.returncode == 0, result.stderr
                shutil.copytree(partial, folder, dirs_exist_ok=True)
        return folder
