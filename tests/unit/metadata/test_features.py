"""Feature levels go up and down as Kafka's controller lets them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from tests.unit.metadata.decisions import Controller

from ottla.metadata.controller.configs import ConfigChange, ConfigOperation, incremental_alter_configs
from ottla.metadata.controller.features import FeatureQuorum, FeatureUpdate, UpgradeType, update_features
from ottla.metadata.features import SUPPORTED_FEATURES
from ottla.metadata.registration import SupportedRange
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.metadata_record.config_record import ConfigRecord
from ottla.protocol.metadata_record.feature_level_record import FeatureLevelRecord
from ottla.protocol.metadata_record.no_op_record import NoOpRecord
from ottla.protocol.metadata_record.register_controller_record import RegisterControllerRecord

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ottla.metadata.controller.features import RaiseKRaftVersion

UPGRADE, SAFE, UNSAFE = UpgradeType
ELR = "eligible.leader.replicas.version"


def update(
    controller: Controller,
    updates: Mapping[str, tuple[int, int]],
    *,
    kraft_version: int = 1,
    raise_kraft_version: RaiseKRaftVersion | None = None,
    voters: Collection[int] = (3000,),
    validate_only: bool = False,
) -> None:
    controller.decide(
        partial(
            update_features,
            schema=controller.schema,
            updates={name: FeatureUpdate(level, kind) for name, (level, kind) in updates.items()},
            quorum=FeatureQuorum(3000, voters, kraft_version, raise_kraft_version),
            validate_only=validate_only,
        )
    )


def test_levels_go_down_and_up_again() -> None:
    controller = Controller()
    update(controller, {"transaction.version": (1, SAFE), "group.version": (0, UNSAFE)})
    assert controller.written == [
        FeatureLevelRecord(name="transaction.version", feature_level=1),
        FeatureLevelRecord(name="group.version", feature_level=0),
    ]
    assert controller.image.features.level("transaction.version") == 1
    assert "group.version" not in controller.image.features.finalized_levels
    update(controller, {"transaction.version": (2, UPGRADE), "group.version": (1, UPGRADE)})
    assert controller.image.features.level("transaction.version") == 2
    assert controller.image.features.level("group.version") == 1


def test_trying_changes_nothing() -> None:
    controller = Controller()
    update(controller, {"group.version": (0, SAFE)}, validate_only=True)
    assert controller.written == []
    assert controller.image.features.level("group.version") == 1


@pytest.mark.parametrize(
    ("name", "level", "kind"),
    [
        ("group.version", 0, UPGRADE),
        ("group.version", 2, UPGRADE),
        ("group.version", -1, SAFE),
        ("group.version", 0, 0),
        ("group.version", 0, 4),
        ("nope", 1, UPGRADE),
        ("nope", 0, UPGRADE),
        ("metadata.version", 29, SAFE),
        ("metadata.version", 29, UNSAFE),
        ("metadata.version", 6, UNSAFE),
        ("metadata.version", 31, UPGRADE),
        ("kraft.version", 0, SAFE),
        ("kraft.version", 2, UPGRADE),
    ],
)
def test_what_is_refused_refuses_everything(name: str, level: int, kind: int) -> None:
    controller = Controller()
    before = controller.image
    with pytest.raises(KafkaError) as refused:
        update(controller, {"transaction.version": (0, SAFE), name: (level, kind)})
    assert refused.value.code == ErrorCode.INVALID_UPDATE_VERSION
    assert controller.image is before


def test_metadata_version_goes_down_only_where_nothing_is_lost() -> None:
    controller = Controller()
    controller.replay(FeatureLevelRecord(name="metadata.version", feature_level=29))
    update(controller, {"metadata.version": (23, SAFE)})
    assert controller.image.features.metadata_version == 23
    with pytest.raises(KafkaError):
        update(controller, {"metadata.version": (22, SAFE)})
    update(controller, {"metadata.version": (30, UPGRADE)})
    assert controller.image.features.metadata_version == 30


def test_a_feature_needs_what_it_depends_on() -> None:
    controller = Controller()
    controller.replay(FeatureLevelRecord(name="metadata.version", feature_level=22))
    controller.replay(FeatureLevelRecord(name=ELR, feature_level=0))
    with pytest.raises(KafkaError) as refused:
        update(controller, {ELR: (1, UPGRADE)})
    assert refused.value.code == ErrorCode.INVALID_UPDATE_VERSION
    update(controller, {ELR: (1, UPGRADE), "metadata.version": (23, UPGRADE)})
    assert controller.image.features.level(ELR) == 1


def test_every_broker_must_know_the_level() -> None:
    controller = Controller()
    update(controller, {"group.version": (0, SAFE)})
    controller.register(7, features={**SUPPORTED_FEATURES, "group.version": SupportedRange(0, 0)})
    with pytest.raises(KafkaError) as refused:
        update(controller, {"group.version": (1, UPGRADE)})
    assert "Broker 7" in refused.value.message


def test_eligible_leader_replicas_pin_min_insync_replicas_first() -> None:
    controller = Controller()
    controller.add_brokers(1)
    update(controller, {ELR: (0, SAFE)})
    for broker, change in (
        ("", ConfigChange("min.insync.replicas", ConfigOperation.DELETE, None)),
        ("1", ConfigChange("min.insync.replicas", ConfigOperation.SET, "2")),
    ):
        controller.decide(
            partial(
                incremental_alter_configs,
                schema=controller.schema,
                changes={(4, broker): [change]},
                validate_only=False,
            )
        )
    update(controller, {ELR: (1, UPGRADE)})
    assert controller.written == [
        ConfigRecord(resource_type=4, resource_name="", name="min.insync.replicas", value="1"),
        ConfigRecord(resource_type=4, resource_name="1", name="min.insync.replicas", value=None),
        FeatureLevelRecord(name=ELR, feature_level=1),
    ]


def test_every_controller_must_know_the_level_and_have_said_so() -> None:
    controller = Controller()
    controller.replay(
        RegisterControllerRecord(
            controller_id=3001, incarnation_id=bytes(16), zk_migration_ready=False, end_points=[], features=[]
        )
    )
    update(controller, {"group.version": (0, SAFE)}, voters=(3000, 3001))
    with pytest.raises(KafkaError) as refused:
        update(controller, {"group.version": (1, UPGRADE)}, voters=(3000, 3001))
    assert "Controller 3001 does not know" in refused.value.message
    with pytest.raises(KafkaError) as refused:
        update(controller, {"group.version": (0, SAFE)}, voters=(3000, 3001, 3002))
    assert "Controller 3002 has not registered" in refused.value.message
    controller.replay(FeatureLevelRecord(name="metadata.version", feature_level=14))
    update(controller, {"transaction.version": (1, SAFE)}, voters=(3000, 3001, 3002))  # it cannot be known


def test_kraft_version_is_the_quorums_to_record() -> None:
    controller = Controller()
    raised: list[int] = []
    update(controller, {"kraft.version": (1, UPGRADE)}, raise_kraft_version=raised.append)
    assert controller.written == [NoOpRecord()]
    update(controller, {"kraft.version": (1, SAFE)}, raise_kraft_version=raised.append)
    assert controller.written == []
    with pytest.raises(KafkaError) as refused:
        update(controller, {"kraft.version": (1, UPGRADE)}, kraft_version=0)
    assert refused.value.code == ErrorCode.INVALID_UPDATE_VERSION
    to_1 = {"kraft.version": (1, UPGRADE)}
    update(controller, to_1, kraft_version=0, raise_kraft_version=raised.append, validate_only=True)
    assert (controller.written, raised) == ([], [])
    update(controller, to_1, kraft_version=0, raise_kraft_version=raised.append)
    assert (controller.written, raised) == ([NoOpRecord()], [1])
