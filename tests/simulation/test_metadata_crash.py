"""The metadata log, its snapshots and the quorum's state on a disk that loses power, tears and refuses writes, by seed.

What must hold after every start, whatever the seed:

NoAcknowledgedLoss   topics, ids and configs that were acknowledged are there; what was refused or got no answer is
                     there whole or not at all
SameTwice            a second start finds what the first one found
Starts               whatever a crash left, the controller starts, leads in a new epoch, and takes decisions
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest
from tests.simulation.disk import DATA, EVERYTHING, SimulatedDisk
from tests.unit.broker.controllers import TestNode, creation, sent
from tests.unit.broker.replicas import ManualTimers

from ottla.broker.apis.create_topics import CreateTopicsHandler
from ottla.broker.apis.delete_topics import DeleteTopicsHandler
from ottla.protocol.api.delete_topics import DeleteTopicsRequest, DeleteTopicState
from ottla.protocol.errors import ErrorCode, KafkaError

if TYPE_CHECKING:
    from ottla.metadata.image import MetadataImage

SEEDS = int(os.environ.get("OTTLA_SEEDS", "40"))
LIVES = 4
STEPS = 30
IDLE_MS = 100
SNAPSHOT_BYTES = 2_000
"""So small that most lives write several."""

Topics = dict[str, tuple[bytes, int, tuple[tuple[str, str], ...]]]
"""Name: id, number of partitions, configs."""


class SimulatedNode(TestNode):
    """`TestNode` on a simulated disk; a start that the disk refuses is tried again, as an operator would."""

    def __init__(self, disk: SimulatedDisk, seed: int) -> None:
        self.disk = disk
        self.dice = Random(seed)
        self.failed_starts = 0
        super().__init__(
            Path("/data"), max_idle_interval_ms=IDLE_MS, snapshot_after_bytes=SNAPSHOT_BYTES, retention_bytes=4_000
        )

    def start(self) -> None:
        self.files = self.disk
        self.timers = ManualTimers(self.clock)  # those of the dead process are gone
        if self.dice.random() < 0.3:
            self.disk.fail_after(self.dice.randrange(1, 40), kinds=self.kinds())
            try:
                super().start()
            except (OSError, KafkaError):
                self.failed_starts += 1
                self.timers = ManualTimers(self.clock)
                self.disk.crash(power=self.dice.random() < 0.5)
            else:
                self.disk.fail_after(None)
                return
        self.failures.clear()
        super().start()

    def kinds(self) -> frozenset[str]:
        return EVERYTHING if self.dice.random() < 0.5 else DATA


class World:
    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.disk = SimulatedDisk(seed)
        self.node = SimulatedNode(self.disk, seed)
        self.known: Topics = {}
        self.unknown: list[tuple[str, bool]] = []
        """(topic, whether it was to be made), of requests that got no answer or an error of the disk."""
        self.count = 0

    async def live(self) -> None:
        if self.random.random() < 0.6:
            self.disk.fail_after(self.random.randrange(1, 60), kinds=self.node.kinds())
        for _ in range(self.random.randrange(STEPS)):
            chance = self.random.random()
            if chance < 0.3:
                self.node.timers.advance(IDLE_MS)
                await asyncio.sleep(0)  # a snapshot that is due is written
                await asyncio.sleep(0)
            elif chance < 0.8 or not self.known:
                await self.create()
            else:
                await self.delete()

    async def create(self) -> None:
        self.count += 1
        name = f"topic-{self.count}"
        request = creation(name, self.random.randrange(1, 5), retention_ms=str(self.count))
        answer = (await CreateTopicsHandler(self.node.shell)(*sent(request, 7))).topics[0]
        if answer.error_code == ErrorCode.NONE:
            configs = (("retention.ms", str(self.count)),)
            self.known[name] = (answer.topic_id, answer.num_partitions, configs)
        else:
            self.unknown.append((name, True))

    async def delete(self) -> None:
        name = self.random.choice(sorted(self.known))
        request = DeleteTopicsRequest(topics=[DeleteTopicState(name=name, topic_id=bytes(16))], timeout_ms=1)
        answer = (await DeleteTopicsHandler(self.node.shell, enabled=True)(*sent(request, 6))).responses[0]
        if answer.error_code == ErrorCode.NONE:
            del self.known[name]
        else:
            self.unknown.append((name, False))

    async def end(self) -> None:
        epoch = self.node.shell.leader_epoch
        if self.random.random() < 0.3:
            with contextlib.suppress(OSError):
                await self.node.shell.close()
        await asyncio.sleep(0)
        self.disk.crash(power=self.random.random() < 0.6)
        self.node.start()
        assert self.node.shell.leader_epoch > epoch, "Starts"
        self.check()

    def check(self) -> None:
        found = topics_of(self.node.shell.image)
        for name, made in self.unknown:
            if made and name in found:
                self.known[name] = found[name]
                assert found[name][2], f"NoAcknowledgedLoss: {name} is there in part"
            elif not made and name not in found:
                self.known.pop(name, None)
        self.unknown.clear()
        assert found == self.known, "NoAcknowledgedLoss"
        self.node.disk.crash(power=False)
        self.node.start()
        assert topics_of(self.node.shell.image) == found, "SameTwice"


def topics_of(image: MetadataImage) -> Topics:
    return {
        name: (topic.topic_id, len(topic.partitions), tuple(sorted(image.configs.of(2, name).items())))
        for name, topic in image.topics.by_name.items()
    }


async def _play(seed: int) -> str:
    world = World(seed)
    for _ in range(LIVES):
        await world.live()
        await world.end()
    shell = world.node.shell
    seen = (sorted(world.known), shell.leader_epoch, shell.log_end_offset, world.node.failed_starts)
    snapshots = sorted(name for name in world.disk.list(world.node.metadata_directory) if name.endswith(".checkpoint"))
    return f"{seen} {snapshots}|{sorted(world.disk.met.items())}"


def metadata(seed: int) -> str:
    return asyncio.run(_play(seed))


WORLDS = {"metadata-log": metadata}


@pytest.mark.parametrize("block", range(4))
def test_what_the_controller_acknowledged_is_there(block: int) -> None:
    for seed in range(block, SEEDS, 4):
        metadata(seed)


def test_the_seeds_write_snapshots_and_let_starts_fail() -> None:
    told = [metadata(seed) for seed in range(15)]
    assert any("-" in text.partition("[")[2].partition("]")[2] for text in told)
    assert sum("sync failed" in text or "write failed" in text for text in told) > 3
    assert metadata(3) == told[3]
