"""A controller's decisions without a log: decide, encode and decode the records, replay them, look at the image."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, TypeVar

from ottla.broker.config_schema import ServerConfigSchema
from ottla.metadata.controller.bootstrap import activate, default_bootstrap_records
from ottla.metadata.controller.broker_heartbeat import broker_heartbeat
from ottla.metadata.controller.brokers import register_broker, unfence_broker
from ottla.metadata.controller.heartbeats import BrokerHeartbeats
from ottla.metadata.controller.result import ControllerResult, ControllerView
from ottla.metadata.controller.topics import TopicDefaults, create_topics
from ottla.metadata.features import SUPPORTED_FEATURES
from ottla.metadata.loader import MetadataLoader
from ottla.metadata.record_serde import VersionedRecord, decode_record, encode_record
from ottla.protocol.api.broker_heartbeat import BrokerHeartbeatRequest
from ottla.protocol.api.broker_registration import BrokerRegistrationRequest, Feature, Listener
from ottla.protocol.api.create_topics import (
    CreatableReplicaAssignment,
    CreatableTopic,
    CreatableTopicConfig,
    CreateTopicsRequest,
)
from ottla.runtime.config.static_config import server_config_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ottla.metadata.controller.result import Decision
    from ottla.metadata.image import MetadataImage
    from ottla.metadata.partition import PartitionRegistration
    from ottla.metadata.registration import SupportedRange
    from ottla.protocol.api.broker_heartbeat import BrokerHeartbeatResponse
    from ottla.protocol.api.create_topics import CreatableTopicResult
    from ottla.protocol.message import MetadataRecord

T = TypeVar("T")

CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qg"
NOW_MS = 1_700_000_000_000


def directory_of(broker_id: int) -> bytes:
    return bytes(15) + bytes([100 + broker_id])


class Controller:
    def __init__(self, properties: Mapping[str, str] | None = None) -> None:
        self.schema = ServerConfigSchema(server_config_of(dict(properties or {})))
        self.defaults = TopicDefaults()
        self.heartbeats = BrokerHeartbeats()
        self.monotonic_ms: float = 1_000
        self.records: list[VersionedRecord] = []
        """Of the last decision."""
        self._loader = MetadataLoader()
        self._random = Random(7)
        self.decide(lambda view: activate(view, default_bootstrap_records(), 1))

    @property
    def image(self) -> MetadataImage:
        return self._loader.image

    def decide(self, decision: Decision[T]) -> T:
        view = ControllerView(
            image=self.image,
            next_offset=self._loader.offset + 1,
            now_ms=NOW_MS,
            monotonic_ms=self.monotonic_ms,
            random=self._random,
        )
        result = decision(view)
        self.records = list(result.records)
        if self.records:
            replayed = [decode_record(encode_record(record)) for record in self.records]
            self._loader.take(replayed, self._loader.offset + len(replayed))
            self._loader.publish(epoch=1, timestamp_ms=NOW_MS)
        return result.response

    def replay(self, *records: MetadataRecord) -> None:
        """As if the controller had decided them."""
        self.decide(lambda _: ControllerResult([VersionedRecord(record, 0) for record in records], None))

    @property
    def written(self) -> list[MetadataRecord]:
        return [versioned.record for versioned in self.records]

    def register(
        self,
        broker_id: int,
        *,
        incarnation: int = 1,
        previous_epoch: int = -1,
        features: Mapping[str, SupportedRange] = SUPPORTED_FEATURES,
        rack: str | None = None,
        directories: Sequence[bytes] | None = None,
        api_version: int = BrokerRegistrationRequest.versions.latest,
    ) -> int:
        request = BrokerRegistrationRequest(
            broker_id=broker_id,
            cluster_id=CLUSTER_ID,
            incarnation_id=bytes([incarnation]) * 16,
            listeners=[Listener(name="PLAINTEXT", host="localhost", port=9000 + broker_id, security_protocol=0)],
            features=[
                Feature(name=name, min_supported_version=levels.min_level, max_supported_version=levels.max_level)
                for name, levels in features.items()
            ],
            rack=rack,
            log_dirs=[directory_of(broker_id)] if directories is None else list(directories),
            previous_broker_epoch=previous_epoch,
        )
        return self.decide(
            lambda view: register_broker(
                view,
                self.schema,
                self.heartbeats,
                request,
                api_version=api_version,
                cluster_id=CLUSTER_ID,
                kraft_version=1,
            )
        )

    def unfence(self, broker_id: int, epoch: int) -> None:
        self.decide(lambda view: unfence_broker(view, self.schema, broker_id, epoch))

    def heartbeat(
        self,
        broker_id: int,
        *,
        epoch: int | None = None,
        offset: int | None = None,
        want_fence: bool = False,
        want_shut_down: bool = False,
        offline: Sequence[bytes] = (),
        cordoned: Sequence[bytes] | None = None,
    ) -> BrokerHeartbeatResponse:
        """Without `epoch` and `offset`: of the run that is registered, and with all of the metadata."""
        request = BrokerHeartbeatRequest(
            broker_id=broker_id,
            broker_epoch=self.image.cluster.brokers[broker_id].epoch if epoch is None else epoch,
            current_metadata_offset=self.image.offset if offset is None else offset,
            want_fence=want_fence,
            want_shut_down=want_shut_down,
            offline_log_dirs=list(offline),
            cordoned_log_dirs=None if cordoned is None else list(cordoned),
        )
        return self.decide(lambda view: broker_heartbeat(view, self.schema, self.heartbeats, request))

    def add_live_brokers(self, *broker_ids: int) -> None:
        """Unfenced by heartbeats: they have sessions."""
        for broker_id in broker_ids:
            self.register(broker_id)
            self.heartbeat(broker_id, cordoned=[])

    def partition(self, index: int = 0, topic: str = "t") -> PartitionRegistration:
        return self.image.topics.by_name[topic].partitions[index]

    def add_brokers(self, *broker_ids: int) -> None:
        for broker_id in broker_ids:
            self.unfence(broker_id, self.register(broker_id))

    def create(self, *topics: CreatableTopic, validate_only: bool = False) -> list[CreatableTopicResult]:
        request = CreateTopicsRequest(topics=list(topics), validate_only=validate_only)
        return self.decide(lambda view: create_topics(view, self.schema, self.defaults, request)).topics


def topic(
    name: str,
    partitions: int = 1,
    replication_factor: int = 1,
    *,
    configs: Mapping[str, str | None] | None = None,
    assignments: Sequence[Sequence[int]] = (),
) -> CreatableTopic:
    return CreatableTopic(
        name=name,
        num_partitions=-1 if assignments else partitions,
        replication_factor=-1 if assignments else replication_factor,
        assignments=[
            CreatableReplicaAssignment(partition_index=index, broker_ids=list(replicas))
            for index, replicas in enumerate(assignments)
        ],
        configs=[CreatableTopicConfig(name=key, value=value) for key, value in (configs or {}).items()],
    )
