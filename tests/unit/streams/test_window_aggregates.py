"""Aggregations over windows by themselves: who counts where, what is too late, what is told and when."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.streams.operator_run import Forwarded, OperatorRun
from tests.unit.streams.store_context import text_serde

from ottla.streams.change import Change
from ottla.streams.operators.final_emission import EXPIRED, NO_KEY, NO_KEY_OR_VALUE
from ottla.streams.operators.session_aggregate import SessionAggregate
from ottla.streams.operators.sliding_window_aggregate import SlidingWindowAggregate
from ottla.streams.operators.time_tracker import AGGREGATION_INTERVAL
from ottla.streams.operators.window_aggregate import WindowAggregate
from ottla.streams.operators.windowed_view import SessionView, WindowView
from ottla.streams.state.store import ValueAndTimestamp
from ottla.streams.state.stores import Stores
from ottla.streams.windows import (
    EmitStrategy,
    SessionWindows,
    SlidingWindows,
    TimeWindows,
    UnlimitedWindows,
    Window,
    Windowed,
)

UPDATE, CLOSE = EmitStrategy.ON_WINDOW_UPDATE, EmitStrategy.ON_WINDOW_CLOSE


def concat(key: Any, value: Any, aggregate: Any) -> Any:
    return aggregate + value


def windowed(
    windows: Any, strategy: EmitStrategy = UPDATE, *, caching: bool = False, old: bool = False, interval_ms: int = 1_000
) -> tuple[OperatorRun, Any]:
    """A run of an aggregation that concatenates texts; retention is a second, so that nothing expires in the store."""
    text = text_serde()
    if isinstance(windows, SessionWindows):
        supplier: Any = Stores.persistent_session_store("store", 1_000, time_ordered=strategy is CLOSE)
        builder: Any = Stores.session_store_builder(supplier, text, text)
        operator: Any = SessionAggregate(windows, "store", strategy, str, concat, lambda key, one, two: one + two, old)
    else:
        is_sliding = isinstance(windows, SlidingWindows)
        size_ms = windows.time_difference_ms if is_sliding else windows.size_ms
        retention_ms = max(1_000, size_ms)
        supplier = Stores.persistent_timestamped_window_store(
            "store", retention_ms, size_ms, time_ordered=strategy is CLOSE
        )
        builder = Stores.timestamped_window_store_builder(supplier, text, text)
        make: Any = SlidingWindowAggregate if is_sliding else WindowAggregate
        operator = make(windows, "store", strategy, str, concat, old)
    run = OperatorRun(
        (builder.with_caching_enabled() if caching else builder).build(), config={AGGREGATION_INTERVAL: interval_ms}
    )
    return run, run.bind(operator)


def told(run: OperatorRun) -> list[tuple[str, Any, int]]:
    """Window, new value and timestamp of what was forwarded since the last time."""
    return [(f"{key.window.start_ms}-{key.window.end_ms}", value.new, at) for key, value, at, _ in run.taken()]


def test_a_record_counts_in_every_window_around_it() -> None:
    run, process = windowed(TimeWindows.of_size_with_no_grace(10).advance_by(5))
    run.push(process, "a", "1", 7)
    run.push(process, "a", "2", 12)
    assert told(run) == [("0-10", "1", 7), ("5-15", "1", 7), ("5-15", "12", 12), ("10-20", "2", 12)]


def test_lateness_is_decided_window_by_window() -> None:
    run, process = windowed(TimeWindows.of_size_and_grace(10, 2).advance_by(5))
    run.push(process, "a", "1", 12)
    run.push(process, "b", "2", 9)  # 0-10 closes at 12, 5-15 is open
    assert told(run) == [("5-15", "1", 12), ("10-20", "1", 12), ("5-15", "2", 9)]
    assert run.dropped == [EXPIRED]
    run.push(process, None, "3", 1_000)
    run.push(process, "a", "4", 13)  # a record without a key does not move the time of the aggregation
    assert run.dropped == [EXPIRED, NO_KEY]


def test_a_result_has_the_greatest_time_of_its_records_and_the_last_headers() -> None:
    run, process = windowed(TimeWindows.of_size_with_no_grace(10), old=True)
    run.push(process, "a", "1", 7, (("h", b"1"),))
    run.push(process, "a", "2", 3, (("h", b"2"),))
    assert run.taken() == [
        Forwarded(Windowed("a", Window(0, 10)), Change("1", ""), 7, (("h", b"1"),)),  # the old value is the initial one
        Forwarded(Windowed("a", Window(0, 10)), Change("12", "1"), 7, (("h", b"2"),)),
    ]


def test_with_a_cache_the_last_result_of_a_flush_is_told() -> None:
    run, process = windowed(TimeWindows.of_size_with_no_grace(10), caching=True, old=True)
    run.context.process(1)
    process("a", "1", 1, ())
    process("a", "2", 2, ())
    assert run.taken() == []
    run.push(process, "b", "3", 3)
    assert [(key.key, change) for key, change, _, _ in run.taken()] == [
        ("a", Change("12", None)),
        ("b", Change("3", None)),
    ]
    run.push(process, "a", "4", 3)
    assert run.taken()[0].value == Change("124", "12")


def test_unlimited_windows_begin_and_never_close() -> None:
    run, process = windowed(UnlimitedWindows.of().start_on(5))
    for at, value in enumerate("abc"):
        run.push(process, "k", value, 6 - at)
    assert [value for _, value, _ in told(run)] == ["a", "ab"]
    with pytest.raises(ValueError, match="ON_WINDOW_CLOSE strategy is only supported for TimeWindows"):
        WindowAggregate(UnlimitedWindows.of(), "store", CLOSE, str, concat, False)


def test_final_results_are_told_once_when_their_windows_have_closed() -> None:
    run, process = windowed(TimeWindows.of_size_and_grace(10, 5), CLOSE, interval_ms=0)
    for key, value, at in (("b", "1", 3), ("a", "2", 4), ("a", "3", 12), ("a", "4", 14)):
        run.push(process, key, value, at)
    assert told(run) == []
    run.push(process, "c", "5", 15, (("h", b"c"),))  # 0-10 closes now, for both keys
    assert [(each.key.key, each.value, each.headers) for each in run.out] == [
        ("a", Change("2", None), (("h", b"c"),)),
        ("b", Change("1", None), (("h", b"c"),)),
    ]
    assert told(run) == [("0-10", "2", 4), ("0-10", "1", 3)]
    run.push(process, "a", "late", 9)
    assert run.dropped == [EXPIRED]
    run.push(process, "c", "6", 100)
    assert told(run) == [("10-20", "34", 14), ("10-20", "5", 15)]
    assert run.metadata == {"store": 95}


def test_final_results_are_looked_for_no_more_often_than_the_interval() -> None:
    run, process = windowed(TimeWindows.of_size_with_no_grace(10), CLOSE)
    run.push(process, "a", "1", 0)
    run.push(process, "a", "2", 10)
    assert told(run) == []  # the first record began the interval
    run.wall_clock_ms = 1_000
    run.push(process, "a", "3", 11)
    assert told(run) == [("0-10", "1", 0)]


def test_final_results_go_on_after_a_restart_where_they_ended() -> None:
    run, _ = windowed(TimeWindows.of_size_with_no_grace(10), CLOSE, interval_ms=0)
    run.metadata["store"] = 10
    process = run.bind(WindowAggregate(TimeWindows.of_size_with_no_grace(10), "store", CLOSE, str, concat, False))
    store: Any = run.stores["store"]
    store.put("a", ValueAndTimestamp("told", 1), 0)
    store.put("a", ValueAndTimestamp("due", 11), 10)
    run.push(process, "b", "1", 20)
    assert told(run) == [("10-20", "due", 11)]


def test_sliding_windows_end_at_each_record_and_begin_after_it() -> None:
    run, process = windowed(SlidingWindows.of_time_difference_and_grace(10, 50))
    run.push(process, "a", "1", 20)
    assert told(run) == [("10-20", "1", 20)]
    run.push(process, "a", "2", 25)  # its left window, and the right one of the first record
    assert told(run) == [("21-31", "2", 25), ("15-25", "12", 25)]
    run.push(process, "a", "3", 22)  # late: into the windows around it, and two of its own
    assert told(run) == [("21-31", "23", 25), ("15-25", "123", 25), ("12-22", "13", 22), ("23-33", "2", 25)]
    run.push(process, "a", "4", 25)  # of the same time as another record: no window is new
    assert told(run) == [("23-33", "24", 25), ("21-31", "234", 25), ("15-25", "1234", 25)]


def test_sliding_windows_do_not_begin_before_time_does() -> None:
    run, process = windowed(SlidingWindows.of_time_difference_and_grace(10, 50))
    run.push(process, "a", "1", 3)
    run.push(process, "a", "2", 7)
    run.push(process, "a", "3", 1)
    assert told(run) == [
        ("0-10", "1", 3),
        ("4-14", "2", 7),
        ("0-10", "12", 7),
        ("2-12", "12", 7),
        ("0-10", "123", 7),
    ]


def test_what_sliding_windows_drop() -> None:
    run, process = windowed(SlidingWindows.of_time_difference_and_grace(10, 5))
    run.push(process, "a", "1", 100)
    run.push(process, "a", "2", 84)  # its own left window ends at 84, its right one at 95
    run.push(process, "a", None, 100)
    run.push(process, None, "3", 100)
    assert run.dropped == [EXPIRED, NO_KEY_OR_VALUE, NO_KEY_OR_VALUE]
    run.push(process, "a", "4", 85)
    assert run.dropped[3:] == [EXPIRED]  # the window that ends at 85 is closed, only later ones are open
    assert told(run) == [("90-100", "1", 100)]


def test_sliding_windows_are_final_after_their_inclusive_ends() -> None:
    run, process = windowed(SlidingWindows.of_time_difference_with_no_grace(10), CLOSE, interval_ms=0)
    run.push(process, "a", "1", 20)
    run.push(process, "b", "2", 20)
    run.push(process, "b", "3", 21)
    assert told(run) == [("10-20", "1", 20), ("10-20", "2", 20)]


def test_sessions_grow_and_merge() -> None:
    run, process = windowed(SessionWindows.of_inactivity_gap_and_grace(5, 50), old=True)
    run.push(process, "a", "1", 10)
    run.push(process, "a", "2", 20)
    assert told(run) == [("10-10", "1", 10), ("20-20", "2", 20)]
    run.push(process, "a", "3", 15, (("h", b"1"),))
    assert run.taken() == [
        Forwarded(Windowed("a", Window(10, 10)), Change(None, "1"), 10, ()),
        Forwarded(Windowed("a", Window(20, 20)), Change(None, "2"), 20, ()),
        Forwarded(Windowed("a", Window(10, 20)), Change("123", None), 20, ()),  # the headers do not go on
    ]
    run.push(process, "a", "4", 20)  # inside: the session is removed and put again
    assert told(run) == [("10-20", None, 20), ("10-20", "1234", 20)]
    run.push(process, "a", "5", 26)
    assert told(run) == [("26-26", "5", 26)]


def test_a_late_record_is_saved_by_the_session_that_it_joins() -> None:
    run, process = windowed(SessionWindows.of_inactivity_gap_with_no_grace(5))
    run.push(process, "a", "1", 10)
    run.push(process, "b", "2", 15)
    run.push(process, "a", "3", 9)  # by itself it would have been closed at 14
    assert run.dropped == []
    run.push(process, "c", "4", 9)
    assert run.dropped == [EXPIRED]
    assert [value for _, value, _ in told(run)] == ["1", "2", None, "13"]


def test_sessions_are_final_after_gap_and_grace() -> None:
    run, process = windowed(SessionWindows.of_inactivity_gap_and_grace(5, 2), CLOSE, interval_ms=0)
    run.push(process, "a", "1", 10)
    run.push(process, "a", "2", 12)
    run.push(process, "b", "3", 19)
    assert told(run) == []
    run.push(process, "b", "4", 20, (("h", b"b"),))
    assert run.taken() == [Forwarded(Windowed("a", Window(10, 12)), Change("12", None), 12, (("h", b"b"),))]


def test_windowed_tables_are_looked_up_by_key_and_window() -> None:
    run, process = windowed(TimeWindows.of_size_with_no_grace(10))
    run.push(process, "a", "1", 7)
    node: Any = run_node(run)
    assert WindowView("store").bind(node).get(Windowed("a", Window(0, 10))) == ValueAndTimestamp("1", 7)
    assert WindowView("store").bind(node).get(Windowed("a", Window(10, 20))) is None
    run, process = windowed(SessionWindows.of_inactivity_gap_with_no_grace(5))
    run.push(process, "a", "1", 7)
    view = SessionView("store")
    assert view.store_names == ("store",)
    assert view.bind(run_node(run)).get(Windowed("a", Window(7, 7))) == ValueAndTimestamp("1", 7)


def run_node(run: OperatorRun) -> Any:
    from tests.unit.streams.operator_run import Node

    return Node(run, run.collect)
