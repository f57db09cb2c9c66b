"""What columns and decoders have to come to, without haste: every record is decoded by the standard library, and each
column made of all of its values at once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ottla.protocol.record import Headers

Row = tuple[int, int, int, bytes | None, bytes | None, "Headers"]
"""Partition, offset, timestamp, key, value, headers."""
HEADERS = pa.list_(pa.struct([("name", pa.string()), ("value", pa.binary())]))
NO_TYPE = (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError)


def table_of(rows: Sequence[Row], decode: Callable[[bytes], Any], max_fields: int) -> pa.Table:
    keys = [None if row[3] is None else decode(row[3]) for row in rows]
    values = [None if row[4] is None else decode(row[4]) for row in rows]
    columns = {
        "_partition": pa.array([row[0] for row in rows], pa.int32()),
        "_offset": pa.array([row[1] for row in rows], pa.int64()),
        "_timestamp": pa.array([row[2] for row in rows], pa.timestamp("ms", "UTC")),
        "_key": _texts(keys),
        "_value": _texts(values),
        "_headers": pa.array([list(row[5]) for row in rows], HEADERS),
    }
    taken = {name.lower() for name in columns}
    names = dict.fromkeys(str(name) for each in values if isinstance(each, dict) for name in each)
    for name in list(names)[:max_fields]:
        if name.lower() not in taken:
            taken.add(name.lower())
            columns[name] = _column([each.get(name) if isinstance(each, dict) else None for each in values])
    return pa.table(columns)


def last_of_keys(rows: Iterable[Row]) -> list[Row]:
    last: dict[tuple[int, bytes], Row] = {}
    for row in rows:
        if row[3] is not None:
            last.pop((row[0], row[3]), None)
            if row[4] is not None:
                last[row[0], row[3]] = row
    return list(last.values())


def guessed(data: bytes) -> Any:
    """As `auto` does without a registry."""
    if data[:1] in (b"{", b"["):
        try:
            return json.loads(data)
        except ValueError:
            pass
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data


def _column(values: list[Any]) -> Any:
    try:
        column = pa.array(values)
    except NO_TYPE:
        return _texts_of([None if each is None else _json(each) for each in values])
    if pa.types.is_null(column.type) or (pa.types.is_struct(column.type) and column.type.num_fields == 0):
        return _texts_of([None if each is None else _json(each) for each in values])
    return column


def _texts(values: list[Any]) -> Any:
    if any(isinstance(each, bytes) for each in values):
        return pa.array(
            [each if isinstance(each, bytes | None) else _text(each).encode() for each in values], pa.binary()
        )
    return _texts_of([None if each is None else _text(each) for each in values])


def _texts_of(texts: list[str | None]) -> Any:
    return pa.array(texts, pa.string())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
