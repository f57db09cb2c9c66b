"""Partitions are moved to other brokers, and the move is taken back or listed. KIP-455, 860.

Kafka's `ReplicationControlManager.alterPartitionReassignments` and `listPartitionReassignments`.
"""

from ottla.metadata.controller.assignment import check_manual_assignment
from ottla.metadata.controller.config_schema import ConfigSchema
from ottla.metadata.controller.partition_change import Election
from ottla.metadata.controller.partition_changes import PartitionChanges
from ottla.metadata.controller.reassignment_replicas import Reassignment, original_replicas, reverted_isr
from ottla.metadata.controller.result import ControllerResult, ControllerView, check_batch, special_message
from ottla.metadata.image import MetadataImage, TopicImage
from ottla.metadata.partition import PartitionRegistration
from ottla.metadata.record_serde import VersionedRecord
from ottla.protocol.api.alter_partition_reassignments import (
    AlterPartitionReassignmentsRequest,
    AlterPartitionReassignmentsResponse,
    ReassignablePartition,
    ReassignablePartitionResponse,
    ReassignableTopicResponse,
)
from ottla.protocol.api.list_partition_reassignments import (
    ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsResponse,
    OngoingPartitionReassignment,
    OngoingTopicReassignment,
)
from ottla.protocol.errors import ErrorCode, KafkaError


def alter_partition_reassignments(
    view: ControllerView, schema: ConfigSchema, request: AlterPartitionReassignmentsRequest
) -> ControllerResult[AlterPartitionReassignmentsResponse]:
    """Raises `KafkaError` POLICY_VIOLATION for too many at once."""
    allow_change = request.allow_replication_factor_change
    changes = PartitionChanges(view.image, schema)
    records: list[VersionedRecord] = []
    responses = []
    for topic in request.topics:
        outcomes = []
        for wanted in topic.partitions:
            outcome = ReassignablePartitionResponse(
                partition_index=wanted.partition_index, error_code=ErrorCode.NONE, error_message=None
            )
            try:
                record = _reassign(view.image, changes, topic.name, wanted, allow_change=allow_change)
                if record is not None:
                    records.append(record)
            except KafkaError as error:
                outcome.error_code, outcome.error_message = error.code, special_message(error)
            outcomes.append(outcome)
        responses.append(ReassignableTopicResponse(name=topic.name, partitions=outcomes))
    check_batch(records)
    response = AlterPartitionReassignmentsResponse(
        error_code=ErrorCode.NONE,
        error_message=None,
        allow_replication_factor_change=allow_change,
        responses=responses,
    )
    return ControllerResult(records, response)


def _reassign(
    image: MetadataImage,
    changes: PartitionChanges,
    topic_name: str,
    wanted: ReassignablePartition,
    *,
    allow_change: bool,
) -> VersionedRecord | None:
    topic = image.topics.by_name.get(topic_name)
    if topic is None:
        raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"There is no topic named {topic_name}.")
    index = wanted.partition_index
    partition = topic.partitions.get(index)
    if partition is None:
        raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, f"{topic_name} has no partition {index}.")
    if wanted.replicas is None:
        return _cancel(changes, topic, index, partition)
    reassignment = _changed(image, partition, wanted.replicas, allow_change=allow_change)
    return changes.record(topic, index, election=Election.ONLINE, reassignment=reassignment)


def _cancel(
    changes: PartitionChanges, topic: TopicImage, index: int, partition: PartitionRegistration
) -> VersionedRecord | None:
    if not Reassignment.of(partition).in_progress:
        raise KafkaError(ErrorCode.NO_REASSIGNMENT_IN_PROGRESS)
    original = original_replicas(partition)
    isr, unclean = reverted_isr(partition)
    if not isr:
        raise KafkaError(
            ErrorCode.INVALID_REPLICA_ASSIGNMENT,
            "The reassignment cannot be taken back: nobody was there before.",
        )
    if unclean and changes.election(topic) is not Election.UNCLEAN:
        raise KafkaError(
            ErrorCode.INVALID_REPLICA_ASSIGNMENT,
            "The reassignment cannot be taken back: nobody who was there before is in sync, and unclean leader "
            "election is not enabled for the topic.",
        )
    return changes.record(topic, index, target_isr=isr, reassignment=Reassignment(original))


def _changed(
    image: MetadataImage, partition: PartitionRegistration, target: list[int], *, allow_change: bool
) -> Reassignment:
    check_manual_assignment(image, target, None)
    current = len({*partition.replicas, *partition.adding_replicas} - {*partition.removing_replicas})
    if not allow_change and len(target) != current:
        raise KafkaError(
            ErrorCode.INVALID_REPLICATION_FACTOR,
            f"The partition has {current} replica(s), not {len(target)}, and the request lets that not change.",
        )
    return Reassignment.towards(partition, target)


def list_partition_reassignments(
    view: ControllerView, request: ListPartitionReassignmentsRequest
) -> ControllerResult[ListPartitionReassignmentsResponse]:
    by_name = view.image.topics.by_name
    listed = []
    if request.topics is None:
        listed = [_ongoing(topic, None) for topic in by_name.values()]
    else:
        for asked in request.topics:
            topic = by_name.get(asked.name)
            if topic is not None:
                listed.append(_ongoing(topic, asked.partition_indexes))
    response = ListPartitionReassignmentsResponse(
        error_code=ErrorCode.NONE, error_message=None, topics=[topic for topic in listed if topic.partitions]
    )
    return ControllerResult([], response)


def _ongoing(topic: TopicImage, indexes: list[int] | None) -> OngoingTopicReassignment:
    partitions = topic.partitions.items() if indexes is None else ((i, topic.partitions.get(i)) for i in indexes)
    return OngoingTopicReassignment(
        name=topic.name,
        partitions=[
            OngoingPartitionReassignment(
                partition_index=index,
                replicas=list(partition.replicas),
                adding_replicas=list(partition.adding_replicas),
                removing_replicas=list(partition.removing_replicas),
            )
            for index, partition in partitions
            if partition is not None and Reassignment.of(partition).in_progress
        ],
    )
