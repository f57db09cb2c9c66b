"""Finalized feature levels are raised and lowered. KIP-584, 778, 1022; Kafka's `FeatureControlManager`.

One update that is not possible refuses all of them: all brokers and controllers must support what is asked for.
Lowering `metadata.version` is possible only where no level between has changed the metadata itself. Switching eligible
leader replicas on pins `min.insync.replicas` for the cluster first.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from ottla.metadata.controller.config_schema import ConfigResourceType, ConfigSchema
from ottla.metadata.controller.partition_changes import MIN_INSYNC_REPLICAS
from ottla.metadata.controller.result import ControllerResult, ControllerView
from ottla.metadata.features import (
    ELIGIBLE_LEADER_REPLICAS_VERSION,
    FEATURE_DEPENDENCIES,
    KRAFT_VERSION,
    LEVELS_THAT_CHANGED_METADATA,
    METADATA_VERSION,
    SUPPORTED_FEATURES,
    registers_controllers,
)
from ottla.metadata.image import MetadataImage
from ottla.metadata.record_serde import VersionedRecord
from ottla.metadata.registration import SupportedRange
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.metadata_record.config_record import ConfigRecord
from ottla.protocol.metadata_record.feature_level_record import FeatureLevelRecord
from ottla.protocol.metadata_record.no_op_record import NoOpRecord


class UpgradeType(IntEnum):
    """`FeatureUpdate.UpgradeType`: the number that travels. Any other is unknown."""

    UPGRADE = 1
    SAFE_DOWNGRADE = 2
    UNSAFE_DOWNGRADE = 3


@dataclass(frozen=True, slots=True)
class FeatureUpdate:
    level: int
    upgrade_type: int


RaiseKRaftVersion = Callable[[int], None]
"""The quorum's part: raises `KafkaError` if it cannot."""


@dataclass(frozen=True, slots=True)
class FeatureQuorum:
    """What the quorum knows of itself."""

    node_id: int
    voter_ids: Collection[int]
    kraft_version: int
    raise_kraft_version: RaiseKRaftVersion | None = None
    """`None`: the quorum cannot be raised as it runs."""


def update_features(
    view: ControllerView,
    schema: ConfigSchema,
    updates: Mapping[str, FeatureUpdate],
    *,
    quorum: FeatureQuorum,
    validate_only: bool,
) -> ControllerResult[None]:
    """Raises `KafkaError` INVALID_UPDATE_VERSION. A level that is there already is recorded again, as in Kafka."""
    image = view.image
    proposed = {**image.features.finalized_levels, METADATA_VERSION: image.features.metadata_version}
    proposed |= {name: update.level for name, update in updates.items()}
    records: list[VersionedRecord] = []
    for name, update in updates.items():
        _check(image, name, update, quorum)
        if name == METADATA_VERSION:
            _check_metadata_version(image.features.metadata_version, update)
        elif name == KRAFT_VERSION:
            _check_kraft_version(update, quorum)
            if update.upgrade_type == UpgradeType.UPGRADE:
                records.append(VersionedRecord(NoOpRecord()))  # the level itself is the quorum's to record
            continue
        else:
            _check_dependencies(name, update.level, proposed)
        records.append(VersionedRecord(FeatureLevelRecord(name=name, feature_level=update.level)))
    switches_elr_on = ELIGIBLE_LEADER_REPLICAS_VERSION in updates and updates[ELIGIBLE_LEADER_REPLICAS_VERSION].level
    if switches_elr_on:
        records = [*_elr_safety_records(image, schema), *records]
    if validate_only:
        return ControllerResult([], None)
    raised = updates.get(KRAFT_VERSION)
    if raised is not None and raised.level > quorum.kraft_version and quorum.raise_kraft_version is not None:
        quorum.raise_kraft_version(raised.level)
    return ControllerResult(records, None)


def _check(image: MetadataImage, name: str, update: FeatureUpdate, quorum: FeatureQuorum) -> None:
    level = update.level
    if update.upgrade_type not in UpgradeType.__members__.values():
        raise _invalid(name, level, f"Upgrade type {update.upgrade_type} is not known.")
    if level < 0:
        raise _invalid(name, level, "A feature level is never negative.")
    if name not in SUPPORTED_FEATURES:
        raise _invalid(name, level, "This controller does not know this feature.")
    _check_supported(name, level, SUPPORTED_FEATURES, "This controller")
    for broker in image.cluster.brokers.values():
        _check_supported(name, level, broker.supported_features, f"Broker {broker.broker_id}")
    if registers_controllers(image.features.metadata_version):
        _check_controllers(image, name, level, quorum)
    current = _current_level(image, name, quorum.kraft_version)
    if level < current and update.upgrade_type == UpgradeType.UPGRADE:
        raise _invalid(name, level, f"It is at {current}: to lower it a safe or an unsafe downgrade must be asked for.")
    if level > current and update.upgrade_type != UpgradeType.UPGRADE:
        raise _invalid(name, level, f"It is at {current}: that would be no downgrade.")


def _check_controllers(image: MetadataImage, name: str, level: int, quorum: FeatureQuorum) -> None:
    """The others: every voter must have said what it supports."""
    for controller in image.cluster.controllers.values():
        if controller.controller_id != quorum.node_id:
            _check_supported(name, level, controller.supported_features, f"Controller {controller.controller_id}")
    for voter_id in quorum.voter_ids:
        if voter_id != quorum.node_id and voter_id not in image.cluster.controllers:
            raise _invalid(name, level, f"Controller {voter_id} has not registered, and may not support it.")


def _current_level(image: MetadataImage, name: str, kraft_version: int) -> int:
    if name == METADATA_VERSION:
        return image.features.metadata_version
    return kraft_version if name == KRAFT_VERSION else image.features.level(name)


def _check_supported(name: str, level: int, supported: Mapping[str, SupportedRange], who: str) -> None:
    levels = supported.get(name)
    if levels is None:
        if level:
            raise _invalid(name, level, f"{who} does not know this feature.")
    elif not levels.min_level <= level <= levels.max_level:
        raise _invalid(name, level, f"{who} supports levels {levels.min_level} to {levels.max_level}.")


def _check_metadata_version(current: int, update: FeatureUpdate) -> None:
    if not any(update.level < level <= current for level in LEVELS_THAT_CHANGED_METADATA):
        return
    why = "metadata would be lost."
    if update.upgrade_type == UpgradeType.UNSAFE_DOWNGRADE:
        why = "metadata would be lost, and doing it all the same is not possible in this version."
    raise KafkaError(
        ErrorCode.INVALID_UPDATE_VERSION,
        f"No feature was changed: {METADATA_VERSION} cannot go from {current} down to {update.level}: {why}",
    )


def _check_kraft_version(update: FeatureUpdate, quorum: FeatureQuorum) -> None:
    if update.level < quorum.kraft_version:
        raise _invalid(KRAFT_VERSION, update.level, "It can never be lowered.")
    if update.level > quorum.kraft_version and quorum.raise_kraft_version is None:
        raise _invalid(KRAFT_VERSION, update.level, "A running quorum cannot be raised yet.")


def _check_dependencies(name: str, level: int, proposed: Mapping[str, int]) -> None:
    for other, needed in FEATURE_DEPENDENCIES.get((name, level), {}).items():
        if proposed.get(other, 0) < needed:
            raise _invalid(name, level, f"It needs {other} at {needed} or above, which is at {proposed.get(other, 0)}.")


def _elr_safety_records(image: MetadataImage, schema: ConfigSchema) -> Sequence[VersionedRecord]:
    """With ELR one `min.insync.replicas` counts for the cluster: it must be there, and no broker may differ."""
    broker = ConfigResourceType.BROKER
    records = []
    if MIN_INSYNC_REPLICAS not in image.configs.of(broker, ""):
        value = schema.default(broker, MIN_INSYNC_REPLICAS)
        pinned = ConfigRecord(resource_type=broker, resource_name="", name=MIN_INSYNC_REPLICAS, value=value)
        records.append(VersionedRecord(pinned))
    for (resource_type, name), configs in image.configs.by_resource.items():
        if resource_type == broker and name and MIN_INSYNC_REPLICAS in configs:
            removed = ConfigRecord(resource_type=broker, resource_name=name, name=MIN_INSYNC_REPLICAS, value=None)
            records.append(VersionedRecord(removed))
    return records


def _invalid(name: str, level: int, why: str) -> KafkaError:
    return KafkaError(
        ErrorCode.INVALID_UPDATE_VERSION, f"No feature was changed: level {level} is not possible for '{name}'. {why}"
    )
