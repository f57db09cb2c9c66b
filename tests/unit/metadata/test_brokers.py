"""Brokers come and go: the records are those that Apache Kafka 4.3.1 wrote in the same situation."""

from __future__ import annotations

import pytest
from tests.unit.metadata.decisions import Controller, topic

from ottla.metadata.controller.brokers import begin_controlled_shutdown, fence_broker
from ottla.metadata.controller.producer_ids import ProducerIdsBlock, allocate_producer_ids
from ottla.metadata.partition import NO_LEADER, RECOVERED, RECOVERING
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.metadata_record.broker_registration_change_record import BrokerRegistrationChangeRecord
from ottla.protocol.metadata_record.partition_change_record import PartitionChangeRecord
from ottla.protocol.metadata_record.register_broker_record import RegisterBrokerRecord


def fence(controller: Controller, broker_id: int) -> None:
    controller.decide(lambda view: fence_broker(view, controller.schema, broker_id))


def shut_down(controller: Controller, broker_id: int) -> None:
    epoch = controller.image.cluster.brokers[broker_id].epoch
    controller.decide(lambda view: begin_controlled_shutdown(view, controller.schema, broker_id, epoch))


def change(controller: Controller, **values: object) -> PartitionChangeRecord:
    record = PartitionChangeRecord(partition_id=0, topic_id=controller.image.topics.by_name["t"].topic_id)
    for name, value in values.items():
        setattr(record, name, value)
    return record


def test_registration_and_unfencing() -> None:
    controller = Controller()
    next_offset = controller.image.offset + 1
    epoch = controller.register(1)
    assert epoch == next_offset
    [record] = controller.written
    assert isinstance(record, RegisterBrokerRecord)
    assert (record.broker_epoch, record.fenced, record.cordoned_log_dirs) == (epoch, True, None)
    assert controller.records[0].version == 4
    controller.unfence(1, epoch)
    assert [(type(r.record), r.version) for r in controller.records] == [
        (BrokerRegistrationChangeRecord, 0),
        (BrokerRegistrationChangeRecord, 3),
    ]
    broker = controller.image.cluster.brokers[1]
    assert (broker.fenced, broker.cordoned_directories) == (False, ())


def test_clean_restart_of_the_only_replica() -> None:
    controller = Controller()
    controller.add_brokers(1)
    controller.create(topic("t"))
    shut_down(controller, 1)
    gone = change(controller, isr=[], leader=NO_LEADER, eligible_leader_replicas=[1], last_known_elr=[1])
    assert controller.written[1:] == [gone]
    fence(controller, 1)
    assert len(controller.written) == 1
    previous = controller.image.cluster.brokers[1].epoch
    epoch = controller.register(1, incarnation=2, previous_epoch=previous)
    assert len(controller.written) == 1
    controller.unfence(1, epoch)
    back = change(controller, isr=[1], leader=1, eligible_leader_replicas=[], last_known_elr=[])
    assert controller.written[1] == back
    partition = controller.image.topics.by_name["t"].partitions[0]
    assert (partition.leader_epoch, partition.partition_epoch, partition.leader_recovery_state) == (2, 2, RECOVERED)


def test_unclean_restart_of_the_only_replica() -> None:
    controller = Controller()
    controller.add_brokers(1)
    controller.create(topic("t"))
    fence(controller, 1)
    assert isinstance(controller.written[-1], BrokerRegistrationChangeRecord)  # partitions first
    epoch = controller.register(1, incarnation=2, previous_epoch=-1)
    assert controller.written[0] == change(controller, eligible_leader_replicas=[])
    controller.unfence(1, epoch)
    back = change(controller, isr=[1], leader=1, leader_recovery_state=RECOVERING, last_known_elr=[])
    assert controller.written[1] == back


def test_leadership_moves_to_a_replica_in_sync() -> None:
    controller = Controller()
    controller.add_brokers(1, 2, 3)
    controller.create(topic("t", assignments=[[1, 2, 3]]))
    fence(controller, 1)
    assert controller.written[0] == change(controller, isr=[2, 3], leader=2)
    fence(controller, 2)
    fence(controller, 3)
    partition = controller.image.topics.by_name["t"].partitions[0]
    assert (partition.isr, partition.leader) == ((), NO_LEADER)
    assert partition.eligible_leader_replicas == (3,)
    assert partition.last_known_elr == (3,)
    controller.unfence(2, controller.image.cluster.brokers[2].epoch)
    assert controller.image.topics.by_name["t"].partitions[0].leader == NO_LEADER  # it may lack records
    controller.unfence(3, controller.image.cluster.brokers[3].epoch)
    partition = controller.image.topics.by_name["t"].partitions[0]
    assert (partition.isr, partition.leader, partition.leader_recovery_state) == ((3,), 3, RECOVERED)


def test_unclean_election_where_the_topic_allows_it() -> None:
    controller = Controller()
    controller.add_brokers(1, 2)
    controller.create(topic("t", assignments=[[1, 2]], configs={"unclean.leader.election.enable": "true"}))
    fence(controller, 2)
    fence(controller, 1)
    assert controller.image.topics.by_name["t"].partitions[0].leader == NO_LEADER
    controller.unfence(2, controller.image.cluster.brokers[2].epoch)
    partition = controller.image.topics.by_name["t"].partitions[0]
    assert (partition.isr, partition.leader, partition.leader_recovery_state) == ((2,), 2, RECOVERING)


def test_stale_epochs_are_refused() -> None:
    controller = Controller()
    epoch = controller.register(1)
    with pytest.raises(KafkaError) as caught:
        controller.unfence(1, epoch - 1)
    assert caught.value.code is ErrorCode.STALE_BROKER_EPOCH


def test_producer_id_blocks_follow_each_other() -> None:
    controller = Controller()
    epoch = controller.register(1)
    blocks = [controller.decide(lambda view: allocate_producer_ids(view, 1, epoch)) for _ in range(2)]
    assert blocks == [ProducerIdsBlock(0, 1000), ProducerIdsBlock(1000, 1000)]
    assert controller.image.producer_ids.next_producer_id == 2000
    with pytest.raises(KafkaError) as caught:
        controller.decide(lambda view: allocate_producer_ids(view, 2, epoch))
    assert caught.value.code is ErrorCode.STALE_BROKER_EPOCH
