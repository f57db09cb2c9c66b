"""Punctuators and when they fire: one queue for stream time, one for the wall clock.

A schedule fires once however many intervals went by, and then at the next multiple of its interval.
"""

from __future__ import annotations

import heapq
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class PunctuationSchedule:
    """One punctuator of one node; also the `Cancellable` that its processor holds."""

    __slots__ = ("cancelled", "interval_ms", "node", "punctuate", "time_ms")

    def __init__(self, node: str, time_ms: int, interval_ms: int, punctuate: Callable[[int], None]) -> None:
        self.node = node
        self.time_ms = time_ms
        self.interval_ms = interval_ms
        self.punctuate = punctuate
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True

    def advance(self, now_ms: int) -> None:
        """To the first time after `now_ms` that lies whole intervals after the present one."""
        missed = max(0, (now_ms - self.time_ms) // self.interval_ms)
        self.time_ms += (missed + 1) * self.interval_ms


class PunctuationQueue:
    __slots__ = ("_heap", "_order")

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, PunctuationSchedule]] = []
        self._order = count()

    def add(self, schedule: PunctuationSchedule) -> PunctuationSchedule:
        heapq.heappush(self._heap, (schedule.time_ms, next(self._order), schedule))
        return schedule

    def maybe_punctuate(self, now_ms: int, fire: Callable[[PunctuationSchedule, int], None]) -> bool:
        """Hand every schedule that is due to `fire`; whether there was one."""
        punctuated = False
        heap = self._heap
        while heap and heap[0][0] <= now_ms:
            schedule = heapq.heappop(heap)[2]
            if schedule.cancelled:
                continue
            fire(schedule, now_ms)
            punctuated = True
            if not schedule.cancelled:
                schedule.advance(now_ms)
                self.add(schedule)
        return punctuated

    @property
    def next_ms(self) -> int | None:
        """When the next schedule is due; None when there is none."""
        heap = self._heap
        while heap and heap[0][2].cancelled:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def clear(self) -> None:
        self._heap.clear()
