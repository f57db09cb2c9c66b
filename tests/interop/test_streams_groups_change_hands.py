"""Streams groups that one broker wrote go on at the other: Ottla, Apache Kafka, and Ottla again, on one disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.interop.group_scenarios import TOPIC
from tests.interop.streams_transcript import STREAMS_SETTINGS, StreamsTranscript
from tests.peers.apache_kafka import KafkaNode
from tests.peers.ottla_node import OttlaNode
from tests.unit.coordinator.streams_topologies import internal_topic, subtopology, topology

from ottla.protocol.api.streams_group_heartbeat import Endpoint, KeyValue

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.process import NodeProcess

    from ottla.protocol.api.streams_group_heartbeat import TaskIds

pytestmark = [pytest.mark.java, pytest.mark.timeout(400)]

# Members keep their place while brokers change.
SETTINGS = STREAMS_SETTINGS | {"group.streams.session.timeout.ms": "60000"}
SHAPE = topology(
    subtopology("0", TOPIC, repartition_sinks=["hands-repartition"]),
    subtopology(
        "1",
        repartition_sources=[internal_topic("hands-repartition")],
        changelogs=[internal_topic("hands-changelog", cleanup_policy="compact")],
    ),
    epoch=2,
)
MEMBERS = ("m1", "m2")


class Application:
    """Its members outlive the brokers: they know their epochs, and what they have."""

    def __init__(self) -> None:
        self.epochs: dict[str, int] = {}
        self.tasks: dict[str, tuple[list[TaskIds], list[TaskIds]]] = {}

    async def use(self, node: NodeProcess) -> tuple[list[str], list[str]]:
        """Heartbeats that change nothing, then a third member that comes and goes.

        The group as it was found, and as it was left.
        """
        t = StreamsTranscript(node.address, "hands")
        await t.start()
        await t.topic()
        if not self.epochs:
            await self._begin(t)
        else:
            t.epochs, t.tasks = self.epochs, self.tasks
        before = dict(t.epochs)
        for member_id in MEMBERS:
            answer = await t.member(member_id)
            assert (answer.error_code, answer.status) == (0, [])
        assert t.epochs == before, "another broker is no reason to rebalance"
        found = await self._look(t)
        await t.member("m3", of=SHAPE, process="p3")
        await t.round(*MEMBERS, "m3", times=3)
        await t.member("m3", -1)
        await t.round(*MEMBERS, times=4)
        self.epochs, self.tasks = {each: t.epochs[each] for each in MEMBERS}, t.tasks
        left = await self._look(t)
        t.close()
        return found, left

    async def _look(self, t: StreamsTranscript) -> list[str]:
        # Apache Kafka describes a group as of its last record.
        await t.commit(7, member_id="m1", generation_id=t.epochs["m1"])
        t.notes.clear()
        await t.describe_streams()
        await t.list()
        await t.fetch_as("m1", t.epochs["m1"])
        return list(t.notes)

    async def _begin(self, t: StreamsTranscript) -> None:
        await t.set_group_config("streams.num.standby.replicas", "1")
        await t.member(
            "m1", of=SHAPE, rack_id="r", client_tags=[KeyValue(key="zone", value="a")],
            user_endpoint=Endpoint(host="localhost", port=8080),
        )  # fmt: skip
        await t.until_made("hands-repartition", "hands-changelog")
        await t.member("m2", of=SHAPE)
        await t.round(*MEMBERS, times=4)


async def test_ottla_then_apache_kafka_then_ottla(tmp_path: Path) -> None:
    application = Application()
    ottla = OttlaNode(tmp_path / "ottla", SETTINGS)
    with ottla:
        _, left = await application.use(ottla)
    with KafkaNode(tmp_path / "kafka", SETTINGS, data=ottla.data) as kafka:
        found, left_there = await application.use(kafka)
    with ottla:
        found_again, _ = await application.use(ottla)
    assert "'group_state': 'Stable'" in left[0]
    assert found == left
    assert found_again == left_there
    assert kafka.errors == []
    assert ottla.errors == []
