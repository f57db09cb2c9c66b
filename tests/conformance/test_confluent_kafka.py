"""librdkafka, through confluent-kafka: the client library behind most clients that are not Java."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import confluent_kafka as ck
from confluent_kafka import admin
from tests.conformance.client import (
    CALL_TIMEOUT_S,
    Client,
    FromTime,
    GroupConsumer,
    Producer,
    Record,
    Start,
)
from tests.conformance.scenarios import ClientScenarios, unique
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping

COORDINATOR_ERRORS = {14, 15, 16}  # it loads, it is not available, it is elsewhere
NOW_MS = int(time.time() * 1000)
BROKER_DOWN_IS_EXPECTED = {"log_level": 0, "reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 200}


class LibrdkafkaProducer(Producer):
    def __init__(self, address: str, compression: str, idempotent: bool) -> None:
        super().__init__()
        self._producer = ck.Producer(
            {
                "bootstrap.servers": address,
                "acks": "all",
                "compression.type": compression,
                "enable.idempotence": idempotent,
                "message.max.bytes": 4_000_000,
                "linger.ms": 2,
                **BROKER_DOWN_IS_EXPECTED,
            }
        )

    def send(self, topic: str, record: Record) -> None:
        optional: dict[str, Any] = {}
        if record.timestamp_ms is not None:
            optional["timestamp"] = record.timestamp_ms
        self._producer.produce(
            topic,
            record.value,
            record.key,
            record.partition,
            on_delivery=self._delivered,
            headers=list(record.headers),
            **optional,
        )
        self._producer.poll(0)

    def flush(self, timeout_s: float = CALL_TIMEOUT_S) -> None:
        assert self._producer.flush(timeout_s) == 0, "not everything was delivered"

    def close(self) -> None:
        self._producer.flush(CALL_TIMEOUT_S)

    def _delivered(self, error: ck.KafkaError | None, message: ck.Message) -> None:
        if error is not None:
            self.errors.append(error.name())
        else:
            self.acknowledged[_bytes(message.value()) or b""] = (message.partition() or 0, message.offset() or 0)


class LibrdkafkaMember(GroupConsumer):
    def __init__(self, address: str, group: str, topic: str, settings: Mapping[str, str] | None = None) -> None:
        self._consumer = ck.Consumer(
            {
                "bootstrap.servers": address,
                "group.id": group,
                **(settings or {}),
                "session.timeout.ms": 10_000,
                "heartbeat.interval.ms": 300,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                **BROKER_DOWN_IS_EXPECTED,
            }
        )
        self._lost = 0
        self._consumer.subscribe([topic], on_assign=self._assigned, on_revoke=self._revoked)

    @property
    def lost(self) -> int:
        """How many partitions rebalances took away."""
        return self._lost

    def _assigned(self, consumer: ck.Consumer, partitions: list[ck.TopicPartition]) -> None:
        """The default of the library follows: the callbacks only count."""

    def _revoked(self, consumer: ck.Consumer, partitions: list[ck.TopicPartition]) -> None:
        self._lost += len(partitions)

    def poll(self) -> list[Record]:
        return [_record(message) for message in self._consumer.consume(500, 0.1) if message.error() is None]

    def assignment(self) -> set[int]:
        return {partition.partition for partition in self._consumer.assignment()}

    def commit(self) -> None:
        self._consumer.commit(asynchronous=False)

    def close(self) -> None:
        self._consumer.close()


class Librdkafka(Client):
    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.admin = admin.AdminClient({"bootstrap.servers": address, **BROKER_DOWN_IS_EXPECTED})

    def close(self) -> None:
        self.admin.poll(0)

    def create_topic(self, name: str, partitions: int = 1, configs: Mapping[str, str] | None = None) -> None:
        topic = admin.NewTopic(name, partitions, 1, config=dict(configs or {}))
        self.admin.create_topics([topic])[name].result(CALL_TIMEOUT_S)

    def delete_topic(self, name: str) -> None:
        self.admin.delete_topics([name])[name].result(CALL_TIMEOUT_S)

    def topics(self) -> dict[str, int]:
        found = self.admin.list_topics(timeout=CALL_TIMEOUT_S).topics
        return {name: len(topic.partitions) for name, topic in found.items()}

    def add_partitions(self, name: str, total: int) -> None:
        self.admin.create_partitions([admin.NewPartitions(name, total)])[name].result(CALL_TIMEOUT_S)

    def topic_config(self, name: str, key: str) -> str | None:
        resource = admin.ConfigResource(admin.ResourceType.TOPIC, name)
        found = self.admin.describe_configs([resource])[resource].result(CALL_TIMEOUT_S)
        value: str | None = found[key].value
        return value

    def alter_topic_config(self, name: str, key: str, value: str) -> None:
        entry = admin.ConfigEntry(key, value, incremental_operation=admin.AlterConfigOpType.SET)
        resource = admin.ConfigResource(admin.ResourceType.TOPIC, name, incremental_configs=[entry])
        self.admin.incremental_alter_configs([resource])[resource].result(CALL_TIMEOUT_S)

    def delete_records(self, topic: str, partition: int, before_offset: int) -> None:
        target = ck.TopicPartition(topic, partition, before_offset)
        self.admin.delete_records([target])[target].result(CALL_TIMEOUT_S)

    def offsets(self, topic: str, partition: int = 0) -> tuple[int, int]:
        target = ck.TopicPartition(topic, partition)
        specs: Any = admin.OffsetSpec  # its factories carry no types
        earliest = self.admin.list_offsets({target: specs.earliest()})[target].result(CALL_TIMEOUT_S)
        latest = self.admin.list_offsets({target: specs.latest()})[target].result(CALL_TIMEOUT_S)
        return earliest.offset, latest.offset

    def groups(self) -> set[str]:
        found = self.admin.list_consumer_groups().result(CALL_TIMEOUT_S)
        return {group.group_id for group in found.valid}

    def group_state(self, group: str) -> tuple[str, int]:
        found = self.admin.describe_consumer_groups([group])[group].result(CALL_TIMEOUT_S)
        return found.state.name.lower().replace("_", ""), len(found.members)

    def committed(self, group: str, topic: str, partition: int = 0) -> int | None:
        asked = ck.ConsumerGroupTopicPartitions(group, [ck.TopicPartition(topic, partition)])
        found = wait_for(lambda: self._group_offsets(asked), "the group's coordinator")
        offset: int = found.topic_partitions[0].offset
        return None if offset < 0 else offset

    def _group_offsets(self, asked: ck.ConsumerGroupTopicPartitions) -> Any:
        """The offsets, or None while the coordinator loads (librdkafka, unlike Java's client, does not ask again)."""
        try:
            return self.admin.list_consumer_group_offsets([asked])[asked.group_id].result(CALL_TIMEOUT_S)
        except ck.KafkaException as error:
            if not error.args[0].retriable() and error.args[0].code() not in COORDINATOR_ERRORS:
                raise
            return None

    def delete_group(self, group: str) -> None:
        self.admin.delete_consumer_groups([group])[group].result(CALL_TIMEOUT_S)

    missing = frozenset({"delete_group_offsets"})

    def delete_group_offsets(self, group: str, topic: str, partition: int) -> None:
        raise NotImplementedError

    def producer(self, compression: str = "none", *, idempotent: bool = False) -> Producer:
        return LibrdkafkaProducer(self.address, compression, idempotent)

    def consume(self, topic: str, count: int, start: Start = 0, partition: int = 0) -> list[Record]:
        consumer = ck.Consumer({"bootstrap.servers": self.address, "group.id": "none", "enable.auto.commit": False})
        try:
            if isinstance(start, FromTime):
                at = ck.TopicPartition(topic, partition, start.timestamp_ms)
                start = consumer.offsets_for_times([at], timeout=CALL_TIMEOUT_S)[0].offset
            consumer.assign([ck.TopicPartition(topic, partition, start)])
            records: list[Record] = []
            deadline = time.monotonic() + CALL_TIMEOUT_S
            while len(records) < count:
                assert time.monotonic() < deadline, f"{len(records)} of {count} records came"
                records += [_record(message) for message in consumer.consume(min(count, 1000), 0.05)]
            return records[:count]
        finally:
            consumer.close()

    def join(self, group: str, topic: str) -> GroupConsumer:
        return LibrdkafkaMember(self.address, group, topic)


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value


def _record(message: ck.Message) -> Record:
    error = message.error()
    assert error is None, error
    found: Any = message.headers() or []  # a list of pairs; the stub says more than the library does
    headers = tuple((name, _bytes(value) or b"") for name, value in found)
    return Record(
        _bytes(message.value()),
        _bytes(message.key()),
        headers,
        message.timestamp()[1],
        message.partition() or 0,
        -1 if message.offset() is None else int(message.offset() or 0),
    )


def _poll_until(members: list[LibrdkafkaMember], sizes: list[int]) -> None:
    """Poll all members in turn until they have `sizes` partitions."""
    deadline = time.monotonic() + CALL_TIMEOUT_S
    while [len(member.assignment()) for member in members] != sizes:
        assert time.monotonic() < deadline, [member.assignment() for member in members]
        for member in members:
            member.poll()


class TestLibrdkafka(ClientScenarios):
    def connect(self, address: str) -> Client:
        return Librdkafka(address)

    def test_cooperative_rebalance_moves_only_what_it_must(self, client: Client) -> None:
        topic, group = unique("cooperative"), unique("group")
        client.create_topic(topic, 4)
        settings = {"partition.assignment.strategy": "cooperative-sticky"}
        first = LibrdkafkaMember(client.address, group, topic, settings)
        _poll_until([first], [4])
        second = LibrdkafkaMember(client.address, group, topic, settings)
        _poll_until([first, second], [2, 2])
        assert (first.lost, second.lost) == (2, 0), "only the partitions that move are taken away"
        assert first.assignment() | second.assignment() == {0, 1, 2, 3}
        second.close()
        _poll_until([first], [4])
        assert first.lost == 2
        first.close()

    def test_static_member_comes_back_without_a_rebalance(self, client: Client) -> None:
        topic, group = unique("static"), unique("group")
        client.create_topic(topic, 2)
        members = [LibrdkafkaMember(client.address, group, topic, {"group.instance.id": name}) for name in ("a", "b")]
        _poll_until(members, [1, 1])
        kept, lost = members[0].assignment(), members[0].lost
        members[1].close()  # a static member says nothing when it goes
        members[1] = LibrdkafkaMember(client.address, group, topic, {"group.instance.id": "b"})
        _poll_until(members, [1, 1])
        assert members[0].assignment() == kept
        assert members[0].lost == lost, "the other member was not disturbed"
        assert client.group_state(group) == ("stable", 2)
        for member in members:
            member.close()

    def test_listing_and_describing_by_the_newer_apis(self, client: Client) -> None:
        """DescribeCluster, DescribeTopicPartitions or Metadata by name, and the offset of the largest timestamp."""
        assert isinstance(client, Librdkafka)
        topic = unique("newer")
        client.create_topic(topic)
        client.produce(topic, [Record(b"late", timestamp_ms=NOW_MS), Record(b"early", timestamp_ms=NOW_MS - 5000)])
        api: Any = client.admin
        cluster = api.describe_cluster().result(CALL_TIMEOUT_S)
        assert [f"{broker.host}:{broker.port}" for broker in cluster.nodes] == [client.address]
        described = api.describe_topics(ck.TopicCollection([topic]))[topic].result(CALL_TIMEOUT_S)
        assert [partition.id for partition in described.partitions] == [0]
        target = ck.TopicPartition(topic, 0)
        specs: Any = admin.OffsetSpec
        largest = api.list_offsets({target: specs.max_timestamp()})[target].result(CALL_TIMEOUT_S)
        assert (largest.offset, largest.timestamp) == (0, NOW_MS)
