"""Suppression by itself: how long a change waits, what takes its place, and what happens when too many wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.streams.operator_run import Node, OperatorRun
from tests.unit.streams.store_context import ListedContext, text_serde

from ottla.streams.change import Change
from ottla.streams.duration import LONG_MAX
from ottla.streams.errors import StreamsError
from ottla.streams.operators.suppress import Suppress, SuppressView
from ottla.streams.operators.table_view import StoreView
from ottla.streams.serdes.windowed import time_windowed_serde
from ottla.streams.state.store import ValueAndTimestamp
from ottla.streams.state.stores import Stores
from ottla.streams.windows import Window, Windowed

if TYPE_CHECKING:
    from ottla.streams.state.suppress_buffer import SuppressBuffer


class Held:
    def __init__(self, wait_ms: int, *, final: bool = False, strict: bool = False, **limits: int) -> None:
        key_serde: Any = time_windowed_serde(text_serde(), 10) if final else text_serde()
        self.buffer = Stores.suppress_buffer_builder("buffer", key_serde, text_serde()).build()
        self.run = OperatorRun(self.buffer)
        self.process = self.run.bind(
            Suppress(
                "buffer",
                wait_ms,
                limits.get("max_records", LONG_MAX),
                limits.get("max_bytes", LONG_MAX),
                shut_down_when_full=strict,
                until_window_end=final,
            )
        )

    def push(self, key: Any, new: Any, at: int, old: Any = None) -> list[tuple[Any, Any, int]]:
        self.run.push(self.process, key, Change(new, old), at, (("at", str(at).encode()),))
        return [(key, value.new, at) for key, value, at, _ in self.run.taken()]


def test_the_last_change_goes_out_when_the_first_has_waited_long_enough() -> None:
    held = Held(10)
    assert held.push("a", "1", 0) == []
    assert held.push("a", "2", 9, old="1") == []
    assert held.push("b", "3", 10) == [("a", "2", 9)]
    assert held.push("b", "4", 25) == [("b", "4", 25)]


def test_a_change_goes_out_with_its_own_time_and_headers_as_if_it_were_processed_again() -> None:
    held = Held(0)
    seen: list[Any] = []
    node = held.run
    process = node.bind(
        Suppress("buffer", 5, LONG_MAX, LONG_MAX, shut_down_when_full=False, until_window_end=False),
        lambda key, value, at, headers: seen.append((key, at, headers, node.context.record.saved()[0])),
    )
    node.push(process, "a", Change("1", None), 3, (("h", b"a"),))
    node.push(process, "b", Change("2", None), 8, (("h", b"b"),))
    assert seen == [("a", 3, (("h", b"a"),), 3)]
    assert node.context.record.timestamp_ms == 8


def test_windows_wait_for_their_ends_and_their_grace_and_tell_no_deletions() -> None:
    held = Held(5, final=True)
    a, b, c = (Windowed(key, Window(0, 10)) for key in "abc")
    assert held.push(b, "1", 3) == []
    assert held.push(a, "2", 4) == []
    assert held.push(c, None, 14) == []
    assert held.push(Windowed("d", Window(10, 20)), "3", 15) == [(a, "2", 4), (b, "1", 3)]
    assert len(held.buffer) == 1


def test_deletions_are_told_where_an_earlier_value_may_have_been() -> None:
    held = Held(0)
    assert held.push("a", None, 0, old="1") == [("a", None, 0)]


def test_a_full_buffer_tells_the_earliest() -> None:
    held = Held(100, max_records=2)
    held.push("a", "1", 5)
    held.push("b", "2", 3)
    assert held.push("a", "3", 9) == []
    assert held.push("c", "4", 6) == [("b", "2", 3)]
    size = held.buffer.size_bytes // 2
    held = Held(100, max_bytes=2 * size)
    held.push("a", "1", 5)
    held.push("b", "2", 3)
    assert held.push("c", "3", 6) == [("b", "2", 3)]


def test_a_full_buffer_that_must_not_tell_early_stops_the_task() -> None:
    held = Held(100, strict=True, max_records=1)
    held.push("a", "1", 5)
    with pytest.raises(StreamsError, match=r"exceeded its max capacity. Currently \[2/1\] records"):
        held.push("b", "2", 3)


def test_others_see_the_value_before_the_one_that_waits() -> None:
    text = text_serde()
    parent = Stores.timestamped_key_value_store_builder(Stores.in_memory_key_value_store("parent"), text, text).build()
    held = Held(10)
    held.run.stores["parent"] = parent
    parent.open(held.run.context)
    for key in "abc":
        parent.put(key, ValueAndTimestamp("new", 7))
    held.push("a", "new", 5, old="old")
    held.push("b", "new", 5)
    view = SuppressView(StoreView("parent"), "buffer")
    assert view.store_names == ("buffer", "parent")
    getter = view.bind(Node(held.run, held.run.collect))
    assert getter.get("a") == ValueAndTimestamp("old", -1)
    assert getter.get("b") is None
    assert getter.get("c") == ValueAndTimestamp("new", 7)
    held.push("a", "newer", 6, old="new")
    assert getter.get("a") == ValueAndTimestamp("old", -1)  # what the outside knows has not changed


def test_the_changelog_brings_the_buffer_back() -> None:
    held = Held(100)
    held.push("a", "1", 5, old="0")
    held.push("b", "2", 6)
    held.push("a", "3", 7, old="1")
    restored = Stores.suppress_buffer_builder("buffer", None, None).build()
    restored.open(ListedContext())
    restored.restore(held.run.context.logged)
    assert (len(restored), restored.min_time_ms, restored.size_bytes) == (2, 5, held.buffer.size_bytes)
    assert evicted(restored) == evicted(held.buffer) == [("a", "3", "1", 7), ("b", "2", None, 6)]
    held.buffer.flush()
    assert [(key, data) for key, data, _, _ in held.run.context.logged[-2:]] == [(b"a", None), (b"b", None)]
    restored = Stores.suppress_buffer_builder("buffer", None, None).build()
    restored.open(ListedContext())
    restored.restore(held.run.context.logged)
    assert (len(restored), restored.min_time_ms, restored.size_bytes) == (0, LONG_MAX, 0)
    with pytest.raises(StreamsError, match="only 3"):
        restored.restore([(b"a", b"old format", 0, (("v", b"\x01"),))])


def evicted(buffer: SuppressBuffer) -> list[Any]:
    found: list[Any] = []
    buffer.evict_while(lambda: True, lambda key, change, record: found.append((key, *change[:2], record[0])))
    return found
