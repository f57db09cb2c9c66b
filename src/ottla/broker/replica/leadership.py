"""What the leader of a partition with followers keeps: how far each is, who is in sync, and what follows from it.

    fetch of a follower ─► FollowerState ─► high watermark: the lowest log end of the maximal ISR
                                        └─► caught up, and not in sync: ask the controller to add it
    time ─► not caught up any more, and in sync: ask the controller to take it out

While a change is asked for, the *maximal* ISR counts: the one that is committed and who is to be added. It is never
wrong to wait for too many. Below `min.insync.replicas` nothing is committed (KIP-966). Who is caught up and may join
is waited for, too, or it never would. Kafka's `Partition`, KIP-497, 841, 903.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from ottla.broker.replica.follower_state import ANY_EPOCH, FollowerState
from ottla.broker.replica.isr_changes import CommittedIsr, IsrAnswer, IsrChange, IsrChanges
from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.broker.replica.partition import Partition
    from ottla.broker.replica.replication_quota import ReplicationQuota
    from ottla.metadata.image import ClusterImage
    from ottla.metadata.partition import PartitionRegistration
    from ottla.runtime.time import Clock

NONE: Final = ErrorCode.NONE

NOT_DONE: Final = frozenset((ErrorCode.OPERATION_NOT_ATTEMPTED, ErrorCode.INELIGIBLE_REPLICA))
"""The controller says that the partition is as it was known here: what was asked for is off the table."""

WAITS_FOR_METADATA: Final = frozenset(
    (
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        ErrorCode.UNKNOWN_TOPIC_ID,
        ErrorCode.FENCED_LEADER_EPOCH,
        ErrorCode.INVALID_UPDATE_VERSION,
        ErrorCode.INVALID_REQUEST,
        ErrorCode.NEW_LEADER_ELECTED,
    )
)
"""What is known here is old: the metadata that is on its way tells what became of the partition."""


class LeaderContext(NamedTuple):
    """What every leader on a node needs alike."""

    node_id: int
    clock: Clock
    cluster: Callable[[], ClusterImage]
    broker_epoch: Callable[[], int]
    isr_changes: IsrChanges
    lag_time_max_ms: Callable[[], float]
    quota: ReplicationQuota | None = None


class Leadership:
    """Of one partition, for as long as this node leads it. `isr` is committed, `maximal_isr` is what counts."""

    __slots__ = ("_context", "_partition", "_pending", "epoch_start_offset", "followers", "isr", "maximal_isr")

    def __init__(self, partition: Partition, context: LeaderContext) -> None:
        self._partition = partition
        self._context = context
        self._pending: IsrChange | None = None
        self.followers: dict[int, FollowerState] = {}
        self.isr: tuple[int, ...] = ()
        self.maximal_isr: frozenset[int] = frozenset()
        self.epoch_start_offset = -1

    def update(self, registration: PartitionRegistration, *, new_leader: bool, new_epoch: bool) -> None:
        """What the metadata says now. It overrides what was being asked for, unless that was asked of just this state.

        Then an answer was faster than the metadata, and whoever has been asked for since may be added at any moment.
        """
        pending = self._pending
        if pending is None or (pending.leader_epoch, pending.partition_epoch) != (
            registration.leader_epoch,
            registration.partition_epoch,
        ):
            self._commit(registration.isr)
        known = self.followers
        self.followers = {
            broker_id: known.get(broker_id) or FollowerState(broker_id)
            for broker_id in registration.replicas
            if broker_id != self._context.node_id
        }
        if new_epoch:
            now_ms = self._context.clock.monotonic_ms()
            self.epoch_start_offset = end = self._partition.log.log_end_offset
            for follower in self.followers.values():
                in_sync = follower.broker_id in registration.isr
                follower.begin_epoch(now_ms, end, new_leader=new_leader, in_sync=in_sync)
        self.expand()
        self._partition.low_watermark_moved()

    def _commit(self, isr: tuple[int, ...]) -> None:
        if self._pending is not None:
            self._partition.traffic.isr_expands += len(isr) > len(self.isr)
            self._partition.traffic.isr_shrinks += len(isr) < len(self.isr)
        self._pending = None
        self.isr = self._partition.isr = tuple(isr)
        self.maximal_isr = frozenset(isr)

    # --- followers

    def fetched(self, follower: FollowerState, offset: int, log_start_offset: int, broker_epoch: int) -> ErrorCode:
        """A follower has all below `offset`. An error: it is one of an earlier life of that broker (KIP-903)."""
        if broker_epoch != ANY_EPOCH:
            broker = self._context.cluster().brokers.get(follower.broker_id)
            if broker is not None and not broker.fenced and broker.epoch > broker_epoch:
                return ErrorCode.NOT_LEADER_OR_FOLLOWER
        before, start_before = follower.log_end_offset, follower.log_start_offset
        leader_end = self._partition.log.log_end_offset
        now_ms = self._context.clock.monotonic_ms()
        follower.fetched(offset, log_start_offset, now_ms, leader_end, broker_epoch)
        if follower.broker_id not in self.maximal_isr:
            self._expand(follower)
        if offset != before:
            self.advance()
        if log_start_offset != start_before:
            self._partition.low_watermark_moved()
        return NONE

    def holds_up(self, follower: FollowerState) -> bool:
        """Whether a follower that catches up has had enough for now (KIP-73)."""
        quota, partition = self._context.quota, self._partition
        return (
            quota is not None
            and quota.names_any
            and follower.broker_id not in self.isr
            and quota.names(partition.topic, partition.index)
            and quota.is_exceeded
        )

    def gave(self, size: int) -> None:
        """So many bytes go to a follower."""
        quota, partition = self._context.quota, self._partition
        if quota is not None and quota.names_any and quota.names(partition.topic, partition.index):
            quota.record(size)

    def appended(self) -> None:
        """The log has grown: that moves the high watermark where nobody else is in sync."""
        if len(self.maximal_isr) == 1:
            self.advance()

    def advance(self) -> None:
        """Move the high watermark to where it may be."""
        partition = self._partition
        if partition.lacks_replicas():
            return
        log = partition.log
        lowest = leader_end = log.log_end_offset
        maximal_isr = self.maximal_isr
        for follower in self.followers.values():
            if follower.log_end_offset < lowest and (
                follower.broker_id in maximal_isr or self._is_about_to_join(follower, leader_end)
            ):
                lowest = follower.log_end_offset
        if lowest > log.high_watermark:
            partition.advance_high_watermark(lowest)

    def _is_about_to_join(self, follower: FollowerState, leader_end: int) -> bool:
        context = self._context
        return follower.is_caught_up(
            leader_end, context.clock.monotonic_ms(), context.lag_time_max_ms()
        ) and self._may_join(follower)

    def _may_join(self, follower: FollowerState) -> bool:
        """Alive, going to stay, and the one whose fetches are known here (KIP-841, KIP-903)."""
        broker = self._context.cluster().brokers.get(follower.broker_id)
        return (
            broker is not None
            and not broker.fenced
            and not broker.in_controlled_shutdown
            and follower.broker_epoch in (ANY_EPOCH, broker.epoch)
        )

    def low_watermark(self) -> int:
        """The lowest log start of the replicas that are alive."""
        lowest = self._partition.log.log_start_offset
        brokers = self._context.cluster().brokers
        for follower in self.followers.values():
            if follower.log_start_offset < lowest:
                broker = brokers.get(follower.broker_id)
                if broker is not None and not broker.fenced:
                    lowest = follower.log_start_offset
        return lowest

    # --- the in-sync replicas

    def expand(self) -> None:
        """Ask for a follower to be added that may join now: followers at rest say nothing when they could not before.

        Their fetches go on, without a word on partitions of which there is nothing new (KIP-227). Whoever lags, or has
        not been heard of lately, has to speak for itself.
        """
        now_ms, lag_time_max_ms = self._context.clock.monotonic_ms(), self._context.lag_time_max_ms()
        leader_end = self._partition.log.log_end_offset
        for follower in self.followers.values():
            if (
                follower.broker_id not in self.maximal_isr
                and follower.is_caught_up(leader_end, now_ms, lag_time_max_ms)
                and now_ms - follower.last_heard_ms() <= lag_time_max_ms
            ):
                self._expand(follower)

    def _expand(self, follower: FollowerState) -> None:
        """If it has all that is committed, and has reached this leader's epoch."""
        if (
            self._pending is None
            and follower.is_known
            and follower.log_end_offset >= max(self._partition.log.high_watermark, self.epoch_start_offset)
            and self._may_join(follower)
        ):
            self.maximal_isr |= {follower.broker_id}  # from now on, as the controller may have added it
            self._propose((*self.isr, follower.broker_id))

    def shrink(self) -> None:
        """Ask for those to be taken out that have not been caught up for too long."""
        if self._pending is not None:
            return
        context = self._context
        now_ms, lag_time_max_ms = context.clock.monotonic_ms(), context.lag_time_max_ms()
        leader_end = self._partition.log.log_end_offset
        followers = self.followers
        remaining = tuple(
            broker_id
            for broker_id in self.isr
            if broker_id == context.node_id
            or (broker_id in followers and followers[broker_id].is_caught_up(leader_end, now_ms, lag_time_max_ms))
        )
        if len(remaining) < len(self.isr):
            self._propose(remaining)  # until that is committed, all of them count

    def _propose(self, isr: tuple[int, ...]) -> None:
        partition = self._partition
        self._pending = change = IsrChange(
            topic_id=partition.topic_id,
            index=partition.index,
            leader_epoch=partition.leader_epoch,
            partition_epoch=partition.partition_epoch,
            isr=tuple((broker_id, self._epoch_of(broker_id)) for broker_id in isr),
        )
        self._context.isr_changes.propose(change, lambda answer: self._answered(change, answer))

    def _epoch_of(self, broker_id: int) -> int:
        if broker_id == self._context.node_id:
            return self._context.broker_epoch()
        follower = self.followers.get(broker_id)
        known = None if follower is None else follower.broker_epoch
        return ANY_EPOCH if known is None else known

    def _answered(self, change: IsrChange, answer: IsrAnswer) -> None:
        partition = self._partition
        if self._pending is not change or partition.leadership is not self:
            return  # the metadata was faster
        if isinstance(answer, CommittedIsr):
            if answer.leader_epoch == partition.leader_epoch and answer.partition_epoch >= partition.partition_epoch:
                partition.partition_epoch = answer.partition_epoch
                self._commit(answer.isr)
                self.advance()
                self.expand()
            return
        partition.traffic.failed_isr_updates += 1
        if answer in NOT_DONE:
            self._commit(self.isr)
            self.advance()
        elif answer not in WAITS_FOR_METADATA:
            self._context.isr_changes.propose(change, lambda again: self._answered(change, again))
