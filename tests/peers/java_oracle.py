"""A program in Java as an oracle: compiled once for each of its texts, run once, it answers each line with a line.

Without a Java compiler the calling test is skipped; under `CI=true` it fails.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
import threading
from typing import TYPE_CHECKING, ClassVar, Self

import pytest
from tests.peers.apache_kafka import cache_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import IO


def need_java_compiler() -> None:
    if shutil.which("javac") is None:
        stop = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        stop("no Java compiler (to run this test: apt install openjdk-17-jdk-headless maven)")


class JavaOracle:
    """A subclass says what is run. The program starts as it is first asked, and ends with the oracle."""

    main: ClassVar[str]
    """Its class."""

    def sources(self) -> Sequence[Path]:
        raise NotImplementedError

    def class_path(self) -> str:
        raise NotImplementedError

    def options(self) -> Sequence[str]:
        """Of the JVM."""
        return ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Xmx512m")

    def __init__(self) -> None:
        need_java_compiler()
        self._process: subprocess.Popen[str] | None = None
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  # as long as the process

    def exchange(self, lines: Sequence[str]) -> list[str]:
        """The answer to each, in order."""
        if self._process is None:
            self._process = subprocess.Popen(
                ["java", *self.options(), "-cp", f"{self._compiled()}:{self.class_path()}", self.main],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = "".join(f"{line}\n" for line in lines)
        writer = threading.Thread(target=_write, args=(self._process.stdin, asked), daemon=True)
        writer.start()
        try:
            answers = [self._process.stdout.readline() for _ in lines]
        except BaseException:  # a test's time is over: the next question must not read this one's answer
            self._process.kill()
            self._process.wait()
            self._process = None
            raise
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

    def _compiled(self) -> Path:
        """The folder of the program's classes, named after its text."""
        sources = self.sources()
        digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]
        folder = cache_folder().parent / f"{self.main}-{digest}"
        if not folder.exists():
            folder.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder.parent) as partial:
                command = ["javac", "-nowarn", "-Xlint:none", "-d", partial, "-cp", self.class_path()]
                result = subprocess.run([*command, *map(str, sources)], capture_output=True, text=True, check=False)
                assert result.returncode == 0, result.stderr
                shutil.copytree(partial, folder, dirs_exist_ok=True)
        return folder


def _write(stream: IO[str], text: str) -> None:
    stream.write(text)
    stream.flush()
