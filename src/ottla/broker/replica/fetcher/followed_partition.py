"""One partition that a fetcher follows: what was asked of its leader last, and what an answer does to its log.

The next fetch begins where the log ends, with the newest leader epoch that the log has seen: a leader whose history
went another way answers where that epoch ended, and the log is cut there (KIP-101, 279, 595). Nothing that is committed
is cut, as long as every leader was in sync. Kafka's `PartitionFetchState`, `AbstractFetcherThread`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla.protocol.api.fetch import FetchPartition

if TYPE_CHECKING:
    from ottla.broker.replica.partition import Partition
    from ottla.protocol.api.fetch import PartitionData

FIRST_BACKOFF_MS: Final = 50.0
"""After an error; twice as long after each that follows at once, up to `replica.fetch.backoff.ms`."""

UNKNOWN: Final = -1


class FollowedPartition:
    """`leader_epoch`: under which it is followed. `asked_offset`: where the last fetch that the leader knows begins.

    `is_in_sync`: it had all that was committed, by the last answer.
    """

    __slots__ = ("_backoff_ms", "asked_offset", "is_in_sync", "key", "leader_epoch", "partition", "ready_ms")

    def __init__(self, partition: Partition) -> None:
        self.partition = partition
        self.key = (partition.topic_id, partition.index)
        self.leader_epoch = partition.leader_epoch
        self.asked_offset = UNKNOWN
        self.is_in_sync = False
        self.ready_ms = 0.0
        self._backoff_ms = 0.0

    def cut_what_no_epoch_tells(self, now_ms: int) -> bool:
        """Without any leader epoch the leader cannot say where histories part; what is committed is sure."""
        log = self.partition.log
        if log.epochs.latest >= 0 or log.log_end_offset <= log.high_watermark:
            return False
        self.partition.truncate_to(log.high_watermark, now_ms)
        return True

    def ask(self, max_bytes: int) -> FetchPartition:
        log = self.partition.log
        self.asked_offset = log.log_end_offset
        return FetchPartition(
            partition=self.partition.index,
            current_leader_epoch=self.leader_epoch,
            fetch_offset=log.log_end_offset,
            last_fetched_epoch=log.epochs.latest,
            log_start_offset=log.log_start_offset,
            partition_max_bytes=max_bytes,
        )

    def is_answered_by(self, data: PartitionData) -> bool:
        """False: since it was asked, the log has been changed by others."""
        return self.asked_offset == self.partition.log.log_end_offset

    def append(self, data: PartitionData, now_ms: int) -> bool:
        """What the leader has given; whether that changed what is to be asked next. May raise as the log does."""
        partition, log = self.partition, self.partition.log
        start = log.log_start_offset
        records = data.records
        size = 0
        if isinstance(records, bytes | memoryview) and records:
            size = partition.append_fetched(records, now_ms, data.log_start_offset)
        partition.take_bounds(data.high_watermark, data.log_start_offset)
        self.is_in_sync = data.high_watermark <= log.log_end_offset
        return size > 0 or log.log_start_offset != start

    def truncate(self, epoch: int, end_offset: int, now_ms: int) -> int:
        """`epoch` is the last one up to the one asked for that the leader has, and ends there. Where the log is cut."""
        log = self.partition.log
        end = log.log_end_offset
        if end_offset == UNKNOWN:
            offset = log.high_watermark
        elif epoch == UNKNOWN:
            offset = min(end_offset, end)
        else:
            own = log.end_offset_for_epoch(epoch)
            if own is None:
                offset = min(end_offset, end)
            elif own[0] != epoch:
                offset = min(own[1], end)  # the leader's epoch is unknown here: ask again with the one before it
            else:
                offset = min(own[1], end_offset, end)
        self.partition.truncate_to(offset, now_ms)
        return offset

    def begin_within(self, leader_start: int, leader_end: int, now_ms: int) -> None:
        """The leader has nothing at the log's end: the log is too long (it was elected uncleanly), or too old."""
        log = self.partition.log
        if leader_end < log.log_end_offset:
            self.partition.truncate_to(leader_end, now_ms)
        elif leader_start > log.log_end_offset:
            self.partition.truncate_fully_at(leader_start, now_ms)

    def back_off(self, now_ms: float, max_ms: float) -> None:
        self._backoff_ms = min(max(FIRST_BACKOFF_MS, 2 * self._backoff_ms), max_ms)
        self.ready_ms = now_ms + self._backoff_ms

    def went_well(self) -> None:
        self._backoff_ms = 0.0
