"""Key-value bytes on disk: the store that every persistent one stands on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ottla.streams.errors import InvalidStateStoreError
from ottla.streams.state.rocksdb_bytes_store import RocksBytesStore

if TYPE_CHECKING:
    from pathlib import Path

    from ottla.streams.state.bytes_store import BytesStore


def opened(directory: Path | None) -> RocksBytesStore:
    store = RocksBytesStore("counts")
    store.open(None if directory is None else str(directory))
    return store


def test_only_what_was_committed_outlives_it(tmp_path: Path) -> None:
    store: BytesStore = opened(tmp_path)
    store.put_all([(b"a", b"1"), (b"b", b"2"), (b"b", None)])
    store.commit(17)
    store.put(b"c", b"3")
    assert list(store.range(None, None)) == [(b"a", b"1"), (b"c", b"3")]
    store.close()
    assert not store.is_open
    with pytest.raises(InvalidStateStoreError):
        store.get(b"a")

    again = opened(tmp_path)
    assert again.committed_offset == 17
    assert list(again.range(None, None, reverse=True)) == [(b"a", b"1")]
    assert (tmp_path / "rocksdb" / "counts").is_dir()
    again.close()


def test_without_a_directory_it_is_memory() -> None:
    store = opened(None)
    store.put(b"a", b"1")
    assert store.get(b"a") == b"1"
    assert not store.is_persistent
    store.close()


def test_it_is_persistent(tmp_path: Path) -> None:
    store = opened(tmp_path)
    assert store.is_persistent
    store.close()
