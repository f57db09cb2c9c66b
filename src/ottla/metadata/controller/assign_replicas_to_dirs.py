"""Brokers tell into which of their log directories they have put replicas. KIP-858.

A replica in a directory that is not online may not lead. Kafka's `handleAssignReplicasToDirs`.
"""

from ottla.metadata.controller.broker_epoch import broker_in_epoch
from ottla.metadata.controller.config_schema import ConfigSchema
from ottla.metadata.controller.leadership import records_for_replicas_offline
from ottla.metadata.controller.partition_change import Election
from ottla.metadata.controller.partition_changes import PartitionChanges
from ottla.metadata.controller.result import ControllerResult, ControllerView
from ottla.metadata.features import assigns_directories
from ottla.metadata.image import TopicImage
from ottla.metadata.partition import PartitionRegistration
from ottla.metadata.record_serde import VersionedRecord
from ottla.protocol.api.assign_replicas_to_dirs import (
    AssignReplicasToDirsRequest,
    AssignReplicasToDirsResponse,
    AssignReplicasToDirsResponseDirectoryData,
    AssignReplicasToDirsResponsePartitionData,
    AssignReplicasToDirsResponseTopicData,
)
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.metadata_record.partition_change_record import PartitionChangeRecord


def assign_replicas_to_dirs(
    view: ControllerView, schema: ConfigSchema, request: AssignReplicasToDirsRequest
) -> ControllerResult[AssignReplicasToDirsResponse]:
    """AssignReplicasToDirs. Raises `KafkaError` STALE_BROKER_EPOCH or UNSUPPORTED_VERSION.

    What a broker puts into a directory of which it had said that it is offline, it does not lead.
    """
    image, broker_id = view.image, request.broker_id
    if not assigns_directories(image.features.metadata_version):
        raise KafkaError(ErrorCode.UNSUPPORTED_VERSION, "This metadata.version does not know directories of replicas")
    broker = broker_in_epoch(view, broker_id, request.broker_epoch)
    changes = PartitionChanges(image, schema)
    records: list[VersionedRecord] = []
    offline: dict[tuple[bytes, int], PartitionRegistration] = {}
    response = AssignReplicasToDirsResponse(error_code=ErrorCode.NONE, directories=[])
    for directory in request.directories:
        topics = []
        for asked in directory.topics:
            topic = image.topics.by_id.get(asked.topic_id)
            partitions = []
            for partition in asked.partitions:
                index = partition.partition_index
                error = _may_be_assigned(topic, index, broker_id)
                if topic is not None and error is ErrorCode.NONE:
                    before = offline.get((asked.topic_id, index), topic.partitions[index])
                    moved = {broker_id: directory.id}
                    record = changes.record(topic, index, election=Election.ONLINE, moved=moved, partition=before)
                    if record is not None:
                        records.append(record)
                    if not broker.has_online_directory(directory.id):
                        offline[asked.topic_id, index] = _after(before, record)
                partitions.append(AssignReplicasToDirsResponsePartitionData(partition_index=index, error_code=error))
            topics.append(AssignReplicasToDirsResponseTopicData(topic_id=asked.topic_id, partitions=partitions))
        response.directories.append(AssignReplicasToDirsResponseDirectoryData(id=directory.id, topics=topics))
    records += records_for_replicas_offline(view, schema, broker_id, offline)
    return ControllerResult(records, response)


def _after(partition: PartitionRegistration, change: VersionedRecord | None) -> PartitionRegistration:
    if change is None or not isinstance(change.record, PartitionChangeRecord):
        return partition
    return partition.merge(change.record)


def _may_be_assigned(topic: TopicImage | None, index: int, broker_id: int) -> ErrorCode:
    if topic is None:
        return ErrorCode.UNKNOWN_TOPIC_ID
    partition = topic.partitions.get(index)
    if partition is None:
        return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    return ErrorCode.NONE if broker_id in partition.replicas else ErrorCode.NOT_LEADER_OR_FOLLOWER
