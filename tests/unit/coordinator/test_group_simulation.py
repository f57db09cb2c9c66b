"""Members that join, sync, fall silent, restart and leave as a seed tells them; what must hold whatever they do.

A failure names its seed: the same seed does the same again.
"""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from tests.unit.coordinator.harness import Driver, Parked, subscription

from ottla.coordinator.group.classic_group import ClassicGroup, ClassicGroupState
from ottla.protocol.errors import ErrorCode

STEPS = 250
MEMBERS = 6
OFFERS = (
    {"range": subscription("t"), "sticky": subscription("t")},
    {"sticky": subscription("t"), "range": subscription("t")},
    {"range": subscription("t", "u")},
)


class Member:
    """A client: what it believes, and the one request that it waits for."""

    def __init__(self, instance_id: str | None) -> None:
        self.instance_id = instance_id
        self.forget()

    def forget(self) -> None:
        self.member_id = ""
        self.generation_id = -1
        self.leads = False
        self.protocol: str | None = None
        self.others: list[str] = []
        self.waiting: Parked | None = None
        self.synced = False
        self.offer = OFFERS[0]


class World:
    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.driver = Driver(group_max_size=MEMBERS)
        self.members = [Member(f"i{n}" if n % 3 == 0 else None) for n in range(MEMBERS)]
        self.parked: list[Parked] = []
        self.generations: dict[int, set[tuple[str, str | None]]] = {}
        self.stable_generations = 0
        self.answers: Counter[ErrorCode] = Counter()

    # -- clients

    def step(self) -> None:
        choice = self.random.random()
        if choice < 0.25:
            self.driver.sleep(self.random.choice((1, 100, 2_999, 5_000, 9_000, 20_000, 61_000)))
        elif choice < 0.27:
            self.restart_coordinator()
        elif choice < 0.33:
            self.driver.hold = not self.driver.hold
            if not self.driver.hold:
                self.driver.release()
        else:
            self.act(self.random.choice(self.members))
        self.collect()

    def act(self, member: Member) -> None:
        choice = self.random.random()
        if choice < 0.06:
            member.forget()  # crashed; its parked request is nobody's now
        elif choice < 0.12 and member.member_id:
            self.driver.leave((member.member_id, member.instance_id))
            member.forget()
        elif member.waiting is not None:
            return
        elif not member.member_id or member.generation_id < 0:
            self.join(member)
        elif not member.synced:
            self.sync(member)
        elif choice < 0.3:
            self.commit(member)
        elif choice < 0.4:
            self.join(member)
        else:
            self.heartbeat(member)

    def join(self, member: Member) -> None:
        member.synced = False
        member.offer = self.random.choice(OFFERS)
        member.waiting = self.driver.join(
            member.member_id,
            instance_id=member.instance_id,
            protocols=member.offer,
            version=self.random.choice((5, 9)),
            rebalance_timeout_ms=self.random.choice((5_000, 60_000)),
        )
        self.parked.append(member.waiting)

    def sync(self, member: Member) -> None:
        assignment = {each: f"{each}@{member.generation_id}".encode() for each in member.others} if member.leads else {}
        member.waiting = self.driver.sync(
            member.member_id,
            member.generation_id,
            assignment,
            instance_id=member.instance_id,
            protocol_name=member.protocol,
        )
        self.parked.append(member.waiting)

    def heartbeat(self, member: Member) -> None:
        self.took(member, self.driver.heartbeat(member.member_id, member.generation_id, instance_id=member.instance_id))

    def commit(self, member: Member) -> None:
        [error] = self.driver.commit(
            {("t", self.random.randrange(3)): self.random.randrange(100)},
            member_id=member.member_id,
            generation_id=member.generation_id,
            instance_id=member.instance_id,
        )
        self.took(member, error)

    def took(self, member: Member, error: ErrorCode) -> None:
        if error in (ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.FENCED_INSTANCE_ID, ErrorCode.GROUP_MAX_SIZE_REACHED):
            member.forget()
        elif error is not ErrorCode.NONE:
            member.generation_id = -1

    def collect(self) -> None:
        for member in self.members:
            waiting = member.waiting
            if waiting is None or not waiting.done:
                continue
            member.waiting = None
            error = waiting.error
            self.answers[error] += 1
            if error is ErrorCode.MEMBER_ID_REQUIRED:
                member.member_id = waiting.join.member_id
            elif error is not ErrorCode.NONE:
                self.took(member, error)
            elif hasattr(waiting.answers[0], "generation_id"):
                self.joined(member, waiting)
            else:
                member.synced = True

    def joined(self, member: Member, waiting: Parked) -> None:
        answer = waiting.join
        member.member_id = answer.member_id
        member.generation_id = answer.generation_id
        member.leads = answer.leader == answer.member_id
        member.protocol = answer.protocol_name
        member.others = [each.member_id for each in answer.members]
        leader = answer.leader.split("-uuid")[0] if answer.leader.startswith("i") else answer.leader
        self.generations.setdefault(answer.generation_id, set()).add((leader, answer.protocol_name))
        assert answer.protocol_name in member.offer, "a member was given a protocol that it does not support"

    # -- the coordinator

    def restart_coordinator(self) -> None:
        """The node is killed: what is not in the log is lost, clients lose their connections."""
        self.driver.held.clear()
        self.driver.shard.on_unloaded()
        hold = self.driver.hold
        self.driver = self.driver.reload()
        self.driver.hold = hold
        # Generations that nobody was assigned in are counted again, maybe with another leader.
        self.generations.clear()

    def check(self) -> None:
        group = self.driver.shard.groups.classic("g")
        if group is None:
            self.generations.clear()  # a group that was deleted begins anew
            return
        check_counts(group)
        check_membership(group)
        self.check_nobody_waits_for_ever(group)
        for generation, said in self.generations.items():
            assert len(said) == 1, f"generation {generation} has several leaders or protocols: {said}"
        if group.state is ClassicGroupState.STABLE and not self.driver.held:
            self.check_replay(group)

    def check_nobody_waits_for_ever(self, group: ClassicGroup) -> None:
        timers = self.driver.timers.entries
        if group.state is ClassicGroupState.PREPARING_REBALANCE:
            assert ("join", "g") in timers
        if group.state is ClassicGroupState.COMPLETING_REBALANCE and group.pending_sync_members:
            assert ("sync", "g") in timers
        for member in group.members.values():
            if not member.has_satisfied_heartbeat:
                assert ("heartbeat", "g", member.member_id) in timers, "a silent member would stay for ever"
        for member_id in group.pending_join_members:
            assert ("heartbeat", "g", member_id) in timers

    def check_replay(self, group: ClassicGroup) -> None:
        self.stable_generations += 1
        other = self.driver.reload()
        loaded = other.group()
        assert (loaded.state, loaded.generation_id, loaded.leader_id) == (
            group.state,
            group.generation_id,
            group.leader_id,
        )
        assert (loaded.protocol_type, loaded.protocol_name) == (group.protocol_type, group.protocol_name)
        assert {m.member_id: m.assignment for m in loaded.members.values()} == {
            m.member_id: m.assignment for m in group.members.values()
        }
        assert loaded.static_members == group.static_members
        assert other.fetch() == self.driver.fetch()


def check_counts(group: ClassicGroup) -> None:
    members = list(group.members.values())
    assert group.awaiting_join_count == sum(member.awaiting_join is not None for member in members)
    supported: dict[str, int] = {}
    for member in members:
        for name, _ in member.protocols:
            supported[name] = supported.get(name, 0) + 1
    assert group.supported_protocols == supported
    assert group.static_members == {m.group_instance_id: m.member_id for m in members if m.group_instance_id}


def check_membership(group: ClassicGroup) -> None:
    members = group.members
    assert (group.leader_id in members) if members else (group.leader_id is None)
    assert not group.pending_join_members & members.keys()
    assert group.pending_sync_members <= members.keys()
    if group.state is ClassicGroupState.PREPARING_REBALANCE:
        assert group.awaiting_join_count <= MEMBERS  # others may still be there; they go unless they come back in time
    else:
        assert len(members) <= MEMBERS + len(group.static_members)  # who are kept though they did not come back
    if group.state is ClassicGroupState.EMPTY:
        assert not members
    if group.state is ClassicGroupState.COMPLETING_REBALANCE:
        assert members
        assert group.awaiting_join_count == 0
    if group.state is not ClassicGroupState.COMPLETING_REBALANCE:
        assert all(member.awaiting_sync is None for member in members.values())


def classic_members(seed: int) -> None:
    world = World(seed)
    for _ in range(STEPS):
        world.step()
        world.check()
    # Everybody falls silent, and the disk works again: whoever waits is answered, and the group ends up empty.
    world.driver.hold = False
    world.driver.release()
    world.driver.sleep(3_600_000)
    assert all(parked.done for parked in world.parked), "a request was left parked"
    group = world.driver.shard.groups.by_id.get("g")
    assert group is None or group.state is ClassicGroupState.EMPTY


@pytest.mark.parametrize("seed", range(40))
def test_whatever_members_do(seed: int) -> None:
    classic_members(seed)


def test_the_simulation_gets_somewhere() -> None:
    world = World(1)
    for _ in range(4 * STEPS):
        world.step()
        world.check()
    assert world.stable_generations > 20
    assert world.answers[ErrorCode.NONE] > 100
    assert {ErrorCode.REBALANCE_IN_PROGRESS, ErrorCode.MEMBER_ID_REQUIRED} <= world.answers.keys()
