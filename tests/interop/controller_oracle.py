"""Apache Kafka's active controller and our decisions, asked the same, one request at a time.

`Oracle.ask` sends a request to the real controller, reads what it appended to `__cluster_metadata-0`, decides the same
request with ours over the same metadata, and notes what differs: in the answer, in the records, in their versions.
Then Apache Kafka's records are replayed, so that both go on from the same metadata. What is drawn (topic ids, where
replicas are placed) is replaced by what must hold for it. Partitions may come in another order: Apache Kafka's is that
of its hash maps.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import groupby
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

from tests.peers.apache_kafka import CLUSTER_ID

from ottla.metadata.controller.alter_partition import alter_partition
from ottla.metadata.controller.assign_replicas_to_dirs import assign_replicas_to_dirs
from ottla.metadata.controller.broker_heartbeat import broker_heartbeat
from ottla.metadata.controller.brokers import (
    records_for_fencing,
    register_broker,
    unregister_broker,
)
from ottla.metadata.controller.configs import ConfigChange, ConfigOperation, incremental_alter_configs
from ottla.metadata.controller.controllers import register_other_controller
from ottla.metadata.controller.elections import elect_leaders
from ottla.metadata.controller.features import FeatureQuorum, FeatureUpdate, update_features
from ottla.metadata.controller.heartbeats import NO_OFFSET, BrokerHeartbeats
from ottla.metadata.controller.partitions import create_partitions
from ottla.metadata.controller.producer_ids import answer_allocation
from ottla.metadata.controller.reassignments import alter_partition_reassignments, list_partition_reassignments
from ottla.metadata.controller.result import ControllerResult, ControllerView
from ottla.metadata.controller.topics import TopicDefaults, create_topics, delete_topics
from ottla.metadata.loader import MetadataLoader
from ottla.metadata.record_serde import VersionedRecord, encode_record
from ottla.protocol.api.allocate_producer_ids import AllocateProducerIdsRequest
from ottla.protocol.api.alter_partition import AlterPartitionRequest
from ottla.protocol.api.alter_partition_reassignments import AlterPartitionReassignmentsRequest
from ottla.protocol.api.assign_replicas_to_dirs import AssignReplicasToDirsRequest
from ottla.protocol.api.broker_heartbeat import BrokerHeartbeatRequest
from ottla.protocol.api.broker_registration import BrokerRegistrationRequest, BrokerRegistrationResponse
from ottla.protocol.api.controller_registration import ControllerRegistrationRequest
from ottla.protocol.api.create_partitions import CreatePartitionsRequest
from ottla.protocol.api.create_topics import CreateTopicsRequest, CreateTopicsResponse
from ottla.protocol.api.delete_topics import DeleteTopicsRequest, DeleteTopicsResponse
from ottla.protocol.api.elect_leaders import ElectLeadersRequest
from ottla.protocol.api.incremental_alter_configs import IncrementalAlterConfigsRequest
from ottla.protocol.api.list_partition_reassignments import ListPartitionReassignmentsRequest
from ottla.protocol.api.unregister_broker import UnregisterBrokerRequest
from ottla.protocol.api.update_features import UpdateFeaturesRequest
from ottla.protocol.api_keys import API, ApiKey
from ottla.protocol.errors import ErrorCode, KafkaError
from ottla.protocol.message import Struct
from ottla.protocol.metadata_record.broker_registration_change_record import BrokerRegistrationChangeRecord
from ottla.protocol.metadata_record.frame import decode_metadata_record
from ottla.protocol.metadata_record.partition_change_record import PartitionChangeRecord
from ottla.protocol.metadata_record.partition_record import PartitionRecord
from ottla.protocol.metadata_record.register_broker_record import RegisterBrokerRecord
from ottla.protocol.metadata_record.topic_record import TopicRecord
from ottla.protocol.types import ZERO_UUID
from ottla.raft.batches import ReadBatch, read_batches

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.interop.connection import Connection

    from ottla.metadata.controller.config_schema import ConfigSchema
    from ottla.metadata.image import MetadataImage
    from ottla.protocol.message import MetadataRecord, Request, Response

T = TypeVar("T")

NODE_ID = 3000
TIMEOUT_S = 60
IGNORED = ("error_message", "throttle_time_ms")
"""Texts are our own."""


class Oracle:
    def __init__(
        self,
        connection: Connection,
        log: Path,
        schema: ConfigSchema,
        session_timeout_ms: int,
        *,
        is_apache_kafka: bool = True,
    ) -> None:
        """`log`: the file of the controller that is asked; `is_apache_kafka`: with habits that we do not share."""
        self._is_apache_kafka = is_apache_kafka
        self.differences: list[str] = []
        self.asked = 0
        self.records: list[VersionedRecord] = []
        """What Apache Kafka wrote for the last request."""
        self.heartbeats = BrokerHeartbeats(session_timeout_ms)
        self.kraft_version = 0
        self._connection = connection
        self._log = log
        self._position = 0
        self._schema = schema
        self._defaults = TopicDefaults()
        self._random = Random(1)
        self._loader = MetadataLoader()
        self._names: dict[bytes, str] = {}

    @property
    def image(self) -> MetadataImage:
        return self._loader.image

    @property
    def names(self) -> dict[bytes, str]:
        return self._names

    def use(self, connection: Connection) -> None:
        self._connection = connection

    async def take_over(self, last: type[MetadataRecord]) -> list[str]:
        """Apache Kafka's controller becomes active: take its log as it is. The types of the records that it wrote."""
        types: list[str] = []
        async with asyncio.timeout(TIMEOUT_S):
            while last.__name__ not in types:
                await asyncio.sleep(0.05)
                for batch in self._read():
                    types += [type(versioned.record).__name__ for versioned in self._replay(batch)]
        self.heartbeats.activate(self.image, self._monotonic_ms)
        return types

    # ── Apache Kafka ───────────────────────────────────────────────────────────────────────────────────────────────

    async def ask(self, name: str, request: Request, version: int, *, placed: bool = False) -> Response:
        """`placed`: where replicas lie is drawn. The answer is Apache Kafka's."""
        self.asked += 1
        decided = type(request).decode(request.encode(version), version)  # what the controller sees of it
        ours = self._decide(decided, version)
        response_class = API[ApiKey(request.api_key)].response
        theirs = await self._connection.ask(request, version, response_class)
        self.records = []
        for batch in self._read():
            self.records += self._replay(batch)
        self._compare(name, theirs, self.records, ours, placed=placed, version=version)
        return theirs

    async def keep_alive(self, request: BrokerHeartbeatRequest) -> None:
        """A heartbeat that changes nothing, while sessions of others end."""
        decided = self._decide(request, 1)
        assert isinstance(decided, ControllerResult)
        assert not decided.records
        await self._connection.ask(request, 1, API[ApiKey.BROKER_HEARTBEAT].response)

    def fenced_by_time(self) -> list[int]:
        """Whom Apache Kafka has fenced since; ours must agree that the session is over. A batch may be of several."""
        fenced = []
        for batch in self._read():
            offset, values = batch.base_offset, list[bytes]()
            for value in batch.values:
                values.append(value)
                last, _ = decode_metadata_record(value)
                if isinstance(last, BrokerRegistrationChangeRecord):
                    end = offset + len(values) - 1
                    self._fenced(last.broker_id, replace(batch, base_offset=offset, last_offset=end, values=values))
                    fenced.append(last.broker_id)
                    offset, values = end + 1, []
            assert not values
        return fenced

    def _fenced(self, broker_id: int, batch: ReadBatch) -> None:
        if self.heartbeats.has_valid_session(broker_id, self._monotonic_ms):
            self.differences.append(f"the session of {broker_id} is not over")
        ours = ControllerResult(
            records_for_fencing(self._view, self._schema, self.image.cluster.brokers[broker_id]), None
        )
        self.heartbeats.fence(broker_id)
        self._compare(f"session of {broker_id}", None, self._replay(batch), ours, placed=False, version=0)

    def _read(self) -> list[ReadBatch]:
        with self._log.open("rb") as file:
            file.seek(self._position)
            data = file.read()
        batches = list(read_batches(data))
        self._position += sum(batch.size for batch in batches)
        return batches

    def _replay(self, batch: ReadBatch) -> list[VersionedRecord]:
        records = [VersionedRecord(*decode_metadata_record(value)) for value in batch.values]
        for versioned in records:
            if self._is_apache_kafka and isinstance(versioned.record, PartitionChangeRecord):
                self._forget_strangers(versioned.record)
            if isinstance(versioned.record, TopicRecord):
                self._names[versioned.record.topic_id] = versioned.record.name
            if isinstance(versioned.record, RegisterBrokerRecord | BrokerRegistrationChangeRecord):
                self._forget_offset(versioned.record.broker_id)
        self._loader.take([versioned.record for versioned in records], batch.last_offset)
        self._loader.publish(epoch=batch.epoch, timestamp_ms=batch.timestamp_ms)
        return records

    def _forget_offset(self, broker_id: int) -> None:
        """Apache Kafka does when it replays a change of a registration; the next heartbeat tells it again."""
        state = self.heartbeats.state(broker_id)
        if state is not None and self._is_apache_kafka:
            state.metadata_offset = NO_OFFSET

    # ── Ottla ──────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def _monotonic_ms(self) -> float:
        return asyncio.get_running_loop().time() * 1_000

    @property
    def _view(self) -> ControllerView:
        return ControllerView(
            image=self.image,
            next_offset=self._loader.offset + 1,
            now_ms=0,
            monotonic_ms=self._monotonic_ms,
            random=self._random,
        )

    def _decide(self, request: Request, version: int) -> ControllerResult[Any] | KafkaError:
        try:
            return self._decision(self._view, request, version)
        except KafkaError as error:
            return error

    def _decision(self, view: ControllerView, request: Request, version: int) -> ControllerResult[Any]:
        schema, heartbeats = self._schema, self.heartbeats
        match request:
            case BrokerRegistrationRequest():
                registered = register_broker(
                    view,
                    schema,
                    heartbeats,
                    request,
                    api_version=version,
                    cluster_id=CLUSTER_ID,
                    kraft_version=self.kraft_version,
                )
                answer = BrokerRegistrationResponse(error_code=ErrorCode.NONE, broker_epoch=registered.response)
                return ControllerResult(registered.records, answer)
            case BrokerHeartbeatRequest():
                answered = broker_heartbeat(view, schema, heartbeats, request)
                if self._is_apache_kafka:  # the session of a broker that may stop goes on
                    heartbeats.contact(request.broker_id, request.broker_epoch, view.monotonic_ms)
                return answered
            case AlterPartitionRequest():
                return alter_partition(view, schema, request, api_version=version)
            case AssignReplicasToDirsRequest():
                return assign_replicas_to_dirs(view, schema, request)
            case AllocateProducerIdsRequest():
                return answer_allocation(view, request)
            case ControllerRegistrationRequest():
                return register_other_controller(view, request)
            case UnregisterBrokerRequest():
                return unregister_broker(view, schema, request.broker_id, heartbeats)
            case ElectLeadersRequest():
                return elect_leaders(view, schema, request)
            case AlterPartitionReassignmentsRequest():
                return alter_partition_reassignments(view, schema, request)
            case ListPartitionReassignmentsRequest():
                return list_partition_reassignments(view, request)
            case CreateTopicsRequest():
                return create_topics(view, schema, self._defaults, request)
            case CreatePartitionsRequest():
                return create_partitions(view, request)
            case DeleteTopicsRequest():
                deleted = delete_topics(view, request.topics)
                return ControllerResult(deleted.records, DeleteTopicsResponse(responses=deleted.response))
            case IncrementalAlterConfigsRequest():
                changes = {
                    (one.resource_type, one.resource_name): [
                        ConfigChange(c.name, ConfigOperation(c.config_operation), c.value) for c in one.configs
                    ]
                    for one in request.resources
                }
                altered = incremental_alter_configs(view, schema, changes, validate_only=request.validate_only)
                errors = [error for error in altered.response.values() if error is not None]
                if errors:
                    raise errors[0]
                return ControllerResult(altered.records, None)
            case UpdateFeaturesRequest():
                updated = update_features(
                    view,
                    schema,
                    {u.feature: FeatureUpdate(u.max_version_level, u.upgrade_type) for u in request.feature_updates},
                    quorum=FeatureQuorum(NODE_ID, (NODE_ID,), self.kraft_version),
                    validate_only=request.validate_only,
                )
                return ControllerResult(updated.records, None)
        raise AssertionError(f"no decision for {type(request).__name__}")

    # ── what differs ───────────────────────────────────────────────────────────────────────────────────────────────

    def _compare(
        self,
        name: str,
        answer: Response | None,
        records: Sequence[VersionedRecord],
        ours: ControllerResult[Any] | KafkaError,
        *,
        placed: bool,
        version: int,
    ) -> None:
        if isinstance(ours, KafkaError):
            expected, decided, written = first_error(answer), int(ours.code), []
        else:
            written = [VersionedRecord(*decode_metadata_record(encode_record(one))) for one in ours.records]
            for versioned in written:
                if isinstance(versioned.record, TopicRecord):
                    self._names[versioned.record.topic_id] = versioned.record.name
            expected, decided = first_error(answer), int(ErrorCode.NONE)
            if answer is not None and ours.response is not None:
                seen = type(answer).decode(ours.response.encode(version), version)
                expected, decided = self._answer(answer, placed=placed), self._answer(seen, placed=placed)
        if expected != decided:
            self.differences.append(f"{name}: Apache Kafka answers {expected}, we {decided}")
        theirs, mine = self._comparable(records, placed=placed), self._comparable(written, placed=placed)
        if theirs != mine:
            self.differences.append(f"{name}: Apache Kafka writes\n  {theirs}\nwe\n  {mine}")

    def _forget_strangers(self, record: PartitionChangeRecord) -> None:
        """Here whoever is moved away is not eligible any more (docs/gaps.md, eligible leaders)."""
        eligible = record.eligible_leader_replicas
        topic = self.image.topics.by_id.get(record.topic_id)
        if eligible is None or topic is None:
            return
        known = topic.partitions[record.partition_id]
        kept = [one for one in eligible if one in (known.replicas if record.replicas is None else record.replicas)]
        record.eligible_leader_replicas = None if tuple(kept) == known.eligible_leader_replicas else kept

    def _comparable(self, records: Sequence[VersionedRecord], *, placed: bool) -> list[Any]:
        """Neighbours of one type are sorted where they are changes of partitions."""
        plain = []
        for versioned in records:
            shown = {"type": type(versioned.record).__name__, "version": versioned.version}
            fields = self._plain(versioned.record)
            if placed and isinstance(versioned.record, PartitionRecord):
                fields = self._placed(versioned.record, fields)
            plain.append(shown | fields)
        result: list[Any] = []
        for kind, group in groupby(plain, key=lambda one: one["type"]):
            run = list(group)
            result += sorted(run, key=str) if kind.startswith("Partition") else run
        return result

    def _placed(self, record: PartitionRecord, fields: dict[str, Any]) -> dict[str, Any]:
        brokers = self.image.cluster.brokers
        holders = [brokers[replica] for replica in record.replicas]
        alive = [broker.broker_id for broker in holders if broker.active]
        directories = [one.directories[0] if len(one.directories) == 1 else bytes(15) + b"\x01" for one in holders]
        return fields | {
            "replicas": (len(record.replicas), len({broker.rack for broker in holders})),
            "isr": record.isr == alive,
            "leader": record.leader == alive[0],
            "directories": not record.directories or record.directories == directories,
        }

    def _plain(self, value: Any) -> Any:
        if isinstance(value, Struct):
            return {
                field.name: self._plain(getattr(value, field.name))
                for field in type(value).schema
                if field.name not in IGNORED
            }
        if isinstance(value, list):
            plain = [self._plain(item) for item in value]
            return sorted(plain, key=str) if value and isinstance(value[0], Struct) else plain
        return self._names.get(value, value) if isinstance(value, bytes) else value

    def _answer(self, answer: Response, *, placed: bool) -> Any:
        plain = self._plain(answer)
        if placed and isinstance(answer, CreateTopicsResponse):  # perhaps only tried: then its id is in no record
            for topic in plain["topics"]:
                topic["topic_id"] = topic["topic_id"] != ZERO_UUID
        return plain


def first_error(answer: Any) -> int:
    """The error of an answer: its own, or else the first that is in it."""
    if isinstance(answer, Struct):
        code = getattr(answer, "error_code", 0)
        if code:
            return int(code)
        values = [getattr(answer, field.name) for field in type(answer).schema]
        return next((found for value in values if isinstance(value, list) and (found := first_error(value))), 0)
    if isinstance(answer, list):
        return next((found for item in answer if (found := first_error(item))), 0)
    return 0
