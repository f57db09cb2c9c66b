"""An answer as JSON: for `ottla sql --json`, and a line a row over REST.

{"columns": [{"name": "amount", "type": "BIGINT"}]}
[15]
{"read": [{"topic": …, "latest": …, "ranges": {"0": [0, 3]}, "again": "…"}], "is_cut": false, "records": 3}
"""

from __future__ import annotations

import base64
import json
import math
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ottla.console.sql.answer import Answer
    from ottla.console.sql.extent import Extent


def answer_lines(found: Answer) -> Iterator[str]:
    yield text({"columns": columns_of(found)}) + "\n"
    for row in found.rows:
        yield text([plain(cell) for cell in row]) + "\n"
    told = {"read": [read_of(each) for each in found.extents], "is_cut": found.is_cut, "records": found.records}
    yield text(told) + "\n"


def columns_of(found: Answer) -> list[dict[str, str]]:
    return [{"name": name, "type": kind} for name, kind in zip(found.columns, found.types, strict=True)]


def read_of(extent: Extent) -> dict[str, Any]:
    """What was read of one reference to a topic; `again` are the words that have it again."""
    return {
        "topic": extent.reference.topic,
        "latest": extent.reference.latest,
        "ranges": {str(partition): list(ends) for partition, ends in extent.ranges.items()},
        "again": str(extent),
    }


def _number(cell: Decimal) -> int | float | str:
    """A DECIMAL, or a HUGEINT, which is what a sum of integers is."""
    if not cell.is_finite():
        return str(cell)
    if cell == cell.to_integral_value():
        return int(cell)
    return float(cell) if Decimal(repr(float(cell))) == cell else str(cell)


def text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def plain(cell: Any) -> Any:
    """Of a cell what JSON can say: bytes in base64, times as ISO 8601; as text what no number of JSON is exactly."""
    if isinstance(cell, bytes):
        return base64.b64encode(cell).decode("ascii")
    if isinstance(cell, float) and not math.isfinite(cell):
        return str(cell)
    if isinstance(cell, Decimal):
        return _number(cell)
    if isinstance(cell, date | datetime):
        return cell.isoformat()
    if isinstance(cell, dict):
        return {str(key): plain(value) for key, value in cell.items()}
    return [plain(each) for each in cell] if isinstance(cell, list | tuple) else cell
