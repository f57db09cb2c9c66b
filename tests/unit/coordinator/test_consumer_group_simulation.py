"""Members of both protocols that come, go, crash and change their minds as a seed tells them, under changing topics.

Whatever they do: no partition has two owners, what is in memory is what the log says, and when nobody changes anything
for a while every partition that somebody wants has an owner. A failure names its seed.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

import pytest
from tests.unit.coordinator.consumer_groups import Consumer, ConsumerDriver, topic_id

from ottla.coordinator.group.classic_group import ClassicGroup
from ottla.coordinator.group.consumer.consumer_group import ConsumerGroup, ConsumerGroupState

if TYPE_CHECKING:
    from ottla.coordinator.group.shard import GroupShard

STEPS = 220
MEMBERS = 5
TOPICS = ("t", "u", "v")
SUBSCRIPTIONS: tuple[tuple[tuple[str, ...], str | None], ...] = (
    (("t",), None),
    (("t", "u"), None),
    (("t", "u", "v"), None),
    ((), "[tu]"),
    (("v",), "t|v"),
    ((), None),
)


class World:
    def __init__(self, seed: int, subscriptions: int) -> None:
        self.random = Random(seed)
        self.driver = ConsumerDriver({"t": 4, "u": 3}, consumer_assignment_interval_ms=self.random.choice((0, 1_000)))
        self.subscriptions = SUBSCRIPTIONS[:subscriptions]
        self.members = [
            Consumer(self.driver, f"m{n}", instance_id=f"i{n}" if n % 3 == 0 else None) for n in range(MEMBERS)
        ]
        self.incarnation = 0

    def step(self) -> None:
        choice = self.random.random()
        if choice < 0.05:
            self.driver.sleep(self.random.choice((1, 900, 4_000, 31_000, 46_000)))
        elif choice < 0.09:
            self.alter_topics()
        else:
            self.act(self.random.choice(self.members))

    def act(self, member: Consumer) -> None:
        choice = self.random.random()
        if choice < 0.05:
            member.leave()
        elif choice < 0.09:
            self.crash(member)
        elif choice < 0.12 and member.instance_id is not None and member.epoch > 0:
            member.beat(-2)
            self.crash(member)
        elif choice < 0.18:
            member.topics, member.regex = self.random.choice(self.subscriptions)
            member.beat()
        elif choice < 0.22:
            member.assignor = self.random.choice((None, "uniform", "range"))
            member.beat()
        elif choice < 0.26:
            member.stubborn = not member.stubborn
        else:
            member.beat()

    def crash(self, member: Consumer) -> None:
        self.incarnation += 1
        member.member_id = f"{member.member_id[:2]}.{self.incarnation}"
        member.epoch, member.owned, member.stubborn = 0, {}, False

    def alter_topics(self) -> None:
        topics = dict(self.driver.topics)
        name = self.random.choice(TOPICS)
        if name in topics and self.random.random() < 0.3:
            del topics[name]
        else:
            topics[name] = topics.get(name, 0) + self.random.randint(1, 2)
        self.driver.alter_topics(topics)

    # -- what must hold

    def check(self) -> None:
        group = self.driver.shard.groups.consumer("g")
        if group is None:
            return
        check_owners(group)
        check_counts(group)
        alive = {member_id for member_id, member in group.members.items() if member.member_epoch >= 0}
        owners: dict[tuple[bytes, int], str] = {}
        for member in self.members:
            if member.member_id in alive:
                for place in member.partitions:
                    assert owners.setdefault(place, member.member_id) == member.member_id, f"two own {place}"

    def check_replay(self) -> None:
        assert groups_of(self.driver.replayed()) == groups_of(self.driver.shard)

    def settle(self) -> None:
        """Nothing changes any more, for longer than the sessions of those that have crashed."""
        for member in self.members:
            member.stubborn = False
        for _ in range(50):
            self.driver.sleep(1_100)
            for member in self.members:
                member.beat()
        group = self.driver.consumers()
        assert group.state is ConsumerGroupState.STABLE
        assert set(group.members) == {member.member_id for member in self.members}
        assert all(group.members[each.member_id].member_epoch == each.epoch for each in self.members)

    def check_all_assigned(self) -> None:
        group = self.driver.consumers()
        wanted = {
            (topic_id(name, self.driver.generations[name]), index)
            for member in group.members.values()
            for name in group.topics_of(member)
            if name in self.driver.topics
            for index in range(self.driver.topics[name])
        }
        assigned = [
            (each, index)
            for member in group.members.values()
            for each, owned in member.assigned.items()
            for index in owned
        ]
        assert len(assigned) == len(set(assigned))
        assert set(assigned) == wanted


def check_owners(group: ConsumerGroup) -> None:
    owners: dict[bytes, dict[int, str]] = {}
    for member in group.members.values():
        for owned in (member.assigned, member.pending_revocation):
            for each, partitions in owned.items():
                for index in partitions:
                    before = owners.setdefault(each, {}).setdefault(index, member.member_id)
                    assert before == member.member_id, f"{each!r}-{index} has two owners"
    assert group.owners == owners


def check_counts(group: ConsumerGroup) -> None:
    names: dict[str, int] = {}
    expressions: dict[str, int] = {}
    for member in group.members.values():
        for name in member.subscribed_topic_names:
            names[name] = names.get(name, 0) + 1
        if member.regex is not None:
            expressions[member.regex] = expressions.get(member.regex, 0) + 1
    assert (group.name_counts, group.regex_counts) == (names, expressions)
    assert set(group.resolved) <= set(expressions)
    assert set(group.target) <= set(group.members)


def groups_of(shard: GroupShard) -> dict[str, object]:
    """Groups without what is volatile."""
    told: dict[str, object] = {}
    for group_id, group in shard.groups.by_id.items():
        if isinstance(group, ConsumerGroup):
            told[group_id] = replace(group, metadata_refresh=(0, 0))
        elif isinstance(group, ClassicGroup):
            told[group_id] = (group.generation_id, sorted(group.members))
    return told


def consumer_members(seed: int) -> None:
    world = World(seed, subscriptions=3 if seed % 2 else len(SUBSCRIPTIONS))
    for step in range(STEPS):
        world.step()
        world.check()
        if step % 20 == 0:
            world.check_replay()
    world.settle()
    world.check()
    world.check_replay()
    world.check_all_assigned()


@pytest.mark.parametrize("seed", range(40))
def test_what_must_hold(seed: int) -> None:
    consumer_members(seed)
