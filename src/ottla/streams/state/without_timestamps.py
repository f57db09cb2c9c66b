"""A timestamped store over bytes that keep no time (Java: `KeyValueToTimestampedKeyValueByteStoreAdapter`).

So it is where an application gives a table a supplier of plain values. What is read has the timestamp -1, unless a
cache has it still; the changelog has the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ottla.streams.state.bytes_store import BytesStore

_NO_TIMESTAMP: Final = b"\xff" * 8


class WithoutTimestamps:
    """`BytesStore` of 8 bytes of time ‖ value, over one of values."""

    def __init__(self, inner: BytesStore) -> None:
        self.inner = inner

    @property
    def is_persistent(self) -> bool:
        return self.inner.is_persistent

    @property
    def is_open(self) -> bool:
        return self.inner.is_open

    def open(self, directory: str | None) -> None:
        self.inner.open(directory)

    def get(self, key: bytes, /) -> bytes | None:
        value = self.inner.get(key)
        return None if value is None else _NO_TIMESTAMP + value

    def put(self, key: bytes, value: bytes | None, /) -> None:
        self.inner.put(key, None if value is None else value[len(_NO_TIMESTAMP) :])

    def put_all(self, entries: Iterable[tuple[bytes, bytes | None]], /) -> None:
        for key, value in entries:
            self.put(key, value)

    def range(
        self, first: bytes | None, last: bytes | None, /, *, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        return ((key, _NO_TIMESTAMP + value) for key, value in self.inner.range(first, last, reverse=reverse))

    def approximate_num_entries(self) -> int:
        return self.inner.approximate_num_entries()

    def commit(self, offset: int | None) -> None:
        self.inner.commit(offset)

    @property
    def committed_offset(self) -> int | None:
        return self.inner.committed_offset

    def close(self) -> None:
        self.inner.close()
