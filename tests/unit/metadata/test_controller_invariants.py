"""Whatever is asked in whatever order, and whoever dies: what must always hold for partitions."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, TypeVar

import pytest
from tests.interop.controller_fuzz import BROKERS, Fuzz
from tests.interop.controller_oracle import Oracle
from tests.interop.controller_scenarios import Script
from tests.unit.metadata.decisions import NOW_MS, Controller

from ottla.metadata.controller.brokers import fence_broker, fence_stale_broker
from ottla.metadata.controller.elections import balance_leaders, elect_unclean_leaders
from ottla.metadata.controller.heartbeats import BrokerHeartbeats
from ottla.metadata.controller.partition_changes import has_online_directory
from ottla.metadata.partition import NO_LEADER, RECOVERING
from ottla.protocol.errors import KafkaError
from ottla.protocol.metadata_record.partition_change_record import PartitionChangeRecord

if TYPE_CHECKING:
    from ottla.metadata.controller.result import ControllerResult, ControllerView, Decision
    from ottla.metadata.image import MetadataImage
    from ottla.metadata.partition import PartitionRegistration
    from ottla.protocol.message import Request, Response

T = TypeVar("T")

STEPS = 400
SESSION_TIMEOUT_MS = 9_000


class Alone(Oracle):
    """Ours decides alone; time passes between requests, and brokers are lost."""

    def __init__(self, random: Random) -> None:
        self._controller = Controller()
        self.dice = random
        self.heartbeats = BrokerHeartbeats(SESSION_TIMEOUT_MS)
        self.kraft_version = 0
        self._is_apache_kafka = False
        self._schema = self._controller.schema
        self._defaults = self._controller.defaults
        self.answered = 0

    @property
    def image(self) -> MetadataImage:
        return self._controller.image

    async def ask(self, name: str, request: Request, version: int, *, placed: bool = False) -> Response:
        decided = type(request).decode(request.encode(version), version)
        self._controller.monotonic_ms += self.dice.choice([1, 10, 100, 1_000])
        answer = self._decided(lambda view: self._decision(view, decided, version))
        self.answered += answer is not None
        self._by_time()
        return answer  # type: ignore[return-value]

    def _by_time(self) -> None:
        schema, heartbeats = self._schema, self.heartbeats
        while self._decided(lambda view: fence_stale_broker(view, schema, heartbeats)) is not None:
            pass
        chance = self.dice.random()
        if chance < 0.02:
            gone = self.dice.choice(BROKERS)
            self._decided(lambda view: fence_broker(view, schema, gone, heartbeats))
        elif chance < 0.04:
            self._decided(lambda view: balance_leaders(view, schema))
        elif chance < 0.06:
            self._decided(lambda view: elect_unclean_leaders(view, schema))
        elif chance < 0.07:  # another controller takes over
            self.heartbeats = BrokerHeartbeats(SESSION_TIMEOUT_MS)
            self.heartbeats.activate(self.image, self._controller.monotonic_ms)

    def _decided(self, decision: Decision[T]) -> T | None:
        before = self.image

        def checked(view: ControllerView) -> ControllerResult[T]:
            assert (view.now_ms, view.image) == (NOW_MS, before)
            return decision(view)

        try:
            answer = self._controller.decide(checked)
        except KafkaError:
            assert self.image is before
            return None
        for record in self._controller.written:
            if isinstance(record, PartitionChangeRecord):
                check_election(before, record)
        check_partitions(self.image)
        return answer


def check_election(before: MetadataImage, change: PartitionChangeRecord) -> None:
    """A leader has every committed record, or says that it may not."""
    partition = before.topics.partition(change.topic_id, change.partition_id)
    assert partition is not None
    if change.leader >= 0 and change.leader != partition.leader:
        has_all = {*partition.isr, *partition.eligible_leader_replicas, *(change.isr or ())}
        if change.leader_recovery_state == RECOVERING:
            assert change.isr == [change.leader]
        elif partition.leader_recovery_state != RECOVERING:
            assert change.leader in has_all


def check_partitions(image: MetadataImage) -> None:
    for topic in image.topics.by_name.values():
        for partition in topic.partitions.values():
            check_partition(image, partition)


def check_partition(image: MetadataImage, partition: PartitionRegistration) -> None:
    isr, elr = partition.isr, partition.eligible_leader_replicas
    assert len(set(partition.replicas)) == len(partition.replicas) == len(partition.directories)
    assert set(isr) <= set(partition.replicas), partition
    assert not set(isr) & set(elr), partition
    assert set(elr) <= set(partition.replicas), partition
    assert set(partition.adding_replicas) | set(partition.removing_replicas) <= set(partition.replicas), partition
    if partition.leader != NO_LEADER:
        assert partition.leader in isr, partition
        assert not image.cluster.brokers[partition.leader].fenced, partition
        assert has_online_directory(image, partition, partition.leader), partition


@pytest.mark.parametrize("seed", range(12))
async def test_anything_in_any_order(seed: int) -> None:
    alone = Alone(Random(seed))
    await Fuzz(Script(alone), Random(seed)).run(STEPS)
    assert alone.answered > STEPS // 3
