"""The files that a cleaning writes before they take the place of segments (`LogSegment.open(…, ".cleaned")`).

    00000000000000000000.log.cleaned   .index.cleaned   .timeindex.cleaned   .txnindex.cleaned

Written and synced through steps, so that the loop does not wait; `LocalLog.replace_segments` swaps them in.
"""

from collections.abc import Generator
from contextlib import suppress
from pathlib import PurePath

from ottla.log.batch_filter import KeptBatch
from ottla.log.batch_reader import Step
from ottla.log.config import LogConfig
from ottla.log.file_names import (
    CLEANED_SUFFIX,
    INDEX_SUFFIX,
    LOG_SUFFIX,
    SEGMENT_SUFFIXES,
    TIME_INDEX_SUFFIX,
    TRANSACTION_INDEX_SUFFIX,
    segment_file,
)
from ottla.log.offset_index import OffsetIndex
from ottla.log.time_index import TimeIndex
from ottla.log.transaction_index import TransactionIndex
from ottla.protocol.record_batch import NO_TIMESTAMP
from ottla.runtime.files import Buffer, FileSystem

WRITE_AT_ONCE_BYTES = 512 * 1024
BATCHES_AT_ONCE = 512


class CleanedSegment:
    """`size`: bytes so far."""

    __slots__ = (
        "_bytes_since_index",
        "_file",
        "_files",
        "_interval_bytes",
        "_max_timestamp",
        "_max_timestamp_offset",
        "_offsets",
        "_paths",
        "_times",
        "_waiting",
        "_waiting_bytes",
        "size",
        "transactions",
    )

    def __init__(self, files: FileSystem, directory: PurePath, base_offset: int, config: LogConfig) -> None:
        """What an abandoned cleaning left under these names is overwritten. Raises `OSError`."""
        self._files = files
        self._paths = {
            suffix: directory / (segment_file(base_offset, suffix) + CLEANED_SUFFIX) for suffix in SEGMENT_SUFFIXES
        }
        self.discard()
        self._file = files.open(self._paths[LOG_SUFFIX], create=True)
        limit = config.segment_index_bytes
        self._offsets = OffsetIndex(files, self._paths[INDEX_SUFFIX], base_offset, limit, fresh=True)
        self._times = TimeIndex(files, self._paths[TIME_INDEX_SUFFIX], base_offset, limit, fresh=True)
        self.transactions = TransactionIndex(files, self._paths[TRANSACTION_INDEX_SUFFIX], fresh=True)
        self._interval_bytes = config.index_interval_bytes
        self._bytes_since_index = 0
        self._max_timestamp, self._max_timestamp_offset = NO_TIMESTAMP, base_offset
        self._waiting: list[Buffer] = []
        self._waiting_bytes = 0
        self.size = 0

    def add(self, batch: KeptBatch) -> Generator[Step, None, None]:
        header = batch.header
        if header.max_timestamp > self._max_timestamp:
            self._max_timestamp, self._max_timestamp_offset = header.max_timestamp, header.last_offset
        if self._bytes_since_index > self._interval_bytes:
            self._bytes_since_index = 0
            self._offsets.append(header.last_offset, self.size)
            self._times.append(self._max_timestamp, self._max_timestamp_offset)
        self._bytes_since_index += header.size
        self.size += header.size
        self._waiting.append(batch.data)
        self._waiting_bytes += header.size
        if self._waiting_bytes >= WRITE_AT_ONCE_BYTES or len(self._waiting) >= BATCHES_AT_ONCE:
            yield from self._write()

    def _write(self) -> Generator[Step, None, None]:
        waiting, self._waiting = self._waiting, []
        size, self._waiting_bytes = self._waiting_bytes, 0
        if waiting:
            yield lambda: void(self._file.append(waiting))
            yield size

    def finish(self) -> Generator[Step, None, None]:
        """Everything is on the disk afterwards."""
        yield from self._write()
        self._times.append(self._max_timestamp, self._max_timestamp_offset)

        def work() -> None:
            self._offsets.write(sync=True)
            self._times.write(sync=True)
            self.transactions.sync()
            self._file.sync()
            self._file.close()

        yield work

    def discard(self) -> None:
        """Remove the files."""
        for path in self._paths.values():
            with suppress(FileNotFoundError):
                self._files.remove(path)


def void(_: object) -> None:
    """For work whose result does not matter."""
