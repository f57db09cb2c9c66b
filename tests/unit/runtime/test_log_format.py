"""One JSON object a line."""

from __future__ import annotations

import json
import logging
import sys

from ottla.runtime.log_format import JsonFormatter


def record(message: str, *arguments: object, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("ottla.broker", logging.WARNING, "file.py", 1, message, arguments, None)
    made.created = 1_795_939_000.0625
    made.__dict__.update(extra)
    return made


def test_a_line_is_a_json_object() -> None:
    line = JsonFormatter().format(record('it said "%s"\nand ü', "no", topic="orders", when=object))
    assert "\n" not in line
    assert json.loads(line) == {
        "timestamp": "2026-11-29T07:56:40.062Z",
        "level": "WARN",
        "logger": "ottla.broker",
        "message": 'it said "no"\nand ü',
        "topic": "orders",
        "when": str(object),
    }


def test_an_exception_is_told() -> None:
    made = record("failed")
    try:
        raise OSError("the disk is full")
    except OSError:
        made.exc_info = sys.exc_info()
    told = json.loads(JsonFormatter().format(made))
    assert told["exception"].endswith("OSError: the disk is full")
