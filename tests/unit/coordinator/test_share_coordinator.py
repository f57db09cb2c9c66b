"""The share coordinator: states that begin, are read, written and end; epochs that fence; snapshots."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import pytest
from tests.unit.coordinator.harness import FakeClock, FakeTimers
from tests.unit.coordinator.share_images import TOPIC_ID, image_of

from ottla.coordinator.partitioner import partition_for
from ottla.coordinator.share.config import ShareCoordinatorConfig
from ottla.coordinator.share.records import decode_record, encode_record
from ottla.coordinator.share.shard import Refusal, ShareCoordinatorShard, Write
from ottla.coordinator.share.share_partition_state import SharePartitionKey, SharePartitionState
from ottla.coordinator.share.state_batch import StateBatch
from ottla.protocol.coordinator_record.share_snapshot import ShareSnapshotKey
from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from ottla.coordinator.result import CoordinatorResult

T = TypeVar("T")
KEY = SharePartitionKey("group", TOPIC_ID, 0)
OTHER_KEY = SharePartitionKey("group", TOPIC_ID, 1)


class Coordinator:
    def __init__(self, updates: int = 500) -> None:
        self.clock = FakeClock()
        self.config = ShareCoordinatorConfig(snapshot_update_records_per_snapshot=updates)
        self.log: list[tuple[bytes, bytes | None]] = []
        self.image = image_of(2)
        self.start()

    def start(self) -> None:
        self.timers = FakeTimers(self.clock)
        self.shard = ShareCoordinatorShard(self.config, self.clock, self.timers, lambda: self.image)
        for offset in range(len(self.log)):
            self._replay(offset)
        self.do(self.shard.on_loaded())

    def _replay(self, offset: int) -> None:
        record = decode_record(*self.log[offset])
        assert record is not None
        self.shard.replay(record, offset)

    def do(self, result: CoordinatorResult[T]) -> T:
        for record in result.records:
            self.log.append(encode_record(record))
            self._replay(len(self.log) - 1)
        return result.response

    def write(self, *batches: StateBatch, start: int = -1, epoch: int = 0, state_epoch: int = 1) -> Refusal | None:
        return self.do(self.shard.write(KEY, Write(state_epoch, epoch, start, 0, list(batches))))

    def state(self, key: SharePartitionKey = KEY) -> SharePartitionState:
        state = self.shard.read_summary(key)
        assert isinstance(state, SharePartitionState)
        return state


def refused(answer: object) -> ErrorCode:
    assert isinstance(answer, Refusal)
    return answer.error


def test_a_state_begins_is_written_read_and_ends() -> None:
    coordinator = Coordinator()
    assert coordinator.state().start_offset == -1
    assert coordinator.do(coordinator.shard.initialize(KEY, 1, 10)) is None
    assert coordinator.write(StateBatch(10, 14, 2, 1), StateBatch(15, 15, 0, 2), start=15) is None
    coordinator.start()
    state = coordinator.do(coordinator.shard.read(KEY, 0))
    assert isinstance(state, SharePartitionState)
    assert (state.state_epoch, state.start_offset, state.state_batches) == (1, 15, [StateBatch(15, 15, 0, 2)])
    assert coordinator.do(coordinator.shard.delete(KEY)) is None
    assert refused(coordinator.do(coordinator.shard.read(KEY, 0))) is ErrorCode.INVALID_REQUEST
    assert refused(coordinator.write(start=20)) is ErrorCode.INVALID_REQUEST
    written = len(coordinator.log)
    assert coordinator.do(coordinator.shard.delete(KEY)) is None
    assert len(coordinator.log) == written


def test_older_leaders_and_older_states_are_fenced() -> None:
    coordinator = Coordinator()
    coordinator.do(coordinator.shard.initialize(KEY, 2, 0))
    assert isinstance(coordinator.do(coordinator.shard.read(KEY, 5)), SharePartitionState)
    coordinator.start()
    assert refused(coordinator.write(epoch=4, state_epoch=2)) is ErrorCode.FENCED_LEADER_EPOCH
    assert refused(coordinator.do(coordinator.shard.read(KEY, 4))) is ErrorCode.FENCED_LEADER_EPOCH
    assert refused(coordinator.write(epoch=5, state_epoch=1)) is ErrorCode.FENCED_STATE_EPOCH
    assert refused(coordinator.do(coordinator.shard.initialize(KEY, 1, 0))) is ErrorCode.FENCED_STATE_EPOCH
    assert coordinator.write(epoch=5, state_epoch=2) is None


def test_what_does_not_exist_has_no_state() -> None:
    coordinator = Coordinator()
    unknown = SharePartitionKey("group", TOPIC_ID, 7)
    assert refused(coordinator.do(coordinator.shard.initialize(unknown, 1, 0))) is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    negative = SharePartitionKey("group", TOPIC_ID, -1)
    assert refused(coordinator.shard.read_summary(negative)) is ErrorCode.INVALID_REQUEST
    coordinator.do(coordinator.shard.initialize(KEY, 1, 0))
    assert refused(coordinator.write(StateBatch(4, 3, 2, 1))) is ErrorCode.INVALID_REQUEST
    coordinator.do(coordinator.shard.topics_deleted([TOPIC_ID]))
    assert coordinator.state().start_offset == -1


@pytest.mark.parametrize("updates", [0, 1, 3])
def test_every_so_many_updates_a_snapshot_makes_what_was_before_redundant(updates: int) -> None:
    coordinator = Coordinator(updates)
    coordinator.do(coordinator.shard.initialize(KEY, 1, 0))
    for offset in range(10):
        coordinator.write(StateBatch(offset, offset, 2, 1), start=offset)
    kinds = "".join("S" if key.startswith(bytes(2)) else "u" for key, _ in coordinator.log)
    assert kinds == ("S" + "u" * updates) * (11 // (updates + 1)) + "Suuu"[: 11 % (updates + 1)]
    assert coordinator.shard.redundant_below() == kinds.rindex("S")
    before = coordinator.state()
    kept = coordinator.log[coordinator.shard.redundant_below() :]
    coordinator.log = kept
    coordinator.start()
    assert coordinator.state() == before


def test_a_state_that_nobody_writes_is_snapshotted_so_that_the_log_can_be_cut() -> None:
    coordinator = Coordinator(0)
    coordinator.do(coordinator.shard.initialize(OTHER_KEY, 1, 3))
    coordinator.do(coordinator.shard.initialize(KEY, 1, 0))
    for offset in range(5):
        coordinator.write(start=offset)
    assert coordinator.shard.redundant_below() == 0
    coordinator.clock.time_ms += coordinator.config.cold_partition_snapshot_interval_ms
    for _ in range(2):
        while (operation := coordinator.timers.take_due()) is not None:
            coordinator.do(operation())
        coordinator.clock.time_ms += coordinator.config.cold_partition_snapshot_interval_ms
    assert coordinator.shard.redundant_below() > 5
    written = len(coordinator.log)
    while (operation := coordinator.timers.take_due()) is not None:
        coordinator.do(operation())
    assert len(coordinator.log) == written
    assert coordinator.state(OTHER_KEY).start_offset == 3


def test_keys_are_hashed_and_written_as_kafka_does() -> None:
    key = SharePartitionKey("my-group", bytes.fromhex("00112233445566778899aabbccddeeff"), 7)
    assert key.coordinator_key == "my-group:ABEiM0RVZneImaq7zN3u_w:7"
    # From Java's String.hashCode.
    assert partition_for(key.coordinator_key, 50) == 49
    coordinator = Coordinator()
    coordinator.do(coordinator.shard.initialize(KEY, 1, 0))
    record = decode_record(*coordinator.log[0])
    assert record is not None
    assert isinstance(record.key, ShareSnapshotKey)
    assert coordinator.log[0][0] == b"\x00\x00\x00\x05group" + TOPIC_ID + b"\x00\x00\x00\x00"
