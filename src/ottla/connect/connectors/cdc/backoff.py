"""How long to wait before a lost connection is made anew: twice as long each time, up to a bound, so many times."""

from __future__ import annotations

from typing import Final

FIRST_WAIT_MS: Final = 200


class Backoff:
    def __init__(self, wait_max_ms: int, retries: int) -> None:
        """`retries` in a row; -1: without an end."""
        self._wait_max_ms = wait_max_ms
        self._retries = retries
        self.failures = 0

    def next_wait_s(self) -> float | None:
        """After another failure; `None`: it is enough."""
        self.failures += 1
        if 0 <= self._retries < self.failures:
            return None
        doublings = min(self.failures - 1, 30)
        return min(FIRST_WAIT_MS << doublings, self._wait_max_ms) / 1000

    def succeeded(self) -> None:
        self.failures = 0
