"""What this process writes to its log: lines for people, or one JSON object a line for machines.

    {"timestamp":"2026-11-29T08:00:00.123Z","level":"WARN","logger":"ottla.broker.node","message":"…","exception":"…"}

Levels have Kafka's names, as the resource BROKER_LOGGER has, by which they change at run time (KIP-412).
"""

from __future__ import annotations

import logging
import sys
import time
from typing import Final

TEXT: Final = "text"
JSON: Final = "json"
FORMATS: Final = (TEXT, JSON)
LEVELS: Final = ("DEBUG", "INFO", "WARN", "ERROR")

_TEXT_FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_LEVEL_NAMES: Final = {"WARNING": "WARN", "CRITICAL": "FATAL"}
_STANDARD: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """What was given as `extra` stands beside the rest; what JSON has no form for is told by its `str`."""

    def __init__(self) -> None:
        super().__init__()
        from json import dumps  # a node that writes lines for people starts without it

        self._dumps = dumps

    def format(self, record: logging.LogRecord) -> str:
        seconds, milliseconds = divmod(int(record.created * 1000), 1000)
        line: dict[str, object] = {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{milliseconds:03}Z",
            "level": _LEVEL_NAMES.get(record.levelname, record.levelname),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        line.update((name, value) for name, value in record.__dict__.items() if name not in _STANDARD | line.keys())
        return self._dumps(line, ensure_ascii=False, default=str)


def start_logging(form: str = TEXT, level: str = "WARN") -> None:
    """Of the whole process, to the standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == JSON else logging.Formatter(_TEXT_FORMAT))
    logging.basicConfig(handlers=[handler], level=logging.getLevelName("WARNING" if level == "WARN" else level))
