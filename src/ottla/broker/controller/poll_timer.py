"""When the quorum is to be polled next. A timer that comes too early only looks again, so that it is not set anew with
every event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.runtime.time import Clock, Timer, Timers

MIN_WAIT_MS: Final = 1.0


class PollTimer:
    def __init__(self, clock: Clock, timers: Timers, poll: Callable[[], None]) -> None:
        self._clock = clock
        self._timers = timers
        self._poll = poll
        self._timer: Timer | None = None
        self._due_ms = float("inf")

    def set(self, wait_ms: float) -> None:
        """Poll after that long, or before; infinity: as it is set already."""
        if wait_ms == float("inf"):
            return
        wait_ms = max(wait_ms, MIN_WAIT_MS)
        due_ms = self._clock.monotonic_ms() + wait_ms
        if self._timer is not None:
            if self._due_ms <= due_ms:
                return
            self._timer.cancel()
        self._due_ms = due_ms
        self._timer = self._timers.call_later(wait_ms, self._fire)

    def cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _fire(self) -> None:
        self._timer = None
        self._due_ms = float("inf")
        self._poll()
