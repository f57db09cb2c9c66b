"""A share partition on its leader: the records in flight, the log they are of, and the persister of what was decided.

    LOADING ─(state read; a start offset found where none was set yet)─► ACTIVE ─┐
       └───────────────(cannot be read, fenced, no leader any more)──────────────┴─► GONE: `error` says why

An acknowledgement counts when it is persisted. What a leader gives up by itself (a lock that expired, a member that is
gone) counts at once; that it could not be persisted costs a redelivery at most. Kafka's SharePartition.
"""

import asyncio
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Final, Protocol

from ottla.broker.coordinator.eventually import Eventually, then
from ottla.broker.replica.partition import Partition
from ottla.broker.share.in_flight import Acknowledgement, InFlightRecords, Refused, Transition
from ottla.broker.share.start_offset import initial_start_offset
from ottla.coordinator.group.share.config import ShareGroupConfig
from ottla.coordinator.share.shard import Refusal, Write
from ottla.coordinator.share.share_partition_state import (
    UNINITIALIZED_OFFSET,
    SharePartitionKey,
    SharePartitionState,
)
from ottla.protocol.errors import ErrorCode
from ottla.runtime.time import Clock, Timer, Timers

RETRY_DELAY_MS = 100

# The share coordinator is not to be reached just now: nobody is told, it is tried again.
COMING_BACK: Final = frozenset(
    (ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, ErrorCode.COORDINATOR_NOT_AVAILABLE, ErrorCode.NOT_COORDINATOR)
)
FENCED: Final = frozenset((ErrorCode.FENCED_LEADER_EPOCH, ErrorCode.FENCED_STATE_EPOCH))
_TOLD_AS: Final = {
    ErrorCode.GROUP_ID_NOT_FOUND: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ErrorCode.FENCED_LEADER_EPOCH: ErrorCode.NOT_LEADER_OR_FOLLOWER,
    ErrorCode.FENCED_STATE_EPOCH: ErrorCode.NOT_LEADER_OR_FOLLOWER,
}


class Persister(Protocol):
    """`broker.coordinator.share_coordinator.ShareCoordinator`."""

    def read(self, key: SharePartitionKey, leader_epoch: int) -> Eventually[SharePartitionState | Refusal]: ...

    def write(self, key: SharePartitionKey, write: Write) -> Eventually[Refusal | None]: ...


class Waiter(Protocol):
    """A parked share fetch."""

    def wake(self) -> None:
        """There may be something to acquire now, or a reason to answer."""
        ...


class Life(Enum):
    LOADING = "loading"
    ACTIVE = "active"
    GONE = "gone"


class SharePartition:
    """`config` gives the group's effective configs. `error` is NONE where one that is gone may come back."""

    def __init__(
        self,
        key: SharePartitionKey,
        partition: Partition,
        persister: Persister,
        config: Callable[[], ShareGroupConfig],
        clock: Clock,
        timers: Timers,
    ) -> None:
        self.key = key
        self.partition = partition
        self.leader_epoch = partition.leader_epoch
        self.life = Life.LOADING
        self.error = ErrorCode.NONE
        self.config = config
        self.records = InFlightRecords(0)
        self.waiters: dict[Waiter, None] = {}
        self._state_epoch = 0
        self._persister = persister
        self._clock = clock
        self._timers = timers
        self._timer: Timer | None = None
        self._timer_at_ms = 0.0

    def load(self) -> None:
        state = self._persister.read(self.key, self.leader_epoch)
        if isinstance(state, SharePartitionState | Refusal):
            self._loaded(state)
        else:
            then(state, self._loaded)

    def _loaded(self, state: SharePartitionState | Refusal) -> None:
        if self.life is not Life.LOADING:
            return
        if isinstance(state, Refusal):
            if state.error in COMING_BACK:
                self._timers.call_later(RETRY_DELAY_MS, self.end)
            else:
                self.end(_TOLD_AS.get(state.error, state.error))
            return
        start_offset = state.start_offset
        if start_offset == UNINITIALIZED_OFFSET:
            reset = self.config().auto_offset_reset
            start_offset = initial_start_offset(self.partition.log, reset, self._clock.now_ms())
        self._state_epoch = state.state_epoch
        self.records = InFlightRecords(start_offset, state.state_batches)
        self.life = Life.ACTIVE
        self.refresh()
        if state.start_offset == UNINITIALIZED_OFFSET:
            # So that a restart does not look for the start anew, past records that were waited for.
            self._persist(Transition([], start_offset, 0))
        self._wake()

    def refresh(self) -> None:
        """Take up what may have changed meanwhile: the group's configs, and where the log starts."""
        config = self.config()
        self.records.max_locks = config.partition_max_record_locks
        self.records.count_limit = config.delivery_count_limit
        self.records.move_start(self.partition.log.log_start_offset)

    @property
    def is_current(self) -> bool:
        """This is still the leader that the share partition was loaded for."""
        partition = self.partition
        return (
            self.life is not Life.GONE
            and partition.is_leader
            and not partition.closed
            and partition.leader_epoch == self.leader_epoch
        )

    def end(self, error: ErrorCode = ErrorCode.NONE) -> None:
        """It is not valid any more; whoever waits looks again."""
        if self.life is Life.GONE:
            return
        self.life = Life.GONE
        self.error = error
        if self._timer is not None:
            self._timer.cancel()
        self._wake()

    # -- members

    def deadline_ms(self) -> float:
        """When a lock that is taken now expires."""
        return self._clock.monotonic_ms() + self.config().record_lock_duration_ms

    def acquired(self) -> None:
        """Locks were taken: they must expire in time."""
        self._arm()

    def acknowledge(self, member_id: str, acknowledgements: Iterable[Acknowledgement]) -> Eventually[Refused | None]:
        """`None` when all of it is persisted."""
        self.refresh()
        transition = self.records.acknowledge(member_id, acknowledgements, self.deadline_ms())
        if isinstance(transition, Refused):
            return transition
        if not transition.state_batches:
            self._arm()
            return None
        outcome = self._persister.write(self.key, self._write(transition))
        if outcome is None or isinstance(outcome, Refusal):
            return self._settle(transition, outcome)
        answer: asyncio.Future[Refused | None] = asyncio.get_running_loop().create_future()

        def settled(refusal: Refusal | None) -> None:
            result = self._settle(transition, refusal)
            if not answer.done():
                answer.set_result(result)

        then(outcome, settled)
        return answer

    def _settle(self, transition: Transition, refusal: Refusal | None) -> Refused | None:
        self.records.settle(transition, persisted=refusal is None)
        self._arm()
        self._wake()
        if refusal is None:
            return None
        self._fenced(refusal)
        return Refused(_TOLD_AS.get(refusal.error, refusal.error), refusal.message)

    def release(self, member_id: str) -> None:
        """The member's session is over."""
        if self.life is Life.ACTIVE:
            self._given_up(self.records.release(member_id))

    def _expire(self) -> None:
        self._timer = None
        if self.life is Life.ACTIVE:
            self.refresh()
            self._given_up(self.records.expire(self._clock.monotonic_ms()))

    def _given_up(self, transition: Transition) -> None:
        if transition.state_batches:
            self._persist(transition)
            self._wake()
        self._arm()

    # -- persisting, time, waiters

    def _write(self, transition: Transition) -> Write:
        return Write(
            self._state_epoch,
            self.leader_epoch,
            transition.start_offset,
            transition.delivery_complete_count,
            transition.state_batches,
        )

    def _persist(self, transition: Transition) -> None:
        outcome = self._persister.write(self.key, self._write(transition))
        if outcome is None or isinstance(outcome, Refusal):
            self._fenced(outcome)
        else:
            then(outcome, self._fenced)

    def _fenced(self, refusal: Refusal | None) -> None:
        if refusal is not None and refusal.error in FENCED:
            self.end()  # somebody began the state anew, or leads: look again

    def _arm(self) -> None:
        deadline_ms = self.records.next_deadline_ms()
        if deadline_ms is None or self.life is not Life.ACTIVE:
            return
        if self._timer is not None:
            if self._timer_at_ms <= deadline_ms:
                return
            self._timer.cancel()
        self._timer_at_ms = deadline_ms
        self._timer = self._timers.call_later(max(0.0, deadline_ms - self._clock.monotonic_ms()), self._expire)

    def _wake(self) -> None:
        for waiter in list(self.waiters):
            waiter.wake()
