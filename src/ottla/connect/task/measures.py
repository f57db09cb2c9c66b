"""What is measured of a task: averages, maxima, rates over the last minute, and how long it was in which state.

As Kafka Connect's sensors: two samples of thirty seconds each. `values()` has the names of `ConnectMetricsRegistry`;
what was never recorded is not a number there, as in Kafka Connect.
"""

from __future__ import annotations

import time
from math import isnan
from typing import TYPE_CHECKING, Final

from ottla.runtime.metrics.sensor import Sensor, Statistic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

WINDOW_MS: Final = 30_000
SAMPLES: Final = 2
RUNNING: Final = "running"
PAUSED: Final = "paused"

POLLED: Final = "polled"
WRITTEN: Final = "written"
READ: Final = "read"
SENT: Final = "sent"
POLL_TIME: Final = "poll time"
PUT_TIME: Final = "put time"
BATCH_SIZE: Final = "batch size"
ACTIVE: Final = "active"
TRANSACTION_SIZE: Final = "transaction size"
COMMIT_TIME: Final = "commit time"
COMMITTED: Final = "committed"
"""1 for a commit that was stored, 0 for one that was not."""
COMPLETED: Final = "completed"

_MAXIMUM, _AVERAGE, _RATE = Statistic.MAXIMUM, Statistic.AVERAGE, Statistic.SUM_RATE
OF_EVERY_TASK: Final = {
    "batch-size-max": (BATCH_SIZE, _MAXIMUM),
    "batch-size-avg": (BATCH_SIZE, _AVERAGE),
    "offset-commit-max-time-ms": (COMMIT_TIME, _MAXIMUM),
    "offset-commit-avg-time-ms": (COMMIT_TIME, _AVERAGE),
}
OF_SOURCES: Final = OF_EVERY_TASK | {
    "source-record-poll-rate": (POLLED, _RATE),
    "source-record-write-rate": (WRITTEN, _RATE),
    "poll-batch-max-time-ms": (POLL_TIME, _MAXIMUM),
    "poll-batch-avg-time-ms": (POLL_TIME, _AVERAGE),
    "source-record-active-count-max": (ACTIVE, _MAXIMUM),
    "source-record-active-count-avg": (ACTIVE, _AVERAGE),
}
OF_TRANSACTIONS: Final = {
    "transaction-size-min": (TRANSACTION_SIZE, Statistic.MINIMUM),
    "transaction-size-max": (TRANSACTION_SIZE, _MAXIMUM),
    "transaction-size-avg": (TRANSACTION_SIZE, _AVERAGE),
}
OF_SINKS: Final = OF_EVERY_TASK | {
    "sink-record-read-rate": (READ, _RATE),
    "sink-record-send-rate": (SENT, _RATE),
    "put-batch-max-time-ms": (PUT_TIME, _MAXIMUM),
    "put-batch-avg-time-ms": (PUT_TIME, _AVERAGE),
    "sink-record-active-count": (ACTIVE, Statistic.VALUE),
    "sink-record-active-count-max": (ACTIVE, _MAXIMUM),
    "sink-record-active-count-avg": (ACTIVE, _AVERAGE),
    "offset-commit-completion-rate": (COMPLETED, _RATE),
    "offset-commit-completion-total": (COMPLETED, Statistic.TOTAL),
}


def clock_ms() -> int:
    return int(time.monotonic() * 1000)


class TaskMeasures:
    """A sensor is recorded by one thread; `values` may be asked by another."""

    def __init__(self, measured: Mapping[str, tuple[str, Statistic]], clock: Callable[[], int] = clock_ms) -> None:
        self._measured = measured
        self._clock = clock
        names = {COMMITTED, *(sensor for sensor, _ in measured.values())}
        self._sensors = {name: Sensor(enabled=True, window_ms=WINDOW_MS, samples=SAMPLES) for name in names}
        self._totals: dict[str, float] = {}
        self._state = ""
        self._since_ms = clock()
        self._spent_ms: dict[str, int] = {}

    def record(self, sensor: str, value: float) -> None:
        self._sensors[sensor].record(value, self._clock())

    def grown_to(self, sensor: str, total: float) -> None:
        """What it has grown by since the last time is recorded: for counters that nobody has time to watch."""
        grown = total - self._totals.get(sensor, 0.0)
        self._totals[sensor] = total
        self.record(sensor, grown)

    def committed(self, took_ms: float, *, stored: bool) -> None:
        if stored:
            self.record(COMMIT_TIME, took_ms)
        self.record(COMMITTED, float(stored))

    def enter(self, state: str) -> None:
        now_ms = self._clock()
        if self._state:
            self._spent_ms[self._state] = self._spent_ms.get(self._state, 0) + now_ms - self._since_ms
        self._state, self._since_ms = state, now_ms

    def values(self) -> dict[str, float]:
        now_ms = self._clock()
        told = {name: self._sensors[sensor].measure(kind, now_ms) for name, (sensor, kind) in self._measured.items()}
        success = self._sensors[COMMITTED].measure(_AVERAGE, now_ms)
        told["offset-commit-success-percentage"] = 0.0 if isnan(success) else success
        told["offset-commit-failure-percentage"] = 0.0 if isnan(success) else 1.0 - success
        spent = dict(self._spent_ms)
        if self._state:
            spent[self._state] = spent.get(self._state, 0) + now_ms - self._since_ms
        total = sum(spent.values())
        told["running-ratio"] = spent.get(RUNNING, 0) / total if total else 0.0
        told["pause-ratio"] = spent.get(PAUSED, 0) / total if total else 0.0
        return told
