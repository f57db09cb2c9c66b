"""Stream time as one join or aggregation sees it, and how often it may look for results that are due.

Looking costs a walk through the store, so it is done at most once in an interval of wall-clock time (a second, unless
an internal key of the configuration says otherwise).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.streams.duration import LONG_MAX

if TYPE_CHECKING:
    from collections.abc import Mapping

OUTER_JOIN_INTERVAL: Final = "__emit.interval.ms.kstreams.outer.join.spurious.results.fix__"
AGGREGATION_INTERVAL: Final = "__emit.interval.ms.kstreams.windowed.aggregation__"
DEFAULT_INTERVAL_MS: Final = 1_000


def emit_interval_ms(config: Mapping[str, Any], key: str) -> int:
    return int(config.get(key, DEFAULT_INTERVAL_MS))


class TimeTracker:
    """Of a join, both sides share one: `min_time_ms` is the time of the earliest record that waits for a partner."""

    __slots__ = ("interval_ms", "min_time_ms", "next_emit_ms", "stream_time_ms")

    def __init__(self) -> None:
        self.interval_ms = DEFAULT_INTERVAL_MS
        self.stream_time_ms = -1
        self.min_time_ms = LONG_MAX
        self.next_emit_ms = 0

    def may_emit(self, now_ms: int) -> bool:
        """Once for each interval; asking is taking."""
        if now_ms < self.next_emit_ms:
            return False
        self.next_emit_ms = now_ms + self.interval_ms
        return True
