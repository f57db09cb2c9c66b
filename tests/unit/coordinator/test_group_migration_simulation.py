"""Members of the classic and of the consumer protocol in one group, as a seed tells them: KIP-848's online migration.

The group changes its type under its members again and again. Whatever they do: no partition has two owners while the
group is a consumer group, and what a restart would load is the same group with the same members.
"""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from tests.unit.coordinator.consumer_groups import Consumer, ConsumerDriver
from tests.unit.coordinator.harness import Parked, subscription
from tests.unit.coordinator.test_consumer_group_simulation import check_counts, check_owners

from ottla.coordinator.group.classic_group import ClassicGroup, ClassicGroupState
from ottla.coordinator.group.consumer.consumer_group import ConsumerGroup, ConsumerGroupState
from ottla.protocol.consumer_protocol import ConsumerProtocolAssignment, ConsumerProtocolAssignmentTopicPartition
from ottla.protocol.errors import ErrorCode

STEPS = 200
PROTOCOLS = {"range": subscription("t")}


def everything(partitions: int) -> bytes:
    topic = ConsumerProtocolAssignmentTopicPartition(topic="t", partitions=list(range(partitions)))
    return b"\x00\x01" + ConsumerProtocolAssignment(assigned_partitions=[topic], user_data=None).encode(1)


class ClassicClient:
    """Joins, syncs and heartbeats; gives up everything before it joins again. The leader takes all for itself."""

    def __init__(self, driver: ConsumerDriver, instance_id: str | None) -> None:
        self.driver = driver
        self.instance_id = instance_id
        self.forget()

    def forget(self) -> None:
        self.member_id = ""
        self.generation_id = -1
        self.leads = False
        self.synced = False
        self.waiting: Parked | None = None

    def step(self) -> ErrorCode | None:
        if self.waiting is not None:
            return self._answered() if self.waiting.done else None
        if self.generation_id < 0:
            self.waiting = self.driver.join(self.member_id, instance_id=self.instance_id, protocols=PROTOCOLS)
        elif not self.synced:
            assignment = {self.member_id: everything(4)} if self.leads else {}
            self.waiting = self.driver.sync(
                self.member_id, self.generation_id, assignment, instance_id=self.instance_id
            )
        else:
            error = self.driver.heartbeat(self.member_id, self.generation_id, instance_id=self.instance_id)
            self._failed(error)
            return error
        return None

    def _answered(self) -> ErrorCode:
        assert self.waiting is not None
        answer, self.waiting = self.waiting, None
        error = answer.error
        if self.generation_id < 0:
            joined = answer.join
            if error in (ErrorCode.NONE, ErrorCode.MEMBER_ID_REQUIRED):
                self.member_id = joined.member_id
            if error is ErrorCode.NONE:
                self.generation_id, self.leads = joined.generation_id, joined.leader == joined.member_id
        elif error is ErrorCode.NONE:
            self.synced = True
        self._failed(error)
        return error

    def _failed(self, error: ErrorCode) -> None:
        if error in (ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.FENCED_INSTANCE_ID):
            self.forget()
        elif error in (ErrorCode.REBALANCE_IN_PROGRESS, ErrorCode.ILLEGAL_GENERATION):
            self.generation_id, self.synced = -1, False

    def leave(self) -> None:
        if self.member_id:
            self.driver.leave((self.member_id, self.instance_id))
        self.forget()


class World:
    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.driver = ConsumerDriver({"t": 4}, group_initial_rebalance_delay_ms=0)
        self.classic = [ClassicClient(self.driver, "i0"), ClassicClient(self.driver, None)]
        self.consumers = [Consumer(self.driver, "m0", instance_id="i0"), Consumer(self.driver, "m1")]
        self.seen: Counter[str] = Counter()
        self.incarnation = 0

    def step(self) -> None:
        choice = self.random.random()
        if choice < 0.06:
            self.driver.sleep(self.random.choice((1, 1_000, 5_000, 11_000, 46_000)))
        elif choice < 0.53:
            client = self.random.choice(self.classic)
            if self.random.random() < 0.08:
                client.leave() if self.random.random() < 0.7 else client.forget()
            else:
                client.step()
        else:
            member = self.random.choice(self.consumers)
            if self.random.random() < 0.15 and member.epoch:
                member.beat(-2) if member.instance_id and self.random.random() < 0.5 else member.leave()
                self.incarnation += 1
                member.member_id, member.epoch, member.owned = f"{member.member_id[:2]}.{self.incarnation}", 0, {}
            else:
                member.beat()

    def check(self) -> None:
        group = self.driver.shard.groups.get("g")
        self.seen[type(group).__name__] += 1
        if isinstance(group, ConsumerGroup):
            check_owners(group)
            check_counts(group)

    def check_replay(self) -> None:
        group = self.driver.shard.groups.get("g")
        if isinstance(group, ConsumerGroup):
            loaded = self.driver.replayed().groups.consumer("g")
            assert loaded is not None
            assert (loaded.members, loaded.target, loaded.owners) == (group.members, group.target, group.owners)
            assert (loaded.group_epoch, loaded.assignment_epoch) == (group.group_epoch, group.assignment_epoch)
            assert loaded.metadata_hash == group.metadata_hash
        elif isinstance(group, ClassicGroup):
            loaded_classic = self.driver.replayed().groups.classic("g")
            assert loaded_classic is not None
            if group.state is ClassicGroupState.STABLE:
                assert set(loaded_classic.members) == set(group.members)
                assert loaded_classic.generation_id == group.generation_id


def members_of_both_protocols(seed: int) -> None:
    world = World(seed)
    for step in range(STEPS):
        world.step()
        world.check()
        if step % 10 == 0:
            world.check_replay()
    assert world.seen["ConsumerGroup"]
    for client in world.classic:
        client.leave()
    for _ in range(60):
        world.driver.sleep(1_100)
        world.consumers[1].beat()
    group = world.driver.consumers()
    assert set(group.members) == {world.consumers[1].member_id}
    assert group.state is ConsumerGroupState.STABLE
    assert len(world.consumers[1].partitions) == 4


@pytest.mark.parametrize("seed", range(24))
def test_members_of_both_protocols(seed: int) -> None:
    members_of_both_protocols(seed)


def test_the_seeds_lead_both_ways() -> None:
    seen: Counter[str] = Counter()
    for seed in range(10):
        world = World(seed)
        for _ in range(STEPS):
            world.step()
            world.check()
        seen += world.seen
    assert min(seen["ConsumerGroup"], seen["ClassicGroup"]) > 100
