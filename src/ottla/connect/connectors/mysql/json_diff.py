"""What a partial update changes in a document of JSON (`binlog_row_value_options=PARTIAL_JSON`; sql/json_diff.h)."""

from __future__ import annotations

import json
import re
from bisect import insort
from enum import IntEnum
from typing import Any, Final, NamedTuple

from ottla.connect.connectors.mysql.json_document import json_document
from ottla.connect.connectors.mysql.packed import packed_bytes

_LEG: Final = re.compile(r'\[(\d+)\]|\.("(?:[^"\\\\]|\\\\.)*"|[^.\["]+)', re.DOTALL)


class _Operation(IntEnum):
    REPLACE = 0
    INSERT = 1
    REMOVE = 2


class JsonDiff(NamedTuple):
    operation: _Operation
    path: str
    value: Any


def json_diffs(data: bytes) -> list[JsonDiff]:
    """Raises `ValueError` or `IndexError` for bytes that are none."""
    found, at = [], 0
    while at < len(data):
        operation = _Operation(data[at])
        path, at = packed_bytes(data, at + 1)
        value = None
        if operation is not _Operation.REMOVE:
            document, at = packed_bytes(data, at)
            value = json_document(document)
        found.append(JsonDiff(operation, path.decode(), value))
    return found


def changed(document: Any, diffs: list[JsonDiff]) -> Any:
    """The document, which is changed in place where it can be. Raises `LookupError` for a path that is not there."""
    for diff in diffs:
        *way, last = legs = _legs(diff.path) or [None]
        if last is None:
            document = diff.value
            continue
        inner = document
        for leg in way:
            inner = inner[leg]
        if diff.operation is _Operation.REMOVE:
            del inner[last]
        elif isinstance(inner, list) and diff.operation is _Operation.INSERT:
            assert isinstance(last, int)
            inner.insert(last, diff.value)
        elif isinstance(inner, list) or last in inner:
            inner[last] = diff.value
        else:
            _add(inner, str(legs[-1]), diff.value)
    return document


def _legs(path: str) -> list[Any]:
    """`$.a."b c"[3]`. Raises `ValueError`."""
    legs: list[Any] = []
    at = 1
    while at < len(path):
        found = _LEG.match(path, at)
        if found is None:
            raise ValueError(f"the path {path} of a document of JSON is none")
        name = found[2]
        legs.append(int(found[1]) if name is None else json.loads(name) if name.startswith('"') else name)
        at = found.end()
    return legs


def _add(container: dict[str, Any], name: str, value: Any) -> None:
    """In the server's order: by length, then by bytes."""
    items = list(container.items())
    insort(items, (name, value), key=lambda item: (len(item[0].encode()), item[0].encode()))
    container.clear()
    container.update(items)
