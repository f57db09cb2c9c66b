"""The life of coordinators: elected and loaded with their partition, asked while it leads, unloaded with it.

    metadata: this node leads partition i ─► LOADING ─► ACTIVE ─► (another node leads, or the topic is gone) unloaded
                                                └─► FAILED: its log cannot be read

A decision's records are appended as one batch, then replayed, and its answer is given when they are committed: at
once while this node is the only replica in sync. What only reads sees the state as of the last committed record.
Kafka's CoordinatorRuntime.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Generic, TypeAlias, TypeVar

from ottla.broker.coordinator.loader import Decode, Loader, Shard
from ottla.broker.coordinator.marker import Marker
from ottla.broker.coordinator.partition_log import PartitionLog
from ottla.broker.coordinator.timers import KeyedTimers
from ottla.broker.replica.replica_manager import AppendOutcome
from ottla.coordinator.result import CoordinatorRecord, CoordinatorResult, CoordinatorTimers, TimerResult
from ottla.protocol.errors import ErrorCode, KafkaError, ProtocolError
from ottla.protocol.record import RecordBatchBuilder, one_record_batch
from ottla.protocol.record_batch import NO_PRODUCER_EPOCH, NO_PRODUCER_ID, CompressionType
from ottla.runtime.files import Buffer
from ottla.runtime.time import Clock, Timers

S = TypeVar("S", bound=Shard)
T = TypeVar("T")

# A batch of records that need not be written together; an atomic one is bounded by the topic's max.message.bytes.
MAX_BATCH_BYTES = 1_000_000

# How an error of the log is told to a member or an administrator. Source: CoordinatorOperationExceptionHelper.
_TOLD_AS = {
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION: ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.NOT_ENOUGH_REPLICAS: ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND: ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.REQUEST_TIMED_OUT: ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.NOT_LEADER_OR_FOLLOWER: ErrorCode.NOT_COORDINATOR,
    ErrorCode.KAFKA_STORAGE_ERROR: ErrorCode.NOT_COORDINATOR,
    ErrorCode.MESSAGE_TOO_LARGE: ErrorCode.UNKNOWN_SERVER_ERROR,
    ErrorCode.RECORD_LIST_TOO_LARGE: ErrorCode.UNKNOWN_SERVER_ERROR,
    ErrorCode.INVALID_FETCH_SIZE: ErrorCode.UNKNOWN_SERVER_ERROR,
}

_IS_COMMITTED = (ErrorCode.NONE, ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND)
"""Fewer replicas than were asked for have it; what was loaded nobody asks that of."""


Producer: TypeAlias = tuple[int, int]
"""Id and epoch."""
NO_PRODUCER: Final[Producer] = (NO_PRODUCER_ID, NO_PRODUCER_EPOCH)


class CoordinatorState(Enum):
    LOADING = "loading"
    ACTIVE = "active"
    FAILED = "failed"


@dataclass(slots=True)
class _Coordinator(Generic[S]):
    shard: S
    timers: KeyedTimers
    leader_epoch: int
    state: CoordinatorState = CoordinatorState.LOADING
    loaded_end: int = 0
    """Where the log ended when it was loaded."""


@dataclass(slots=True, frozen=True)
class Serde:
    """Records to bytes and back; decoding gives None for a type that is not known."""

    encode: Callable[[CoordinatorRecord], tuple[bytes, bytes | None]]
    decode: Decode


@dataclass(slots=True, frozen=True)
class RuntimeConfig:
    write_timeout_ms: int
    load_buffer_bytes: int
    compression: CompressionType = CompressionType.NONE
    is_compacted: bool = True
    is_settled_first: bool = False
    """A coordinator answers nobody, and begins nothing, before all that it has loaded is committed."""


@dataclass(slots=True)
class CoordinatorRuntime(Generic[S]):
    """All coordinators of one internal topic on this node, by partition."""

    log: PartitionLog
    serde: Serde
    new_shard: Callable[[CoordinatorTimers], S]
    clock: Clock
    timers: Timers
    config: RuntimeConfig
    report: Callable[[str], None]
    _coordinators: dict[int, _Coordinator[S]] = field(default_factory=dict)

    # -- elections

    def elect(self, index: int, leader_epoch: int) -> None:
        """This node leads the partition in `leader_epoch`: load it, unless it is loaded in that epoch."""
        current = self._coordinators.get(index)
        if current is not None:
            if current.leader_epoch >= leader_epoch and current.state is not CoordinatorState.FAILED:
                return
            self.resign(index)
        keyed = KeyedTimers(self.timers, self.clock, lambda operation: self._run(index, keyed, operation))
        coordinator = _Coordinator(self.new_shard(keyed), keyed, leader_epoch)
        self._coordinators[index] = coordinator
        loader = Loader(
            self.log,
            index,
            coordinator.shard,
            self.serde.decode,
            self.config.load_buffer_bytes,
            is_compacted=self.config.is_compacted,
        )
        bounds = self.log.bounds(index)
        if isinstance(bounds, tuple) and bounds[0] == bounds[1]:
            self._load(index, coordinator, loader)
        else:
            self.timers.call_later(0, lambda: self._load(index, coordinator, loader))

    def resign(self, index: int) -> None:
        """This node leads the partition no more."""
        coordinator = self._coordinators.pop(index, None)
        if coordinator is not None:
            coordinator.timers.cancel_all()
            if coordinator.state is CoordinatorState.ACTIVE:
                coordinator.shard.on_unloaded()

    def close(self) -> None:
        for index in list(self._coordinators):
            self.resign(index)

    def _load(self, index: int, coordinator: _Coordinator[S], loader: Loader) -> None:
        if self._coordinators.get(index) is not coordinator:
            return
        try:
            done = loader.step()
        except (ProtocolError, KafkaError, AssertionError, OSError) as error:
            coordinator.state = CoordinatorState.FAILED
            coordinator.timers.cancel_all()
            self.report(f"coordinator of partition {index} cannot be loaded: {error}")
            return
        if not done:
            self.timers.call_later(0, lambda: self._load(index, coordinator, loader))
            return
        if loader.skipped:
            self.report(f"coordinator of partition {index}: skipped {loader.skipped} records of unknown types")
        coordinator.loaded_end = loader.end
        committed = self.log.all_committed(index) if self.config.is_settled_first else None
        if committed is None:
            self._activate(index, coordinator)
        else:
            committed.add_done_callback(lambda future: self._settled(index, coordinator, future))

    def _settled(self, index: int, coordinator: _Coordinator[S], committed: asyncio.Future[ErrorCode]) -> None:
        if not committed.cancelled() and committed.result() in _IS_COMMITTED:
            self._activate(index, coordinator)
        else:
            coordinator.state = CoordinatorState.FAILED

    def _activate(self, index: int, coordinator: _Coordinator[S]) -> None:
        if self._coordinators.get(index) is coordinator:
            coordinator.state = CoordinatorState.ACTIVE
            self._run(index, coordinator.timers, coordinator.shard.on_loaded)

    # -- operations

    def shard(self, index: int) -> S | ErrorCode:
        """The partition's coordinator, `COORDINATOR_LOAD_IN_PROGRESS`, or `NOT_COORDINATOR`."""
        coordinator = self._coordinators.get(index)
        if coordinator is None:
            return ErrorCode.NOT_COORDINATOR
        if coordinator.state is CoordinatorState.ACTIVE:
            return coordinator.shard
        if coordinator.state is CoordinatorState.LOADING:
            return ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
        return ErrorCode.NOT_COORDINATOR

    def shards(self) -> list[tuple[int, S | ErrorCode]]:
        """Every partition that this node leads, as `shard` has it."""
        return [(index, self.shard(index)) for index in sorted(self._coordinators)]

    def committed(self, index: int) -> S | ErrorCode:
        """`shard`, for what reads: it knows how far its log is committed.

        A new leader does not know at first that all is committed which earlier ones have acknowledged. What is below
        its high watermark may be older: it is still loading, as far as readers are concerned (compare KIP-207).
        """
        shard = self.shard(index)
        if not isinstance(shard, ErrorCode):
            high_watermark = self.log.high_watermark(index)
            shard.settle(high_watermark)
            if high_watermark < self._coordinators[index].loaded_end:
                return ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
        return shard

    def all_committed(self) -> list[tuple[int, S | ErrorCode]]:
        """`shards`, for what reads."""
        return [(index, self.committed(index)) for index in sorted(self._coordinators)]

    def leader_epoch(self, index: int) -> int:
        """The epoch in which this node leads the partition; -1 if it does not."""
        coordinator = self._coordinators.get(index)
        return -1 if coordinator is None else coordinator.leader_epoch

    def write(
        self,
        index: int,
        result: CoordinatorResult[T],
        on_error: Callable[[ErrorCode], T],
        producer: Producer = NO_PRODUCER,
    ) -> T | Awaitable[T]:
        """Append, replay, and answer: now if the records are committed, else when they are, or `on_error`'s answer.

        With a `producer` the records are part of its transaction.
        """
        if not result.records:
            return result.response
        committed, error = self._append(index, result, producer)
        if error is not ErrorCode.NONE:
            return _finish(result, error, on_error)
        if committed is None:
            return _finish(result, ErrorCode.NONE, on_error)
        return self._wait(committed, result, on_error)

    def when_committed(self, index: int, response: T, on_error: Callable[[ErrorCode], T]) -> T | Awaitable[T]:
        """An answer that was made of what is appended, as soon as that is committed: it must not be taken back."""
        committed = self.log.all_committed(index)
        if committed is None:
            return response
        return self._wait(committed, CoordinatorResult([], response), on_error)

    def complete_transaction(self, index: int, marker: Marker) -> ErrorCode | Awaitable[ErrorCode]:
        """Write a transaction's marker into the partition, and make its records count, or not.

        The errors are the log's; NOT_LEADER_OR_FOLLOWER also while the partition is being loaded (KIP-447).
        """
        shard = self.shard(index)
        if isinstance(shard, ErrorCode):
            return ErrorCode.NOT_LEADER_OR_FOLLOWER
        outcome = self.log.append_marker(index, marker.batch(self.clock.now_ms()), marker.transaction_version)
        if outcome.error is ErrorCode.NONE:
            self._begin_replay(index, shard, outcome)
            shard.replay_end_transaction(marker.producer_id, commit=marker.commit)
            self._watch(index, self._coordinators[index], outcome)
        return outcome.committed or outcome.error

    def _append(
        self, index: int, result: CoordinatorResult[T], producer: Producer
    ) -> tuple[asyncio.Future[ErrorCode] | None, ErrorCode]:
        coordinator = self._coordinators.get(index)
        if coordinator is None:
            return None, ErrorCode.NOT_COORDINATOR
        committed: asyncio.Future[ErrorCode] | None = None
        records = result.records
        position = 0
        while position < len(records):
            batch, count = self._batch(records, position, None if result.atomic else MAX_BATCH_BYTES, producer)
            outcome = self.log.append(index, batch)
            if outcome.error is not ErrorCode.NONE:
                self.report(f"coordinator of partition {index} cannot write: {outcome.error.name}")
                return committed, _TOLD_AS.get(outcome.error, outcome.error)
            if result.replay:
                self._begin_replay(index, coordinator.shard, outcome)
                for delta in range(count):
                    coordinator.shard.replay(records[position + delta], outcome.base_offset + delta, producer[0])
                self._watch(index, coordinator, outcome)
            committed = outcome.committed
            position += count
        return committed, ErrorCode.NONE

    def _begin_replay(self, index: int, shard: S, outcome: AppendOutcome) -> None:
        """What is appended and not committed is noted, so that reads go on seeing what was there before."""
        if outcome.committed is None:
            shard.uncommitted_at = None
        else:
            shard.uncommitted_at = outcome.base_offset
            shard.settle(self.log.high_watermark(index))

    def _watch(self, index: int, coordinator: _Coordinator[S], outcome: AppendOutcome) -> None:
        """What was replayed and is then lost, with the leadership or the disk, must not be answered from any more.

        A disk that fails is told to the controller, whose metadata may come late, or never.
        """

        def settled(committed: asyncio.Future[ErrorCode]) -> None:
            is_lost = not committed.cancelled() and committed.result() is not ErrorCode.NONE
            if is_lost and self._coordinators.get(index) is coordinator:
                self.resign(index)

        if outcome.committed is not None:
            outcome.committed.add_done_callback(settled)

    def _batch(
        self, records: list[CoordinatorRecord], position: int, max_bytes: int | None, producer: Producer
    ) -> tuple[Buffer, int]:
        now_ms = self.clock.now_ms()
        producer_id, producer_epoch = producer
        if len(records) == 1 and self.config.compression is CompressionType.NONE:
            key, value = self.serde.encode(records[0])
            batch = one_record_batch(
                key,
                value,
                timestamp_ms=now_ms,
                producer_id=producer_id,
                producer_epoch=producer_epoch,
                transactional=producer is not NO_PRODUCER,
            )
            return batch, 1
        builder = RecordBatchBuilder(
            compression=self.config.compression,
            max_bytes=max_bytes,
            producer_id=producer_id,
            producer_epoch=producer_epoch,
            transactional=producer is not NO_PRODUCER,
        )
        encode = self.serde.encode
        for i in range(position, len(records)):
            key, value = encode(records[i])
            if not builder.append(key, value, timestamp_ms=now_ms):
                break
        return builder.build(), builder.count

    def _wait(
        self, committed: asyncio.Future[ErrorCode], result: CoordinatorResult[T], on_error: Callable[[ErrorCode], T]
    ) -> Awaitable[T]:
        """The answer, when the batch is committed. It comes about even if nobody waits for it any more.

        Whoever asked is told when that takes too long; what depends on the commit (`on_committed`) goes on waiting for
        it, until this node leads the partition no more: what was appended may still be committed.
        """
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def finish(future: asyncio.Future[ErrorCode]) -> None:
            timer.cancel()
            error = ErrorCode.NOT_LEADER_OR_FOLLOWER if future.cancelled() else future.result()
            told = _TOLD_AS.get(error, error)
            if result.on_committed is not None:
                result.on_committed(told)
            if not answer.done():
                answer.set_result(result.response if told is ErrorCode.NONE else on_error(told))

        def expire() -> None:
            if not answer.done():
                answer.set_result(on_error(_TOLD_AS[ErrorCode.REQUEST_TIMED_OUT]))

        timer = self.timers.call_later(self.config.write_timeout_ms, expire)
        committed.add_done_callback(finish)
        return answer

    def _run(self, index: int, timers: KeyedTimers, operation: Callable[[], TimerResult]) -> None:
        """What a timer does is appended like a request's decision; there is nobody to answer."""
        coordinator = self._coordinators.get(index)
        if coordinator is not None and coordinator.timers is timers:
            self.write(index, operation(), _no_answer)


def _no_answer(error: ErrorCode) -> None:
    return None


def _finish(result: CoordinatorResult[T], error: ErrorCode, on_error: Callable[[ErrorCode], T]) -> T:
    if result.on_committed is not None:
        result.on_committed(error)
    return result.response if error is ErrorCode.NONE else on_error(error)
