"""A controller's decisions without a log: decide, encode and decode the records, replay them, look at the image."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, TypeVar

from ottla.broker.config_schema import ServerConfigSchema
from ottla.metadata.controller.bootstrap import activate, default_bootstrap_records
from ottla.metadata.controller.brokers import register_broker, unfence_broker
from ottla.metadata.controller.result import ControllerResult, ControllerView
from ottla.metadata.controller.topics import TopicDefaults, create_topics
from ottla.metadata.features import SUPPORTED_FEATURES
from ottla.metadata.loader import MetadataLoader
from ottla.metadata.record_serde import VersionedRecord, decode_record, encode_record
from ottla.protocol.api.broker_registration import BrokerRegistrationRequest, Feature, Listener
from ottla.protocol.api.create_topics import (
    CreatableReplicaAssignment,
    CreatableTopic,
    CreatableTopicConfig,
    CreateTopicsRequest,
)
from ottla.runtime.config.server_config import ServerConfig

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ottla.metadata.controller.result import Decision
    from ottla.metadata.image import MetadataImage
    from ottla.metadata.registration import SupportedRange
    from ottla.protocol.api.create_topics import CreatableTopicResult
    from ottla.protocol.message import MetadataRecord

T = TypeVar("T")

CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qg"
NOW_MS = 1_700_000_000_000


def directory_of(broker_id: int) -> bytes:
    return bytes(15) + bytes([100 + broker_id])


class Controller:
    def __init__(self, properties: Mapping[str, str] | None = None) -> None:
        self.schema = ServerConfigSchema(ServerConfig.from_properties(dict(properties or {})))
        self.defaults = TopicDefaults()
        self.records: list[VersionedRecord] = []
        """Of the last decision."""
        self._loader = MetadataLoader()
        self._random = Random(7)
        self.decide(lambda view: activate(view, default_bootstrap_records(), 1))

    @property
    def image(self) -> MetadataImage:
        return self._loader.image

    def decide(self, decision: Decision[T]) -> T:
        view = ControllerView(image=self.image, next_offset=self._loader.offset + 1, now_ms=NOW_MS, random=self._random)
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
            rack=None,
            log_dirs=[directory_of(broker_id)],
            previous_broker_epoch=previous_epoch,
        )
        return self.decide(lambda view: register_broker(view, self.schema, request, cluster_id=CLUSTER_ID))

    def unfence(self, broker_id: int, epoch: int) -> None:
        self.decide(lambda view: unfence_broker(view, self.schema, broker_id, epoch))

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
