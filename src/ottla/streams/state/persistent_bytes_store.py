"""Bytes on disk, in RocksDB; in memory where there is no directory, as in TopologyTestDriver."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.streams.errors import InvalidStateStoreError
from ottla.streams.state.memory_bytes_store import MemoryBytesStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ottla.streams.state.bytes_store import BytesStore


class PersistentBytesStore:
    """`BytesStore`. Which of both it is shows when it is opened."""

    is_persistent = True

    def __init__(self, name: str, on_disk: Callable[[str], BytesStore]) -> None:
        self._name = name
        self._on_disk = on_disk
        self._inner: BytesStore | None = None

    def open(self, directory: str | None) -> None:
        self._inner = MemoryBytesStore() if directory is None else self._on_disk(self._name)
        self._inner.open(directory)
        self.get, self.put = self._inner.get, self._inner.put  # type: ignore[method-assign]  # a call less for each

    @property
    def is_open(self) -> bool:
        return self._inner is not None and self._inner.is_open

    def get(self, key: bytes, /) -> bytes | None:
        return self._opened().get(key)

    def put(self, key: bytes, value: bytes | None, /) -> None:
        self._opened().put(key, value)

    def put_all(self, entries: Iterable[tuple[bytes, bytes | None]], /) -> None:
        self._opened().put_all(entries)

    def range(
        self, first: bytes | None, last: bytes | None, /, *, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        return self._opened().range(first, last, reverse=reverse)

    def approximate_num_entries(self) -> int:
        return self._opened().approximate_num_entries()

    def commit(self, offset: int | None) -> None:
        self._opened().commit(offset)

    @property
    def committed_offset(self) -> int | None:
        return None if self._inner is None else self._inner.committed_offset

    def close(self) -> None:
        if self._inner is not None:
            self._inner.close()

    def _opened(self) -> BytesStore:
        if self._inner is None:
            raise InvalidStateStoreError(f"the store {self._name} is not open")
        return self._inner
