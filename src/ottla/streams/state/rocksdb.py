"""One store's RocksDB: what is not committed stays in memory, a commit is one atomic batch with the changelog's offset.

    put ─► overlay (a dict for each family) ──commit(offset)──► WriteBatch ─► RocksDB; offsets in the same
    get ─► overlay, else RocksDB            range ─► both, merged

There is no write-ahead log: the changelog is one. Column families are flushed together, so that after a crash the files
hold one commit, an older one perhaps, and its offset. All databases of a process share a block cache and write buffers.

Segments share one column family: 8 bytes of each key say which one it is of, and one that is dropped is a range that is
deleted. A column family for each costs 5 ms of CPU and a turn of the disk to make, and as much to drop.
"""

from __future__ import annotations

import contextlib
import threading
from bisect import bisect_left, bisect_right, insort
from typing import TYPE_CHECKING, Any, Final

from ottla.streams.errors import InvalidStateStoreError, StreamsError
from ottla.streams.state.bytes_store import successor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rocksdict import Options, Rdict

BLOCK_CACHE_BYTES: Final = 50 * 1024 * 1024
WRITE_BUFFERS_BYTES: Final = 128 * 1024 * 1024
WRITE_BUFFER_BYTES: Final = 16 * 1024 * 1024
BLOCK_BYTES: Final = 4096
MAX_OPEN_LOGS: Final = 2
OFFSETS: Final = "offsets"
DEFAULT: Final = "default"
SEGMENTS: Final = "segments"
_OFFSET_KEY: Final = b"changelog"
_PREFIX_BYTES: Final = 8
_FORMER_SEGMENT: Final = "segment-"


_opened: Final[dict[Path, RocksDatabase]] = {}
_setters: Final[dict[Path, Callable[[str, Options], None]]] = {}


class RocksUnavailableError(StreamsError):
    """The extra that brings RocksDB is not installed."""


def _import() -> Any:
    try:
        import rocksdict
    except ImportError:
        raise RocksUnavailableError(
            "stores on disk need RocksDB: pip install 'ottla[streams]', or keep state in memory with"
            " default.dsl.store=in_memory"
        ) from None
    return rocksdict


class _Shared:
    """What all databases of the process have together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cache: Any = None
        self._buffers: Any = None

    def options(self) -> Options:
        rocksdict = _import()
        with self._lock:
            if self._cache is None:
                self._cache = rocksdict.Cache(BLOCK_CACHE_BYTES)
                self._buffers = rocksdict.WriteBufferManager.new_write_buffer_manager_with_cache(
                    WRITE_BUFFERS_BYTES, False, self._cache
                )
        options: Options = rocksdict.Options(raw_mode=True)
        table = rocksdict.BlockBasedOptions()
        table.set_block_cache(self._cache)
        table.set_block_size(BLOCK_BYTES)
        table.set_bloom_filter(10, False)
        table.set_cache_index_and_filter_blocks(True)
        options.set_block_based_table_factory(table)
        options.set_write_buffer_manager(self._buffers)
        options.set_write_buffer_size(WRITE_BUFFER_BYTES)
        options.set_keep_log_file_num(MAX_OPEN_LOGS)
        options.set_atomic_flush(True)
        options.create_if_missing(True)
        options.create_missing_column_families(True)
        return options


_shared: Final = _Shared()


def uncommitted_bytes_below(folder: Path) -> int:
    """What the open databases below it hold in memory until their next commit."""
    return sum(each.uncommitted_bytes for path, each in list(_opened.items()) if folder in path.parents)


def database_at(path: Path) -> RocksDatabase | None:
    """The open one whose files lie there."""
    return _opened.get(path)


def configure_below(folder: Path, setter: Callable[[str, Options], None]) -> None:
    """`rocksdb.config.setter`: called with the store's name and its options before a database is opened there."""
    _setters[folder] = setter


class RocksDatabase:
    """Used by the thread of its task; queries of other threads read through `Family.get` and `Family.range`."""

    def __init__(self, path: Path, name: str, configure: Callable[[str, Options], None] | None = None) -> None:
        """Raises `RocksUnavailableError`, and `InvalidStateStoreError` where the files cannot be opened."""
        rocksdict = _import()
        self._rocksdict = rocksdict
        self._name = name
        self._path = path
        self._configure = configure or next((_setters[each] for each in path.parents if each in _setters), None)
        path.mkdir(parents=True, exist_ok=True)
        self._options_of_all = options = self._options()
        try:
            there = rocksdict.Rdict.list_cf(str(path), options) if (path / "CURRENT").exists() else []
            columns = {each: self._options() for each in there if each != DEFAULT} | {OFFSETS: self._options()}
            self._db: Rdict = rocksdict.Rdict(str(path), options=options, column_families=columns)
        except rocksdict.DbClosedError:
            raise
        except Exception as error:
            raise InvalidStateStoreError(f"the store {name} cannot be opened in {path}: {error}") from error
        no_log = rocksdict.WriteOptions()
        no_log.disable_wal = True
        self._db.set_write_options(no_log)
        self._no_log = no_log
        self._offsets = self._db.get_column_family(OFFSETS)
        for each in there:
            if each.startswith(_FORMER_SEGMENT):  # of an earlier layout: the changelog has all of it
                self._db.drop_column_family(each)
                self._offsets.delete(_OFFSET_KEY)
        self._segments: Rdict | None = self._db.get_column_family(SEGMENTS) if SEGMENTS in there else None
        self.families: dict[str | int, Family] = {DEFAULT: Family(self, self._db)}
        """The one of a store without segments, and segments by their numbers."""
        if self._segments is not None:
            for number in self._numbers(self._segments):
                self.families[number] = Family(self, self._segments, prefix_of(number))
        self._dropped: list[int] = []
        stored = self._offsets.get(_OFFSET_KEY)
        self.committed_offset: int | None = None if stored is None else int.from_bytes(stored, "big", signed=True)
        self.is_open = True
        _opened[path] = self

    def _options(self) -> Options:
        options = _shared.options()
        if self._configure is not None:
            self._configure(self._name, options)
        return options

    def _numbers(self, segments: Rdict) -> Iterator[int]:
        """Of the segments that are there, found by looking behind each of them."""
        rows = segments.iter(self._rocksdict.ReadOptions())
        rows.seek_to_first()
        while rows.valid():
            number = int.from_bytes(rows.key()[:_PREFIX_BYTES], "big") - 1
            yield number
            rows.seek(prefix_of(number + 1))

    @property
    def uncommitted_bytes(self) -> int:
        return sum(family.uncommitted_bytes for family in self.families.values())

    def sum_of(self, name: str) -> int:
        """An integer property of RocksDB, of all column families; 0 where it is not known."""
        default, *segments = list(self.families.values())
        return default.property(name) + (segments[0].property(name) if segments else 0)

    def statistics(self) -> str:
        """As RocksDB prints them; nothing unless the options enable them."""
        return str(self._options_of_all.get_statistics() or "")

    def create(self, number: int) -> Family:
        """A segment; one that was dropped since the last commit comes back empty."""
        if self._segments is None:
            self._segments = self._db.create_column_family(SEGMENTS, self._options())
        family = self.families[number] = Family(self, self._segments, prefix_of(number))
        if number in self._dropped:
            self._dropped.remove(number)
            for key, _ in list(family.range()):
                family.put(key, None)
        return family

    def drop(self, number: int) -> None:
        """A segment is gone for readers now, and from the disk with the next commit."""
        self.families.pop(number).close()
        self._dropped.append(number)

    def commit(self, changelog_offset: int | None) -> None:
        """Everything that was put becomes durable, with `changelog_offset`; None keeps the offset of before."""
        batch = self._rocksdict.WriteBatch(raw_mode=True)
        segments = None if self._segments is None else self._db.get_column_family_handle(SEGMENTS)
        for number in self._dropped:
            batch.delete_range(prefix_of(number), prefix_of(number + 1), segments)
        for name, family in self.families.items():
            family.write_to(batch, None if name == DEFAULT else segments)
        if changelog_offset is not None and changelog_offset != self.committed_offset:
            data = changelog_offset.to_bytes(8, "big", signed=True)
            batch.put(_OFFSET_KEY, data, self._db.get_column_family_handle(OFFSETS))
        if not batch.is_empty():
            self._db.write(batch, self._no_log)
        if changelog_offset is not None:
            self.committed_offset = changelog_offset
        for family in self.families.values():
            family.forget()
        self._dropped.clear()

    def close(self) -> None:
        """What was committed is flushed to the files; the rest is forgotten."""
        if not self.is_open:
            return
        self.is_open = False
        _opened.pop(self._path, None)
        for family in self.families.values():
            family.close()
        self.families.clear()
        with contextlib.suppress(Exception):  # what the files lack, the changelog has
            self._db.flush(True)
        del self._offsets
        self._segments = None
        self._db.close()


def prefix_of(number: int) -> bytes:
    """What the keys of a segment begin with; numbers are -1 or more."""
    return (number + 1).to_bytes(_PREFIX_BYTES, "big")


class Family:
    """One ordered map of bytes to bytes: a column family, or what has a prefix there."""

    __slots__ = ("_bytes", "_database", "_db", "_end", "_overlay", "_prefix", "_rocksdict", "_sorted")

    def __init__(self, database: RocksDatabase, db: Rdict, prefix: bytes = b"") -> None:
        self._database = database
        self._rocksdict = database._rocksdict
        self._db: Rdict | None = db
        self._prefix = prefix
        self._end = successor(prefix)
        self._overlay: dict[bytes, bytes | None] = {}
        self._sorted: list[bytes] | None = None
        self._bytes = 0

    @property
    def uncommitted_bytes(self) -> int:
        return self._bytes

    def get(self, key: bytes) -> bytes | None:
        overlay = self._overlay
        if key in overlay:
            return overlay[key]
        found: bytes | None = self._open().get(self._prefix + key)
        return found

    def put(self, key: bytes, value: bytes | None) -> None:
        overlay = self._overlay
        if key not in overlay:
            self._bytes += len(key)
            if self._sorted is not None:
                insort(self._sorted, key)
        else:
            self._bytes -= len(overlay[key] or b"")
        self._bytes += len(value or b"")
        overlay[key] = value

    def range(
        self,
        first: bytes | None = None,
        last: bytes | None = None,
        *,
        reverse: bool = False,
        before: bytes | None = None,
    ) -> Iterator[tuple[bytes, bytes]]:
        """From `first` to `last`, both inside, or to what lies before `before`; a snapshot of now."""
        db = self._open()
        end = last if before is None else before
        if first is not None and end is not None and first > end:
            return iter(())
        return self._merged(db, self._recent(first, last, before, reverse), first, last, before, reverse)

    def approximate_num_entries(self) -> int:
        on_disk = self._open().property_int_value("rocksdb.estimate-num-keys") or 0
        return int(on_disk) + len(self._overlay)

    def property(self, name: str) -> int:
        db = self._db
        if db is None:
            return 0
        try:
            return int(db.property_int_value(f"rocksdb.{name}") or 0)
        except Exception:  # closed meanwhile, by its own thread
            return 0

    def write_to(self, batch: Any, handle: Any) -> None:
        put, delete, prefix = batch.put, batch.delete, self._prefix
        for key, value in self._overlay.items():
            if value is None:
                delete(prefix + key, handle)
            else:
                put(prefix + key, value, handle)

    def forget(self) -> None:
        """What is on the disk by now."""
        if self._overlay:
            self._overlay = {}
            self._sorted = None
            self._bytes = 0

    def close(self) -> None:
        self._db = None
        self.forget()

    def _open(self) -> Rdict:
        if self._db is None:
            raise InvalidStateStoreError("the store is closed")
        return self._db

    def _recent(
        self, first: bytes | None, last: bytes | None, before: bytes | None, reverse: bool
    ) -> list[tuple[bytes, bytes | None]]:
        overlay = self._overlay
        if not overlay:
            return []
        keys = self._sorted
        if keys is None:
            keys = self._sorted = sorted(overlay)
        start = 0 if first is None else bisect_left(keys, first)
        end = len(keys) if last is None else bisect_right(keys, last)
        if before is not None:
            end = min(end, bisect_left(keys, before))
        chosen = keys[start:end]
        if reverse:
            chosen.reverse()
        return [(key, overlay[key]) for key in chosen]

    def _merged(
        self,
        db: Rdict,
        recent: list[tuple[bytes, bytes | None]],
        first: bytes | None,
        last: bytes | None,
        before: bytes | None,
        reverse: bool,
    ) -> Iterator[tuple[bytes, bytes]]:
        below = self._stored(db, first, last, before, reverse)
        stored = next(below, None)
        for key, value in recent:
            while stored is not None and (stored[0] > key if reverse else stored[0] < key):
                yield stored
                stored = next(below, None)
            if stored is not None and stored[0] == key:
                stored = next(below, None)
            if value is not None:
                yield key, value
        while stored is not None:
            yield stored
            stored = next(below, None)

    def _stored(
        self, db: Rdict, first: bytes | None, last: bytes | None, before: bytes | None, reverse: bool
    ) -> Iterator[tuple[bytes, bytes]]:
        # A lower bound is not set: rocksdict 0.3.29 takes it for the upper one.
        options = self._rocksdict.ReadOptions()
        prefix = self._prefix
        end = prefix + last + b"\0" if last is not None else self._end if before is None else prefix + before
        if end is not None:
            options.set_iterate_upper_bound(end)
        rows = db.iter(options)
        least = prefix + (first or b"")
        if reverse:
            rows.seek_to_last()
            step = rows.prev
        else:
            rows.seek(least)
            step = rows.next
        size = len(prefix)
        while rows.valid():
            key = rows.key()
            if reverse and key < least:
                return
            yield key[size:], rows.value()
            step()
