"""`messages.txt`: every message in every version as Apache Kafka 4.3.1 wrote it, so that no Java is needed to compare.

    line ::= name · version · bytes in hex · Kafka's JSON of it       with one space between

`python -m tests.golden.golden_messages` writes the file anew (needs Java); a test in `tests/interop` checks it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FILE: Final = Path(__file__).parent / "messages.txt"


@dataclass(frozen=True)
class GoldenMessage:
    name: str
    version: int
    data: bytes
    json: object


def read_golden() -> list[GoldenMessage]:
    golden = []
    for line in FILE.read_text(encoding="utf-8").splitlines():
        name, version, data, text = line.split(" ", 3)
        golden.append(GoldenMessage(name, int(version), bytes.fromhex(data), json.loads(text)))
    return golden


def write_golden() -> None:
    """Ask Apache Kafka about one drawn message of every version."""
    from tests.peers.kafka_messages import MessageOracle
    from tests.unit.protocol.message_samples import EVERY_VERSION, samples

    asked = []
    for message, version in EVERY_VERSION:
        _, drawn = samples(message, version, 1, brief=True)
        asked.append(f"echo {message.__name__} {version} {drawn.encode(version).hex()}")
    with MessageOracle() as oracle:
        answers = oracle.ask(asked)
    lines = []
    for (message, version), answer in zip(EVERY_VERSION, answers, strict=True):
        written, _, text = answer.partition("\t")
        compact = json.dumps(json.loads(text), ensure_ascii=True, separators=(",", ":"))
        lines.append(f"{message.__name__} {version} {written} {compact}\n")
    FILE.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    write_golden()
