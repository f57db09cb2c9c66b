"""Apache Kafka's own message classes as an oracle."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import pytest
from tests.peers.apache_kafka import jars

if TYPE_CHECKING:
    from typing import IO

PROGRAM: Final = Path(__file__).parent / "java" / "KafkaMessages.java"


class MessageOracle:
    """Answers any number of questions in one run of `KafkaMessages.java`, which says what can be asked.

    The program is compiled as it is first asked, and ends with the oracle. Without a Java compiler the calling test is
    skipped; under `CI=true` it fails.
    """

    def __init__(self) -> None:
        if shutil.which("javac") is None:
            stop = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
            stop("no Java compiler (to run this test: apt install openjdk-17-jdk-headless maven)")
        self._process: subprocess.Popen[str] | None = None
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  # as long as the process

    def ask(self, questions: list[str]) -> list[str]:
        """One answer for each question, in order."""
        if self._process is None:
            command = ["java", "-XX:+UseSerialGC", "-Xmx512m", "-cp", f"{jars()}/*", str(PROGRAM)]
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = "".join(f"{question}\n" for question in questions)
        writer = threading.Thread(target=_write, args=(self._process.stdin, asked), daemon=True)
        writer.start()
        answers = [self._process.stdout.readline() for _ in questions]
        writer.join()
        assert all(answer.endswith("\n") for answer in answers), self._said()
        return [answer.removesuffix("\n") for answer in answers]

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


def _write(stream: IO[str], text: str) -> None:
    stream.write(text)
    stream.flush()
