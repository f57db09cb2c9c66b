"""A node's replicas without a node: real logs in a directory, metadata by records, a clock and timers of our own."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from ottla.broker.apis.fetch import FetchHandler
from ottla.broker.apis.produce import ProduceHandler
from ottla.broker.replica.fetch_session import FetchSessionCache
from ottla.broker.replica.leadership import LeaderContext, Leadership
from ottla.broker.replica.log_config import LogConfigs
from ottla.broker.replica.partition import Partition
from ottla.broker.replica.replica_manager import ReplicaManager
from ottla.broker.replica.replication_quota import ReplicationQuota
from ottla.broker.request_context import ClientConnection, RequestContext
from ottla.log.manager import LogManager
from ottla.metadata.delta import MetadataDelta
from ottla.metadata.image import EMPTY_IMAGE
from ottla.protocol.api.fetch import (
    FetchableTopicResponse,
    FetchPartition,
    FetchRequest,
    FetchResponse,
    FetchTopic,
    ForgottenTopic,
    PartitionData,
    ReplicaState,
)
from ottla.protocol.api.produce import (
    PartitionProduceData,
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
)
from ottla.protocol.codec import encode_into
from ottla.protocol.metadata_record.config_record import ConfigRecord
from ottla.protocol.metadata_record.partition_change_record import PartitionChangeRecord
from ottla.protocol.metadata_record.partition_record import PartitionRecord
from ottla.protocol.metadata_record.register_broker_record import BrokerEndpoint, RegisterBrokerRecord
from ottla.protocol.metadata_record.remove_topic_record import RemoveTopicRecord
from ottla.protocol.metadata_record.topic_record import TopicRecord
from ottla.protocol.record import RecordBatchBuilder, iterate_records
from ottla.runtime.disk import Disk
from ottla.runtime.files import FileRegion

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from ottla.broker.replica.isr_changes import IsrChanges
    from ottla.broker.replica.replica_manager import Replication
    from ottla.metadata.image import MetadataImage
    from ottla.protocol.message import MetadataRecord, Request, Response
    from ottla.protocol.record import Record
    from ottla.protocol.types import Region

NODE_ID = 1
BROKER_EPOCH = 0
LAG_TIME_MAX_MS = 30_000
START_MS = 1_700_000_000_000
LISTENER = "PLAINTEXT"

RequestT = TypeVar("RequestT", bound="Request")
ResponseT = TypeVar("ResponseT", bound="Response")


class ManualClock:
    def __init__(self) -> None:
        self.ms = START_MS

    def now_ms(self) -> int:
        return self.ms

    def monotonic_ms(self) -> float:
        return float(self.ms)


@dataclass(eq=False)
class ManualTimer:
    due_ms: float
    callback: Callable[[], None]
    on_cancel: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True
        self.on_cancel()


class ManualTimers:
    """`Timers` that come when the test moves the clock. `armed`, `cancelled`: one was, since the event was cleared."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._timers: list[ManualTimer] = []
        self.armed = asyncio.Event()
        self.cancelled = asyncio.Event()

    def call_later(self, delay_ms: float, callback: Callable[[], None]) -> ManualTimer:
        timer = ManualTimer(self._clock.ms + delay_ms, callback, self.cancelled.set)
        self._timers.append(timer)
        self.armed.set()
        return timer

    @property
    def pending(self) -> int:
        return sum(not timer.cancelled for timer in self._timers)

    def advance(self, ms: int) -> None:
        self._clock.ms += ms
        due = [timer for timer in self._timers if timer.due_ms <= self._clock.ms]
        self._timers = [timer for timer in self._timers if timer not in due]
        for timer in due:
            if not timer.cancelled:
                timer.callback()


class LeadingOnly:
    """The half of `Replication` that leads. `followed`: whom a fetcher would fetch from, by partition."""

    def __init__(self, replicas: Replicas, isr_changes: IsrChanges | None) -> None:
        self._replicas = replicas
        self._isr_changes = isr_changes
        self.followed: dict[Partition, int] = {}
        self.quota = ReplicationQuota("leader", NODE_ID, replicas.clock, windows=11, window_ms=1000)

    def new_leadership(self, partition: Partition) -> Leadership:
        assert self._isr_changes is not None
        context = LeaderContext(
            node_id=self._replicas.node_id,
            clock=self._replicas.clock,
            cluster=lambda: self._replicas.manager.image.cluster,
            broker_epoch=lambda: BROKER_EPOCH,
            isr_changes=self._isr_changes,
            lag_time_max_ms=lambda: LAG_TIME_MAX_MS,
            quota=self.quota,
        )
        return Leadership(partition, context)

    def follow(self, partition: Partition) -> None:
        self.followed[partition] = partition.leader

    def unfollow(self, partition: Partition) -> None:
        self.followed.pop(partition, None)

    def on_metadata(self, delta: MetadataDelta, image: MetadataImage) -> None:
        self.quota.update(image)
        for partition in self._replicas.manager.partitions():
            if partition.leadership is not None:
                partition.leadership.expand()


class Replicas:
    """A `ReplicaManager` with its handlers. Every request and answer goes through its bytes."""

    def __init__(
        self,
        directory: Path,
        *,
        session_slots: int = 10,
        fetch_max_bytes: int = 57_671_680,
        isr_changes: IsrChanges | None = None,
        node_id: int = NODE_ID,
    ) -> None:
        """With `isr_changes` it leads followers; they fetch by requests of the test."""
        self.node_id = node_id
        self.clock = ManualClock()
        self.timers = ManualTimers(self.clock)
        self.reports: list[str] = []
        self.replication: Replication = LeadingOnly(self, isr_changes)
        log_configs = LogConfigs(NODE_ID, {}, self.reports.append)
        deleted_names = itertools.count(1)
        self.logs = LogManager(Disk(), [directory], self.clock, unique=lambda: next(deleted_names).to_bytes(16, "big"))
        self.logs.open_all(lambda topic: log_configs(EMPTY_IMAGE, topic))
        self.manager = ReplicaManager(
            node_id=node_id,
            logs=self.logs,
            clock=self.clock,
            log_config=log_configs,
            report=self.reports.append,
            replication=None if isr_changes is None else lambda: self.replication,
        )
        session_ids = itertools.count(1)
        self.sessions = FetchSessionCache(session_slots, lambda: next(session_ids))
        self.produce_handler = ProduceHandler(self.manager, self.clock, self.timers)
        self.fetch_handler = FetchHandler(
            self.manager,
            self.sessions,
            self.clock,
            self.timers,
            fetch_max_bytes=fetch_max_bytes,
            sends_to_racks=True,
        )
        self.connection = ClientConnection(client_host="127.0.0.1", client_port=1, listener=LISTENER)
        self._image = EMPTY_IMAGE
        self._next_id = itertools.count(1)
        self.register_broker(NODE_ID, 9092)

    # --- metadata ---

    def replay(self, *records: MetadataRecord) -> None:
        delta = MetadataDelta(self._image)
        for record in records:
            delta.replay(record)
        self._image = delta.apply(offset=self._image.offset + 1, epoch=1, timestamp_ms=self.clock.ms)
        self.manager.on_metadata(delta, self._image)

    def register_broker(
        self, broker_id: int, port: int, *, epoch: int = BROKER_EPOCH, fenced: bool = False, rack: str | None = "r1"
    ) -> None:
        self.replay(
            RegisterBrokerRecord(
                broker_id=broker_id,
                incarnation_id=bytes([broker_id] * 16),
                broker_epoch=epoch,
                end_points=[BrokerEndpoint(name=LISTENER, host="localhost", port=port, security_protocol=0)],
                features=[],
                rack=rack,
                fenced=fenced,
            )
        )

    def create_topic(
        self,
        name: str,
        partitions: int = 1,
        *,
        replicas: Sequence[int] = (NODE_ID,),
        isr: Sequence[int] | None = None,
        leader: int = NODE_ID,
        configs: dict[str, str] | None = None,
    ) -> bytes:
        topic_id = next(self._next_id).to_bytes(16, "big")
        records: list[MetadataRecord] = [TopicRecord(name=name, topic_id=topic_id)]
        records.extend(
            ConfigRecord(resource_type=2, resource_name=name, name=key, value=value)
            for key, value in (configs or {}).items()
        )
        records.extend(
            PartitionRecord(
                partition_id=index,
                topic_id=topic_id,
                replicas=list(replicas),
                isr=list(replicas if isr is None else isr),
                removing_replicas=[],
                adding_replicas=[],
                leader=leader,
                leader_epoch=0,
                partition_epoch=0,
            )
            for index in range(partitions)
        )
        self.replay(*records)
        return topic_id

    def change(self, topic_id: bytes, index: int = 0, *, leader: int = -2, isr: list[int] | None = None) -> None:
        self.replay(PartitionChangeRecord(partition_id=index, topic_id=topic_id, leader=leader, isr=isr))

    def move(self, topic_id: bytes, replicas: list[int]) -> None:
        """Partition 0 to other replicas, the first of which leads."""
        self.replay(
            PartitionChangeRecord(
                partition_id=0, topic_id=topic_id, replicas=replicas, isr=replicas, leader=replicas[0]
            )
        )

    def configure(self, topic: str, name: str, value: str | None) -> None:
        self.replay(ConfigRecord(resource_type=2, resource_name=topic, name=name, value=value))

    def delete_topic(self, topic_id: bytes) -> None:
        self.replay(RemoveTopicRecord(topic_id=topic_id))

    def partition(self, name: str, index: int = 0) -> Partition:
        found = self.manager.find(name, index)
        assert isinstance(found, Partition), found
        return found

    # --- requests ---

    def context(self, request: Request, version: int, client_id: str = "test") -> RequestContext:
        return RequestContext(request.api_key, version, 1, client_id, self.connection)

    def produce(
        self,
        topic: str | bytes,
        records: bytes | None,
        *,
        index: int = 0,
        acks: int = -1,
        version: int = 9,
        client_id: str = "test",
        timeout_ms: int = 1000,
    ) -> PartitionProduceResponse | Awaitable[ProduceResponse | None] | None:
        """Ask for one partition; its answer, or what is waited for."""
        topic_data = TopicProduceData(partition_data=[PartitionProduceData(index=index, records=records)])
        if isinstance(topic, bytes):
            topic_data.topic_id = topic
        else:
            topic_data.name = topic
        request = over_the_wire(ProduceRequest(acks=acks, timeout_ms=timeout_ms, topic_data=[topic_data]), version)
        answer = self.produce_handler(self.context(request, version, client_id), request)
        return partition_of(answer, version) if isinstance(answer, ProduceResponse) else answer

    def append(self, topic: str | bytes, *values: bytes, index: int = 0) -> int:
        """Produce a batch that must be taken; its base offset."""
        answer = self.produce(topic, batch(*values), index=index, version=13 if isinstance(topic, bytes) else 9)
        assert isinstance(answer, PartitionProduceResponse)
        assert answer.error_code == 0, answer
        return answer.base_offset

    def fetch(self, request: FetchRequest, version: int = 12) -> FetchResponse | Awaitable[FetchResponse]:
        request = over_the_wire(request, version)
        return self.fetch_handler(self.context(request, version), request)

    def fetch_now(self, request: FetchRequest, version: int = 12) -> FetchResponse:
        answer = self.fetch(request, version)
        assert isinstance(answer, FetchResponse), answer
        return readable(answer, version)


def batch(*values: bytes, timestamp_ms: int = START_MS, **options: int | bool) -> bytes:
    builder = RecordBatchBuilder(**options)  # type: ignore[arg-type]  # the builder's own keywords, all int or bool
    for value in values:
        builder.append(None, value, timestamp_ms=timestamp_ms)
    return bytes(builder.build())


def over_the_wire(message: RequestT, version: int) -> RequestT:
    return type(message).decode(memoryview(bytearray(message.encode(version))), version)


def readable(response: ResponseT, version: int) -> ResponseT:
    """As a client reads it: encoded, with the bytes of its file regions filled in."""
    out = bytearray()
    regions: list[tuple[int, Region]] = []
    encode_into(response, version, out, regions)
    whole = bytearray()
    start = 0
    for position, region in regions:
        whole += out[start:position]
        file_region = region
        assert isinstance(file_region, FileRegion)
        data = file_region.file.read(file_region.position, file_region.size)
        assert len(data) == file_region.size
        whole += data
        start = position
    whole += out[start:]
    return type(response).decode(bytes(whole), version)


def partition_of(response: ProduceResponse, version: int) -> PartitionProduceResponse:
    (topic,) = readable(response, version).responses
    (partition,) = topic.partition_responses
    return partition


def fetch_topic(topic: str | bytes, *partitions: FetchPartition) -> FetchTopic:
    if isinstance(topic, bytes):
        return FetchTopic(topic_id=topic, partitions=list(partitions))
    return FetchTopic(topic=topic, partitions=list(partitions))


def at(
    offset: int,
    index: int = 0,
    *,
    max_bytes: int = 1_000_000,
    epoch: int = -1,
    last_epoch: int = -1,
    log_start_offset: int = -1,
) -> FetchPartition:
    return FetchPartition(
        partition=index,
        fetch_offset=offset,
        partition_max_bytes=max_bytes,
        current_leader_epoch=epoch,
        last_fetched_epoch=last_epoch,
        log_start_offset=log_start_offset,
    )


def fetch_request(
    *topics: FetchTopic,
    max_wait_ms: int = 0,
    min_bytes: int = 1,
    max_bytes: int = 50_000_000,
    session: tuple[int, int] = (0, -1),
    forgotten: Sequence[ForgottenTopic] = (),
    isolation_level: int = 0,
    replica_id: int = -1,
    replica_state: ReplicaState | None = None,
    rack_id: str = "",
) -> FetchRequest:
    return FetchRequest(
        max_wait_ms=max_wait_ms,
        min_bytes=min_bytes,
        max_bytes=max_bytes,
        session_id=session[0],
        session_epoch=session[1],
        topics=list(topics),
        forgotten_topics_data=list(forgotten),
        isolation_level=isolation_level,
        replica_id=replica_id,
        replica_state=replica_state or ReplicaState(),
        rack_id=rack_id,
    )


def partitions_of(response: FetchResponse) -> dict[tuple[str | bytes, int], PartitionData]:
    def key(topic: FetchableTopicResponse) -> str | bytes:
        return topic.topic or topic.topic_id

    return {(key(topic), data.partition_index): data for topic in response.responses for data in topic.partitions}


def values_of(data: PartitionData) -> list[tuple[int, bytes | None]]:
    """(offset, value) of the whole batches."""
    assert isinstance(data.records, bytes | memoryview)
    return [(record.offset, record.value) for record in records_of(bytes(data.records))]


def records_of(data: bytes) -> list[Record]:
    found: list[Record] = []
    position = 0
    while position + 12 <= len(data):
        size = 12 + int.from_bytes(data[position + 8 : position + 12], "big")
        if position + size > len(data):
            break
        found.extend(iterate_records(data[position : position + size]))
        position += size
    return found
