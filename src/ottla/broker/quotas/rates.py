"""How much somebody used lately. Time is handed in, in milliseconds that never go back. Kafka's `Rate`, `TokenBucket`.

SampledRate   | 1 s | 1 s | … | now |     the sum over the windows, by at least all of them but one: short bursts pass
TokenBucket   fills at the quota's rate up to its burst; a request may take it below zero, the next one waits
"""

from __future__ import annotations

from collections import deque


class SampledRate:
    """`windows` of `window_ms` each: `quota.window.num`, `quota.window.size.seconds`."""

    __slots__ = ("_samples", "_window_ms", "_windows")

    def __init__(self, windows: int, window_ms: float) -> None:
        self._windows = windows
        self._window_ms = window_ms
        self._samples: deque[list[float]] = deque()  # [begin, amount]

    def record(self, amount: float, now_ms: float) -> None:
        samples = self._samples
        if not samples or now_ms - samples[-1][0] >= self._window_ms:
            samples.append([now_ms, 0.0])
        samples[-1][1] += amount

    def throttle_ms(self, per_second: float, now_ms: float) -> int:
        """How long to wait until the rate is `per_second` again; 0: it is not above."""
        samples = self._samples
        while samples and now_ms - samples[0][0] >= self._windows * self._window_ms:
            samples.popleft()
        if not samples:
            return 0
        elapsed_ms = now_ms - samples[0][0]
        elapsed_ms = max(elapsed_ms, (self._windows - 1) * self._window_ms, 1.0)
        total = sum(sample[1] for sample in samples)
        return max(0, round(total / per_second * 1000 - elapsed_ms))


class TokenBucket:
    __slots__ = ("_filled_ms", "_tokens")

    def __init__(self, burst: float, now_ms: float) -> None:
        self._tokens = burst
        self._filled_ms = now_ms

    def fill(self, per_second: float, burst: float, now_ms: float) -> float:
        """The tokens there are now."""
        self._tokens = min(burst, self._tokens + (now_ms - self._filled_ms) / 1000 * per_second)
        self._filled_ms = now_ms
        return self._tokens

    def take(self, count: float) -> None:
        self._tokens -= count

    def throttle_ms(self, per_second: float) -> int:
        return max(0, round(-self._tokens / per_second * 1000))
