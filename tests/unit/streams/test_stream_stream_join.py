"""Joins of streams within windows by themselves: who meets whom, and when a record is known to stay alone."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.streams.operator_run import OperatorRun
from tests.unit.streams.store_context import text_serde

from ottla.streams.operators.final_emission import NO_KEY_OR_VALUE
from ottla.streams.operators.stream_stream_join import JoinWindowed, SelfJoin, StreamStreamJoin, TimeTracker
from ottla.streams.operators.time_tracker import OUTER_JOIN_INTERVAL
from ottla.streams.state.join_candidates import LeftOrRightValue, TimestampedKeyAndJoinSide
from ottla.streams.state.stores import Stores
from ottla.streams.windows import JoinWindows


class Join:
    """Both sides of a join of one task; values are joined to `left+right`."""

    def __init__(self, windows: JoinWindows, kind: str = "inner", interval_ms: int = 0) -> None:
        text = text_serde()
        size_ms, retention_ms = windows.size_ms, windows.size_ms + windows.grace_period_ms
        stores = [
            Stores.join_store_builder(
                Stores.persistent_window_store(name, retention_ms, size_ms, retain_duplicates=True), text, text
            ).build()
            for name in ("left", "right")
        ]
        candidates = Stores.outer_join_store_builder(
            Stores.in_memory_key_value_store("alone"), text, text, text
        ).build()
        self.run = OperatorRun(*stores, candidates, config={OUTER_JOIN_INTERVAL: interval_ms})
        self.candidates = candidates
        name = None if kind == "inner" else "alone"
        tracker = TimeTracker()
        left = StreamStreamJoin(windows, joined, True, kind != "inner", "right", name, tracker)
        right = StreamStreamJoin(
            windows, lambda key, this, other: joined(key, other, this), False, kind == "outer", "left", name, tracker
        )
        self._left = self.run.bind(JoinWindowed("left"), self.run.bind(left))
        self._right = self.run.bind(JoinWindowed("right"), self.run.bind(right))

    def left(self, value: str | None, at: int, key: str | None = "k") -> list[tuple[str, int]]:
        self.run.push(self._left, key, value, at, (("at", str(at).encode()),))
        return [(value, at) for _, value, at, _ in self.run.taken()]

    def right(self, value: str | None, at: int, key: str | None = "k") -> list[tuple[str, int]]:
        self.run.push(self._right, key, value, at, (("at", str(at).encode()),))
        return [(value, at) for _, value, at, _ in self.run.taken()]


def joined(key: Any, left: Any, right: Any) -> str:
    return f"{left}+{right}"


WITHIN_10 = JoinWindows.of_time_difference_with_no_grace(10)


def test_records_meet_within_the_difference_at_the_later_time() -> None:
    join = Join(WITHIN_10)
    assert join.left("a", 0) == []
    assert join.right("A", 10) == [("a+A", 10)]
    assert join.right("B", 11) == []
    assert join.left("b", 5) == [("b+A", 10), ("b+B", 11)]
    assert join.right("C", 10, key="other") == []


def test_every_record_of_a_time_is_met() -> None:
    join = Join(WITHIN_10)
    join.left("a", 5)
    join.left("b", 5)
    assert join.right("A", 5) == [("a+A", 5), ("b+A", 5)]


def test_windows_may_lie_to_one_side() -> None:
    join = Join(
        JoinWindows.of_time_difference_and_grace(10, 20).before(0).after(5)
    )  # the right record may come up to 5 after the left one
    join.left("a", 100)
    assert join.right("A", 99) == []
    assert join.right("B", 100) == [("a+B", 100)]
    assert join.right("C", 105) == [("a+C", 105)]
    assert join.right("D", 106) == []
    assert join.left("b", 99) == [("b+A", 99), ("b+B", 100)]
    join = Join(WITHIN_10.before(0).after(5))
    join.right("A", 100)
    join.right("B", 106)
    assert join.left("b", 99) == []  # without a grace period the first is forgotten by now


def test_a_left_join_tells_who_stayed_alone_when_nobody_can_come_any_more() -> None:
    join = Join(JoinWindows.of_time_difference_and_grace(10, 5), "left")
    assert join.left("a", 0) == []
    assert join.left("b", 15) == []  # a partner of the first may still come, until 15
    assert join.right("A", 16) == [("a+None", 0), ("b+A", 16)]
    assert join.right("B", 100) == []  # the right side of a left join never waits


def test_what_comes_after_all_its_windows_is_alone_at_once() -> None:
    join = Join(WITHIN_10, "outer")
    join.right("A", 100)
    assert join.left("late", 89) == [("late+None", 89)]
    assert join.left("b", 90) == [("b+A", 100)]


def test_an_outer_join_tells_both_sides_in_the_order_of_their_times() -> None:
    join = Join(WITHIN_10, "outer")
    join.left("a", 3, key="x")
    join.right("A", 2, key="y")
    join.right("B", 3, key="x")
    join.right("C", 1, key="z")
    assert join.left("b", 20, key="w") == [("None+C", 1), ("None+A", 2)]
    assert [each.headers for each in join.run.out] == []
    waiting = [(str(key), str(value)) for key, value in join.candidates.all()]
    assert waiting == [("<left,w:20>", "<left,b>")]


def test_who_stayed_alone_has_the_headers_of_the_record_that_shows_it() -> None:
    join = Join(WITHIN_10, "left")
    join.left("a", 0)
    join.run.push(join._left, "k", "b", 50, (("at", b"50"),))
    assert [(each.value, each.timestamp_ms, each.headers) for each in join.run.taken()] == [
        ("a+None", 0, (("at", b"50"),))
    ]


def test_looking_for_the_lonely_is_throttled_by_the_clock() -> None:
    join = Join(WITHIN_10, "left", interval_ms=1_000)
    join.left("a", 0)  # this began the interval
    assert join.left("b", 50) == []
    join.run.wall_clock_ms = 1_000
    assert join.left("c", 51) == [("a+None", 0)]
    join.run.wall_clock_ms = 5_000
    assert join.left("late", 40) == [("late+None", 40)]  # looked for with records in order only


@pytest.mark.parametrize("kind", ["inner", "left", "outer"])
def test_records_without_key_or_value(kind: str) -> None:
    join = Join(WITHIN_10, kind)
    assert join.left("a", 5, key=None) == ([] if kind == "inner" else [("a+None", 5)])
    assert join.right("A", 5, key=None) == ([("None+A", 5)] if kind == "outer" else [])
    assert join.left(None, 5) == []
    assert join.left(None, 5, key=None) == []
    expected = {"inner": 4, "left": 3, "outer": 2}[kind]
    assert join.run.dropped == [NO_KEY_OR_VALUE] * expected


def test_records_of_one_time_wait_together_and_leave_together() -> None:
    join = Join(WITHIN_10, "left")
    for value in ("a", "b"):
        join.left(value, 5)
    key = TimestampedKeyAndJoinSide("k", 5, True)
    assert list(join.candidates.all()) == [(key, LeftOrRightValue(True, "a")), (key, LeftOrRightValue(True, "b"))]
    logged = [each for each in join.run.context.logged if each[0][8:9] == b"\x01"]
    assert logged[0][1] == b"\x01" + b"\x00\x00\x00\x01" + b"\x00\x00\x00\x02" + b"\x01a"
    restored = Join(WITHIN_10, "left").candidates
    restored.restore(logged)
    assert list(restored.all()) == list(join.candidates.all())
    assert join.right("A", 5) == [("a+A", 5), ("b+A", 5)]
    assert list(join.candidates.all()) == []


def test_a_stream_meets_itself_in_both_roles() -> None:
    text = text_serde()
    supplier = Stores.persistent_window_store("store", 20, 20, retain_duplicates=True)
    run = OperatorRun(Stores.join_store_builder(supplier, text, text).build())
    process = run.bind(JoinWindowed("store"), run.bind(SelfJoin(WITHIN_10, joined, "store")))
    run.push(process, "k", "a", 0)
    assert [(value, at) for _, value, at, _ in run.taken()] == [("a+a", 0)]
    run.push(process, "k", "b", 5)
    assert [(value, at) for _, value, at, _ in run.taken()] == [("b+a", 5), ("a+b", 5), ("b+b", 5)]
    run.push(process, "k", "c", 3)
    assert [(value, at) for _, value, at, _ in run.taken()] == [
        ("c+a", 3),
        ("c+b", 5),
        ("a+c", 3),
        ("c+c", 3),
        ("b+c", 5),
    ]
    run.push(process, "k", None, 3)
    run.push(process, None, "d", 3)
    assert run.dropped == [NO_KEY_OR_VALUE] * 2
