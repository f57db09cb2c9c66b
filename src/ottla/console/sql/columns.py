"""Records as columns of Arrow: where a record stands, its key, its value, and the fields of values that are objects.

| column       | type                        | what it is                                                |
|--------------|-----------------------------|-----------------------------------------------------------|
| `_partition` | integer                     |                                                           |
| `_offset`    | bigint                      |                                                           |
| `_timestamp` | timestamp with time zone    |                                                           |
| `_key`       | varchar, or blob            | objects as JSON                                           |
| `_value`     | varchar, or blob            | the whole value; null for a tombstone                     |
| `_headers`   | list of (name, value)       | values are blobs                                          |
| each field   | as its values are           | where they have no type in common: varchar, JSON          |
"""

from __future__ import annotations

import base64
import json
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ottla.clients.consumer import ConsumedRecord

OWN: Final = ("_partition", "_offset", "_timestamp", "_key", "_value", "_headers")
MAX_FIELDS: Final = 2_000
"""Of a topic; what further fields hold is in `_value`."""


class Columns:
    def __init__(self) -> None:
        self._records: list[tuple[int, int, int, tuple[tuple[str, bytes | None], ...]]] = []
        self._keys: list[Any] = []
        self._values: list[Any] = []
        self._fields: dict[str, None] = {}

    def add(self, record: ConsumedRecord, key: Any, value: Any) -> None:
        self._records.append((record.partition, record.offset, record.timestamp, tuple(record.headers)))
        self._keys.append(key)
        self._values.append(value)
        if isinstance(value, dict):
            for name in value:
                if len(self._fields) < MAX_FIELDS:
                    self._fields.setdefault(str(name))

    def __len__(self) -> int:
        return len(self._records)

    def to_arrow(self) -> Any:
        """A `pyarrow.Table`. Of fields that differ in case only the first has a column, as DuckDB sees but one."""
        import pyarrow as pa

        header = pa.list_(pa.struct([("name", pa.string()), ("value", pa.binary())]))
        columns = {
            "_partition": pa.array([each[0] for each in self._records], pa.int32()),
            "_offset": pa.array([each[1] for each in self._records], pa.int64()),
            "_timestamp": pa.array([each[2] for each in self._records], pa.timestamp("ms", "UTC")),
            "_key": _text_column(self._keys),
            "_value": _text_column(self._values),
            "_headers": pa.array([[{"name": n, "value": v} for n, v in each[3]] for each in self._records], header),
        }
        taken = {name.lower() for name in columns}
        for name in self._fields:
            if name.lower() not in taken:
                taken.add(name.lower())
                columns[name] = _column([each.get(name) if isinstance(each, dict) else None for each in self._values])
        return pa.table(columns)


def _column(values: list[Any]) -> Any:
    """With the type that all of them have, or as text."""
    import pyarrow as pa

    try:
        column = pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        column = pa.array([None if each is None else _json(each) for each in values], pa.string())
    # What is null everywhere, and objects without a field, have no type in DuckDB.
    if pa.types.is_null(column.type) or (pa.types.is_struct(column.type) and column.type.num_fields == 0):
        return pa.array([None if each is None else _json(each) for each in values], pa.string())
    return column


def _text_column(values: list[Any]) -> Any:
    import pyarrow as pa

    if any(isinstance(each, bytes) for each in values):
        return pa.array(
            [each if isinstance(each, bytes | None) else _text(each).encode() for each in values], pa.binary()
        )
    return pa.array([None if each is None else _text(each) for each in values], pa.string())


def _bytes(value: Any) -> bytes | None:
    return value if isinstance(value, bytes | None) else _text(value).encode()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> Any:
    """What JSON has no word for."""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value)
