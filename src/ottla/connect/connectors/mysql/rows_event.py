"""The rows of an event, in either version of its layout, whole or compressed (MariaDB)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.connect.connectors.cdc.field_type import UNAVAILABLE
from ottla.connect.connectors.mysql.log_event import EventCode, uncompressed
from ottla.connect.connectors.mysql.packed import packed_int

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ottla.connect.connectors.mysql.cells import Reader

_HEADER_BYTES: Final = 8
KINDS: Final = {
    EventCode.WRITE_ROWS_V1: "c",
    EventCode.UPDATE_ROWS_V1: "u",
    EventCode.DELETE_ROWS_V1: "d",
    EventCode.WRITE_ROWS: "c",
    EventCode.UPDATE_ROWS: "u",
    EventCode.DELETE_ROWS: "d",
    EventCode.MARIADB_WRITE_ROWS_COMPRESSED_V1: "c",
    EventCode.MARIADB_UPDATE_ROWS_COMPRESSED_V1: "u",
    EventCode.MARIADB_DELETE_ROWS_COMPRESSED_V1: "d",
    EventCode.MARIADB_WRITE_ROWS_COMPRESSED: "c",
    EventCode.MARIADB_UPDATE_ROWS_COMPRESSED: "u",
    EventCode.MARIADB_DELETE_ROWS_COMPRESSED: "d",
}
"""The events of rows, and what they do."""
_WITH_EXTRA: Final = frozenset(
    {EventCode.WRITE_ROWS, EventCode.UPDATE_ROWS, EventCode.DELETE_ROWS}
    | {EventCode.MARIADB_WRITE_ROWS_COMPRESSED, EventCode.MARIADB_UPDATE_ROWS_COMPRESSED}
    | {EventCode.MARIADB_DELETE_ROWS_COMPRESSED, EventCode.PARTIAL_UPDATE_ROWS}
)

Row = list[Any]


def rows_of(code: EventCode, body: bytes, readers: Sequence[Reader]) -> list[tuple[Row | None, Row | None]]:
    """Pairs of before and after; `UNAVAILABLE` for what the log does not tell. Raises for bytes that are cut."""
    kind = KINDS[code]
    images, at = images_of(code, body)
    data = body
    if code >= EventCode.MARIADB_QUERY_COMPRESSED:
        data, at = uncompressed(body[at:]), 0
    rows: list[tuple[Row | None, Row | None]] = []
    while at < len(data):
        found: list[Row] = []
        for places in images:
            row, at = row_at(data, at, len(readers), places, readers)
            found.append(row)
        rows.append((found[0] if kind != "c" else None, found[-1] if kind != "d" else None))
    return rows


def images_of(code: EventCode, body: bytes) -> tuple[list[list[int]], int]:
    """Which columns the rows have, those before and those after a change, and where the rows begin."""
    at = _HEADER_BYTES
    if code in _WITH_EXTRA:
        at += int.from_bytes(body[at : at + 2], "little")
    count, at = packed_int(body, at)
    width = (count + 7) // 8
    images = []
    for _ in range(2 if KINDS.get(code, "u") == "u" else 1):
        present = int.from_bytes(body[at : at + width], "little")
        images.append([place for place in range(count) if present >> place & 1])
        at += width
    return images, at


def row_at(data: bytes, at: int, count: int, present: Sequence[int], readers: Sequence[Reader]) -> tuple[Row, int]:
    """The row that begins there, and where it ends."""
    row: Row = [UNAVAILABLE] * count if len(present) < count else [None] * count
    nulls = int.from_bytes(data[at : at + (len(present) + 7) // 8], "little")
    at += (len(present) + 7) // 8
    for number, place in enumerate(present):
        if nulls >> number & 1:
            row[place] = None
        else:
            row[place], at = readers[place](data, at)
    return row, at
