"""Finalized feature levels are raised and lowered. KIP-584, 778, 1022; Kafka's `FeatureControlManager`.

One update that is not possible refuses all of them. Lowering `metadata.version` is possible only where no level between
has changed the metadata itself. Switching eligible leader replicas on pins `min.insync.replicas` for the cluster first.
"""

from collections.abc import Mapping, Sequence
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
)
from ottla.metadata.image import MetadataImage
from ottla.metadata.record_serde import VersionedRecord
from ottla.metadata.registration import SupportedRange
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.metadata_record.config_record import ConfigRecord
from ottla.protocol.metadata_record.feature_level_record import FeatureLevelRecord


class UpgradeType(IntEnum):
    """`FeatureUpdate.UpgradeType`: the number that travels. Any other is unknown."""

    UPGRADE = 1
    SAFE_DOWNGRADE = 2
    UNSAFE_DOWNGRADE = 3


@dataclass(frozen=True, slots=True)
class FeatureUpdate:
    level: int
    upgrade_type: int


def update_features(
    view: ControllerView,
    schema: ConfigSchema,
    updates: Mapping[str, FeatureUpdate],
    *,
    kraft_version: int,
    validate_only: bool,
) -> ControllerResult[None]:
    """Raises `KafkaError` INVALID_UPDATE_VERSION. A level that is there already is recorded again, as in Kafka."""
    image = view.image
    proposed = {**image.features.finalized_levels, METADATA_VERSION: image.features.metadata_version}
    proposed |= {name: update.level for name, update in updates.items()}
    records: list[VersionedRecord] = []
    for name, update in updates.items():
        _check(image, name, update, kraft_version)
        if name == METADATA_VERSION:
            _check_metadata_version(image.features.metadata_version, update)
        elif name == KRAFT_VERSION:
            _check_kraft_version(update, kraft_version)
            continue  # at this level already; it is never finalized by a record of the metadata
        else:
            _check_dependencies(name, update.level, proposed)
        records.append(VersionedRecord(FeatureLevelRecord(name=name, feature_level=update.level)))
    switches_elr_on = ELIGIBLE_LEADER_REPLICAS_VERSION in updates and updates[ELIGIBLE_LEADER_REPLICAS_VERSION].level
    if switches_elr_on:
        records = [*_elr_safety_records(image, schema), *records]
    return ControllerResult([] if validate_only else records, None)


def _check(image: MetadataImage, name: str, update: FeatureUpdate, kraft_version: int) -> None:
    level = update.level
    if update.upgrade_type not in UpgradeType.__members__.values():
        raise _invalid(name, level, f"Upgrade type {update.upgrade_type} is not known.")
    if level < 0:
        raise _invalid(name, level, "A feature level is never negative.")
    if name not in SUPPORTED_FEATURES:
        raise _invalid(name, level, "This controller does not know this feature.")
    _check_supported(name, level, SUPPORTED_FEATURES, "This controller")
    for controller in image.cluster.controllers.values():
        _check_supported(name, level, controller.supported_features, f"Controller {controller.controller_id}")
    for broker in image.cluster.brokers.values():
        _check_supported(name, level, broker.supported_features, f"Broker {broker.broker_id}")
    current = _current_level(image, name, kraft_version)
    if level < current and update.upgrade_type == UpgradeType.UPGRADE:
        raise _invalid(name, level, f"It is at {current}: to lower it a safe or an unsafe downgrade must be asked for.")
    if level > current and update.upgrade_type != UpgradeType.UPGRADE:
        raise _invalid(name, level, f"It is at {current}: that would be no downgrade.")


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


def _check_kraft_version(update: FeatureUpdate, current: int) -> None:
    if update.level < current:
        raise _invalid(KRAFT_VERSION, update.level, "It can never be lowered.")
    if update.level > current:
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
