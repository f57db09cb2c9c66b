"""Instances of an application that come, go and crash as a seed tells them, under changing topics and configs.

Whatever they do: no task is active twice, no process has a task in two forms, what is in memory is what the log says,
and when nobody changes anything for a while every task is active somewhere and has its standbys. A failure names its
seed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from tests.unit.coordinator.streams_groups import StreamsDriver, StreamsMember
from tests.unit.coordinator.streams_topologies import internal_topic, subtopology, topology

from ottla.coordinator.group.streams.streams_group import StreamsGroup, StreamsGroupState

STEPS = 200
MEMBERS = 6
SHAPE = topology(
    subtopology("0", "t", repartition_sinks=["r"]),
    subtopology("1", "u", repartition_sources=[internal_topic("r")], changelogs=[internal_topic("c")]),
)
STATELESS, STATEFUL = "0", "1"


class World:
    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.driver = StreamsDriver(
            {"t": 4, "u": 3},
            streams_assignment_interval_ms=self.random.choice((0, 1_000)),
            streams_initial_rebalance_delay_ms=self.random.choice((0, 2_000)),
        )
        self.members = [
            StreamsMember(self.driver, f"m{n}", process_id=f"p{n % 4}", topology=SHAPE) for n in range(MEMBERS)
        ]
        self.incarnation = 0
        self.standbys = 0

    def step(self) -> None:
        choice = self.random.random()
        if choice < 0.06:
            self.driver.sleep(self.random.choice((1, 900, 4_000, 31_000, 46_000)))
        elif choice < 0.08:
            self.driver.alter_topics(self.driver.topics | {"t": self.driver.topics["t"] + 1})
        elif choice < 0.10:
            gone = self.random.choice(sorted(self.driver.topics))
            kept = {name: count for name, count in self.driver.topics.items() if name != gone}
            if gone in ("r", "c"):
                self.driver.alter_topics(kept)
        elif choice < 0.12:
            self.standbys = self.random.randint(0, 2)
            self.driver.configure_group(streams_num_standby_replicas=str(self.standbys))
        else:
            self.act(self.random.choice(self.members))

    def act(self, member: StreamsMember) -> None:
        choice = self.random.random()
        if choice < 0.05 and member.epoch > 0 and member.member_id in self.driver.streams().members:
            member.leave()
        elif choice < 0.10:
            self.incarnation += 1
            member.member_id = f"{member.member_id[:2]}.{self.incarnation}"
            member.epoch, member.active, member.standby, member.stubborn = 0, {}, {}, False
        elif choice < 0.14:
            member.stubborn = not member.stubborn
        else:
            member.beat()
            if self.driver.missing and self.random.random() < 0.5:
                self.driver.make_missing()

    # -- what must hold

    def check(self) -> None:
        group = self.driver.shard.groups.by_id.get("g")
        if not isinstance(group, StreamsGroup):
            return
        forms: Counter[tuple[str, str, int]] = Counter()
        active: Counter[tuple[str, int]] = Counter()
        for member in group.members.values():
            for tasks in (member.assigned, member.pending_revocation):
                mine = [(each, index) for each, epochs in tasks.active.items() for index in epochs]
                active.update(mine)
                copies = [(each, index) for each, indexes in tasks.standby.items() for index in indexes]
                forms.update((member.process_id, *task) for task in (*mine, *copies))
        assert not [task for task, count in active.items() if count > 1], "active twice"
        assert not [task for task, count in forms.items() if count > 1], "in two forms in one process"
        assert set(group.target) <= set(group.members)
        believed: Counter[tuple[str, int]] = Counter()
        for client in self.members:
            if client.member_id in group.members:
                believed.update((each, index) for each, indexes in client.active.items() for index in indexes)
        assert not [task for task, count in believed.items() if count > 1], "two clients process it"

    def check_replay(self) -> None:
        live, replayed = (shard.groups.by_id.get("g") for shard in (self.driver.shard, self.driver.replayed()))
        assert _lasting(live) == _lasting(replayed)

    def settle(self) -> None:
        """Nothing changes any more, for longer than the sessions of those that have crashed."""
        narrow = {name: count for name, count in self.driver.topics.items() if name not in ("r", "c")}
        self.driver.alter_topics(narrow)
        for member in self.members:
            member.stubborn = False
        for _ in range(60):
            self.driver.sleep(1_100)
            for member in self.members:
                member.beat()
                if self.driver.missing:
                    self.driver.make_missing()

    def check_all_assigned(self) -> None:
        group = self.driver.streams()
        assert group.state is StreamsGroupState.STABLE
        assert set(group.members) == {member.member_id for member in self.members}
        width = max(self.driver.topics["u"], self.driver.topics["t"])
        wanted = {(STATELESS, index) for index in range(self.driver.topics["t"])}
        wanted |= {(STATEFUL, index) for index in range(width)}
        active = Counter(
            (each, index) for member in self.members for each, indexes in member.active.items() for index in indexes
        )
        assert active == Counter(wanted)
        standby = Counter(
            (each, index) for member in self.members for each, indexes in member.standby.items() for index in indexes
        )
        assert standby == Counter({(STATEFUL, index): self.standbys for index in range(width) if self.standbys})


def _lasting(group: object) -> object:
    """Without what is volatile."""
    if not isinstance(group, StreamsGroup):
        return None
    return replace(group, configured=None, metadata_refresh=(0, 0), endpoint_epoch=0, shutdown_requested_by=None)


@pytest.mark.parametrize("seed", range(30))
def test_what_must_hold(seed: int) -> None:
    world = World(seed)
    for step in range(STEPS):
        world.step()
        world.check()
        if step % 20 == 0:
            world.check_replay()
    world.settle()
    world.check()
    world.check_replay()
    world.check_all_assigned()
