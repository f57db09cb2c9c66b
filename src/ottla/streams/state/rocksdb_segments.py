"""Segments in RocksDB: what is out of date is dropped whole, without looking at its keys."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ottla.streams.duration import LONG_MAX
from ottla.streams.errors import InvalidStateStoreError
from ottla.streams.state.directory import ROCKSDB
from ottla.streams.state.rocksdb import RocksDatabase

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rocksdict import Options

    from ottla.streams.state.rocksdb import Family


class RocksSegment:
    __slots__ = ("_family", "_suffix", "get", "id", "newest_ms", "put")

    def __init__(self, segment_id: int, family: Family, suffix_size: int, newest_ms: int) -> None:
        self.id = segment_id
        self.newest_ms = newest_ms
        self._family = family
        self._suffix = suffix_size
        self.get, self.put = family.get, family.put  # a call less for each record

    def fetch(self, key: bytes, first: bytes, last: bytes, reverse: bool) -> Iterator[tuple[bytes, bytes]]:
        """Store keys of longer record keys lie between those of `key`: they are left out by their size."""
        size = len(key) + self._suffix
        return (
            row
            for row in self._family.range(first, last, reverse=reverse)
            if len(row[0]) == size and row[0].startswith(key)
        )

    def scan(
        self, reverse: bool, first: bytes | None = None, last: bytes | None = None
    ) -> Iterator[tuple[bytes, bytes]]:
        return self._family.range(first, last, reverse=reverse)


class RocksSegments:
    """The `SegmentStorage` of one store."""

    is_persistent = True

    def __init__(self, name: str, suffix_size: int, configure: Callable[[str, Options], None] | None = None) -> None:
        self._name = name
        self._suffix = suffix_size
        self._configure = configure
        self._database: RocksDatabase | None = None

    def open(self, directory: str | None) -> list[RocksSegment]:
        if directory is None:
            raise InvalidStateStoreError(f"the store {self._name} is kept on disk, and there is no state directory")
        self._database = RocksDatabase(Path(directory) / ROCKSDB / self._name, self._name, self._configure)
        return [
            RocksSegment(number, family, self._suffix, LONG_MAX)
            for number, family in self._database.families.items()
            if isinstance(number, int)
        ]

    def create(self, segment_id: int) -> RocksSegment:
        return RocksSegment(segment_id, self._open().create(segment_id), self._suffix, -1)

    def drop(self, segment_id: int) -> None:
        self._open().drop(segment_id)

    def commit(self, changelog_offset: int | None) -> None:
        self._open().commit(changelog_offset)

    @property
    def committed_offset(self) -> int | None:
        return None if self._database is None else self._database.committed_offset

    @property
    def uncommitted_bytes(self) -> int:
        return 0 if self._database is None else self._database.uncommitted_bytes

    def close(self) -> None:
        if self._database is not None:
            self._database.close()

    def _open(self) -> RocksDatabase:
        if self._database is None or not self._database.is_open:
            raise InvalidStateStoreError(f"the store {self._name} is closed")
        return self._database
