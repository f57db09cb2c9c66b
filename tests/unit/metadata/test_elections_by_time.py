"""Leaders change because time has passed: preferred ones come back, leaderless partitions elect uncleanly."""

from __future__ import annotations

from functools import partial

import pytest
from tests.unit.metadata.decisions import Controller, topic

from ottla.metadata.controller import result
from ottla.metadata.controller.configs import ConfigChange, ConfigOperation, incremental_alter_configs
from ottla.metadata.controller.elections import (
    balance_leaders,
    elect_leaders,
    elect_unclean_leaders,
)
from ottla.metadata.controller.result import ControllerResult
from ottla.metadata.partition import NO_LEADER, RECOVERING
from ottla.metadata.record_serde import VersionedRecord
from ottla.protocol.api.elect_leaders import ElectLeadersRequest, TopicPartitions
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.metadata_record.partition_change_record import PartitionChangeRecord


@pytest.fixture
def controller() -> Controller:
    """Brokers 1, 2, 3; topic t with five partitions, led by 1, followed by 2 and 3."""
    controller = Controller()
    controller.add_live_brokers(1, 2, 3)
    controller.create(topic("t", assignments=[[1, 2, 3]] * 5))
    return controller


def leaders(controller: Controller) -> list[int]:
    return [controller.partition(index).leader for index in range(5)]


def in_sync(controller: Controller, index: int, *isr: int) -> None:
    topic_id = controller.image.topics.by_name["t"].topic_id
    controller.replay(PartitionChangeRecord(partition_id=index, topic_id=topic_id, isr=list(isr)))


def allow_unclean(controller: Controller, resource: tuple[int, str]) -> None:
    change = ConfigChange("unclean.leader.election.enable", ConfigOperation.SET, "true")
    controller.decide(
        partial(incremental_alter_configs, schema=controller.schema, changes={resource: [change]}, validate_only=False)
    )


def test_preferred_leaders_come_back_in_batches(controller: Controller) -> None:
    controller.heartbeat(1, want_fence=True)
    controller.heartbeat(1)
    assert leaders(controller) == [2] * 5
    balance = partial(balance_leaders, schema=controller.schema, max_elections=2)
    assert controller.decide(balance) is False  # it is not in sync anywhere
    assert controller.written == []
    for index in range(3):
        in_sync(controller, index, 2, 3, 1)
    assert controller.decide(balance) is True
    assert leaders(controller) == [1, 1, 2, 2, 2]
    assert controller.decide(balance) is False
    assert leaders(controller) == [1, 1, 1, 2, 2]


@pytest.mark.parametrize("resource", [(2, "t"), (4, "")])
def test_unclean_leaders_where_that_is_allowed(controller: Controller, resource: tuple[int, str]) -> None:
    for index in range(5):
        in_sync(controller, index, 1)
    controller.heartbeat(2, want_fence=True)
    controller.heartbeat(3, want_fence=True)
    controller.heartbeat(1, want_fence=True)
    controller.heartbeat(3)
    assert leaders(controller) == [NO_LEADER] * 5
    elect = partial(elect_unclean_leaders, schema=controller.schema, max_elections=3)
    assert controller.decide(elect) is False
    assert controller.written == []
    allow_unclean(controller, resource)
    assert controller.decide(elect) is True
    assert leaders(controller) == [3, 3, 3, NO_LEADER, NO_LEADER]
    assert controller.decide(elect) is False
    assert leaders(controller) == [3] * 5
    partition = controller.partition()
    assert (partition.isr, partition.leader_recovery_state) == ((3,), RECOVERING)
    assert (partition.eligible_leader_replicas, partition.last_known_elr) == ((), ())


def test_the_last_leader_is_not_elected_when_it_is_no_replica_any_more(controller: Controller) -> None:
    """Apache Kafka's controller stops at it."""
    topic_id = controller.image.topics.by_name["t"].topic_id
    change = PartitionChangeRecord(partition_id=0, topic_id=topic_id, isr=[], leader=NO_LEADER, replicas=[2, 3])
    change.last_known_elr = [1]
    controller.decide(lambda _: ControllerResult([VersionedRecord(change, 2)], None))
    request = ElectLeadersRequest(election_type=1, topic_partitions=[TopicPartitions(topic="t", partitions=[0])])
    controller.decide(partial(elect_leaders, schema=controller.schema, request=request))
    partition = controller.partition()
    assert (partition.leader, partition.isr, partition.leader_recovery_state) == (2, (2,), RECOVERING)


def test_one_request_changes_so_much(controller: Controller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result, "MAX_RECORDS_PER_REQUEST", 4)
    controller.heartbeat(1, want_fence=True)
    controller.heartbeat(1)
    for index in range(5):
        in_sync(controller, index, 2, 3, 1)
    request = ElectLeadersRequest(election_type=0, topic_partitions=None)
    with pytest.raises(KafkaError) as caught:
        controller.decide(partial(elect_leaders, schema=controller.schema, request=request))
    assert caught.value.code is ErrorCode.POLICY_VIOLATION
    request = ElectLeadersRequest(election_type=0, topic_partitions=[TopicPartitions(topic="t", partitions=[0, 1])])
    controller.decide(partial(elect_leaders, schema=controller.schema, request=request))
    assert leaders(controller) == [1, 1, 2, 2, 2]


def test_an_election_type_that_nobody_knows(controller: Controller) -> None:
    request = ElectLeadersRequest(election_type=2, topic_partitions=None)
    with pytest.raises(KafkaError) as caught:
        controller.decide(partial(elect_leaders, schema=controller.schema, request=request))
    assert caught.value.code is ErrorCode.INVALID_REQUEST
