"""From one image to the next: records are replayed into a delta, `apply` makes the image. The only writer of metadata.

A delta also tells what changed, for those who follow (replicas, coordinators, configs). Records between
BeginTransaction and EndTransaction (KIP-868) are the caller's to hold back: see `metadata.loader`. KIP-631; Kafka's
`MetadataDelta`.
"""

from ottla.metadata.acls import AclsImage
from ottla.metadata.client_quotas import ClientQuotasImage, QuotaEntity
from ottla.metadata.delegation_tokens import DelegationTokensImage
from ottla.metadata.features import METADATA_VERSION
from ottla.metadata.image import (
    ClusterImage,
    ConfigResourceKey,
    ConfigsImage,
    FeaturesImage,
    MetadataImage,
    ProducerIdsImage,
    TopicImage,
    TopicsImage,
)
from ottla.metadata.partition import PartitionRegistration
from ottla.metadata.record_serde import MetadataError
from ottla.metadata.registration import BrokerRegistration, ControllerRegistration
from ottla.metadata.scram import ScramImage
from ottla.protocol.message import MetadataRecord
from ottla.protocol.metadata_record.abort_transaction_record import AbortTransactionRecord
from ottla.protocol.metadata_record.access_control_entry_record import AccessControlEntryRecord
from ottla.protocol.metadata_record.begin_transaction_record import BeginTransactionRecord
from ottla.protocol.metadata_record.broker_registration_change_record import BrokerRegistrationChangeRecord
from ottla.protocol.metadata_record.clear_elr_record import ClearElrRecord
from ottla.protocol.metadata_record.client_quota_record import ClientQuotaRecord
from ottla.protocol.metadata_record.config_record import ConfigRecord
from ottla.protocol.metadata_record.delegation_token_record import DelegationTokenRecord
from ottla.protocol.metadata_record.end_transaction_record import EndTransactionRecord
from ottla.protocol.metadata_record.feature_level_record import FeatureLevelRecord
from ottla.protocol.metadata_record.fence_broker_record import FenceBrokerRecord
from ottla.protocol.metadata_record.no_op_record import NoOpRecord
from ottla.protocol.metadata_record.partition_change_record import PartitionChangeRecord
from ottla.protocol.metadata_record.partition_record import PartitionRecord
from ottla.protocol.metadata_record.producer_ids_record import ProducerIdsRecord
from ottla.protocol.metadata_record.register_broker_record import RegisterBrokerRecord
from ottla.protocol.metadata_record.register_controller_record import RegisterControllerRecord
from ottla.protocol.metadata_record.remove_access_control_entry_record import RemoveAccessControlEntryRecord
from ottla.protocol.metadata_record.remove_delegation_token_record import RemoveDelegationTokenRecord
from ottla.protocol.metadata_record.remove_topic_record import RemoveTopicRecord
from ottla.protocol.metadata_record.remove_user_scram_credential_record import RemoveUserScramCredentialRecord
from ottla.protocol.metadata_record.topic_record import TopicRecord
from ottla.protocol.metadata_record.unfence_broker_record import UnfenceBrokerRecord
from ottla.protocol.metadata_record.unregister_broker_record import UnregisterBrokerRecord
from ottla.protocol.metadata_record.user_scram_credential_record import UserScramCredentialRecord
from ottla.protocol.metadata_record.zk_migration_state_record import ZkMigrationStateRecord


class TopicDelta:
    """One topic that is new or has changed."""

    __slots__ = ("name", "partition_changes", "partitions", "topic_id")

    def __init__(self, name: str, topic_id: bytes, partitions: dict[int, PartitionRegistration]) -> None:
        self.name = name
        self.topic_id = topic_id
        self.partition_changes: dict[int, PartitionRegistration] = {}
        """Every partition that is new or has changed, as it is now."""
        self.partitions = partitions
        """All partitions of the topic, as they are now."""


class MetadataDelta:
    """Replays records over `image`; each part is copied at its first change."""

    def __init__(self, image: MetadataImage) -> None:
        self.image = image
        """The image before."""
        self.changed_topics: dict[bytes, TopicDelta] = {}
        """Topics that are new or changed, by id."""
        self.deleted_topics: dict[bytes, TopicImage] = {}
        """Topics of the image before that are gone, as they were."""
        self.changed_configs: set[ConfigResourceKey] = set()
        self.changed_brokers: set[int] = set()
        self.changed_features: set[str] = set()
        self._topic_ids: dict[str, bytes] = {}
        self._metadata_version = image.features.metadata_version
        self._levels: dict[str, int] | None = None
        self._brokers: dict[int, BrokerRegistration] | None = None
        self._controllers: dict[int, ControllerRegistration] | None = None
        self._configs: dict[ConfigResourceKey, dict[str, str]] = {}
        self._quotas: dict[QuotaEntity, dict[str, float]] = {}
        self._acls: dict[bytes, AccessControlEntryRecord] | None = None
        self._scram: dict[tuple[int, str], UserScramCredentialRecord] | None = None
        self._tokens: dict[str, DelegationTokenRecord] | None = None
        self._next_producer_id = image.producer_ids.next_producer_id

    # --- replay -------------------------------------------------------------------------------------------------

    def replay(self, record: MetadataRecord) -> None:
        """Raises `MetadataError` for a record that does not fit what was replayed before."""
        match record:
            case PartitionChangeRecord():
                self._replay_partition_change(record)
            case PartitionRecord():
                self._set_partition(record.topic_id, record.partition_id, PartitionRegistration.from_record(record))
            case TopicRecord():
                self.changed_topics[record.topic_id] = TopicDelta(record.name, record.topic_id, {})
                self._topic_ids[record.name] = record.topic_id
            case RemoveTopicRecord():
                self._replay_remove_topic(record)
            case ConfigRecord():
                self._replay_config(record)
            case ProducerIdsRecord():
                self._next_producer_id = record.next_producer_id
            case FeatureLevelRecord():
                self._replay_feature_level(record)
            case ClearElrRecord():
                self._replay_clear_elr(record)
            case NoOpRecord() | BeginTransactionRecord() | EndTransactionRecord() | AbortTransactionRecord():
                pass
            case ZkMigrationStateRecord():
                pass  # Kafka 4 ignores what 3.x left behind
            case _:
                if not (self._replay_cluster(record) or self._replay_security(record)):
                    raise MetadataError(f"{type(record).__name__} is no record of the metadata log")

    def _replay_cluster(self, record: MetadataRecord) -> bool:
        match record:
            case RegisterBrokerRecord():
                self._brokers_now()[record.broker_id] = BrokerRegistration.from_record(record)
                self.changed_brokers.add(record.broker_id)
            case UnregisterBrokerRecord():
                self._brokers_now().pop(record.broker_id, None)
                self.changed_brokers.add(record.broker_id)
            case BrokerRegistrationChangeRecord():
                broker = self._broker(record.broker_id)
                self._brokers_now()[record.broker_id] = broker.merge(record)
                self.changed_brokers.add(record.broker_id)
            case FenceBrokerRecord() | UnfenceBrokerRecord():
                broker = self._broker(record.id)
                self._brokers_now()[record.id] = broker.with_fenced(isinstance(record, FenceBrokerRecord))
                self.changed_brokers.add(record.id)
            case RegisterControllerRecord():
                if self._controllers is None:
                    self._controllers = dict(self.image.cluster.controllers)
                self._controllers[record.controller_id] = ControllerRegistration.from_record(record)
            case _:
                return False
        return True

    def _replay_security(self, record: MetadataRecord) -> bool:
        match record:
            case AccessControlEntryRecord():
                self._acls_now()[record.id] = record
            case RemoveAccessControlEntryRecord():
                self._acls_now().pop(record.id, None)
            case UserScramCredentialRecord():
                self._scram_now()[record.mechanism, record.name] = record
            case RemoveUserScramCredentialRecord():
                self._scram_now().pop((record.mechanism, record.name), None)
            case DelegationTokenRecord():
                self._tokens_now()[record.token_id] = record
            case RemoveDelegationTokenRecord():
                self._tokens_now().pop(record.token_id, None)
            case ClientQuotaRecord():
                self._replay_client_quota(record)
            case _:
                return False
        return True

    def _replay_partition_change(self, record: PartitionChangeRecord) -> None:
        before = self._topic(record.topic_id).partitions.get(record.partition_id)
        if before is None:
            raise MetadataError(f"a change of partition {record.partition_id}, which is not registered")
        self._set_partition(record.topic_id, record.partition_id, before.merge(record))

    def _set_partition(self, topic_id: bytes, index: int, registration: PartitionRegistration) -> None:
        topic = self._topic(topic_id)
        topic.partitions[index] = registration
        topic.partition_changes[index] = registration

    def _replay_remove_topic(self, record: RemoveTopicRecord) -> None:
        name = self._topic(record.topic_id).name
        del self.changed_topics[record.topic_id]
        self._topic_ids.pop(name, None)
        before = self.image.topics.by_id.get(record.topic_id)
        if before is not None:
            self.deleted_topics[record.topic_id] = before
        self._configs[2, name] = {}  # a topic's configs go with it, without records of their own
        self.changed_configs.add((2, name))

    def _replay_config(self, record: ConfigRecord) -> None:
        key = (record.resource_type, record.resource_name)
        configs = self._configs.get(key)
        if configs is None:
            configs = self._configs[key] = dict(self.image.configs.by_resource.get(key, {}))
        if record.value is None:
            configs.pop(record.name, None)
        else:
            configs[record.name] = record.value
        self.changed_configs.add(key)

    def _replay_feature_level(self, record: FeatureLevelRecord) -> None:
        self.changed_features.add(record.name)
        if record.name == METADATA_VERSION:
            self._metadata_version = record.feature_level
            return
        if self._levels is None:
            self._levels = dict(self.image.features.finalized_levels)
        if record.feature_level:
            self._levels[record.name] = record.feature_level
        else:
            self._levels.pop(record.name, None)

    def _replay_client_quota(self, record: ClientQuotaRecord) -> None:
        entity = tuple(sorted(((part.entity_type, part.entity_name) for part in record.entity), key=lambda p: p[0]))
        quotas = self._quotas.get(entity)
        if quotas is None:
            quotas = self._quotas[entity] = dict(self.image.client_quotas.by_entity.get(entity, {}))
        if record.remove:
            quotas.pop(record.key, None)
        else:
            quotas[record.key] = record.value

    def _replay_clear_elr(self, record: ClearElrRecord) -> None:
        if record.topic_name:
            topic_id = self._topic_ids.get(record.topic_name) or self.image.topics.id_of(record.topic_name)
            ids = [] if topic_id is None else [topic_id]
        else:
            ids = list({*self.image.topics.by_id, *self.changed_topics} - self.deleted_topics.keys())
        for topic_id in ids:
            for index, partition in list(self._topic(topic_id).partitions.items()):
                if partition.eligible_leader_replicas or partition.last_known_elr:
                    change = PartitionChangeRecord(partition_id=index, topic_id=topic_id)
                    change.eligible_leader_replicas, change.last_known_elr = [], []
                    self._set_partition(topic_id, index, partition.merge(change))

    # --- copies, made at the first change ------------------------------------------------------------------------

    def _topic(self, topic_id: bytes) -> TopicDelta:
        topic = self.changed_topics.get(topic_id)
        if topic is None:
            before = self.image.topics.by_id.get(topic_id)
            if before is None or topic_id in self.deleted_topics:
                raise MetadataError(f"no topic has the id {topic_id.hex()}")
            topic = TopicDelta(before.name, topic_id, dict(before.partitions))
            self.changed_topics[topic_id] = topic
        return topic

    def _broker(self, broker_id: int) -> BrokerRegistration:
        broker = self._brokers_now().get(broker_id)
        if broker is None:
            raise MetadataError(f"a change of broker {broker_id}, which is not registered")
        return broker

    def _brokers_now(self) -> dict[int, BrokerRegistration]:
        if self._brokers is None:
            self._brokers = dict(self.image.cluster.brokers)
        return self._brokers

    def _acls_now(self) -> dict[bytes, AccessControlEntryRecord]:
        if self._acls is None:
            self._acls = dict(self.image.acls.by_id)
        return self._acls

    def _scram_now(self) -> dict[tuple[int, str], UserScramCredentialRecord]:
        if self._scram is None:
            self._scram = dict(self.image.scram.credentials)
        return self._scram

    def _tokens_now(self) -> dict[str, DelegationTokenRecord]:
        if self._tokens is None:
            self._tokens = dict(self.image.delegation_tokens.by_id)
        return self._tokens

    # --- apply --------------------------------------------------------------------------------------------------

    def apply(self, *, offset: int, epoch: int, timestamp_ms: int) -> MetadataImage:
        """The image after: of the record at `offset`, of the leader `epoch`, appended at `timestamp_ms`."""
        image = self.image
        return MetadataImage(
            offset=offset,
            epoch=epoch,
            timestamp_ms=timestamp_ms,
            features=self._features(),
            cluster=self._cluster(),
            topics=self._topics(),
            configs=self._all_configs(),
            client_quotas=self._client_quotas(),
            producer_ids=(
                image.producer_ids
                if self._next_producer_id == image.producer_ids.next_producer_id
                else ProducerIdsImage(self._next_producer_id)
            ),
            acls=image.acls if self._acls is None else AclsImage(self._acls),
            scram=image.scram if self._scram is None else ScramImage(self._scram),
            delegation_tokens=(
                image.delegation_tokens if self._tokens is None else DelegationTokensImage(self._tokens)
            ),
        )

    def _features(self) -> FeaturesImage:
        before = self.image.features
        if not self.changed_features:
            return before
        return FeaturesImage(self._metadata_version, before.finalized_levels if self._levels is None else self._levels)

    def _cluster(self) -> ClusterImage:
        before = self.image.cluster
        if self._brokers is None and self._controllers is None:
            return before
        return ClusterImage(
            brokers=before.brokers if self._brokers is None else self._brokers,
            controllers=before.controllers if self._controllers is None else self._controllers,
        )

    def _topics(self) -> TopicsImage:
        before = self.image.topics
        if not self.changed_topics and not self.deleted_topics:
            return before
        by_id = dict(before.by_id)
        by_name = dict(before.by_name)
        for topic_id, deleted in self.deleted_topics.items():
            del by_id[topic_id]
            del by_name[deleted.name]
        for topic_id, topic in self.changed_topics.items():
            by_id[topic_id] = by_name[topic.name] = TopicImage(topic.name, topic_id, topic.partitions)
        return TopicsImage(by_name=by_name, by_id=by_id)

    def _all_configs(self) -> ConfigsImage:
        if not self._configs:
            return self.image.configs
        merged = {**self.image.configs.by_resource, **self._configs}
        return ConfigsImage({key: configs for key, configs in merged.items() if configs})

    def _client_quotas(self) -> ClientQuotasImage:
        if not self._quotas:
            return self.image.client_quotas
        merged = {**self.image.client_quotas.by_entity, **self._quotas}
        return ClientQuotasImage({entity: quotas for entity, quotas in merged.items() if quotas})
