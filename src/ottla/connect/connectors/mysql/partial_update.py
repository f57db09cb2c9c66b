"""Rows of which the log tells documents of JSON in parts: what changed in them since the row before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.connect.connectors.mysql.binlog_column import ColumnCode
from ottla.connect.connectors.mysql.cells import bytes_reader
from ottla.connect.connectors.mysql.json_diff import changed, json_diffs
from ottla.connect.connectors.mysql.json_document import json_document, json_text
from ottla.connect.connectors.mysql.log_event import EventCode
from ottla.connect.connectors.mysql.packed import packed_int
from ottla.connect.connectors.mysql.rows_event import images_of, row_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ottla.connect.connectors.mysql.binlog_column import BinlogColumn
    from ottla.connect.connectors.mysql.cells import Reader
    from ottla.connect.connectors.mysql.rows_event import Row

_PARTIAL_JSON = 1
"""Of the options before each row."""


def partial_rows_of(
    body: bytes, columns: Sequence[BinlogColumn], readers: Sequence[Reader]
) -> list[tuple[Row | None, Row | None]]:
    """As `rows_of`; a document that did not change is told whole, too. Raises for bytes that are cut."""
    documents = [place for place, each in enumerate(columns) if each.code is ColumnCode.JSON]
    raw = [bytes_reader(each.size) if each.code is ColumnCode.JSON else readers[n] for n, each in enumerate(columns)]
    (before_places, after_places), at = images_of(EventCode.PARTIAL_UPDATE_ROWS, body)
    rows: list[tuple[Row | None, Row | None]] = []
    while at < len(body):
        before, at = row_at(body, at, len(columns), before_places, raw)
        options, at = packed_int(body, at)
        partial = 0
        if options & _PARTIAL_JSON:
            width = (len(documents) + 7) // 8
            partial, at = int.from_bytes(body[at : at + width], "little"), at + width
        after, at = row_at(body, at, len(columns), after_places, raw)
        in_parts = {place for number, place in enumerate(documents) if partial >> number & 1}
        for place in in_parts & set(after_places):
            if after[place] is not None:
                after[place] = json_text(changed(json_document(before[place]), json_diffs(after[place])))
        _tell(before, documents)
        _tell(after, (place for place in documents if place not in in_parts))
        rows.append((before, after))
    return rows


def _tell(row: list[Any], places: Iterable[int]) -> None:
    for place in places:
        if isinstance(row[place], bytes):
            row[place] = json_text(json_document(row[place])) if row[place] else None
