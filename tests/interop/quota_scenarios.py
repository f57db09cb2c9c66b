"""Quotas that are enforced: who is told to wait, whose connection really waits, and what is refused instead.

A note says whether somebody waits, not how long: that depends on how fast a broker is.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from tests.interop.barrier import until_applied
from tests.interop.connection import ANSWER_TIMEOUT_S, Connection

from ottla.protocol.api.alter_client_quotas import (
    AlterClientQuotasRequest,
    AlterClientQuotasRequestEntryData,
    AlterClientQuotasResponse,
    EntityData,
    OpData,
)
from ottla.protocol.api.create_partitions import (
    CreatePartitionsRequest,
    CreatePartitionsResponse,
    CreatePartitionsTopic,
)
from ottla.protocol.api.create_topics import CreatableTopic, CreateTopicsRequest, CreateTopicsResponse
from ottla.protocol.api.delete_topics import DeleteTopicsRequest, DeleteTopicsResponse, DeleteTopicState
from ottla.protocol.api.fetch import FetchPartition, FetchRequest, FetchResponse, FetchTopic
from ottla.protocol.api.metadata import MetadataRequest, MetadataRequestTopic, MetadataResponse
from ottla.protocol.api.produce import PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData
from ottla.protocol.errors import ErrorCode
from ottla.protocol.record import RecordBatchBuilder

TOPIC: Final = "quotas"
RATE: Final = 1_000.0
"""Bytes a second; over the ten seconds and more that count, 10,000 bytes."""
SMALL, LARGE = 100, 60_000
MUTATIONS: Final = 1.0
BURST: Final = 60
"""So many partitions at once that the bucket needs most of a minute."""


class Broker:
    def __init__(self, address: str) -> None:
        self.address = address
        self.notes: list[str] = []

    async def set(self, connection: Connection, key: str, value: float | None) -> None:
        """For the client id of all connections here; `None`: no quota."""
        entry = AlterClientQuotasRequestEntryData(
            entity=[EntityData(entity_type="client-id", entity_name="client")],
            ops=[OpData(key=key, value=value or 0.0, remove=value is None)],
        )
        request = AlterClientQuotasRequest(entries=[entry], validate_only=False)
        answer = await connection.ask(request, 1, AlterClientQuotasResponse)
        assert answer.entries[0].error_code == 0, answer
        await until_applied(connection)

    async def produce(self, connection: Connection, size: int) -> int:
        builder = RecordBatchBuilder()
        builder.append(None, bytes(size), timestamp_ms=1_700_000_000_000)
        data = PartitionProduceData(index=0, records=bytes(builder.build()))
        topic = TopicProduceData(name=TOPIC, partition_data=[data])
        request = ProduceRequest(acks=-1, timeout_ms=10_000, topic_data=[topic])
        answer = await connection.ask(request, 11, ProduceResponse)
        assert answer.responses[0].partition_responses[0].error_code == 0, answer
        return answer.throttle_time_ms

    async def fetch(self, connection: Connection) -> int:
        # From the large one on: a first batch comes whole, whatever the bounds.
        partition = FetchPartition(partition=0, fetch_offset=1, partition_max_bytes=1_000_000)
        topic = FetchTopic(topic=TOPIC, partitions=[partition])
        request = FetchRequest(max_wait_ms=0, min_bytes=0, topics=[topic], forgotten_topics_data=[])
        answer = await connection.ask(request, 11, FetchResponse)
        return answer.throttle_time_ms

    async def waits(self, connection: Connection) -> bool:
        """Whether the connection is not read now, while another one of the same client is."""
        asking = asyncio.create_task(connection.ask(MetadataRequest(topics=[]), 12, MetadataResponse))
        other = await Connection.open(self.address)
        for _ in range(20):
            await other.ask(MetadataRequest(topics=[]), 12, MetadataResponse)
        other.close()
        asking.cancel()
        return not asking.done()

    def note(self, text: str) -> None:
        self.notes.append(text)


async def play(address: str) -> list[str]:
    broker = Broker(address)
    connection = await Connection.open(address)
    await create(connection, TOPIC, 1)
    await until_applied(connection)
    async with asyncio.timeout(ANSWER_TIMEOUT_S):
        while True:
            wanted = MetadataRequest(topics=[MetadataRequestTopic(name=TOPIC)], allow_auto_topic_creation=False)
            found = await connection.ask(wanted, 12, MetadataResponse)
            if found.topics[0].error_code == 0:
                break
            await asyncio.sleep(0.01)
    await producing(broker, connection)
    await fetching(broker, connection)
    await requesting(broker, connection)
    await changing(broker, connection)
    connection.close()
    return broker.notes


async def producing(broker: Broker, connection: Connection) -> None:
    await broker.set(connection, "producer_byte_rate", RATE)
    mine = await Connection.open(broker.address)
    broker.note(f"a small produce waits: {await broker.produce(mine, SMALL) > 0}")
    broker.note(f"then its connection waits: {await broker.waits(mine)}")
    mine = await Connection.open(broker.address)
    broker.note(f"a large produce waits: {await broker.produce(mine, LARGE) > 0}")
    broker.note(f"then its connection waits: {await broker.waits(mine)}")
    mine = await Connection.open(broker.address)
    broker.note(f"a small produce of the same client waits: {await broker.produce(mine, SMALL) > 0}")
    await broker.set(connection, "producer_byte_rate", None)
    mine = await Connection.open(broker.address)
    broker.note(f"without a quota a large produce waits: {await broker.produce(mine, LARGE) > 0}")


async def fetching(broker: Broker, connection: Connection) -> None:
    await broker.set(connection, "consumer_byte_rate", RATE)
    mine = await Connection.open(broker.address)
    broker.note(f"a large fetch waits: {await broker.fetch(mine) > 0}")
    await broker.set(connection, "consumer_byte_rate", None)
    mine = await Connection.open(broker.address)
    broker.note(f"without a quota a large fetch waits: {await broker.fetch(mine) > 0}")


async def requesting(broker: Broker, connection: Connection) -> None:
    await broker.set(connection, "request_percentage", 1e-6)
    mine = await Connection.open(broker.address)
    told = 0
    async with asyncio.timeout(ANSWER_TIMEOUT_S):
        while not told:
            answer = await mine.ask(MetadataRequest(topics=None), 12, MetadataResponse)
            told = answer.throttle_time_ms
    broker.note(f"requests wait, no longer than a second: {0 < told <= 1000}")
    await broker.set(connection, "request_percentage", None)


async def create(connection: Connection, name: str, partitions: int, version: int = 7) -> Any:
    topic = CreatableTopic(name=name, num_partitions=partitions, replication_factor=1, assignments=[], configs=[])
    return await connection.ask(CreateTopicsRequest(topics=[topic], timeout_ms=10_000), version, CreateTopicsResponse)


async def changing(broker: Broker, connection: Connection) -> None:
    await create(connection, "there", 1)
    await broker.set(connection, "controller_mutation_rate", MUTATIONS)

    def tell(what: str, code: int, answer: Any) -> None:
        broker.note(f"{what}: {ErrorCode(code).name}, waits: {answer.throttle_time_ms > 0}")

    async def fresh() -> Connection:
        return await Connection.open(broker.address)

    answer = await create(await fresh(), "burst", BURST)
    tell("more than the burst", answer.topics[0].error_code, answer)
    answer = await create(await fresh(), "refused", 1)
    tell("one more topic", answer.topics[0].error_code, answer)
    growth = CreatePartitionsRequest(
        topics=[CreatePartitionsTopic(name="there", count=2, assignments=None)], timeout_ms=10_000, validate_only=False
    )
    grown = await (await fresh()).ask(growth, 3, CreatePartitionsResponse)
    tell("one more partition", grown.results[0].error_code, grown)
    state = DeleteTopicState(name="there", topic_id=bytes(16))
    deleted = await (await fresh()).ask(DeleteTopicsRequest(topics=[state], timeout_ms=10_000), 6, DeleteTopicsResponse)
    tell("one topic less", deleted.responses[0].error_code, deleted)
    validated = CreateTopicsRequest(
        topics=[CreatableTopic(name="checked", num_partitions=1, replication_factor=1, assignments=[], configs=[])],
        timeout_ms=10_000,
        validate_only=True,
    )
    answer = await (await fresh()).ask(validated, 7, CreateTopicsResponse)
    tell("only a check", answer.topics[0].error_code, answer)
    answer = await create(await fresh(), "old", 1, 5)
    tell("an old client's topic", answer.topics[0].error_code, answer)
    await broker.set(connection, "controller_mutation_rate", None)
    answer = await create(await fresh(), "free", 1)
    tell("without a quota", answer.topics[0].error_code, answer)
