"""Finding offsets by time (`LogSegment.findOffsetByTimestamp`, ListOffsets): exact to the record, and fast.

The time index names a batch near the answer, headers are walked from there, and one batch is opened.
"""

from typing import NamedTuple

from ottla.log.batch_scan import scan_headers
from ottla.log.segment import Segment
from ottla.log.segments import Segments
from ottla.protocol.record import iterate_records
from ottla.protocol.record_batch import NO_TIMESTAMP, BatchHeader


class TimestampedOffset(NamedTuple):
    """A record's offset and timestamp, and the leader epoch that wrote it (-1: unknown)."""

    offset: int
    timestamp_ms: int
    leader_epoch: int


def first_at_or_after(segments: Segments, timestamp_ms: int, log_start_offset: int) -> TimestampedOffset | None:
    """The first record at `log_start_offset` or later whose timestamp is `timestamp_ms` or later."""
    for index in range(segments.floor(log_start_offset), len(segments)):
        segment = segments.read(index)
        if segment.largest_timestamp >= timestamp_ms:
            found = _first_in(segment, timestamp_ms, log_start_offset)
            if found is not None:
                return found
    return None


def _first_in(segment: Segment, timestamp_ms: int, start_offset: int) -> TimestampedOffset | None:
    offset = max(segment.times.offset_before(timestamp_ms), start_offset)
    position = segment.position_before(offset)
    for at, header in scan_headers(segment.file, position, segment.size):
        if header.max_timestamp < timestamp_ms or header.last_offset < start_offset:
            continue
        for record in iterate_records(segment.file.read(at, header.size), 0, header):
            if record.timestamp >= timestamp_ms and record.offset >= start_offset:
                return TimestampedOffset(record.offset, record.timestamp, header.partition_leader_epoch)
    return None


def of_max_timestamp(segments: Segments, log_start_offset: int) -> TimestampedOffset | None:
    """The first record that has the largest timestamp of all (KIP-734)."""
    best, best_index = NO_TIMESTAMP, -1
    for index in range(segments.floor(log_start_offset), len(segments)):
        largest = segments.read(index).largest_timestamp
        if largest > best:
            best, best_index = largest, index
    if best_index < 0:
        return None
    segment = segments.read(best_index)
    position = segment.position_before(segment.max_timestamp_offset)
    for at, header in scan_headers(segment.file, position, segment.size):
        if header.max_timestamp >= best:
            return _max_in(segment, at, header)
    return None


def _max_in(segment: Segment, position: int, header: BatchHeader) -> TimestampedOffset | None:
    best: TimestampedOffset | None = None
    for record in iterate_records(segment.file.read(position, header.size), 0, header):
        if best is None or record.timestamp > best.timestamp_ms:
            best = TimestampedOffset(record.offset, record.timestamp, header.partition_leader_epoch)
    return best
