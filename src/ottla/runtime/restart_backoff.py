"""How long what has failed waits before it is started again: twice as long each time, until it is well for a while."""

from __future__ import annotations


class RestartBackoff:
    """Seconds; a life of more than `recovered_s` makes the next failure the first."""

    def __init__(self, first_s: float, longest_s: float, recovered_s: float) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._recovered_s = recovered_s
        self._wait_s = first_s
        self.failures = 0
        """In a row."""

    def failed(self, lived_s: float) -> float:
        """How long to wait before the next life."""
        if lived_s > self._recovered_s:
            self.failures = 0
        self._wait_s = min(self._wait_s * 2 if self.failures else self._first_s, self._longest_s)
        self.failures += 1
        return self._wait_s
