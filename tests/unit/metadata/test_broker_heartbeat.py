"""Heartbeats: sessions, fencing, unfencing, controlled shutdown, directories. States and records are Apache Kafka's."""

from __future__ import annotations

import pytest
from tests.unit.metadata.decisions import Controller, directory_of, topic

from ottla.metadata.controller.brokers import fence_broker, fence_stale_broker
from ottla.metadata.controller.directories import assign_replicas
from ottla.metadata.controller.heartbeats import BrokerHeartbeats
from ottla.metadata.partition import NO_LEADER
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.metadata_record.broker_registration_change_record import BrokerRegistrationChangeRecord
from ottla.protocol.metadata_record.partition_change_record import PartitionChangeRecord

A, B = b"a" * 16, b"b" * 16


def answers(controller: Controller, broker_id: int, **asked: object) -> tuple[bool, bool, bool]:
    response = controller.heartbeat(broker_id, **asked)  # type: ignore[arg-type]
    return response.is_caught_up, response.is_fenced, response.should_shut_down


def fence_stale(controller: Controller) -> list[int]:
    fenced: list[int] = []
    while True:
        broker_id = controller.decide(lambda view: fence_stale_broker(view, controller.schema, controller.heartbeats))
        if broker_id is None:
            return fenced
        fenced.append(broker_id)


def test_unfenced_once_it_knows_that_it_is_registered() -> None:
    controller = Controller()
    epoch = controller.register(1)
    assert answers(controller, 1, offset=epoch - 1) == (False, True, False)
    assert controller.written == []
    assert answers(controller, 1, offset=epoch, want_fence=True) == (True, True, False)
    assert controller.written == []
    assert answers(controller, 1, offset=epoch, cordoned=[]) == (True, False, False)
    assert [(type(r.record), r.version) for r in controller.records] == [
        (BrokerRegistrationChangeRecord, 0),
        (BrokerRegistrationChangeRecord, 3),
    ]
    assert answers(controller, 1, cordoned=[]) == (True, False, False)
    assert controller.written == []


def test_an_earlier_run_is_refused_and_keeps_no_session() -> None:
    controller = Controller()
    first = controller.register(1)
    controller.register(1, incarnation=2)
    with pytest.raises(KafkaError) as caught:
        controller.heartbeat(1, epoch=first)
    assert caught.value.code is ErrorCode.STALE_BROKER_EPOCH
    assert not controller.heartbeats.has_valid_session(1, controller.monotonic_ms)


def test_one_that_wants_it_is_fenced() -> None:
    controller = Controller()
    controller.add_live_brokers(1, 2)
    controller.create(topic("t", assignments=[[1, 2]]))
    assert answers(controller, 1, want_fence=True) == (True, True, False)
    change, fenced = controller.written
    assert isinstance(change, PartitionChangeRecord)
    assert isinstance(fenced, BrokerRegistrationChangeRecord)
    assert (change.leader, change.isr, fenced.fenced) == (2, [2], 1)


def test_controlled_shutdown_waits_until_the_others_know() -> None:
    controller = Controller()
    controller.add_live_brokers(1, 2, 3)
    controller.create(topic("t", assignments=[[1, 2, 3]]))
    assert answers(controller, 1, want_shut_down=True) == (True, False, False)
    begun, change = controller.written
    assert isinstance(begun, BrokerRegistrationChangeRecord)
    assert isinstance(change, PartitionChangeRecord)
    assert (begun.in_controlled_shutdown, change.leader, change.isr) == (1, 2, [2, 3])
    moved_at = controller.image.offset
    controller.heartbeat(2, offset=moved_at)
    assert answers(controller, 1, want_shut_down=True) == (True, False, False)
    assert controller.written == []
    controller.heartbeat(3, offset=moved_at - 1)
    assert answers(controller, 1, want_shut_down=True) == (True, False, False)
    controller.heartbeat(3, offset=moved_at)
    assert answers(controller, 1, want_shut_down=True) == (True, True, True)
    [fenced] = controller.written
    assert isinstance(fenced, BrokerRegistrationChangeRecord)
    assert fenced.fenced == 1


def test_the_only_replica_may_stop_when_nobody_leads() -> None:
    controller = Controller()
    controller.add_live_brokers(1)
    controller.create(topic("t"))
    assert answers(controller, 1, want_shut_down=True) == (True, False, False)
    assert controller.partition().leader == NO_LEADER
    assert answers(controller, 1, want_shut_down=True) == (True, True, True)


def test_one_that_leads_nothing_or_is_fenced_may_stop_at_once() -> None:
    controller = Controller()
    controller.add_live_brokers(1, 2)
    controller.create(topic("t", assignments=[[1, 2]]))
    assert answers(controller, 2, want_shut_down=True) == (True, True, True)
    assert controller.partition().isr == (1,)
    controller.register(3)
    assert answers(controller, 3, want_shut_down=True) == (True, True, True)
    [fenced] = controller.written  # it was; Apache Kafka says so again
    assert isinstance(fenced, BrokerRegistrationChangeRecord)
    assert fenced.fenced == 1


def test_the_silent_are_fenced_one_by_one() -> None:
    controller = Controller()
    controller.add_live_brokers(1)
    controller.monotonic_ms += 1_000
    controller.add_live_brokers(2, 3)
    controller.create(topic("t", assignments=[[1, 2, 3]]))
    assert controller.heartbeats.next_deadline_ms() == controller.monotonic_ms + 8_000
    controller.monotonic_ms += 7_999
    assert fence_stale(controller) == []
    controller.monotonic_ms += 1
    controller.heartbeat(3)
    assert fence_stale(controller) == [1]
    controller.monotonic_ms += 1_000
    assert fence_stale(controller) == [2]
    assert (controller.partition().leader, controller.partition().isr) == (3, (3,))
    controller.monotonic_ms += 8_000
    assert fence_stale(controller) == [3]
    assert controller.heartbeats.next_deadline_ms() is None
    assert controller.heartbeat(3).is_fenced is False  # it was only slow
    assert controller.partition().leader == 3


def test_one_that_is_known_to_be_gone_is_fenced_at_once_and_may_come_back_at_once() -> None:
    controller = Controller()
    controller.add_live_brokers(1, 2)
    controller.create(topic("t", assignments=[[1, 2]]))
    controller.decide(lambda view: fence_broker(view, controller.schema, 1, controller.heartbeats))
    assert controller.partition().leader == 2
    controller.register(1, incarnation=2)
    assert controller.heartbeat(1).is_fenced is False


def test_a_new_active_controller_gives_everybody_a_whole_session() -> None:
    controller = Controller()
    controller.add_live_brokers(1, 2)
    controller.register(3)
    controller.heartbeat(3, want_fence=True)
    controller.create(topic("t", assignments=[[1, 2]]))
    controller.heartbeat(1, want_shut_down=True)
    taken_over = controller.heartbeats = BrokerHeartbeats(9_000)
    controller.monotonic_ms += 60_000
    taken_over.activate(controller.image, controller.monotonic_ms)
    assert [taken_over.has_valid_session(one, controller.monotonic_ms) for one in (1, 2, 3)] == [True, True, False]
    controller.monotonic_ms += 8_999
    assert fence_stale(controller) == []
    assert answers(controller, 1, want_shut_down=True) == (True, True, True)  # it leads nothing
    assert controller.heartbeat(3, offset=controller.image.offset - 2).is_fenced
    assert not controller.heartbeat(3).is_fenced


def test_directories_that_fail_or_are_cordoned() -> None:
    controller = Controller()
    controller.register(1, directories=[A, B])
    controller.heartbeat(1, cordoned=[])
    controller.add_live_brokers(2)
    controller.create(topic("t", 4, 2))
    assert controller.heartbeat(1, cordoned=[B]).error_code == ErrorCode.NONE
    assert controller.image.cluster.brokers[1].cordoned_directories == (B,)
    controller.create(topic("u", 1, 2))
    controller.heartbeat(1, cordoned=[B, A])
    assert controller.create(topic("v", 1, 2))[0].error_code == ErrorCode.INVALID_REPLICATION_FACTOR
    controller.heartbeat(1, offline=[B, bytes(16)])
    [record] = controller.written
    assert isinstance(record, BrokerRegistrationChangeRecord)
    assert (record.log_dirs, controller.records[0].version) == ([A], 2)
    controller.heartbeat(1, offline=[B])
    assert controller.written == []
    controller.heartbeat(2, offline=[directory_of(2)])
    assert {type(record) for record in controller.written[:-1]} == {PartitionChangeRecord}
    assert controller.image.cluster.brokers[2].directories == (directory_of(2),)  # as in Apache Kafka
    assert [controller.partition(index).leader for index in range(4)] == [1] * 4


def test_who_comes_back_without_a_directory_leads_nothing_there() -> None:
    controller = Controller()
    controller.register(1, directories=[A, B])
    controller.heartbeat(1, cordoned=[])
    controller.create(topic("t", 2))
    topic_id = controller.image.topics.by_name["t"].topic_id
    controller.decide(lambda view: assign_replicas(view, 1, {(topic_id, 0): A, (topic_id, 1): B}))
    controller.decide(lambda view: fence_broker(view, controller.schema, 1, controller.heartbeats))
    assert [controller.partition(index).leader for index in range(2)] == [NO_LEADER] * 2
    assert not controller.heartbeat(1, offline=[B]).is_fenced
    assert [controller.partition(index).leader for index in range(2)] == [1, NO_LEADER]
