"""One segment of a log: a `.log` file of batches, two sparse indexes and its aborted transactions (`LogSegment`).

The `.log` file is opened when it is first touched, the indexes are read when they are first asked; a fresh segment has
both from the start. What is remembered of the last batches appended (RECENT_BATCHES) answers the reads of consumers at
the tail without touching the disk.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import PurePath
from typing import TypeAlias

from ottla.log.batch_scan import locate, scan_headers
from ottla.log.config import LONG_MAX, LogConfig
from ottla.log.file_names import (
    INDEX_SUFFIX,
    LOG_SUFFIX,
    SEGMENT_SUFFIXES,
    SNAPSHOT_SUFFIX,
    TIME_INDEX_SUFFIX,
    TRANSACTION_INDEX_SUFFIX,
    segment_file,
)
from ottla.log.offset_index import CorruptIndexError, OffsetIndex
from ottla.log.time_index import TimeIndex
from ottla.log.transaction_index import TransactionIndex
from ottla.protocol.record_batch import NO_TIMESTAMP, BatchHeader
from ottla.runtime.files import Buffer, File, FileSystem

RECENT_BATCHES = 256
FOUND_POSITIONS = 64
UNWRITTEN_INDEX_ENTRIES = 256
MAX_RELATIVE_OFFSET = 2**31 - 1

AppendedBatch: TypeAlias = tuple[int, int, int]
"""A batch's size in bytes, its last offset, its largest timestamp."""


class Segment:
    """See the module. `size` is the `.log` file's; positions are in bytes from its start."""

    __slots__ = (
        "_bytes_since_index",
        "_file",
        "_first_timestamp",
        "_found",
        "_index_interval_bytes",
        "_recent_last_offsets",
        "_recent_positions",
        "_segment_ms",
        "_size",
        "_snapshot_synced",
        "_timestamps_known",
        "base_offset",
        "created_ms",
        "directory",
        "files",
        "full",
        "jitter_ms",
        "max_timestamp",
        "max_timestamp_offset",
        "offsets",
        "roll_after_ms",
        "roll_after_timestamp",
        "segment_bytes",
        "times",
        "transactions",
    )

    def __init__(
        self,
        files: FileSystem,
        directory: PurePath,
        base_offset: int,
        config: LogConfig,
        *,
        created_ms: int,
        fresh: bool,
        jitter_ms: int = 0,
    ) -> None:
        self.files = files
        self.directory = directory
        self.base_offset = base_offset
        self.created_ms = created_ms
        self.jitter_ms = jitter_ms
        self.offsets = OffsetIndex(
            files, self._path(INDEX_SUFFIX), base_offset, config.segment_index_bytes, fresh=fresh
        )
        self.times = TimeIndex(
            files, self._path(TIME_INDEX_SUFFIX), base_offset, config.segment_index_bytes, fresh=fresh
        )
        self.transactions = TransactionIndex(files, self._path(TRANSACTION_INDEX_SUFFIX), fresh=fresh)
        self._file: File | None = None
        self._size: int | None = None
        self._bytes_since_index = 0
        self._recent_last_offsets: array[int] = array("q")
        self._recent_positions: array[int] = array("q")
        self._found: dict[int, tuple[int, int]] = {}
        self.max_timestamp = NO_TIMESTAMP
        self.max_timestamp_offset = base_offset
        self._timestamps_known = fresh
        self._snapshot_synced = False
        self.full = False
        self._first_timestamp: int | None = None
        self.configure(config)
        if fresh:
            self._create()

    def _path(self, suffix: str) -> PurePath:
        return self.directory / segment_file(self.base_offset, suffix)

    def _create(self) -> None:
        self._file = self.files.open(self._path(LOG_SUFFIX), create=True)
        self._size = self._file.size
        self.offsets.write()
        self.times.write()

    def configure(self, config: LogConfig) -> None:
        """Obey other configs from now on (the size of the indexes stays)."""
        self.segment_bytes = config.segment_bytes
        self._segment_ms = config.max_segment_ms
        self._index_interval_bytes = config.index_interval_bytes
        self._roll_by_time()

    def _roll_by_time(self) -> None:
        """Rolling by time counts from the first batch's timestamp, or from the start if it has none."""
        first = self._first_timestamp
        wait_ms = self._segment_ms - self.jitter_ms
        self.roll_after_timestamp = LONG_MAX if first is None or first < 0 else first + wait_ms
        self.roll_after_ms = self.created_ms + wait_ms if first is not None and first < 0 else LONG_MAX

    @property
    def log_path(self) -> PurePath:
        return self._path(LOG_SUFFIX)

    @property
    def file(self) -> File:
        file = self._file
        if file is None:
            file = self._file = self.files.open(self._path(LOG_SUFFIX))
            self._size = file.size
        return file

    @property
    def size(self) -> int:
        size = self._size
        return self.file.size if size is None else size

    # ── appending ──────────────────────────────────────────────────────────────────────────────────────────────────

    def prepare(self) -> None:
        """Before the first append since the start: know the largest timestamp, and when to roll."""
        self._know_timestamps()
        self.full = self.offsets.full or self.times.full
        self._first_timestamp = None
        self._know_first_timestamp()
        self._roll_by_time()

    def append(self, buffers: Sequence[Buffer], batches: Sequence[AppendedBatch]) -> None:
        """One write of whole batches, which `buffers` hold. On `OSError` what was written is cut off, now or later."""
        file = self.file
        position = file.size
        if position != self._size:
            position = self._cut_torn_bytes()
        try:
            file.append(buffers)
        except OSError:
            with suppress(OSError):
                file.truncate(position)
            raise
        self._size = file.size
        if position == 0:
            self._first_timestamp = batches[0][2]
            self._roll_by_time()
        recent_last_offsets, recent_positions = self._recent_last_offsets, self._recent_positions
        since_index, interval = self._bytes_since_index, self._index_interval_bytes
        for size, last_offset, max_timestamp in batches:
            if max_timestamp > self.max_timestamp:
                self.max_timestamp = max_timestamp
                self.max_timestamp_offset = last_offset
            if since_index > interval:
                since_index = size
                self._index(last_offset, position)
            else:
                since_index += size
            recent_last_offsets.append(last_offset)
            recent_positions.append(position)
            position += size
        self._bytes_since_index = since_index
        if len(recent_positions) > RECENT_BATCHES:
            del recent_last_offsets[: -RECENT_BATCHES // 2]
            del recent_positions[: -RECENT_BATCHES // 2]

    @property
    def index_room(self) -> int:
        """How many batches may follow before an index may be full."""
        return max(0, min(self.offsets.room, self.times.room))

    def _index(self, last_offset: int, position: int) -> None:
        unwritten = self.offsets.append(last_offset, position)
        self.times.append(self.max_timestamp, self.max_timestamp_offset)
        self.full = self.offsets.full or self.times.full
        if unwritten >= UNWRITTEN_INDEX_ENTRIES:
            # The batch is written, and stands. If the indexes cannot be now, finishing or syncing the segment tells.
            with suppress(OSError):
                self.offsets.write()
                self.times.write()

    def _cut_torn_bytes(self) -> int:
        """What a failed append left; nothing may follow it. Raises `OSError`: still not possible."""
        self.file.truncate(self.size)
        return self.size

    def finish(self) -> None:
        """No more appends: close the time index with the largest timestamp and write both indexes."""
        if self.file.size != self._size:
            self._cut_torn_bytes()
        self._know_timestamps()
        self.times.append(self.max_timestamp, self.max_timestamp_offset)
        self.offsets.write()
        self.times.write()
        self._recent_last_offsets = array("q")
        self._recent_positions = array("q")

    # ── looking up ─────────────────────────────────────────────────────────────────────────────────────────────────

    def find(self, offset: int) -> tuple[int, int] | None:
        """Position and size of the first batch whose last offset is `offset` or later; None if there is none."""
        recent = self._recent_last_offsets
        slot = bisect_left(recent, offset)
        positions = self._recent_positions
        if slot or (positions and positions[0] == 0):
            if slot == len(recent):
                return None
            position = positions[slot]
            end = positions[slot + 1] if slot + 1 < len(positions) else self.size
            return position, end - position
        found = self._found.get(offset)
        if found is None:
            found = locate(self.file, offset, self.position_before(offset), self.size)
            if found is not None:
                if len(self._found) >= FOUND_POSITIONS:
                    del self._found[next(iter(self._found))]
                self._found[offset] = found
        return found

    def position_before(self, offset: int) -> int:
        """Where to begin looking for `offset`; a corrupt index is rebuilt."""
        try:
            return self.offsets.position_of(offset)
        except (CorruptIndexError, FileNotFoundError):
            self.rebuild_indexes()
            return self.offsets.position_of(offset)

    def next_offset(self) -> int:
        """One beyond the last offset in this segment; its base offset when it is empty."""
        if not self.size:
            return self.base_offset
        position = self.position_before(self.base_offset + MAX_RELATIVE_OFFSET)
        following = self.base_offset
        for _, header in scan_headers(self.file, position, self.size):
            following = header.next_offset
        return following

    @property
    def largest_timestamp(self) -> int:
        """-1 if no record has one."""
        self._know_timestamps()
        return self.max_timestamp

    @property
    def first_timestamp(self) -> int:
        """The largest one of the first batch; -1 if that has none, or there is no batch."""
        first = self._know_first_timestamp()
        return NO_TIMESTAMP if first is None else first

    def _know_first_timestamp(self) -> int | None:
        if self._first_timestamp is None:
            first = next(scan_headers(self.file, 0, self.size), None)
            self._first_timestamp = first[1].max_timestamp if first else None
        return self._first_timestamp

    def _know_timestamps(self) -> None:
        """Read the largest timestamp: the time index's last entry, or one later in the log."""
        if self._timestamps_known:
            return
        try:
            self.max_timestamp, self.max_timestamp_offset = self.times.last_entry
        except (CorruptIndexError, FileNotFoundError):
            self.rebuild_indexes()
            return
        position = self.position_before(self.max_timestamp_offset)
        if not self._timestamps_known:
            self._see_timestamps(header for _, header in scan_headers(self.file, position, self.size))

    def _see_timestamps(self, headers: Iterable[BatchHeader]) -> None:
        for header in headers:
            if header.max_timestamp > self.max_timestamp:
                self.max_timestamp = header.max_timestamp
                self.max_timestamp_offset = header.last_offset
        self._timestamps_known = True

    def epochs_in_batches(self) -> Iterator[tuple[int, int]]:
        """(leader epoch, base offset) of each batch."""
        for _, header in scan_headers(self.file, 0, self.size):
            yield header.partition_leader_epoch, header.base_offset

    # ── repair, truncation, removal ────────────────────────────────────────────────────────────────────────────────

    def rebuild_indexes(self) -> None:
        """From the headers in the log, which are trusted."""
        self.begin_rebuild()
        for position, header in scan_headers(self.file, 0, self.size):
            self.index_again(position, header)
        self.end_rebuild()

    def begin_rebuild(self) -> None:
        self.offsets.clear()
        self.times.clear()
        self.max_timestamp, self.max_timestamp_offset = NO_TIMESTAMP, self.base_offset
        self._timestamps_known = True
        self._bytes_since_index = 0

    def index_again(self, position: int, header: BatchHeader) -> None:
        """The next batch while rebuilding: the entries are those that appending it made."""
        if header.max_timestamp > self.max_timestamp:
            self.max_timestamp = header.max_timestamp
            self.max_timestamp_offset = header.last_offset
        if self._bytes_since_index > self._index_interval_bytes:
            self._bytes_since_index = 0
            self.offsets.append(header.last_offset, position)
            self.times.append(self.max_timestamp, self.max_timestamp_offset)
        self._bytes_since_index += header.size

    def end_rebuild(self) -> None:
        self.times.append(self.max_timestamp, self.max_timestamp_offset)
        self.offsets.write()
        self.times.write()
        self.full = self.offsets.full or self.times.full

    def cut(self, size: int) -> None:
        """Drop what is behind `size` bytes, indexes aside."""
        self.file.truncate(size)
        self._size = size
        self._found.clear()
        self._recent_last_offsets = array("q")
        self._recent_positions = array("q")

    def truncate_to(self, offset: int, now_ms: int) -> None:
        """Drop every batch that holds `offset` or a later one."""
        found = self.find(offset)
        self.position_before(offset)
        self.offsets.truncate_to(offset)
        self.times.truncate_to(offset)
        self.transactions.truncate_to(offset)
        if found is not None:
            self.cut(found[0])
        if self.size == 0:
            self.created_ms = now_ms
        self._bytes_since_index = 0
        self._timestamps_known = False
        self.prepare()

    def sync(self) -> None:
        self.file.sync()
        self.offsets.write(sync=True)
        self.times.write(sync=True)
        self.transactions.sync()

    def take_unsynced(self) -> list[PurePath]:
        """What stands beside the `.log` file, is written now if need be, and has to be synced; the caller does.

        A disk takes a millisecond and more to sync even what has not changed.
        """
        beside = [index.path for index in (self.offsets, self.times, self.transactions) if index.take_unsynced()]
        if not self._snapshot_synced:
            self._snapshot_synced = True
            beside.append(self._path(SNAPSHOT_SUFFIX))
        return beside

    def unload(self) -> None:
        """Let the indexes in memory go."""
        self.offsets.unload()
        self.times.unload()
        self._found.clear()

    def close(self) -> None:
        """Let the `.log` file go; it is opened again when it is touched."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def move(self, directory: PurePath) -> None:
        """The directory was renamed."""
        self.directory = directory
        self.offsets.path = self._path(INDEX_SUFFIX)
        self.times.path = self._path(TIME_INDEX_SUFFIX)
        self.transactions.path = self._path(TRANSACTION_INDEX_SUFFIX)

    def rename_with_suffix(self, suffix: str) -> list[PurePath]:
        """Give every file of the segment a further suffix; the new names. The open `.log` file stays readable."""
        renamed = []
        for own in SEGMENT_SUFFIXES:
            path = self._path(own)
            target = path.with_name(path.name + suffix)
            with suppress(FileNotFoundError):
                self.files.rename(path, target)
                renamed.append(target)
        return renamed
