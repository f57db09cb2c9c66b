"""What typed key-value stores keep their bytes in: memory, or RocksDB."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class BytesStore(Protocol):
    """Bytes by key, in the order of the keys' bytes. What was put is read back at once; `commit` makes it durable.

    Between two commits nothing reaches the disk, so that what is on disk is always what was committed.
    """

    @property
    def is_persistent(self) -> bool:
        """Whether it lies on disk, so that a restart need not restore all of the changelog."""

    @property
    def is_open(self) -> bool: ...

    def open(self, directory: str | None) -> None:
        """`directory` is the task's; None keeps everything in memory."""

    def get(self, key: bytes, /) -> bytes | None: ...

    def put(self, key: bytes, value: bytes | None, /) -> None:
        """None deletes."""

    def put_all(self, entries: Iterable[tuple[bytes, bytes | None]], /) -> None:
        """As `put` of each, in order; restoration comes this way."""

    def range(
        self, first: bytes | None, last: bytes | None, /, *, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        """From `first` to `last`, both inclusive; None is unbounded. Puts while it runs are seen or not."""

    def approximate_num_entries(self) -> int: ...

    def commit(self, offset: int | None) -> None:
        """Make what was put durable, in one write with the changelog's position; None keeps the position."""

    @property
    def committed_offset(self) -> int | None: ...

    def close(self) -> None:
        """What was not committed is lost."""


def successor(prefix: bytes) -> bytes | None:
    """The least bytes greater than all that start with `prefix`; None when there are none."""
    kept = prefix.rstrip(b"\xff")
    return kept[:-1] + bytes((kept[-1] + 1,)) if kept else None
