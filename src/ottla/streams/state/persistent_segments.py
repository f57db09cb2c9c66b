"""Segments on disk, in RocksDB; in memory where a task has no directory, as in TopologyTestDriver."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.streams.state.segments import MemorySegments

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ottla.streams.state.segments import Segment, SegmentStorage


class PersistentSegments:
    """`SegmentStorage`. Which of both it is shows when it is opened."""

    def __init__(self, name: str, suffix_size: int) -> None:
        self._name = name
        self._suffix_size = suffix_size
        self._inner: SegmentStorage = MemorySegments(suffix_size)

    def open(self, directory: str | None) -> Iterable[Segment]:
        if directory is not None:
            from ottla.streams.state.rocksdb_segments import RocksSegments  # needs an extra, and is slow to import

            self._inner = RocksSegments(self._name, self._suffix_size)
        return self._inner.open(directory)

    @property
    def is_persistent(self) -> bool:
        return self._inner.is_persistent

    @property
    def committed_offset(self) -> int | None:
        return self._inner.committed_offset

    def create(self, segment_id: int) -> Segment:
        return self._inner.create(segment_id)

    def drop(self, segment_id: int) -> None:
        self._inner.drop(segment_id)

    def commit(self, changelog_offset: int | None) -> None:
        self._inner.commit(changelog_offset)

    def close(self) -> None:
        self._inner.close()
