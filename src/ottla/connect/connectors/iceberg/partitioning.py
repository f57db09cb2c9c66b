"""How a table is partitioned, as one writes it: `country, day(at), bucket(id, 16)` (Iceberg's transforms, spec v2).

Pure: what becomes of it in PyIceberg is in `table.py`.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_BETWEEN: Final = re.compile(r",(?![^(]*\))")
_FIELD: Final = re.compile(
    r"(?:(?P<transform>\w+)\s*\()?\s*(?P<column>[^(),\s]+)\s*(?:,\s*(?P<width>\d+)\s*)?(?P<end>\))?"
)
TIMES: Final = ("year", "month", "day", "hour")
_SIZED: Final = ("bucket", "truncate")


class PartitionField(NamedTuple):
    column: str
    transform: str
    """As Iceberg writes it in metadata: `identity`, `day`, `bucket[16]`."""


def parse_partitioning(text: str) -> list[PartitionField]:
    """`ValueError` names the part that is wrong."""
    return [_field(part.strip()) for part in _BETWEEN.split(text) if part.strip()]


def _field(text: str) -> PartitionField:
    found = _FIELD.fullmatch(text)
    if found is None or (found["transform"] is None) != (found["end"] is None):
        raise ValueError(f"'{text}' is no partition: write column, day(column) or bucket(column, 16)")
    name, width = found["transform"], found["width"]
    if name is None:
        if width is not None:
            raise ValueError(f"'{text}' is no partition: it has a number and no transform")
        return PartitionField(found["column"], "identity")
    transform = name.lower()
    # Iceberg's plural names are those of Spark's functions.
    if transform.removesuffix("s") in TIMES:
        transform = transform.removesuffix("s")
    if transform in TIMES and width is None:
        return PartitionField(found["column"], transform)
    if transform in _SIZED and width is not None and int(width) > 0:
        return PartitionField(found["column"], f"{transform}[{int(width)}]")
    if transform in _SIZED:
        raise ValueError(f"'{text}' is no partition: {transform} wants a number, {transform}(column, 16)")
    known = ", ".join((*TIMES, *_SIZED))
    raise ValueError(f"'{text}' is no partition: the transforms are {known}, without a number but for the last two")
