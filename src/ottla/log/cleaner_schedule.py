"""Which log is compacted next, and which cannot be (`LogCleanerManager`).

    0 ─── compacted ─── first dirty ═══ cleanable ═══ first uncleanable ─── end
    dirty ratio = bytes of ═══ / bytes before first uncleanable

A log with `cleanup.policy=compact` is due when its ratio is above `min.cleanable.dirty.ratio`, or something dirty in it
is older than `max.compaction.lag.ms`. Nothing is compacted that a transaction may still abort, that is not synced, that
stands in the active segment, or that is younger than `min.compaction.lag.ms`. The highest ratio comes first.
"""

from collections.abc import Generator
from typing import NamedTuple

from ottla.log.batch_reader import Step
from ottla.log.config import LONG_MAX
from ottla.log.file_names import TopicPartition
from ottla.log.log import Log
from ottla.log.manager import LogManager

LOGS_A_SLICE = 20


class LogToClean(NamedTuple):
    partition: TopicPartition
    log: Log
    first_dirty: int
    first_uncleanable: int
    clean_bytes: int
    cleanable_bytes: int
    overdue: bool

    @property
    def ratio(self) -> float:
        total = self.clean_bytes + self.cleanable_bytes
        return self.cleanable_bytes / total if total else 0.0

    @property
    def due(self) -> bool:
        return self.cleanable_bytes > 0 and (self.overdue or self.ratio > self.log.config.min_cleanable_dirty_ratio)


class CleanerSchedule:
    """`uncleanable`: the logs that could not be read, by partition. They are left alone until the node starts again."""

    def __init__(self, manager: LogManager) -> None:
        self._manager = manager
        self.uncleanable: dict[TopicPartition, Log] = {}

    def filthiest(self, now_ms: int) -> Generator[Step, None, LogToClean | None]:
        """None: nothing is due. Raises `OSError`."""
        best: LogToClean | None = None
        compacted = [(name, log) for name, log in self._manager if log.config.compact]
        for number, (name, log) in enumerate(compacted):
            if self._manager.get(*name) is log and self.uncleanable.get(name) is not log:
                candidate = self.examine(name, log, now_ms)
                if candidate.due and (best is None or candidate.ratio > best.ratio):
                    best = candidate
            if number % LOGS_A_SLICE == LOGS_A_SLICE - 1:
                yield 0
        return best

    def examine(self, name: TopicPartition, log: Log, now_ms: int) -> LogToClean:
        """How much of a log could be compacted now."""
        start = log.log_start_offset
        compacted = self._manager.cleaner_offset(name)
        first_dirty = start if compacted is None or not start <= compacted <= log.log_end_offset else compacted
        dirty = log.segments_between(first_dirty, LONG_MAX)
        bound = min(log.last_stable_offset, log.active_segment_offset, log.recovery_point)
        lag_ms = log.config.min_compaction_lag_ms
        if lag_ms > 0:
            young = (segment.base_offset for segment in dirty if segment.largest_timestamp > now_ms - lag_ms)
            bound = min(bound, next(young, bound))
        # Whole segments only: that in which the bound lies is not compacted.
        bases = [segment.base_offset for segment in dirty] + [log.active_segment_offset]
        first_uncleanable = max((base for base in bases if base <= bound), default=first_dirty)
        ahead = [segment for segment in dirty if segment.base_offset < first_uncleanable]
        behind = log.segments_between(0, first_dirty)
        return LogToClean(
            name,
            log,
            first_dirty,
            max(first_dirty, first_uncleanable),
            clean_bytes=sum(segment.size for segment in behind if segment not in ahead),
            cleanable_bytes=sum(segment.size for segment in ahead) if first_uncleanable > first_dirty else 0,
            overdue=self._is_overdue(log, now_ms, first_dirty),
        )

    def _is_overdue(self, log: Log, now_ms: int, first_dirty: int) -> bool:
        limit_ms = log.config.max_compaction_lag_ms
        if limit_ms == LONG_MAX:
            return False
        firsts = (segment.first_timestamp for segment in log.segments_between(first_dirty, LONG_MAX))
        return any(0 < first < now_ms - limit_ms for first in firsts)
