"""What was there before changes that a failover may still take back: reads see it until they are committed.

    appended    0 1 2 3 4 5 6 7 8 9         decisions are made by all of it
    committed   0 1 2 3 4 5                 reads see as much: the high watermark is 6

A change is noted with the offset of its batch and what its key meant before. What the high watermark has passed is
forgotten, so that the oldest note of a key is what reads see. Where an append is its commit nothing is ever noted.
Kafka's SnapshotRegistry, TimelineHashMap.
"""

from collections import deque
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Uncommitted(Generic[K, V]):
    """Bounded by what is appended and not committed."""

    __slots__ = ("_before", "_order")

    def __init__(self) -> None:
        self._before: dict[K, deque[tuple[int, V]]] = {}
        self._order: deque[tuple[int, K]] = deque()

    def __bool__(self) -> bool:
        return bool(self._order)

    def has(self, key: K, offset: int) -> bool:
        """Whether the batch at `offset` has changed the key already: what was there before is known."""
        notes = self._before.get(key)
        return notes is not None and notes[-1][0] == offset

    def note(self, key: K, offset: int, before: V) -> None:
        """Offsets never go down."""
        if not self.has(key, offset):
            self._before.setdefault(key, deque()).append((offset, before))
            self._order.append((offset, key))

    def settle(self, high_watermark: int) -> None:
        """What stands below is committed."""
        order, before = self._order, self._before
        while order and order[0][0] < high_watermark:
            _, key = order.popleft()
            notes = before[key]
            notes.popleft()
            if not notes:
                del before[key]

    def committed(self, key: K, newest: V) -> V:
        """What reads see; `newest` is what decisions see."""
        notes = self._before.get(key)
        return newest if notes is None else notes[0][1]

    def changed(self) -> list[K]:
        return list(self._before)
