"""The producers' state from what is on disk: the newest snapshot that can be trusted, and the batches after it."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import PurePath
from struct import Struct

from ottla.log.batch_scan import scan_headers
from ottla.log.file_names import SNAPSHOT_SUFFIX, parse_segment_file
from ottla.log.producer_snapshot import CorruptSnapshotError, read_snapshot, snapshot_path, write_snapshot
from ottla.log.producer_state import CompletedTransaction, ProducerStates
from ottla.log.segments import Segments
from ottla.protocol.control_batch import ControlRecordType, control_record_type
from ottla.protocol.record import iterate_records
from ottla.protocol.record_batch import BatchHeader
from ottla.runtime.files import Buffer, FileSystem

Ended = tuple[CompletedTransaction, int]

_END_TRANSACTION = Struct(">hi")


def snapshot_offsets(names: Iterable[str]) -> list[int]:
    """Of every snapshot among the names in a log's directory, ascending."""
    found = (parse_segment_file(name) for name in names if name.endswith(SNAPSHOT_SUFFIX))
    return sorted(name.offset for name in found if name is not None and name.suffix == SNAPSHOT_SUFFIX)


def remove_snapshot(files: FileSystem, directory: PurePath, offset: int) -> None:
    with suppress(FileNotFoundError):
        files.remove(snapshot_path(directory, offset))


def remove_stray_snapshots(files: FileSystem, directory: PurePath, offsets: list[int], bases: list[int]) -> list[int]:
    """Keep those at a segment's beginning, and the newest if it is beyond all of them (a clean close left it)."""
    keep = set(bases)
    if offsets and offsets[-1] > bases[-1]:
        keep.add(offsets[-1])
    for offset in offsets:
        if offset not in keep:
            remove_snapshot(files, directory, offset)
    return [offset for offset in offsets if offset in keep]


def restore_producers(
    files: FileSystem,
    directory: PurePath,
    segments: Segments,
    producers: ProducerStates,
    snapshots: list[int],
    *,
    log_start_offset: int,
    log_end_offset: int,
    now_ms: int,
    expiration_ms: int,
    recovered_from: int | None = None,
) -> int:
    """Fill `producers`; returns the offset of the newest snapshot that is there afterwards (-1: none).

    Snapshots beyond the log's end are removed. When batches had to be read, a snapshot is taken at the beginning of the
    last segments and at the end, so that the next start reads less.

    Segments from `recovered_from` on get their aborted transactions indexed again: who died may have written a marker,
    and its entry not. Only a snapshot from before them tells which transactions were open at their beginning.
    """
    producers.clear()
    begin, newest = log_start_offset, -1
    trusted = log_end_offset if recovered_from is None else min(recovered_from, log_end_offset)
    for offset in reversed(snapshots):
        if offset > trusted:
            remove_snapshot(files, directory, offset)
            continue
        try:
            producers.load(read_snapshot(files, directory, offset), now_ms, expiration_ms)
        except CorruptSnapshotError:
            remove_snapshot(files, directory, offset)
            continue
        begin, newest = max(offset, log_start_offset), offset
        break
    if begin >= log_end_offset:
        return newest
    bases = segments.base_offsets
    indexed = False
    for index in range(segments.floor(begin), len(segments)):
        base = bases[index]
        is_recovered = recovered_from is not None and base >= recovered_from
        if base > begin and base > newest and (is_recovered or index >= len(segments) - 2):
            write_snapshot(files, directory, base, producers.entries.values(), sync=False)
            newest = base
        ended = _replay(segments, index, producers, begin)
        if is_recovered:
            indexed = segments[index].transactions.index_again(ended) or indexed
    if indexed:
        files.sync_directory(directory)
    write_snapshot(files, directory, log_end_offset, producers.entries.values(), sync=False)
    return log_end_offset


def _replay(segments: Segments, index: int, producers: ProducerStates, begin: int) -> list[Ended]:
    """The transactions that ended there, and the last stable offset after each."""
    segment = segments.read(index)
    found = segment.find(begin)
    ended: list[Ended] = []
    if found is None:
        return ended
    for position, header in scan_headers(segment.file, found[0], segment.size):
        if not header.has_producer_id or header.last_offset < begin:
            continue
        if header.is_control:
            one = record_marker(producers, header, segment.file.read(position, header.size))
            if one is not None:
                ended.append(one)
        else:
            producers.append_batch(header)
    return ended


def marker_of(header: BatchHeader, batch: Buffer) -> tuple[bool, int] | None:
    """(aborted, coordinator epoch) of a transaction marker; None for any other control batch.

    Raises `InvalidBatchError`.
    """
    record = next(iterate_records(batch, 0, header), None)
    if record is None or record.value is None or len(record.value) < _END_TRANSACTION.size:
        return None
    kind = control_record_type(record.key)
    if kind is not ControlRecordType.ABORT and kind is not ControlRecordType.COMMIT:
        return None
    _, coordinator_epoch = _END_TRANSACTION.unpack_from(record.value)
    return kind is ControlRecordType.ABORT, int(coordinator_epoch)


def record_marker(producers: ProducerStates, header: BatchHeader, batch: Buffer) -> Ended | None:
    """A control batch that stands in the log under `header`'s offsets (those in `batch` do not count)."""
    marker = marker_of(header, batch)
    if marker is None:
        return None
    aborted, coordinator_epoch = marker
    return producers.end_transaction(header, aborted=aborted, coordinator_epoch=coordinator_epoch)
