"""What is remembered of a share partition's records: ranges of offsets with a delivery state and a delivery count.

    start offset            end
    │  [10–14 acknowledged 1]  [15–15 available 2]  [16–19 archived 5]        everything else: as if never delivered
    ▼

A share-partition leader writes only what changed, so old and new ranges are laid over each other: where they overlap,
the higher delivery count counts, and with equal counts the state that is further on. What ends before the start offset
is forgotten, and neighbours that are alike become one. KIP-932; Kafka's PersisterStateBatch(Combiner).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum


class DeliveryState(IntEnum):
    """As on the wire and in the log; `ACQUIRED` is volatile and stands in neither."""

    AVAILABLE = 0
    ACQUIRED = 1
    ACKNOWLEDGED = 2
    ARCHIVING = 3
    ARCHIVED = 4


@dataclass(slots=True, frozen=True)
class StateBatch:
    """Offsets `first_offset` to `last_offset`, both included."""

    first_offset: int
    last_offset: int
    delivery_state: int
    delivery_count: int

    def is_like(self, other: "StateBatch") -> bool:
        return self.delivery_state == other.delivery_state and self.delivery_count == other.delivery_count


def combine(existing: Sequence[StateBatch], changes: Iterable[StateBatch], start_offset: int) -> list[StateBatch]:
    """`changes` over `existing` (both in any order, `changes` may overlap), from `start_offset` on (-1: unknown)."""
    combined = _cut(existing, start_offset)
    for change in changes:
        for part in _cut([change], start_offset):
            combined = _lay_over(combined, part)
    return _merge_neighbours(combined)


def _cut(batches: Iterable[StateBatch], start_offset: int) -> list[StateBatch]:
    """In order of offsets, without what stands before the start."""
    return [
        batch
        if batch.first_offset >= start_offset
        else StateBatch(start_offset, batch.last_offset, batch.delivery_state, batch.delivery_count)
        for batch in sorted(batches, key=lambda each: each.first_offset)
        if batch.last_offset >= start_offset
    ]


def _lay_over(batches: list[StateBatch], change: StateBatch) -> list[StateBatch]:
    """One range over ordered ranges that do not overlap; the result is ordered and does not overlap either."""
    result: list[StateBatch] = []
    position = change.first_offset  # where the rest of `change` begins
    for batch in batches:
        if batch.last_offset < change.first_offset or batch.first_offset > change.last_offset:
            if batch.first_offset > change.last_offset and position <= change.last_offset:
                result.append(_part(change, position, change.last_offset))
                position = change.last_offset + 1
            result.append(batch)
            continue
        if batch.first_offset < change.first_offset:
            result.append(_part(batch, batch.first_offset, change.first_offset - 1))
        if batch.first_offset > position:
            result.append(_part(change, position, batch.first_offset - 1))
        first = max(batch.first_offset, change.first_offset)
        last = min(batch.last_offset, change.last_offset)
        result.append(_part(_winner(batch, change), first, last))
        position = last + 1
        if batch.last_offset > change.last_offset:
            result.append(_part(batch, change.last_offset + 1, batch.last_offset))
    if position <= change.last_offset:
        result.append(_part(change, position, change.last_offset))
    return result


def _winner(old: StateBatch, new: StateBatch) -> StateBatch:
    if new.delivery_count != old.delivery_count:
        return new if new.delivery_count > old.delivery_count else old
    return new if new.delivery_state >= old.delivery_state else old


def _part(batch: StateBatch, first: int, last: int) -> StateBatch:
    return StateBatch(first, last, batch.delivery_state, batch.delivery_count)


def _merge_neighbours(batches: Iterable[StateBatch]) -> list[StateBatch]:
    merged: list[StateBatch] = []
    for batch in batches:
        if merged and merged[-1].last_offset + 1 == batch.first_offset and merged[-1].is_like(batch):
            merged[-1] = _part(batch, merged[-1].first_offset, batch.last_offset)
        else:
            merged.append(batch)
    return merged
