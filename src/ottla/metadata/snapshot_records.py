"""An image as the records that make it again out of nothing: what a snapshot holds. KIP-630; Kafka's `ImageWriter`.

The order is Kafka's: features (`metadata.version` first), brokers, controllers, topics, configs, quotas, producer ids,
ACLs, SCRAM credentials, delegation tokens.
"""

from collections.abc import Iterator

from ottla.metadata.features import (
    METADATA_VERSION,
    partition_record_version,
    register_broker_record_version,
    registers_controllers,
)
from ottla.metadata.image import MetadataImage
from ottla.metadata.record_serde import VersionedRecord
from ottla.protocol.metadata_record.client_quota_record import ClientQuotaRecord, EntityData
from ottla.protocol.metadata_record.config_record import ConfigRecord
from ottla.protocol.metadata_record.feature_level_record import FeatureLevelRecord
from ottla.protocol.metadata_record.producer_ids_record import ProducerIdsRecord
from ottla.protocol.metadata_record.topic_record import TopicRecord


def snapshot_records(image: MetadataImage) -> Iterator[VersionedRecord]:
    yield from _features(image)
    yield from _cluster(image)
    yield from _topics(image)
    for (resource_type, resource_name), configs in image.configs.by_resource.items():
        for name, value in configs.items():
            yield VersionedRecord(
                ConfigRecord(resource_type=resource_type, resource_name=resource_name, name=name, value=value)
            )
    yield from _client_quotas(image)
    if image.producer_ids.next_producer_id >= 0:
        yield VersionedRecord(
            ProducerIdsRecord(broker_id=-1, broker_epoch=-1, next_producer_id=image.producer_ids.next_producer_id)
        )
    for entry in image.acls.by_id.values():
        yield VersionedRecord(entry)
    for credential in image.scram.credentials.values():
        yield VersionedRecord(credential)
    for token in image.delegation_tokens.by_id.values():
        yield VersionedRecord(token)


def _features(image: MetadataImage) -> Iterator[VersionedRecord]:
    if image.features.metadata_version:
        yield VersionedRecord(FeatureLevelRecord(name=METADATA_VERSION, feature_level=image.features.metadata_version))
    for name, level in image.features.finalized_levels.items():
        yield VersionedRecord(FeatureLevelRecord(name=name, feature_level=level))


def _cluster(image: MetadataImage) -> Iterator[VersionedRecord]:
    version = register_broker_record_version(image.features.metadata_version)
    for broker in image.cluster.brokers.values():
        yield VersionedRecord(broker.to_record(version), version)
    if registers_controllers(image.features.metadata_version):
        for controller in image.cluster.controllers.values():
            yield VersionedRecord(controller.to_record())


def _topics(image: MetadataImage) -> Iterator[VersionedRecord]:
    version = partition_record_version(image.features.metadata_version)
    for topic in image.topics.by_id.values():
        yield VersionedRecord(TopicRecord(name=topic.name, topic_id=topic.topic_id))
        for index, partition in sorted(topic.partitions.items()):
            yield VersionedRecord(partition.to_record(topic.topic_id, index, version), version)


def _client_quotas(image: MetadataImage) -> Iterator[VersionedRecord]:
    for entity, quotas in image.client_quotas.by_entity.items():
        for key, value in quotas.items():
            parts = [EntityData(entity_type=type_, entity_name=name) for type_, name in entity]
            yield VersionedRecord(ClientQuotaRecord(entity=parts, key=key, value=value, remove=False))
