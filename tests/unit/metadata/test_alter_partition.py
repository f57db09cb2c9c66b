"""Who is in sync: what leaders may ask for, and what becomes of it. Errors and records are Apache Kafka's."""

from __future__ import annotations

from functools import partial

import pytest
from tests.unit.metadata.decisions import Controller, topic

from ottla.metadata.controller.alter_partition import alter_partition
from ottla.metadata.controller.configs import ConfigChange, ConfigOperation, incremental_alter_configs
from ottla.metadata.controller.reassignments import alter_partition_reassignments
from ottla.metadata.features import ELIGIBLE_LEADER_REPLICAS_VERSION, METADATA_VERSION
from ottla.metadata.partition import RECOVERED, RECOVERING
from ottla.protocol.api.alter_partition import (
    AlterPartitionRequest,
    AlterPartitionRequestPartitionData,
    AlterPartitionRequestTopicData,
    AlterPartitionResponsePartitionData,
    BrokerState,
)
from ottla.protocol.api.alter_partition_reassignments import (
    AlterPartitionReassignmentsRequest,
    ReassignablePartition,
    ReassignableTopic,
)
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.metadata_record.clear_elr_record import ClearElrRecord
from ottla.protocol.metadata_record.feature_level_record import FeatureLevelRecord
from ottla.protocol.metadata_record.partition_change_record import PartitionChangeRecord


@pytest.fixture
def controller() -> Controller:
    """Brokers 1 to 5; topic t on 1, 2, 3, all in sync."""
    controller = Controller()
    controller.add_live_brokers(1, 2, 3, 4, 5)
    controller.create(topic("t", assignments=[[1, 2, 3]], configs={"min.insync.replicas": "2"}))
    return controller


def alter(
    controller: Controller,
    isr: list[int],
    *,
    broker_id: int | None = None,
    api_version: int = 3,
    epochs: dict[int, int] | None = None,
    leader_epoch: int | None = None,
    partition_epoch: int | None = None,
    recovery_state: int = RECOVERED,
    topic_id: bytes | None = None,
    index: int = 0,
) -> AlterPartitionResponsePartitionData:
    partition, brokers = controller.partition(), controller.image.cluster.brokers
    sender = partition.leader if broker_id is None else broker_id
    asked = AlterPartitionRequestPartitionData(
        partition_index=index,
        leader_epoch=partition.leader_epoch if leader_epoch is None else leader_epoch,
        partition_epoch=partition.partition_epoch if partition_epoch is None else partition_epoch,
        leader_recovery_state=recovery_state,
    )
    if api_version >= 3:
        known = {broker.broker_id: broker.epoch for broker in brokers.values()} | (epochs or {})
        asked.new_isr_with_epochs = [BrokerState(broker_id=one, broker_epoch=known.get(one, -1)) for one in isr]
    else:
        asked.new_isr = isr
    t = controller.image.topics.by_name["t"].topic_id if topic_id is None else topic_id
    request = AlterPartitionRequest(
        broker_id=sender,
        broker_epoch=brokers[sender].epoch,
        topics=[AlterPartitionRequestTopicData(topic_id=t, partitions=[asked])],
    )
    decided = AlterPartitionRequest.decode(request.encode(api_version), api_version)
    response = controller.decide(
        lambda view: alter_partition(view, controller.schema, decided, api_version=api_version)
    )
    return response.topics[0].partitions[0]


def reassign(controller: Controller, replicas: list[int] | None) -> ErrorCode:
    request = AlterPartitionReassignmentsRequest(
        topics=[ReassignableTopic(name="t", partitions=[ReassignablePartition(partition_index=0, replicas=replicas)])]
    )
    response = controller.decide(lambda view: alter_partition_reassignments(view, controller.schema, request))
    return ErrorCode(response.responses[0].partitions[0].error_code)


@pytest.mark.parametrize("api_version", [2, 3])
def test_the_isr_shrinks_and_grows(controller: Controller, api_version: int) -> None:
    answer = alter(controller, [1, 2], api_version=api_version)
    assert (answer.error_code, answer.leader_id, answer.isr) == (ErrorCode.NONE, 1, [1, 2])
    assert (answer.leader_epoch, answer.partition_epoch) == (0, 1)
    topic_id = controller.image.topics.by_name["t"].topic_id
    assert controller.written == [PartitionChangeRecord(partition_id=0, topic_id=topic_id, isr=[1, 2])]
    assert alter(controller, [1, 2, 3], api_version=api_version).partition_epoch == 2
    assert alter(controller, [1, 2, 3], api_version=api_version).partition_epoch == 2  # nothing changes
    assert controller.written == []


def test_below_min_isr_those_who_left_stay_eligible(controller: Controller) -> None:
    alter(controller, [1])
    assert controller.partition().eligible_leader_replicas == (2, 3)
    alter(controller, [1, 3])
    assert controller.partition().eligible_leader_replicas == ()


def test_another_min_isr_clears_who_was_eligible_and_changes_the_partition(controller: Controller) -> None:
    alter(controller, [1])
    before = controller.partition()
    change = ConfigChange("min.insync.replicas", ConfigOperation.SET, "1")
    decision = partial(
        incremental_alter_configs, schema=controller.schema, changes={(2, "t"): [change]}, validate_only=False
    )
    controller.decide(decision)
    assert isinstance(controller.written[-1], ClearElrRecord)
    after = controller.partition()
    assert (after.eligible_leader_replicas, after.partition_epoch) == ((), before.partition_epoch + 1)
    assert alter(controller, [1], partition_epoch=before.partition_epoch).error_code == ErrorCode.INVALID_UPDATE_VERSION


def test_min_isr_counts_the_replicas_there_are(controller: Controller) -> None:
    controller.create(topic("u", assignments=[[1]], configs={"min.insync.replicas": "2"}))
    controller.heartbeat(2, want_fence=True)
    assert controller.partition(topic="u").eligible_leader_replicas == ()


def test_before_3_6_a_shrinking_isr_starts_a_leader_epoch(controller: Controller) -> None:
    controller.replay(
        FeatureLevelRecord(name=ELIGIBLE_LEADER_REPLICAS_VERSION, feature_level=0),
        FeatureLevelRecord(name=METADATA_VERSION, feature_level=11),
    )
    assert alter(controller, [1, 2]).leader_epoch == 1
    assert alter(controller, [1, 2, 3]).leader_epoch == 1


def test_what_is_refused_and_how(controller: Controller) -> None:
    alter(controller, [1, 2])
    controller.register(6)
    epoch = controller.image.cluster.brokers[3].epoch

    def refused(expected: ErrorCode, isr: list[int], **asked: object) -> None:
        assert alter(controller, isr, **asked).error_code == expected  # type: ignore[arg-type]
        assert controller.written == []

    refused(ErrorCode.UNKNOWN_TOPIC_ID, [1], topic_id=b"?" * 16)
    refused(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, [1], index=1)
    refused(ErrorCode.NOT_CONTROLLER, [1], leader_epoch=1)
    refused(ErrorCode.NOT_CONTROLLER, [1], partition_epoch=2)
    refused(ErrorCode.FENCED_LEADER_EPOCH, [1], leader_epoch=-1)
    refused(ErrorCode.INVALID_REQUEST, [1, 2], broker_id=2)
    refused(ErrorCode.INVALID_UPDATE_VERSION, [1], partition_epoch=0)
    refused(ErrorCode.INVALID_REQUEST, [1, 4])
    refused(ErrorCode.INVALID_REQUEST, [1, 1])
    refused(ErrorCode.INVALID_REQUEST, [2])
    refused(ErrorCode.INVALID_REQUEST, [])
    refused(ErrorCode.INVALID_REQUEST, [1], recovery_state=RECOVERING)
    refused(ErrorCode.INELIGIBLE_REPLICA, [1, 2, 3], epochs={3: epoch - 1})
    controller.heartbeat(3, want_fence=True)
    refused(ErrorCode.INELIGIBLE_REPLICA, [1, 2, 3])
    refused(ErrorCode.INELIGIBLE_REPLICA, [1, 2, 3], api_version=2)
    controller.heartbeat(3)
    assert alter(controller, [1, 2, 3], epochs={2: -1}).error_code == ErrorCode.NONE


def test_an_earlier_run_of_the_leader_is_refused(controller: Controller) -> None:
    request = AlterPartitionRequest(broker_id=1, broker_epoch=1, topics=[])
    with pytest.raises(KafkaError) as caught:
        controller.decide(lambda view: alter_partition(view, controller.schema, request, api_version=3))
    assert caught.value.code is ErrorCode.STALE_BROKER_EPOCH


def test_a_leader_recovers(controller: Controller) -> None:
    topic_id = controller.image.topics.by_name["t"].topic_id
    controller.replay(
        PartitionChangeRecord(partition_id=0, topic_id=topic_id, isr=[1], leader=1, leader_recovery_state=RECOVERING)
    )
    assert alter(controller, [1, 2], recovery_state=RECOVERING).error_code == ErrorCode.INVALID_REQUEST
    answer = alter(controller, [1], recovery_state=RECOVERED)
    assert (answer.error_code, answer.leader_recovery_state) == (ErrorCode.NONE, RECOVERED)
    change = PartitionChangeRecord(partition_id=0, topic_id=topic_id, leader_recovery_state=RECOVERED)
    assert controller.written == [change]


def test_a_reassignment_ends_when_everybody_new_is_in_sync(controller: Controller) -> None:
    assert reassign(controller, [1, 4, 5]) is ErrorCode.NONE
    partition = controller.partition()
    assert (partition.replicas, partition.adding_replicas, partition.removing_replicas) == (
        (1, 4, 5, 2, 3),
        (4, 5),
        (2, 3),
    )
    alter(controller, [1, 2, 3, 4])
    assert controller.partition().adding_replicas == (4, 5)
    answer = alter(controller, [1, 2, 3, 4, 5])
    assert (answer.error_code, answer.isr, answer.leader_epoch) == (ErrorCode.NONE, [1, 4, 5], 1)
    partition = controller.partition()
    assert (partition.replicas, partition.adding_replicas, partition.removing_replicas) == ((1, 4, 5), (), ())


def test_the_leader_that_ends_a_reassignment_may_lose_its_place_by_it(controller: Controller) -> None:
    reassign(controller, [4, 5])
    answer = alter(controller, [1, 2, 3, 4, 5])
    assert answer.error_code == ErrorCode.NEW_LEADER_ELECTED
    partition = controller.partition()
    assert (partition.leader, partition.isr, partition.replicas, partition.leader_epoch) == (4, (4, 5), (4, 5), 1)


def test_a_reassignment_is_taken_back(controller: Controller) -> None:
    assert reassign(controller, None) is ErrorCode.NO_REASSIGNMENT_IN_PROGRESS
    reassign(controller, [4, 5, 1])
    alter(controller, [1, 2, 3, 4])
    assert reassign(controller, None) is ErrorCode.NONE
    partition = controller.partition()
    assert (partition.replicas, partition.isr, partition.adding_replicas) == ((1, 2, 3), (1, 2, 3), ())


def test_it_is_not_taken_back_to_replicas_that_lack_records(controller: Controller) -> None:
    reassign(controller, [4, 5, 1])
    topic_id = controller.image.topics.by_name["t"].topic_id
    controller.replay(PartitionChangeRecord(partition_id=0, topic_id=topic_id, isr=[4], leader=4))
    assert reassign(controller, None) is ErrorCode.INVALID_REPLICA_ASSIGNMENT
    assert controller.written == []
