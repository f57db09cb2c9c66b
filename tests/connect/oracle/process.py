"""Java's Kafka Connect as an oracle: a program, compiled once for each of its texts, run once a session.

Each question is an object with "ask": config, configure, from, to, from_header, to_header, transform, test, parse,
convert, project, each with the class of the plugin and its configuration where there is one (`ConnectOracle.java`).
Schemas and values are as in `Data.java`; `wire.py` says them. Without Java or Maven the calling test is skipped (in CI
it fails).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.peers.apache_kafka import connect_jars
from tests.peers.java_oracle import JavaOracle

if TYPE_CHECKING:
    from collections.abc import Sequence

SOURCES: Final = sorted(Path(__file__).parent.glob("*.java"))
_OPTIONS: Final = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Xmx256m", "-Duser.timezone=UTC")


class ConnectOracle(JavaOracle):
    main = "ConnectOracle"

    def sources(self) -> Sequence[Path]:
        return SOURCES

    def class_path(self) -> str:
        return f"{connect_jars()}/*"

    def options(self) -> Sequence[str]:
        return [*_OPTIONS, f"-Dlog4j2.configurationFile={connect_jars().parent / 'log4j2.properties'}"]

    def ask(self, *questions: dict[str, Any]) -> list[dict[str, Any]]:
        """The answers, in order; where Java raised, `error` is the class and `message` what it said."""
        answers: list[dict[str, Any]] = json.loads(*self.exchange([json.dumps(questions)]))
        return answers
