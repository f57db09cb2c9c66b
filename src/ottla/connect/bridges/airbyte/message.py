"""Messages of Airbyte's protocol, a line of JSON each, as far as every command has them."""

from __future__ import annotations

import json
import logging
from decimal import Decimal
from typing import Any, Final

_log = logging.getLogger("ottla.connect.plugin")
_DECODE: Final = json.JSONDecoder(parse_float=Decimal).decode
_LEVELS: Final = {
    "FATAL": logging.CRITICAL,
    "ERROR": logging.ERROR,
    "WARN": logging.WARNING,
    "INFO": logging.INFO,
    "DEBUG": logging.DEBUG,
    "TRACE": logging.DEBUG,
}


def parse_message(line: bytes, *, exact: bool = True) -> dict[str, Any] | None:
    """`None` for a line that is none: sources print this and that. `exact`: numbers with a point are `Decimal`."""
    try:
        found = _DECODE(line.decode()) if exact else json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("type"), str) else None


def log_message(name: str, message: dict[str, Any]) -> None:
    log = message.get("log")
    if isinstance(log, dict):
        _log.log(_LEVELS.get(str(log.get("level")), logging.INFO), "%s: %s", name, log.get("message"))


def error_of(message: dict[str, Any]) -> str | None:
    """What a TRACE of an error says; `None` for other traces."""
    trace = message.get("trace")
    error = trace.get("error") if isinstance(trace, dict) else None
    if not isinstance(error, dict):
        return None
    internal = error.get("internal_message")
    text = str(error.get("message") or internal or "an error without a message")
    return f"{text} ({internal})" if internal and str(internal) not in text else text
