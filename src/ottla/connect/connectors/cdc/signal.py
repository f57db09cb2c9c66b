"""Signals: what somebody tells a running connector to do, by a row of a table (`signal.data.collection`) or by a topic.

The table has three columns: id, type, data (JSON). Types: `execute-snapshot`, `stop-snapshot`, `pause-snapshot`,
`resume-snapshot`, `log`; and `snapshot-window-open` and `-close`, which the connector inserts by itself.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final, NamedTuple

from ottla.connect.api.errors import ConnectError

COLUMNS: Final = 3
COLLECTIONS_MAX: Final = 10_000


class SignalError(ConnectError):
    """A signal that nobody can follow; it is logged and left out."""


class ExecuteSnapshot(NamedTuple):
    tables: tuple[str, ...]
    """Regular expressions of whole names."""
    conditions: tuple[tuple[str, str], ...]
    """(expression of names, what stands in WHERE; of a blocking one, the whole statement)."""
    id: str = ""
    """Of the signal."""
    is_blocking: bool = False
    """The stream waits until the tables are read."""


class StopSnapshot(NamedTuple):
    tables: tuple[str, ...]
    """Empty: all."""


class PauseSnapshot(NamedTuple):
    pass


class ResumeSnapshot(NamedTuple):
    pass


class OpenWindow(NamedTuple):
    chunk: str


class CloseWindow(NamedTuple):
    chunk: str


class LogMessage(NamedTuple):
    message: str


Signal = ExecuteSnapshot | StopSnapshot | PauseSnapshot | ResumeSnapshot | OpenWindow | CloseWindow | LogMessage


def parse_signal(number: str, kind: str, data: str | None) -> Signal:
    """Raises `SignalError`."""
    match kind:
        case "snapshot-window-open":
            return OpenWindow(number.removesuffix("-open"))
        case "snapshot-window-close":
            return CloseWindow(number.removesuffix("-close"))
        case "pause-snapshot":
            return PauseSnapshot()
        case "resume-snapshot":
            return ResumeSnapshot()
        case "execute-snapshot":
            fields = _json(kind, data)
            how = str(fields.get("type", "incremental")).lower()
            if how not in ("incremental", "blocking"):
                raise SignalError(f"the signal {number} asks for a snapshot that is neither incremental nor blocking")
            tables = _names(kind, fields)
            if not tables:
                raise SignalError(f"the signal {number} ({kind}) names no data-collections")
            return ExecuteSnapshot(tables, _conditions(kind, fields), number, how == "blocking")
        case "stop-snapshot":
            return StopSnapshot(_names(kind, _json(kind, data)))
        case "log":
            return LogMessage(str(_json(kind, data).get("message", "")))
    raise SignalError(f"the signal {number} has the type {kind!r}, which nobody knows")


def _json(kind: str, data: str | None) -> dict[str, Any]:
    try:
        fields = json.loads(data) if data else {}
    except ValueError as error:
        raise SignalError(f"the data of a signal {kind} is no JSON: {error}") from error
    if not isinstance(fields, dict):
        raise SignalError(f"the data of a signal {kind} is no JSON object")
    return fields


def _names(kind: str, fields: dict[str, Any]) -> tuple[str, ...]:
    names = fields.get("data-collections") or []
    if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
        raise SignalError(f"data-collections of a signal {kind} is no list of names")
    if len(names) > COLLECTIONS_MAX:
        raise SignalError(f"a signal {kind} names more than {COLLECTIONS_MAX} data-collections")
    for name in names:
        _check_expression(kind, name)
    return tuple(names)


def _conditions(kind: str, fields: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    found = []
    for each in fields.get("additional-conditions") or []:
        if not isinstance(each, dict) or not isinstance(each.get("data-collection"), str):
            raise SignalError(f"additional-conditions of a signal {kind} have a data-collection and a filter each")
        _check_expression(kind, each["data-collection"])
        found.append((each["data-collection"], str(each.get("filter", ""))))
    return tuple(found)


def _check_expression(kind: str, text: str) -> None:
    try:
        re.compile(text)
    except re.error as error:
        raise SignalError(f"a signal {kind} names {text!r}, which is no regular expression: {error}") from error
