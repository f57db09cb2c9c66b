"""Configs that are altered while a node runs take effect at once, and are there after a restart. A family each."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from cryptography import x509
from tests.interop.connection import Connection
from tests.peers.certificates import Authority
from tests.peers.ottla_node import OttlaNode
from tests.peers.process import free_port
from tests.unit.broker.replicas import START_MS, batch

from ottla.protocol.api import incremental_alter_configs as alter
from ottla.protocol.api import produce
from ottla.protocol.api.api_versions import ApiVersionsRequest, ApiVersionsResponse
from ottla.protocol.api.consumer_group_heartbeat import ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse
from ottla.protocol.api.create_topics import CreatableTopic, CreateTopicsRequest, CreateTopicsResponse
from ottla.protocol.api.describe_log_dirs import DescribeLogDirsRequest, DescribeLogDirsResponse
from ottla.protocol.api.find_coordinator import FindCoordinatorRequest, FindCoordinatorResponse
from ottla.protocol.api.get_telemetry_subscriptions import (
    GetTelemetrySubscriptionsRequest,
    GetTelemetrySubscriptionsResponse,
)
from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOPIC, BROKER, CLIENT_METRICS, GROUP = 2, 4, 16, 32
EVERY_BROKER, THIS_BROKER = "", "1"
SET, DELETE = 0, 1
UNANSWERED_S = 0.3
TIMEOUT_S = 60


@pytest.fixture
def node(tmp_path: Path) -> Iterator[OttlaNode]:
    with OttlaNode(tmp_path) as started:
        yield started


class Client:
    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    @classmethod
    async def to(cls, node: OttlaNode) -> Client:
        return cls(await Connection.open(node.address))

    async def create(self, topic: str) -> None:
        made = CreatableTopic(name=topic, num_partitions=1, replication_factor=1, assignments=[], configs=[])
        answer = await self.connection.ask(CreateTopicsRequest(topics=[made]), 7, CreateTopicsResponse)
        assert answer.topics[0].error_code == ErrorCode.NONE

    async def alter(self, kind: int, name: str, **configs: str | None) -> None:
        """`None` goes back to what applies without it."""
        resource = alter.AlterConfigsResource(
            resource_type=kind,
            resource_name=name,
            configs=[
                alter.AlterableConfig(
                    name=key.replace("_", "."), config_operation=DELETE if value is None else SET, value=value
                )
                for key, value in configs.items()
            ],
        )
        request = alter.IncrementalAlterConfigsRequest(resources=[resource], validate_only=False)
        answer = await self.connection.ask(request, 1, alter.IncrementalAlterConfigsResponse)
        assert (answer.responses[0].error_code, answer.responses[0].error_message) == (ErrorCode.NONE, None)

    async def produce(self, topic: str, size: int = 10) -> produce.PartitionProduceResponse:
        records = batch(bytes(size), timestamp_ms=START_MS)
        data = produce.PartitionProduceData(index=0, records=records)
        request = produce.ProduceRequest(
            acks=-1, timeout_ms=1000, topic_data=[produce.TopicProduceData(name=topic, partition_data=[data])]
        )
        answer = await self.connection.ask(request, 9, produce.ProduceResponse)
        return answer.responses[0].partition_responses[0]

    async def is_served(self, timeout_s: float = TIMEOUT_S) -> bool:
        """False when the connection is closed, or when no answer comes in time."""
        request = ApiVersionsRequest(client_software_name="test", client_software_version="1")
        try:
            async with asyncio.timeout(timeout_s):
                answer = await self.connection.ask(request, 3, ApiVersionsResponse)
        except (TimeoutError, OSError, EOFError):
            return False
        return answer.error_code == ErrorCode.NONE


async def test_broker_configs_of_logs(node: OttlaNode) -> None:
    client = await Client.to(node)
    await client.create("t")
    large, too_large = 2000, ErrorCode.MESSAGE_TOO_LARGE
    assert (await client.produce("t", large)).error_code == ErrorCode.NONE
    await client.alter(BROKER, EVERY_BROKER, message_max_bytes="1000", log_message_timestamp_type="LogAppendTime")
    assert (await client.produce("t", large)).error_code == too_large
    assert (await client.produce("t")).log_append_time_ms > 0
    await client.alter(BROKER, THIS_BROKER, message_max_bytes="5000")
    assert (await client.produce("t", large)).error_code == ErrorCode.NONE
    await client.alter(BROKER, THIS_BROKER, message_max_bytes=None)
    assert (await client.produce("t", large)).error_code == too_large
    node.restart()
    client = await Client.to(node)
    assert (await client.produce("t", large)).error_code == too_large
    await client.alter(BROKER, EVERY_BROKER, message_max_bytes=None, log_message_timestamp_type=None)
    assert (await client.produce("t", large)).error_code == ErrorCode.NONE
    assert (await client.produce("t")).log_append_time_ms == -1


async def test_topic_configs(node: OttlaNode) -> None:
    client = await Client.to(node)
    await client.create("t")
    await client.create("other")
    await client.alter(TOPIC, "t", max_message_bytes="1000", message_timestamp_type="LogAppendTime")
    assert (await client.produce("t", 2000)).error_code == ErrorCode.MESSAGE_TOO_LARGE
    assert (await client.produce("t")).log_append_time_ms > 0
    assert (await client.produce("other")).log_append_time_ms == -1
    assert (await client.produce("other", 2000)).error_code == ErrorCode.NONE
    await client.alter(TOPIC, "t", max_message_bytes=None, message_timestamp_type=None)
    assert (await client.produce("t", 2000)).error_code == ErrorCode.NONE


async def test_broker_configs_of_connections(node: OttlaNode) -> None:
    admin, neighbour = await Client.to(node), await Client.to(node)
    assert await admin.is_served()
    assert await neighbour.is_served()
    await admin.alter(BROKER, EVERY_BROKER, max_connections_per_ip="2")
    assert not await (await Client.to(node)).is_served()
    assert await neighbour.is_served()
    await admin.alter(BROKER, THIS_BROKER, max_connections_per_ip_overrides="127.0.0.1:3")
    third = await Client.to(node)  # kept: a connection that nobody holds is closed, and makes room
    assert await third.is_served()
    assert not await (await Client.to(node)).is_served()
    node.restart()
    admin = await Client.to(node)
    assert await admin.is_served()
    await admin.alter(BROKER, EVERY_BROKER, max_connections_per_ip=None, max_connections="2")
    await admin.alter(BROKER, THIS_BROKER, max_connections_per_ip_overrides=None)
    second, waiting = await Client.to(node), await Client.to(node)
    assert await second.is_served()
    assert not await waiting.is_served(UNANSWERED_S)
    await admin.alter(BROKER, EVERY_BROKER, max_connections=None)
    assert await (await Client.to(node)).is_served()


async def test_a_cordoned_log_directory_is_described(node: OttlaNode) -> None:
    client = await Client.to(node)

    async def cordoned() -> list[bool]:
        answer = await client.connection.ask(DescribeLogDirsRequest(topics=None), 5, DescribeLogDirsResponse)
        return [each.is_cordoned for each in answer.results]

    assert await cordoned() == [False]
    await client.alter(BROKER, THIS_BROKER, cordoned_log_dirs="*")
    assert await cordoned() == [True]
    node.restart()
    client = await Client.to(node)
    assert await cordoned() == [True]
    await client.alter(BROKER, THIS_BROKER, cordoned_log_dirs=None)
    assert await cordoned() == [False]


async def test_keys_of_a_listener(tmp_path: Path) -> None:
    authority = Authority()
    stores = {name: tmp_path / f"{name}.pem" for name in ("old", "new")}
    for name, path in stores.items():
        path.write_text("".join(authority.issue(name)))
    port, key = free_port(), "listener.name.secure.ssl.keystore.location"
    settings = {
        "listeners": f"PLAINTEXT://127.0.0.1:{free_port()},SECURE://127.0.0.1:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SECURE:SSL",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(stores["old"]),
    }

    with OttlaNode(tmp_path, settings) as node:
        client = await Client.to(node)
        assert await shown(port) == "CN=old"
        with pytest.raises(AssertionError, match=r"42.*or directory"):
            await client.alter(BROKER, THIS_BROKER, **{key: str(tmp_path / "nowhere.pem")})
        assert await shown(port) == "CN=old"
        await client.alter(BROKER, THIS_BROKER, **{key: str(stores["new"])})
        assert await shown(port) == "CN=new"
        node.restart()
        assert await shown(port) == "CN=new"
        client = await Client.to(node)
        await client.alter(BROKER, THIS_BROKER, **{key: None})
        assert await shown(port) == "CN=old"


async def test_a_password_that_stands_elsewhere(tmp_path: Path) -> None:
    authority = Authority()
    plain, locked, secrets = (tmp_path / name for name in ("plain.pem", "locked.pem", "secrets.properties"))
    plain.write_text("".join(authority.issue("plain")))
    port, prefix = free_port(), "listener.name.secure.ssl"
    settings = {
        "config.providers": "file",
        "config.providers.file.class": "org.apache.kafka.common.config.provider.FileConfigProvider",
        "listeners": f"PLAINTEXT://127.0.0.1:{free_port()},SECURE://127.0.0.1:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SECURE:SSL",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(plain),
    }
    wanted = {f"{prefix}.keystore.location": str(locked), f"{prefix}.key.password": f"${{file:{secrets}:of.the.key}}"}

    def lock(name: str, password: str) -> None:
        locked.write_text("".join(authority.issue(name, password=password)))
        secrets.write_text(f"of.the.key={password}\n")

    with OttlaNode(tmp_path, settings) as node:
        client = await Client.to(node)
        lock("first", "geheim-eins")
        kept = secrets.rename(tmp_path / "kept")
        with pytest.raises(AssertionError, match=r"42.*or directory"):
            await client.alter(BROKER, THIS_BROKER, **wanted)
        assert await shown(port) == "CN=plain"
        kept.rename(secrets)
        await client.alter(BROKER, THIS_BROKER, **wanted)
        assert await shown(port) == "CN=first"
        node.restart()
        assert await shown(port) == "CN=first"
        lock("second", "geheim-zwei")
        client = await Client.to(node)
        await client.alter(BROKER, THIS_BROKER, **wanted)
        assert await shown(port) == "CN=second", "said once more, it is read once more"
    logs = logs_of(tmp_path)
    assert b"of.the.key" in logs
    assert b"geheim" not in logs


def logs_of(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in directory.rglob("*.log"))


async def shown(port: int) -> str:
    """Whose certificate it is that a listener shows."""
    certificate = await asyncio.to_thread(ssl.get_server_certificate, ("127.0.0.1", port), timeout=TIMEOUT_S)
    return x509.load_pem_x509_certificate(certificate.encode()).subject.rfc4514_string()


async def test_client_metrics_configs(node: OttlaNode) -> None:
    client = await Client.to(node)
    request = GetTelemetrySubscriptionsRequest(client_instance_id=bytes(16))

    async def wanted() -> tuple[list[str], int]:
        answer = await client.connection.ask(request, 0, GetTelemetrySubscriptionsResponse)
        return answer.requested_metrics, answer.push_interval_ms

    assert await wanted() == ([], 300_000)
    await client.alter(CLIENT_METRICS, "sub", metrics="org.apache.", interval_ms="1000")
    assert await wanted() == (["org.apache."], 1000)
    node.restart()
    client = await Client.to(node)
    assert await wanted() == (["org.apache."], 1000)
    await client.alter(CLIENT_METRICS, "sub", metrics=None, interval_ms=None)
    assert await wanted() == ([], 300_000)


async def test_group_configs(node: OttlaNode) -> None:
    client = await Client.to(node)
    await client.create("t")

    async def interval(group_id: str) -> int:
        """What a new member is told."""
        request = ConsumerGroupHeartbeatRequest(
            group_id=group_id,
            member_id=str(uuid4()),
            member_epoch=0,
            rebalance_timeout_ms=10_000,
            subscribed_topic_names=["t"],
            server_assignor=None,
            topic_partitions=[],
        )
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                answer = await client.connection.ask(request, 1, ConsumerGroupHeartbeatResponse)
                if answer.error_code == ErrorCode.NONE:
                    return answer.heartbeat_interval_ms
                assert ErrorCode(answer.error_code).retriable, ErrorCode(answer.error_code)
                await asyncio.sleep(0.05)

    find = FindCoordinatorRequest(coordinator_keys=["g"])
    await client.connection.ask(find, 4, FindCoordinatorResponse)
    assert await interval("g") == 5000
    await client.alter(GROUP, "g", consumer_heartbeat_interval_ms="6000")
    assert await interval("g") == 6000
    assert await interval("other") == 5000
    node.restart()
    client = await Client.to(node)
    assert await interval("g") == 6000
    await client.alter(GROUP, "g", consumer_heartbeat_interval_ms=None)
    assert await interval("g") == 5000
