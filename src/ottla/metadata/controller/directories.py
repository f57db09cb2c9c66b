"""The log directories that replicas lie in: where a broker puts them, which failed, which get nothing new.

A replica in a directory that is not online may not lead. KIP-112, 858, 1066. Kafka's `ReplicationControlManager`:
`handleDirectoriesOffline`, `handleDirectoriesCordoned`; AssignReplicasToDirs is in a file of its own.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from ottla.metadata.controller.config_schema import ConfigSchema
from ottla.metadata.controller.leadership import records_for_directory_offline
from ottla.metadata.controller.result import ControllerResult, ControllerView
from ottla.metadata.features import partition_record_version
from ottla.metadata.record_serde import VersionedRecord
from ottla.metadata.registration import BrokerRegistration
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
