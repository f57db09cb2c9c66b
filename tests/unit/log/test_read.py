"""Reading by offset and by time, rolling, retention."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.simulation.disk import SimulatedDisk
from tests.unit.log.batches import NOW_MS, append, batch, open_log

from ottla.log.append_result import AppendOrigin
from ottla.log.config import LogConfig
from ottla.log.log import Log
from ottla.protocol.errors import ErrorCode
from ottla.protocol.record_batch import CompressionType, parse_header


def filled(config: LogConfig | None = None, *, batches: int = 40, count: int = 3) -> tuple[SimulatedDisk, Log]:
    disk = SimulatedDisk(1)
    log = open_log(disk, config or LogConfig(segment_bytes=1000, index_interval_bytes=200, retention_ms=-1))
    for index in range(batches):
        append(log, batch(count, timestamp_ms=NOW_MS + index * 10, step_ms=2, size=20))
    return disk, log


def first_offset(log: Log, offset: int, **how: int | None) -> int:
    region = log.read(offset, 1, **how).region  # type: ignore[arg-type]
    assert region is not None
    return parse_header(region.file.read(region.position, 61)).base_offset


@pytest.mark.parametrize("reopened", [False, True])
def test_every_offset_is_found_in_its_batch(reopened: bool) -> None:
    disk, log = filled()
    if reopened:
        log.close()
        log = open_log(disk, log.config)
    assert log.segment_count > 5
    for _ in range(2):  # the second time from what is remembered
        for offset in range(log.log_end_offset):
            assert first_offset(log, offset) == offset // 3 * 3


def test_sizes_of_a_read() -> None:
    _, log = filled(LogConfig(), batches=10)
    size = log.size_bytes // 10
    assert log.read(0, 10**6).size == 10 * size
    assert log.read(0, 2 * size + 5).size == 2 * size + 5  # cut inside of the third batch, as Kafka's is
    assert log.read(0, 1).size == size
    assert log.read(0, 1, min_one=False).size == 1
    assert log.read(0, 0, min_one=False).region is None


def test_a_bound_is_never_passed_and_lies_between_batches() -> None:
    _, log = filled(LogConfig(), batches=10)
    size = log.size_bytes // 10
    assert log.read(0, 10**6, upper_bound=9).size == 3 * size
    assert log.read(0, 10**6, upper_bound=10).size == 3 * size  # inside of a batch: it waits
    assert log.read(9, 10**6, upper_bound=10).region is None
    assert log.read(9, 10**6, upper_bound=9).region is None
    assert log.read(3, 10**6, upper_bound=10**9).size == 9 * size


def test_a_bound_in_a_later_segment_does_not_matter() -> None:
    _, log = filled()
    for bound in range(1, log.log_end_offset + 1):
        offset = 0
        while offset < bound and (region := log.read(offset, 10**6, upper_bound=bound).region) is not None:
            data = region.file.read(region.position, region.size)
            at = 0
            while at < len(data):
                header = parse_header(data, at)
                at, offset = at + header.size, header.next_offset
        assert bound - 3 < offset <= bound


def test_a_region_of_a_segment_that_was_deleted_stays_readable() -> None:
    _, log = filled()
    region = log.read(0, 10**6).region
    assert region is not None
    before = region.file.read(region.position, region.size)
    log.high_watermark = log.log_end_offset
    log.delete_records(60)
    assert log.delete_old_segments(NOW_MS) > 0
    log.remove_deleted_files(NOW_MS + 10**9)
    assert region.file.read(region.position, region.size) == before
    assert log.read(0, 10**6).error is ErrorCode.OFFSET_OUT_OF_RANGE


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    batches=st.lists(
        st.tuples(st.integers(1, 4), st.integers(-40, 40), st.integers(-3, 3), st.sampled_from(CompressionType)),
        min_size=1,
        max_size=25,
    ),
    reopened=st.booleans(),
    start=st.integers(0, 30),
)
def test_offsets_by_time_are_those_of_a_list(
    batches: list[tuple[int, int, int, CompressionType]], reopened: bool, start: int
) -> None:
    """Timestamps that go back and forth, within batches, too."""
    disk = SimulatedDisk(1)
    config = LogConfig(segment_bytes=600, index_interval_bytes=100)
    log = open_log(disk, config)
    times: list[int] = []
    for count, ahead_ms, step_ms, compression in batches:
        first = NOW_MS + ahead_ms
        append(log, batch(count, timestamp_ms=first, step_ms=step_ms, compression=compression))
        times += [first + index * step_ms for index in range(count)]
    if reopened:
        log.close()
        log = open_log(disk, config)
    log.high_watermark = log.log_end_offset
    start = min(start, len(times))
    log.delete_records(start)
    for timestamp in range(NOW_MS - 50, NOW_MS + 55, 7):
        expected = next((offset for offset in range(start, len(times)) if times[offset] >= timestamp), None)
        found = log.offset_for_timestamp(timestamp)
        assert (found and (found.offset, found.timestamp_ms)) == (
            None if expected is None else (expected, times[expected])
        )
    if start == 0:
        newest = log.offset_of_max_timestamp()
        assert newest is not None
        assert newest.timestamp_ms == max(times)
        assert times[newest.offset] == max(times)


def test_no_timestamps_no_answer() -> None:
    log = open_log(SimulatedDisk(1))
    assert log.offset_for_timestamp(0) is None
    assert log.offset_of_max_timestamp() is None
    append(log, batch(timestamp_ms=-1))
    assert log.offset_for_timestamp(0) is None


def segment_starts(disk: SimulatedDisk, log: Log) -> list[int]:
    return [int(name[:20]) for name in disk.list(log.directory) if name.endswith(".log")]


def test_rolling_by_time_counts_from_the_first_batchs_timestamp() -> None:
    disk = SimulatedDisk(1)
    log = open_log(disk, LogConfig(segment_ms=1000))
    for ahead_ms in (0, 1000, 1001, 2001, 2002, 500):
        append(log, batch(timestamp_ms=NOW_MS + ahead_ms))
    assert segment_starts(disk, log) == [0, 2, 4]
    log.close()
    log = open_log(disk, log.config)
    append(log, batch(timestamp_ms=NOW_MS + 3002))
    append(log, batch(timestamp_ms=NOW_MS + 3003))
    assert segment_starts(disk, log) == [0, 2, 4, 7]


def test_rolling_by_time_without_timestamps_counts_from_the_segments_creation() -> None:
    disk = SimulatedDisk(1)
    log = open_log(disk, LogConfig(segment_ms=1000))
    for now_ms in (NOW_MS, NOW_MS + 1000, NOW_MS + 1001):
        append(log, batch(timestamp_ms=-1), now_ms=now_ms)
    assert segment_starts(disk, log) == [0, 2]


def test_jitter_brings_the_roll_forward() -> None:
    disk = SimulatedDisk(1)
    config = LogConfig(segment_ms=1000, segment_jitter_ms=400)
    log = Log.open(
        disk, open_log(disk).directory, config, now_ms=NOW_MS, clean=True, random_below=lambda bound: bound - 1
    )
    log.roll(NOW_MS)
    append(log, batch())
    log.roll(NOW_MS)  # jitter is drawn for each segment that is begun here
    append(log, batch())
    append(log, batch(timestamp_ms=NOW_MS + 601))
    append(log, batch(timestamp_ms=NOW_MS + 602))
    assert segment_starts(disk, log) == [0, 1, 3]  # 399 ms early


def test_rolling_by_index_size() -> None:
    disk = SimulatedDisk(1)
    log = open_log(disk, LogConfig(index_interval_bytes=0, segment_index_bytes=48))
    for index in range(9):
        append(log, batch(timestamp_ms=NOW_MS + index))
    assert segment_starts(disk, log) == [0, 4, 8]  # the time index, of 4 entries, keeps one free


def test_rolling_when_offsets_do_not_fit_the_index() -> None:
    disk = SimulatedDisk(1)
    log = open_log(disk)
    for base in (0, 2**31 - 1, 2**31, 2**31 + 7):
        append(log, batch(base_offset=base, leader_epoch=0), origin=AppendOrigin.REPLICATION)
    assert segment_starts(disk, log) == [0, 2**31]
    assert [first_offset(log, offset) for offset in (1, 2**31, 2**31 + 1)] == [2**31 - 1, 2**31, 2**31 + 7]


def test_configs_by_kafkas_names() -> None:
    config = LogConfig.from_topic_configs(
        {"segment.bytes": "100", "retention.ms": 5, "cleanup.policy": "compact, delete", "unknown": 1, "flush.ms": None}
    )
    assert (config.segment_bytes, config.retention_ms, config.cleanup_policy) == (100, 5, ("compact", "delete"))
    assert (config.compact, config.delete, config.flush_ms) == (True, True, 2**63 - 1)
    assert LogConfig.from_topic_configs({"segment.bytes": 9, "internal.segment.bytes": 7}).segment_bytes == 7
    with pytest.raises(ValueError, match="invalid literal"):
        LogConfig.from_topic_configs({"segment.bytes": "much"})


def test_retention() -> None:
    _, log = filled()
    log.high_watermark = log.log_end_offset
    log.config = LogConfig(segment_bytes=1000, retention_ms=100)
    newest = NOW_MS + 39 * 10 + 4
    assert log.delete_old_segments(NOW_MS + 100) == 0
    gone = log.delete_old_segments(NOW_MS + 300)
    assert gone > 0
    found = log.offset_for_timestamp(0)
    assert found is not None
    assert found.offset == log.log_start_offset
    assert log.delete_old_segments(newest + 101) > 0
    assert (log.log_start_offset, log.log_end_offset, log.size_bytes) == (120, 120, 0)


def test_retention_by_size_keeps_what_the_high_watermark_has_not_passed() -> None:
    _, log = filled()
    log.config = LogConfig(segment_bytes=1000, retention_bytes=2000, retention_ms=-1)
    assert log.delete_old_segments(NOW_MS) == 0
    log.high_watermark = log.log_end_offset
    assert log.delete_old_segments(NOW_MS) > 0
    assert 2000 <= log.size_bytes < 3000


def test_a_compacted_topic_has_no_retention_but_deleted_records_go() -> None:
    _, log = filled()
    log.high_watermark = log.log_end_offset
    log.config = LogConfig(segment_bytes=1000, retention_bytes=0, retention_ms=0, cleanup_policy=("compact",))
    assert log.delete_old_segments(NOW_MS + 10**12) == 0
    log.delete_records(60)
    assert log.delete_old_segments(NOW_MS) > 0
    assert log.log_start_offset == 60


def test_epochs_and_their_ends() -> None:
    log = open_log(SimulatedDisk(1))
    for epoch, count in ((2, 5), (4, 5), (5, 5)):
        append(log, batch(count), epoch=epoch)
    assert [log.end_offset_for_epoch(epoch) for epoch in (1, 2, 3, 4, 5, 6)] == [
        (1, 0), (2, 5), (2, 5), (4, 10), (5, 15), None,
    ]  # fmt: skip
    log.truncate_to(10, NOW_MS)
    assert log.latest_epoch == 4
    log.high_watermark = 10
    log.delete_records(7)
    assert log.epochs.entries == [(4, 7)]
