"""Bytes by key in RocksDB: the `BytesStore` on disk. Without a state directory it keeps them in memory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ottla.streams.errors import InvalidStateStoreError
from ottla.streams.state.directory import ROCKSDB
from ottla.streams.state.memory_bytes_store import MemoryBytesStore
from ottla.streams.state.rocksdb import DEFAULT, RocksDatabase

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rocksdict import Options

    from ottla.streams.state.bytes_store import BytesStore


class RocksBytesStore:
    """Files lie in `<task>/rocksdb/<store>`."""

    def __init__(self, name: str, configure: Callable[[str, Options], None] | None = None) -> None:
        self.name = name
        self._configure = configure
        self._database: RocksDatabase | None = None
        self._memory: BytesStore | None = None
        self.get: Callable[[bytes], bytes | None] = self._closed
        self.put: Callable[[bytes, bytes | None], None] = self._closed

    @property
    def is_persistent(self) -> bool:
        return self._memory is None

    @property
    def is_open(self) -> bool:
        return self._memory is not None or self._database is not None

    def open(self, directory: str | None) -> None:
        if directory is None:
            self._memory = MemoryBytesStore()
            self._memory.open(None)
            self.get, self.put = self._memory.get, self._memory.put
            return
        self._database = RocksDatabase(Path(directory) / ROCKSDB / self.name, self.name, self._configure)
        self._family = self._database.families[DEFAULT]
        self.get, self.put = self._family.get, self._family.put

    def put_all(self, entries: Iterable[tuple[bytes, bytes | None]], /) -> None:
        put = self.put
        for key, value in entries:
            put(key, value)

    def range(
        self, first: bytes | None, last: bytes | None, /, *, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        if self._memory is not None:
            return self._memory.range(first, last, reverse=reverse)
        self._check()
        return self._family.range(first, last, reverse=reverse)

    def approximate_num_entries(self) -> int:
        if self._memory is not None:
            return self._memory.approximate_num_entries()
        self._check()
        return self._family.approximate_num_entries()

    def commit(self, offset: int | None) -> None:
        if self._memory is not None:
            self._memory.commit(offset)
        else:
            self._check().commit(offset)

    @property
    def committed_offset(self) -> int | None:
        if self._memory is not None:
            return self._memory.committed_offset
        return None if self._database is None else self._database.committed_offset

    @property
    def uncommitted_bytes(self) -> int:
        return 0 if self._database is None else self._database.uncommitted_bytes

    def close(self) -> None:
        self.get = self.put = self._closed
        self._memory = None
        if self._database is not None:
            self._database.close()
            self._database = None

    def _check(self) -> RocksDatabase:
        if self._database is None:
            self._closed()
        assert self._database is not None
        return self._database

    def _closed(self, *_: object) -> None:
        raise InvalidStateStoreError(f"the store {self.name} is closed")
