"""An event loop that rests a moment before it looks for events, while requests come in a stream.

    look ─► one request ─► look ─► one request ─► look …       a system call or three for each of them
    rest ─► look ─► ten requests ─► rest ─► look ─► ten …      read, appended and answered together

As network cards moderate their interrupts. A rest adds at most its own length to a request's way, so it must be worth
it: only from `STREAM_REQUESTS_A_SECOND` on, and only as long as no fewer requests are served than without (a client
that waits for each answer would only be slowed down; then nothing is tried for `PENALTY_SECONDS`).
"""

import selectors
import time
from typing import Final

from ottla.runtime.turn import Turn

RESTS_SECONDS: Final = (100e-6, 250e-6)
"""The second only where the first has cost nothing."""
WINDOW_SECONDS: Final = 5e-3
STREAM_REQUESTS_A_SECOND: Final = 30_000
PENALTY_SECONDS: Final = 0.5
TOLERATED_LOSS: Final = 0.1  # of the requests a second: less is noise


class Moderation:
    """Decides from times and numbers of requests alone how long to rest."""

    __slots__ = ("_before", "_level", "_penalty_until", "_served", "_window", "rest_seconds")

    def __init__(self) -> None:
        self.rest_seconds = 0.0
        """Before each look; 0: not at all."""
        self._level = 0
        self._window = 0.0  # when it began
        self._served = 0  # requests, when the window began
        self._before = 0.0  # requests a second, when it began to rest
        self._penalty_until = 0.0

    def look(self, now: float, served: int) -> None:
        """Before each look for events: the time in seconds, and how many requests have been served ever."""
        elapsed = now - self._window
        if elapsed < WINDOW_SECONDS:
            return
        rate = (served - self._served) / elapsed
        self._window = now
        self._served = served
        if self._level and rate < self._before * (1 - TOLERATED_LOSS):
            self._level -= 1
            self._penalty_until = now + PENALTY_SECONDS
        elif self._level < len(RESTS_SECONDS) and rate >= STREAM_REQUESTS_A_SECOND and now >= self._penalty_until:
            if not self._level:
                self._before = rate
            self._level += 1
        else:
            return
        self.rest_seconds = RESTS_SECONDS[self._level - 1] if self._level else 0.0


class ModeratedSelector(selectors.DefaultSelector):
    def __init__(self, turn: Turn) -> None:
        super().__init__()
        self._turn = turn
        self._moderation = Moderation()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        moderation = self._moderation
        moderation.look(time.perf_counter(), self._turn.requests)
        if moderation.rest_seconds and timeout != 0:  # 0: callbacks are waiting
            time.sleep(moderation.rest_seconds)
        return super().select(timeout)
