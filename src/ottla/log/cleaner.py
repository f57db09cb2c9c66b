"""Compacting one log: the last record of every key stays, under its offset (`Cleaner`).

    offsets  0 ─────────────── first dirty ─────────────── first uncleanable ─────────── end
             compacted before      │                              │  active segment, too young, or open transactions
                                   └─ 1. the map: key ► last offset here, as far as it fits ─┐ ► the next first dirty
             2. all segments up to there, in groups that fit one segment, are written anew ◄─┘   and swapped by groups

What a consumer sees: offsets never change and never come back; of every key the last record is there, always; whoever
reads from the start to the end of the time he began has the last value of every key, and every tombstone for
`delete.retention.ms`. A log whose batches cannot be read is left as it is (`CorruptBatchError`, `InvalidBatchError`).

A cleaning is a generator of `Step`s. Between two of them the log may be appended to, read, rolled and even truncated:
segments that are not the log's any more when their group is done are not replaced, and the cleaning ends there.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import PurePath

from ottla.log.batch_filter import RECORDS_A_SLICE, BatchFilter, LastOfProducer
from ottla.log.batch_reader import BatchReader, ReadBatch, Step, decompressed, scan_records
from ottla.log.batch_scan import CorruptBatchError
from ottla.log.cleaned_segment import CleanedSegment
from ottla.log.cleaned_transactions import CleanedTransactions
from ottla.log.config import CleanerConfig
from ottla.log.log import Log
from ottla.log.offset_map import OffsetMap
from ottla.log.segment import MAX_RELATIVE_OFFSET, Segment
from ottla.protocol.record_batch import InvalidBatchError
from ottla.runtime.files import File, FileSystem

MAX_GROUP_BYTES = 1 << 30
"""Compressed again, a group may become larger than it was; positions must stay below 2 GiB."""


class CleaningAbandonedError(Exception):
    """Segments that were being cleaned are not the log's any more; nothing is wrong, and nothing was changed."""


def clean(
    log: Log, first_dirty: int, first_uncleanable: int, config: CleanerConfig, *, now_ms: int
) -> Generator[Step, None, int]:
    """Compact a log; returns the next first dirty offset: everything below it is compacted.

    Raises `CorruptBatchError`, `InvalidBatchError` (uncleanable), `CleaningAbandonedError`, `OSError`. The half-written
    files of a generator that is closed, or raises, are removed.
    """
    offsets = OffsetMap(config.dedupe_buffer_size, config.io_buffer_load_factor)
    subject = _Subject(log)
    yield from _build_offset_map(subject, first_dirty, first_uncleanable, offsets, config.io_buffer_size)
    end = offsets.latest_offset + 1
    keep = BatchFilter(
        offsets,
        _last_of_producers(log),
        end=first_uncleanable,
        now_ms=now_ms,
        delete_retention_ms=log.config.delete_retention_ms,
    )
    cleanable = log.segments_between(0, end)
    for group in group_by_size(cleanable, log, first_uncleanable):
        yield from _clean_group(subject, group, keep, config.io_buffer_size, now_ms)
    return end


class _Subject:
    """The log as it was when its cleaning began."""

    __slots__ = ("_truncations", "directory", "files", "log")

    def __init__(self, log: Log) -> None:
        self.log = log
        self.files = log.files
        self.directory = log.directory
        self._truncations = log.truncations

    def check(self, segments: Sequence[Segment]) -> None:
        """Raises `CleaningAbandonedError`: these are not its closed segments any more."""
        log = self.log
        if log.directory != self.directory or log.truncations != self._truncations or not log.holds(segments):
            raise CleaningAbandonedError

    @contextmanager
    def opened(self, segment: Segment) -> Iterator[File]:
        """A descriptor of its own, so that one of the segment does not stay open for a cleaning's sake."""
        self.check((segment,))
        file = self.files.open(segment.log_path)
        try:
            yield file
        except (CorruptBatchError, InvalidBatchError):
            self.check((segment,))  # truncated under the reading
            raise
        finally:
            file.close()


def _last_of_producers(log: Log) -> dict[int, LastOfProducer]:
    return {
        producer_id: LastOfProducer(entry.last_offset if entry.last_offset >= 0 else None, entry.epoch)
        for producer_id, entry in log.producers.entries.items()
    }


# ── the map ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _build_offset_map(
    subject: _Subject, start: int, end: int, offsets: OffsetMap, chunk_bytes: int
) -> Generator[Step, None, None]:
    """The last offset of each key in `start … end` (exclusive), or in as much from `start` on as fits the map."""
    log = subject.log
    transactions = CleanedTransactions()
    transactions.expect(log.aborted_between(start, end))
    segments = log.segments_between(start, end)
    for index, segment in enumerate(segments):
        following = segments[index + 1].base_offset if index + 1 < len(segments) else end
        position = segment.position_before(start) if start > segment.base_offset else 0
        with subject.opened(segment) as file:
            reader = BatchReader(file, position, file.size, chunk_bytes)
            while (batch := (yield from reader.next())) is not None:
                header = batch.header
                discard = transactions.may_discard(header, batch.data)
                if header.last_offset < start:
                    continue
                if not (header.is_control or discard) and not (yield from _map_batch(batch, start, offsets)):
                    return
                offsets.latest_offset = max(offsets.latest_offset, header.last_offset)
        offsets.latest_offset = max(offsets.latest_offset, following - 1)


def _map_batch(batch: ReadBatch, start: int, offsets: OffsetMap) -> Generator[Step, None, bool]:
    """False: the map is full."""
    header = batch.header
    data = yield from decompressed(batch)
    for number, record in enumerate(scan_records(data, header)):
        offset = header.base_offset + record.offset_delta
        if record.key is not None and offset >= start and not offsets.put(record.key, offset):
            return False
        if not number % RECORDS_A_SLICE:
            yield 0
    return True


# ── the segments ──────────────────────────────────────────────────────────────────────────────────────────────────────


def group_by_size(segments: Sequence[Segment], log: Log, first_uncleanable: int) -> list[list[Segment]]:
    """Neighbours that fit one segment: by bytes, by the size of the indexes, by the span of the offsets."""
    max_bytes = min(log.config.segment_bytes, MAX_GROUP_BYTES)
    max_index_bytes = log.config.segment_index_bytes
    groups: list[list[Segment]] = []
    size = index_bytes = time_index_bytes = 0
    for position, segment in enumerate(segments):
        last = segments[position + 1].base_offset - 1 if position + 1 < len(segments) else first_uncleanable - 1
        offsets, times = _size_of(log.files, segment.offsets.path), _size_of(log.files, segment.times.path)
        if (
            not groups
            or size + segment.size > max_bytes
            or index_bytes + offsets > max_index_bytes
            or time_index_bytes + times > max_index_bytes
            or (segment.size and last - groups[-1][0].base_offset > MAX_RELATIVE_OFFSET)
        ):
            groups.append([])
            size = index_bytes = time_index_bytes = 0
        groups[-1].append(segment)
        size += segment.size
        index_bytes += offsets
        time_index_bytes += times
    return groups


def _size_of(files: FileSystem, path: PurePath) -> int:
    try:
        file = files.open(path)
    except FileNotFoundError:
        return 0
    size = file.size
    file.close()
    return size


def _clean_group(
    subject: _Subject, group: list[Segment], keep: BatchFilter, chunk_bytes: int, now_ms: int
) -> Generator[Step, None, None]:
    """Write what stays of some segments into one, and put it in their place."""
    log = subject.log
    subject.check(group)
    cleaned = CleanedSegment(subject.files, subject.directory, group[0].base_offset, log.config)
    written = False
    try:
        keep.transactions.index = cleaned.transactions
        for index, segment in enumerate(group):
            with subject.opened(segment) as file:
                following = group[index + 1].base_offset if index + 1 < len(group) else segment.next_offset()
                keep.transactions.expect(log.aborted_between(segment.base_offset, following))
                reader = BatchReader(file, 0, file.size, chunk_bytes)
                while (batch := (yield from reader.next())) is not None:
                    kept = yield from keep.keep(batch)
                    if kept is not None:
                        yield from cleaned.add(kept)
        yield from cleaned.finish()
        subject.check(group)
        written = True  # a swap that fails half-way is finished at the next start
    finally:
        if not written:
            cleaned.discard()
    log.replace_segments(group, now_ms)
    yield lambda: subject.files.sync_directory(subject.directory)


def run_to_end(cleaning: Generator[Step, None, int], each: Callable[[Step], None] = lambda _: None) -> int:
    """Do every step here and now, for tools and tests; returns what the cleaning returns."""
    while True:
        try:
            step = next(cleaning)
        except StopIteration as done:
            return int(done.value)
        if not isinstance(step, int):
            step()
        each(step)
