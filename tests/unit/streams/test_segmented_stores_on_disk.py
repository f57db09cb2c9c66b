"""Stores of windows, sessions and versions in RocksDB are what they are in memory, through commits and restarts."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.streams.store_context import ListedContext, text_serde

from ottla.streams.state.rocksdb_bytes_store import RocksBytesStore
from ottla.streams.state.stores import Stores
from ottla.streams.windows import Window, Windowed

if TYPE_CHECKING:
    from collections.abc import Callable

pytest.importorskip("rocksdict")

MINUTE = 60_000
Builder = Any

kept = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
keys = st.sampled_from(["a", "aa", "b"])
values = st.sampled_from(["x", "y", None])
times = st.integers(0, 12).map(lambda at: at * MINUTE // 2)
steps = st.lists(st.tuples(st.sampled_from(["put", "put", "put", "put", "commit", "restart"]), keys, values, times))


@kept
@given(
    st.sets(st.binary(max_size=3)),
    st.sets(st.binary(max_size=3)),
    st.none() | st.binary(max_size=3),
    st.binary(max_size=3),
)
def test_a_range_of_what_is_on_disk_and_of_what_is_not_has_both_ends(
    committed: set[bytes], recent: set[bytes], first: bytes | None, last: bytes
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        store = RocksBytesStore("store")
        store.open(directory)
        for key in committed:
            store.put(key, b"1")
        store.commit(1)
        for key in recent:
            store.put(key, b"1")
        expected = sorted(key for key in committed | recent if (first or b"") <= key <= last)
        assert [key for key, _ in store.range(first, last)] == expected
        assert [key for key, _ in store.range(first, last, reverse=True)] == expected[::-1]
        store.close()


class OnDisk(ListedContext):
    def __init__(self, directory: str) -> None:
        super().__init__()
        self.directory = directory  # type: ignore[assignment]


def run(
    builder: Builder, put: Callable[[Any, str, str | None, int], object], dump: Callable[[Any], object], script: Any
) -> None:
    """A restart loses what was not committed: the changelog gives it back from the committed offset on."""
    with tempfile.TemporaryDirectory() as directory:
        memory = ListedContext()
        reference = builder.build()
        reference.open(memory)
        disk = OnDisk(directory)
        store = builder.build()
        store.open(disk)
        assert store.is_persistent
        assert not reference.is_persistent
        try:
            for what, key, value, time in script:
                if what == "put":
                    assert put(store, key, value, time) == put(reference, key, value, time)
                elif what == "commit":
                    store.flush()
                    store.commit(len(disk.logged))
                else:
                    store.close()
                    store = builder.build()
                    store.open(disk)
                    # Stream time is not stored; in an application records that are to come say it, here all do.
                    store.restore(disk.logged)
                assert dump(store) == dump(reference)
            assert disk.logged == memory.logged
        finally:
            store.close()


@kept
@given(steps)
def test_windows(script: Any) -> None:
    supplier = Stores.persistent_window_store("windows", 2 * MINUTE, 10)

    def dump(store: Any) -> Any:
        found = [list(store.all()), list(store.all(reverse=True)), list(store.fetch_range("a", "aa", 0, 9 * MINUTE))]
        return found, [list(store.fetch(key, MINUTE, 4 * MINUTE)) for key in ("a", "aa", "b")]

    builder = Stores.window_store_builder(supplier, text_serde(), text_serde())
    run(builder, lambda store, key, value, time: store.put(key, value, time), dump, script)


@kept
@given(steps)
def test_sessions(script: Any) -> None:
    def put(store: Any, key: str, value: str | None, time: int) -> None:
        store.put(Windowed(key, Window(max(0, time - MINUTE), time)), value)

    def dump(store: Any) -> Any:
        return list(store.all()), [list(store.find_sessions(key, MINUTE, 3 * MINUTE)) for key in ("a", "aa", "b")]

    supplier = Stores.persistent_session_store("sessions", 2 * MINUTE)
    run(Stores.session_store_builder(supplier, text_serde(), text_serde()), put, dump, script)


@kept
@given(steps)
def test_versions(script: Any) -> None:
    def dump(store: Any) -> Any:
        found = [store.get(key) for key in ("a", "aa", "b")]
        return found, [store.get("a", at * MINUTE // 2) for at in range(13)]

    supplier = Stores.persistent_versioned_key_value_store("versions", 3 * MINUTE)
    builder = Stores.versioned_key_value_store_builder(supplier, text_serde(), text_serde())
    without_restarts = [step for step in script if step[0] != "restart"]
    run(builder, lambda store, key, value, time: store.put(key, value, time), dump, without_restarts)


@kept
@given(steps)
def test_versions_after_a_restart(script: Any) -> None:
    """What came after the last commit is read from the changelog, from the committed offset on."""
    supplier = Stores.persistent_versioned_key_value_store("versions", 100 * MINUTE, MINUTE)
    builder = Stores.versioned_key_value_store_builder(supplier, text_serde(), text_serde())
    with tempfile.TemporaryDirectory() as directory:
        reference, disk = builder.build(), OnDisk(directory)
        reference.open(ListedContext())
        store = builder.build()
        store.open(disk)
        for what, key, value, time in script:
            if what == "put":
                store.put(key, value, time)
                reference.put(key, value, time)
            elif what == "commit":
                store.commit(len(disk.logged))
            else:
                store.close()
                store = builder.build()
                store.open(disk)
                store.restore(disk.logged[store.committed_offset or 0 :])
            for each in ("a", "aa", "b"):
                assert list(store.history(each)) == list(reference.history(each))
                assert store.get(each) == reference.get(each)
        store.close()
