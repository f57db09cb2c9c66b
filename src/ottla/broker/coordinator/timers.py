"""A coordinator's timers by key, over the runtime's timers.

A key that is scheduled again for later, as every heartbeat does, keeps its armed timer: when that fires early it is
armed anew for the rest. So a heartbeat costs one dictionary write, whatever the number of members.
"""

from collections.abc import Callable

from ottla.coordinator.result import TimerKey, TimerResult
from ottla.runtime.time import Clock, Timer, Timers


class _Entry:
    __slots__ = ("armed_for_ms", "deadline_ms", "operation", "timer")

    def __init__(self, deadline_ms: float, operation: Callable[[], TimerResult]) -> None:
        self.deadline_ms = deadline_ms
        self.armed_for_ms = deadline_ms
        self.operation = operation
        self.timer: Timer | None = None


class KeyedTimers:
    """`CoordinatorTimers`; `run` is given each operation that is due."""

    def __init__(self, timers: Timers, clock: Clock, run: Callable[[Callable[[], TimerResult]], None]) -> None:
        self._timers = timers
        self._clock = clock
        self._run = run
        self._entries: dict[TimerKey, _Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def schedule(self, key: TimerKey, delay_ms: int, operation: Callable[[], TimerResult]) -> None:
        deadline_ms = self._clock.monotonic_ms() + delay_ms
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = _Entry(deadline_ms, operation)
            self._arm(key, entry, delay_ms)
            return
        entry.deadline_ms = deadline_ms
        entry.operation = operation
        if deadline_ms < entry.armed_for_ms:
            if entry.timer is not None:
                entry.timer.cancel()
            self._arm(key, entry, delay_ms)

    def cancel(self, key: TimerKey) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None and entry.timer is not None:
            entry.timer.cancel()

    def is_scheduled(self, key: TimerKey) -> bool:
        return key in self._entries

    def cancel_all(self) -> None:
        for key in list(self._entries):
            self.cancel(key)

    def _arm(self, key: TimerKey, entry: _Entry, delay_ms: float) -> None:
        entry.armed_for_ms = entry.deadline_ms
        entry.timer = self._timers.call_later(delay_ms, lambda: self._fire(key, entry))

    def _fire(self, key: TimerKey, entry: _Entry) -> None:
        if self._entries.get(key) is not entry:
            return
        remaining_ms = entry.deadline_ms - self._clock.monotonic_ms()
        if remaining_ms > 0 and entry.deadline_ms > entry.armed_for_ms:
            self._arm(key, entry, remaining_ms)
            return
        del self._entries[key]
        self._run(entry.operation)
