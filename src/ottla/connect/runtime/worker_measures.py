"""What is measured of a worker: starts of connectors and tasks, and rebalances of its group."""

from __future__ import annotations

import time
from math import isnan
from typing import TYPE_CHECKING, Final

from ottla.runtime.metrics.sensor import Sensor, Statistic

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW_MS: Final = 30_000
SAMPLES: Final = 2


def clock_ms() -> int:
    return int(time.monotonic() * 1000)


def _sensor() -> Sensor:
    return Sensor(enabled=True, window_ms=WINDOW_MS, samples=SAMPLES)


class Starts:
    """How many there were, and which part of the latest succeeded."""

    def __init__(self, clock: Callable[[], int] = clock_ms) -> None:
        self._clock = clock
        self._results = _sensor()
        self.succeeded = 0
        self.failed = 0

    def note(self, *, succeeded: bool) -> None:
        if succeeded:
            self.succeeded += 1
        else:
            self.failed += 1
        self._results.record(float(succeeded), self._clock())

    def values(self) -> dict[str, float]:
        """By the ends of their names in `ConnectMetricsRegistry`."""
        part = self._results.measure(Statistic.AVERAGE, self._clock())
        return {
            "attempts-total": self.succeeded + self.failed,
            "success-total": self.succeeded,
            "failure-total": self.failed,
            "success-percentage": 0.0 if isnan(part) else part,
            "failure-percentage": 0.0 if isnan(part) else 1.0 - part,
        }


class Rebalances:
    """From joining to having heard what the group has decided."""

    def __init__(self, clock: Callable[[], int] = clock_ms) -> None:
        self._clock = clock
        self._times = _sensor()
        self._began_ms: int | None = None
        self._ended_ms: int | None = None
        self.completed = 0

    def begin(self) -> None:
        if self._began_ms is None:
            self._began_ms = self._clock()

    def end(self) -> None:
        now_ms = self._clock()
        if self._began_ms is not None:
            self._times.record(now_ms - self._began_ms, now_ms)
        self._began_ms, self._ended_ms = None, now_ms
        self.completed += 1

    def values(self) -> dict[str, float]:
        """Under their names in `ConnectMetricsRegistry`."""
        now_ms = self._clock()
        return {
            "completed-rebalances-total": self.completed,
            "rebalancing": float(self._began_ms is not None),
            "rebalance-max-time-ms": self._times.measure(Statistic.MAXIMUM, now_ms),
            "rebalance-avg-time-ms": self._times.measure(Statistic.AVERAGE, now_ms),
            "time-since-last-rebalance-ms": now_ms - self._ended_ms if self._ended_ms is not None else float("inf"),
        }
