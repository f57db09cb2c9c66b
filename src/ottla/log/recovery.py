"""Opening a log's directory: what a stopped node left there becomes segments again (`LogLoader`, `LogSegment.recover`).

After a clean shutdown everything is trusted. After any other the segments from the recovery point on are read whole:
each batch must be whole, of the right format, with the right checksum and offsets that grow; at the first that is not,
the log ends there, and later segments go. Their indexes, and the leader epochs that their batches name, are made anew.

Left-over files, as in Kafka: `.deleted` goes; `.cleaned` goes, and so does a `.swap` that belongs to the same work
(its offset is not below that of a `.cleaned`); any other `.swap` replaces the segments whose offsets it covers.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import PurePath

from ottla.log.batch_scan import CorruptBatchError, scan_batches
from ottla.log.config import LogConfig
from ottla.log.file_names import (
    CLEANED_SUFFIX,
    DELETED_SUFFIX,
    INDEX_SUFFIX,
    LOG_SUFFIX,
    SEGMENT_SUFFIXES,
    SWAP_SUFFIX,
    TIME_INDEX_SUFFIX,
    SegmentFileName,
    parse_segment_file,
    segment_file,
)
from ottla.log.leader_epochs import LeaderEpochs
from ottla.log.segment import MAX_RELATIVE_OFFSET, Segment
from ottla.log.segments import Segments
from ottla.protocol.record_batch import crc_matches
from ottla.runtime.files import FileSystem


class OffsetOverflowError(Exception):
    """A segment holds offsets too far from its base: written by a Kafka before 1.0; Kafka would split it."""


@dataclass(slots=True)
class LoadedSegments:
    segments: Segments = field(default_factory=Segments)
    log_start_offset: int = 0
    log_end_offset: int = 0
    truncated_bytes: int = 0
    recovered_from: int | None = None
    """The base offset of the first segment that was read whole, and whose transactions are still to be indexed."""


@dataclass(slots=True)
class SegmentLoader:
    """One opening of one directory, which exists."""

    files: FileSystem
    directory: PurePath
    config: LogConfig
    now_ms: int

    def load(
        self, names: set[str], epochs: LeaderEpochs, *, clean: bool, recovery_point: int, log_start_offset: int
    ) -> LoadedSegments:
        """`names`: what is in the directory."""
        names = self._finish_interrupted_work(names)
        loaded = LoadedSegments(log_start_offset=log_start_offset)
        for base_offset in self._bases(names):
            segment = self._segment(base_offset, fresh=False)
            if segment_file(base_offset, INDEX_SUFFIX) not in names or (
                segment_file(base_offset, TIME_INDEX_SUFFIX) not in names
            ):
                segment.rebuild_indexes()
            loaded.segments.add(segment)
        if not clean:
            self._recover(loaded, epochs, recovery_point)
        if len(loaded.segments):
            loaded.log_end_offset = loaded.segments.active.next_offset()
            if loaded.log_end_offset < log_start_offset:
                loaded.segments.remove(0, len(loaded.segments), self.now_ms)
        if not len(loaded.segments):
            loaded.segments.add(self._segment(log_start_offset, fresh=True))
            loaded.log_end_offset = log_start_offset
        loaded.log_start_offset = max(log_start_offset, loaded.segments[0].base_offset)
        return loaded

    def _segment(self, base_offset: int, *, fresh: bool) -> Segment:
        return Segment(self.files, self.directory, base_offset, self.config, created_ms=self.now_ms, fresh=fresh)

    def _bases(self, names: set[str]) -> list[int]:
        """Base offsets of the segments; an index without its log is removed."""
        parsed = [(name, parse_segment_file(name)) for name in names]
        for name, file in parsed:
            if file and file.suffix in SEGMENT_SUFFIXES and segment_file(file.offset, LOG_SUFFIX) not in names:
                self._remove(name)
        return sorted(file.offset for _, file in parsed if file and file.suffix == LOG_SUFFIX)

    def _remove(self, name: str) -> None:
        with suppress(FileNotFoundError):
            self.files.remove(self.directory / name)

    # ── files that a crash left ────────────────────────────────────────────────────────────────────────────────────

    def _finish_interrupted_work(self, names: set[str]) -> set[str]:
        """The names that count afterwards."""
        cleaned = [name for name in names if name.endswith(CLEANED_SUFFIX)]
        swapped = [name for name in names if name.endswith(SWAP_SUFFIX)]
        gone = {name for name in names if name.endswith(DELETED_SUFFIX)} | set(cleaned)
        unfinished = [parsed.offset for name in cleaned if (parsed := _without(name, CLEANED_SUFFIX))]
        if unfinished:
            gone |= {
                name
                for name in swapped
                if (parsed := _without(name, SWAP_SUFFIX)) is not None and parsed.offset >= min(unfinished)
            }
        for name in gone:
            self._remove(name)
        names -= gone
        finished = [name for name in swapped if name not in gone]
        return self._swap_in(names, finished) if finished else names

    def _swap_in(self, names: set[str], swapped: list[str]) -> set[str]:
        logs = sorted(
            parsed.offset
            for name in swapped
            if (parsed := _without(name, SWAP_SUFFIX)) is not None and parsed.suffix == LOG_SUFFIX
        )
        if logs:
            first, end = logs[0], max(self._end_of_swap(offset) for offset in logs)
            for name in list(names):
                parsed = parse_segment_file(name)
                if parsed and parsed.suffix in SEGMENT_SUFFIXES and first <= parsed.offset < end:
                    self._remove(name)
                    names.discard(name)
        for name in swapped:
            target = name.removesuffix(SWAP_SUFFIX)
            self.files.rename(self.directory / name, self.directory / target)
            names.discard(name)
            names.add(target)
        return names

    def _end_of_swap(self, base_offset: int) -> int:
        path = self.directory / (segment_file(base_offset, LOG_SUFFIX) + SWAP_SUFFIX)
        file = self.files.open(path)
        end = base_offset + 1
        try:
            for _, header, _ in scan_batches(file, 0, file.size):
                end = header.next_offset
        except CorruptBatchError:
            pass
        finally:
            file.close()
        return end

    # ── recovery ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _recover(self, loaded: LoadedSegments, epochs: LeaderEpochs, recovery_point: int) -> None:
        segments = loaded.segments
        if not len(segments):
            return
        first = segments.floor(recovery_point)
        loaded.recovered_from = segments[first].base_offset
        for index in range(first, len(segments)):
            cut, following = self._recover_segment(segments[index], epochs)
            loaded.truncated_bytes += cut
            if index + 1 < len(segments) and (cut or self._lost_before(segments[index + 1], following, recovery_point)):
                loaded.truncated_bytes += sum(segment.size for segment in list(segments)[index + 1 :])
                segments.remove(index + 1, len(segments), self.now_ms)
                break
        segments.remove_files(self.files, self.now_ms)
        self.files.sync_directory(self.directory)

    def _lost_before(self, segment: Segment, following: int, recovery_point: int) -> bool:
        """Whether batches are missing before a segment that was begun after the last flush: the end of the file before
        was lost, between two batches. (Kafka keeps such a hole.) On a compacted topic holes are normal.
        """
        return segment.base_offset > max(following, recovery_point) and not self.config.compact

    def _recover_segment(self, segment: Segment, epochs: LeaderEpochs) -> tuple[int, int]:
        """Bytes that were no batch and are cut off, and the next offset. The rest is on the disk afterwards."""
        file = segment.file
        segment.begin_rebuild()
        valid, following = 0, segment.base_offset
        with suppress(CorruptBatchError):
            for position, header, view in scan_batches(file, 0, segment.size):
                if not crc_matches(view, 0, header) or not following <= header.base_offset <= header.last_offset:
                    break
                if header.last_offset - segment.base_offset > MAX_RELATIVE_OFFSET:
                    raise OffsetOverflowError(
                        f"{segment.directory}: offset {header.last_offset} in {segment.base_offset}"
                    )
                segment.index_again(position, header)
                if header.partition_leader_epoch >= 0:
                    epochs.note(header.partition_leader_epoch, header.base_offset)
                valid, following = position + header.size, header.next_offset
        cut = segment.size - valid
        if cut:
            segment.cut(valid)
        segment.end_rebuild()
        segment.transactions.clear()  # by `producer_recovery`, which knows who was in the middle of what
        segment.sync()
        return cut, following


def _without(name: str, suffix: str) -> SegmentFileName | None:
    return parse_segment_file(name.removesuffix(suffix))
