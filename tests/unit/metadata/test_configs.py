"""Dynamic configs: operations, what is refused, and the rules around eligible leader replicas."""

from __future__ import annotations

import pytest
from tests.unit.metadata.decisions import Controller, topic

from ottla.metadata.controller.configs import ConfigChange, ConfigOperation, alter_configs, incremental_alter_configs
from ottla.metadata.features import METADATA_VERSION
from ottla.protocol.errors import ErrorCode
from ottla.protocol.metadata_record.clear_elr_record import ClearElrRecord
from ottla.protocol.metadata_record.config_record import ConfigRecord
from ottla.protocol.metadata_record.feature_level_record import FeatureLevelRecord

SET, DELETE, APPEND, SUBTRACT = ConfigOperation
TOPIC, BROKER, METRICS, GROUP = 2, 4, 16, 32


@pytest.fixture
def controller() -> Controller:
    made = Controller()
    made.add_brokers(1)
    made.create(topic("t", configs={"cleanup.policy": "delete", "retention.ms": "5"}))
    return made


def alter(
    controller: Controller,
    key: tuple[int, str],
    *changes: tuple[str, ConfigOperation, str | None],
    validate_only: bool = False,
) -> ErrorCode:
    wanted = {key: [ConfigChange(*change) for change in changes]}
    outcomes = controller.decide(
        lambda view: incremental_alter_configs(view, controller.schema, wanted, validate_only=validate_only)
    )
    error = outcomes[key]
    return ErrorCode.NONE if error is None else error.code


def test_set_delete_append_subtract(controller: Controller) -> None:
    key = (TOPIC, "t")
    assert alter(controller, key, ("cleanup.policy", APPEND, "compact"), ("retention.ms", DELETE, None)) == 0
    assert controller.image.configs.of(*key) == {"cleanup.policy": "delete,compact"}
    assert alter(controller, key, ("cleanup.policy", SUBTRACT, "delete"), ("segment.ms", SET, "9")) == 0
    assert controller.image.configs.of(*key) == {"cleanup.policy": "compact", "segment.ms": "9"}
    assert alter(controller, key, ("segment.ms", SET, "9")) == 0
    assert controller.written == []  # nothing new


def test_append_begins_with_the_default(controller: Controller) -> None:
    controller.create(topic("u"))
    assert alter(controller, (TOPIC, "u"), ("cleanup.policy", APPEND, "compact")) == 0
    assert controller.image.configs.of(TOPIC, "u") == {"cleanup.policy": "delete,compact"}


@pytest.mark.parametrize(
    ("key", "change", "code"),
    [
        ((TOPIC, "t"), ("segment.ms", SET, "0"), ErrorCode.INVALID_CONFIG),
        ((TOPIC, "t"), ("segment.ms", APPEND, "1"), ErrorCode.INVALID_CONFIG),
        ((TOPIC, "t"), ("no.such", SET, "0"), ErrorCode.INVALID_CONFIG),
        ((TOPIC, "t"), ("cleanup.policy", SET, "x" * 40_000), ErrorCode.INVALID_CONFIG),
        ((TOPIC, "u"), ("segment.ms", SET, "5"), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        ((TOPIC, ""), ("segment.ms", SET, "5"), ErrorCode.INVALID_REQUEST),
        ((TOPIC, "a b"), ("segment.ms", SET, "5"), ErrorCode.INVALID_TOPIC_EXCEPTION),
        ((BROKER, "1"), ("log.retention.ms", SET, "5"), ErrorCode.NONE),
        ((BROKER, "1"), ("num.partitions", SET, "5"), ErrorCode.INVALID_REQUEST),
        ((BROKER, "one"), ("log.retention.ms", SET, "5"), ErrorCode.INVALID_REQUEST),
        ((BROKER, "2"), ("log.retention.ms", SET, "5"), ErrorCode.BROKER_ID_NOT_REGISTERED),
        ((BROKER, ""), ("listeners", SET, "A://:1"), ErrorCode.INVALID_REQUEST),
        ((BROKER, "1"), ("min.insync.replicas", SET, "2"), ErrorCode.INVALID_CONFIG),
        ((BROKER, ""), ("min.insync.replicas", DELETE, None), ErrorCode.INVALID_CONFIG),
        ((BROKER, ""), ("min.insync.replicas", SET, "2"), ErrorCode.NONE),
        ((GROUP, "g"), ("consumer.session.timeout.ms", SET, "50000"), ErrorCode.NONE),
        ((GROUP, "g"), ("consumer.session.timeout.ms", SET, "1"), ErrorCode.INVALID_CONFIG),
        ((GROUP, ""), ("consumer.session.timeout.ms", SET, "50000"), ErrorCode.INVALID_REQUEST),
        ((METRICS, "m"), ("interval.ms", SET, "1000"), ErrorCode.NONE),
        ((METRICS, "m"), ("interval.ms", SET, "1"), ErrorCode.INVALID_REQUEST),
        ((METRICS, "m"), ("match", SET, "nonsense"), ErrorCode.INVALID_CONFIG),
        ((99, "x"), ("a", SET, "b"), ErrorCode.INVALID_REQUEST),
    ],
)
def test_validation(
    controller: Controller,
    key: tuple[int, str],
    change: tuple[str, ConfigOperation, str | None],
    code: ErrorCode,
) -> None:
    before = controller.image
    assert alter(controller, key, change, validate_only=True) == code
    assert controller.image is before
    assert alter(controller, key, change) == code
    assert (controller.image is not before) == (code == ErrorCode.NONE)


def test_one_wrong_change_undoes_its_resource_only(controller: Controller) -> None:
    changes = {
        (TOPIC, "t"): [ConfigChange("segment.ms", SET, "7"), ConfigChange("retention.ms", SET, "x")],
        (GROUP, "g"): [ConfigChange("share.auto.offset.reset", SET, "earliest")],
    }
    outcomes = controller.decide(
        lambda view: incremental_alter_configs(view, controller.schema, changes, validate_only=False)
    )
    assert outcomes[TOPIC, "t"] is not None
    assert outcomes[GROUP, "g"] is None
    assert "segment.ms" not in controller.image.configs.of(TOPIC, "t")
    assert controller.image.configs.of(GROUP, "g") == {"share.auto.offset.reset": "earliest"}


def test_replacing_removes_what_is_not_named(controller: Controller) -> None:
    wanted = {(TOPIC, "t"): {"segment.ms": "8"}}
    controller.decide(lambda view: alter_configs(view, controller.schema, wanted, validate_only=False))
    assert controller.image.configs.of(TOPIC, "t") == {"segment.ms": "8"}


def test_min_insync_replicas_clears_what_it_decided(controller: Controller) -> None:
    alter(controller, (TOPIC, "t"), ("min.insync.replicas", SET, "2"))
    assert controller.written[-1] == ClearElrRecord(topic_name="t")
    alter(controller, (BROKER, ""), ("min.insync.replicas", SET, "2"))
    assert controller.written[-1] == ClearElrRecord(topic_name="")


def test_brokers_get_unchanged_values_again(controller: Controller) -> None:
    for _ in range(2):
        alter(controller, (BROKER, "1"), ("log.retention.ms", SET, "5"))
        assert [type(record) for record in controller.written] == [ConfigRecord]


def test_directories_are_cordoned_only_where_the_metadata_can_say_so(controller: Controller) -> None:
    change = ("cordoned.log.dirs", SET, "*")
    assert alter(controller, (BROKER, "1"), change) == 0
    controller.replay(FeatureLevelRecord(name=METADATA_VERSION, feature_level=29))
    assert alter(controller, (BROKER, "1"), change) is ErrorCode.INVALID_CONFIG
