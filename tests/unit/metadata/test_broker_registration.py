"""Who may register as what: the checks of Apache Kafka 4.3.1, in its order, and what they let through."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from tests.unit.metadata.decisions import CLUSTER_ID, Controller, directory_of, topic

from ottla.metadata.controller.brokers import register_broker, unregister_broker
from ottla.metadata.controller.controllers import register_other_controller
from ottla.metadata.features import KRAFT_VERSION, METADATA_VERSION, SUPPORTED_FEATURES
from ottla.metadata.partition import LOST_DIRECTORY
from ottla.metadata.registration import SupportedRange
from ottla.protocol.api.broker_registration import BrokerRegistrationRequest, Listener
from ottla.protocol.api.controller_registration import ControllerRegistrationRequest, Feature
from ottla.protocol.api.controller_registration import Listener as ControllerListener
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.metadata_record.feature_level_record import FeatureLevelRecord
from ottla.protocol.metadata_record.partition_change_record import PartitionChangeRecord
from ottla.protocol.metadata_record.register_broker_record import RegisterBrokerRecord
from ottla.protocol.metadata_record.unregister_broker_record import UnregisterBrokerRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def refusal(call: Callable[[], object]) -> ErrorCode:
    with pytest.raises(KafkaError) as caught:
        call()
    return caught.value.code


def features(**changed: tuple[int, int]) -> Mapping[str, SupportedRange]:
    named = {name.replace("_", "."): SupportedRange(*levels) for name, levels in changed.items()}
    return {**SUPPORTED_FEATURES, **named}


def test_one_whose_session_lasts_is_not_replaced() -> None:
    controller = Controller()
    controller.add_live_brokers(1)
    assert refusal(lambda: controller.register(1, incarnation=2)) is ErrorCode.DUPLICATE_BROKER_REGISTRATION
    controller.monotonic_ms += 8_999
    assert refusal(lambda: controller.register(1, incarnation=2)) is ErrorCode.DUPLICATE_BROKER_REGISTRATION
    controller.monotonic_ms += 1
    assert controller.register(1, incarnation=2) == controller.image.cluster.brokers[1].epoch
    assert controller.image.cluster.brokers[1].fenced


def test_one_that_never_sent_a_heartbeat_is_replaced_at_once() -> None:
    controller = Controller()
    first = controller.register(1)
    assert controller.register(1, incarnation=2) > first


def test_one_that_may_stop_is_replaced_at_once() -> None:
    controller = Controller()
    controller.add_live_brokers(1)
    epoch = controller.image.cluster.brokers[1].epoch
    assert controller.heartbeat(1, want_shut_down=True).should_shut_down
    assert controller.register(1, incarnation=2, previous_epoch=epoch) > epoch


def test_the_same_run_may_amend_its_registration() -> None:
    controller = Controller()
    controller.add_live_brokers(1)
    epoch = controller.image.cluster.brokers[1].epoch
    assert controller.register(1, rack="r2") == epoch
    [record] = controller.written
    assert isinstance(record, RegisterBrokerRecord)
    assert (record.broker_epoch, record.fenced, record.rack) == (epoch, False, "r2")
    assert controller.heartbeats.has_valid_session(1, controller.monotonic_ms)
    behind = controller.heartbeat(1, offset=controller.image.offset - 1)
    assert (behind.is_caught_up, behind.is_fenced) == (False, False)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"metadata_version": (7, 29)}, ErrorCode.UNSUPPORTED_VERSION),
        ({"kraft_version": (0, 0)}, ErrorCode.UNSUPPORTED_VERSION),
        ({"group_version": (0, 0)}, ErrorCode.UNSUPPORTED_VERSION),
        ({"unheard.of": (1, 2)}, ErrorCode.UNSUPPORTED_VERSION),
        ({"unheard.of": (0, 2)}, None),
        ({"group_version": (0, 7)}, None),
    ],
)
def test_what_is_finalized_must_be_supported(
    changed: Mapping[str, tuple[int, int]], expected: ErrorCode | None
) -> None:
    controller = Controller()
    if expected is None:
        controller.register(1, features=features(**changed))
    else:
        assert refusal(lambda: controller.register(1, features=features(**changed))) is expected


def test_features_that_are_left_out() -> None:
    controller = Controller()
    without_metadata = {name: levels for name, levels in SUPPORTED_FEATURES.items() if name != METADATA_VERSION}
    assert refusal(lambda: controller.register(1, features=without_metadata)) is ErrorCode.INVALID_REGISTRATION
    without_kraft = {name: levels for name, levels in SUPPORTED_FEATURES.items() if name != KRAFT_VERSION}
    assert refusal(lambda: controller.register(1, features=without_kraft)) is ErrorCode.UNSUPPORTED_VERSION


def test_directories() -> None:
    controller = Controller()
    wrong: tuple[list[bytes], ...] = ([], [LOST_DIRECTORY], [b"a" * 16, b"a" * 16], [bytes(15) + b"\x63"])
    for ids in wrong:
        assert refusal(partial(controller.register, 1, directories=ids)) is ErrorCode.INVALID_REGISTRATION
    controller.register(1)
    assert refusal(lambda: controller.register(2, directories=[directory_of(1)])) is ErrorCode.INVALID_REGISTRATION
    controller.register(1, incarnation=2)  # its own
    controller.replay(FeatureLevelRecord(name=METADATA_VERSION, feature_level=16))
    controller.register(3, directories=[directory_of(1)])
    assert controller.image.cluster.brokers[3].directories == ()
    assert controller.records[-1].version == 2


def request(**values: object) -> BrokerRegistrationRequest:
    made = BrokerRegistrationRequest(
        broker_id=1,
        cluster_id=CLUSTER_ID,
        incarnation_id=b"1" * 16,
        listeners=[],
        features=[],
        rack=None,
        log_dirs=[directory_of(1)],
    )
    for name, value in values.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"cluster_id": "another"}, ErrorCode.INCONSISTENT_CLUSTER_ID),
        ({"is_migrating_zk_broker": True}, ErrorCode.BROKER_ID_NOT_REGISTERED),
        ({"listeners": [Listener(name="L", host="h", port=1, security_protocol=9)]}, ErrorCode.UNKNOWN_SERVER_ERROR),
        ({}, ErrorCode.INVALID_REGISTRATION),  # it has no features
    ],
)
def test_other_refusals(wrong: Mapping[str, object], expected: ErrorCode) -> None:
    controller = Controller()

    def register() -> int:
        return controller.decide(
            lambda view: register_broker(
                view,
                controller.schema,
                controller.heartbeats,
                request(**wrong),
                api_version=4,
                cluster_id=CLUSTER_ID,
                kraft_version=0,
            )
        )

    assert refusal(register) is expected


@pytest.mark.parametrize(("api_version", "clean"), [(2, False), (3, True), (4, True)])
def test_only_who_can_say_how_the_last_run_ended_is_believed(api_version: int, clean: bool) -> None:
    controller = Controller()
    controller.add_brokers(1)
    controller.create(topic("t"))
    controller.heartbeat(1, want_fence=True)
    controller.heartbeats.end_session(1)
    assert controller.partition().eligible_leader_replicas == (1,)
    epoch = controller.image.cluster.brokers[1].epoch
    controller.register(1, incarnation=2, previous_epoch=epoch, api_version=api_version)
    assert controller.partition().eligible_leader_replicas == ((1,) if clean else ())


def test_a_run_whose_predecessor_was_not_fenced_yet_leaves_the_isr_first() -> None:
    controller = Controller()
    controller.add_brokers(1, 2)
    controller.create(topic("t", assignments=[[1, 2]]))
    previous = controller.image.cluster.brokers[1].epoch
    controller.register(1, incarnation=2, previous_epoch=previous)
    change, registration = controller.written
    assert isinstance(change, PartitionChangeRecord)
    assert (change.leader, change.isr) == (2, [2])
    assert isinstance(registration, RegisterBrokerRecord)
    assert registration.broker_epoch == controller.image.offset - 1  # where the decision began
    assert controller.heartbeat(1, offset=controller.image.offset - 1).is_fenced
    assert not controller.heartbeat(1).is_fenced


def test_unregistering() -> None:
    controller = Controller()
    controller.add_live_brokers(1, 2)
    controller.create(topic("t", assignments=[[1, 2]]))
    controller.decide(lambda view: unregister_broker(view, controller.schema, 1, controller.heartbeats))
    assert isinstance(controller.written[-1], UnregisterBrokerRecord)
    assert controller.partition().isr == (2,)
    assert controller.heartbeats.state(1) is None
    unknown = refusal(lambda: controller.decide(lambda view: unregister_broker(view, controller.schema, 1)))
    assert unknown is ErrorCode.BROKER_ID_NOT_REGISTERED
    assert refusal(lambda: controller.heartbeat(1, epoch=1)) is ErrorCode.STALE_BROKER_EPOCH


def test_another_controller_registers() -> None:
    controller = Controller()
    other = ControllerRegistrationRequest(
        controller_id=3001,
        incarnation_id=b"c" * 16,
        zk_migration_ready=True,
        listeners=[ControllerListener(name="CONTROLLER", host="h", port=93, security_protocol=0)],
        features=[Feature(name=KRAFT_VERSION, min_supported_version=0, max_supported_version=1)],
    )
    controller.decide(lambda view: register_other_controller(view, other))
    registered = controller.image.cluster.controllers[3001]
    assert not registered.zk_migration_ready
    assert registered.listeners["CONTROLLER"].port == 93
    assert registered.supported_features == {KRAFT_VERSION: SupportedRange(0, 1)}
    controller.replay(FeatureLevelRecord(name=METADATA_VERSION, feature_level=14))
    refused = refusal(lambda: controller.decide(lambda view: register_other_controller(view, other)))
    assert refused is ErrorCode.UNSUPPORTED_VERSION
