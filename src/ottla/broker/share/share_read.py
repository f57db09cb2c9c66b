"""What of a share partition's log a fetch may acquire: a look that takes nothing, then the taking.

Read is from the first free offset on, whole batches. A batch in which nothing is free ends the reading once something
was found. Transaction markers, and under read_committed what aborted transactions wrote, are for nobody: they are
archived where they are met, and never given out. Records are not opened, only the headers of their batches.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ottla.broker.share.in_flight import Acquired
from ottla.broker.share.share_partition import SharePartition
from ottla.log.log import Log
from ottla.protocol.record_batch import BatchHeader, iterate_batches

if TYPE_CHECKING:
    from ottla.log.log_slice import AbortedTransaction

READ_COMMITTED = "read_committed"
# Of one partition in one fetch; a batch that is larger is read whole.
MAX_READ_BYTES = 1_048_576
# How often one look goes on after a stretch of records that are for nobody; the next fetch goes on from there.
MAX_STRETCHES = 16


@dataclass(slots=True)
class Readable:
    """Batches from the one that holds `first_offset` to the one that ends at `last_offset`; `count` are free.

    `batch_ends`: the last offset of each.
    """

    first_offset: int
    last_offset: int
    count: int
    data: memoryview
    batch_ends: list[int]


def look(share: SharePartition, max_bytes: int, max_records: int) -> Readable | None:
    """What could be acquired now: batches with `max_records` free records, or a few more in the last; `OSError`."""
    share.refresh()
    records, log = share.records, share.partition.log
    read_committed = share.config().isolation_level == READ_COMMITTED
    bound = log.last_stable_offset if read_committed else log.high_watermark
    for _ in range(MAX_STRETCHES):
        first = records.next_fetch_offset()
        if first >= bound or max_records <= 0 or not records.can_acquire():
            return None
        region = log.read(first, min(max_bytes, MAX_READ_BYTES), upper_bound=bound, min_one=True).region
        if region is None:
            return None
        data = region.file.read(region.position, region.size)
        found = _walk(share, data, first, max_records, read_committed=read_committed)
        if found is not None:
            return found
        if records.next_fetch_offset() <= first:
            return None
    return None


def take(share: SharePartition, member_id: str, readable: Readable, max_records: int) -> list[Acquired]:
    """Acquire what `look` has found, in the same turn of the loop; `max_records` may be lower than what was found."""
    acquired = share.records.acquire(
        member_id, readable.first_offset, readable.last_offset, max_records, share.deadline_ms()
    )
    share.acquired()
    return acquired


def _walk(share: SharePartition, data: bytes, first: int, max_records: int, *, read_committed: bool) -> Readable | None:
    records = share.records
    count = 0
    ends: list[int] = []
    start = end = 0
    last = -1
    for position, header, is_for_nobody in _batches(share.partition.log, data, first, read_committed):
        begin = max(first, header.base_offset)
        if is_for_nobody:
            records.archive(begin, header.last_offset)
            continue
        free = records.free_count(begin, header.last_offset)
        if not free:
            if count:
                break
            continue
        if not count:
            start = position
        count += free
        last = header.last_offset
        ends.append(last)
        end = position + header.size
        if count >= max_records:
            break
    return Readable(first, last, count, memoryview(data)[start:end], ends) if count else None


def _batches(log: Log, data: bytes, first: int, read_committed: bool) -> Iterator[tuple[int, BatchHeader, bool]]:
    """Position and header of each whole batch, and whether it is a marker or was aborted."""
    waiting: list[AbortedTransaction] | None = None
    aborted: set[int] = set()
    for position, header in iterate_batches(data, cut_is_end=True):
        if not header.is_transactional and not header.is_control:
            yield position, header, False
            continue
        if read_committed and waiting is None:
            waiting = log.aborted_transactions(first, log.last_stable_offset)
        while waiting and waiting[0].first_offset <= header.last_offset:
            aborted.add(waiting.pop(0).producer_id)
        if header.is_control:
            aborted.discard(header.producer_id)
        yield position, header, header.is_control or header.producer_id in aborted
