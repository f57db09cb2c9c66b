"""kafka-python: a pure Python client with its own codec, assignors and fetcher."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import kafka
from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import KafkaConnectionError, NodeNotReadyError
from tests.conformance.client import CALL_TIMEOUT_S, Client, FromTime, GroupConsumer, Producer, Record, Start
from tests.conformance.scenarios import ClientScenarios
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping

RECONNECT = {"reconnect_backoff_ms": 20, "reconnect_backoff_max_ms": 200}


class KafkaPythonProducer(Producer):
    def __init__(self, address: str, compression: str, idempotent: bool) -> None:
        super().__init__()
        self._producer = kafka.KafkaProducer(
            bootstrap_servers=address,
            acks="all",
            compression_type=None if compression == "none" else compression,
            enable_idempotence=idempotent,
            max_request_size=4_000_000,
            max_in_flight_requests_per_connection=5 if idempotent else 1,
            linger_ms=2,
            **RECONNECT,
        )

    def send(self, topic: str, record: Record) -> None:
        future = self._producer.send(
            topic,
            value=record.value,
            key=record.key,
            headers=list(record.headers),
            partition=record.partition,
            timestamp_ms=record.timestamp_ms,
        )
        future.add_callback(self._delivered, record.value)
        future.add_errback(lambda error: self.errors.append(type(error).__name__))

    def flush(self, timeout_s: float = CALL_TIMEOUT_S) -> None:
        self._producer.flush(timeout=timeout_s)

    def close(self) -> None:
        self._producer.close(timeout=CALL_TIMEOUT_S)

    def _delivered(self, value: bytes | None, metadata: Any) -> None:
        self.acknowledged[value or b""] = (metadata.partition, metadata.offset)


class KafkaPythonMember(GroupConsumer):
    def __init__(self, address: str, group: str, topic: str) -> None:
        self._consumer = kafka.KafkaConsumer(
            bootstrap_servers=address,
            group_id=group,
            session_timeout_ms=10_000,
            heartbeat_interval_ms=300,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            **RECONNECT,
        )
        # A leader of this library that assigns before it has metadata assigns nothing, and does not notice metadata
        # that comes before its assignment is answered ("No partition metadata for topic"): so have it first.
        assert self._consumer.partitions_for_topic(topic)
        self._consumer.subscribe([topic])

    def poll(self) -> list[Record]:
        try:
            return _records(self._consumer.poll(timeout_ms=100))
        except KafkaConnectionError:  # the library says so while the broker is away; an application polls again
            return []

    def assignment(self) -> set[int]:
        return {partition.partition for partition in self._consumer.assignment()}

    def commit(self) -> None:
        self._consumer.commit()

    def close(self) -> None:
        self._consumer.close(autocommit=False)


class KafkaPython(Client):
    def __init__(self, address: str) -> None:
        super().__init__(address)
        self._admin = KafkaAdminClient(bootstrap_servers=address, **RECONNECT)

    def close(self) -> None:
        self._admin.close()

    def create_topic(self, name: str, partitions: int = 1, configs: Mapping[str, str] | None = None) -> None:
        options = {"num_partitions": partitions, "replication_factor": 1, "configs": dict(configs or {})}
        self._admin.create_topics({name: options}, wait_for_metadata=True)

    def delete_topic(self, name: str) -> None:
        self._admin.delete_topics([name])

    def topics(self) -> dict[str, int]:
        (found,) = wait_for(self._described, "an answer of the broker")
        return {topic["name"]: len(topic["partitions"]) for topic in found}

    def _described(self) -> tuple[list[dict[str, Any]]] | None:
        """`None` while the library waits before it connects again: an application asks again."""
        try:
            return (self._admin.describe_topics(),)
        except NodeNotReadyError:
            return None

    def add_partitions(self, name: str, total: int) -> None:
        self._admin.create_partitions({name: total})

    def topic_config(self, name: str, key: str) -> str | None:
        resource = ConfigResource(ConfigResourceType.TOPIC, name)
        found = self._admin.describe_configs([resource], config_filter="all")
        value: str | None = found["topic"][name][key]["value"]
        return value

    def alter_topic_config(self, name: str, key: str, value: str) -> None:
        self._admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, {key: value})])

    def delete_records(self, topic: str, partition: int, before_offset: int) -> None:
        self._admin.delete_records({TopicPartition(topic, partition): before_offset})

    def offsets(self, topic: str, partition: int = 0) -> tuple[int, int]:
        target = TopicPartition(topic, partition)
        consumer = kafka.KafkaConsumer(bootstrap_servers=self.address)
        try:
            return consumer.beginning_offsets([target])[target], consumer.end_offsets([target])[target]
        finally:
            consumer.close()

    def groups(self) -> set[str]:
        return {group["group_id"] for group in self._admin.list_groups()}

    def group_state(self, group: str) -> tuple[str, int]:
        found = self._admin.describe_groups([group])[group]
        return found["group_state"].lower(), len(found["members"])

    def committed(self, group: str, topic: str, partition: int = 0) -> int | None:
        target = TopicPartition(topic, partition)
        found = self._admin.list_group_offsets({group: [target]})[group].get(target)
        return None if found is None or found.offset < 0 else int(found.offset)

    def delete_group(self, group: str) -> None:
        assert self._admin.delete_groups([group]) == {group: "OK"}

    def delete_group_offsets(self, group: str, topic: str, partition: int) -> None:
        target = TopicPartition(topic, partition)
        assert self._admin.delete_group_offsets(group, [target])[target].errno == 0

    def producer(self, compression: str = "none", *, idempotent: bool = False) -> Producer:
        return KafkaPythonProducer(self.address, compression, idempotent)

    def consume(self, topic: str, count: int, start: Start = 0, partition: int = 0) -> list[Record]:
        target = TopicPartition(topic, partition)
        consumer = kafka.KafkaConsumer(bootstrap_servers=self.address, enable_auto_commit=False)
        try:
            consumer.assign([target])
            if isinstance(start, FromTime):
                start = consumer.offsets_for_times({target: start.timestamp_ms})[target].offset
            consumer.seek(target, start)
            records: list[Record] = []
            deadline = time.monotonic() + CALL_TIMEOUT_S
            while len(records) < count:
                assert time.monotonic() < deadline, f"{len(records)} of {count} records came"
                records += _records(consumer.poll(timeout_ms=100))
            return records[:count]
        finally:
            consumer.close(autocommit=False)

    def join(self, group: str, topic: str) -> GroupConsumer:
        return KafkaPythonMember(self.address, group, topic)


def _records(polled: dict[TopicPartition, list[Any]]) -> list[Record]:
    return [
        Record(message.value, message.key, tuple(message.headers), message.timestamp, message.partition, message.offset)
        for messages in polled.values()
        for message in messages
    ]


class TestKafkaPython(ClientScenarios):
    def connect(self, address: str) -> Client:
        return KafkaPython(address)
