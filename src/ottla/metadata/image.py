"""The cluster's metadata at one offset of `__cluster_metadata-0`: immutable, shared freely.

A new image is derived by `metadata.delta.MetadataDelta`, which copies only the parts that changed; nobody else makes
one, and nobody changes one. `metadata.snapshot_records` turns an image into records. KIP-631.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from ottla.metadata.acls import AclsImage
from ottla.metadata.client_quotas import ClientQuotasImage
from ottla.metadata.delegation_tokens import DelegationTokensImage
from ottla.metadata.partition import NO_LEADER, PartitionRegistration
from ottla.metadata.registration import BrokerRegistration, ControllerRegistration
from ottla.metadata.scram import ScramImage

ConfigResourceKey: TypeAlias = tuple[int, str]
"""(resource type as on the wire: 2 topic, 4 broker, 16 client metrics, 32 group; name, "" for the brokers' default)."""


@dataclass(frozen=True, slots=True)
class TopicImage:
    name: str
    topic_id: bytes
    partitions: Mapping[int, PartitionRegistration]


@dataclass(frozen=True, slots=True)
class TopicsImage:
    by_name: Mapping[str, TopicImage] = field(default_factory=dict)
    by_id: Mapping[bytes, TopicImage] = field(default_factory=dict)

    def partition(self, topic_id: bytes, index: int) -> PartitionRegistration | None:
        topic = self.by_id.get(topic_id)
        return None if topic is None else topic.partitions.get(index)

    def leader_of(self, name: str, index: int) -> int:
        """`NO_LEADER` also where there is no such partition."""
        topic = self.by_name.get(name)
        partition = None if topic is None else topic.partitions.get(index)
        return NO_LEADER if partition is None else partition.leader

    def name_of(self, topic_id: bytes) -> str | None:
        topic = self.by_id.get(topic_id)
        return None if topic is None else topic.name

    def id_of(self, name: str) -> bytes | None:
        topic = self.by_name.get(name)
        return None if topic is None else topic.topic_id


@dataclass(frozen=True, slots=True)
class ClusterImage:
    brokers: Mapping[int, BrokerRegistration] = field(default_factory=dict)
    controllers: Mapping[int, ControllerRegistration] = field(default_factory=dict)

    def is_active(self, broker_id: int) -> bool:
        """Registered, not fenced and not shutting down: may lead."""
        broker = self.brokers.get(broker_id)
        return broker is not None and broker.active

    def unfenced(self) -> Iterator[BrokerRegistration]:
        return (broker for broker in self.brokers.values() if not broker.fenced)


@dataclass(frozen=True, slots=True)
class FeaturesImage:
    """Finalized feature levels, `metadata.version` apart; level 0 means not there. `kraft.version` is raft's own."""

    metadata_version: int = 0
    finalized_levels: Mapping[str, int] = field(default_factory=dict)

    def level(self, name: str) -> int:
        return self.finalized_levels.get(name, 0)


@dataclass(frozen=True, slots=True)
class ConfigsImage:
    by_resource: Mapping[ConfigResourceKey, Mapping[str, str]] = field(default_factory=dict)

    def of(self, resource_type: int, name: str) -> Mapping[str, str]:
        return self.by_resource.get((resource_type, name), {})


@dataclass(frozen=True, slots=True)
class ProducerIdsImage:
    next_producer_id: int = -1
    """The first id of the block that comes next; -1 before the first block."""


@dataclass(frozen=True, slots=True)
class MetadataImage:
    offset: int = -1
    """The offset of the last record contained; -1 when empty."""
    epoch: int = -1
    """The leader epoch of that record."""
    timestamp_ms: int = -1
    """The append time of that record's batch."""
    features: FeaturesImage = field(default_factory=FeaturesImage)
    cluster: ClusterImage = field(default_factory=ClusterImage)
    topics: TopicsImage = field(default_factory=TopicsImage)
    configs: ConfigsImage = field(default_factory=ConfigsImage)
    client_quotas: ClientQuotasImage = field(default_factory=ClientQuotasImage)
    producer_ids: ProducerIdsImage = field(default_factory=ProducerIdsImage)
    acls: AclsImage = field(default_factory=AclsImage)
    scram: ScramImage = field(default_factory=ScramImage)
    delegation_tokens: DelegationTokensImage = field(default_factory=DelegationTokensImage)


EMPTY_IMAGE = MetadataImage()
