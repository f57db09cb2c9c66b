"""Which segments may go (`UnifiedLog.deleteOldSegments`): too old, too much, or before the log's start.

Only the oldest go, one after the other; never one that the high watermark has not passed, never an empty last one.
"""

from ottla.log.config import LogConfig
from ottla.log.segments import Segments


def deletable(
    segments: Segments,
    config: LogConfig,
    *,
    log_start_offset: int,
    log_end_offset: int,
    high_watermark: int,
    now_ms: int,
) -> int:
    """How many of the oldest segments may be deleted."""
    excess = segments.size_bytes - config.retention_bytes if config.delete and config.retention_bytes >= 0 else 0
    for index, segment in enumerate(segments):
        last = index + 1 == len(segments)
        end = segments.end_of(index, log_end_offset)
        if high_watermark < end or (last and segment.size == 0):
            return index
        too_old = (
            config.delete
            and config.retention_ms >= 0
            and now_ms - _age_from(segment.largest_timestamp, segment.created_ms) > config.retention_ms
        )
        too_much = excess > 0 and excess - segment.size >= 0
        before_start = not last and end <= log_start_offset
        if not (too_old or too_much or before_start):
            return index
        excess -= segment.size
    return len(segments)


def _age_from(largest_timestamp: int, created_ms: int) -> int:
    return largest_timestamp if largest_timestamp >= 0 else created_ms
