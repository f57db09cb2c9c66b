"""What people and programs read: tables on one side, JSON on the other."""

import base64
import dataclasses
import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Columns as wide as they need to be; numbers to the right, `None` as a dash."""
    cells = [["-" if cell is None else str(cell) for cell in row] for row in rows]
    numeric = [
        bool(cells) and all(row[column].lstrip("-").isdecimal() or row[column] == "-" for row in cells)
        for column in range(len(headers))
    ]
    widths = [max(len(row[column]) for row in [list(headers), *cells]) for column in range(len(headers))]
    lines = [
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in [list(headers), *cells]
    ]
    return "\n".join(lines)


def print_json(value: object) -> None:
    """One line of JSON; dataclasses and named tuples become objects."""
    print(json.dumps(value, default=_plain, ensure_ascii=False), flush=True)


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    raise TypeError(f"{type(value).__name__} has no JSON form")


def note(text: str) -> None:
    """Something to read that is no result: to the standard error."""
    print(text, file=sys.stderr, flush=True)


def text_of(data: bytes | None) -> str:
    """Bytes for people: UTF-8, with what is not UTF-8 as `\\xNN`; `null` for none."""
    return "null" if data is None else data.decode("utf-8", "backslashreplace")


def json_fields(name: str, data: bytes | None) -> dict[str, str | None]:
    """Bytes for programs: `name` when they are UTF-8, else `name_base64`."""
    if data is None:
        return {name: None}
    try:
        return {name: data.decode("utf-8")}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(data).decode("ascii")}


def time_text(timestamp_ms: int) -> str:
    """ISO 8601 in UTC with milliseconds; a dash for a record without a time."""
    if timestamp_ms < 0:
        return "-"
    try:
        moment = datetime.fromtimestamp(timestamp_ms / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return f"@{timestamp_ms}"
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
