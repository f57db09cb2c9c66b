"""How far a store has come in its input, and how far it must have come for a query (KIP-796, `Position`).

A position is the offsets of the last records that were processed, by topic and partition: whoever has written a record
and knows its offset asks for a store that has seen it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.streams.record import TopicPartition


@dataclass(frozen=True, slots=True)
class Position:
    """Immutable: whatever changes it returns another one."""

    components: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    """By topic and partition, the offset of the last record."""

    @classmethod
    def empty_position(cls) -> Position:
        return EMPTY

    @classmethod
    def from_map(cls, components: Mapping[str, Mapping[int, int]]) -> Position:
        """As it comes out of JSON, too, whose keys are texts."""
        return cls(
            {topic: {int(each): int(offset) for each, offset in some.items()} for topic, some in components.items()}
        )

    @classmethod
    def of(cls, offsets: Mapping[TopicPartition, int]) -> Position:
        components: dict[str, dict[int, int]] = {}
        for (topic, partition), offset in offsets.items():
            components.setdefault(topic, {})[partition] = offset
        return cls(components)

    def with_component(self, topic: str, partition: int, offset: int) -> Position:
        """A position only moves on: of two offsets the greater counts."""
        return self.merge(Position({topic: {partition: offset}}))

    def merge(self, other: Position) -> Position:
        merged = {topic: dict(some) for topic, some in self.components.items()}
        for topic, some in other.components.items():
            own = merged.setdefault(topic, {})
            for partition, offset in some.items():
                own[partition] = max(offset, own.get(partition, offset))
        return Position(merged)

    @property
    def topics(self) -> frozenset[str]:
        return frozenset(self.components)

    def partition_positions(self, topic: str) -> Mapping[int, int]:
        return self.components.get(topic, {})

    @property
    def is_empty(self) -> bool:
        return not self.components

    def __str__(self) -> str:
        if self.is_empty:
            return "nowhere"
        return ", ".join(
            f"{topic}-{partition} at {offset}"
            for topic, some in sorted(self.components.items())
            for partition, offset in sorted(some.items())
        )


EMPTY: Final = Position()


@dataclass(frozen=True, slots=True)
class PositionBound:
    """What a store must have seen to answer."""

    position: Position = EMPTY

    @classmethod
    def unbounded(cls) -> PositionBound:
        return UNBOUNDED

    @classmethod
    def at(cls, position: Position) -> PositionBound:
        return cls(position)

    @property
    def is_unbounded(self) -> bool:
        return self.position.is_empty

    def permits(self, seen: Position, partition: int | None) -> bool:
        """Of the bound only what is said of the store's own partition counts; all of it for None, a global store."""
        for topic, some in self.position.components.items():
            offsets = seen.partition_positions(topic)
            for each, offset in some.items():
                if partition in (None, each) and offsets.get(each, -1) < offset:
                    return False
        return True


UNBOUNDED: Final = PositionBound()
