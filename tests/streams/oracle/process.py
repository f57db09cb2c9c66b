"""The oracle's Java program, compiled once for each of its texts and run once for all tests of a session.

`README.md` beside it says what can be asked. Without Java or Maven the calling test is skipped (in CI it fails).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Final, Self

import pytest
from tests.peers.apache_kafka import cache_folder, streams_test_jars

SOURCES: Final = sorted(Path(__file__).parent.glob("*.java"))
_OPTIONS: Final = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Xmx512m")


class OracleError(AssertionError):
    """Kafka Streams refused a question; `name` is the class of Java's exception, `message` what it said."""

    def __init__(self, name: str, message: str, cause: str | None) -> None:
        super().__init__(f"{name}: {message}" + (f" ({cause})" if cause else ""))
        self.name = name
        self.message = message


class StreamsOracle:
    def __init__(self) -> None:
        if shutil.which("javac") is None:
            stop = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
            stop("no Java compiler (to run this test: apt install openjdk-17-jdk-headless maven)")
        self._process: subprocess.Popen[str] | None = None
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  # as long as the process

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """The answer to one question; `OracleError` when Kafka Streams raised."""
        if self._process is None:
            class_path = f"{_compiled()}:{streams_test_jars()}/*"
            self._process = subprocess.Popen(
                ["java", *_OPTIONS, "-cp", class_path, "StreamsOracle"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line.endswith("\n"), self._said()
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise OracleError(answer["error"], answer["message"], answer.get("cause"))
        return answer

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


def _compiled() -> Path:
    """The folder of the program's classes, named after its text."""
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in SOURCES)).hexdigest()[:16]
    folder = cache_folder().parent / f"streams-oracle-{digest}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as partial:
            command = ["javac", "-nowarn", "-Xlint:none", "-d", partial, "-cp", f"{streams_test_jars()}/*"]
            result = subprocess.run([*command, *map(str, SOURCES)], capture_output=True, text=True, check=False)
            assert result.returncode == 0, result.stderr
            shutil.copytree(partial, folder, dirs_exist_ok=True)
    return folder
