"""Topics are created and deleted. Kafka's `ReplicationControlManager` and `ControllerApis`. KIP-4, 464, 516, 525, 599.

Topics of one request succeed or fail one by one; the records of those that succeed are one batch.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ottla.metadata.controller.assignment import (
    MAX_PARTITIONS_PER_BATCH,
    check_manual_assignment,
    new_manual_partition,
    new_placed_partition,
    partition_record,
)
from ottla.metadata.controller.config_schema import ConfigResourceType, ConfigSchema
from ottla.metadata.controller.partition_changes import MIN_INSYNC_REPLICAS, elr_enabled
from ottla.metadata.controller.placement import place_replicas
from ottla.metadata.controller.result import ControllerResult, ControllerView, special_message
from ottla.metadata.controller.topic_names import CLUSTER_METADATA_TOPIC, colliding_topic, validate_topic_name
from ottla.metadata.image import MetadataImage
from ottla.metadata.partition import PartitionRegistration
from ottla.metadata.record_serde import VersionedRecord
from ottla.protocol.api.create_topics import (
    CreatableTopic,
    CreatableTopicConfigs,
    CreatableTopicResult,
    CreateTopicsRequest,
    CreateTopicsResponse,
)
from ottla.protocol.api.delete_topics import DeletableTopicResult, DeleteTopicState
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.metadata_record.clear_elr_record import ClearElrRecord
from ottla.protocol.metadata_record.config_record import ConfigRecord
from ottla.protocol.metadata_record.remove_topic_record import RemoveTopicRecord
from ottla.protocol.metadata_record.topic_record import TopicRecord
from ottla.protocol.types import ZERO_UUID

USE_DEFAULT = -1
MAX_CONFIG_VALUE_BYTES = 32767


@dataclass(frozen=True, slots=True)
class TopicDefaults:
    """`num.partitions` and `default.replication.factor`"""

    partitions: int = 1
    replication_factor: int = 1


def create_topics(
    view: ControllerView, schema: ConfigSchema, defaults: TopicDefaults, request: CreateTopicsRequest
) -> ControllerResult[CreateTopicsResponse]:
    """Raises `KafkaError` POLICY_VIOLATION for more partitions than one batch can hold."""
    _check_total(request, defaults)
    counts = Counter(topic.name for topic in request.topics)
    records: list[VersionedRecord] = []
    results: list[CreatableTopicResult] = []
    for topic in request.topics:
        if counts[topic.name] > 1:
            if not any(result.name == topic.name for result in results):
                results.append(_failed(topic.name, KafkaError(ErrorCode.INVALID_REQUEST, "Duplicate topic name.")))
            continue
        try:
            created = _create_topic(view, schema, defaults, topic)
        except KafkaError as error:
            results.append(_failed(topic.name, error))
            continue
        records += created.records
        results.append(created.response)
    return ControllerResult([] if request.validate_only else records, CreateTopicsResponse(topics=results))


def _check_total(request: CreateTopicsRequest, defaults: TopicDefaults) -> None:
    total = 0
    for topic in request.topics:
        if topic.assignments:
            total += len(topic.assignments)
        else:
            total += defaults.partitions if topic.num_partitions == USE_DEFAULT else max(topic.num_partitions, 0)
    if total > MAX_PARTITIONS_PER_BATCH:
        raise KafkaError(
            ErrorCode.POLICY_VIOLATION,
            f"One request may create {MAX_PARTITIONS_PER_BATCH} partitions, this one asks for {total}",
        )


def _create_topic(
    view: ControllerView, schema: ConfigSchema, defaults: TopicDefaults, topic: CreatableTopic
) -> ControllerResult[CreatableTopicResult]:
    image = view.image
    if topic.name == CLUSTER_METADATA_TOPIC:
        raise KafkaError(ErrorCode.INVALID_REQUEST, f"{CLUSTER_METADATA_TOPIC} cannot be created")
    validate_topic_name(topic.name)
    if topic.name in image.topics.by_name:
        raise KafkaError(ErrorCode.TOPIC_ALREADY_EXISTS, f"Topic '{topic.name}' already exists.")
    other = colliding_topic(topic.name, image.topics.by_name)
    if other is not None:
        raise KafkaError(
            ErrorCode.INVALID_TOPIC_EXCEPTION, f"Topic '{topic.name}' collides with the existing topic '{other}'"
        )
    configs = _new_configs(schema, topic)
    partitions = _manual(image, topic) if topic.assignments else _placed(view, defaults, topic)
    topic_id = view.new_uuid()
    records = [VersionedRecord(TopicRecord(name=topic.name, topic_id=topic_id))]
    for name, value in configs.items():
        record = ConfigRecord(resource_type=ConfigResourceType.TOPIC, resource_name=topic.name, name=name, value=value)
        records.append(VersionedRecord(record))
    if MIN_INSYNC_REPLICAS in configs and elr_enabled(image):
        records.append(VersionedRecord(ClearElrRecord(topic_name=topic.name)))  # as whenever it is set
    records += (partition_record(image, topic_id, index, partition) for index, partition in enumerate(partitions))
    of_cluster, of_this_node = (image.configs.of(ConfigResourceType.BROKER, name) for name in ("", schema.own_name))
    result = CreatableTopicResult(
        name=topic.name,
        topic_id=topic_id,
        error_code=ErrorCode.NONE,
        error_message=None,
        num_partitions=len(partitions),
        replication_factor=len(partitions[0].replicas),
        configs=[
            CreatableTopicConfigs(
                name=config.name,
                value=config.value,
                read_only=False,
                config_source=config.source,
                is_sensitive=config.sensitive,
            )
            for config in schema.effective_topic_configs(configs, of_cluster, of_this_node)
        ],
    )
    return ControllerResult(records, result)


def _new_configs(schema: ConfigSchema, topic: CreatableTopic) -> Mapping[str, str]:
    nulls = [config.name for config in topic.configs if config.value is None]
    if nulls:
        raise KafkaError(ErrorCode.INVALID_CONFIG, f"Topic configs cannot be null: {','.join(nulls)}")
    configs = {config.name: config.value for config in topic.configs if config.value is not None}
    for name, value in configs.items():
        check_config_value_size(name, value)
    schema.validate(ConfigResourceType.TOPIC, topic.name, configs)
    return configs


def check_config_value_size(name: str, value: str) -> None:
    if len(value) > MAX_CONFIG_VALUE_BYTES // 4 and len(value.encode()) > MAX_CONFIG_VALUE_BYTES:
        raise KafkaError(ErrorCode.INVALID_CONFIG, f"The value of {name} is longer than {MAX_CONFIG_VALUE_BYTES} bytes")


def _manual(image: MetadataImage, topic: CreatableTopic) -> Sequence[PartitionRegistration]:
    if topic.replication_factor != USE_DEFAULT:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "With a manual assignment the replication factor must be -1")
    if topic.num_partitions != USE_DEFAULT:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "With a manual assignment the number of partitions must be -1")
    partitions: dict[int, PartitionRegistration] = {}
    replication_factor: int | None = None
    for assignment in topic.assignments:
        index = assignment.partition_index
        if index in partitions:
            raise KafkaError(ErrorCode.INVALID_REPLICA_ASSIGNMENT, f"Partition {index} is assigned more than once")
        check_manual_assignment(image, assignment.broker_ids, replication_factor)
        replication_factor = len(assignment.broker_ids)
        partitions[index] = new_manual_partition(image, index, assignment.broker_ids)
    for index in range(len(partitions)):
        if index not in partitions:
            raise KafkaError(
                ErrorCode.INVALID_REPLICA_ASSIGNMENT, f"Partitions must be numbered from 0 on; {index} is not assigned"
            )
    return [partitions[index] for index in range(len(partitions))]


def _placed(view: ControllerView, defaults: TopicDefaults, topic: CreatableTopic) -> Sequence[PartitionRegistration]:
    if topic.replication_factor < USE_DEFAULT or topic.replication_factor == 0:
        raise KafkaError(
            ErrorCode.INVALID_REPLICATION_FACTOR, "The replication factor must be positive, or -1 for the default"
        )
    if topic.num_partitions < USE_DEFAULT or topic.num_partitions == 0:
        raise KafkaError(
            ErrorCode.INVALID_PARTITIONS, "The number of partitions must be positive, or -1 for the default"
        )
    count = defaults.partitions if topic.num_partitions == USE_DEFAULT else topic.num_partitions
    replication_factor = (
        defaults.replication_factor if topic.replication_factor == USE_DEFAULT else topic.replication_factor
    )
    brokers = list(view.image.cluster.brokers.values())
    return [
        new_placed_partition(view.image, replicas)
        for replicas in place_replicas(brokers, count, replication_factor, view.random)
    ]


def _failed(name: str, error: KafkaError) -> CreatableTopicResult:
    return CreatableTopicResult(name=name, error_code=error.code, error_message=special_message(error))


def delete_topics(
    view: ControllerView, topics: Sequence[DeleteTopicState]
) -> ControllerResult[list[DeletableTopicResult]]:
    """By name or by id. A topic that is named twice, in whichever way, is an error and is not deleted."""
    names = Counter(topic.name for topic in topics if topic.name is not None)
    ids = Counter(topic.topic_id for topic in topics if topic.name is None)
    named_ids = {view.image.topics.id_of(name) for name in names}
    results: list[DeletableTopicResult] = []
    records: list[VersionedRecord] = []
    reported: set[str | bytes] = set()
    for topic in topics:
        key = topic.topic_id if topic.name is None else topic.name
        if key in reported and key != ZERO_UUID:
            continue
        reported.add(key)
        try:
            name, topic_id = _find(view.image, topic, names, ids, named_ids)
        except KafkaError as error:
            results.append(
                DeletableTopicResult(
                    name=topic.name,
                    topic_id=topic.topic_id,
                    error_code=error.code,
                    error_message=special_message(error),
                )
            )
            continue
        records.append(VersionedRecord(RemoveTopicRecord(topic_id=topic_id)))
        results.append(DeletableTopicResult(name=name, topic_id=topic_id, error_code=ErrorCode.NONE))
    return ControllerResult(records, results)


def _find(
    image: MetadataImage,
    topic: DeleteTopicState,
    names: Counter[str],
    ids: Counter[bytes],
    named_ids: set[bytes | None],
) -> tuple[str, bytes]:
    if topic.name is None:
        if topic.topic_id == ZERO_UUID:
            raise KafkaError(ErrorCode.INVALID_REQUEST, "Neither a topic name nor an id was given")
        if ids[topic.topic_id] > 1:
            raise KafkaError(ErrorCode.INVALID_REQUEST, "Duplicate topic id.")
        if topic.topic_id in named_ids:
            raise KafkaError(ErrorCode.INVALID_REQUEST, "The id is that of a topic that is also named")
        name = image.topics.name_of(topic.topic_id)
        if name is None:
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_ID)
        return name, topic.topic_id
    if topic.topic_id != ZERO_UUID:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "Both a topic name and an id were given")
    if names[topic.name] > 1:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "Duplicate topic name.")
    topic_id = image.topics.id_of(topic.name)
    if topic_id is None:
        raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    if topic_id in ids:
        raise KafkaError(ErrorCode.INVALID_REQUEST, "The name is that of a topic whose id is also given")
    return topic.name, topic_id
