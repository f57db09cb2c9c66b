"""The time of a record, as a source sees it (`TimestampExtractor`): five ways, and whatever an application writes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ottla.streams.errors import StreamsError

if TYPE_CHECKING:
    from ottla.streams.record import Headers


class ConsumedRecord(NamedTuple):
    """A record as a source node read it: key and value are deserialized."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: Any
    value: Any
    headers: Headers


class TimestampExtractor(Protocol):
    def __call__(self, record: ConsumedRecord, partition_time_ms: int, /) -> int:
        """In milliseconds since 1970. A negative one drops the record.

        `partition_time_ms` is the greatest that was extracted in the record's partition so far, or -1.
        """


def fail_on_invalid_timestamp(record: ConsumedRecord, partition_time_ms: int, /) -> int:
    """The record's own; the default."""
    if record.timestamp_ms < 0:
        raise StreamsError(
            f"the record at offset {record.offset} of {record.topic}-{record.partition} has the invalid (negative) "
            f"timestamp {record.timestamp_ms}; was it written by a producer without timestamps? Use another timestamp "
            "extractor for it"
        )
    return record.timestamp_ms


def log_and_skip_on_invalid_timestamp(record: ConsumedRecord, partition_time_ms: int, /) -> int:
    """The record's own; the task skips a record whose timestamp is negative, and says so in its log."""
    return record.timestamp_ms


def use_partition_time_on_invalid_timestamp(record: ConsumedRecord, partition_time_ms: int, /) -> int:
    """The record's own, or else the greatest of its partition so far."""
    if record.timestamp_ms >= 0:
        return record.timestamp_ms
    if partition_time_ms < 0:
        raise StreamsError(
            f"the record at offset {record.offset} of {record.topic}-{record.partition} has no timestamp, and there is "
            "none of an earlier record to use instead"
        )
    return partition_time_ms


def wallclock_timestamp(record: ConsumedRecord, partition_time_ms: int, /) -> int:
    """The time of day at which the record is processed."""
    return int(time.time() * 1000)
