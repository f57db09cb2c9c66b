"""One partition as this node hosts it: its log, who leads it, and who waits for it.

A partition is changed by metadata alone (`update`) and by appends. Its high watermark is the lowest log end of the
in-sync replicas; while this node is the only one in sync, that is its own log end, so that an append is committed at
once.

Two kinds of waiters hang on it: listeners (fetches that want to know of anything new) and commit
waiters (futures that are done when the high watermark passes an offset). Nobody waiting costs an append two truth
tests.
"""

import asyncio
import heapq
from collections.abc import Sequence
from typing import Final, Protocol

from ottla.log.append_result import AppendOrigin, AppendResult
from ottla.log.log import Log
from ottla.metadata.partition import PartitionRegistration
from ottla.protocol.errors import ErrorCode
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


class Partition:
    """A replica on this node. `leader_epoch` and `is_leader` are those of the newest metadata."""

    __slots__ = (
        "_commit_order",
        "_commit_waiters",
        "_uncommitted_bytes",
        "closed",
        "index",
        "is_leader",
        "isr",
        "leader",
        "leader_epoch",
        "listeners",
        "log",
        "partition_epoch",
        "replicas",
        "sole_replica",
        "topic",
        "topic_id",
    )

    def __init__(self, topic: str, topic_id: bytes, index: int, log: Log) -> None:
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
        self.listeners: dict[PartitionListener, None] = {}
        self._commit_waiters: list[tuple[int, int, asyncio.Future[ErrorCode]]] = []
        self._commit_order = 0
        self._uncommitted_bytes = 0

    def update(self, registration: PartitionRegistration, node_id: int) -> None:
        """Take over what the metadata says; a leader's new epoch enters the leader-epoch cache of the log."""
        was_leader, old_epoch = self.is_leader, self.leader_epoch
        self.leader = registration.leader
        self.leader_epoch = registration.leader_epoch
        self.partition_epoch = registration.partition_epoch
        self.replicas = tuple(registration.replicas)
        self.isr = tuple(registration.isr)
        self.is_leader = registration.leader == node_id
        self.sole_replica = self.is_leader and self.isr == (node_id,)
        if self.is_leader and (not was_leader or self.leader_epoch != old_epoch):
            self.log.assign_epoch(self.leader_epoch, self.log.log_end_offset)
        if was_leader and not self.is_leader:
            self._fail_commit_waiters(ErrorCode.NOT_LEADER_OR_FOLLOWER)
        if was_leader != self.is_leader or self.leader_epoch != old_epoch:
            self._tell_altered()
        if self.sole_replica:
            self.advance_high_watermark(self.log.log_end_offset)

    def append(self, records: Buffer, now_ms: int, origin: AppendOrigin = AppendOrigin.CLIENT) -> AppendResult:
        """Append one batch as the leader. The caller has seen that this node leads. May raise `OSError` (the disk)."""
        log = self.log
        result = log.append(records, leader_epoch=self.leader_epoch, now_ms=now_ms, origin=origin)
        if result.error is NONE:
            self._appended(len(records))
        return result

    def append_plain(self, batches: Sequence[Buffer], now_ms: int) -> list[int]:
        """`Log.append_plain` as the leader: the base offsets of the first batches, as many as were appended."""
        offsets = self.log.append_plain(batches, leader_epoch=self.leader_epoch, now_ms=now_ms)
        if offsets:
            self._appended(sum(map(len, batches[: len(offsets)])))
        return offsets

    def _appended(self, size: int) -> None:
        if self.sole_replica:
            log = self.log
            log.high_watermark = log.log_end_offset
            if self.listeners:
                self._tell_appended(size)
            if self._commit_waiters:
                self._complete_commit_waiters()
        else:
            self._uncommitted_bytes += size

    def append_marker(self, batch: Buffer, now_ms: int, transaction_version: int) -> AppendResult:
        """Append the marker that ends a transaction here. Who reads committed records only may have much more now."""
        log = self.log
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
        return result

    def advance_high_watermark(self, offset: int) -> None:
        """Every in-sync replica has what stands below `offset`."""
        log = self.log
        if offset <= log.high_watermark:
            return
        log.high_watermark = offset
        size, self._uncommitted_bytes = self._uncommitted_bytes, 0
        if self.listeners:
            self._tell_appended(size)
        if self._commit_waiters:
            self._complete_commit_waiters()

    def committed(self, next_offset: int) -> "asyncio.Future[ErrorCode] | None":
        """Done when the high watermark reaches `next_offset` (`NONE`) or never will here; `None`: it is there."""
        if next_offset <= self.log.high_watermark:
            return None
        future: asyncio.Future[ErrorCode] = asyncio.get_running_loop().create_future()
        self._commit_order += 1
        heapq.heappush(self._commit_waiters, (next_offset, self._commit_order, future))
        return future

    def lacks_replicas(self) -> bool:
        """Fewer in sync than `min.insync.replicas` asks for, which is never more than there are replicas (KIP-966)."""
        return len(self.isr) < min(self.log.config.min_insync_replicas, len(self.replicas))

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

    def delete_records(self, offset: int) -> None:
        """Move the log's start up to `offset`, which the caller has held against the high watermark."""
        self.log.delete_records(offset)
        self._tell_altered()

    def close(self) -> None:
        """The partition is gone from this node; its log is the manager's to delete."""
        self.closed = True
        self.is_leader = self.sole_replica = False
        self._fail_commit_waiters(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
        self._tell_altered()
        self.listeners.clear()

    def _tell_appended(self, size: int) -> None:
        satisfied = [listener for listener in self.listeners if not listener.appended(size)]
        for listener in satisfied:
            del self.listeners[listener]

    def _tell_altered(self) -> None:
        for listener in list(self.listeners):
            listener.altered()

    def _complete_commit_waiters(self) -> None:
        waiters, high_watermark = self._commit_waiters, self.log.high_watermark
        while waiters and waiters[0][0] <= high_watermark:
            future = heapq.heappop(waiters)[2]
            if not future.done():
                future.set_result(NONE)

    def _fail_commit_waiters(self, error: ErrorCode) -> None:
        waiters, self._commit_waiters = self._commit_waiters, []
        for _, _, future in sorted(waiters, key=lambda waiter: waiter[1]):
            if not future.done():
                future.set_result(error)
