"""The segments of one log, in the order of their base offsets, and those that wait to be removed (`LogSegments`)."""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import PurePath

from ottla.log.file_names import DELETED_SUFFIX
from ottla.log.producer_snapshot import snapshot_path
from ottla.log.segment import Segment
from ottla.runtime.files import FileSystem

LOADED_INDEXES = 4


class Segments:
    """Never empty once a log is open. At most LOADED_INDEXES closed segments keep their indexes in memory."""

    __slots__ = ("_bases", "_loaded", "_removable", "_renamed", "_segments")

    def __init__(self) -> None:
        self._bases: list[int] = []
        self._segments: list[Segment] = []
        self._loaded: list[Segment] = []
        self._removable: list[tuple[int, list[PurePath]]] = []  # when, which files
        self._renamed = False

    def __len__(self) -> int:
        return len(self._segments)

    def __iter__(self) -> Iterator[Segment]:
        return iter(self._segments)

    def __getitem__(self, index: int) -> Segment:
        return self._segments[index]

    @property
    def active(self) -> Segment:
        return self._segments[-1]

    @property
    def base_offsets(self) -> list[int]:
        return list(self._bases)

    @property
    def size_bytes(self) -> int:
        return sum(segment.size for segment in self._segments)

    def add(self, segment: Segment) -> None:
        """Behind all others."""
        self._bases.append(segment.base_offset)
        self._segments.append(segment)

    def floor(self, offset: int) -> int:
        """The index of the segment that `offset` belongs into; 0 for one before them all."""
        return max(0, bisect_right(self._bases, offset) - 1)

    def end_of(self, index: int, log_end_offset: int) -> int:
        """One beyond the last offset that a segment may hold."""
        return self._bases[index + 1] if index + 1 < len(self._bases) else log_end_offset

    def read(self, index: int) -> Segment:
        """For a lookup: its indexes may be loaded, those of another let go."""
        segment = self._segments[index]
        if index + 1 < len(self._segments) and segment not in self._loaded[-1:]:
            if segment in self._loaded:
                self._loaded.remove(segment)
            self._loaded.append(segment)
            if len(self._loaded) > LOADED_INDEXES:
                self._loaded.pop(0).unload()
        return segment

    def remove(self, first: int, last: int, remove_at_ms: int, *, replaced: int | None = None) -> list[Segment]:
        """Take the segments `first … last` (exclusive) out: their files become `.deleted`, and go at `remove_at_ms`.

        `replaced`: a base offset that another segment will have; the snapshot of the producers there stays.
        """
        removed = self._segments[first:last]
        del self._segments[first:last], self._bases[first:last]
        self._renamed = self._renamed or bool(removed)
        for segment in removed:
            if segment in self._loaded:
                self._loaded.remove(segment)
            names = segment.rename_with_suffix(DELETED_SUFFIX)
            if segment.base_offset != replaced:
                snapshot = snapshot_path(segment.directory, segment.base_offset)
                target = snapshot.with_name(snapshot.name + DELETED_SUFFIX)
                with suppress(FileNotFoundError):
                    segment.files.rename(snapshot, target)
                    names.append(target)
            self._removable.append((remove_at_ms, names))
        return removed

    def take_renamed(self) -> bool:
        """Whether files were renamed, and the directory has to be synced; the caller does."""
        renamed, self._renamed = self._renamed, False
        return renamed

    def replace(self, first: int, last: int, remove_at_ms: int, replacement: Callable[[], Segment]) -> None:
        """Put one segment in the place of `first … last` (exclusive), of whose first it has the base offset.

        `replacement` makes it, once the names of its files are free.
        """
        self.remove(first, last, remove_at_ms, replaced=self._bases[first])
        segment = replacement()
        self._bases.insert(first, segment.base_offset)
        self._segments.insert(first, segment)

    @property
    def next_removal_ms(self) -> int | None:
        """When `due_removals` has something; None: not at all."""
        return min((when for when, _ in self._removable), default=None)

    def due_removals(self, now_ms: int) -> list[PurePath]:
        """The `.deleted` files that are to be removed now; they are told once."""
        due = [name for when, names in self._removable if when <= now_ms for name in names]
        self._removable = [(when, names) for when, names in self._removable if when > now_ms]
        return due

    def remove_files(self, files: FileSystem, now_ms: int) -> None:
        """Remove them here and now."""
        for path in self.due_removals(now_ms):
            with suppress(FileNotFoundError):
                files.remove(path)

    def move(self, directory: PurePath) -> None:
        for segment in self._segments:
            segment.move(directory)
        self._removable = [(when, [directory / name.name for name in names]) for when, names in self._removable]
