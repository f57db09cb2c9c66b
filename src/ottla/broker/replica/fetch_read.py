"""One reading of what a fetch may have: the ready partitions of its session, within the limits of the request (KIP-74).

Partitions are read in the session's order until `max_bytes` are found. The first batch of the first partition that has
any is given whole, however large, so that a fetcher always gets on. Records are never looked at: what is found are
regions of segment files. Nothing is changed until `settle`, when the answer is sure to be sent; a fetch that parks
reads again. But what a follower's request says of its progress is believed at once, with its first reading.
"""

from collections.abc import Callable
from typing import Final

from ottla.broker.replica.fetch_session import NEVER_SENT, NO_SESSION, FetchPartition, FetchSession
from ottla.broker.replica.partition import Partition
from ottla.broker.replica.read_replica import THE_LEADER
from ottla.broker.replica.replica_manager import ReplicaManager
from ottla.protocol.api.fetch import (
    AbortedTransaction,
    EpochEndOffset,
    LeaderIdAndEpoch,
    PartitionData,
    SnapshotId,
)
from ottla.protocol.errors import ErrorCode
from ottla.runtime.files import FileRegion

CONSUMER: Final = -1
READ_COMMITTED: Final = 1

NONE: Final = ErrorCode.NONE
UNKNOWN_PARTITION: Final = frozenset((ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, ErrorCode.UNKNOWN_TOPIC_ID))

# Shared by all answers: nobody changes them.
NO_DIVERGENCE: Final = EpochEndOffset()
NO_LEADER: Final = LeaderIdAndEpoch()
NO_SNAPSHOT: Final = SnapshotId()


class FetchRead:
    """`found` is in the order of the answer. `answer_now`: there is an error or a divergence, which does not wait."""

    __slots__ = (
        "_leader_only",
        "_manager",
        "_max_bytes",
        "_prefer",
        "_read_committed",
        "_replica_epoch",
        "_replica_id",
        "_session",
        "_some_unknown",
        "_takes_progress",
        "answer_now",
        "found",
        "size",
    )

    def __init__(
        self,
        manager: ReplicaManager,
        session: FetchSession,
        *,
        replica_id: int,
        isolation_level: int,
        max_bytes: int,
        replica_epoch: int = -1,
        takes_progress: bool = True,
        leader_only: bool = True,
        prefer: Callable[[Partition, int], int] | None = None,
    ) -> None:
        """`takes_progress`: the first reading of a request. `leader_only`: before KIP-392.

        `prefer`: which replica the consumer had better read a partition from that is led here, -1 for this one.
        """
        self._manager = manager
        self._session = session
        self._replica_id = replica_id
        self._replica_epoch = replica_epoch
        self._takes_progress = takes_progress
        self._leader_only = leader_only or replica_id >= 0
        self._prefer = prefer
        self._read_committed = isolation_level == READ_COMMITTED
        self._max_bytes = max_bytes
        self.found: list[tuple[FetchPartition, PartitionData]] = []
        self.size = 0
        self.answer_now = False
        self._some_unknown = False

    def run(self) -> None:
        session = self._session
        incremental = session.id != 0
        is_follower = self._replica_id >= 0
        limit = self._max_bytes
        nothing_new: list[FetchPartition] = []
        failed: list[tuple[FetchPartition, OSError]] = []
        for wanted in session.ready:
            data = wanted.quiet
            if data is None:
                try:
                    data = self._read(wanted, limit - self.size)
                except OSError as error:
                    failed.append((wanted, error))
                    data = self._refused(wanted, ErrorCode.KAFKA_STORAGE_ERROR)
            if data is None:
                nothing_new.append(wanted)
                continue
            if incremental and is_follower and not wanted.exhausted and not _says_anything(data):
                continue  # its turn comes; but what it says of itself was heard
            self.found.append((wanted, data))
            if incremental and self.size >= limit and not is_follower:
                break
        for wanted in nothing_new:
            self._rest(wanted)
        for wanted, failure in failed:  # others of the directory have news then, too
            if wanted.partition is not None:
                wanted.partition.traffic.failed_fetches += 1
                self._manager.disk_failed(wanted.partition, failure)
        if self._some_unknown and not session.knows_any():
            self.answer_now = True

    def keep_quiet(self) -> None:
        """The fetch parks, and will be told of all that happens: what has nothing new is not looked at again."""
        if self._session.id == NO_SESSION:
            for wanted, data in self.found:
                if wanted.exhausted:
                    wanted.quiet = data

    def settle(self) -> None:
        """The answer goes out: remember what it says; who was given records comes last next time."""
        ready = self._session.ready
        for wanted, data in self.found:
            wanted.quiet = None
            if data.error_code != NONE or data.diverging_epoch is not NO_DIVERGENCE:
                wanted.sent_high_watermark = NEVER_SENT  # not heeded: say it with the next answer
            else:
                wanted.sent_high_watermark = data.high_watermark
                wanted.sent_log_start_offset = data.log_start_offset
            if wanted.exhausted:
                self._rest(wanted)
            elif data.records:
                _count(wanted, data, of_follower=self._replica_id >= 0)
                del ready[wanted]
                ready[wanted] = None

    def _rest(self, wanted: FetchPartition) -> None:
        """There is nothing more to tell until the partition does; and to hear, unless a parked fetch is read again."""
        if wanted.unheard:
            return
        del self._session.ready[wanted]
        if self._session.listening:
            wanted.listen()

    def _read(self, wanted: FetchPartition, limit: int) -> PartitionData | None:
        """What to say of one partition; `None`: nothing that was not said before."""
        wanted.exhausted = False
        may_read = self._session.may_read
        if may_read is not None and not may_read(wanted.topic_key):
            return self._refused(wanted, ErrorCode.TOPIC_AUTHORIZATION_FAILED)
        partition = wanted.partition
        takes_progress = self._takes_progress
        if partition is None or partition.closed:
            where = self._session.find(self._manager, wanted)
            if isinstance(where, ErrorCode):
                return self._unknown(wanted, where)
            partition = where
            takes_progress = True  # who waited for it has not been heard yet, and will not say it again
        partition.traffic.fetches += 1
        error = partition.epoch_error(wanted.current_leader_epoch, leader_only=self._leader_only)
        if error is NONE and self._replica_id >= 0:
            error = self._recognise(partition, wanted)
        if error is not NONE:
            return self._refused(wanted, error)
        log = partition.log
        offset = wanted.fetch_offset
        log_start_offset = log.log_start_offset
        if wanted.last_fetched_epoch >= 0:
            diverging = self._divergence(partition, wanted)
            if diverging is not None:
                return diverging
        if not log_start_offset <= offset <= log.log_end_offset:
            return self._refused(wanted, ErrorCode.OFFSET_OUT_OF_RANGE)
        if self._replica_id >= 0 and takes_progress:
            error = self._take_progress(partition, wanted)
            if error is not NONE:
                return self._refused(wanted, error)
        if self._prefer is not None and partition.leadership is not None:
            elsewhere = self._prefer(partition, offset)
            if elsewhere != THE_LEADER:
                return self._sent_elsewhere(partition, wanted, elsewhere)
        high_watermark = log.high_watermark
        bound = self._upper_bound(partition)
        records: FileRegion | bytes = b""
        if offset >= bound:
            if wanted.sent_high_watermark == high_watermark and wanted.sent_log_start_offset == log_start_offset:
                return None
            wanted.exhausted = True
        elif self._is_held_up(partition, wanted):
            pass
        elif limit > 0 or self.size == 0:
            region = log.read(
                offset, max(0, min(limit, wanted.max_bytes)), upper_bound=bound, min_one=self.size == 0
            ).region
            if region is not None:
                records = region
                self.size += region.size
        return self._data(partition, wanted, records)

    def _sent_elsewhere(self, partition: Partition, wanted: FetchPartition, replica_id: int) -> PartitionData:
        self.answer_now = True
        data = self._data(partition, wanted, b"")
        data.preferred_read_replica = replica_id
        return data

    def _recognise(self, partition: Partition, wanted: FetchPartition) -> ErrorCode:
        """Whether the one who fetches is a replica of the partition, as far as this node knows."""
        leadership = partition.leadership
        wanted.follower = None if leadership is None else leadership.followers.get(self._replica_id)
        if wanted.follower is not None:
            return NONE
        # With an epoch it may know more of a reassignment than this node does; it asks again.
        known = wanted.current_leader_epoch >= 0
        return ErrorCode.UNKNOWN_LEADER_EPOCH if known else ErrorCode.NOT_LEADER_OR_FOLLOWER

    def _take_progress(self, partition: Partition, wanted: FetchPartition) -> ErrorCode:
        """A follower has all below the offset that it asks for. That may commit what others wait for."""
        leadership, follower = partition.leadership, wanted.follower
        if leadership is None or follower is None:
            return ErrorCode.NOT_LEADER_OR_FOLLOWER
        wanted.unheard = False
        if follower.told_by is not wanted:
            if follower.told_by is not None:
                follower.told_by.contradicted()
            follower.told_by = wanted
        return leadership.fetched(follower, wanted.fetch_offset, wanted.log_start_offset, self._replica_epoch)

    def _is_held_up(self, partition: Partition, wanted: FetchPartition) -> bool:
        leadership, follower = partition.leadership, wanted.follower
        return (
            self._replica_id >= 0
            and leadership is not None
            and follower is not None
            and (leadership.holds_up(follower))
        )

    def _upper_bound(self, partition: Partition) -> int:
        """The first offset that this fetcher may not have yet."""
        log = partition.log
        if self._replica_id != CONSUMER:  # a follower, or who looks for bugs
            return log.log_end_offset
        return log.last_stable_offset if self._read_committed else log.high_watermark

    def _data(
        self,
        partition: Partition,
        wanted: FetchPartition,
        records: FileRegion | bytes,
        diverging: EpochEndOffset = NO_DIVERGENCE,
    ) -> PartitionData:
        log = partition.log
        aborted: list[AbortedTransaction] | None = None
        if self._read_committed:
            aborted = []
            if isinstance(records, FileRegion):
                aborted = [
                    AbortedTransaction(producer_id=transaction.producer_id, first_offset=transaction.first_offset)
                    for transaction in log.aborted_within(wanted.fetch_offset, records)
                ]
        return PartitionData(
            partition_index=wanted.index,
            error_code=0,
            high_watermark=log.high_watermark,
            last_stable_offset=log.last_stable_offset,
            log_start_offset=log.log_start_offset,
            diverging_epoch=diverging,
            current_leader=NO_LEADER,
            snapshot_id=NO_SNAPSHOT,
            aborted_transactions=aborted,
            preferred_read_replica=-1,
            records=records,
        )

    def _divergence(self, partition: Partition, wanted: FetchPartition) -> PartitionData | None:
        """Whether the fetcher's last epoch ended elsewhere than here: where it must truncate to (KIP-595)."""
        end = partition.log.end_offset_for_epoch(wanted.last_fetched_epoch)
        if end is None or wanted.fetch_offset < partition.log.log_start_offset:
            return self._refused(wanted, ErrorCode.OFFSET_OUT_OF_RANGE)
        epoch, end_offset = end
        if epoch >= wanted.last_fetched_epoch and end_offset >= wanted.fetch_offset:
            return None
        self.answer_now = True
        return self._data(partition, wanted, b"", EpochEndOffset(epoch=epoch, end_offset=end_offset))

    def _refused(self, wanted: FetchPartition, error: ErrorCode) -> PartitionData:
        self.answer_now = True
        return _error(wanted.index, error, None)

    def _unknown(self, wanted: FetchPartition, error: ErrorCode) -> PartitionData:
        """A partition that does not exist (yet) lets the others of its fetch wait, as in Kafka."""
        if error in UNKNOWN_PARTITION:
            self._some_unknown = True
        else:
            self.answer_now = True
        return _error(wanted.index, error, [])


def _says_anything(data: PartitionData) -> bool:
    return bool(data.records or data.error_code) or data.diverging_epoch is not NO_DIVERGENCE


def _count(wanted: FetchPartition, data: PartitionData, *, of_follower: bool) -> None:
    partition, records = wanted.partition, data.records
    if partition is None or not isinstance(records, FileRegion):
        return
    if not of_follower:
        partition.traffic.bytes_out += records.size
        return
    partition.traffic.replication_bytes_out += records.size
    if partition.leadership is not None:
        partition.leadership.gave(records.size)


def _error(index: int, error: ErrorCode, aborted: list[AbortedTransaction] | None) -> PartitionData:
    """`aborted`: as in Kafka, an empty list for what is not found, null for what is refused."""
    return PartitionData(
        partition_index=index,
        error_code=error,
        high_watermark=-1,
        diverging_epoch=NO_DIVERGENCE,
        current_leader=NO_LEADER,
        snapshot_id=NO_SNAPSHOT,
        aborted_transactions=aborted,
        records=b"",
    )
