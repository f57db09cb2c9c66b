"""One partition as this node hosts it: its log, who leads it, and who waits for it.

A partition is changed by metadata (`update`), by appends, and, while this node follows, by what its fetcher brings.
While this node is the only replica (`sole_replica`) an append is committed at once. Where it leads others, a
`Leadership` knows them, and moves the high watermark to the lowest log end of those in sync.

Three kinds of waiters hang on it: listeners (consumers' fetches that want to know of anything new), replica listeners
(followers' fetches, which may have what is not committed yet), and waiters (futures that are done when the high
watermark passes an offset, or the log's start does on every replica). Nobody waiting costs an append two truth tests.
"""

from __future__ import annotations

import asyncio
import heapq
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from ottla.broker.replica.traffic import Traffic
from ottla.log.append_result import AppendOrigin, AppendResult
from ottla.log.fetched_batches import UnexpectedOffsetError
from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ottla.broker.replica.leadership import Leadership
    from ottla.log.log import Log
    from ottla.log.plain_batches import SentBatch
    from ottla.metadata.partition import PartitionRegistration
    from ottla.runtime.files import Buffer

NO_LEADER: Final = -1
NO_EPOCH: Final = -1
NONE: Final = ErrorCode.NONE
ENOUGH_FOR_ANYBODY: Final = 2**31
"""More bytes than any fetch waits for: a marker may have opened up to that many."""


class PartitionListener(Protocol):
    """Someone who wants to know of new bytes, a moved high watermark, a new leader or the end of the partition."""

    def appended(self, size: int) -> bool:
        """Up to `size` more bytes can be read. False: enough, do not tell again."""
        ...

    def altered(self) -> None:
        """The leader, the log's start or the partition's existence changed: look again, however little there is."""
        ...


class ReplicaListener(PartitionListener, Protocol):
    """A follower: told of what is appended."""

    def committed(self) -> None:
        """The high watermark moved."""
        ...


ListenerT = TypeVar("ListenerT", bound=PartitionListener)


class Partition:
    """A replica on this node. `leader_epoch` and `is_leader` are those of the newest metadata."""

    __slots__ = (
        "_commit_order",
        "_commit_waiters",
        "_deletion_waiters",
        "_led_from",
        "_led_from_bytes",
        "_new_leadership",
        "_uncommitted_bytes",
        "appends",
        "closed",
        "index",
        "is_leader",
        "isr",
        "lag",
        "leader",
        "leader_epoch",
        "leadership",
        "listeners",
        "log",
        "partition_epoch",
        "replica_listeners",
        "replicas",
        "sole_replica",
        "topic",
        "topic_id",
        "traffic",
    )

    def __init__(
        self,
        topic: str,
        topic_id: bytes,
        index: int,
        log: Log,
        new_leadership: Callable[[Partition], Leadership] | None = None,
    ) -> None:
        """Without `new_leadership` there are no followers, whatever the metadata says."""
        self.topic = topic
        self.topic_id = topic_id
        self.index = index
        self.log = log
        self.leader = NO_LEADER
        self.leader_epoch = NO_EPOCH
        self.partition_epoch = NO_EPOCH
        self.is_leader = False
        self.replicas: tuple[int, ...] = ()
        self.isr: tuple[int, ...] = ()
        self.sole_replica = False
        self.closed = False
        self.leadership: Leadership | None = None
        self._new_leadership = new_leadership
        self.listeners: dict[PartitionListener, None] = {}
        self.replica_listeners: dict[ReplicaListener, None] = {}
        self._deletion_waiters: list[tuple[int, asyncio.Future[ErrorCode]]] = []
        self._commit_waiters: list[tuple[int, int, asyncio.Future[ErrorCode]]] = []
        self._commit_order = 0
        self._uncommitted_bytes = 0
        self.lag = 0  # of what the leader has committed, so many records were missing here when it last answered
        self.traffic = Traffic()
        self.appends = 0  # batches that it was asked to append as the leader
        self._led_from = log.log_end_offset
        self._led_from_bytes = log.appended_bytes

    def settle_traffic(self) -> None:
        """Let `traffic` know of all that was appended while this node led: how far the log has moved since."""
        traffic, log = self.traffic, self.log
        end, end_bytes = log.log_end_offset, log.appended_bytes
        if self.is_leader:
            traffic.records_in += end - self._led_from
            traffic.bytes_in += end_bytes - self._led_from_bytes
        self._led_from, self._led_from_bytes = end, end_bytes
        traffic.appends = self.appends

    def move_to(self, log: Log) -> None:
        """The log lies in another directory from now on."""
        self.settle_traffic()
        self.log = log
        self._led_from, self._led_from_bytes = log.log_end_offset, log.appended_bytes

    def update(self, registration: PartitionRegistration, node_id: int) -> bool:
        """Take over what the metadata says; a leader's new epoch enters the leader-epoch cache of the log.

        False: the controller's answer to a change of the in-sync replicas was newer.
        """
        if registration.partition_epoch < self.partition_epoch:
            return False
        was_leader, old_epoch = self.is_leader, self.leader_epoch
        new_epoch = registration.leader_epoch != old_epoch
        self.leader = registration.leader
        self.leader_epoch = registration.leader_epoch
        self.partition_epoch = registration.partition_epoch
        self.replicas = tuple(registration.replicas)
        self.isr = tuple(registration.isr)
        self._lead(registration.leader == node_id)
        if self.is_leader and (not was_leader or new_epoch):
            self.log.assign_epoch(self.leader_epoch, self.log.log_end_offset)
        self._update_leadership(registration, node_id, old_epoch)
        if was_leader and not self.is_leader:
            self._fail_waiters(ErrorCode.NOT_LEADER_OR_FOLLOWER)
        if was_leader != self.is_leader or new_epoch:
            self._tell_altered()
        if self.sole_replica:
            self.advance_high_watermark(self.log.log_end_offset)
        elif self.leadership is not None:
            self.leadership.advance()
        return True

    def _lead(self, leads: bool) -> None:
        self.settle_traffic()
        self.is_leader = leads

    def _update_leadership(self, registration: PartitionRegistration, node_id: int, old_epoch: int) -> None:
        if self._new_leadership is None:
            self.sole_replica = self.is_leader and self.isr == (node_id,)
            return
        self.sole_replica = self.is_leader and self.replicas == (node_id,)
        if not self.is_leader or self.sole_replica:
            self.leadership = None
            return
        # Of an epoch that was passed over nobody knows who led it: what followers had may have been cut since.
        is_new = self.leadership is None or self.leader_epoch > old_epoch + 1
        if self.leadership is None:
            self.leadership = self._new_leadership(self)
        self.leadership.update(registration, new_leader=is_new, new_epoch=is_new or self.leader_epoch != old_epoch)

    def append(self, records: Buffer, now_ms: int, origin: AppendOrigin = AppendOrigin.CLIENT) -> AppendResult:
        """Append one batch as the leader. The caller has seen that this node leads. May raise `OSError` (the disk)."""
        log = self.log
        self.appends += 1
        result = log.append(records, leader_epoch=self.leader_epoch, now_ms=now_ms, origin=origin)
        if result.error is NONE:
            self._appended(len(records))
        return result

    def append_plain(self, batches: Sequence[SentBatch], now_ms: int) -> list[int]:
        """`Log.append_plain` as the leader: the base offsets of the first batches, as many as were appended."""
        offsets = self.log.append_plain(batches, leader_epoch=self.leader_epoch, now_ms=now_ms)
        if offsets:
            self.appends += len(offsets)
            self._appended(sum([end - start for _, start, end in batches[: len(offsets)]]))
        return offsets

    def _appended(self, size: int) -> None:
        if self.sole_replica:
            log = self.log
            log.high_watermark = log.log_end_offset
            if self.listeners:
                _tell_appended(self.listeners, size)
            if self._commit_waiters:
                self._complete_commit_waiters()
        else:
            self._appended_uncommitted(size)

    def _appended_uncommitted(self, size: int) -> None:
        self._uncommitted_bytes += size
        if self.replica_listeners:
            _tell_appended(self.replica_listeners, size)
        if self.leadership is not None:
            self.leadership.appended()

    def append_marker(self, batch: Buffer, now_ms: int, transaction_version: int) -> AppendResult:
        """Append the marker that ends a transaction here. Who reads committed records only may have much more now."""
        log = self.log
        self.appends += 1
        result = log.append(
            batch,
            leader_epoch=self.leader_epoch,
            now_ms=now_ms,
            origin=AppendOrigin.COORDINATOR,
            transaction_version=transaction_version,
        )
        if result.error is NONE:
            self._uncommitted_bytes += ENOUGH_FOR_ANYBODY
            if self.sole_replica:
                self.advance_high_watermark(log.log_end_offset)
            else:
                self._appended_uncommitted(len(batch))
        return result

    # --- following

    def append_fetched(self, records: Buffer, now_ms: int, leader_log_start: int = 0) -> int:
        """Whole batches as the leader has them; how many bytes they are. `OSError`, `ValueError` (not what follows)."""
        may_end_transactions = self.log.producers.first_unstable_offset is not None
        try:
            size = self.log.append_fetched(records, now_ms=now_ms)
        except UnexpectedOffsetError as error:
            log = self.log
            is_obsolete = log.log_end_offset <= max(log.log_start_offset, leader_log_start)
            if not is_obsolete or not error.first < log.log_end_offset <= error.last:
                raise
            log.truncate_fully_at(error.first, now_ms)  # the leader's log begins in the midst of its first batch
            size = log.append_fetched(records, now_ms=now_ms)
        self._uncommitted_bytes += ENOUGH_FOR_ANYBODY if may_end_transactions else size
        self.traffic.replication_bytes_in += size
        return size

    def truncate_to(self, offset: int, now_ms: int) -> None:
        """The leader's history ends there, or goes on otherwise."""
        self.log.truncate_to(offset, now_ms)
        self._tell_altered()

    def truncate_fully_at(self, offset: int, now_ms: int) -> None:
        """Nothing of this log is the leader's any more: begin where that begins."""
        self.log.truncate_fully_at(offset, now_ms)
        self._tell_altered()

    def take_bounds(self, high_watermark: int, log_start_offset: int) -> None:
        """What the leader says: what is committed, and what it has deleted."""
        log = self.log
        self.lag = max(0, high_watermark - log.log_end_offset)
        self.advance_high_watermark(min(high_watermark, log.log_end_offset))
        if log_start_offset > log.log_start_offset:
            log.delete_records(min(log_start_offset, log.high_watermark))

    # --- what is committed

    def advance_high_watermark(self, offset: int) -> None:
        """Every in-sync replica has what stands below `offset`."""
        log = self.log
        if offset <= log.high_watermark:
            return
        log.high_watermark = offset
        size, self._uncommitted_bytes = self._uncommitted_bytes, 0
        if self.listeners:
            _tell_appended(self.listeners, size)
        for listener in self.replica_listeners:
            listener.committed()
        if self._commit_waiters:
            self._complete_commit_waiters()

    def committed(self, next_offset: int) -> asyncio.Future[ErrorCode] | None:
        """Done when the high watermark reaches `next_offset` (`NONE`) or never will here; `None`: it is there."""
        if next_offset <= self.log.high_watermark:
            return None
        future: asyncio.Future[ErrorCode] = asyncio.get_running_loop().create_future()
        self._commit_order += 1
        heapq.heappush(self._commit_waiters, (next_offset, self._commit_order, future))
        return future

    @property
    def lags_behind_epoch(self) -> bool:
        """Not all that was there when this node began to lead is known to be committed."""
        return self.leadership is not None and self.leadership.epoch_start_offset > self.log.high_watermark

    def lacks_replicas(self) -> bool:
        """Fewer in sync than `min.insync.replicas` asks for, which is never more than there are replicas (KIP-966)."""
        in_sync = len(self.isr)
        return in_sync < len(self.replicas) and in_sync < self.min_insync_replicas()

    def min_insync_replicas(self) -> int:
        return min(self.log.config.min_insync_replicas, len(self.replicas))

    def epoch_error(self, current_leader_epoch: int, *, leader_only: bool = True) -> ErrorCode:
        """How a request's idea of the leader epoch (-1: none, KIP-320) compares, and whether this node may answer."""
        if current_leader_epoch >= 0 and current_leader_epoch != self.leader_epoch:
            if current_leader_epoch < self.leader_epoch:
                return ErrorCode.FENCED_LEADER_EPOCH
            return ErrorCode.UNKNOWN_LEADER_EPOCH
        if leader_only and not self.is_leader:
            return ErrorCode.NOT_LEADER_OR_FOLLOWER
        return NONE

    def read_bytes(self, offset: int, max_bytes: int) -> bytes:
        """Whole batches from `offset` (at least one, if there is any): for coordinators that load their state."""
        region = self.log.read(offset, max_bytes).region
        return b"" if region is None else region.file.read(region.position, region.size)

    # --- deleting records

    def delete_records(self, offset: int) -> None:
        """Move the log's start up to `offset`, which the caller has held against the high watermark."""
        self.log.delete_records(offset)
        self._tell_altered()

    @property
    def low_watermark(self) -> int:
        """The lowest log start of the replicas that are alive."""
        return self.log.log_start_offset if self.leadership is None else self.leadership.low_watermark()

    def deleted_everywhere(self, offset: int) -> asyncio.Future[ErrorCode] | None:
        """Done when the low watermark reaches `offset` (`NONE`) or never will here; `None`: it is there."""
        if offset <= self.low_watermark:
            return None
        future: asyncio.Future[ErrorCode] = asyncio.get_running_loop().create_future()
        self._deletion_waiters.append((offset, future))
        return future

    def low_watermark_moved(self) -> None:
        if not self._deletion_waiters:
            return
        reached = self.low_watermark
        waiting = self._deletion_waiters
        self._deletion_waiters = [waiter for waiter in waiting if waiter[0] > reached and not waiter[1].done()]
        for offset, future in waiting:
            if offset <= reached and not future.done():
                future.set_result(NONE)

    def close(self) -> None:
        """The partition is gone from this node; its log is the manager's to delete."""
        self.closed = True
        self._lead(False)
        self.sole_replica = False
        self.leadership = None
        self._fail_waiters(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
        self._tell_altered()
        self.listeners.clear()
        self.replica_listeners.clear()

    def _tell_altered(self) -> None:
        for listener in (*self.listeners, *self.replica_listeners):
            listener.altered()

    def _complete_commit_waiters(self) -> None:
        waiters, high_watermark = self._commit_waiters, self.log.high_watermark
        outcome = ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND if self._may_be_lost() else NONE
        while waiters and waiters[0][0] <= high_watermark:
            future = heapq.heappop(waiters)[2]
            if not future.done():
                future.set_result(outcome)

    def _may_be_lost(self) -> bool:
        """What is committed stands on fewer replicas than is asked for."""
        leadership = self.leadership
        return leadership is not None and len(leadership.maximal_isr) < self.min_insync_replicas()

    def _fail_waiters(self, error: ErrorCode) -> None:
        waiters, self._commit_waiters = self._commit_waiters, []
        deletions, self._deletion_waiters = self._deletion_waiters, []
        futures = [future for _, _, future in sorted(waiters, key=lambda waiter: waiter[1])]
        for future in (*futures, *(future for _, future in deletions)):
            if not future.done():
                future.set_result(error)


def _tell_appended(listeners: dict[ListenerT, None], size: int) -> None:
    satisfied = [listener for listener in listeners if not listener.appended(size)]
    for listener in satisfied:
        del listeners[listener]
