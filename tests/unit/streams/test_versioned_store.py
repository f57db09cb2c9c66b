"""Versioned stores: what a key was at a time, whatever the order in which its values came."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.streams.store_context import ListedContext, text_serde

from ottla.streams.state.segment_value import SegmentValue
from ottla.streams.state.store import VersionedRecord
from ottla.streams.state.stores import Stores


def opened(history_ms: int, interval_ms: int | None = None) -> tuple[Any, ListedContext]:
    supplier = Stores.persistent_versioned_key_value_store("store", history_ms, interval_ms)
    store = Stores.versioned_key_value_store_builder(supplier, text_serde(), text_serde()).build()
    context = ListedContext()
    store.open(context)
    return store, context


def test_a_value_is_valid_until_the_next() -> None:
    store, _ = opened(1_000)
    assert store.put("a", "1", 10) is None
    assert store.put("a", "3", 30) is None
    assert store.put("a", "2", 20) == 30
    assert store.get("a") == VersionedRecord("3", 30)
    assert store.get("a", 9) is None
    assert store.get("a", 19) == VersionedRecord("1", 10, 20)
    assert store.get("a", 29) == VersionedRecord("2", 20, 30)
    assert store.get("a", 1_000) == VersionedRecord("3", 30)
    assert [each.value for each in store.history("a")] == ["1", "2", "3"]
    assert [each.value for each in store.history("a", 15, 20, reverse=True)] == ["2", "1"]
    assert store.put("a", "II", 20) == 30
    assert store.get("a", 20) == VersionedRecord("II", 20, 30)


def test_a_deletion_is_valid_like_a_value() -> None:
    store, _ = opened(1_000)
    store.put("a", "1", 10)
    assert store.delete("a", 20) == VersionedRecord("1", 10)
    assert store.get("a") is None
    assert store.get("a", 15) == VersionedRecord("1", 10, 20)
    assert store.get("a", 20) is None
    assert store.put("a", "2", 30) is None
    assert store.put("a", None, 25) == 30
    assert store.get("a", 27) is None


def test_what_is_older_than_the_history_is_refused_and_not_remembered() -> None:
    store, context = opened(100)
    store.put("a", "1", 0)
    store.put("b", "2", 100)
    assert store.put("a", "0", 0) is None  # as old as may be
    store.put("b", "3", 200)
    assert store.put("a", "late", 99) == -1
    assert store.delete("a", 99) is None
    assert context.expired == ["expired put", "expired delete"]
    assert len(context.logged) == 6  # the changelog hears of all
    assert store.get("b", 99) is None
    assert store.get("a", 50) == VersionedRecord("0", 0)  # the latest value, however old it is
    with pytest.raises(ValueError, match="historyRetention cannot be negative"):
        opened(-1)
    with pytest.raises(ValueError, match="segmentInterval cannot be zero or negative"):
        opened(1, 0)


def test_the_changelog_has_the_puts_and_brings_the_store_back() -> None:
    store, context = opened(1_000, 7)
    for value, at in (("1", 10), ("3", 30), ("2", 20), (None, 25), (None, 40)):
        store.put("a", value, at)
    assert context.logged[2] == (b"a", b"2", 20, ())
    restored, _ = opened(1_000, 7)
    restored.restore(context.logged)
    assert [restored.get("a", at) for at in range(50)] == [store.get("a", at) for at in range(50)]


puts = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["x", "y", None]), st.integers(0, 60)))


@given(puts, st.integers(1, 30))
def test_a_store_with_all_its_history_is_a_dict_of_times(script: list[Any], interval_ms: int) -> None:
    """Whatever the segments are."""
    store, _ = opened(1_000, interval_ms)
    told: dict[str, dict[int, str | None]] = {"a": {}, "b": {}}
    for key, value, at in script:
        store.put(key, value, at)
        told[key][at] = value
    for key, values in told.items():
        for at in range(70):
            before = [time for time in values if time <= at]
            found = store.get(key, at)
            assert (None if found is None else found.value) == (values[max(before)] if before else None)


@given(st.lists(st.tuples(st.integers(0, 99), st.none() | st.binary(max_size=4)), min_size=1, unique_by=lambda r: r[0]))
def test_what_a_segment_has_of_a_key_goes_to_bytes_and_back(records: list[tuple[int, bytes | None]]) -> None:
    records.sort(reverse=True)
    value = SegmentValue(records, 100)
    again = SegmentValue.from_bytes(value.to_bytes())
    assert (again.records, again.next_ms) == (records, 100)


def test_the_bytes_of_a_segment_are_those_of_java() -> None:
    value = SegmentValue([(5, b"late"), (3, None), (1, b"early")], 9)
    assert (
        value.to_bytes().hex()
        == ("000000000000000900000000000000010000000000000005000000040000000000000003ffffffff000000000000000100000005")
        + b"earlylate".hex()
    )
