"""A log on its disk: opening, rolling, flushing, truncating, retention and closing (`LocalLog`, `UnifiedLog`).

What `Log` appends to and reads from. Every call is synchronous and on one thread; `OSError` from the disk passes
through: the log's directory has failed.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import PurePath
from typing import Self

from ottla.log.checkpoint import CorruptCheckpointError, read_topic_id, write_topic_id
from ottla.log.config import LONG_MAX, LogConfig
from ottla.log.file_names import (
    CLEANED_SUFFIX,
    LEADER_EPOCHS,
    PARTITION_METADATA,
    SEGMENT_SUFFIXES,
    SWAP_SUFFIX,
    segment_file,
)
from ottla.log.flush import PendingFlush
from ottla.log.leader_epochs import LeaderEpochs
from ottla.log.producer_recovery import (
    remove_snapshot,
    remove_stray_snapshots,
    restore_producers,
    snapshot_offsets,
)
from ottla.log.producer_snapshot import snapshot_path, write_snapshot
from ottla.log.producer_state import ProducerStates
from ottla.log.recovery import LoadedSegments, SegmentLoader
from ottla.log.retention import deletable
from ottla.log.segment import Segment
from ottla.log.transaction_index import AbortedTransactionEntry
from ottla.runtime.files import FileSystem

TO_HIGH_WATERMARK = -1
"""As the offset of `delete_records`: everything that is committed."""


class LocalLog:
    """See the module; `Log` adds appending and reading. Offsets are absolute, times milliseconds since 1970."""

    __slots__ = (
        "_config",
        "_files",
        "_finished_from",
        "_flushed_ms",
        "_high_watermark",
        "_names_synced",
        "_newest_snapshot",
        "_plain",
        "_prepared",
        "_random_below",
        "_rolled_bytes",
        "_segments",
        "_stamps",
        "_truncations",
        "_unflushed_records",
        "directory",
        "epochs",
        "log_end_offset",
        "log_start_offset",
        "producers",
        "recovery_point",
        "topic_id",
        "truncated_bytes",
    )

    def __init__(
        self,
        files: FileSystem,
        directory: PurePath,
        config: LogConfig,
        loaded: LoadedSegments,
        epochs: LeaderEpochs,
        *,
        now_ms: int,
        topic_id: bytes | None,
        random_below: Callable[[int], int] | None,
    ) -> None:
        """Use `open`."""
        self._files = files
        self.directory = directory
        self._segments = loaded.segments
        self.epochs = epochs
        self.producers = ProducerStates()
        self.log_start_offset = loaded.log_start_offset
        self.log_end_offset = loaded.log_end_offset
        self.recovery_point = loaded.log_end_offset
        self.truncated_bytes = loaded.truncated_bytes
        self.topic_id = topic_id
        self._high_watermark = loaded.log_start_offset
        self._newest_snapshot = -1
        self._random_below = random_below
        self._unflushed_records = 0
        self._flushed_ms = now_ms
        self._prepared = False
        self._finished_from: int | None = None
        """The first segment whose indexes were finished since the last flush, which may have been after its records."""
        self._truncations = 0
        self._rolled_bytes = 0
        self._names_synced = True
        self.config = config

    @classmethod
    def open(
        cls,
        files: FileSystem,
        directory: PurePath,
        config: LogConfig,
        *,
        now_ms: int,
        clean: bool,
        recovery_point: int = 0,
        log_start_offset: int = 0,
        topic_id: bytes | None = None,
        random_below: Callable[[int], int] | None = None,
    ) -> Self:
        """Open the log in `directory` (made if missing), after recovery unless the last shutdown was `clean`.

        `recovery_point`: what was synced up to, from the checkpoint; only used for recovery. `random_below(n)` gives
        0 … n − 1 for `segment.jitter.ms`; without it there is no jitter. Raises `OSError`, `CorruptCheckpointError`
        (`partition.metadata` is malformed), `OffsetOverflowError`, `ValueError` (another topic's id is there).
        """
        try:
            names = set(files.list(directory))
        except FileNotFoundError:
            files.make_directory(directory)
            names = set()
        found_id = _found_topic_id(files, directory, clean=clean) if PARTITION_METADATA in names else None
        if found_id is None and topic_id is not None:
            write_topic_id(files, directory, topic_id, sync=False)
        elif found_id is not None and topic_id is not None and found_id != topic_id:
            raise ValueError(f"{directory} belongs to another topic of that name")
        epochs = LeaderEpochs(files, directory)
        epochs_known = LEADER_EPOCHS in names and epochs.load(clean=clean)
        loaded = SegmentLoader(files, directory, config, now_ms).load(
            names, epochs, clean=clean, recovery_point=recovery_point, log_start_offset=log_start_offset
        )
        log = cls(
            files,
            directory,
            config,
            loaded,
            epochs,
            now_ms=now_ms,
            topic_id=found_id or topic_id,
            random_below=random_below,
        )
        # After a crash what is read may be in the page cache only.
        log._names_synced = clean and (found_id is not None or (topic_id is None and bool(names)))
        log._open_epochs(epochs_known)
        snapshots = snapshot_offsets(names)
        snapshots = remove_stray_snapshots(files, directory, snapshots, log._segments.base_offsets)
        log._restore_producers(snapshots, now_ms, loaded.recovered_from)
        for segment in log._segments:
            segment.close()  # thousands of logs may be opened, and few of them used
        return log

    def _open_epochs(self, known: bool) -> None:
        # Epochs of deleted records are forgotten at once, but a crash may bring those records back.
        known = known and self.epochs.entries[0][1] <= self.log_start_offset
        if not known and self.log_end_offset > self._segments[0].base_offset:
            self.epochs.forget()
            for index in range(len(self._segments)):
                for epoch, offset in self._segments.read(index).epochs_in_batches():
                    self.epochs.note(epoch, offset)
        found = self.epochs.changed
        self.epochs.truncate_from_end(self.log_end_offset)
        self.epochs.truncate_from_start(self.log_start_offset)
        if found:
            self.epochs.write(sync=True)  # recovery has synced the records, and nobody will read them for this again

    def _restore_producers(self, snapshots: list[int], now_ms: int, recovered_from: int | None = None) -> None:
        self._newest_snapshot = restore_producers(
            self._files,
            self.directory,
            self._segments,
            self.producers,
            snapshots,
            log_start_offset=self.log_start_offset,
            log_end_offset=self.log_end_offset,
            now_ms=now_ms,
            expiration_ms=self._config.producer_id_expiration_ms,
            recovered_from=recovered_from,
        )

    # ── what stands where ──────────────────────────────────────────────────────────────────────────────────────────

    @property
    def config(self) -> LogConfig:
        return self._config

    @config.setter
    def config(self, config: LogConfig) -> None:
        self._config = config
        self._stamps = config.log_append_time
        self._plain = config.compression_type == "producer" and not config.compact and not self._stamps
        for segment in self._segments:
            segment.configure(config)

    @property
    def high_watermark(self) -> int:
        return self._high_watermark

    @high_watermark.setter
    def high_watermark(self, offset: int) -> None:
        """Never goes back (truncation apart), and stays between the log's start and end."""
        if offset > self.log_end_offset:
            offset = self.log_end_offset
        if offset > self._high_watermark:
            self._high_watermark = offset
            self.producers.high_watermark_moved(offset)

    @property
    def last_stable_offset(self) -> int:
        """What a read_committed consumer may read up to."""
        unstable = self.producers.first_unstable_offset
        return self._high_watermark if unstable is None else min(unstable, self._high_watermark)

    @property
    def size_bytes(self) -> int:
        return self._segments.size_bytes

    @property
    def appended_bytes(self) -> int:
        """Grows by what is appended, from any number on; what is deleted or compacted does not matter to it.

        Only a truncation leads it astray.
        """
        return self._rolled_bytes + self._segments.active.size

    @property
    def segment_count(self) -> int:
        return len(self._segments)

    @property
    def first_segment_offset(self) -> int:
        """Where the oldest file begins; the log may begin later."""
        return self._segments[0].base_offset

    @property
    def latest_epoch(self) -> int | None:
        latest = self.epochs.latest
        return None if latest < 0 else latest

    def end_offset_for_epoch(self, epoch: int) -> tuple[int, int] | None:
        """(the largest known epoch that is not above `epoch`, its end offset) (OffsetForLeaderEpoch); None: unknown."""
        return self.epochs.end_offset(epoch, self.log_end_offset)

    def assign_epoch(self, epoch: int, start_offset: int) -> None:
        """A leader's epoch begins at `start_offset`; entries that contradict it are forgotten."""
        self.epochs.begin(epoch, start_offset)

    def assign_topic_id(self, topic_id: bytes) -> None:
        """Write `partition.metadata`. `ValueError` if it holds another topic's id."""
        if self.topic_id is None:
            write_topic_id(self._files, self.directory, topic_id, sync=False)
            self.topic_id = topic_id
            self._names_synced = False
        elif self.topic_id != topic_id:
            raise ValueError(f"{self.directory} belongs to another topic of that name")

    # ── rolling ────────────────────────────────────────────────────────────────────────────────────────────────────

    def roll(self, now_ms: int) -> None:
        """Begin a new segment at the log's end, unless the active one is empty."""
        if self._segments.active.size:
            self._roll(self.log_end_offset, now_ms)

    def _roll(self, base_offset: int, now_ms: int) -> Segment:
        base_offset = max(base_offset, self.log_end_offset)
        self._rolled_bytes += self._segments.active.size
        self._finish_active()
        write_snapshot(self._files, self.directory, base_offset, self.producers.entries.values(), sync=False)
        self._newest_snapshot = base_offset
        segment = self._new_segment(base_offset, now_ms)
        self._segments.add(segment)
        return segment

    def _finish_active(self) -> None:
        active = self._segments.active
        active.finish()
        if self._finished_from is None:
            self._finished_from = active.base_offset

    def _new_segment(self, base_offset: int, now_ms: int) -> Segment:
        jitter_bound = min(self._config.segment_jitter_ms, self._config.max_segment_ms)
        jitter_ms = self._random_below(jitter_bound) if self._random_below and jitter_bound > 0 else 0
        self._prepared = True
        return Segment(
            self._files,
            self.directory,
            base_offset,
            self._config,
            created_ms=now_ms,
            fresh=True,
            jitter_ms=jitter_ms,
        )

    # ── durability ─────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def unflushed(self) -> bool:
        """Whether anything was written since the last flush."""
        return self.recovery_point < self.log_end_offset

    @property
    def rolled_unflushed(self) -> bool:
        """Whether a closed segment waits to be synced: Kafka does so soon after each roll."""
        return self.recovery_point < self._segments.active.base_offset

    def flush_due(self, now_ms: int) -> bool:
        """Whether `flush.ms` asks for a flush."""
        return self.unflushed and now_ms - self._flushed_ms >= self._config.flush_ms

    def flush(self) -> None:
        """Sync everything on this thread. A loop prefers `prepare_flush`."""
        _sync_now(self.prepare_flush())

    def prepare_flush(self, *, now_ms: int | None = None, closed_only: bool = False) -> PendingFlush | None:
        """What to sync, for a thread; None when nothing is unsynced. `closed_only`: not the active segment."""
        if now_ms is not None:
            self._flushed_ms = now_ms
        finished_from, begin = self._finished_from, self.recovery_point
        if finished_from is not None:
            begin = min(begin, finished_from)
        elif not self.unflushed:
            return None
        if closed_only and not self.rolled_unflushed:
            return None
        self._finished_from = None
        self._unflushed_records = 0
        segments = self._segments
        last = len(segments) - 1 if closed_only else len(segments)
        logs, paths = [], []
        for index in range(segments.floor(begin), last):
            segment = segments[index]
            logs.append(segment.file)
            paths += segment.take_unsynced()
        directories = []
        if not self._names_synced:
            paths.append(self.directory / PARTITION_METADATA)
            directories.append(self.directory.parent)
            self._names_synced = True
        if self.epochs.take_unsynced():
            paths.append(self.directory / LEADER_EPOCHS)
        if self._newest_snapshot > segments.active.base_offset:
            paths.append(snapshot_path(self.directory, self._newest_snapshot))
        if segments.take_renamed() or paths:
            directories.append(self.directory)
        end = segments.active.base_offset if closed_only else self.log_end_offset
        done = partial(self._flushed_to, self._truncations)
        return PendingFlush(self._files, self.directory, logs, paths, directories, end, done)

    def _flushed_to(self, truncations: int, offset: int) -> None:
        if truncations == self._truncations:  # else what is there now may not be what was synced
            self.recovery_point = max(self.recovery_point, offset)

    def close(self) -> None:
        """Flush, take a snapshot of the producers, close the indexes as Kafka does, and release the files."""
        _sync_now(self.prepare_close())
        self.release()

    def prepare_close(self) -> PendingFlush | None:
        """Write what a clean stop leaves. What is returned is to be synced before `release`; None: all is synced."""
        if self._prepared:  # else nothing was appended since it was opened, and everything is as it should be
            self._finish_active()
        self._take_snapshot()
        pending = self.prepare_flush()
        if pending is None and not self._names_synced:  # nothing was ever flushed; a clean stop says that all is well
            metadata, names = self.directory / PARTITION_METADATA, [self.directory, self.directory.parent]
            return PendingFlush(self._files, self.directory, (), [metadata], names, 0, lambda _: None)
        return pending

    def release(self) -> None:
        """Nothing may be written any more."""
        self.remove_deleted_files(LONG_MAX)
        for segment in self._segments:
            segment.close()

    def _take_snapshot(self) -> None:
        if self.log_end_offset > max(self._newest_snapshot, 0):
            write_snapshot(
                self._files, self.directory, self.log_end_offset, self.producers.entries.values(), sync=False
            )
            self._newest_snapshot = self.log_end_offset

    # ── truncation, deletion ───────────────────────────────────────────────────────────────────────────────────────

    def truncate_to(self, offset: int, now_ms: int) -> bool:
        """Forget `offset` and all after it (a batch that holds it goes whole). False: the log ends before it.

        The disk has forgotten it, too, when this returns: what comes back with a loss of power would stand beside what
        is appended instead.
        """
        if offset < 0:
            raise ValueError(f"cannot truncate to offset {offset}")
        if offset >= self.log_end_offset:
            self.epochs.truncate_from_end(self.log_end_offset)  # one that began here and wrote nothing
            return False
        segments = self._segments
        if segments[0].base_offset > offset:
            self.truncate_fully_at(offset, now_ms)
            return True
        keep = segments.floor(offset) + 1
        if keep < len(segments):
            segments.remove(keep, len(segments), now_ms + self._config.file_delete_delay_ms)
            self._files.sync_directory(self.directory)
        segments.active.truncate_to(offset, now_ms)
        segments.active.file.sync()  # its indexes are made anew when a crash follows
        self._prepared = True
        self._ends_at(offset, now_ms)
        return True

    def truncate_fully_at(self, offset: int, now_ms: int, log_start_offset: int | None = None) -> None:
        """Forget everything; the next append is at `offset`, where the log now begins, too."""
        segments = self._segments
        segments.remove(0, len(segments), now_ms + self._config.file_delete_delay_ms)
        segments.add(self._new_segment(offset, now_ms))
        self.log_start_offset = offset if log_start_offset is None else log_start_offset
        self.epochs.clear()
        for snapshot in self._snapshots():
            remove_snapshot(self._files, self.directory, snapshot)
        self._high_watermark = self.log_start_offset
        self._ends_at(offset, now_ms)

    def _ends_at(self, offset: int, now_ms: int) -> None:
        self._truncations += 1
        self.log_end_offset = offset
        self.recovery_point = min(self.recovery_point, offset)
        self.log_start_offset = min(self.log_start_offset, offset)
        self._high_watermark = min(self._high_watermark, offset)
        self.epochs.truncate_from_end(offset)
        self._restore_producers(self._snapshots(), now_ms)

    def _snapshots(self) -> list[int]:
        return snapshot_offsets(self._files.list(self.directory))

    def delete_records(self, offset: int) -> None:
        """Move the log's start up to `offset` (`TO_HIGH_WATERMARK`: to there). `ValueError` beyond the high watermark.

        Segments before it go with the next `delete_old_segments`; the manager writes the checkpoint.
        """
        if offset == TO_HIGH_WATERMARK:
            offset = self._high_watermark
        if offset > self._high_watermark:
            raise ValueError(f"offset {offset} is beyond the high watermark {self._high_watermark}")
        self._start_at(offset)

    def _start_at(self, offset: int) -> None:
        if offset > self.log_start_offset:
            self.log_start_offset = offset
            self.epochs.truncate_from_start(offset)

    def delete_old_segments(self, now_ms: int) -> int:
        """Apply retention; how many segments went. Their files become `.deleted`, see `remove_deleted_files`."""
        segments = self._segments
        count = deletable(
            segments,
            self._config,
            log_start_offset=self.log_start_offset,
            log_end_offset=self.log_end_offset,
            high_watermark=self._high_watermark,
            now_ms=now_ms,
        )
        if not count:
            return 0
        if count == len(segments):
            self._roll(self.log_end_offset, now_ms)
        segments.remove(0, count, now_ms + self._config.file_delete_delay_ms)
        self._start_at(segments[0].base_offset)
        self.recovery_point = max(self.recovery_point, self.log_start_offset)
        return count

    # ── compaction ─────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def files(self) -> FileSystem:
        return self._files

    @property
    def active_segment_offset(self) -> int:
        """Where the segment begins that is appended to."""
        return self._segments.active.base_offset

    def segments_between(self, start: int, end: int) -> list[Segment]:
        """The closed segments that may hold an offset in `start … end` (exclusive)."""
        closed = list(self._segments)[self._segments.floor(start) : -1]
        return [segment for segment in closed if segment.base_offset < end]

    def aborted_between(self, start: int, end: int) -> list[AbortedTransactionEntry]:
        """The aborted transactions that have an offset in `start … end` (exclusive)."""
        segments = list(self._segments)[self._segments.floor(start) :]
        return [entry for segment in segments for entry in segment.transactions.overlapping(start, end)]

    @property
    def truncations(self) -> int:
        """How often something was cut off: what a closed segment holds is the same for ever, truncations apart."""
        return self._truncations

    def holds(self, segments: Sequence[Segment]) -> bool:
        """Whether these are closed segments of the log, one after the other."""
        first = self._segments.floor(segments[0].base_offset)
        return list(self._segments)[first : first + len(segments)] == [*segments] and (
            segments[-1] is not self._segments.active
        )

    def replace_segments(self, old: Sequence[Segment], now_ms: int) -> None:
        """Put the synced `.cleaned` files of the first of `old`, which the log `holds`, in the place of all of them.

        .cleaned ► .swap     from now on a start finishes the work (`recovery`)
        old ► .deleted
        .swap ► final names
        """
        base_offset = old[0].base_offset
        first = self._segments.floor(base_offset)
        paths = [self.directory / segment_file(base_offset, suffix) for suffix in SEGMENT_SUFFIXES]

        def rename(source: str, target: str) -> None:
            for path in paths:
                with suppress(FileNotFoundError):  # few have a transaction index
                    self._files.rename(path.with_name(path.name + source), path.with_name(path.name + target))

        def swapped_in() -> Segment:
            rename(SWAP_SUFFIX, "")
            created_ms = old[-1].created_ms
            return Segment(self._files, self.directory, base_offset, self._config, created_ms=created_ms, fresh=False)

        rename(CLEANED_SUFFIX, SWAP_SUFFIX)
        self._segments.replace(first, first + len(old), now_ms + self._config.file_delete_delay_ms, swapped_in)

    @property
    def next_removal_ms(self) -> int | None:
        """When `due_removals` has something next; None: nothing waits."""
        return self._segments.next_removal_ms

    def due_removals(self, now_ms: int) -> list[PurePath]:
        """The `.deleted` files whose `file.delete.delay.ms` is over, once: they are the caller's to remove."""
        return self._segments.due_removals(now_ms)

    def remove_deleted_files(self, now_ms: int) -> None:
        """Remove them here and now."""
        self._segments.remove_files(self._files, now_ms)

    def remove_expired_producers(self, now_ms: int) -> None:
        """Forget the producers that wrote nothing for `producer.id.expiration.ms`."""
        self.producers.remove_expired(now_ms, self._config.producer_id_expiration_ms)

    def move(self, directory: PurePath) -> None:
        """Rename the directory; reads that are under way go on."""
        self._files.rename(self.directory, directory)
        self.directory = directory
        self._segments.move(directory)
        self.epochs.move(directory)


def _sync_now(pending: PendingFlush | None) -> None:
    if pending is not None:
        pending.sync()
        pending.complete()


def _found_topic_id(files: FileSystem, directory: PurePath, *, clean: bool) -> bytes | None:
    """None also where a loss of power tore the file, which the first flush syncs: the metadata will tell the id."""
    try:
        return read_topic_id(files, directory)
    except CorruptCheckpointError:
        if clean:
            raise
        files.remove(directory / PARTITION_METADATA)
        return None
