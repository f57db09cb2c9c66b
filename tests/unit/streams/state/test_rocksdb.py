"""A store's RocksDB against a dict: what was put is read, and what was committed is there after the process is gone."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ottla.streams.errors import InvalidStateStoreError
from ottla.streams.state.rocksdb import (
    DEFAULT,
    RocksDatabase,
    RocksUnavailableError,
    configure_below,
    uncommitted_bytes_below,
)
from ottla.streams.state.rocksdb_segments import RocksSegments

if TYPE_CHECKING:
    from collections.abc import Iterator

KEYS = st.binary(max_size=3)
FAMILIES: st.SearchStrategy[str | int] = st.sampled_from([DEFAULT, -1, 0, 1, 255])


class Model(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.database = RocksDatabase(Path(self.folder.name), "store")
        self.now: dict[str | int, dict[bytes, bytes]] = {DEFAULT: {}}
        self.committed: dict[str | int, dict[bytes, bytes]] = {DEFAULT: {}}
        self.offset: int | None = None

    def teardown(self) -> None:
        self.database.close()
        self.folder.cleanup()

    @rule(family=FAMILIES, key=KEYS, value=st.one_of(st.none(), st.binary(max_size=4)))
    def put(self, family: str | int, key: bytes, value: bytes | None) -> None:
        if isinstance(family, int) and family not in self.now:
            self.database.create(family)
            self.now[family] = {}
        self.database.families[family].put(key, value)
        self.now[family].pop(key, None)
        if value is not None:
            self.now[family][key] = value

    @rule(family=st.sampled_from([-1, 0, 1, 255]))
    def drop(self, family: int) -> None:
        if family in self.now:
            self.database.drop(family)
            del self.now[family]

    @rule(offset=st.one_of(st.none(), st.integers(0, 2**40)))
    def commit(self, offset: int | None) -> None:
        self.database.commit(offset)
        self.offset = self.offset if offset is None else offset
        self.committed = {name: dict(rows) for name, rows in self.now.items()}

    @rule()
    def crash(self) -> None:
        self.database.close()
        self.database = RocksDatabase(Path(self.folder.name), "store")
        assert self.database.committed_offset == self.offset
        found = {name: dict(family.range()) for name, family in self.database.families.items()}
        assert {name: rows for name, rows in found.items() if rows} == {
            name: rows for name, rows in self.committed.items() if rows
        }
        for name in found.keys() - self.committed.keys():
            assert isinstance(name, int)
            self.database.drop(name)
        for name in self.committed.keys() - found.keys():  # nothing was put into it
            assert isinstance(name, int)
            self.database.create(name)
        self.now = {name: dict(rows) for name, rows in self.committed.items()}

    @rule(family=FAMILIES, first=KEYS, last=KEYS, reverse=st.booleans())
    def read(self, family: str | int, first: bytes, last: bytes, reverse: bool) -> None:
        if family not in self.now:
            return
        rows = self.now[family]
        assert self.database.families[family].get(first) == rows.get(first)
        expected = sorted((row for row in rows.items() if first <= row[0] <= last), reverse=reverse)
        assert list(self.database.families[family].range(first, last, reverse=reverse)) == expected
        expected = sorted((row for row in rows.items() if first <= row[0] < last), reverse=reverse)
        assert list(self.database.families[family].range(first, before=last, reverse=reverse)) == expected

    @invariant()
    def same(self) -> None:
        for name, rows in self.now.items():
            assert list(self.database.families[name].range()) == sorted(rows.items())


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[RocksDatabase]:
    opened = RocksDatabase(tmp_path / "store", "store")
    yield opened
    opened.close()


def test_an_iterator_is_a_snapshot(database: RocksDatabase) -> None:
    family = database.families[DEFAULT]
    family.put(b"a", b"1")
    database.commit(1)
    family.put(b"b", b"2")
    rows = family.range()
    family.put(b"a", b"9")
    family.put(b"c", b"3")
    assert next(rows) == (b"a", b"1")
    database.commit(2)
    assert list(rows) == [(b"b", b"2")]


def test_uncommitted_bytes_are_counted(database: RocksDatabase) -> None:
    family = database.families[DEFAULT]
    family.put(b"key", b"value")
    family.put(b"key", b"v")
    assert database.uncommitted_bytes == 4
    database.commit(1)
    assert database.uncommitted_bytes == 0


def test_a_task_knows_what_its_stores_hold_back(database: RocksDatabase, tmp_path: Path) -> None:
    database.families[DEFAULT].put(b"key", b"value")
    assert uncommitted_bytes_below(tmp_path) == 8
    assert uncommitted_bytes_below(tmp_path / "other") == 0
    database.close()
    assert uncommitted_bytes_below(tmp_path) == 0


def test_options_are_set_by_who_wants_to(tmp_path: Path) -> None:
    seen = []
    configure_below(tmp_path, lambda name, options: seen.append(name))
    RocksDatabase(tmp_path / "0_0" / "rocksdb" / "counts", "counts").close()
    assert set(seen) == {"counts"}


def test_two_cannot_open_one_store(database: RocksDatabase, tmp_path: Path) -> None:
    with pytest.raises(InvalidStateStoreError, match="cannot be opened"):
        RocksDatabase(tmp_path / "store", "store")


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    opened = RocksDatabase(tmp_path / "store", "store")
    family = opened.families[DEFAULT]
    opened.close()
    with pytest.raises(InvalidStateStoreError):
        family.get(b"a")


def test_without_rocksdict_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rocksdict", None)
    with pytest.raises(RocksUnavailableError, match=r"ottla\[streams\]"):
        RocksDatabase(tmp_path / "store", "store")


def test_segments_come_back_and_expired_ones_go_with_the_commit(tmp_path: Path) -> None:
    storage = RocksSegments("windows", 12)
    assert storage.open(str(tmp_path)) == []
    suffix = bytes(12)
    storage.create(3).put(b"k" + suffix, b"1")
    storage.create(4).put(b"k" + suffix, b"2")
    storage.commit(7)
    storage.drop(3)
    storage.close()

    storage = RocksSegments("windows", 12)
    segments = {segment.id: segment for segment in storage.open(str(tmp_path))}
    assert storage.committed_offset == 7
    assert sorted(segments) == [3, 4], "what was dropped was not committed"
    storage.drop(3)
    storage.commit(8)
    segments[4].put(b"kk" + suffix, b"another key's")
    found = segments[4].fetch(b"k", b"k" + suffix, b"k" + b"\xff" * 12, False)
    assert list(found) == [(b"k" + suffix, b"2")]
    storage.close()


def test_segments_of_an_earlier_layout_are_restored_anew(tmp_path: Path) -> None:
    opened = RocksDatabase(tmp_path / "store", "store")
    opened._db.create_column_family("segment-3", opened._options())
    opened.commit(7)
    opened.close()
    opened = RocksDatabase(tmp_path / "store", "store")
    assert opened.committed_offset is None
    assert list(opened.families) == [DEFAULT]
    opened.close()
