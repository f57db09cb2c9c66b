"""Where to begin in a partition: `beginning`, `end`, an offset, or a time.

beginning | earliest          the first record that is there
end | latest                  what is written from now on
1234                          this offset
2026-11-23T14:00[:05[.5]][Z]  the first record at or after; local time without a zone
2026-11-23                    midnight, local time
90s 15m 2h 3d                 so long ago
@1767225600000                milliseconds since 1970
"""

import re
from dataclasses import dataclass
from datetime import datetime

from ottla.clients.client import KafkaClient
from ottla.clients.consumer import (
    EARLIEST_TIMESTAMP,
    LATEST_TIMESTAMP,
    TopicPartition,
    earliest_offsets,
    latest_offsets,
    list_offsets,
)

_AGO_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_TEXT = "write beginning, end, an offset, a time (2026-11-23T14:00), so long ago (15m, 2h, 3d) or @MILLISECONDS"


@dataclass(frozen=True, slots=True)
class Position:
    """Either an offset, or a timestamp as ListOffsets takes it (milliseconds, -1 latest, -2 earliest)."""

    offset: int | None = None
    timestamp: int | None = None


BEGINNING = Position(timestamp=EARLIEST_TIMESTAMP)
END = Position(timestamp=LATEST_TIMESTAMP)


def parse_position(text: str, now_ms: int) -> Position:
    """`ValueError` says what can be written."""
    word = text.strip().lower()
    if word in ("beginning", "earliest"):
        return BEGINNING
    if word in ("end", "latest"):
        return END
    if word.isdecimal():
        return Position(offset=int(word))
    if match := re.fullmatch(r"@(\d+)", word):
        return Position(timestamp=int(match[1]))
    if match := re.fullmatch(r"-?(\d+)([smhd])", word):
        return Position(timestamp=max(0, now_ms - int(match[1]) * _AGO_MS[match[2]]))
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"'{text}' is no position: {_TEXT}") from None
    return Position(timestamp=int(moment.astimezone().timestamp() * 1000))


async def resolve(
    client: KafkaClient, position: Position, partitions: list[TopicPartition]
) -> dict[TopicPartition, int]:
    """The offset in each partition. A time after the last record is the end; an offset is held within what is there."""
    if position.offset is not None:
        first = await earliest_offsets(client, partitions)
        following = await latest_offsets(client, partitions)
        return {where: min(max(position.offset, first[where]), following[where]) for where in partitions}
    assert position.timestamp is not None
    found = await list_offsets(client, dict.fromkeys(partitions, position.timestamp))
    offsets = {where: each.offset for where, each in found.items()}
    late = [where for where, offset in offsets.items() if offset < 0]
    if late:
        offsets |= await latest_offsets(client, late)
    return offsets
