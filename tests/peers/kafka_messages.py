"""Apache Kafka's own message classes as an oracle."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest
from tests.peers.apache_kafka import jars

PROGRAM: Final = Path(__file__).parent / "java" / "KafkaMessages.java"
TIMEOUT_S: Final = 250


class MessageOracle:
    """Answers any number of questions in one run of `KafkaMessages.java`, which says what can be asked.

    The program is compiled as it runs: without a Java compiler the calling test is skipped; under `CI=true` it fails.
    """

    def __init__(self) -> None:
        if shutil.which("javac") is None:
            stop = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
            stop("no Java compiler (to run this test: apt install openjdk-17-jdk-headless maven)")

    def ask(self, questions: list[str]) -> list[str]:
        """One answer for each question, in order."""
        command = ["java", "-XX:+UseSerialGC", "-Xmx512m", "-cp", f"{jars()}/*", str(PROGRAM)]
        asked = "".join(f"{question}\n" for question in questions)
        done = subprocess.run(command, input=asked, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        assert done.returncode == 0, done.stderr
        answers = done.stdout.split("\n")[:-1]
        assert len(answers) == len(questions), done.stderr
        return answers
