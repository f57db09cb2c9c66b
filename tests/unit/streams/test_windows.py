"""What defines windows: which windows contain a time, and what is refused, with Kafka Streams' words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ottla.streams.duration import LONG_MAX, milliseconds
from ottla.streams.windows import (
    EmitStrategy,
    JoinWindows,
    SessionWindows,
    SlidingWindows,
    TimeWindows,
    UnlimitedWindows,
    Window,
    Windowed,
    time_window,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (10, 10),
        ("10ms", 10),
        ("10s", 10_000),
        ("1.5s", 1_500),
        ("2m", 120_000),
        ("2min", 120_000),
        ("1h", 3_600_000),
        ("1d", 86_400_000),
        ("-5s", -5_000),
        (timedelta(seconds=3), 3_000),
        (timedelta(microseconds=1_999), 1),
    ],
)
def test_a_length_of_time_may_be_written_in_three_ways(value: int | str | timedelta, expected: int) -> None:
    assert milliseconds(value, "size") == expected


@pytest.mark.parametrize("value", ["10", "10 parsecs", "", None, 1.5, True])
def test_what_is_no_length_of_time_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match='Invalid value for parameter "size"'):
        milliseconds(value, "size")  # type: ignore[arg-type]


def test_tumbling_windows_follow_one_another() -> None:
    windows = TimeWindows.of_size_with_no_grace("10s")
    assert windows.windows_for(21_000) == {20_000: Window(20_000, 30_000)}
    assert windows.windows_for(20_000) == {20_000: Window(20_000, 30_000)}
    assert windows.windows_for(19_999) == {10_000: Window(10_000, 20_000)}


def test_hopping_windows_overlap_and_none_begins_before_time_itself() -> None:
    windows = TimeWindows.of_size_and_grace(12, 3).advance_by(5)
    assert list(windows.windows_for(21)) == [10, 15, 20]
    assert windows.windows_for(3) == {0: Window(0, 12)}
    assert (windows.size_ms, windows.advance_ms, windows.grace_period_ms) == (12, 5, 3)
    assert str(windows) == "TimeWindows{, sizeMs=12, advanceMs=5, graceMs=3}"


@pytest.mark.parametrize("size", [1, 2, 7, 10])
def test_a_time_is_in_every_window_that_is_found_for_it(size: int) -> None:
    for advance in range(1, size + 1):
        windows = TimeWindows.of_size_with_no_grace(size).advance_by(advance)
        for timestamp in range(40):
            expected = [start for start in range(0, 41, advance) if start <= timestamp < start + size]
            assert list(windows.windows_for(timestamp)) == expected


def test_what_time_windows_refuse() -> None:
    with pytest.raises(ValueError, match=r"Window size \(sizeMs\) must be larger than zero\."):
        TimeWindows.of_size_with_no_grace(0)
    with pytest.raises(ValueError, match=r"less than window duration which is 5 ms, .* interval is: 6 ms"):
        TimeWindows.of_size_with_no_grace(5).advance_by(6)
    with pytest.raises(ValueError, match="Grace period must not be negative"):
        TimeWindows.of_size_and_grace(5, -1)


def test_unlimited_windows() -> None:
    windows = UnlimitedWindows.of().start_on(10)
    assert windows.windows_for(9) == {}
    assert windows.windows_for(10) == {10: Window(10, LONG_MAX)}
    assert (windows.size_ms, windows.grace_period_ms) == (LONG_MAX, 0)
    assert UnlimitedWindows.of().start_on(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)).start_ms == 1_000
    with pytest.raises(ValueError, match="cannot be negative"):
        UnlimitedWindows.of().start_on(-1)


def test_sliding_and_session_windows() -> None:
    sliding = SlidingWindows.of_time_difference_and_grace("5s", "1s")
    assert str(sliding) == "SlidingWindows{, sizeMs=5000, graceMs=1000}"
    session = SessionWindows.of_inactivity_gap_with_no_grace("5s")
    assert str(session) == "SessionWindows{gapMs=5000, graceMs=0}"
    with pytest.raises(ValueError, match="Window time difference must not be negative"):
        SlidingWindows.of_time_difference_with_no_grace(-1)
    with pytest.raises(ValueError, match="Window grace period must not be negative"):
        SlidingWindows.of_time_difference_and_grace(1, -1)
    with pytest.raises(ValueError, match="Gap time cannot be negative"):
        SessionWindows.of_inactivity_gap_with_no_grace(-1)
    with pytest.raises(ValueError, match="Grace period cannot be negative"):
        SessionWindows.of_inactivity_gap_and_grace(1, -1)


def test_join_windows_may_lie_to_one_side() -> None:
    windows = JoinWindows.of_time_difference_and_grace(10, 2)
    assert (windows.before_ms, windows.after_ms, windows.size_ms, windows.grace_period_ms) == (10, 10, 20, 2)
    assert windows.before(0).size_ms == 10
    assert windows.before(-5).size_ms == 5
    assert str(windows.after("1s")) == "JoinWindows{beforeMs=10, afterMs=1000, graceMs=2}"
    with pytest.raises(ValueError, match=r"Window interval \(ie, beforeMs\+afterMs\) must not be negative"):
        windows.before(-11)
    with pytest.raises(ValueError, match="Grace period must not be negative"):
        JoinWindows.of_time_difference_and_grace(10, -1)
    with pytest.raises(NotImplementedError):
        windows.windows_for(0)


def test_definitions_are_values() -> None:
    assert TimeWindows.of_size_with_no_grace("1s") == TimeWindows.of_size_and_grace(1_000, 0)
    assert len({JoinWindows.of_time_difference_with_no_grace(1), JoinWindows.of_time_difference_and_grace(1, 0)}) == 1
    assert EmitStrategy.on_window_close() is EmitStrategy.ON_WINDOW_CLOSE
    assert EmitStrategy.on_window_update() is EmitStrategy.ON_WINDOW_UPDATE


def test_a_windowed_key_prints_as_in_java_and_no_window_outlives_time() -> None:
    assert str(Windowed("a", Window(1, 2))) == "[a@1/2]"
    assert time_window(LONG_MAX - 1, 5) == Window(LONG_MAX - 1, LONG_MAX)
