"""Anything that may be asked of the active controller, in any order, drawn from a seed.

What Apache Kafka itself draws is left out (where replicas are placed), so that a seed says all. Not asked either:
another `min.insync.replicas` for a topic with eligible leader replicas. Apache Kafka 4.3.1 clears them, but not its
index of them, and some time after such a topic is deleted, its controller stops ("Topic ID … existed in isrMembers").
So it does when a directory goes offline in which a topic had lain that was deleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.interop.controller_scenarios import GONE, PREFERRED, SAFE, UNCLEAN, UPGRADE, A, B, Script, directories_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from random import Random

BROKERS = (1, 2, 3, 4, 5, 6)
MAX_TOPICS = 8


class Fuzz:
    def __init__(self, script: Script, random: Random) -> None:
        self._script = script
        self._random = random
        self._made = 0
        self._kinds: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (30, self._heartbeat),
            (25, self._alter),
            (10, self._reassign),
            (8, self._elect),
            (6, self._create),
            (3, self._add_partitions),
            (2, self._delete),
            (4, self._assign),
            (6, self._configure),
            (1, self._switch_elr),
            (3, self._register),
            (1, self._unregister),
            (2, self._list),
        ]

    async def run(self, steps: int) -> None:
        for broker_id in BROKERS:
            await self._script.register(broker_id)
            await self._script.heartbeat(broker_id, cordoned_log_dirs=[])
        weights, kinds = zip(*self._kinds, strict=True)
        for step in self._random.choices(kinds, weights, k=steps):
            await step()

    # ── what is drawn ──────────────────────────────────────────────────────────────────────────────────────────────

    def _often(self, share: float) -> bool:
        return self._random.random() < share

    def _some(self, of: list[int]) -> list[int]:
        return self._random.sample(of, self._random.randint(1, len(of)))

    def _partition(self) -> tuple[str, int] | None:
        topics = list(self._script.oracle.image.topics.by_name.values())
        if not topics:
            return None
        topic = self._random.choice(topics)
        return topic.name, self._random.choice(list(topic.partitions))

    # ── what is asked ──────────────────────────────────────────────────────────────────────────────────────────────

    async def _heartbeat(self) -> None:
        broker_id = self._random.choice(BROKERS)
        values: dict[str, Any] = {"want_fence": self._often(0.2), "want_shut_down": self._often(0.1)}
        directories = directories_of(broker_id)
        if self._often(0.1):
            values["cordoned_log_dirs"] = [one for one in directories if self._often(0.4)]
        end = self._script.oracle.image.offset
        offset = end if self._often(0.8) else self._random.choice([0, end - 1, self._script.epoch(broker_id)])
        await self._script.heartbeat(broker_id, offset=offset, **values)

    async def _alter(self) -> None:
        chosen = self._partition()
        if chosen is None:
            return
        partition = self._script.partition(*chosen)
        isr = self._some(list(partition.replicas))
        leader = partition.leader if self._often(0.95) else self._random.choice(BROKERS)
        if leader not in isr and self._often(0.95):
            isr.append(leader)
        if self._often(0.3):
            isr = [one for one in partition.replicas if one in {*partition.isr, leader} or self._often(0.7)]
        values: dict[str, object] = {}
        if self._often(0.05):
            values["leader_recovery_state"] = 1
        version = 2 if self._often(0.2) else 3
        await self._script.alter(chosen[0], isr, by=max(leader, 0), index=chosen[1], version=version, **values)

    async def _reassign(self) -> None:
        chosen = self._partition()
        if chosen is not None:
            target = None if self._often(0.3) else self._some(list(BROKERS))[:4]
            partition = self._script.oracle.image.topics.by_name[chosen[0]].partitions[chosen[1]]
            if partition.eligible_leader_replicas:  # those that are moved away stay eligible in Apache Kafka alone
                return
            await self._script.reassign(chosen[0], target, index=chosen[1], may_change=self._often(0.8))

    async def _elect(self) -> None:
        kind = self._random.choice([PREFERRED, UNCLEAN])
        chosen = self._partition()
        if chosen is None or self._often(0.3):
            await self._script.elect(kind, None)
        else:
            await self._script.elect(kind, *chosen)

    async def _create(self) -> None:
        if len(self._script.oracle.image.topics.by_name) >= MAX_TOPICS:
            await self._delete()
        configs = {}
        if self._often(0.5):
            configs["min.insync.replicas"] = str(self._random.randint(1, 3))
        if self._often(0.3):
            configs["unclean.leader.election.enable"] = self._random.choice(["true", "false"])
        self._made += 1
        name = f"f{self._made}"
        replicas = self._some(list(BROKERS))[:4]
        assignments = [self._random.sample(replicas, len(replicas)) for _ in range(self._random.randint(1, 3))]
        await self._script.create(name, assignments, configs=configs)

    async def _add_partitions(self) -> None:
        chosen = self._partition()
        if chosen is not None:
            partitions = self._script.oracle.image.topics.by_name[chosen[0]].partitions
            factors = {len(partition.replicas) for partition in partitions.values()}
            if len(factors) == 1:  # otherwise a hash map says how many the new ones must have
                replicas = self._random.sample(BROKERS, min(factors))
                await self._script.add_partitions(chosen[0], len(partitions) + self._random.randint(0, 1), [replicas])

    async def _delete(self) -> None:
        chosen = self._partition()
        if chosen is not None:
            await self._script.delete(chosen[0])

    async def _assign(self) -> None:
        chosen = self._partition()
        if chosen is not None:
            directory = self._random.choice([A, B, GONE])
            await self._script.assign(5, {directory: [chosen]})

    async def _configure(self) -> None:
        chosen = self._partition()
        kind, name = (4, "") if chosen is None or self._often(0.3) else (2, chosen[0])
        value = self._random.choice(["true", "false", None])
        await self._script.configure(kind, name, "unclean.leader.election.enable", value)

    async def _switch_elr(self) -> None:
        level = self._random.randint(0, 1)
        kind = SAFE if level == 0 else UPGRADE
        await self._script.update_features(("eligible.leader.replicas.version", level, kind))

    async def _register(self) -> None:
        broker_id = self._random.choice(BROKERS)
        await self._script.register(broker_id, incarnation=1 if self._often(0.7) else self._random.randint(1, 9))

    async def _unregister(self) -> None:
        await self._script.unregister(6)
        await self._script.register(6)

    async def _list(self) -> None:
        await self._script.list_reassignments()
