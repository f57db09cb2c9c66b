"""Where replicas lie, and what a failed log directory means for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.unit.metadata.decisions import Controller, topic

from ottla.metadata.controller.assign_replicas_to_dirs import assign_replicas_to_dirs
from ottla.metadata.controller.brokers import fence_broker, unfence_broker
from ottla.metadata.controller.directories import assign_replicas, directories_offline
from ottla.metadata.controller.elections import elect_leaders
from ottla.metadata.controller.result import ControllerResult
from ottla.metadata.features import METADATA_VERSION
from ottla.metadata.partition import NO_LEADER, UNASSIGNED_DIRECTORY
from ottla.metadata.record_serde import VersionedRecord
from ottla.protocol.api.assign_replicas_to_dirs import AssignReplicasToDirsRequest
from ottla.protocol.api.assign_replicas_to_dirs import AssignReplicasToDirsRequestDirectoryData as DirectoryData
from ottla.protocol.api.assign_replicas_to_dirs import AssignReplicasToDirsRequestPartitionData as PartitionData
from ottla.protocol.api.assign_replicas_to_dirs import AssignReplicasToDirsRequestTopicData as TopicData
from ottla.protocol.api.elect_leaders import ElectLeadersRequest
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.metadata_record.broker_registration_change_record import BrokerRegistrationChangeRecord
from ottla.protocol.metadata_record.config_record import ConfigRecord
from ottla.protocol.metadata_record.feature_level_record import FeatureLevelRecord
from ottla.protocol.metadata_record.partition_change_record import PartitionChangeRecord

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

A, B = b"a" * 16, b"b" * 16


@pytest.fixture
def controller() -> Controller:
    """Broker 1 with two directories; topic t has a partition in each."""
    controller = Controller()
    controller.add_brokers(1)
    directories(controller, A, B)
    controller.create(topic("t", 2))
    controller.decide(
        lambda view: assign_replicas(view, 1, {(topic_id(controller), 0): A, (topic_id(controller), 1): B})
    )
    return controller


def directories(controller: Controller, *ids: bytes) -> None:
    epoch = controller.image.cluster.brokers[1].epoch
    record = BrokerRegistrationChangeRecord(broker_id=1, broker_epoch=epoch, log_dirs=list(ids))
    controller.decide(lambda _: ControllerResult([VersionedRecord(record, 2)], None))


def topic_id(controller: Controller) -> bytes:
    return controller.image.topics.by_name["t"].topic_id


def leaders(controller: Controller) -> list[int]:
    partitions = controller.image.topics.by_name["t"].partitions
    return [partitions[index].leader for index in range(2)]


def fail(controller: Controller, *ids: bytes) -> None:
    controller.decide(lambda view: directories_offline(view, controller.schema, 1, ids))


def restart(controller: Controller, *online: bytes) -> None:
    controller.decide(lambda view: fence_broker(view, controller.schema, 1))
    directories(controller, *online)
    epoch = controller.image.cluster.brokers[1].epoch
    controller.decide(lambda view: unfence_broker(view, controller.schema, 1, epoch))


def test_with_several_directories_the_broker_tells_where_a_replica_lies(controller: Controller) -> None:
    controller.create(topic("u", 1))
    assert controller.image.topics.by_name["u"].partitions[0].directories == (UNASSIGNED_DIRECTORY,)
    partitions = controller.image.topics.by_name["t"].partitions
    assert [partitions[index].directories for index in range(2)] == [(A,), (B,)]
    before = partitions[1].partition_epoch
    controller.decide(lambda view: assign_replicas(view, 1, {(topic_id(controller), 1): A, (bytes(16), 0): A}))
    [record] = controller.written
    assert record == PartitionChangeRecord(partition_id=1, topic_id=topic_id(controller), directories=[A])
    moved = controller.image.topics.by_name["t"].partitions[1]
    assert (moved.directories, moved.partition_epoch, moved.leader) == ((A,), before + 1, 1)
    controller.decide(lambda view: assign_replicas(view, 1, {(topic_id(controller), 1): A}))
    assert controller.written == []


def test_a_failed_directory_has_no_leaders_until_it_comes_back(controller: Controller) -> None:
    fail(controller, B)
    assert controller.image.cluster.brokers[1].directories == (A,)
    assert leaders(controller) == [1, NO_LEADER]
    restart(controller, A)
    assert leaders(controller) == [1, NO_LEADER]
    restart(controller, A, B)
    assert leaders(controller) == [1, 1]


def test_the_last_directory_is_not_given_up(controller: Controller) -> None:
    fail(controller, A, B)
    assert controller.written == []
    fail(controller, b"c" * 16)
    assert controller.written == []


def assign(
    controller: Controller, placed: Mapping[bytes, Sequence[tuple[bytes, int]]], epoch: int | None = None
) -> list[int]:
    request = AssignReplicasToDirsRequest(
        broker_id=1,
        broker_epoch=controller.image.cluster.brokers[1].epoch if epoch is None else epoch,
        directories=[
            DirectoryData(
                id=directory,
                topics=[
                    TopicData(topic_id=topic_id, partitions=[PartitionData(partition_index=index)])
                    for topic_id, index in partitions
                ],
            )
            for directory, partitions in placed.items()
        ],
    )
    answer = controller.decide(lambda view: assign_replicas_to_dirs(view, controller.schema, request))
    return [
        partition.error_code
        for directory in answer.directories
        for topic in directory.topics
        for partition in topic.partitions
    ]


def test_assignments_over_the_network(controller: Controller) -> None:
    controller.add_brokers(2)
    controller.create(topic("elsewhere", assignments=[[2]]))
    t, elsewhere = topic_id(controller), controller.image.topics.by_name["elsewhere"].topic_id
    errors = assign(controller, {A: [(t, 1), (t, 7), (b"?" * 16, 0), (elsewhere, 0)], B: [(t, 0)]})
    assert errors == [
        ErrorCode.NONE,
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        ErrorCode.UNKNOWN_TOPIC_ID,
        ErrorCode.NOT_LEADER_OR_FOLLOWER,
        ErrorCode.NONE,
    ]
    assert controller.written == [
        PartitionChangeRecord(partition_id=1, topic_id=t, directories=[A]),
        PartitionChangeRecord(partition_id=0, topic_id=t, directories=[B]),
    ]
    with pytest.raises(KafkaError) as caught:
        assign(controller, {}, epoch=0)
    assert caught.value.code is ErrorCode.STALE_BROKER_EPOCH
    controller.replay(FeatureLevelRecord(name=METADATA_VERSION, feature_level=16))
    with pytest.raises(KafkaError) as caught:
        assign(controller, {})
    assert caught.value.code is ErrorCode.UNSUPPORTED_VERSION


def test_what_is_put_into_a_directory_that_is_offline_is_not_led(controller: Controller) -> None:
    fail(controller, B)
    assert leaders(controller) == [1, NO_LEADER]
    assert assign(controller, {B: [(topic_id(controller), 0)]}) == [ErrorCode.NONE]
    assert leaders(controller) == [NO_LEADER, NO_LEADER]
    assert len(controller.written) == 2


def test_elections_on_request_look_at_directories(controller: Controller) -> None:
    fail(controller, B)
    request = ElectLeadersRequest(election_type=1, topic_partitions=None)
    answer = controller.decide(lambda view: elect_leaders(view, controller.schema, request))
    [outcome] = answer.replica_election_results[0].partition_result
    assert outcome.error_code == ErrorCode.ELIGIBLE_LEADERS_NOT_AVAILABLE


def test_a_move_that_ends_with_an_assignment_to_an_offline_directory(controller: Controller) -> None:
    """Two records of one decision: the second counts on the first. (Apache Kafka's does not: 2 would lead.)"""
    controller.add_brokers(2)
    fail(controller, B)
    unclean = ConfigRecord(resource_type=2, resource_name="t", name="unclean.leader.election.enable", value="true")
    moving = PartitionChangeRecord(partition_id=0, topic_id=topic_id(controller), replicas=[1, 2])
    moving.removing_replicas = [2]
    controller.replay(unclean, moving)
    assert assign(controller, {B: [(topic_id(controller), 0)]}) == [ErrorCode.NONE]
    assert len(controller.written) == 2
    partition = controller.partition()
    assert (partition.replicas, partition.isr, partition.leader) == ((1,), (), NO_LEADER)
