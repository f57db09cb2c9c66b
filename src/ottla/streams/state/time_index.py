"""Which store keys there are at each time, for aggregations that emit what has become final.

A store is laid out by key, and what is final is found by time: without this, each look would walk through all segments.
It is made at the first look, and in memory even where the store is on disk: a key for each window that still lives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class TimeIndex:
    __slots__ = ("_by_time", "_dropped_before_ms")

    def __init__(self) -> None:
        self._by_time: dict[int, set[bytes]] = {}
        self._dropped_before_ms = 0

    def add(self, time_ms: int, store_key: bytes) -> None:
        known = self._by_time.get(time_ms)
        if known is None:
            self._by_time[time_ms] = {store_key}
        else:
            known.add(store_key)

    def discard(self, time_ms: int, store_key: bytes) -> None:
        known = self._by_time.get(time_ms)
        if known is not None:
            known.discard(store_key)
            if not known:
                del self._by_time[time_ms]

    def between(self, from_ms: int, to_ms: int) -> Iterator[bytes]:
        """In no order."""
        by_time = self._by_time
        if to_ms - from_ms < len(by_time):
            for time_ms in range(from_ms, to_ms + 1):
                yield from by_time.get(time_ms, ())
            return
        for time_ms, store_keys in by_time.items():
            if from_ms <= time_ms <= to_ms:
                yield from store_keys

    def drop_before(self, time_ms: int) -> None:
        """Forget what its segment has taken with it."""
        if time_ms > self._dropped_before_ms:
            self._dropped_before_ms = time_ms
            for old_ms in [each for each in self._by_time if each < time_ms]:
                del self._by_time[old_ms]
