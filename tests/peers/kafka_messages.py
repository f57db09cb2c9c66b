"""Apache Kafka's own message classes as an oracle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.peers.apache_kafka import jars
from tests.peers.java_oracle import JavaOracle

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM: Final = Path(__file__).parent / "java" / "KafkaMessages.java"


class MessageOracle(JavaOracle):
    """Answers any number of questions in one run of `KafkaMessages.java`, which says what can be asked."""

    main = "KafkaMessages"

    def sources(self) -> Sequence[Path]:
        return [PROGRAM]

    def class_path(self) -> str:
        return f"{jars()}/*"

    def options(self) -> Sequence[str]:
        return ("-XX:+UseSerialGC", "-Xmx512m")

    def ask(self, questions: list[str]) -> list[str]:
        """One answer for each question, in order."""
        return self.exchange(questions)
