"""What the parts of one task share: its names, clocks, stores, and the record that it processes now."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from ottla.streams.metrics.registry import MetricsRegistry
from ottla.streams.metrics.streams_metrics import StreamsMetrics
from ottla.streams.processor import PunctuationType
from ottla.streams.record import CurrentRecord
from ottla.streams.tasks.punctuation import PunctuationQueue, PunctuationSchedule

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ottla.streams.record import RawRecord
    from ottla.streams.state.store import StateStore

_log: Final = logging.getLogger("ottla.streams")


class TaskState:
    """Changed by the task; operators see it through their contexts."""

    __slots__ = (
        "_said",
        "application_id",
        "commit_requested",
        "config",
        "dropped_records",
        "global_stores",
        "metadata_changed",
        "metrics",
        "on_drop",
        "on_skip",
        "processor_metadata",
        "record",
        "stores",
        "stream_time_ms",
        "stream_time_punctuators",
        "task_id",
        "wall_clock_ms",
        "wall_clock_punctuators",
    )

    def __init__(
        self, task_id: str, application_id: str, config: Mapping[str, Any], global_stores: Mapping[str, StateStore]
    ) -> None:
        self.task_id = task_id
        self.application_id = application_id
        self.config = config
        self.global_stores = global_stores
        self.stores: dict[str, StateStore] = {}
        self.record = CurrentRecord()
        self.stream_time_ms = -1
        self.wall_clock_ms = 0
        self.commit_requested = False
        self.processor_metadata: dict[str, int] = {}
        self.metadata_changed = False
        self.dropped_records = 0
        self.metrics = StreamsMetrics(MetricsRegistry(), "")
        self.on_drop: Callable[[], None] | None = None
        self.on_skip: Callable[[str, RawRecord], None] | None = None
        self.stream_time_punctuators = PunctuationQueue()
        self.wall_clock_punctuators = PunctuationQueue()
        self._said: set[tuple[str, str]] = set()

    def drop(self, node: str, reason: str) -> None:
        self.dropped_records += 1
        if self.on_drop is not None:
            self.on_drop()
        if (node, reason) not in self._said and len(self._said) < _MAX_REASONS:
            self._said.add((node, reason))
            _log.warning("task %s, %s: skipping records: %s (%s)", self.task_id, node, reason, self.record.metadata)

    def skip(self, source: str, raw: RawRecord, reason: str) -> None:
        """Drop a record that has never become one of the topology."""
        if self.on_skip is not None:
            self.on_skip(source, raw)
        self.drop(source, reason)

    def schedule(
        self, node: str, start_ms: int | None, interval_ms: int, kind: PunctuationType, punctuate: Callable[[int], None]
    ) -> PunctuationSchedule:
        on_wall_clock = kind is PunctuationType.WALL_CLOCK_TIME
        now_ms = self.wall_clock_ms if on_wall_clock else self.stream_time_ms
        if start_ms is not None:
            schedule = PunctuationSchedule(node, start_ms, interval_ms, punctuate)
            if start_ms < now_ms:
                schedule.advance(now_ms)
        else:  # stream time: with the first record; wall clock: when an interval is over
            first_ms = now_ms + interval_ms if on_wall_clock else 0
            schedule = PunctuationSchedule(node, first_ms, interval_ms, punctuate)
        return (self.wall_clock_punctuators if on_wall_clock else self.stream_time_punctuators).add(schedule)


_MAX_REASONS: Final = 100
