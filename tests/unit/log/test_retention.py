"""Retention by time and size at its edges, and configs that change while a log lives."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.simulation.disk import SimulatedDisk
from tests.unit.log.batches import NOW_MS, append, batch, open_log

from ottla.log.config import LogConfig

if TYPE_CHECKING:
    from ottla.log.log import Log

CONFIG = LogConfig(segment_bytes=300, retention_ms=1000, file_delete_delay_ms=0)
HOUR_MS = 3_600_000


def filled(config: LogConfig = CONFIG, *, count: int = 10, step_ms: int = 100) -> Log:
    """One batch of one record every `step_ms`, about three a segment."""
    log = open_log(SimulatedDisk(1), config)
    for number in range(count):
        append(log, batch(size=20, timestamp_ms=NOW_MS + number * step_ms), now_ms=NOW_MS + number * step_ms)
    log.high_watermark = log.log_end_offset
    return log


def test_a_segment_goes_when_its_newest_record_is_older_than_retention_and_not_before() -> None:
    log = filled()
    bases = [segment.base_offset for segment in log.segments_between(0, 10)]
    newest_of_first = NOW_MS + (bases[1] - 1) * 100
    assert log.delete_old_segments(newest_of_first + 1000) == 0
    assert log.delete_old_segments(newest_of_first + 1001) == 1
    assert log.log_start_offset == bases[1]


def test_minus_one_keeps_everything_for_ever() -> None:
    log = filled(replace(CONFIG, retention_ms=-1, retention_bytes=-1))
    assert log.delete_old_segments(NOW_MS + 10**15) == 0
    assert log.log_start_offset == 0


def test_a_late_record_keeps_its_segment_and_those_behind_it() -> None:
    log = open_log(SimulatedDisk(1), replace(CONFIG, message_timestamp_after_max_ms=10**15))
    for number in range(9):
        late = HOUR_MS if number == 0 else 0
        append(log, batch(size=20, timestamp_ms=NOW_MS + late))
    log.high_watermark = log.log_end_offset
    assert log.delete_old_segments(NOW_MS + HOUR_MS) == 0
    assert log.delete_old_segments(NOW_MS + HOUR_MS + 1001) > 0


def test_the_active_segment_goes_too_when_all_is_old() -> None:
    log = filled()
    assert log.delete_old_segments(NOW_MS + HOUR_MS) == 4
    assert (log.log_start_offset, log.log_end_offset, log.segment_count, log.size_bytes) == (10, 10, 1, 0)
    assert append(log, batch()).base_offset == 10


def test_by_size_the_log_never_becomes_smaller_than_asked_for() -> None:
    log = filled(replace(CONFIG, retention_ms=-1, retention_bytes=500))
    sizes = [segment.size for segment in log.segments_between(0, 10)]
    whole = log.size_bytes
    log.delete_old_segments(NOW_MS)
    assert 500 <= log.size_bytes < 500 + sizes[0]
    log.config = replace(log.config, retention_bytes=whole)
    assert log.delete_old_segments(NOW_MS) == 0


def test_a_live_change_counts_from_the_next_look_on() -> None:
    log = filled(replace(CONFIG, retention_ms=-1))
    now_ms = NOW_MS + HOUR_MS
    assert log.delete_old_segments(now_ms) == 0
    log.config = replace(log.config, cleanup_policy=("compact",), retention_ms=1)
    assert log.delete_old_segments(now_ms) == 0, "compacted topics have no retention"
    log.config = replace(log.config, cleanup_policy=("compact", "delete"))
    assert log.delete_old_segments(now_ms) == 4


def test_smaller_and_shorter_segments_count_for_the_active_one() -> None:
    log = open_log(SimulatedDisk(1), replace(CONFIG, segment_bytes=10_000, segment_ms=10**12))
    append(log, batch(size=20))
    log.config = replace(log.config, segment_ms=50)
    append(log, batch(size=20, timestamp_ms=NOW_MS + 51))
    assert log.segment_count == 2
    log.config = replace(log.config, segment_bytes=120)
    append(log, batch(size=20, timestamp_ms=NOW_MS + 52))
    assert log.segment_count == 3
