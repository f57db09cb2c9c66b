"""Leaders are elected on request, and partitions move: what is decided, and the records of it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from tests.unit.metadata.decisions import Controller, directory_of, topic

from ottla.metadata.controller.brokers import fence_broker, unregister_broker
from ottla.metadata.controller.elections import elect_leaders
from ottla.metadata.controller.reassignment_replicas import Reassignment
from ottla.metadata.controller.reassignments import alter_partition_reassignments, list_partition_reassignments
from ottla.metadata.partition import NO_LEADER, PartitionRegistration
from ottla.protocol.api.alter_partition_reassignments import (
    AlterPartitionReassignmentsRequest,
    ReassignablePartition,
    ReassignableTopic,
)
from ottla.protocol.api.elect_leaders import ElectLeadersRequest, TopicPartitions
from ottla.protocol.api.list_partition_reassignments import ListPartitionReassignmentsRequest
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.metadata_record.partition_change_record import PartitionChangeRecord
from ottla.protocol.metadata_record.unregister_broker_record import UnregisterBrokerRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

PREFERRED, UNCLEAN = 0, 1


@pytest.fixture
def controller() -> Controller:
    made = Controller()
    made.add_brokers(1, 2, 3, 4)
    made.create(topic("t", assignments=[[1, 2, 3]]))
    return made


def partition(controller: Controller) -> PartitionRegistration:
    return controller.image.topics.by_name["t"].partitions[0]


def fence(controller: Controller, *brokers: int) -> None:
    for broker in brokers:
        controller.decide(partial(fence_broker, schema=controller.schema, broker_id=broker))


def in_sync(controller: Controller, *isr: int) -> None:
    """As a leader would report it."""
    topic_id = controller.image.topics.by_name["t"].topic_id
    controller.replay(PartitionChangeRecord(partition_id=0, topic_id=topic_id, isr=list(isr)))


def elect(controller: Controller, kind: int, *, every: bool = False) -> list[int]:
    named = None if every else [TopicPartitions(topic="t", partitions=[0])]
    request = ElectLeadersRequest(election_type=kind, topic_partitions=named)
    answer = controller.decide(partial(elect_leaders, schema=controller.schema, request=request))
    return [one.error_code for result in answer.replica_election_results for one in result.partition_result]


def reassign(controller: Controller, replicas: list[int] | None, *, allow_change: bool = True) -> int:
    request = AlterPartitionReassignmentsRequest(
        topics=[ReassignableTopic(name="t", partitions=[ReassignablePartition(partition_index=0, replicas=replicas)])],
        allow_replication_factor_change=allow_change,
    )
    answer = controller.decide(partial(alter_partition_reassignments, schema=controller.schema, request=request))
    return answer.responses[0].partitions[0].error_code


def ongoing(controller: Controller) -> list[tuple[list[int], list[int], list[int]]]:
    request = ListPartitionReassignmentsRequest(topics=None)
    answer = controller.decide(partial(list_partition_reassignments, request=request))
    return [
        (one.replicas, one.adding_replicas, one.removing_replicas)
        for moved in answer.topics
        for one in moved.partitions
    ]


def test_the_preferred_replica_leads_again(controller: Controller) -> None:
    assert elect(controller, PREFERRED) == [ErrorCode.ELECTION_NOT_NEEDED]
    assert elect(controller, PREFERRED, every=True) == []
    fence(controller, 1)
    assert partition(controller).leader == 2
    assert elect(controller, PREFERRED) == [ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE]
    controller.unfence(1, controller.image.cluster.brokers[1].epoch)
    assert elect(controller, PREFERRED) == [ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE]  # not in sync
    in_sync(controller, 2, 3, 1)
    epoch = partition(controller).leader_epoch
    assert elect(controller, PREFERRED, every=True) == [ErrorCode.NONE]
    assert (partition(controller).leader, partition(controller).leader_epoch) == (1, epoch + 1)


def test_an_unclean_election_takes_whoever_is_alive(controller: Controller) -> None:
    in_sync(controller, 1)
    assert elect(controller, UNCLEAN) == [ErrorCode.ELECTION_NOT_NEEDED]
    fence(controller, 2, 3, 1)
    assert partition(controller).leader == NO_LEADER
    assert elect(controller, UNCLEAN) == [ErrorCode.ELIGIBLE_LEADERS_NOT_AVAILABLE]
    controller.unfence(3, controller.image.cluster.brokers[3].epoch)
    assert partition(controller).leader == NO_LEADER
    assert elect(controller, UNCLEAN) == [ErrorCode.NONE]
    assert (partition(controller).leader, partition(controller).isr) == (3, (3,))
    assert partition(controller).leader_recovery_state == 1


def test_who_is_moved_away_is_not_eligible_any_more() -> None:
    """It would come back with an empty log, and lead. Found by simulation: cluster-cluster-killed, seed 2091."""
    controller = Controller()
    controller.add_live_brokers(1, 2, 3, 4)
    controller.create(topic("t", assignments=[[1, 2, 3]], configs={"min.insync.replicas": "3"}))
    fence(controller, 2)
    assert reassign(controller, [1, 2, 4]) == ErrorCode.NONE
    in_sync(controller, 1, 3, 4)
    fence(controller, 3)
    assert (partition(controller).replicas, partition(controller).isr) == ((1, 2, 4), (1, 4))
    assert partition(controller).eligible_leader_replicas == (2,)


def test_a_partition_moves_when_the_new_replica_is_in_sync(controller: Controller) -> None:
    assert reassign(controller, [4, 2, 3]) == ErrorCode.NONE
    [record] = controller.written
    assert isinstance(record, PartitionChangeRecord)
    assert (record.replicas, record.adding_replicas, record.removing_replicas) == ([4, 2, 3, 1], [4], [1])
    assert record.directories == [directory_of(broker) for broker in (4, 2, 3, 1)]
    assert ongoing(controller) == [([4, 2, 3, 1], [4], [1])]
    in_sync(controller, 1, 2, 3, 4)
    fence(controller, 3)  # any further change ends the reassignment
    moved = partition(controller)
    assert (moved.replicas, moved.adding_replicas, moved.removing_replicas) == ((4, 2, 3), (), ())
    assert (moved.isr, moved.leader) == ((2, 4), 4)
    assert moved.directories == tuple(directory_of(broker) for broker in (4, 2, 3))
    assert ongoing(controller) == []


def test_a_smaller_partition_is_there_at_once_with_a_new_leader_epoch(controller: Controller) -> None:
    epoch = partition(controller).leader_epoch
    assert reassign(controller, [1, 3]) == ErrorCode.NONE
    assert (partition(controller).replicas, partition(controller).isr) == ((1, 3), (1, 3))
    assert (partition(controller).leader, partition(controller).leader_epoch) == (1, epoch + 1)


def test_the_order_alone_may_change(controller: Controller) -> None:
    assert reassign(controller, [3, 2, 1]) == ErrorCode.NONE
    assert (partition(controller).replicas, partition(controller).leader) == ((3, 2, 1), 1)
    assert ongoing(controller) == []


def test_a_move_is_taken_back(controller: Controller) -> None:
    assert reassign(controller, None) == ErrorCode.NO_REASSIGNMENT_IN_PROGRESS
    assert reassign(controller, [4]) == ErrorCode.NONE
    assert partition(controller).replicas == (4, 1, 2, 3)
    assert reassign(controller, None) == ErrorCode.NONE
    assert (partition(controller).replicas, partition(controller).adding_replicas) == ((1, 2, 3), ())


def test_taking_back_must_not_lose_records(controller: Controller) -> None:
    assert reassign(controller, [4, 1, 2, 3]) == ErrorCode.NONE
    in_sync(controller, 4)
    assert reassign(controller, None) == ErrorCode.INVALID_REPLICA_ASSIGNMENT
    assert ongoing(controller) == [([4, 1, 2, 3], [4], [])]


@pytest.mark.parametrize(
    ("replicas", "code"),
    [
        ([], ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        ([1, 1], ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        ([1, 2, 9], ErrorCode.INVALID_REPLICA_ASSIGNMENT),
        ([1, 2], ErrorCode.INVALID_REPLICATION_FACTOR),
    ],
)
def test_wrong_targets(controller: Controller, replicas: list[int], code: ErrorCode) -> None:
    assert reassign(controller, replicas, allow_change=False) == code
    assert controller.written == []


@pytest.mark.parametrize(
    ("current", "target", "isr", "completed"),
    [  # as Apache Kafka's PartitionReassignmentReplicas 4.3.1 answers
        ((3, 2, 1), (4, 5, 6), (3, 2, 1), None),
        ((3, 2, 1), (4, 5, 6), (3, 2, 1, 4, 5, 6), ((4, 5, 6), (4, 5, 6))),
        ((1, 2, 3), (2, 3), (1,), None),
        ((1, 2, 3), (2, 3), (1, 2), None),
        ((1, 2, 3), (2, 3), (1, 2, 3), ((2, 3), (2, 3))),
        ((1, 2, 3), (3, 1, 4), (2, 4), ((3, 1, 4), (4,))),
        ((1, 2, 3), (3, 4, 1), (3, 1), None),
        ((1, 2, 3), (3, 2, 1), (3, 1), None),
        ((1, 2, 3), (3, 2, 1, 5), (5,), ((3, 2, 1, 5), (5,))),
        ((1, 2, 3), (2,), (1, 2), ((2,), (2,))),
        ((1, 2, 3), (2,), (1, 3), None),
        ((1, 2, 3), (4,), (1, 4), ((4,), (4,))),
    ],
)
def test_when_a_move_is_over(
    current: tuple[int, ...],
    target: Sequence[int],
    isr: tuple[int, ...],
    completed: tuple[tuple[int, ...], tuple[int, ...]] | None,
) -> None:
    registered = PartitionRegistration(
        replicas=current, directories=(), isr=current, leader=1, leader_epoch=0, partition_epoch=0
    )
    done = Reassignment.towards(registered, target).completed(isr)
    assert completed == (None if done is None else (done[0].replicas, done[1]))


def test_an_unregistered_broker_is_in_no_isr(controller: Controller) -> None:
    epoch = controller.image.cluster.brokers[1].epoch
    controller.decide(partial(unregister_broker, schema=controller.schema, broker_id=1))
    assert controller.written[-1] == UnregisterBrokerRecord(broker_id=1, broker_epoch=epoch)
    assert 1 not in controller.image.cluster.brokers
    assert (partition(controller).leader, partition(controller).isr) == (2, (2, 3))
    with pytest.raises(KafkaError) as refused:
        controller.decide(partial(unregister_broker, schema=controller.schema, broker_id=1))
    assert refused.value.code == ErrorCode.BROKER_ID_NOT_REGISTERED
