"""What a topic of changes says of a table: its rows, rebuilt."""

from __future__ import annotations

import json
from typing import Any

from tests.connect.records import records_of

Row = dict[str, Any]


def payloads(bootstrap: str, topic: str) -> list[tuple[Any, Any]]:
    """(key, value) of each record; without their schemas."""
    found = []
    for key, value, _ in records_of(bootstrap, topic):
        found.append((_payload(key), _payload(value)))
    return found


def _payload(data: bytes | None) -> Any:
    return None if data is None else json.loads(data)["payload"]


def rebuilt(bootstrap: str, topic: str) -> dict[str, Row]:
    """The rows by their keys (as JSON) after all changes; what a row cannot hold any more is gone."""
    rows: dict[str, Row] = {}
    for key, value in payloads(bootstrap, topic):
        if value is not None and value["op"] == "t":
            rows.clear()
            continue
        name = json.dumps(key, sort_keys=True)
        if value is None or value["op"] == "d":
            rows.pop(name, None)
        else:
            rows[name] = value["after"]
    return rows


def operations(bootstrap: str, topic: str) -> list[str]:
    """`c`, `u`, `d`, `r`, `t` in their order; a tombstone is `-`."""
    return ["-" if value is None else value["op"] for _, value in payloads(bootstrap, topic)]


def is_created(bootstrap: str, topic: str, key: Row) -> bool:
    """The stream has told of that row; a snapshot that begins anew may have it before the stream comes to it."""
    return any(at == key and value is not None and value["op"] == "c" for at, value in payloads(bootstrap, topic))
