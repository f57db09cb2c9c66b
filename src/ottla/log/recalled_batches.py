"""A producer's earlier batches, read again from the log when one of them seems to come twice.

A snapshot of the producers keeps the last batch of each (Kafka's format has no more), so a log that was opened from one
would take a batch that is sent again for one out of order, if another came after it. Apache Kafka does.
"""

from collections.abc import Callable
from typing import Final

from ottla.log.log_slice import LogSlice
from ottla.log.producer_state import CACHED_BATCHES, CachedBatch, ProducerEntry
from ottla.protocol.record_batch import BatchHeader, iterate_batches

MAX_OFFSETS_BACK: Final = 5_000
MAX_READS: Final = 8
MAX_READ_BYTES: Final = 4 * 1024 * 1024
"""How far back it is looked for them, and how much is read at most; once for each producer."""


def recall_batches(entry: ProducerEntry, read: Callable[[int, int], LogSlice], log_start_offset: int) -> None:
    """`read(offset, max_bytes)`: `Log.read`, which ends at a segment's end. Raises `OSError`."""
    entry.is_recalled = True
    if not entry.batches or len(entry.batches) >= CACHED_BATCHES:
        return
    known_from = entry.batches[0].first_offset
    offset = max(log_start_offset, known_from - MAX_OFFSETS_BACK)
    earlier: list[CachedBatch] = []
    for _ in range(MAX_READS):
        found = read(offset, MAX_READ_BYTES) if offset < known_from else None
        if found is None or found.region is None:
            break
        data = found.region.file.read(found.region.position, found.region.size)
        for _, header in iterate_batches(data, cut_is_end=True):
            offset = header.last_offset + 1
            if header.last_offset < known_from and _is_of(entry, header):
                earlier.append(_cached(header))
    entry.batches[:0] = earlier[len(entry.batches) - CACHED_BATCHES :]


def _is_of(entry: ProducerEntry, header: BatchHeader) -> bool:
    return header.producer_id == entry.producer_id and header.producer_epoch == entry.epoch and not header.is_control


def _cached(header: BatchHeader) -> CachedBatch:
    return CachedBatch(
        header.base_sequence, header.last_sequence, header.base_offset, header.last_offset, header.max_timestamp
    )
