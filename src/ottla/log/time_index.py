"""The time index of a segment: from which offset on a timestamp may be found (`TimeIndex`).

    ┌────────────────┬────────────────────┐   12 bytes an entry, big-endian, timestamps strictly ascending
    │ timestamp  i64 │ offset − base  i32 │   no batch at or before the one that ends at `offset` has a later timestamp
    └────────────────┴────────────────────┘

A segment that is closed ends with its largest timestamp, so that one entry tells retention and lookups what they need.
"""

from array import array
from bisect import bisect_right
from pathlib import PurePath
from struct import Struct

from ottla.log.offset_index import CorruptIndexError, read_index
from ottla.protocol.record_batch import NO_TIMESTAMP
from ottla.runtime.files import FileSystem

ENTRY_SIZE = 12
_ENTRY = Struct(">qi")


class TimeIndex:
    """Timestamps and relative offsets; lookups by timestamp. Lazy as `OffsetIndex` is."""

    __slots__ = ("_files", "_relative", "_timestamps", "_unsynced", "_written", "base_offset", "max_entries", "path")

    def __init__(self, files: FileSystem, path: PurePath, base_offset: int, max_bytes: int, *, fresh: bool) -> None:
        self._files = files
        self.path = path
        self.base_offset = base_offset
        self.max_entries = max_bytes // ENTRY_SIZE
        self._timestamps: array[int] | None = array("q") if fresh else None
        self._relative: array[int] = array("i")
        self._written = 0
        self._unsynced = True

    def _load(self) -> "array[int]":
        """Raises `CorruptIndexError`, `FileNotFoundError`."""
        data = read_index(self._files, self.path, ENTRY_SIZE)
        timestamps, relative = array("q"), array("i")
        for timestamp, offset in _ENTRY.iter_unpack(data):
            timestamps.append(timestamp)
            relative.append(offset)
        if timestamps and (
            relative[-1] < 0
            or (len(timestamps) > 1 and (timestamps[-1] <= timestamps[-2] or relative[-1] < relative[-2]))
        ):
            raise CorruptIndexError(f"{self.path}: its last entry {timestamps[-1]} is not ascending")
        self._timestamps, self._relative, self._written = timestamps, relative, len(timestamps)
        return timestamps

    @property
    def entries(self) -> int:
        timestamps = self._timestamps
        return len(self._load() if timestamps is None else timestamps)

    @property
    def room(self) -> int:
        """How many more entries fit; one slot stays free for the entry that closes the segment."""
        return self.max_entries - 1 - self.entries

    @property
    def full(self) -> bool:
        return self.room <= 0

    @property
    def last_entry(self) -> tuple[int, int]:
        """(timestamp, offset); (-1, base offset) when there is none."""
        timestamps = self._timestamps
        if timestamps is None:
            timestamps = self._load()
        if not timestamps:
            return NO_TIMESTAMP, self.base_offset
        return timestamps[-1], self.base_offset + self._relative[-1]

    def append(self, timestamp: int, offset: int) -> None:
        """Unless the last entry's timestamp is as late already."""
        timestamps = self._timestamps
        if timestamps is None:
            timestamps = self._load()
        if timestamp > (timestamps[-1] if timestamps else NO_TIMESTAMP):
            timestamps.append(timestamp)
            self._relative.append(offset - self.base_offset)

    def offset_before(self, timestamp: int) -> int:
        """From this offset on a search for `timestamp` may begin: all before it are earlier (`TimeIndex.lookup`)."""
        timestamps = self._timestamps
        if timestamps is None:
            timestamps = self._load()
        slot = bisect_right(timestamps, timestamp)
        return self.base_offset + self._relative[slot - 1] if slot else self.base_offset

    def truncate_to(self, offset: int) -> None:
        """Forget the entries at or after `offset`."""
        timestamps = self._timestamps
        if timestamps is None:
            timestamps = self._load()
        keep = bisect_right(self._relative, offset - self.base_offset - 1)
        del timestamps[keep:], self._relative[keep:]
        if keep < self._written:
            self._cut_file(keep)

    def clear(self) -> None:
        self._timestamps, self._relative = array("q"), array("i")
        self._cut_file(0)

    def _cut_file(self, entries: int) -> None:
        file = self._files.open(self.path, create=True)
        try:
            if file.size > entries * ENTRY_SIZE:
                file.truncate(entries * ENTRY_SIZE)
        finally:
            file.close()
        self._written, self._unsynced = entries, True

    def write(self, *, sync: bool = False) -> None:
        """Bring the file up to date (and make it, when it is not there)."""
        timestamps = self._timestamps
        if timestamps is None:
            return
        written = self._written
        data = b"".join(map(_ENTRY.pack, timestamps[written:], self._relative[written:]))
        file = self._files.open(self.path, create=True)
        try:
            if file.size != written * ENTRY_SIZE:  # a write failed half-way
                file.truncate(written * ENTRY_SIZE)
            if data:
                file.append([data])
                self._written, self._unsynced = len(timestamps), True
            if sync:
                file.sync()
        finally:
            file.close()

    def take_unsynced(self) -> bool:
        """Whether the file, written now if need be, has to be synced; the caller does."""
        if self._timestamps and len(self._timestamps) > self._written:
            self.write()
        unsynced, self._unsynced = self._unsynced, False
        return unsynced

    def unload(self) -> None:
        """Let the entries in memory go; they are read again when asked for."""
        timestamps = self._timestamps
        if timestamps is not None and len(timestamps) == self._written:
            self._timestamps, self._relative = None, array("i")
