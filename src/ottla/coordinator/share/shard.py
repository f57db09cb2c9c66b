"""One share coordinator: the state of one partition of `__share_group_state`, and what can be asked of it.

    initialize   the group's coordinator begins a share partition, or begins it anew with a higher state epoch
    read         its leader takes it over: an older leader is fenced from now on
    write        its leader says what changed: an update, or a snapshot after so many updates
    delete       the group's coordinator ends it: a tombstone

Each method decides (see `coordinator.result`), `replay` changes. What a request names that is not there, or is fenced,
is an error of its partition. KIP-932; Kafka's ShareCoordinatorShard.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from ottla.coordinator.result import CoordinatorRecord, CoordinatorResult, CoordinatorTimers, TimerResult, nothing
from ottla.coordinator.share.config import ShareCoordinatorConfig
from ottla.coordinator.share.records import snapshot_record, snapshot_tombstone, update_record
from ottla.coordinator.share.share_partition_state import (
    UNINITIALIZED_EPOCH,
    UNINITIALIZED_OFFSET,
    UNKNOWN_COUNT,
    SharePartitionKey,
    SharePartitionState,
)
from ottla.coordinator.share.state_batch import StateBatch, combine
from ottla.coordinator.uncommitted import Uncommitted
from ottla.metadata.image import MetadataImage
from ottla.protocol.coordinator_record.share_snapshot import ShareSnapshotKey, ShareSnapshotValue
from ottla.protocol.coordinator_record.share_update import ShareUpdateKey, ShareUpdateValue
from ottla.protocol.errors import ErrorCode
from ottla.runtime.time import Clock

COLD_PARTITIONS_TIMER = ("snapshot-cold-partitions",)

NOT_WRITABLE = "Write operation on uninitialized share partition not allowed."
NO_RANGE = "A state batch is no range of offsets."
NOT_READABLE = "Read operation on uninitialized share partition not allowed."


@dataclass(slots=True, frozen=True)
class Refusal:
    """Why nothing was done for one share partition."""

    error: ErrorCode
    message: str


@dataclass(slots=True, frozen=True)
class Write:
    """What a leader says of its share partition; `start_offset` and epochs of -1 mean: as before."""

    state_epoch: int
    leader_epoch: int
    start_offset: int
    delivery_complete_count: int
    state_batches: list[StateBatch]


@dataclass(slots=True)
class _Stored:
    state: SharePartitionState
    update_count: int
    snapshot_offset: int  # where in the log its last snapshot stands: everything before is redundant
    newest_leader_epoch: int  # older leaders are fenced, even where the state was begun anew since


class ShareCoordinatorShard:
    """`image` gives the newest metadata: state is kept for topics that exist.

    `uncommitted_at`: where the batch begins that is being replayed and is not committed yet.
    """

    def __init__(
        self,
        config: ShareCoordinatorConfig,
        clock: Clock,
        timers: CoordinatorTimers,
        image: Callable[[], MetadataImage],
    ) -> None:
        self._config = config
        self._clock = clock
        self._timers = timers
        self._image = image
        self.uncommitted_at: int | None = None
        self._uncommitted: Uncommitted[SharePartitionKey, SharePartitionState | None] = Uncommitted()
        self._stored: dict[SharePartitionKey, _Stored] = {}
        self._replayed_to = -1
        self._quiet_at = -1  # nothing was written since cold partitions were snapshotted last, if the log ends here

    # -- replicated state

    def replay(self, record: CoordinatorRecord, record_offset: int, producer_id: int = -1) -> None:
        del producer_id  # nobody writes this topic in transactions
        self._replayed_to = record_offset
        key, value = record.key, record.value
        if self.uncommitted_at is not None and isinstance(key, ShareSnapshotKey | ShareUpdateKey):
            changed = SharePartitionKey(key.group_id, key.topic_id, key.partition)
            known = self._stored.get(changed)
            self._uncommitted.note(changed, self.uncommitted_at, None if known is None else known.state)
        if isinstance(key, ShareSnapshotKey):
            where = SharePartitionKey(key.group_id, key.topic_id, key.partition)
            if value is None:
                self._stored.pop(where, None)
            else:
                assert isinstance(value, ShareSnapshotValue)
                known = self._stored.get(where)
                newest = max(value.leader_epoch, -1 if known is None else known.newest_leader_epoch)
                self._stored[where] = _Stored(_snapshot_state(value), 0, record_offset, newest)
        elif isinstance(key, ShareUpdateKey) and value is not None:
            assert isinstance(value, ShareUpdateValue)
            self._replay_update(SharePartitionKey(key.group_id, key.topic_id, key.partition), value, record_offset)

    def _replay_update(self, key: SharePartitionKey, value: ShareUpdateValue, record_offset: int) -> None:
        changes = [
            StateBatch(each.first_offset, each.last_offset, each.delivery_state, each.delivery_count)
            for each in value.state_batches
        ]
        stored = self._stored.get(key)
        if stored is None:  # its snapshot is gone: what the update says is all there is
            state = SharePartitionState(
                value.snapshot_epoch,
                UNINITIALIZED_EPOCH,
                value.leader_epoch,
                value.start_offset,
                value.delivery_complete_count,
                state_batches=combine([], changes, value.start_offset),
            )
            self._stored[key] = _Stored(state, 1, record_offset, value.leader_epoch)
            return
        old = stored.state
        start_offset = old.start_offset if value.start_offset == UNINITIALIZED_OFFSET else value.start_offset
        stored.state = replace(
            old,
            leader_epoch=old.leader_epoch if value.leader_epoch == -1 else value.leader_epoch,
            start_offset=start_offset,
            delivery_complete_count=value.delivery_complete_count,
            state_batches=combine(old.state_batches, changes, start_offset),
        )
        stored.update_count += 1
        stored.newest_leader_epoch = max(stored.newest_leader_epoch, value.leader_epoch)

    def settle(self, high_watermark: int) -> None:
        self._uncommitted.settle(high_watermark)

    def replay_end_transaction(self, producer_id: int, *, commit: bool) -> None:
        """There are no transactions here."""

    def on_loaded(self) -> TimerResult:
        self._schedule_cold_partitions()
        return nothing()

    def on_unloaded(self) -> None:
        """Nobody is parked here."""

    # -- the group coordinator

    def initialize(
        self, key: SharePartitionKey, state_epoch: int, start_offset: int
    ) -> CoordinatorResult[Refusal | None]:
        refusal = self._refuse_unknown(key)
        if refusal is not None:
            return CoordinatorResult([], refusal)
        stored = self._stored.get(key)
        if stored is not None and state_epoch != -1 and stored.state.state_epoch > state_epoch:
            return CoordinatorResult([], _fenced_state_epoch())
        now_ms = self._clock.now_ms()
        state = SharePartitionState(
            snapshot_epoch=0 if stored is None else stored.state.snapshot_epoch + 1,
            state_epoch=state_epoch,
            leader_epoch=UNINITIALIZED_EPOCH,
            start_offset=start_offset,
            # Nothing is delivered where a start is known; where none is, how much is complete is not known either.
            delivery_complete_count=UNKNOWN_COUNT if start_offset == UNINITIALIZED_OFFSET else 0,
            create_timestamp_ms=now_ms,
            write_timestamp_ms=now_ms,
        )
        return CoordinatorResult([snapshot_record(key, state)], None)

    def delete(self, key: SharePartitionKey) -> CoordinatorResult[Refusal | None]:
        refusal = self._refuse_unknown(key)
        if refusal is not None:
            return CoordinatorResult([], refusal)
        if key not in self._stored:
            return CoordinatorResult([], None)
        return CoordinatorResult([snapshot_tombstone(key)], None)

    def read_summary(self, key: SharePartitionKey) -> SharePartitionState | Refusal:
        """Without its batches a state is what a summary says; one that was never begun is uninitialized, no error.

        As of the last committed record, as every read.
        """
        refusal = self._refuse_unknown(key)
        if refusal is not None:
            return refusal
        stored = self._stored.get(key)
        state = self._uncommitted.committed(key, None if stored is None else stored.state)
        if state is None:
            return SharePartitionState(0, UNINITIALIZED_EPOCH, UNINITIALIZED_EPOCH, UNINITIALIZED_OFFSET)
        return state

    # -- the leader of the share partition

    def read(self, key: SharePartitionKey, leader_epoch: int) -> CoordinatorResult[SharePartitionState | Refusal]:
        """A leader with a newer epoch is noted, so that older ones are fenced."""
        stored = self._stored.get(key)
        if stored is None:
            return CoordinatorResult([], Refusal(ErrorCode.INVALID_REQUEST, NOT_READABLE))
        refusal = self._refuse_unknown(key)
        if refusal is not None:
            return CoordinatorResult([], refusal)
        state = stored.state
        if -1 < leader_epoch < stored.newest_leader_epoch:
            return CoordinatorResult([], _fenced_leader_epoch())
        if leader_epoch <= state.leader_epoch:
            return CoordinatorResult([], state)
        write = Write(-1, leader_epoch, state.start_offset, state.delivery_complete_count, [])
        return CoordinatorResult([self._write_record(key, stored, write)], replace(state, leader_epoch=leader_epoch))

    def write(self, key: SharePartitionKey, write: Write) -> CoordinatorResult[Refusal | None]:
        if any(not 0 <= batch.first_offset <= batch.last_offset for batch in write.state_batches):
            return CoordinatorResult([], Refusal(ErrorCode.INVALID_REQUEST, NO_RANGE))
        stored = self._stored.get(key)
        if stored is None:
            return CoordinatorResult([], Refusal(ErrorCode.INVALID_REQUEST, NOT_WRITABLE))
        refusal = self._refuse_unknown(key)
        if refusal is not None:
            return CoordinatorResult([], refusal)
        if -1 < write.leader_epoch < stored.newest_leader_epoch:
            return CoordinatorResult([], _fenced_leader_epoch())
        if write.state_epoch != -1 and stored.state.state_epoch > write.state_epoch:
            return CoordinatorResult([], _fenced_state_epoch())
        return CoordinatorResult([self._write_record(key, stored, write)], None)

    def _write_record(self, key: SharePartitionKey, stored: _Stored, write: Write) -> CoordinatorRecord:
        state = stored.state
        leader_epoch = state.leader_epoch if write.leader_epoch == -1 else write.leader_epoch
        start_offset = state.start_offset if write.start_offset == UNINITIALIZED_OFFSET else write.start_offset
        if stored.update_count < self._config.snapshot_update_records_per_snapshot:
            return update_record(
                key,
                snapshot_epoch=state.snapshot_epoch,
                leader_epoch=leader_epoch,
                start_offset=start_offset,
                delivery_complete_count=write.delivery_complete_count,
                state_batches=combine([], write.state_batches, start_offset),
            )
        return snapshot_record(
            key,
            replace(
                state,
                snapshot_epoch=state.snapshot_epoch + 1,
                state_epoch=state.state_epoch if write.state_epoch == -1 else write.state_epoch,
                leader_epoch=leader_epoch,
                start_offset=start_offset,
                delivery_complete_count=write.delivery_complete_count,
                write_timestamp_ms=self._clock.now_ms(),
                state_batches=combine(state.state_batches, write.state_batches, start_offset),
            ),
        )

    def _refuse_unknown(self, key: SharePartitionKey) -> Refusal | None:
        if key.partition < 0:
            return Refusal(ErrorCode.INVALID_REQUEST, "The partition id cannot be a negative number.")
        if self._image().topics.partition(key.topic_id, key.partition) is None:
            error = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
            return Refusal(error, error.message)
        return None

    # -- upkeep

    def topics_deleted(self, topic_ids: Collection[bytes]) -> TimerResult:
        """Tombstones for the share partitions of topics that are no more."""
        gone = [snapshot_tombstone(key) for key in self._stored if key.topic_id in topic_ids]
        return CoordinatorResult(gone, None, atomic=False)

    def redundant_below(self) -> int:
        """The offset of the log before which nothing counts any more: every state has a later snapshot."""
        return min((stored.snapshot_offset for stored in self._stored.values()), default=self._replayed_to + 1)

    def _schedule_cold_partitions(self) -> None:
        interval_ms = self._config.cold_partition_snapshot_interval_ms
        self._timers.schedule(COLD_PARTITIONS_TIMER, interval_ms, self._snapshot_cold_partitions)

    def _snapshot_cold_partitions(self) -> TimerResult:
        """A state that nobody writes any more would keep the log's start where its last snapshot is: write it again."""
        self._schedule_cold_partitions()
        if self._replayed_to == self._quiet_at:
            return nothing()
        now_ms = self._clock.now_ms()
        cold_since_ms = now_ms - self._config.cold_partition_snapshot_interval_ms
        records = [
            snapshot_record(
                key, replace(stored.state, snapshot_epoch=stored.state.snapshot_epoch + 1, write_timestamp_ms=now_ms)
            )
            for key, stored in self._stored.items()
            if stored.state.write_timestamp_ms <= cold_since_ms
        ]
        self._quiet_at = self._replayed_to + len(records)
        return CoordinatorResult(records, None, atomic=False)


def _snapshot_state(value: ShareSnapshotValue) -> SharePartitionState:
    return SharePartitionState(
        value.snapshot_epoch,
        value.state_epoch,
        value.leader_epoch,
        value.start_offset,
        value.delivery_complete_count,
        value.create_timestamp,
        value.write_timestamp,
        [
            StateBatch(each.first_offset, each.last_offset, each.delivery_state, each.delivery_count)
            for each in value.state_batches
        ],
    )


def _fenced_leader_epoch() -> Refusal:
    return Refusal(ErrorCode.FENCED_LEADER_EPOCH, ErrorCode.FENCED_LEADER_EPOCH.message)


def _fenced_state_epoch() -> Refusal:
    return Refusal(ErrorCode.FENCED_STATE_EPOCH, ErrorCode.FENCED_STATE_EPOCH.message)
