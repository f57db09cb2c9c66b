"""How fast something grows, from looks at it: for gauges that Kafka has as a rate."""

from __future__ import annotations

from typing import Final

MIN_WINDOW_MS: Final = 5_000.0
"""Looks that are closer together than that, of two scrapers say, see the same rate."""


class Rate:
    """Of the time between two looks. 0 until there are two."""

    __slots__ = ("_at_ms", "_rate", "_value")

    def __init__(self) -> None:
        self._at_ms: float | None = None
        self._value = 0.0
        self._rate = 0.0

    def of(self, value: float, now_ms: float) -> float:
        """A second. `now_ms` is monotonic."""
        if self._at_ms is None:
            self._at_ms, self._value = now_ms, value
        elif now_ms - self._at_ms >= MIN_WINDOW_MS:
            self._rate = max(0.0, value - self._value) * 1000 / (now_ms - self._at_ms)
            self._at_ms, self._value = now_ms, value
        return self._rate
