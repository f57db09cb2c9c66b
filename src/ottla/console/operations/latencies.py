"""Many latencies in little memory: counted by three digits of their microseconds, so that a percentile is 1 % exact."""

from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LatencySummary:
    """Milliseconds; all zero of none."""

    mean_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float


class Latencies:
    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self._sum_us = 0.0
        self._max_us = 0.0
        self.count = 0

    def add(self, seconds: float, count: int = 1) -> None:
        microseconds = seconds * 1e6
        self._counts[_rounded(int(microseconds))] += count
        self._sum_us += microseconds * count
        self._max_us = max(self._max_us, microseconds)
        self.count += count

    def summary(self) -> LatencySummary:
        shares = (0.5, 0.95, 0.99, 0.999)
        p50, p95, p99, p999 = (self._percentile(share) / 1000 for share in shares)
        mean = self._sum_us / self.count / 1000 if self.count else 0.0
        return LatencySummary(mean, p50, p95, p99, p999, self._max_us / 1000)

    def _percentile(self, share: float) -> float:
        wanted, seen = share * self.count, 0
        for value in sorted(self._counts):
            seen += self._counts[value]
            if seen >= wanted:
                return float(value)
        return 0.0


def _rounded(value: int) -> int:
    step: int = 10 ** max(0, len(str(value)) - 3)
    return value // step * step
