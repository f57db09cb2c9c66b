"""What a broker's coming and going means for the partitions it holds. KIP-631, 966; `ReplicationControlManager`.

comes (unfenced)        partitions without a leader elect one
goes (fenced, shutdown) it leaves every ISR; those it led elect another
lost data               it leaves every ISR and every ELR
lost a directory        as gone, for the partitions there; they have no leader until it comes back with the directory
"""

from collections.abc import Collection, Iterator
from functools import partial

from ottla.metadata.controller.assignment import directory_chooser
from ottla.metadata.controller.config_schema import ConfigResourceType, ConfigSchema
from ottla.metadata.controller.partition_change import Election, PartitionChange
from ottla.metadata.controller.result import ControllerView
from ottla.metadata.features import ELIGIBLE_LEADER_REPLICAS_VERSION, partition_record_version
from ottla.metadata.image import MetadataImage
from ottla.metadata.partition import (
    MIGRATING_DIRECTORY,
    NO_LEADER,
    UNASSIGNED_DIRECTORY,
    PartitionRegistration,
)
from ottla.metadata.record_serde import VersionedRecord

MIN_INSYNC_REPLICAS = "min.insync.replicas"
UNCLEAN_LEADER_ELECTION_ENABLE = "unclean.leader.election.enable"

NO_BROKER = -1


def elr_enabled(image: MetadataImage) -> bool:
    return image.features.level(ELIGIBLE_LEADER_REPLICAS_VERSION) > 0


def topic_config(image: MetadataImage, schema: ConfigSchema, topic: str, name: str) -> str | None:
    """The value of a topic config that has the same name as a broker config."""
    for resource_type, resource in ((ConfigResourceType.TOPIC, topic), (ConfigResourceType.BROKER, "")):
        value = image.configs.of(resource_type, resource).get(name)
        if value is not None:
            return value
    return schema.default(ConfigResourceType.TOPIC, name)


def records_for_broker_gone(view: ControllerView, schema: ConfigSchema, broker_id: int) -> list[VersionedRecord]:
    """It was fenced, or is shutting down in order: its data stays good."""
    return list(_changes(view, schema, gone=broker_id))


def records_for_unclean_shutdown(view: ControllerView, schema: ConfigSchema, broker_id: int) -> list[VersionedRecord]:
    """It came back without having stopped in order: what it acknowledged may be lost."""
    return list(_changes(view, schema, lost_data=broker_id))


def records_for_broker_unfenced(view: ControllerView, schema: ConfigSchema, broker_id: int) -> list[VersionedRecord]:
    return list(_changes(view, schema, come=broker_id))


def records_for_directories_offline(
    view: ControllerView, schema: ConfigSchema, broker_id: int, online: frozenset[bytes]
) -> list[VersionedRecord]:
    """Only these directories of a broker are left: what lies in any other of them it does not lead. KIP-858."""
    return list(_changes(view, schema, gone=broker_id, gone_except=online))


def has_online_directory(image: MetadataImage, partition: PartitionRegistration, replica: int) -> bool:
    """Whether a replica does not lie in a directory of which its broker says that it is offline."""
    broker = image.cluster.brokers.get(replica)
    if broker is None or not broker.directories or replica not in partition.replicas:
        return True
    return _is_online(partition, replica, broker.directories)


def _is_online(partition: PartitionRegistration, replica: int, online: Collection[bytes]) -> bool:
    directory = partition.directories[partition.replicas.index(replica)]
    return directory in (MIGRATING_DIRECTORY, UNASSIGNED_DIRECTORY) or directory in online


def _changes(
    view: ControllerView,
    schema: ConfigSchema,
    *,
    gone: int = NO_BROKER,
    gone_except: frozenset[bytes] | None = None,
    come: int = NO_BROKER,
    lost_data: int = NO_BROKER,
) -> Iterator[VersionedRecord]:
    image = view.image
    version = partition_record_version(image.features.metadata_version)
    directory_of = directory_chooser(image)

    def may_lead(partition: PartitionRegistration, replica: int) -> bool:
        if replica < 0 or replica in (gone, lost_data) or not has_online_directory(image, partition, replica):
            return False
        return replica == come or image.cluster.is_active(replica)

    for topic in image.topics.by_id.values():
        concerned = [
            item
            for item in topic.partitions.items()
            if _concerns(item[1], gone, come, lost_data)
            and (gone_except is None or not _is_online(item[1], gone, gone_except))
        ]
        if not concerned:
            continue
        min_isr, election = election_settings(image, schema, topic.name)
        for index, partition in concerned:
            record = PartitionChange(
                partition,
                topic.topic_id,
                index,
                may_lead=partial(may_lead, partition),
                min_isr=min_isr,
                elr_enabled=elr_enabled(image),
                election=election,
                directory_of=directory_of,
                target_isr=tuple(replica for replica in partition.isr if replica not in (gone, lost_data)),
                unclean_shutdown=frozenset() if lost_data == NO_BROKER else frozenset((lost_data,)),
            ).build()
            if record is not None:
                yield VersionedRecord(record, version)


def _concerns(partition: PartitionRegistration, gone: int, come: int, lost_data: int) -> bool:
    if come != NO_BROKER:
        return partition.leader == NO_LEADER and come in partition.replicas
    if gone != NO_BROKER:
        return gone in partition.isr
    return lost_data in partition.isr or lost_data in partition.eligible_leader_replicas


def election_settings(image: MetadataImage, schema: ConfigSchema, topic: str) -> tuple[int, Election]:
    """(`min.insync.replicas`, how a topic elects by itself)."""
    min_isr = topic_config(image, schema, topic, MIN_INSYNC_REPLICAS)
    unclean = topic_config(image, schema, topic, UNCLEAN_LEADER_ELECTION_ENABLE)
    return int(min_isr or 1), Election.UNCLEAN if unclean == "true" else Election.ONLINE
