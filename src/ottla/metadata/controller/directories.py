"""The log directories that replicas lie in: where brokers put them, which failed, which get nothing new.

A replica in a directory that is not online may not lead. KIP-112, 858, 1066. Kafka's `ReplicationControlManager`:
`handleAssignReplicasToDirs`, `handleDirectoriesOffline`, `handleDirectoriesCordoned`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from ottla.metadata.controller.broker_epoch import broker_in_epoch
from ottla.metadata.controller.config_schema import ConfigSchema
from ottla.metadata.controller.leadership import records_for_directory_offline, records_for_replicas_offline
from ottla.metadata.controller.partition_change import Election
from ottla.metadata.controller.partition_changes import PartitionChanges
from ottla.metadata.controller.result import ControllerResult, ControllerView
from ottla.metadata.features import assigns_directories, partition_record_version
from ottla.metadata.image import TopicImage
from ottla.metadata.partition import PartitionRegistration
from ottla.metadata.record_serde import VersionedRecord
from ottla.metadata.registration import BrokerRegistration
from ottla.protocol.api.assign_replicas_to_dirs import (
    AssignReplicasToDirsRequest,
    AssignReplicasToDirsResponse,
    AssignReplicasToDirsResponseDirectoryData,
    AssignReplicasToDirsResponsePartitionData,
    AssignReplicasToDirsResponseTopicData,
)
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.metadata_record.broker_registration_change_record import BrokerRegistrationChangeRecord
from ottla.protocol.metadata_record.partition_change_record import PartitionChangeRecord

DIRECTORIES_VERSION = 2
CORDONED_VERSION = 3


def assign_replicas(
    view: ControllerView, broker_id: int, placed: Mapping[tuple[bytes, int], bytes]
) -> ControllerResult[None]:
    """`placed`: the directory's id of a partition (topic id, index). What is gone or told already is left out."""
    image = view.image
    version = partition_record_version(image.features.metadata_version)
    records: list[VersionedRecord] = []
    for (topic_id, index), directory in placed.items():
        topic = image.topics.by_id.get(topic_id)
        partition = None if topic is None else topic.partitions.get(index)
        if partition is None or version == 0 or broker_id not in partition.replicas:
            continue
        directories = [
            directory if replica == broker_id else known
            for replica, known in zip(partition.replicas, partition.directories, strict=True)
        ]
        if tuple(directories) != partition.directories:
            change = PartitionChangeRecord(partition_id=index, topic_id=topic_id, directories=directories)
            records.append(VersionedRecord(change, version))
    return ControllerResult(records, None)


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


def directories_offline(
    view: ControllerView, schema: ConfigSchema, broker_id: int, offline: Iterable[bytes]
) -> ControllerResult[None]:
    """Of a live broker: it leads none of the partitions there any more. The last directory cannot be given up."""
    broker = view.image.cluster.brokers[broker_id]
    gone = set(offline)
    if gone.issuperset(broker.directories):
        return ControllerResult([], None)
    return ControllerResult(records_for_offline_directories(view, schema, broker, gone), None)


def records_for_offline_directories(
    view: ControllerView, schema: ConfigSchema, broker: BrokerRegistration, offline: Collection[bytes]
) -> list[VersionedRecord]:
    """What was known to be offline before says nothing."""
    failed = [directory for directory in broker.directories if directory in offline]
    if not failed:
        return []
    records: list[VersionedRecord] = []
    for directory in failed:
        records += records_for_directory_offline(view, schema, broker.broker_id, directory)
    change = BrokerRegistrationChangeRecord(
        broker_id=broker.broker_id,
        broker_epoch=broker.epoch,
        log_dirs=[directory for directory in broker.directories if directory not in offline],
    )
    records.append(VersionedRecord(change, DIRECTORIES_VERSION))
    return records


def records_for_cordoned_directories(broker: BrokerRegistration, cordoned: Sequence[bytes]) -> list[VersionedRecord]:
    if broker.cordoned_directories is not None and set(broker.cordoned_directories) == set(cordoned):
        return []
    change = BrokerRegistrationChangeRecord(
        broker_id=broker.broker_id, broker_epoch=broker.epoch, cordoned_log_dirs=list(cordoned)
    )
    return [VersionedRecord(change, CORDONED_VERSION)]
