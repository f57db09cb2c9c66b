"""The log directories that replicas lie in: brokers tell where they put them, and which have failed. KIP-112, 858.

A replica in a directory that is not online may not lead. Kafka's `ReplicationControlManager`:
`handleAssignReplicasToDirs`, `handleDirectoriesOffline`.
"""

from collections.abc import Iterable, Mapping

from ottla.metadata.controller.config_schema import ConfigSchema
from ottla.metadata.controller.leadership import records_for_directories_offline
from ottla.metadata.controller.result import ControllerResult, ControllerView
from ottla.metadata.features import partition_record_version
from ottla.metadata.record_serde import VersionedRecord
from ottla.protocol.metadata_record.broker_registration_change_record import BrokerRegistrationChangeRecord
from ottla.protocol.metadata_record.partition_change_record import PartitionChangeRecord

DIRECTORIES_VERSION = 2


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


def directories_offline(
    view: ControllerView, schema: ConfigSchema, broker_id: int, offline: Iterable[bytes]
) -> ControllerResult[None]:
    """Of a live broker: it leads none of the partitions there any more. The last directory cannot be given up."""
    broker = view.image.cluster.brokers[broker_id]
    online = [directory for directory in broker.directories if directory not in set(offline)]
    if not online or len(online) == len(broker.directories):
        return ControllerResult([], None)
    change = BrokerRegistrationChangeRecord(broker_id=broker_id, broker_epoch=broker.epoch, log_dirs=online)
    records = [VersionedRecord(change, DIRECTORIES_VERSION)]
    records += records_for_directories_offline(view, schema, broker_id, frozenset(online))
    return ControllerResult(records, None)
