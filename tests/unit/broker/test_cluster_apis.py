"""The handlers about the cluster as a whole, at every version, through their bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest
from tests.interop.connection import Connection
from tests.peers.ottla_node import OttlaNode
from tests.unit.broker.controllers import TestNode, creation, sent
from tests.unit.broker.replicas import readable

from ottla.broker.apis.add_raft_voter import AddRaftVoterHandler
from ottla.broker.apis.alter_partition_reassignments import AlterPartitionReassignmentsHandler
from ottla.broker.apis.create_topics import CreateTopicsHandler
from ottla.broker.apis.describe_quorum import DescribeQuorumHandler
from ottla.broker.apis.elect_leaders import ElectLeadersHandler
from ottla.broker.apis.list_partition_reassignments import ListPartitionReassignmentsHandler
from ottla.broker.apis.remove_raft_voter import RemoveRaftVoterHandler
from ottla.broker.apis.unregister_broker import UnregisterBrokerHandler
from ottla.broker.apis.update_features import UpdateFeaturesHandler
from ottla.protocol.api import describe_quorum as quorum
from ottla.protocol.api.add_raft_voter import AddRaftVoterRequest, AddRaftVoterResponse, Listener
from ottla.protocol.api.alter_partition_reassignments import (
    AlterPartitionReassignmentsRequest,
    ReassignablePartition,
    ReassignableTopic,
)
from ottla.protocol.api.describe_cluster import DescribeClusterRequest, DescribeClusterResponse
from ottla.protocol.api.elect_leaders import ElectLeadersRequest, TopicPartitions
from ottla.protocol.api.list_partition_reassignments import ListPartitionReassignmentsRequest
from ottla.protocol.api.remove_raft_voter import RemoveRaftVoterRequest, RemoveRaftVoterResponse
from ottla.protocol.api.unregister_broker import UnregisterBrokerRequest, UnregisterBrokerResponse
from ottla.protocol.api.update_features import FeatureUpdateKey, UpdateFeaturesRequest
from ottla.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[TestNode]:
    made = TestNode(tmp_path)
    await CreateTopicsHandler(made.shell)(*sent(creation("there", 2), 7))
    yield made
    await made.shell.close()


def asked(*partitions: tuple[str, int]) -> quorum.DescribeQuorumRequest:
    return quorum.DescribeQuorumRequest(
        topics=[
            quorum.DescribeQuorumRequestTopicData(
                topic_name=topic, partitions=[quorum.DescribeQuorumRequestPartitionData(partition_index=index)]
            )
            for topic, index in partitions
        ]
    )


@pytest.mark.parametrize("version", range(3))
async def test_the_quorum_is_described(node: TestNode, version: int) -> None:
    answer = DescribeQuorumHandler(node.shell.quorum, node.clock)(*sent(asked(("__cluster_metadata", 0)), version))
    answer = readable(answer, version)
    [partition] = answer.topics[0].partitions
    assert (partition.leader_id, partition.leader_epoch, partition.error_code) == (1, 1, ErrorCode.NONE)
    assert partition.high_watermark == node.shell.high_watermark > 0
    [voter] = partition.current_voters
    assert (voter.replica_id, voter.log_end_offset) == (1, node.shell.high_watermark)
    assert voter.last_caught_up_timestamp == (node.clock.ms if version >= 1 else -1)
    assert voter.replica_directory_id == (node.shell.quorum.settings.directory_id if version >= 2 else bytes(16))
    ports = [listener.port for described in answer.nodes for listener in described.listeners]
    assert ports == ([9093] if version >= 2 else [])


@pytest.mark.parametrize(
    "partitions",
    [[("there", 0)], [("__cluster_metadata", 1)], [("__cluster_metadata", 0), ("there", 0)]],
)
async def test_only_the_metadata_has_a_quorum(node: TestNode, partitions: list[tuple[str, int]]) -> None:
    answer = DescribeQuorumHandler(node.shell.quorum, node.clock)(*sent(asked(*partitions), 2))
    answer = readable(answer, 2)
    codes = [partition.error_code for topic in answer.topics for partition in topic.partitions]
    assert codes == [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION] * len(partitions)


@pytest.mark.parametrize("version", range(3))
async def test_features_are_updated(node: TestNode, version: int) -> None:
    handler = UpdateFeaturesHandler(node.shell)
    same = FeatureUpdateKey(feature="group.version", max_version_level=1)
    answer = readable(await handler(*sent(UpdateFeaturesRequest(feature_updates=[same]), version)), version)
    assert answer.error_code == ErrorCode.NONE
    assert [one.feature for one in answer.results] == ([] if version == 2 else ["group.version"])
    lower = FeatureUpdateKey(feature="group.version", max_version_level=0)
    answer = readable(await handler(*sent(UpdateFeaturesRequest(feature_updates=[lower]), version)), version)
    assert answer.error_code == ErrorCode.INVALID_UPDATE_VERSION
    assert answer.results == []
    if version:
        lower.upgrade_type = 2
        request = UpdateFeaturesRequest(feature_updates=[lower], validate_only=True)
        assert (await handler(*sent(request, version))).error_code == ErrorCode.NONE
        assert node.shell.image.features.level("group.version") == 1
        request.validate_only = False
        assert (await handler(*sent(request, version))).error_code == ErrorCode.NONE
        assert node.shell.image.features.level("group.version") == 0


@pytest.mark.parametrize("version", range(3))
async def test_leaders_are_elected(node: TestNode, version: int) -> None:
    handler = ElectLeadersHandler(node.shell)
    request = ElectLeadersRequest(topic_partitions=[TopicPartitions(topic="there", partitions=[0, 9])])
    answer = readable(await handler(*sent(request, version)), version)
    [topic] = answer.replica_election_results
    assert [(one.partition_id, one.error_code) for one in topic.partition_result] == [
        (0, ErrorCode.ELECTION_NOT_NEEDED),
        (9, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
    ]
    if version:
        request.election_type = 2
        answer = readable(await handler(*sent(request, version)), version)
        assert answer.error_code == ErrorCode.INVALID_REQUEST


@pytest.mark.parametrize("version", range(2))
async def test_partitions_are_reassigned(node: TestNode, version: int) -> None:
    handler = AlterPartitionReassignmentsHandler(node.shell)
    targets: list[list[int] | None] = [None, [1], [2]]
    request = AlterPartitionReassignmentsRequest(
        topics=[
            ReassignableTopic(name="there", partitions=[ReassignablePartition(partition_index=0, replicas=replicas)])
            for replicas in targets
        ]
    )
    answer = readable(await handler(*sent(request, version)), version)
    assert [topic.partitions[0].error_code for topic in answer.responses] == [
        ErrorCode.NO_REASSIGNMENT_IN_PROGRESS,
        ErrorCode.NONE,
        ErrorCode.INVALID_REPLICA_ASSIGNMENT,
    ]
    listed = await ListPartitionReassignmentsHandler(node.shell)(*sent(ListPartitionReassignmentsRequest(), 0))
    assert readable(listed, 0).topics == []


@pytest.mark.parametrize("version", range(2))
async def test_voters_stay_as_they_are(node: TestNode, version: int) -> None:
    handler = AddRaftVoterHandler(node.shell.quorum)
    somebody, myself = bytes([5] * 16), node.shell.quorum.settings.directory_id
    codes = []
    for cluster, voter, directory, listener in (
        ("wrong", 2, somebody, "CONTROLLER"),
        (node.storage.cluster_id, 2, bytes(16), "CONTROLLER"),
        (None, 2, somebody, "PLAINTEXT"),
        (None, 1, myself, "CONTROLLER"),
        (None, 2, somebody, "CONTROLLER"),
    ):
        request = AddRaftVoterRequest(
            cluster_id=cluster,
            timeout_ms=1,
            voter_id=voter,
            voter_directory_id=directory,
            listeners=[Listener(name=listener, host="127.0.0.1", port=1)],
        )
        answer = cast("AddRaftVoterResponse", await handler(*sent(request, version)))
        codes.append(readable(answer, version).error_code)
    assert codes == [
        ErrorCode.INCONSISTENT_CLUSTER_ID,
        ErrorCode.INVALID_REQUEST,
        ErrorCode.INVALID_REQUEST,
        ErrorCode.DUPLICATE_VOTER,
        ErrorCode.REQUEST_TIMED_OUT,
    ]
    assert node.shell.history.voters.node_ids == [1]


async def test_the_last_voter_stays(node: TestNode) -> None:
    handler = RemoveRaftVoterHandler(node.shell.quorum)
    codes = []
    for cluster, directory in (
        ("wrong", b"\1" * 16),
        (None, bytes(16)),
        (None, node.shell.quorum.settings.directory_id),
    ):
        request = RemoveRaftVoterRequest(cluster_id=cluster, voter_id=1, voter_directory_id=directory)
        codes.append(readable(cast("RemoveRaftVoterResponse", await handler(*sent(request, 0))), 0).error_code)
    assert codes == [ErrorCode.INCONSISTENT_CLUSTER_ID, ErrorCode.INVALID_REQUEST, ErrorCode.VOTER_NOT_FOUND]


async def test_a_broker_is_unregistered(node: TestNode) -> None:
    handler = UnregisterBrokerHandler(node.shell)
    unknown = await handler(*sent(UnregisterBrokerRequest(broker_id=7), 0))
    assert readable(unknown, 0).error_code == ErrorCode.BROKER_ID_NOT_REGISTERED
    assert (await handler(*sent(UnregisterBrokerRequest(broker_id=1), 0))).error_code == ErrorCode.NONE
    assert list(node.shell.image.cluster.brokers) == []
    assert node.shell.image.topics.by_name["there"].partitions[0].leader == -1


async def test_a_node_that_was_unregistered_stops_in_order_and_registers_again(tmp_path: Path) -> None:
    async def brokers() -> list[int]:
        connection = await Connection.open(running.address)
        answer = await connection.ask(
            DescribeClusterRequest(include_cluster_authorized_operations=False), 2, DescribeClusterResponse
        )
        connection.close()
        return [broker.broker_id for broker in answer.brokers]

    with OttlaNode(tmp_path) as running:
        connection = await Connection.open(running.address)
        answer = await connection.ask(UnregisterBrokerRequest(broker_id=1), 0, UnregisterBrokerResponse)
        assert answer.error_code == ErrorCode.NONE
        assert await brokers() == []
        assert running.stop() == 0
        running.start()
        assert await brokers() == [1]
