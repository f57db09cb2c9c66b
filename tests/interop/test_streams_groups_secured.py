"""Who may be in a streams group, see it, and have its internal topics made: Ottla refuses what Apache Kafka refuses."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest
from tests.interop.coordinators import until_groups_have_coordinators
from tests.interop.security_scenarios import SETTINGS, Client, acl, creation
from tests.peers.apache_kafka import KafkaNode
from tests.peers.ottla_node import OttlaNode
from tests.unit.coordinator.streams_topologies import internal_topic, subtopology, topology

from ottla.metadata.acls import AclOperation, PatternType, PermissionType, ResourceType
from ottla.protocol.api import delete_acls as deletion
from ottla.protocol.api.create_acls import CreateAclsRequest
from ottla.protocol.api.list_groups import ListGroupsRequest
from ottla.protocol.api.metadata import MetadataRequest, MetadataRequestTopic, MetadataResponse
from ottla.protocol.api.streams_group_describe import StreamsGroupDescribeRequest
from ottla.protocol.api.streams_group_heartbeat import (
    StreamsGroupHeartbeatRequest,
    StreamsGroupHeartbeatResponse,
    Topology,
)

if TYPE_CHECKING:
    from tests.interop.connection import Connection

    from ottla.protocol.api.create_acls import AclCreation
    from ottla.protocol.message import Request

OFFSETS_PARTITIONS = 4
STREAMS_SETTINGS = SETTINGS | {
    "offsets.topic.num.partitions": str(OFFSETS_PARTITIONS),
    "group.streams.initial.rebalance.delay.ms": "0",
    "group.streams.assignment.interval.ms": "0",
}
SHAPE = topology(subtopology("0", "source", changelogs=[internal_topic("app-changelog")]))
CHANGELOG = "app-changelog"
ANSWER_TIMEOUT_S = 60.0


class Application:
    """Alice's only member; what she is told is noted, without the brokers' texts."""

    def __init__(self, client: Client, notes: list[str]) -> None:
        self._client = client
        self._notes = notes
        self.epoch = 0

    async def beat(self, of: Topology | None = None) -> StreamsGroupHeartbeatResponse:
        joins = of is not None
        request = StreamsGroupHeartbeatRequest(
            group_id="app",
            member_id="member",
            member_epoch=0 if joins else self.epoch,
            endpoint_information_epoch=0,
            rebalance_timeout_ms=20_000 if joins else -1,
            topology=of,
            active_tasks=[],
            standby_tasks=[],
            warmup_tasks=[],
            process_id="process" if joins else None,
        )
        answer: StreamsGroupHeartbeatResponse = await self._client.ask(request)
        self.epoch = answer.member_epoch
        for status in answer.status or ():
            self._notes.append(f"status {status.status_code} names the changelog: {CHANGELOG in status.status_detail}")
        return answer

    async def look(self) -> None:
        await self._client.ask(StreamsGroupDescribeRequest(group_ids=["app"], include_authorized_operations=True))
        await self._client.ask(ListGroupsRequest())


class Told(Client):
    """Statuses are noted without their texts, which are each broker's own."""

    @property
    def connection(self) -> Connection:
        return self._connection

    async def quietly(self, request: MetadataRequest) -> MetadataResponse:
        return await self._connection.ask(request, 12, MetadataResponse)

    async def ask(self, request: Request, version: int | None = None) -> Any:
        answer = await super().ask(request, version)
        self._notes[-1] = re.sub(r"'status_detail': ('[^']*'|\"[^\"]*\")", "'status_detail'", self._notes[-1])
        return answer


async def allow(admin: Client, *creations: AclCreation) -> None:
    await admin.ask(CreateAclsRequest(creations=list(creations)))
    await admin.settle()


async def play(address: str) -> list[str]:
    notes: list[str] = []
    admin, alice = [await Told.log_in(address, notes, name) for name in ("admin", "alice")]
    await admin.ask(creation("source"))
    await admin.settle()
    await until_groups_have_coordinators(admin.connection, OFFSETS_PARTITIONS)
    application = Application(alice, notes)
    op = AclOperation
    await application.beat(SHAPE)
    await application.look()
    await allow(admin, acl("app", op.READ, resource_type=ResourceType.GROUP), acl("source", op.READ))
    await application.beat(topology(subtopology("0", "hidden", "__consumer_offsets")))
    await application.beat(SHAPE)
    await allow(admin, acl(CHANGELOG, op.DESCRIBE))
    await application.beat(SHAPE)
    await application.beat()
    await application.look()
    await allow(admin, acl(CHANGELOG, op.CREATE))
    await application.beat()
    asked = MetadataRequest(topics=[MetadataRequestTopic(name=CHANGELOG)], allow_auto_topic_creation=False)
    async with asyncio.timeout(ANSWER_TIMEOUT_S):
        while (await admin.quietly(asked)).topics[0].error_code:  # noqa: ASYNC110  # another process
            await asyncio.sleep(0.02)
    await admin.settle()
    await application.beat()
    await application.beat()
    await application.look()
    gone = deletion.DeleteAclsFilter(
        resource_type_filter=ResourceType.TOPIC,
        resource_name_filter=CHANGELOG,
        pattern_type_filter=PatternType.LITERAL,
        principal_filter=None,
        host_filter=None,
        operation=AclOperation.ANY,
        permission_type=PermissionType.ANY,
    )
    await admin.ask(deletion.DeleteAclsRequest(filters=[gone]))
    await admin.settle()
    await application.beat()
    await application.look()
    admin.close()
    alice.close()
    return notes


@pytest.mark.java
@pytest.mark.timeout(400)
async def test_the_same_answers(tmp_path_factory: pytest.TempPathFactory) -> None:
    with (
        KafkaNode(tmp_path_factory.mktemp("kafka"), STREAMS_SETTINGS) as kafka,
        OttlaNode(tmp_path_factory.mktemp("ottla"), STREAMS_SETTINGS) as ottla,
    ):
        theirs, ours = await asyncio.gather(play(kafka.address), play(ottla.address))
    assert len(theirs) > 20
    assert [(mine, yours) for mine, yours in zip(ours, theirs, strict=True) if mine != yours] == []
