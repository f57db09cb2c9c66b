"""Consumer groups that one broker wrote go on at the other: Ottla, Apache Kafka, and Ottla again, on one disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.interop.consumer_group_scenarios import CONSUMER_SETTINGS, ConsumerTranscript
from tests.interop.group_scenarios import TOPIC
from tests.peers.apache_kafka import KafkaNode
from tests.peers.ottla_node import OttlaNode

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.process import NodeProcess

pytestmark = [pytest.mark.java, pytest.mark.timeout(400)]

# Members keep their place while brokers change.
SETTINGS = CONSUMER_SETTINGS | {"group.consumer.session.timeout.ms": "60000"}


class Members:
    """A group whose members outlive the brokers: they know their epochs, and what they own."""

    def __init__(self) -> None:
        self.epochs = {"m1": 0, "m2": 0}
        self.owned: dict[str, object] = {}

    async def use(self, node: NodeProcess) -> list[str]:
        """Heartbeats that change nothing, then a third member that comes and goes; the notes of the first."""
        t = ConsumerTranscript(node.address, "hands")
        await t.start()
        await t.topic()
        await t.topic("hands-a", 2)
        if self.epochs["m1"] == 0:
            await self._begin(t)
        else:
            t.owned = self.owned  # type: ignore[assignment]  # what the transcript before had
        t.notes.clear()
        for member_id in ("m1", "m2"):
            answer = await t.beat(member_id, self.epochs[member_id], owned=True)
            assert answer.error_code == 0
            assert answer.member_epoch == self.epochs[member_id], "a restart is no reason to rebalance"
        await t.describe_consumers()
        before = list(t.notes)
        await t.beat("m3", 0, topics=[TOPIC], instance_id="i3")
        await t.beat("m3", -1, instance_id="i3")
        await self._settle(t)
        await t.commit(1, member_id="m1", generation_id=self.epochs["m1"])
        self.owned = dict(t.owned)
        t.close()
        return before

    async def _begin(self, t: ConsumerTranscript) -> None:
        joined = (await t.beat("m1", 0, topics=[TOPIC], regex="hands-.*", rack_id="r")).member_epoch
        await t.until(lambda group: group.group_epoch > joined)  # the expression is resolved beside the heartbeat
        self.epochs["m1"] = joined
        self.epochs["m2"] = (await t.beat("m2", 0, topics=[TOPIC], instance_id="i2")).member_epoch
        await self._settle(t)

    async def _settle(self, t: ConsumerTranscript) -> None:
        for _ in range(4):
            for member_id in ("m1", "m2"):
                answer = await t.beat(member_id, self.epochs[member_id], owned=True)
                assert answer.error_code == 0
                self.epochs[member_id] = answer.member_epoch


async def test_ottla_then_apache_kafka_then_ottla(tmp_path: Path) -> None:
    members = Members()
    ottla = OttlaNode(tmp_path / "ottla", SETTINGS)
    with ottla:
        first = await members.use(ottla)
    with KafkaNode(tmp_path / "kafka", SETTINGS, data=ottla.data) as kafka:
        second = await members.use(kafka)
    with ottla:
        third = await members.use(ottla)
    assert "'group_state': 'Stable'" in first[-1]
    for described in (second, third):
        assert "'group_state': 'Stable'" in described[-1]
        assert len(described) == len(first)
