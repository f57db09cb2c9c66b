"""aiokafka: an asyncio client with a codec of its own (older API versions, its own group coordination)."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any, TypeVar

import aiokafka
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from tests.conformance.client import CALL_TIMEOUT_S, Client, FromTime, GroupConsumer, Producer, Record, Start
from tests.conformance.scenarios import ClientScenarios

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

T = TypeVar("T")


class LoopThread:
    """The event loop that a library for asyncio lives on, in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T], timeout_s: float = CALL_TIMEOUT_S) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout_s)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(CALL_TIMEOUT_S)
        self.loop.close()


class AiokafkaProducer(Producer):
    def __init__(self, address: str, compression: str, idempotent: bool, thread: LoopThread) -> None:
        super().__init__()
        self._thread = thread
        self._pending: set[asyncio.Future[Any]] = set()
        self._producer = thread.run(self._make(address, compression, idempotent))

    async def _make(self, address: str, compression: str, idempotent: bool) -> aiokafka.AIOKafkaProducer:
        producer = aiokafka.AIOKafkaProducer(
            bootstrap_servers=address,
            acks="all",
            compression_type=None if compression == "none" else compression,
            enable_idempotence=idempotent,
            max_request_size=4_000_000,
            request_timeout_ms=60_000,
            linger_ms=2,
        )
        await producer.start()
        return producer

    def send(self, topic: str, record: Record) -> None:
        self._thread.run(self._send(topic, record), 60)

    async def _send(self, topic: str, record: Record) -> None:
        future = await self._producer.send(
            topic,
            value=record.value,
            key=record.key,
            partition=record.partition,
            timestamp_ms=record.timestamp_ms,
            headers=list(record.headers),
        )
        self._pending.add(future)
        future.add_done_callback(lambda done: self._delivered(record, done))

    def _delivered(self, record: Record, done: asyncio.Future[Any]) -> None:
        self._pending.discard(done)
        error = done.exception()
        if error is not None:
            self.errors.append(type(error).__name__)
        else:
            self.acknowledged[record.value or b""] = (done.result().partition, done.result().offset)

    def flush(self, timeout_s: float = CALL_TIMEOUT_S) -> None:
        self._thread.run(self._flush(timeout_s), timeout_s + 1)

    async def _flush(self, timeout_s: float) -> None:
        if self._pending:
            _, late = await asyncio.wait(set(self._pending), timeout=timeout_s)
            assert not late, "not everything was delivered"

    def close(self) -> None:
        self._thread.run(self._producer.stop())


class AiokafkaMember(GroupConsumer):
    def __init__(self, address: str, group: str, topic: str, thread: LoopThread) -> None:
        self._thread = thread
        self._consumer = thread.run(self._make(address, group, topic))

    async def _make(self, address: str, group: str, topic: str) -> aiokafka.AIOKafkaConsumer:
        consumer = aiokafka.AIOKafkaConsumer(
            topic,
            bootstrap_servers=address,
            group_id=group,
            session_timeout_ms=10_000,
            heartbeat_interval_ms=300,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        await consumer.start()
        return consumer

    def poll(self) -> list[Record]:
        return _records(self._thread.run(self._consumer.getmany(timeout_ms=100)))

    def assignment(self) -> set[int]:
        return {partition.partition for partition in self._consumer.assignment()}

    def commit(self) -> None:
        self._thread.run(self._consumer.commit())

    def close(self) -> None:
        self._thread.run(self._consumer.stop())


class Aiokafka(Client):
    missing = frozenset({"delete_group", "delete_group_offsets"})

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self._thread = LoopThread()
        self._admin = self._thread.run(self._make_admin())

    async def _make_admin(self) -> AIOKafkaAdminClient:
        client = AIOKafkaAdminClient(bootstrap_servers=self.address)
        await client.start()
        return client

    def close(self) -> None:
        self._thread.run(self._admin.close())
        self._thread.close()

    def create_topic(self, name: str, partitions: int = 1, configs: Mapping[str, str] | None = None) -> None:
        topic = NewTopic(name, partitions, 1, topic_configs=dict(configs or {}))
        answer = self._thread.run(self._admin.create_topics([topic]))
        assert [error[1] for error in answer.topic_errors] == [0], answer

    def delete_topic(self, name: str) -> None:
        answer = self._thread.run(self._admin.delete_topics([name]))
        assert list(answer.topic_error_codes) == [(name, 0)], answer

    def topics(self) -> dict[str, int]:
        found = self._thread.run(self._admin.describe_topics())
        return {topic["topic"]: len(topic["partitions"]) for topic in found if topic["error_code"] == 0}

    def add_partitions(self, name: str, total: int) -> None:
        self._thread.run(self._admin.create_partitions({name: NewPartitions(total)}))

    def topic_config(self, name: str, key: str) -> str | None:
        resource = ConfigResource(ConfigResourceType.TOPIC, name)
        answers = self._thread.run(self._admin.describe_configs([resource]))
        (_, _, _, _, entries) = answers[0].resources[0]
        found: dict[str, str | None] = {entry[0]: entry[1] for entry in entries}
        return found[key]

    def alter_topic_config(self, name: str, key: str, value: str) -> None:
        resource = ConfigResource(ConfigResourceType.TOPIC, name, {key: value})
        answers = self._thread.run(self._admin.alter_configs([resource]))
        assert answers[0].resources[0][0] == 0, answers

    def delete_records(self, topic: str, partition: int, before_offset: int) -> None:
        target = {TopicPartition(topic, partition): RecordsToDelete(before_offset)}
        self._thread.run(self._admin.delete_records(target))

    def offsets(self, topic: str, partition: int = 0) -> tuple[int, int]:
        return self._thread.run(self._offsets(TopicPartition(topic, partition)))

    async def _offsets(self, target: TopicPartition) -> tuple[int, int]:
        consumer = aiokafka.AIOKafkaConsumer(bootstrap_servers=self.address)
        await consumer.start()
        try:
            earliest = await consumer.beginning_offsets([target])
            latest = await consumer.end_offsets([target])
            return earliest[target], latest[target]
        finally:
            await consumer.stop()

    def groups(self) -> set[str]:
        return {group[0] for group in self._thread.run(self._admin.list_consumer_groups())}

    def group_state(self, group: str) -> tuple[str, int]:
        answers = self._thread.run(self._admin.describe_consumer_groups([group]))
        found = answers[0].to_object()["groups"][0]
        return found["state"].lower(), len(found["members"])

    def committed(self, group: str, topic: str, partition: int = 0) -> int | None:
        target = TopicPartition(topic, partition)
        found = self._thread.run(self._admin.list_consumer_group_offsets(group, partitions=[target]))
        offset: int = found[target].offset
        return None if offset < 0 else offset

    def delete_group(self, group: str) -> None:
        raise NotImplementedError

    def delete_group_offsets(self, group: str, topic: str, partition: int) -> None:
        raise NotImplementedError

    def producer(self, compression: str = "none", *, idempotent: bool = False) -> Producer:
        return AiokafkaProducer(self.address, compression, idempotent, self._thread)

    def consume(self, topic: str, count: int, start: Start = 0, partition: int = 0) -> list[Record]:
        return self._thread.run(self._consume(TopicPartition(topic, partition), count, start), CALL_TIMEOUT_S + 5)

    async def _consume(self, target: TopicPartition, count: int, start: Start) -> list[Record]:
        consumer = aiokafka.AIOKafkaConsumer(bootstrap_servers=self.address, enable_auto_commit=False)
        await consumer.start()
        try:
            consumer.assign([target])
            if isinstance(start, FromTime):
                start = (await consumer.offsets_for_times({target: start.timestamp_ms}))[target].offset
            consumer.seek(target, start)
            records: list[Record] = []
            deadline = time.monotonic() + CALL_TIMEOUT_S
            while len(records) < count:
                assert time.monotonic() < deadline, f"{len(records)} of {count} records came"
                records += _records(await consumer.getmany(timeout_ms=100))
            return records[:count]
        finally:
            await consumer.stop()

    def join(self, group: str, topic: str) -> GroupConsumer:
        return AiokafkaMember(self.address, group, topic, self._thread)


def _records(polled: dict[TopicPartition, list[Any]]) -> list[Record]:
    return [
        Record(message.value, message.key, tuple(message.headers), message.timestamp, message.partition, message.offset)
        for messages in polled.values()
        for message in messages
    ]


class TestAiokafka(ClientScenarios):
    def connect(self, address: str) -> Client:
        return Aiokafka(address)
