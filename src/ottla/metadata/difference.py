"""The delta between two images, where a snapshot took the place of the history between them. KIP-630.

Those who follow the metadata see one step from the old image to the new one: what is gone, what is new, what changed.
"""

from collections.abc import Iterator

from ottla.metadata.delta import MetadataDelta
from ottla.metadata.features import METADATA_VERSION, partition_record_version, register_broker_record_version
from ottla.metadata.image import MetadataImage
from ottla.protocol.message import MetadataRecord
from ottla.protocol.metadata_record.client_quota_record import ClientQuotaRecord, EntityData
from ottla.protocol.metadata_record.config_record import ConfigRecord
from ottla.protocol.metadata_record.feature_level_record import FeatureLevelRecord
from ottla.protocol.metadata_record.producer_ids_record import ProducerIdsRecord
from ottla.protocol.metadata_record.remove_access_control_entry_record import RemoveAccessControlEntryRecord
from ottla.protocol.metadata_record.remove_delegation_token_record import RemoveDelegationTokenRecord
from ottla.protocol.metadata_record.remove_topic_record import RemoveTopicRecord
from ottla.protocol.metadata_record.remove_user_scram_credential_record import RemoveUserScramCredentialRecord
from ottla.protocol.metadata_record.topic_record import TopicRecord
from ottla.protocol.metadata_record.unregister_broker_record import UnregisterBrokerRecord


def difference(before: MetadataImage, after: MetadataImage) -> MetadataDelta:
    """A delta over `before` that makes `after` (controllers that are gone stay: no record says so)."""
    delta = MetadataDelta(before)
    for records in (_features, _cluster, _topics, _configs, _client_quotas, _producer_ids, _security):
        for record in records(before, after):
            delta.replay(record)
    return delta


def _features(before: MetadataImage, after: MetadataImage) -> Iterator[MetadataRecord]:
    if after.features.metadata_version != before.features.metadata_version:
        yield FeatureLevelRecord(name=METADATA_VERSION, feature_level=after.features.metadata_version)
    old, new = before.features.finalized_levels, after.features.finalized_levels
    for name in {**old, **new}:
        if old.get(name, 0) != new.get(name, 0):
            yield FeatureLevelRecord(name=name, feature_level=new.get(name, 0))


def _cluster(before: MetadataImage, after: MetadataImage) -> Iterator[MetadataRecord]:
    version = register_broker_record_version(after.features.metadata_version)
    old, new = before.cluster, after.cluster
    for broker_id, broker in old.brokers.items():
        if broker_id not in new.brokers:
            yield UnregisterBrokerRecord(broker_id=broker_id, broker_epoch=broker.epoch)
    for broker_id, broker in new.brokers.items():
        if old.brokers.get(broker_id) != broker:
            yield broker.to_record(version)
    for controller_id, controller in new.controllers.items():
        if old.controllers.get(controller_id) != controller:
            yield controller.to_record()


def _topics(before: MetadataImage, after: MetadataImage) -> Iterator[MetadataRecord]:
    version = partition_record_version(after.features.metadata_version)
    old, new = before.topics.by_id, after.topics.by_id
    for topic_id in old:
        if topic_id not in new:
            yield RemoveTopicRecord(topic_id=topic_id)
    for topic_id, topic in new.items():
        known = old.get(topic_id)
        if known is None:
            yield TopicRecord(name=topic.name, topic_id=topic_id)
        for index, partition in sorted(topic.partitions.items()):
            if known is None or known.partitions.get(index) != partition:
                yield partition.to_record(topic_id, index, version)


def _configs(before: MetadataImage, after: MetadataImage) -> Iterator[MetadataRecord]:
    gone = {(2, topic.name) for topic_id, topic in before.topics.by_id.items() if topic_id not in after.topics.by_id}
    old, new = before.configs.by_resource, after.configs.by_resource
    for key in {**old, **new}:
        known, wanted = {} if key in gone else old.get(key, {}), new.get(key, {})
        for name in {**known, **wanted}:
            if known.get(name) != wanted.get(name):
                yield ConfigRecord(resource_type=key[0], resource_name=key[1], name=name, value=wanted.get(name))


def _client_quotas(before: MetadataImage, after: MetadataImage) -> Iterator[MetadataRecord]:
    old, new = before.client_quotas.by_entity, after.client_quotas.by_entity
    for entity in {**old, **new}:
        known, wanted = old.get(entity, {}), new.get(entity, {})
        parts = [EntityData(entity_type=type_, entity_name=name) for type_, name in entity]
        for key in {**known, **wanted}:
            if known.get(key) != wanted.get(key):
                yield ClientQuotaRecord(entity=parts, key=key, value=wanted.get(key, 0.0), remove=key not in wanted)


def _producer_ids(before: MetadataImage, after: MetadataImage) -> Iterator[MetadataRecord]:
    next_id = after.producer_ids.next_producer_id
    if next_id != before.producer_ids.next_producer_id:
        yield ProducerIdsRecord(broker_id=-1, broker_epoch=-1, next_producer_id=next_id)


def _security(before: MetadataImage, after: MetadataImage) -> Iterator[MetadataRecord]:
    for entry_id in before.acls.by_id:
        if entry_id not in after.acls.by_id:
            yield RemoveAccessControlEntryRecord(id=entry_id)
    for entry_id, entry in after.acls.by_id.items():
        if entry_id not in before.acls.by_id:
            yield entry
    for mechanism, name in before.scram.credentials:
        if (mechanism, name) not in after.scram.credentials:
            yield RemoveUserScramCredentialRecord(name=name, mechanism=mechanism)
    for key, credential in after.scram.credentials.items():
        if before.scram.credentials.get(key) != credential:
            yield credential
    for token_id in before.delegation_tokens.by_id:
        if token_id not in after.delegation_tokens.by_id:
            yield RemoveDelegationTokenRecord(token_id=token_id)
    for token_id, token in after.delegation_tokens.by_id.items():
        if before.delegation_tokens.by_id.get(token_id) != token:
            yield token
