"""Points of a topic's life: a time, or an offset in each partition.

TIMESTAMP '2026-11-29T08:00'     what had been written before the first record that is later than that
OFFSETS '0:120,1:77'             a vector: up to, and without, offset 120 of partition 0, and so on; others not at all
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ottla.console.operations.positions import END, parse_position

if TYPE_CHECKING:
    from collections.abc import Mapping


class QueryError(ValueError):
    """What was asked for cannot be; the message says what can be written."""


@dataclass(frozen=True, slots=True)
class AtTime:
    """Milliseconds since 1970, that one included."""

    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class AtOffsets:
    offsets: tuple[tuple[int, int], ...]
    """(partition, offset)."""

    def __str__(self) -> str:
        return offsets_text(dict(self.offsets))


Moment = AtTime | AtOffsets


def parse_moment(kind: str, text: str, now_ms: int) -> Moment:
    """`kind`: TIMESTAMP or OFFSETS. `QueryError`."""
    return parse_time(text, now_ms) if kind == "TIMESTAMP" else parse_offsets(text)


def parse_time(text: str, now_ms: int) -> AtTime:
    """`15m` ago, or a time; without a zone it is UTC, as all times of a query: it means the same everywhere."""
    try:
        moment = datetime.fromisoformat(text.strip())
        return AtTime(int((moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp() * 1000))
    except ValueError:
        pass
    try:
        position = parse_position(text.strip().removesuffix("ago"), now_ms)
    except ValueError:
        position = END
    if position.timestamp is None or position.timestamp < 0:
        raise QueryError(f"'{text}' is no time: write 2026-11-29T08:00 (UTC), 2026-11-29T08:00+01:00, or 15m ago")
    return AtTime(position.timestamp)


def parse_offsets(text: str) -> AtOffsets:
    """`PARTITION:OFFSET,…`"""
    offsets: dict[int, int] = {}
    for item in text.split(","):
        partition, colon, offset = (part.strip() for part in item.partition(":"))
        if not (colon and partition.isdecimal() and offset.isdecimal()) or int(partition) in offsets:
            raise QueryError(f"'{text}' are no offsets: write '0:120,1:77', each partition once")
        offsets[int(partition)] = int(offset)
    return AtOffsets(tuple(sorted(offsets.items())))


def offsets_text(offsets: Mapping[int, int]) -> str:
    return ",".join(f"{partition}:{offset}" for partition, offset in sorted(offsets.items()))
