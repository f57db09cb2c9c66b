"""What an admin asks of one node, request by request, and every answer written down.

Each answer becomes plain values: error codes by name, texts only as "a text" (they are each broker's own), ids, times,
offsets and ports left out, lists sorted. The same scenario against two brokers must give the same notes.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from tests.interop.barrier import until_applied
from tests.interop.connection import ANSWER_TIMEOUT_S, Connection

from ottla.protocol.api import add_raft_voter as add
from ottla.protocol.api import alter_partition_reassignments as alter
from ottla.protocol.api import describe_configs as configs
from ottla.protocol.api import describe_quorum as quorum
from ottla.protocol.api import elect_leaders as elect
from ottla.protocol.api import incremental_alter_configs as incremental
from ottla.protocol.api import list_partition_reassignments as listing
from ottla.protocol.api import push_telemetry as push
from ottla.protocol.api import remove_raft_voter as remove
from ottla.protocol.api import update_features as features
from ottla.protocol.api.create_topics import CreatableTopic, CreateTopicsRequest, CreateTopicsResponse
from ottla.protocol.api.describe_cluster import DescribeClusterRequest, DescribeClusterResponse
from ottla.protocol.api.get_telemetry_subscriptions import (
    GetTelemetrySubscriptionsRequest,
    GetTelemetrySubscriptionsResponse,
)
from ottla.protocol.api.list_config_resources import ListConfigResourcesRequest, ListConfigResourcesResponse
from ottla.protocol.api.metadata import MetadataRequest, MetadataRequestTopic, MetadataResponse
from ottla.protocol.api.unregister_broker import UnregisterBrokerRequest, UnregisterBrokerResponse
from ottla.protocol.errors import ErrorCode
from ottla.protocol.message import Response, Struct
from ottla.protocol.types import ZERO_UUID

if TYPE_CHECKING:
    from ottla.protocol.message import Request

ResponseT = TypeVar("ResponseT", bound=Response)

TOPIC = "admin-scenarios"
SOMEBODY = bytes([1, 2, 3, 4] * 4)
METADATA_LOG = "__cluster_metadata"
BROKER, CLIENT_METRICS, GROUP = 4, 16, 32
SET, DELETE, APPEND, SUBTRACT = range(4)
DYNAMIC_CONFIGS = {
    "background.threads": "4 5 20 21",
    "compression.type": "zip zstd",
    "cordoned.log.dirs": "/nowhere *",
    "group.consumer.assignment.interval.ms": "1 -1",
    "leader.replication.throttled.rate": "-1 5",
    "listener.name.elsewhere.plain.sasl.jaas.config": "nonsense",
    "listener.name.elsewhere.ssl.client.auth": "maybe required",
    "listener.name.plaintext.max.connections": "5",
    "listener.name.plaintext.plain.sasl.jaas.config": "nonsense",
    "listener.name.plaintext.sasl.enabled.mechanisms": "PLAIN",
    "listener.name.plaintext.ssl.client.auth": "required",
    "listener.security.protocol.map": "PLAINTEXT:SSL,CONTROLLER:PLAINTEXT A:B",
    "listeners": "nonsense",
    "listener.name.plaintext.ssl.keystore.location": "/nowhere",
    "log.cleaner.dedupe.buffer.size": "1",
    "log.cleaner.threads": "0 2 3",
    "log.cleanup.policy": "x compact,delete",
    "log.message.timestamp.type": "x LogAppendTime",
    "log.retention.hours": "3",
    "log.retention.ms": "0 -1 5",
    "log.roll.ms": "0 1",
    "log.segment.bytes": "10",
    "max.connection.creation.rate": "0 x 1",
    "max.connections": "0 -1 1",
    "max.connections.per.ip": "0 1",
    "max.connections.per.ip.overrides": "nonsense 127.0.0.1:5",
    "message.max.bytes": "-1 5",
    "metric.reporters": "no.such.Class",
    "min.insync.replicas": "0 2",
    "node.id": "3",
    "nonsense": "1",
    "num.io.threads": "100 9 4 3 0",
    "num.network.threads": "7 6",
    "num.partitions": "3",
    "producer.id.expiration.ms": "0 1000",
    "ssl.keystore.location": "/nowhere",
    "transaction.partition.verification.enable": "false maybe",
    "unclean.leader.election.enable": "maybe true",
}
"""Broker configs, and values that are tried one by one."""
_DIFFERENT = {
    "client_instance_id", "cluster_id", "high_watermark", "host", "last_caught_up_timestamp", "last_fetch_timestamp",
    "leader_epoch", "listeners", "log_end_offset", "port", "replica_directory_id", "subscription_id",
    "throttle_time_ms", "topic_id", "voter_directory_id",
}  # fmt: skip


class Admin:
    """One connection to one broker, and what it said."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.notes: list[str] = []

    async def ask(self, request: Request, version: int, expected: type[ResponseT]) -> ResponseT:
        answer = await asyncio.wait_for(self._connection.ask(request, version, expected), ANSWER_TIMEOUT_S)
        self.notes.append(f"{type(request).__name__} v{version} {plain(request)}: {plain(answer)}")
        return answer

    async def leaderless(self, topic: str) -> None:
        """Note what is told of a topic as soon as its partitions have no leader."""
        request = MetadataRequest(topics=[MetadataRequestTopic(name=topic)], allow_auto_topic_creation=False)
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            while True:
                answer = await self._connection.ask(request, 12, MetadataResponse)
                if all(partition.leader_id == -1 for partition in answer.topics[0].partitions):
                    break
                await asyncio.sleep(0.05)
        self.notes.append(f"without a broker: {plain(answer.topics)}")

    async def update_features(self, version: int, *updates: tuple[str, int, int], validate_only: bool = False) -> None:
        """Each update: feature, level, kind of upgrade (which version 0 cannot say)."""
        request = features.UpdateFeaturesRequest(
            feature_updates=[
                features.FeatureUpdateKey(feature=name, max_version_level=level, upgrade_type=kind if version else 1)
                for name, level, kind in updates
            ],
            validate_only=validate_only,
        )
        await self.ask(request, version, features.UpdateFeaturesResponse)

    async def reassign(
        self, version: int, *moves: tuple[str, int, list[int] | None], allow_change: bool = True
    ) -> None:
        request = alter.AlterPartitionReassignmentsRequest(
            topics=[
                alter.ReassignableTopic(
                    name=topic, partitions=[alter.ReassignablePartition(partition_index=index, replicas=replicas)]
                )
                for topic, index, replicas in moves
            ],
            allow_replication_factor_change=allow_change,
        )
        await self.ask(request, version, alter.AlterPartitionReassignmentsResponse)

    async def alter_configs(self, kind: int, name: str, *changes: tuple[str, int, str | None]) -> None:
        request = incremental.IncrementalAlterConfigsRequest(
            resources=[
                incremental.AlterConfigsResource(
                    resource_type=kind,
                    resource_name=name,
                    configs=[
                        incremental.AlterableConfig(name=key, config_operation=operation, value=value)
                        for key, operation, value in changes
                    ],
                )
            ],
            validate_only=False,
        )
        answer = await self.ask(request, 1, incremental.IncrementalAlterConfigsResponse)
        if answer.responses[0].error_code == ErrorCode.NONE:
            await until_applied(self._connection)

    async def try_config(self, kind: int, name: str, key: str, value: str) -> None:
        change = incremental.AlterableConfig(name=key, config_operation=SET, value=value)
        resource = incremental.AlterConfigsResource(resource_type=kind, resource_name=name, configs=[change])
        request = incremental.IncrementalAlterConfigsRequest(resources=[resource], validate_only=True)
        await self.ask(request, 1, incremental.IncrementalAlterConfigsResponse)

    async def describe_configs(self, kind: int, name: str) -> None:
        resource = configs.DescribeConfigsResource(resource_type=kind, resource_name=name, configuration_keys=None)
        request = configs.DescribeConfigsRequest(resources=[resource], include_synonyms=True)
        await self.ask(request, 4, configs.DescribeConfigsResponse)

    async def describe_quorum(self, version: int, *asked: tuple[str, int]) -> quorum.DescribeQuorumResponse:
        request = quorum.DescribeQuorumRequest(
            topics=[
                quorum.DescribeQuorumRequestTopicData(
                    topic_name=topic, partitions=[quorum.DescribeQuorumRequestPartitionData(partition_index=index)]
                )
                for topic, index in asked
            ]
        )
        return await self.ask(request, version, quorum.DescribeQuorumResponse)


def plain(value: object) -> object:
    if isinstance(value, Struct):
        return {f.name: _told(f.name, getattr(value, f.name)) for f in value.schema if f.name not in _DIFFERENT}
    if isinstance(value, list):
        return sorted((plain(each) for each in value), key=str)
    return value


def _told(name: str, value: object) -> object:
    if name == "error_code" and isinstance(value, int):
        return ErrorCode(value).name
    if name == "error_message" and value:
        return "a text"
    return plain(value)


async def play(address: str) -> list[str]:
    """The notes of all scenarios, in order, on a broker that nobody else uses."""
    connection = await Connection.open(address)
    try:
        admin = Admin(connection)
        created = CreateTopicsRequest(
            topics=[CreatableTopic(name=TOPIC, num_partitions=2, replication_factor=1, assignments=[], configs=[])]
        )
        await connection.ask(created, 7, CreateTopicsResponse)
        await until_applied(connection)
        for scenario in (quorum_described, features_updated, voters_changed, leaders_elected, partitions_moved):
            await scenario(admin)
        for scenario in (cluster_described, brokers_configured, metrics_subscribed, brokers_unregistered):
            await scenario(admin)
        return admin.notes
    finally:
        connection.close()


async def quorum_described(admin: Admin) -> None:
    for version in (0, 1, 2):
        await admin.describe_quorum(version, (METADATA_LOG, 0))
    await admin.describe_quorum(2)
    await admin.describe_quorum(2, (TOPIC, 0))
    await admin.describe_quorum(2, (METADATA_LOG, 1))
    await admin.describe_quorum(2, (METADATA_LOG, 0), (TOPIC, 0))
    await admin.describe_quorum(2, (METADATA_LOG, 0), (METADATA_LOG, 0))


async def features_updated(admin: Admin) -> None:
    upgrade, safe, unsafe = 1, 2, 3
    for version in (0, 1, 2):
        await admin.update_features(version)
        for name, level in (("nope", 1), ("nope", 0), ("group.version", 1), ("group.version", 9), ("", 1)):
            await admin.update_features(version, (name, level, upgrade))
        await admin.update_features(version, ("group.version", -1, upgrade))
        await admin.update_features(version, ("group.version", 0, upgrade))
        await admin.update_features(version, ("group.version", 1, upgrade), ("nope", 1, upgrade))
    wanted = [("metadata.version", level) for level in (5, 7, 29, 30, 31)]
    wanted += [("kraft.version", level) for level in (0, 1, 2)]
    wanted += [("group.version", 0), ("transaction.version", 0), ("eligible.leader.replicas.version", 0)]
    for kind in (0, upgrade, safe, unsafe, 4):
        for name, level in wanted:
            await admin.update_features(2, (name, level, kind), validate_only=True)
    await admin.update_features(2, ("transaction.version", 1, safe))
    await admin.update_features(2, ("transaction.version", 2, safe))
    await admin.update_features(1, ("group.version", 1, upgrade), ("transaction.version", 0, upgrade))
    await admin.update_features(2, ("transaction.version", 2, upgrade), validate_only=True)
    await admin.update_features(2, ("transaction.version", 2, upgrade))


async def voters_changed(admin: Admin) -> None:
    answer = await admin.describe_quorum(2, (METADATA_LOG, 0))
    myself = answer.topics[0].partitions[0].current_voters[0].replica_directory_id
    for version in (0, 1):
        for cluster, voter, directory, listener in (
            ("wrong", 2, SOMEBODY, "CONTROLLER"), (None, 2, SOMEBODY, "OTHER"), (None, 1, SOMEBODY, "CONTROLLER"),
            (None, 1, myself, "CONTROLLER"), (None, 2, ZERO_UUID, "CONTROLLER"), (None, -1, SOMEBODY, "CONTROLLER"),
            (None, 2, SOMEBODY, "CONTROLLER"),
        ):  # fmt: skip
            request = add.AddRaftVoterRequest(
                cluster_id=cluster,
                timeout_ms=500,
                voter_id=voter,
                voter_directory_id=directory,
                listeners=[add.Listener(name=listener, host="127.0.0.1", port=1)],
            )
            await admin.ask(request, version, add.AddRaftVoterResponse)
    for cluster, voter, directory in (
        ("wrong", 1, myself), (None, 1, myself), (None, 1, SOMEBODY), (None, 2, SOMEBODY), (None, 1, ZERO_UUID),
        (None, -1, SOMEBODY),
    ):  # fmt: skip
        gone = remove.RemoveRaftVoterRequest(cluster_id=cluster, voter_id=voter, voter_directory_id=directory)
        await admin.ask(gone, 0, remove.RemoveRaftVoterResponse)


async def leaders_elected(admin: Admin) -> None:
    asked: list[list[tuple[str, list[int]]] | None] = [
        None, [], [(TOPIC, [0, 1, 5])], [("nope", [0])], [(TOPIC, [0, 0])], [(TOPIC, [])], [(TOPIC, [0]), (TOPIC, [1])],
    ]  # fmt: skip
    for version in (0, 1, 2):
        for kind in (0, 1, 2) if version else (0,):
            for topics in asked:
                named = None
                if topics is not None:
                    named = [elect.TopicPartitions(topic=name, partitions=indexes) for name, indexes in topics]
                request = elect.ElectLeadersRequest(election_type=kind, topic_partitions=named)
                await admin.ask(request, version, elect.ElectLeadersResponse)


async def partitions_moved(admin: Admin) -> None:
    targets: list[list[int] | None] = [None, [1], [], [1, 1], [2], [1, 2], [-1]]
    for version in (0, 1):
        await admin.reassign(version)
        for replicas in targets:
            await admin.reassign(version, (TOPIC, 0, replicas))
        await admin.reassign(version, (TOPIC, 9, [1]))
        await admin.reassign(version, ("nope", 0, [1]))
        await admin.reassign(version, ("nope", 0, None))
        await admin.reassign(version, (TOPIC, 0, [1]), (TOPIC, 1, [2]))
    await admin.reassign(1, (TOPIC, 0, [1, 2]), allow_change=False)
    await admin.reassign(1, (TOPIC, 0, [1]), allow_change=False)
    asked: list[list[tuple[str, list[int]]] | None] = [None, [], [(TOPIC, [0, 7])], [("nope", [0])]]
    for topics in asked:
        named = None
        if topics is not None:
            named = [
                listing.ListPartitionReassignmentsTopics(name=name, partition_indexes=indexes)
                for name, indexes in topics
            ]
        request = listing.ListPartitionReassignmentsRequest(topics=named)
        await admin.ask(request, 0, listing.ListPartitionReassignmentsResponse)


async def cluster_described(admin: Admin) -> None:
    for version, endpoint_type, fenced in (
        (0, 1, False), (1, 0, False), (1, 1, False), (1, 2, False), (1, 3, False), (2, 1, False), (2, 1, True),
        (2, 2, True), (2, 3, True),
    ):  # fmt: skip
        request = DescribeClusterRequest(
            endpoint_type=endpoint_type, include_fenced_brokers=fenced, include_cluster_authorized_operations=True
        )
        await admin.ask(request, version, DescribeClusterResponse)


async def metrics_subscribed(admin: Admin) -> None:
    good = (("metrics", SET, "org.apache."), ("interval.ms", SET, "60000"), ("match", SET, "client_id=.*"))
    await admin.alter_configs(CLIENT_METRICS, "sub", *good)
    await admin.alter_configs(CLIENT_METRICS, "empty", ("metrics", SET, ""))
    await admin.alter_configs(CLIENT_METRICS, "", ("metrics", SET, "x"))
    for name, value in (
        ("interval.ms", "10"), ("interval.ms", "x"), ("match", "foo=.*"), ("match", "client_id=["),
        ("match", "client_id"), ("nope", "x"),
    ):  # fmt: skip
        await admin.alter_configs(CLIENT_METRICS, "bad", (name, SET, value))
    for operation in (APPEND, SUBTRACT):
        await admin.alter_configs(CLIENT_METRICS, "sub", ("metrics", operation, "a.b"))
        await admin.alter_configs(CLIENT_METRICS, "sub", ("interval.ms", operation, "5"))
    await admin.alter_configs(GROUP, "group", ("consumer.session.timeout.ms", SET, "46000"))
    for resource in ("sub", "empty", "bad", "missing", ""):
        await admin.describe_configs(CLIENT_METRICS, resource)
    await admin.ask(ListConfigResourcesRequest(), 0, ListConfigResourcesResponse)
    for types in ([], [2], [4], [8], [16], [32], [2, 32], [0], [1], [2, 64], [2, 2]):
        await admin.ask(ListConfigResourcesRequest(resource_types=types), 1, ListConfigResourcesResponse)
    await telemetry_pushed(admin)
    await admin.alter_configs(CLIENT_METRICS, "sub", *((name, DELETE, None) for name, _, _ in good))
    await admin.ask(ListConfigResourcesRequest(), 0, ListConfigResourcesResponse)


async def brokers_configured(admin: Admin) -> None:
    for name, values in DYNAMIC_CONFIGS.items():
        for value in values.split(" "):
            for broker in ("", "1"):
                await admin.try_config(BROKER, broker, name, value)


async def telemetry_pushed(admin: Admin) -> None:
    async def subscribe(instance_id: bytes) -> GetTelemetrySubscriptionsResponse:
        request = GetTelemetrySubscriptionsRequest(client_instance_id=instance_id)
        return await admin.ask(request, 0, GetTelemetrySubscriptionsResponse)

    async def pushed(
        instance_id: bytes, subscription_id: int, *, compression: int = 0, metrics: bytes = b"", last: bool = False
    ) -> None:
        request = push.PushTelemetryRequest(
            client_instance_id=instance_id,
            subscription_id=subscription_id,
            terminating=last,
            compression_type=compression,
            metrics=metrics,
        )
        answer = await admin._connection.ask(request, 0, push.PushTelemetryResponse)
        admin.notes.append(f"push {compression} {len(metrics)} {last}: {plain(answer)}")

    first = await subscribe(ZERO_UUID)
    me, subscription = first.client_instance_id, first.subscription_id
    await subscribe(me)
    await pushed(ZERO_UUID, subscription)
    await pushed(me, subscription + 1)
    await pushed(me, subscription)
    await pushed(me, subscription)
    await pushed(me, subscription, last=True)
    await pushed(me, subscription, last=True)
    for compression in (5, 4, 9):
        other = await subscribe(ZERO_UUID)
        await pushed(other.client_instance_id, other.subscription_id, compression=compression, metrics=b"\0\1\2")
    other = await subscribe(ZERO_UUID)
    await pushed(other.client_instance_id, other.subscription_id, metrics=bytes(1_048_577))
    await pushed(other.client_instance_id, other.subscription_id)
    other = await subscribe(ZERO_UUID)
    await admin.alter_configs(CLIENT_METRICS, "sub", ("metrics", SET, "org.apache.kafka.client."))
    await pushed(other.client_instance_id, other.subscription_id)
    again = await subscribe(other.client_instance_id)
    await pushed(again.client_instance_id, again.subscription_id)
    await subscribe(SOMEBODY)
    await pushed(bytes([9] * 16), 0)


async def brokers_unregistered(admin: Admin) -> None:
    """The last: without its only broker a cluster has no leaders."""
    for broker_id in (2, -1, 1, 1):
        await admin.ask(UnregisterBrokerRequest(broker_id=broker_id), 0, UnregisterBrokerResponse)
    await admin.leaderless(TOPIC)
