"""Topics get more partitions. Kafka's `ReplicationControlManager.createPartitions`. KIP-195, 599."""

from collections import Counter

from ottla.metadata.controller.assignment import (
    MAX_PARTITIONS_PER_BATCH,
    check_manual_assignment,
    new_manual_partition,
    new_placed_partition,
    partition_record,
)
from ottla.metadata.controller.placement import place_replicas
from ottla.metadata.controller.result import ControllerResult, ControllerView, special_message
from ottla.metadata.partition import PartitionRegistration
from ottla.metadata.record_serde import VersionedRecord
from ottla.protocol.api.create_partitions import (
    CreatePartitionsRequest,
    CreatePartitionsResponse,
    CreatePartitionsTopic,
    CreatePartitionsTopicResult,
)
from ottla.protocol.errors import ErrorCode, KafkaError


def create_partitions(
    view: ControllerView, request: CreatePartitionsRequest
) -> ControllerResult[CreatePartitionsResponse]:
    counts = Counter(topic.name for topic in request.topics)
    records: list[VersionedRecord] = []
    results: list[CreatePartitionsTopicResult] = []
    reported: set[str] = set()
    for topic in request.topics:
        if topic.name in reported:
            continue
        reported.add(topic.name)
        try:
            if counts[topic.name] > 1:
                raise KafkaError(ErrorCode.INVALID_REQUEST, "Duplicate topic name.")
            records += _add_partitions(view, topic, MAX_PARTITIONS_PER_BATCH - len(records))
        except KafkaError as error:
            results.append(
                CreatePartitionsTopicResult(
                    name=topic.name, error_code=error.code, error_message=special_message(error)
                )
            )
        else:
            results.append(CreatePartitionsTopicResult(name=topic.name, error_code=ErrorCode.NONE))
    return ControllerResult([] if request.validate_only else records, CreatePartitionsResponse(results=results))


def _add_partitions(view: ControllerView, topic: CreatePartitionsTopic, most: int) -> list[VersionedRecord]:
    image = view.image
    existing = image.topics.by_name.get(topic.name)
    if existing is None:
        raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    current = len(existing.partitions)
    additional = topic.count - current
    if additional == 0:
        raise KafkaError(ErrorCode.INVALID_PARTITIONS, f"Topic already has {current} partition(s).")
    if additional < 0:
        raise KafkaError(
            ErrorCode.INVALID_PARTITIONS,
            f"Topic {topic.name} has {current} partition(s); {topic.count} would not be an increase.",
        )
    if additional > most:
        raise KafkaError(
            ErrorCode.INVALID_PARTITIONS,
            f"One request may create {MAX_PARTITIONS_PER_BATCH} partitions, {additional} more are too many",
        )
    registrations = _registrations(view, topic, current, additional, len(existing.partitions[0].replicas))
    return [
        partition_record(image, existing.topic_id, index, registration)
        for index, registration in enumerate(registrations, current)
    ]


def _registrations(
    view: ControllerView, topic: CreatePartitionsTopic, current: int, additional: int, replication_factor: int
) -> list[PartitionRegistration]:
    image = view.image
    if topic.assignments is None:
        brokers = list(image.cluster.brokers.values())
        placed = place_replicas(brokers, additional, replication_factor, view.random)
        return [new_placed_partition(image, replicas) for replicas in placed]
    if len(topic.assignments) != additional:
        raise KafkaError(
            ErrorCode.INVALID_REPLICA_ASSIGNMENT,
            f"{additional} partition(s) are to be added, but {len(topic.assignments)} assignment(s) were given",
        )
    registrations = []
    for index, assignment in enumerate(topic.assignments, current):
        check_manual_assignment(image, assignment.broker_ids, replication_factor)
        registrations.append(new_manual_partition(image, index, assignment.broker_ids))
    return registrations
