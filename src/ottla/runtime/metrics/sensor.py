"""A sensor: what is recorded of one thing, ever (counts, sums) and within the last samples (rates, averages, extremes).

Samples are Kafka's (`org.apache.kafka.common.metrics.stats.SampledStat`): `metrics.num.samples` windows of
`metrics.sample.window.ms`, of which the oldest gives way; a rate is what they hold, divided by the time that they
cover. Times are handed in.

One thread records; any thread may read meanwhile, and then sees a record half noted at worst.
"""

from __future__ import annotations

from enum import Enum
from math import inf, nan
from typing import Final


class Statistic(Enum):
    """What a metric says of its sensor."""

    COUNT = "how often something was recorded, ever"
    TOTAL = "the sum of what was recorded, ever"
    RATE = "how often a second something was recorded, lately"
    SUM_RATE = "the sum of what was recorded in a second, lately"
    AVERAGE = "the average of what was recorded lately; NaN when nothing was"
    MAXIMUM = "the greatest that was recorded lately; NaN when nothing was"
    MINIMUM = "the least that was recorded lately; NaN when nothing was"
    VALUE = "what was recorded last"
    RATIO = "milliseconds that were recorded lately, as a part of the time since the first of them"


class _Sample:
    __slots__ = ("count", "greatest", "last_ms", "least", "start_ms", "total")

    def __init__(self, now_ms: int) -> None:
        self.start_ms = 0
        self.last_ms = 0
        self.count = 0
        self.total = 0.0
        self.least = inf
        self.greatest = -inf
        self.reset(now_ms)

    def reset(self, now_ms: int) -> None:
        self.start_ms = self.last_ms = now_ms
        self.count = 0
        self.total = 0.0
        self.least, self.greatest = inf, -inf


class Sensor:
    """Does nothing when its level is not recorded; whoever is in a hurry looks at `enabled` once, beforehand."""

    __slots__ = ("_current", "_max_samples", "_samples", "_window_ms", "count", "enabled", "last", "total")

    def __init__(self, *, enabled: bool, window_ms: int, samples: int) -> None:
        self.enabled: Final = enabled
        self.count = 0
        self.total = 0.0
        self.last = 0.0
        self._window_ms = window_ms
        self._max_samples = samples
        self._samples: list[_Sample] = []
        self._current = 0

    def record(self, value: float, now_ms: int) -> None:
        self.record_many(1, value, value, value, now_ms)

    def record_many(self, count: int, total: float, least: float, greatest: float, now_ms: int) -> None:
        """`count` values at once, of which the sum and both extremes are known."""
        if not self.enabled or not count:
            return
        self.count += count
        self.total += total
        self.last = greatest
        sample = self._sample(now_ms)
        sample.count += count
        sample.total += total
        sample.last_ms = now_ms
        if least < sample.least:
            sample.least = least
        if greatest > sample.greatest:
            sample.greatest = greatest

    def _sample(self, now_ms: int) -> _Sample:
        samples = self._samples
        if not samples:
            samples.append(_Sample(now_ms))
        sample = samples[self._current]
        if now_ms - sample.start_ms < self._window_ms:
            return sample
        self._current = (self._current + 1) % self._max_samples
        if self._current >= len(samples):
            samples.append(_Sample(now_ms))
        else:
            samples[self._current].reset(now_ms)
        return samples[self._current]

    def measure(self, statistic: Statistic, now_ms: int) -> float:
        if statistic is Statistic.COUNT:
            return float(self.count)
        if statistic is Statistic.TOTAL:
            return self.total
        if statistic is Statistic.VALUE:
            return self.last
        recent = [each for each in self._samples if now_ms - each.last_ms < self._max_samples * self._window_ms]
        count = sum(each.count for each in recent)
        total = sum(each.total for each in recent)
        if statistic is Statistic.RATIO:
            elapsed_ms = now_ms - min((each.start_ms for each in recent), default=now_ms)
            return min(1.0, total / elapsed_ms) if elapsed_ms > 0 else 0.0
        if statistic in (Statistic.RATE, Statistic.SUM_RATE):
            return (count if statistic is Statistic.RATE else total) / self._covered_s(recent, now_ms)
        if not count:
            return nan
        if statistic is Statistic.AVERAGE:
            return total / count
        if statistic is Statistic.MAXIMUM:
            return max(each.greatest for each in recent)
        return min(each.least for each in recent)

    def _covered_s(self, recent: list[_Sample], now_ms: int) -> float:
        """The time since the oldest sample began; samples that are not there yet count as whole windows."""
        elapsed_ms = now_ms - min((each.start_ms for each in recent), default=now_ms)
        missing = self._max_samples - 1 - elapsed_ms // self._window_ms
        return (elapsed_ms + max(0, missing) * self._window_ms or 1) / 1000
