"""Session stores: which sessions are found around a record, in which order, and until when."""

from __future__ import annotations

import struct
from typing import Any

from tests.unit.streams.store_context import ListedContext

from ottla.streams.change import Change
from ottla.streams.state.segmented_store import SegmentedConfig
from ottla.streams.state.session_store import SegmentedSessionStore
from ottla.streams.windows import Window, Windowed

RETENTION = 120_000


def opened(**options: Any) -> tuple[SegmentedSessionStore, ListedContext]:
    context = ListedContext()
    store = SegmentedSessionStore(SegmentedConfig("store", RETENTION, None, None, **options))
    store.open(context)
    return store, context


def session(key: str, start: int, end: int) -> Windowed[str]:
    return Windowed(key, Window(start, end))


def test_sessions_are_found_by_when_they_end_and_start() -> None:
    store, _ = opened()
    for start, end in ((0, 10), (5, 20), (30, 40), (2, 10)):
        store.put(session("a", start, end), f"{start}-{end}")
    store.put(session("b", 0, 10), "b")
    assert [value for _, value in store.find_sessions("a", 10, 5)] == ["0-10", "2-10", "5-20"]
    assert [value for _, value in store.find_sessions("a", 11, 30)] == ["5-20", "30-40"]
    assert [value for _, value in store.find_sessions("a", 10, 4)] == ["0-10", "2-10"]
    assert next(value for _, value in store.find_sessions("a", -10, 100, reverse=True)) == "30-40"
    assert store.fetch_session("a", 5, 20) == "5-20"
    assert store.fetch_session("a", 5, 21) is None
    store.remove(session("a", 5, 20))
    assert [found for found, _ in store.fetch("a")] == [session("a", 0, 10), session("a", 2, 10), session("a", 30, 40)]
    assert [found.key for found, _ in store.all()] == ["a", "a", "a", "b"]
    assert [found.key for found, _ in store.fetch_range("b", None)] == ["b"]


def test_the_changelog_has_key_end_and_start() -> None:
    store, context = opened()
    context.process(9)
    store.put(session("key", 1, 2), "v")
    store.remove(session("key", 1, 2))
    key = b"key" + struct.pack(">qq", 2, 1)
    assert context.logged == [(key, b"v", 9, ()), (key, None, 9, ())]
    other, _ = opened()
    other.restore(context.logged[:1])
    assert list(other.all()) == [(session("key", 1, 2), "v")]


def test_final_sessions_come_by_their_ends_even_when_expired() -> None:
    store, _ = opened()
    store.put(session("b", 0, 10), "1")
    store.put(session("a", 3, 10), "2")
    store.put(session("a", 0, 5), "3")
    store.put(session("z", RETENTION + 11, RETENTION + 11), "4")
    assert [value for _, value in store.all()] == ["4"]
    assert [value for _, value in store.sessions_that_end(0, 10)] == ["3", "1", "2"]


def test_merged_sessions_leave_nothing_of_what_a_cache_never_wrote() -> None:
    store, context = opened(caching=True)
    heard: list[Any] = []
    store.set_flush_listener(lambda *record: heard.append(record), False)
    context.process(1)
    store.put(session("a", 1, 1), "1")
    store.remove(session("a", 1, 1))
    store.put(session("a", 1, 5), "2")
    assert [value for _, value in store.find_sessions("a", 0, 9)] == ["2"]
    store.flush()
    assert [(key, change) for key, change, _, _ in heard] == [(session("a", 1, 5), Change("2", None))]
    assert len(context.logged) == 1
