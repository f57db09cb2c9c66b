"""Window stores: which windows are found, in which order, until when, and what their changelog is told."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.streams.store_context import ListedContext

from ottla.streams.change import Change
from ottla.streams.errors import InvalidStateStoreError
from ottla.streams.state.segmented_store import SegmentedConfig
from ottla.streams.state.store import ValueAndTimestamp
from ottla.streams.state.window_store import SegmentedWindowStore, TimestampedWindowStore
from ottla.streams.windows import Window, Windowed

MINUTE = 60_000
RETENTION = 2 * MINUTE


def config(**options: Any) -> SegmentedConfig:
    return SegmentedConfig("store", options.pop("retention_ms", RETENTION), None, None, **options)


def opened(store: SegmentedWindowStore, context: ListedContext | None = None) -> tuple[Any, ListedContext]:
    context = context or ListedContext()
    store.open(context)
    return store, context


def plain(**options: Any) -> tuple[SegmentedWindowStore, ListedContext]:
    return opened(SegmentedWindowStore(config(**options), 10))


def test_a_window_is_found_by_key_and_start() -> None:
    store, _ = plain()
    store.put("a", "1", 10)
    store.put("a", "2", 20)
    store.put("b", "3", 10)
    assert store.get("a", 10) == "1"
    assert store.get("a", 11) is None
    assert list(store.fetch("a", 0, 15)) == [(10, "1")]
    assert list(store.fetch("a", 10, 20)) == [(10, "1"), (20, "2")]
    assert list(store.fetch("a", 10, 20, reverse=True)) == [(20, "2"), (10, "1")]
    assert list(store.fetch("a", 21, 20)) == []
    assert list(store.fetch("a", -5, -1)) == []
    store.put("a", None, 10)
    assert list(store.fetch("a", 0, 100)) == [(20, "2")]


def test_windows_of_many_keys_come_by_segment_and_key() -> None:
    store, _ = plain()
    for key, start in (("b", 5), ("a", 7), ("a", MINUTE), ("b", 1), ("ab", 0)):
        store.put(key, f"{key}{start}", start)
    found = [(windowed.key, windowed.window.start_ms) for windowed, _ in store.all()]
    assert found == [("a", 7), ("ab", 0), ("b", 1), ("b", 5), ("a", MINUTE)]
    assert [(windowed.key, windowed.window.start_ms) for windowed, _ in store.all(reverse=True)] == found[::-1]
    assert [windowed.key for windowed, _ in store.fetch_all(1, 6)] == ["b", "b"]
    assert [windowed.key for windowed, _ in store.fetch_range("a", "ab", 0, MINUTE)] == ["a", "ab", "a"]
    assert [windowed.key for windowed, _ in store.fetch_range(None, "a", 0, MINUTE)] == ["a", "a"]
    assert [windowed.key for windowed, _ in store.fetch_range("b", None, 0, MINUTE)] == ["b", "b"]
    assert next(store.all())[0] == Windowed("a", Window(7, 17))


def test_a_store_for_final_results_has_them_by_time() -> None:
    store, _ = plain(time_ordered=True)
    for key, start in (("b", 5), ("a", 7), ("a", MINUTE), ("b", 1), ("ab", 1)):
        store.put(key, "x", start)
    found = [(windowed.key, windowed.window.start_ms) for windowed, _ in store.fetch_all(0, MINUTE)]
    assert found == [("ab", 1), ("b", 1), ("b", 5), ("a", 7), ("a", MINUTE)]


def test_what_is_older_than_the_retention_is_not_seen_to_the_millisecond() -> None:
    store, context = plain()
    store.put("a", "1", 0)
    store.put("a", "2", 1)
    store.put("a", "3", RETENTION)
    assert store.get("a", 0) is None
    assert store.get("a", 1) == "2"
    assert [start for start, _ in store.fetch("a", 0, RETENTION)] == [1, RETENTION]
    store.put("a", "late", 0)  # its segment is alive: it is taken, though nobody will ever see it
    assert context.expired == []
    store.put("a", "4", RETENTION + 2 * MINUTE)
    store.put("a", "late", 0)
    assert context.expired == ["expired window record"]
    assert [start for start, _ in store.fetch("a", 0, 2 * RETENTION)] == [2 * RETENTION]


def test_duplicates_are_kept_in_the_order_in_which_they_came() -> None:
    store, context = opened(SegmentedWindowStore(config(), 10, retain_duplicates=True))
    for value in ("2", "1", None, "3"):
        store.put("a", value, 10)
    assert list(store.fetch("a", 0, 20)) == [(10, "2"), (10, "1"), (10, "3")]
    numbers = [(struct.unpack(">i", key[-4:])[0], value) for key, value, _, _ in context.logged]
    assert numbers == [(1, b"2"), (2, b"1"), (3, None), (4, b"3")]  # Java's changelog counts what its store does not


def test_the_changelog_has_the_keys_of_the_store_and_the_time_of_the_record() -> None:
    store, context = plain()
    context.process(77)
    store.put("key", "value", 258)
    store.put("key", None, 258)
    key = b"key" + struct.pack(">qi", 258, 0)
    assert context.logged == [(key, b"value", 77, ()), (key, None, 77, ())]


def test_the_changelog_of_a_timestamped_store_has_the_time_of_the_value() -> None:
    store, context = opened(TimestampedWindowStore(config(), 10))
    context.process(77)
    store.put("key", ValueAndTimestamp("value", 70), 258)
    store.put("key", None, 258)
    assert [logged[1:3] for logged in context.logged] == [(b"value", 70), (None, 77)]
    other, _ = opened(TimestampedWindowStore(config(), 10))
    other.restore(context.logged[:1])
    assert other.get("key", 258) == ValueAndTimestamp("value", 70)
    other.restore(context.logged[1:])
    assert other.get("key", 258) is None


def test_a_cache_speaks_at_the_flush_once_for_each_window() -> None:
    store, context = opened(TimestampedWindowStore(config(caching=True), 10))
    heard: list[Any] = []
    assert store.set_flush_listener(lambda *record: heard.append(record), True)
    context.process(1, (("h", b"1"),))
    store.put("a", ValueAndTimestamp("1", 1), 0)
    store.put("b", ValueAndTimestamp("1", 1), 0)
    context.process(2, (("h", b"2"),))
    store.put("a", ValueAndTimestamp("2", 2), 0)
    assert (heard, context.logged) == ([], [])
    assert store.get("a", 0) == ValueAndTimestamp("2", 2)
    assert [value.value for _, value in store.all()] == ["2", "1"]
    store.flush()
    assert heard == [
        (Windowed("b", Window(0, 10)), Change(ValueAndTimestamp("1", 1), None), 1, (("h", b"1"),)),
        (Windowed("a", Window(0, 10)), Change(ValueAndTimestamp("2", 2), None), 2, (("h", b"2"),)),
    ]
    store.put("a", None, 0)
    assert store.get("a", 0) is None
    assert list(store.fetch("a", 0, 10)) == []
    store.put("c", None, 0)
    store.flush()
    assert [record[1] for record in heard[2:]] == [Change(None, ValueAndTimestamp("2", 2))]  # nothing of c, ever
    store.flush()
    assert len(heard) == 3


def test_a_full_cache_flushes_all_that_is_dirty() -> None:
    context = ListedContext(cache_bytes=200)
    store, _ = opened(SegmentedWindowStore(config(caching=True), 10), context)
    for start in range(4):
        store.put("a", "v", start)
    assert [key[-5] for key, _, _, _ in context.logged] == [0, 1, 2]  # the third did not fit, the fourth did
    store, context = opened(SegmentedWindowStore(config(caching=True), 10), ListedContext(cache_bytes=0))
    assert not store.set_flush_listener(lambda *record: None, False)
    store.put("a", "v", 1)
    assert len(context.logged) == 1
    assert store.get("a", 1) == "v"


def test_a_cache_still_shows_what_the_store_has_let_expire() -> None:
    store, _ = opened(SegmentedWindowStore(config(caching=True), 10))
    store.put("a", "old", 0)
    store.put("a", "new", 10 * RETENTION)
    store.flush()
    assert store.get("a", 0) == "old"
    assert [value for _, value in store.all()] == ["old", "new"]


def test_a_closed_store_refuses() -> None:
    store, _ = plain()
    store.close()
    assert not store.is_open
    with pytest.raises(InvalidStateStoreError):
        store.get("a", 0)
    store, _ = plain()
    with pytest.raises(ValueError, match="key cannot be null"):
        store.put(None, "v", 0)


writes = st.lists(
    st.tuples(
        st.sampled_from(["a", "aa", "b"]), st.sampled_from(["x", "y", None]), st.integers(0, 4 * RETENTION // 1000)
    )
)


@given(writes, st.integers(0, 500), st.integers(0, 500))
def test_a_cached_store_reads_as_an_uncached_one_while_nothing_expires(
    puts: list[tuple[str, str | None, int]], low: int, high: int
) -> None:
    cached, _ = opened(SegmentedWindowStore(config(caching=True, retention_ms=10 * RETENTION), 10))
    through, _ = opened(SegmentedWindowStore(config(retention_ms=10 * RETENTION), 10))
    for at, (key, value, start) in enumerate(puts):
        cached.put(key, value, start * 1000)
        through.put(key, value, start * 1000)
        if at % 3 == 2:
            cached.flush()
        for reverse in (False, True):
            for name in ("a", "aa"):
                found = cached.fetch(name, low * 1000, high * 1000, reverse=reverse)
                assert list(found) == list(through.fetch(name, low * 1000, high * 1000, reverse=reverse))
            assert list(cached.all(reverse=reverse)) == list(through.all(reverse=reverse))


@given(writes)
def test_a_store_restored_from_its_changelog_is_the_store(puts: list[tuple[str, str | None, int]]) -> None:
    store, context = plain()
    for key, value, start in puts:
        store.put(key, value, start * 1000)
    restored, _ = plain()
    restored.restore(context.logged)
    assert list(restored.all()) == list(store.all())


@given(writes, st.integers(0, 500), st.integers(0, 500), st.booleans())
def test_what_is_due_is_what_a_walk_through_the_store_finds(
    puts: list[tuple[str, str | None, int]], low: int, high: int, cached: bool
) -> None:
    store, context = plain(time_ordered=True, keeps_last=True, caching=cached)
    for at, (key, value, start) in enumerate(puts):
        store.put(key, value, start * 1000)
        if at % 3 == 2:
            store.flush()
        assert list(store.windows_due(low * 1000, high * 1000)) == list(store.fetch_all(low * 1000, high * 1000))
    store.flush()
    restored, _ = plain(time_ordered=True, keeps_last=True)
    assert list(restored.windows_due(0, 500_000)) == []
    restored.restore(context.logged)
    assert list(restored.windows_due(0, 500_000)) == list(store.fetch_all(0, 500_000)) or cached
