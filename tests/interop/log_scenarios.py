"""What clients do with partitions, request by request, and every answer written down.

The notes are plain values with what may differ left out or made alike: topic ids, session ids, throttle times, sizes of
disks, and the wording of messages. The same scenario against two brokers must give the same notes.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from tests.interop.barrier import until_applied
from tests.interop.connection import Connection

from ottla.protocol.api.create_topics import (
    CreatableTopic,
    CreatableTopicConfig,
    CreateTopicsRequest,
    CreateTopicsResponse,
)
from ottla.protocol.api.delete_records import (
    DeleteRecordsPartition,
    DeleteRecordsRequest,
    DeleteRecordsResponse,
    DeleteRecordsTopic,
)
from ottla.protocol.api.describe_log_dirs import (
    DescribableLogDirTopic,
    DescribeLogDirsRequest,
    DescribeLogDirsResponse,
)
from ottla.protocol.api.fetch import FetchPartition, FetchRequest, FetchResponse, FetchTopic, ForgottenTopic
from ottla.protocol.api.list_offsets import (
    ListOffsetsPartition,
    ListOffsetsRequest,
    ListOffsetsResponse,
    ListOffsetsTopic,
)
from ottla.protocol.api.offset_for_leader_epoch import (
    OffsetForLeaderEpochRequest,
    OffsetForLeaderEpochResponse,
    OffsetForLeaderPartition,
    OffsetForLeaderTopic,
)
from ottla.protocol.api.produce import PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData
from ottla.protocol.errors import ErrorCode
from ottla.protocol.message import Struct
from ottla.protocol.record import RecordBatchBuilder
from ottla.protocol.record_batch import CompressionType

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

START_MS = 1_700_000_000_000
KEEP = {"retention.ms": "-1"}
SETTINGS = {"auto.create.topics.enable": "false"}
UNKNOWN_ID = b"\x07" * 16
_LEFT_OUT = {"throttle_time_ms", "total_bytes", "usable_bytes", "log_dir", "node_endpoints", "unknown_tagged_fields"}
_WORDS = {"error_message", "batch_index_error_message"}


def batch(*values: bytes, at_ms: int = START_MS, **options: object) -> bytes:
    builder = RecordBatchBuilder(**options)  # type: ignore[arg-type]  # the builder's own keywords
    for value in values:
        builder.append(None, value, timestamp_ms=at_ms)
    return bytes(builder.build())


class Transcript:
    """A conversation with one broker about topics of its own."""

    def __init__(self, connection: Connection, prefix: str) -> None:
        self._connection = connection
        self._prefix = prefix
        self.notes: list[str] = []
        self.ids: dict[str, bytes] = {}
        self._sessions: dict[int, str] = {0: "none"}
        self._numbers = count(1)

    def name(self, topic: str) -> str:
        return f"{self._prefix}-{topic}"

    async def create(self, topic: str, partitions: int = 1, **configs: str) -> None:
        settings = KEEP | {key.replace("_", "."): value for key, value in configs.items()}
        response = await self._connection.ask(
            CreateTopicsRequest(
                topics=[
                    CreatableTopic(
                        name=self.name(topic),
                        num_partitions=partitions,
                        replication_factor=1,
                        assignments=[],
                        configs=[CreatableTopicConfig(name=key, value=value) for key, value in settings.items()],
                    )
                ],
                timeout_ms=10_000,
            ),
            7,
            CreateTopicsResponse,
        )
        assert response.topics[0].error_code == ErrorCode.NONE, response
        self.ids[topic] = response.topics[0].topic_id
        await until_applied(self._connection)

    def note(self, label: str, response: Struct) -> None:
        self.notes.append(f"{label}: {self._plain(response)}")

    def _plain(self, value: object, name: str = "") -> object:
        if isinstance(value, Struct):
            return {
                field.name: self._plain(getattr(value, field.name), field.name)
                for field in type(value).schema
                if field.name not in _LEFT_OUT
            }
        if isinstance(value, list):
            return [self._plain(item) for item in value]
        if name in _WORDS:
            return "words or none"
        if name == "session_id" and isinstance(value, int):
            return self._sessions.setdefault(value, f"session {next(self._numbers)}")
        if isinstance(value, memoryview):
            return bytes(value)
        if isinstance(value, bytes):
            return next((topic for topic, topic_id in self.ids.items() if topic_id == value), value)
        return int(value) if isinstance(value, int) and not isinstance(value, bool) else value

    async def produce(
        self, topic: str, records: bytes | None, *, version: int = 9, acks: int = -1, index: int = 0
    ) -> None:
        data = TopicProduceData(partition_data=[PartitionProduceData(index=index, records=records)])
        if version >= 13:
            data.topic_id = self.ids.get(topic, UNKNOWN_ID)
        else:
            data.name = self.name(topic)
        request = ProduceRequest(acks=acks, timeout_ms=5000, topic_data=[data])
        self.note(f"produce v{version}", await self._connection.ask(request, version, ProduceResponse))

    async def fetch(
        self,
        *partitions: tuple[str, FetchPartition],
        version: int = 12,
        session: tuple[int, int] = (0, -1),
        forgotten: tuple[str, int] | None = None,
        max_bytes: int = 10_000_000,
        isolation_level: int = 0,
    ) -> int:
        """Note the answer; the id of its session."""
        request = FetchRequest(
            max_wait_ms=0,
            min_bytes=1,
            max_bytes=max_bytes,
            isolation_level=isolation_level,
            session_id=session[0],
            session_epoch=session[1],
            topics=[
                FetchTopic(topic_id=self.ids.get(topic, UNKNOWN_ID), partitions=[wanted])
                if version >= 13
                else FetchTopic(topic=self.name(topic), partitions=[wanted])
                for topic, wanted in partitions
            ],
            forgotten_topics_data=[ForgottenTopic(topic=self.name(forgotten[0]), partitions=[forgotten[1]])]
            if forgotten
            else [],
        )
        response = await self._connection.ask(request, version, FetchResponse)
        self.note(f"fetch v{version}", response)
        return response.session_id

    async def list_offsets(
        self, topic: str, *timestamps: int, version: int = 11, epoch: int = -1, isolation_level: int = 0, index: int = 0
    ) -> None:
        for timestamp in timestamps:
            wanted = ListOffsetsPartition(partition_index=index, timestamp=timestamp, current_leader_epoch=epoch)
            request = ListOffsetsRequest(
                replica_id=-1,
                isolation_level=isolation_level,
                topics=[ListOffsetsTopic(name=self.name(topic), partitions=[wanted])],
            )
            response = await self._connection.ask(request, version, ListOffsetsResponse)
            self.note(f"list offsets v{version} {timestamp}", response)

    async def epoch_end(self, topic: str, epoch: int, *, current: int = -1, version: int = 4, index: int = 0) -> None:
        wanted = OffsetForLeaderPartition(partition=index, current_leader_epoch=current, leader_epoch=epoch)
        request = OffsetForLeaderEpochRequest(
            topics=[OffsetForLeaderTopic(topic=self.name(topic), partitions=[wanted])]
        )
        response = await self._connection.ask(request, version, OffsetForLeaderEpochResponse)
        self.note(f"epoch {epoch} v{version}", response)

    async def delete_records(self, topic: str, offset: int, *, version: int = 2) -> None:
        wanted = DeleteRecordsPartition(partition_index=0, offset=offset)
        request = DeleteRecordsRequest(
            topics=[DeleteRecordsTopic(name=self.name(topic), partitions=[wanted])], timeout_ms=5000
        )
        response = await self._connection.ask(request, version, DeleteRecordsResponse)
        self.note(f"delete records v{version} {offset}", response)

    async def describe_log_dirs(self, topic: str, *indexes: int, version: int = 5) -> None:
        request = DescribeLogDirsRequest(
            topics=[DescribableLogDirTopic(topic=self.name(topic), partitions=list(indexes))]
        )
        response = await self._connection.ask(request, version, DescribeLogDirsResponse)
        for result in response.results:
            for described in result.topics:
                described.partitions.sort(key=lambda partition: partition.partition_index)
        self.note(f"describe log dirs v{version}", response)


def at(offset: int, *, index: int = 0, max_bytes: int = 1_000_000, epoch: int = -1, last: int = -1) -> FetchPartition:
    return FetchPartition(
        partition=index,
        fetch_offset=offset,
        partition_max_bytes=max_bytes,
        current_leader_epoch=epoch,
        last_fetched_epoch=last,
    )


async def produces(talk: Transcript) -> None:
    await talk.create("t")
    for version in range(3, 14):
        await talk.produce("t", batch(b"a", b"b"), version=version)
        await talk.produce("unknown", batch(b"a"), version=version)
        await talk.produce("t", batch(b"a"), version=version, index=5)
        for compression in CompressionType:
            await talk.produce("t", batch(b"x" * 100, compression=compression), version=version, acks=1)
    await talk.fetch(("t", at(0)))


async def refuses_batches(talk: Transcript) -> None:
    await talk.create("t")
    await talk.create("small", max_message_bytes="100")
    await talk.create("stamped", message_timestamp_type="LogAppendTime")
    await talk.create("compacted", cleanup_policy="compact")
    good = batch(b"abc")
    damaged = bytearray(good)
    damaged[-2] ^= 1
    old = bytearray(good)
    old[16] = 1
    newer = bytearray(good)
    newer[16] = 3
    longer = bytearray(good)
    longer[11] += 1
    for acks in (2, -2):
        await talk.produce("t", good, acks=acks)
    for records in (b"", good + good, bytes(damaged), bytes(old), bytes(newer), bytes(longer), good[:40], good[:-1]):
        await talk.produce("t", records)
    await talk.produce("t", batch(b"a", control=True, producer_id=1, producer_epoch=0))
    await talk.produce("t", batch(b"a", base_offset=7))
    await talk.produce("small", batch(b"x" * 200))
    await talk.produce("compacted", good)
    await talk.produce("t", good, version=13)
    await talk.fetch(("t", at(0)))


async def remembers_producers(talk: Transcript) -> None:
    await talk.create("t")
    for sequence, epoch in ((0, 0), (1, 0), (0, 0), (1, 0), (7, 0), (2, 0), (0, 1), (3, 0), (5, 1), (1, 1)):
        records = batch(b"%d" % sequence, producer_id=4711, producer_epoch=epoch, base_sequence=sequence)
        await talk.produce("t", records)
    await talk.produce("t", batch(b"x", producer_id=4712, producer_epoch=0, base_sequence=5))
    await talk.fetch(("t", at(0)))


async def fetches(talk: Transcript) -> None:
    await talk.create("t", 2)
    await talk.create("empty")
    for values in ((b"a", b"b"), (b"c" * 500,), (b"d",)):
        await talk.produce("t", batch(*values))
    await talk.produce("t", batch(b"other"), index=1)
    for version in range(4, 19):
        for offset in (0, 1, 2, 4, 5, -1, 2**40):
            await talk.fetch(("t", at(offset)), version=version)
        await talk.fetch(("unknown", at(0)), version=version)
        await talk.fetch(("t", at(0, index=9)), version=version)
        await talk.fetch(("empty", at(0)), ("t", at(0)), ("t", at(0, index=1)), version=version)
    for epoch in (0, 1):
        await talk.fetch(("t", at(0, epoch=epoch)))
    for last in (0, 1):
        for offset in (0, 4, 5):
            await talk.fetch(("t", at(offset, last=last)))
    for limit in (0, 1, 70, 150, 700):
        await talk.fetch(("t", at(0, max_bytes=limit)), ("t", at(0, index=1)))
        await talk.fetch(("t", at(0)), ("t", at(0, index=1)), max_bytes=limit)
    await talk.fetch(("t", at(0)), isolation_level=1)
    await talk.fetch(("t", at(4)), isolation_level=1)


async def keeps_sessions(talk: Transcript) -> None:
    await talk.create("t", 3)
    every = [("t", at(0, index=index)) for index in range(3)]
    session = await talk.fetch(*every, session=(0, 0))
    epochs = count(1)
    await talk.fetch(session=(session, next(epochs)))
    await talk.produce("t", batch(b"a"), index=1)
    await talk.fetch(session=(session, next(epochs)))
    await talk.fetch(session=(session, next(epochs)))
    await talk.fetch(("t", at(1, index=1)), session=(session, next(epochs)))
    await talk.fetch(("t", at(9, index=2)), session=(session, next(epochs)))
    await talk.fetch(session=(session, next(epochs)))
    await talk.fetch(("t", at(0, index=2)), ("unknown", at(0)), session=(session, next(epochs)))
    await talk.fetch(session=(session, next(epochs)))
    await talk.fetch(session=(session, next(epochs)), forgotten=("unknown", 0))
    await talk.fetch(session=(session, 77))
    await talk.fetch(session=(session, next(epochs)), version=13)
    await talk.fetch(session=(12345678, 1))
    await talk.delete_records("t", 0)
    await talk.produce("t", batch(b"b"))
    await talk.delete_records("t", 1)
    again = await talk.fetch(*every, session=(session, 0))
    await talk.fetch(session=(session, 1))
    await talk.fetch(session=(again, 1), forgotten=("t", 0))
    await talk.fetch(session=(again, -1))
    await talk.fetch(session=(again, 2))


async def lists_offsets(talk: Transcript) -> None:
    await talk.create("t")
    await talk.create("empty")
    for offset, at_ms in enumerate((10, 30, 20, 30)):
        await talk.produce("t", batch(b"%d" % offset, b"x", at_ms=START_MS + at_ms))
    stamps = (-1, -2, -3, -4, -5, -6, -7, 0, START_MS + 10, START_MS + 11, START_MS + 30, START_MS + 31)
    for version in range(1, 12):
        await talk.list_offsets("t", *stamps, version=version)
    await talk.list_offsets("empty", *stamps)
    await talk.list_offsets("unknown", -1)
    await talk.list_offsets("t", -1, index=3)
    await talk.list_offsets("t", -1, -2, epoch=0, isolation_level=1)
    await talk.list_offsets("t", -1, epoch=1)
    await talk.delete_records("t", 3)
    await talk.list_offsets("t", *stamps)
    for version in (2, 3, 4):
        for epoch in (-1, 0, 1):
            await talk.epoch_end("t", epoch, version=version)
    await talk.epoch_end("t", 0, current=0)
    await talk.epoch_end("t", 0, current=1)
    await talk.epoch_end("t", 0, index=4)
    await talk.epoch_end("empty", 0)
    await talk.epoch_end("unknown", 0)


async def deletes_records(talk: Transcript) -> None:
    await talk.create("t", 2)
    await talk.create("compacted", cleanup_policy="compact")
    await talk.produce("t", batch(b"a", b"b", b"c"))
    for version, offset in ((0, 1), (1, 2), (2, 1), (2, 4), (2, -2), (2, -1), (2, 3)):
        await talk.delete_records("t", offset, version=version)
        await talk.fetch(("t", at(0)))
    await talk.produce("t", batch(b"d"))
    await talk.fetch(("t", at(3)))
    await talk.delete_records("compacted", 0)
    await talk.delete_records("unknown", 0)
    for version in range(1, 6):
        await talk.describe_log_dirs("t", 0, 1, 7, version=version)
        await talk.describe_log_dirs("unknown", 0, version=version)


SCENARIOS: list[Callable[[Transcript], Awaitable[None]]] = [
    produces,
    refuses_batches,
    remembers_producers,
    fetches,
    keeps_sessions,
    lists_offsets,
    deletes_records,
]


async def play(address: str, scenario: Callable[[Transcript], Awaitable[None]]) -> list[str]:
    connection = await Connection.open(address)
    talk = Transcript(connection, scenario.__name__.replace("_", "-"))
    try:
        await scenario(talk)
    finally:
        connection.close()
    return talk.notes
