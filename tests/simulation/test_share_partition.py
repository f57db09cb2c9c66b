"""A share partition under a random crowd, by seed: members come, work, stall, vanish; the node crashes and loads again.

Held at every step:
  OneOwner           no record is acquired by two members at once
  BoundedDeliveries  no record is delivered more often than the limit, but for deliveries a crash made forget
  NoRedelivery       what was accepted, and persisted, is never given out again, crash or not
  NothingLost        in the end every record was accepted, rejected or delivered as often as allowed
  SameAfterReplay    what the share coordinator has replayed is what the leader has persisted
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from tests.unit.coordinator.harness import FakeClock, FakeTimers
from tests.unit.coordinator.share_images import TOPIC_ID, image_of

from ottla.broker.share.in_flight import (
    ACCEPT,
    REJECT,
    RELEASE,
    RENEW,
    Acknowledgement,
    InFlightRecords,
    Refused,
    Transition,
)
from ottla.coordinator.share.config import ShareCoordinatorConfig
from ottla.coordinator.share.records import decode_record, encode_record
from ottla.coordinator.share.shard import Refusal, ShareCoordinatorShard, Write
from ottla.coordinator.share.share_partition_state import SharePartitionKey, SharePartitionState
from ottla.coordinator.share.state_batch import DeliveryState, StateBatch, combine

KEY = SharePartitionKey("group", TOPIC_ID, 0)
RECORDS = 120
MEMBERS = ("a", "b", "c")
LIMIT = 4
MAX_LOCKS = 25
LOCK_MS = 30
STEPS = 400


@dataclass
class World:
    seed: int
    clock: FakeClock = field(default_factory=FakeClock)
    log: list[tuple[bytes, bytes | None]] = field(default_factory=list)
    accepted: set[int] = field(default_factory=set)
    done: set[int] = field(default_factory=set)
    owners: dict[int, str] = field(default_factory=dict)
    deliveries: dict[int, int] = field(default_factory=dict)
    forgotten: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.shard = self.new_shard()
        self.append(self.shard.initialize(KEY, 1, 0).records)
        self.records = self.load()

    def new_shard(self) -> ShareCoordinatorShard:
        config = ShareCoordinatorConfig(snapshot_update_records_per_snapshot=self.random.choice((0, 3, 20)))
        shard = ShareCoordinatorShard(config, self.clock, FakeTimers(self.clock), lambda: image_of(1))
        for offset, (key, value) in enumerate(self.log):
            record = decode_record(key, value)
            assert record is not None
            shard.replay(record, offset)
        return shard

    def append(self, records: list) -> None:  # type: ignore[type-arg]  # of CoordinatorRecord
        for record in records:
            self.log.append(encode_record(record))
            decoded = decode_record(*self.log[-1])
            assert decoded is not None
            self.shard.replay(decoded, len(self.log) - 1)

    def load(self) -> InFlightRecords:
        result = self.shard.read(KEY, 0)
        assert isinstance(result.response, SharePartitionState)
        self.append(result.records)
        state = result.response
        return InFlightRecords(state.start_offset, state.state_batches, max_locks=MAX_LOCKS, count_limit=LIMIT)

    def persist(self, transition: Transition) -> None:
        if not transition.state_batches:
            return
        write = Write(1, 0, transition.start_offset, transition.delivery_complete_count, transition.state_batches)
        result = self.shard.write(KEY, write)
        assert not isinstance(result.response, Refusal)
        self.append(result.records)

    # -- what may happen

    def fetch(self) -> None:
        member = self.random.choice(MEMBERS)
        first = self.records.next_fetch_offset()
        last = min(RECORDS - 1, first + self.random.randrange(12))
        if first >= RECORDS or not self.records.can_acquire():
            return
        deadline_ms = self.clock.monotonic_ms() + LOCK_MS
        for acquired in self.records.acquire(member, first, last, self.random.randrange(1, 10), deadline_ms):
            for offset in range(acquired.first_offset, acquired.last_offset + 1):
                assert offset not in self.done, f"NoRedelivery: {offset}"
                assert offset not in self.owners, f"OneOwner: {offset}"
                self.owners[offset] = member
                self.deliveries[offset] = self.deliveries.get(offset, 0) + 1
                assert acquired.delivery_count <= LIMIT, f"BoundedDeliveries: {offset}"
                known = self.deliveries[offset] - self.forgotten.get(offset, 0)
                assert known <= acquired.delivery_count, f"BoundedDeliveries: {offset}"

    def acknowledge(self) -> None:
        acquired = self.records.acquired_by()
        if not acquired:
            return
        member = self.random.choice(sorted(acquired))
        first, last = self.random.choice(acquired[member])
        first = self.random.randint(first, last)
        last = self.random.randint(first, last)
        types = [self.random.choice((ACCEPT, ACCEPT, ACCEPT, RELEASE, REJECT, RENEW)) for _ in range(first, last + 1)]
        until_ms = self.clock.monotonic_ms() + LOCK_MS
        stranger = self.records.acknowledge("stranger", [Acknowledgement(first, last, types)])
        assert isinstance(stranger, Refused)
        transition = self.records.acknowledge(member, [Acknowledgement(first, last, types)], until_ms)
        assert isinstance(transition, Transition)
        if self.random.random() < 0.1:
            self.records.settle(transition, persisted=False)
            return
        self.persist(transition)
        self.records.settle(transition, persisted=True)
        for offset, kind in zip(range(first, last + 1), types, strict=True):
            if kind == ACCEPT:
                self.accepted.add(offset)
            if kind != RENEW:
                del self.owners[offset]
            self.note(offset, kind)

    def note(self, offset: int, kind: int) -> None:
        if kind in (ACCEPT, REJECT):
            self.done.add(offset)

    def given_up(self, transition: Transition) -> None:
        self.persist(transition)
        for batch in transition.state_batches:
            for offset in range(batch.first_offset, batch.last_offset + 1):
                del self.owners[offset]

    def leave(self) -> None:
        self.given_up(self.records.release(self.random.choice(MEMBERS)))

    def wait(self) -> None:
        self.clock.time_ms += self.random.randrange(LOCK_MS)
        self.given_up(self.records.expire(self.clock.monotonic_ms()))

    def crash(self) -> None:
        self.shard = self.new_shard()
        self.records = self.load()
        self.owners.clear()
        persisted = {
            offset: batch.delivery_count
            for batch in self.records.state_batches()
            for offset in range(batch.first_offset, batch.last_offset + 1)
        }
        for offset, count in self.deliveries.items():
            self.forgotten[offset] = count - persisted.get(offset, 0)

    def check(self) -> None:
        kept = self.shard.read_summary(KEY)
        assert isinstance(kept, SharePartitionState)
        mine = [batch for batch in self.records.state_batches() if batch.delivery_state != DeliveryState.AVAILABLE]
        theirs = [batch for batch in kept.state_batches if batch.delivery_state != DeliveryState.AVAILABLE]
        start = self.records.start_offset
        assert _offsets(theirs, start) == _offsets(mine, start), "SameAfterReplay"
        owned = {
            offset: member
            for member, ranges in self.records.acquired_by().items()
            for first, last in ranges
            for offset in range(first, last + 1)
        }
        assert owned == self.owners

    def finish(self) -> None:
        """One patient member, who accepts all it gets, works off the rest."""
        self.given_up(self.records.expire(self.clock.monotonic_ms() + LOCK_MS))
        while (first := self.records.next_fetch_offset()) < RECORDS:
            for acquired in self.records.acquire("a", first, RECORDS - 1, 50, 1e18):
                offsets = range(acquired.first_offset, acquired.last_offset + 1)
                self.owners.update(dict.fromkeys(offsets, "a"))
                for offset in offsets:
                    self.deliveries[offset] = self.deliveries.get(offset, 0) + 1
                acknowledgement = Acknowledgement(acquired.first_offset, acquired.last_offset, [ACCEPT])
                transition = self.records.acknowledge("a", [acknowledgement])
                assert isinstance(transition, Transition)
                self.persist(transition)
                self.records.settle(transition, persisted=True)
                self.accepted.update(offsets)
                self.done.update(offsets)
                for offset in offsets:
                    del self.owners[offset]
        assert self.records.start_offset == RECORDS
        for offset in range(RECORDS):
            enough = self.deliveries.get(offset, 0) >= LIMIT
            assert offset in self.done or enough, f"NothingLost: {offset}"


def _offsets(batches: list[StateBatch], start: int) -> set[int]:
    return {
        offset for batch in batches for offset in range(batch.first_offset, batch.last_offset + 1) if offset >= start
    }


def run(seed: int) -> str:
    world = World(seed)
    steps = [world.fetch] * 6 + [world.acknowledge] * 6 + [world.wait] * 2 + [world.leave, world.crash]
    for _ in range(STEPS):
        world.random.choice(steps)()
        world.check()
    world.finish()
    return f"{sorted(world.accepted)} {sorted(world.deliveries.items())} {len(world.log)}"


WORLDS = {"share-partition": run}


@pytest.mark.parametrize("seed", range(8))
def test_share_partition(seed: int) -> None:
    assert run(seed) == run(seed)


def test_combined_batches_are_those_of_every_offset() -> None:
    """Against the plainest model: a delivery state and count for each offset."""
    for seed in range(120):
        rng = random.Random(seed)
        model: dict[int, tuple[int, int]] = {}
        batches: list[StateBatch] = []
        start = 0
        for _ in range(12):
            changes = []
            start = max(start, rng.randrange(start, start + 3))
            for _ in range(rng.randrange(1, 4)):
                first = rng.randrange(30)
                change = StateBatch(first, first + rng.randrange(8), rng.choice((0, 2, 4)), rng.randrange(1, 5))
                changes.append(change)
                for offset in range(change.first_offset, change.last_offset + 1):
                    new = (change.delivery_count, change.delivery_state)
                    model[offset] = max(model.get(offset, (0, 0)), new)
            batches = combine(batches, changes, start)
            model = {offset: value for offset, value in model.items() if offset >= start}
            found = {
                offset: (batch.delivery_count, batch.delivery_state)
                for batch in batches
                for offset in range(batch.first_offset, batch.last_offset + 1)
            }
            assert found == model
            assert all(a.last_offset < b.first_offset for a, b in pairwise(batches))
            assert not any(a.last_offset + 1 == b.first_offset and a.is_like(b) for a, b in pairwise(batches))
