"""The aborted transactions of a segment (`TransactionIndex`, KIP-98). The file is only there when there are some.

    ┌────────────┬─────────────────┬──────────────────┬─────────────────┬────────────────────────┐   34 bytes an entry
    │ version i16│ producer id i64 │ first offset i64 │ last offset i64 │ last stable offset i64 │
    └────────────┴─────────────────┴──────────────────┴─────────────────┴────────────────────────┘

An entry stands in the segment of its abort marker, whose offset is `last offset`. `last stable offset` is what the
log's was once the marker stood: a search from below need not go on to later entries when it has passed.
"""

from collections.abc import Iterable, Iterator
from pathlib import PurePath
from struct import Struct
from typing import NamedTuple

from ottla.log.checkpoint import read_whole
from ottla.log.offset_index import CorruptIndexError
from ottla.log.producer_state import CompletedTransaction
from ottla.runtime.files import FileSystem

_ENTRY = Struct(">hqqqq")
_VERSION = 0


class AbortedTransactionEntry(NamedTuple):
    producer_id: int
    first_offset: int
    last_offset: int
    last_stable_offset: int


class TransactionIndex:
    __slots__ = ("_entries", "_files", "_unsynced", "path")

    def __init__(self, files: FileSystem, path: PurePath, *, fresh: bool) -> None:
        self._files = files
        self.path = path
        self._entries: list[AbortedTransactionEntry] | None = [] if fresh else None
        self._unsynced = True

    @property
    def entries(self) -> list[AbortedTransactionEntry]:
        """Raises `CorruptIndexError`."""
        if self._entries is None:
            data = read_whole(self._files, self.path) or b""
            if len(data) % _ENTRY.size:
                raise CorruptIndexError(f"{self.path}: {len(data)} bytes are not a multiple of {_ENTRY.size}")
            self._entries = []
            for version, *entry in _ENTRY.iter_unpack(data):
                if version > _VERSION or entry[1] > entry[2]:
                    raise CorruptIndexError(f"{self.path}: malformed entry {entry}")
                self._entries.append(AbortedTransactionEntry(*entry))
        return self._entries

    def append(self, entry: AbortedTransactionEntry) -> None:
        entries = self.entries
        self._unsynced = True
        file = self._files.open(self.path, create=True)
        try:
            file.append([_ENTRY.pack(_VERSION, *entry)])
        finally:
            file.close()
        entries.append(entry)

    def index_again(self, ended: Iterable[tuple[CompletedTransaction, int]]) -> bool:
        """What ended here, each with the last stable offset after it: on the disk when it returns. Was any aborted?"""
        for transaction, stable in ended:
            if transaction.aborted:
                self.append(
                    AbortedTransactionEntry(
                        transaction.producer_id, transaction.first_offset, transaction.last_offset, stable
                    )
                )
        self.sync()
        return bool(self._entries)

    def overlapping(self, start: int, end: int) -> Iterator[AbortedTransactionEntry]:
        """Those with an offset in `start … end` (exclusive), until one tells that no later one can have."""
        for entry in self.entries:
            if entry.last_offset >= start and entry.first_offset < end:
                yield entry
            if entry.last_stable_offset >= end:
                return

    def truncate_to(self, offset: int) -> None:
        """Forget the transactions that ended at or after `offset`."""
        entries = self.entries
        keep = [entry for entry in entries if entry.last_offset < offset]
        if len(keep) < len(entries):
            self._unsynced = True
            file = self._files.open(self.path)
            try:
                file.truncate(len(keep) * _ENTRY.size)
            finally:
                file.close()
            self._entries = keep

    def clear(self) -> None:
        self._entries, self._unsynced = [], True
        try:
            file = self._files.open(self.path)
        except FileNotFoundError:
            return
        try:
            file.truncate(0)
        finally:
            file.close()

    def take_unsynced(self) -> bool:
        """Whether the file, if there is one, has to be synced; the caller does."""
        unsynced, self._unsynced = self._unsynced, False
        return unsynced

    def sync(self) -> None:
        if self._entries:
            file = self._files.open(self.path)
            try:
                file.sync()
            finally:
                file.close()
