"""The offset index of a segment: where in the `.log` file to begin looking for an offset (`OffsetIndex`).

    ┌─────────────────────────┬────────────────┐   8 bytes an entry, big-endian, both ascending
    │ last offset − base  i32 │  position  i32 │   of the batch that begins at `position`
    └─────────────────────────┴────────────────┘

Entries live in memory once loaded; new ones reach the file in blocks (`write`). What a crash loses of them recovery
rebuilds. Loading is lazy: a log opens without reading indexes, and one of a closed segment can be let go (`unload`).
"""

from array import array
from bisect import bisect_right
from pathlib import PurePath

from ottla.runtime.files import FileSystem

ENTRY_SIZE = 8


class CorruptIndexError(Exception):
    """An index file that cannot be one; it is rebuilt from the log."""


def read_index(files: FileSystem, path: PurePath, entry_size: int) -> bytes:
    """All of an index file, whole entries. Raises `CorruptIndexError`, `FileNotFoundError`."""
    file = files.open(path)
    try:
        data = file.read(0, file.size)
    finally:
        file.close()
    if len(data) % entry_size:
        raise CorruptIndexError(f"{path}: {len(data)} bytes are not a multiple of {entry_size}")
    return data


class OffsetIndex:
    """Relative offsets and positions; lookups by offset."""

    __slots__ = ("_files", "_positions", "_relative", "_unsynced", "_written", "base_offset", "max_entries", "path")

    def __init__(self, files: FileSystem, path: PurePath, base_offset: int, max_bytes: int, *, fresh: bool) -> None:
        self._files = files
        self.path = path
        self.base_offset = base_offset
        self.max_entries = max_bytes // ENTRY_SIZE
        self._relative: array[int] | None = array("i") if fresh else None
        self._positions: array[int] = array("i")
        self._written = 0
        self._unsynced = True

    def _load(self) -> "array[int]":
        """Raises `CorruptIndexError`, `FileNotFoundError`."""
        data = read_index(self._files, self.path, ENTRY_SIZE)
        words = array("i", data)
        if _LITTLE_ENDIAN:
            words.byteswap()
        relative, positions = words[0::2], words[1::2]
        if relative and (relative[-1] < 0 or (len(relative) > 1 and relative[-1] <= relative[-2])):
            raise CorruptIndexError(f"{self.path}: its last entry {relative[-1]} is not ascending")
        self._relative, self._positions, self._written = relative, positions, len(relative)
        return relative

    @property
    def entries(self) -> int:
        relative = self._relative
        return len(self._load() if relative is None else relative)

    @property
    def room(self) -> int:
        """How many more entries fit."""
        return self.max_entries - self.entries

    @property
    def full(self) -> bool:
        return self.room <= 0

    @property
    def last_offset(self) -> int:
        """The base offset when there are no entries."""
        relative = self._relative
        if relative is None:
            relative = self._load()
        return self.base_offset + relative[-1] if relative else self.base_offset

    def append(self, offset: int, position: int) -> int:
        """Returns how many entries are not in the file yet."""
        relative = self._relative
        if relative is None:
            relative = self._load()
        relative.append(offset - self.base_offset)
        self._positions.append(position)
        return len(relative) - self._written

    def position_of(self, offset: int) -> int:
        """A position at or before the batch that holds `offset`; 0 if the index knows none."""
        relative = self._relative
        if relative is None:
            relative = self._load()
        slot = bisect_right(relative, offset - self.base_offset)
        return self._positions[slot - 1] if slot else 0

    def bound_of(self, position: int, size: int) -> int | None:
        """An offset at or above all that lie in these bytes of the log; None if the index ends before."""
        relative = self._relative
        if relative is None:
            relative = self._load()
        slot = bisect_right(self._positions, position + size - 1)
        return self.base_offset + relative[slot] if slot < len(relative) else None

    def truncate_to(self, offset: int) -> None:
        """Forget the entries at or after `offset`."""
        relative = self._relative
        if relative is None:
            relative = self._load()
        # An entry names the last offset of its batch, so one below `offset` may stay.
        keep = bisect_right(relative, offset - self.base_offset - 1)
        del relative[keep:], self._positions[keep:]
        if keep < self._written:
            self._cut_file(keep)

    def clear(self) -> None:
        self._relative, self._positions = array("i"), array("i")
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
        relative = self._relative
        if relative is None:
            return
        new, positions = relative[self._written :], self._positions[self._written :]
        words = array("i", bytes(ENTRY_SIZE * len(new)))
        words[0::2], words[1::2] = new, positions
        if _LITTLE_ENDIAN:
            words.byteswap()
        file = self._files.open(self.path, create=True)
        try:
            if file.size != self._written * ENTRY_SIZE:  # a write failed half-way
                file.truncate(self._written * ENTRY_SIZE)
            if words:
                file.append([words.tobytes()])
                self._written, self._unsynced = len(relative), True
            if sync:
                file.sync()
        finally:
            file.close()

    def take_unsynced(self) -> bool:
        """Whether the file, written now if need be, has to be synced; the caller does."""
        if self._relative and len(self._relative) > self._written:
            self.write()
        unsynced, self._unsynced = self._unsynced, False
        return unsynced

    def unload(self) -> None:
        """Let the entries in memory go; they are read again when asked for."""
        relative = self._relative
        if relative is not None and len(relative) == self._written:
            self._relative, self._positions = None, array("i")


_LITTLE_ENDIAN = array("i", [1]).tobytes()[0] == 1
