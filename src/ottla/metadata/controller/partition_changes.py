"""The change records that one decision writes: what is the same for all of its partitions is looked up once.

A replica may lead when its broker is active (neither fenced nor shutting down) and does not say that the directory of
the replica is offline. Kafka's `ReplicationControlManager`, around `PartitionChangeBuilder`. KIP-631, 858, 966.
"""

from collections.abc import Mapping
from functools import partial

from ottla.metadata.controller.assignment import directory_chooser
from ottla.metadata.controller.config_schema import ConfigResourceType, ConfigSchema
from ottla.metadata.controller.partition_change import Election, PartitionChange
from ottla.metadata.controller.reassignment_replicas import Reassignment
from ottla.metadata.features import (
    ELIGIBLE_LEADER_REPLICAS_VERSION,
    partition_record_version,
    shrinking_starts_leader_epoch,
)
from ottla.metadata.image import MetadataImage, TopicImage
from ottla.metadata.partition import PartitionRegistration
from ottla.metadata.record_serde import VersionedRecord

MIN_INSYNC_REPLICAS = "min.insync.replicas"
UNCLEAN_LEADER_ELECTION_ENABLE = "unclean.leader.election.enable"

NO_BROKER = -1


def elr_enabled(image: MetadataImage) -> bool:
    return image.features.level(ELIGIBLE_LEADER_REPLICAS_VERSION) > 0


def topic_config(image: MetadataImage, schema: ConfigSchema, topic: str, name: str) -> str | None:
    """The value of a topic config that has the same name as a broker config.

    Of brokers' own configs those of the active controller's node count, as in Apache Kafka.
    """
    broker = ConfigResourceType.BROKER
    for resource_type, resource in ((ConfigResourceType.TOPIC, topic), (broker, schema.own_name), (broker, "")):
        value = image.configs.of(resource_type, resource).get(name)
        if value is not None:
            return value
    return schema.default(ConfigResourceType.TOPIC, name)


def has_online_directory(image: MetadataImage, partition: PartitionRegistration, replica: int) -> bool:
    """Whether a replica does not lie in a directory of which its broker says that it is offline."""
    broker = image.cluster.brokers.get(replica)
    if broker is None or replica not in partition.replicas:
        return True
    return broker.has_online_directory(partition.directories[partition.replicas.index(replica)])


class PartitionChanges:
    """`gone`, `come`, `lost_data`: a broker that is about to be so, whatever the image says."""

    def __init__(
        self,
        image: MetadataImage,
        schema: ConfigSchema,
        *,
        gone: int = NO_BROKER,
        come: int = NO_BROKER,
        lost_data: int = NO_BROKER,
    ) -> None:
        self._image = image
        self._schema = schema
        self._come = come
        self._left = frozenset((gone, lost_data)) - {NO_BROKER}
        self._lost_data = frozenset((lost_data,)) - {NO_BROKER}
        self._version = partition_record_version(image.features.metadata_version)
        self._elr_enabled = elr_enabled(image)
        self._shrinking_starts_epoch = shrinking_starts_leader_epoch(image.features.metadata_version)
        self._directory_of = directory_chooser(image)
        self._settings: dict[str, tuple[int, Election]] = {}

    def election(self, topic: TopicImage) -> Election:
        """How its partitions elect by themselves."""
        return self._settings_of(topic)[1]

    def record(
        self,
        topic: TopicImage,
        index: int,
        *,
        election: Election | None = None,
        target_isr: tuple[int, ...] | None = None,
        reassignment: Reassignment | None = None,
        recovery_state: int | None = None,
        moved: Mapping[int, bytes] | None = None,
        partition: PartitionRegistration | None = None,
    ) -> VersionedRecord | None:
        """`None` if nothing changes. Without `target_isr`: whoever is not gone stays.

        `partition`: as it is after a record of the same decision, if there is one.
        """
        if partition is None:
            partition = topic.partitions[index]
        min_isr, by_itself = self._settings_of(topic)
        if target_isr is None:
            target_isr = tuple(replica for replica in partition.isr if replica not in self._left)
        record = PartitionChange(
            partition,
            topic.topic_id,
            index,
            may_lead=partial(self._may_lead, partition),
            min_isr=min_isr,
            elr_enabled=self._elr_enabled,
            election=election or by_itself,
            target_isr=target_isr,
            reassignment=reassignment,
            recovery_state=recovery_state,
            directory_of=self._directory_of,
            moved=moved or {},
            unclean_shutdown=self._lost_data,
            shrinking_starts_epoch=self._shrinking_starts_epoch,
        ).build()
        return None if record is None else VersionedRecord(record, self._version)

    def _may_lead(self, partition: PartitionRegistration, replica: int) -> bool:
        if replica in self._left or not (replica == self._come or self._image.cluster.is_active(replica)):
            return False
        return has_online_directory(self._image, partition, replica)

    def _settings_of(self, topic: TopicImage) -> tuple[int, Election]:
        settings = self._settings.get(topic.name)
        if settings is None:
            min_isr = topic_config(self._image, self._schema, topic.name, MIN_INSYNC_REPLICAS)
            unclean = topic_config(self._image, self._schema, topic.name, UNCLEAN_LEADER_ELECTION_ENABLE)
            settings = self._settings[topic.name] = (
                min(int(min_isr or 1), len(topic.partitions[0].replicas)),
                Election.UNCLEAN if unclean == "true" else Election.ONLINE,
            )
        return settings
