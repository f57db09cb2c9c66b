"""Dynamic configs of topics, brokers, groups and metrics subscriptions. KIP-133, 226, 339, 966.

Kafka's `ConfigurationControlManager`.

A resource's changes succeed or fail as a whole. While eligible leader replicas are on, `min.insync.replicas` is one
number for the cluster: no broker may differ, it cannot be removed, and changing it clears what was derived from it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from ottla.metadata.controller.config_schema import ConfigResourceType, ConfigSchema
from ottla.metadata.controller.partition_changes import MIN_INSYNC_REPLICAS, elr_enabled
from ottla.metadata.controller.result import ControllerResult, ControllerView
from ottla.metadata.controller.topic_names import validate_topic_name
from ottla.metadata.controller.topics import check_config_value_size
from ottla.metadata.features import METADATA_4_3_IV0, METADATA_VERSION, cordons_directories
from ottla.metadata.image import ConfigResourceKey, MetadataImage
from ottla.metadata.record_serde import VersionedRecord
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.metadata_record.clear_elr_record import ClearElrRecord
from ottla.protocol.metadata_record.config_record import ConfigRecord

CORDONED_LOG_DIRS = "cordoned.log.dirs"


class ConfigOperation(IntEnum):
    SET = 0
    DELETE = 1
    APPEND = 2
    SUBTRACT = 3


@dataclass(frozen=True, slots=True)
class ConfigChange:
    name: str
    operation: ConfigOperation
    value: str | None


Outcomes = dict[ConfigResourceKey, KafkaError | None]


def incremental_alter_configs(
    view: ControllerView,
    schema: ConfigSchema,
    changes: Mapping[ConfigResourceKey, Sequence[ConfigChange]],
    *,
    validate_only: bool,
) -> ControllerResult[Outcomes]:
    """`None` for a resource whose changes were made."""
    records: list[VersionedRecord] = []
    outcomes: Outcomes = {}
    for key, resource_changes in changes.items():
        try:
            wanted = _apply(view.image, schema, key, resource_changes)
            records += _records(view.image, schema, key, wanted)
            outcomes[key] = None
        except KafkaError as error:
            outcomes[key] = error
    return ControllerResult([] if validate_only else _with_cleared_elrs(view.image, records), outcomes)


def alter_configs(
    view: ControllerView,
    schema: ConfigSchema,
    configs: Mapping[ConfigResourceKey, Mapping[str, str]],
    *,
    validate_only: bool,
) -> ControllerResult[Outcomes]:
    """Replace: what is not named goes back to its default."""
    records: list[VersionedRecord] = []
    outcomes: Outcomes = {}
    for key, wanted in configs.items():
        changes: dict[str, str | None] = dict(wanted)
        for name in view.image.configs.of(*key):
            if name not in changes and not (name == MIN_INSYNC_REPLICAS and _is_pinned(view.image, key)):
                changes[name] = None
        try:
            records += _records(view.image, schema, key, changes)
            outcomes[key] = None
        except KafkaError as error:
            outcomes[key] = error
    return ControllerResult([] if validate_only else _with_cleared_elrs(view.image, records), outcomes)


def _apply(
    image: MetadataImage, schema: ConfigSchema, key: ConfigResourceKey, changes: Sequence[ConfigChange]
) -> dict[str, str | None]:
    """The new value of each config that is named; `None` removes it."""
    resource_type, _ = key
    current = image.configs.of(*key)
    wanted: dict[str, str | None] = {}
    for change in changes:
        match change.operation:
            case ConfigOperation.SET:
                wanted[change.name] = change.value
            case ConfigOperation.DELETE:
                wanted[change.name] = None
            case ConfigOperation.APPEND | ConfigOperation.SUBTRACT:
                if not schema.is_list(resource_type, change.name):
                    raise KafkaError(
                        ErrorCode.INVALID_CONFIG, f"Can't {change.operation.name} to {change.name}: it is no list"
                    )
                items = _items(current.get(change.name, schema.default(resource_type, change.name)))
                named = _items(change.value)
                if change.operation is ConfigOperation.APPEND:
                    items += [item for item in named if item not in items]
                else:
                    items = [item for item in items if item not in named]
                wanted[change.name] = ",".join(items)
    return wanted


def _items(value: str | None) -> list[str]:
    return [item.strip() for item in (value or "").split(",") if item.strip()]


def _records(
    image: MetadataImage, schema: ConfigSchema, key: ConfigResourceKey, wanted: Mapping[str, str | None]
) -> list[VersionedRecord]:
    resource_type, resource_name = key
    current = image.configs.of(*key)
    _check_resource(image, key)
    after = {name: value for name, value in {**current, **wanted}.items() if value is not None}
    if resource_type == ConfigResourceType.BROKER:  # the broker looks at them before the controller does
        schema.validate(resource_type, resource_name, after, current)
    records = []
    for name, value in wanted.items():
        if value is not None:
            check_config_value_size(name, value)
        if value == current.get(name) and resource_type != ConfigResourceType.BROKER:
            continue  # brokers get it again: a file behind an unchanged path may have changed
        if name == MIN_INSYNC_REPLICAS:
            _check_min_isr(image, key, value)
        elif name == CORDONED_LOG_DIRS and not cordons_directories(image.features.metadata_version):
            raise KafkaError(ErrorCode.INVALID_CONFIG, f"{name} needs {METADATA_VERSION} {METADATA_4_3_IV0} or above")
        record = ConfigRecord(resource_type=resource_type, resource_name=resource_name, name=name, value=value)
        records.append(VersionedRecord(record))
    if resource_type != ConfigResourceType.BROKER:
        schema.validate(resource_type, resource_name, after, current)
    return records


def _check_resource(image: MetadataImage, key: ConfigResourceKey) -> None:
    resource_type, name = key
    match resource_type:
        case ConfigResourceType.TOPIC:
            if not name:
                raise KafkaError(ErrorCode.INVALID_REQUEST, "Topics have no default resource")
            validate_topic_name(name)
            if name not in image.topics.by_name:
                raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"Topic '{name}' does not exist.")
        case ConfigResourceType.BROKER:
            if not name:
                return
            if not (name.isascii() and name.isdigit()):
                raise KafkaError(ErrorCode.INVALID_REQUEST, f"'{name}' is no broker id")
            if int(name) not in image.cluster.brokers:
                raise KafkaError(ErrorCode.BROKER_ID_NOT_REGISTERED, f"No broker is registered as {name}")
        case ConfigResourceType.GROUP | ConfigResourceType.CLIENT_METRICS:
            if not name:
                raise KafkaError(ErrorCode.INVALID_REQUEST, "The resource has no name")
        case _:
            raise KafkaError(ErrorCode.INVALID_REQUEST, f"Resource type {resource_type} has no configs")


def _is_pinned(image: MetadataImage, key: ConfigResourceKey) -> bool:
    return key == (ConfigResourceType.BROKER, "") and elr_enabled(image)


def _check_min_isr(image: MetadataImage, key: ConfigResourceKey, value: str | None) -> None:
    if not elr_enabled(image) or key[0] != ConfigResourceType.BROKER:
        return
    if key[1]:
        raise KafkaError(
            ErrorCode.INVALID_CONFIG, f"A broker's own {MIN_INSYNC_REPLICAS} cannot be altered while ELR is enabled."
        )
    if value is None:
        raise KafkaError(
            ErrorCode.INVALID_CONFIG, f"The cluster's {MIN_INSYNC_REPLICAS} cannot be removed while ELR is enabled."
        )


def _with_cleared_elrs(image: MetadataImage, records: list[VersionedRecord]) -> list[VersionedRecord]:
    if not elr_enabled(image):
        return records
    changed = [
        versioned.record
        for versioned in records
        if isinstance(versioned.record, ConfigRecord) and versioned.record.name == MIN_INSYNC_REPLICAS
    ]
    if any(record.resource_type == ConfigResourceType.BROKER for record in changed):
        return [*records, VersionedRecord(ClearElrRecord(topic_name=""))]
    return [*records, *(VersionedRecord(ClearElrRecord(topic_name=record.resource_name)) for record in changed)]
