"""The oracle's Java program, compiled once for each of its texts and run once for all tests of a session.

`README.md` beside it says what can be asked. Without Java or Maven the calling test is skipped (in CI it fails).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.peers.apache_kafka import streams_test_jars
from tests.peers.java_oracle import JavaOracle

if TYPE_CHECKING:
    from collections.abc import Sequence

SOURCES: Final = sorted(Path(__file__).parent.glob("*.java"))


class OracleError(AssertionError):
    """Kafka Streams refused a question; `name` is the class of Java's exception, `message` what it said."""

    def __init__(self, name: str, message: str, cause: str | None) -> None:
        super().__init__(f"{name}: {message}" + (f" ({cause})" if cause else ""))
        self.name = name
        self.message = message


class StreamsOracle(JavaOracle):
    main = "StreamsOracle"

    def sources(self) -> Sequence[Path]:
        return SOURCES

    def class_path(self) -> str:
        return f"{streams_test_jars()}/*"

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """The answer to one question; `OracleError` when Kafka Streams raised."""
        answer: dict[str, Any] = json.loads(*self.exchange([json.dumps(question)]))
        if "error" in answer:
            raise OracleError(answer["error"], answer["message"], answer.get("cause"))
        return answer
