"""What a node and a companion's process say to each other (`runtime/child_message.py`).

    node ─► companion    start {bootstrap, others}      metrics {}      stop {}
    companion ─► node    ready {url, line}      failed {text}      metrics {readings, resident_bytes, cpu_s}

The end of the stream is the end of the other: a companion whose node is gone stops.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Final

LINE_BYTES_MAX: Final = 16 * 1024 * 1024

START: Final = "start"
METRICS: Final = "metrics"
STOP: Final = "stop"
READY: Final = "ready"
FAILED: Final = "failed"


@dataclass(frozen=True, slots=True)
class Order:
    """What a companion's process is started with, as its only argument."""

    module: str
    listen: str | None
    descriptor: int
    log_format: str
    log_level: str

    def to_text(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Order:
        return cls(**json.loads(text))
