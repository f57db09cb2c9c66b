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


def bytes_text(count: int | None) -> str | None:
    """Bytes for people, in powers of 1024 and three digits: `17 B`, `1.50 KiB`, `12.3 GiB`; `None` stays `None`."""
    if count is None or -1024 < count < 1024:
        return None if count is None else f"{count} B"
    size = float(count)
    for unit in ("KiB", "MiB", "GiB", "TiB", "PiB"):
        size /= 1024
        if abs(size) < 999.5 or unit == "PiB":
            break
    return f"{size:.{2 if abs(size) < 9.995 else 1 if abs(size) < 99.95 else 0}f} {unit}"


def duration_text(duration_ms: float) -> str:
    """A duration for people: `12 ms`, `3.4 s`, `5 min 3 s`, `2 h 14 min`."""
    if duration_ms < 1000:
        return f"{duration_ms:.0f} ms"
    seconds = duration_ms / 1000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s"
    return f"{minutes // 60} h {minutes % 60} min"


def time_text(timestamp_ms: int) -> str:
    """ISO 8601 in UTC with milliseconds; a dash for a record without a time."""
    if timestamp_ms < 0:
        return "-"
    try:
        moment = datetime.fromtimestamp(timestamp_ms / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return f"@{timestamp_ms}"
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
