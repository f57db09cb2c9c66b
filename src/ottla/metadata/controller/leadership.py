"""What a broker's coming and going means for the partitions it holds. KIP-631, 966; `ReplicationControlManager`.

comes (unfenced)        partitions without a leader elect one
goes (fenced, shutdown) it leaves every ISR; those it led elect another
lost data               it leaves every ISR and every ELR
lost a directory        as gone, for the partitions there; they have no leader until it comes back with the directory
"""

from collections.abc import Callable, Iterator, Mapping

from ottla.metadata.controller.config_schema import ConfigSchema
from ottla.metadata.controller.partition_changes import PartitionChanges
from ottla.metadata.controller.result import ControllerView
from ottla.metadata.image import MetadataImage
from ottla.metadata.partition import NO_LEADER, PartitionRegistration
from ottla.metadata.record_serde import VersionedRecord

Concerns = Callable[[PartitionRegistration], bool]


def leads_anything(image: MetadataImage, broker_id: int) -> bool:
    return any(
        partition.leader == broker_id
        for topic in image.topics.by_id.values()
        for partition in topic.partitions.values()
    )


def records_for_broker_gone(view: ControllerView, schema: ConfigSchema, broker_id: int) -> list[VersionedRecord]:
    """It was fenced, or is shutting down in order: its data stays good."""
    changes = PartitionChanges(view.image, schema, gone=broker_id)
    return list(_records(view.image, changes, lambda partition: broker_id in partition.isr))


def records_for_broker_unregistered(
    view: ControllerView, schema: ConfigSchema, broker_id: int
) -> list[VersionedRecord]:
    changes = PartitionChanges(view.image, schema, gone=broker_id)
    records = list(_records(view.image, changes, lambda partition: broker_id in partition.isr))
    records += _records(view.image, changes, lambda partition: broker_id in partition.eligible_leader_replicas)
    return records


def records_for_unclean_shutdown(view: ControllerView, schema: ConfigSchema, broker_id: int) -> list[VersionedRecord]:
    """It came back without having stopped in order: what it acknowledged may be lost."""
    changes = PartitionChanges(view.image, schema, lost_data=broker_id)
    records = list(_records(view.image, changes, lambda partition: broker_id in partition.isr))
    records += _records(view.image, changes, lambda partition: broker_id in partition.eligible_leader_replicas)
    return records


def records_for_broker_unfenced(view: ControllerView, schema: ConfigSchema, broker_id: int) -> list[VersionedRecord]:
    changes = PartitionChanges(view.image, schema, come=broker_id)
    return list(_records(view.image, changes, lambda partition: partition.leader == NO_LEADER))


def records_for_directory_offline(
    view: ControllerView, schema: ConfigSchema, broker_id: int, directory: bytes
) -> list[VersionedRecord]:
    """What lies there its broker does not lead. KIP-858."""
    changes = PartitionChanges(view.image, schema, gone=broker_id)
    return list(_records(view.image, changes, lambda partition: directory in partition.directories))


def records_for_replicas_offline(
    view: ControllerView,
    schema: ConfigSchema,
    broker_id: int,
    replicas: Mapping[tuple[bytes, int], PartitionRegistration],
) -> list[VersionedRecord]:
    """Of partitions (topic id, index) whose replica on the broker turns out to be in a directory that is not online.

    As they are after what the same decision has changed before.
    """
    changes = PartitionChanges(view.image, schema, gone=broker_id)
    records = (
        changes.record(view.image.topics.by_id[topic_id], index, partition=partition)
        for (topic_id, index), partition in replicas.items()
    )
    return [record for record in records if record is not None]


def _records(image: MetadataImage, changes: PartitionChanges, concerns: Concerns) -> Iterator[VersionedRecord]:
    for topic in image.topics.by_id.values():
        for index, partition in topic.partitions.items():
            if concerns(partition):
                record = changes.record(topic, index)
                if record is not None:
                    yield record
