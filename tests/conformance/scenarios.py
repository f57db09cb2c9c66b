"""What every client library must see on a node: each scenario once, run by every `test_<library>.py`."""

from __future__ import annotations

import os
import threading
import uuid
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final

import pytest
from tests.conformance.client import COMPRESSIONS, Client, FromTime, Member, Producer, Record
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import NodeFactory
    from tests.peers.process import NodeProcess

EPOCH_MS: Final = 1_700_000_000_000
# Where it is asked for, old timestamps are kept: the scenarios send records of 2023.
KEEP_FOREVER: Final = {"retention.ms": "-1"}


def unique(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:10]}"


def numbered(first: int, count: int, *, partitions: int = 1, label: str = "value") -> list[Record]:
    """`count` records whose values are all different, spread over `partitions` in turn."""
    return [
        Record(f"{label}-{number:06d}".encode(), f"key-{number % 7}".encode(), partition=number % partitions)
        for number in range(first, first + count)
    ]


def values(records: list[Record]) -> list[bytes]:
    return [record.value for record in records if record.value is not None]


class _Load:
    """A thread that sends numbered records, one after the other, until told to stop."""

    def __init__(self, producer: Producer, topic: str) -> None:
        self.sent = 0
        self._producer, self._topic = producer, topic
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(120)
        assert not self._thread.is_alive(), "the sender hangs"

    def _run(self) -> None:
        while not self._stopped.wait(0.001):
            self._producer.send(self._topic, Record(f"value-{self.sent:06d}".encode()))
            self.sent += 1


class ClientScenarios(ABC):
    """Subclassed once a library (`class TestLibrdkafka(ClientScenarios)`), which gives the adapter."""

    @abstractmethod
    def connect(self, address: str) -> Client: ...

    @pytest.fixture
    def client(self, node: NodeProcess) -> Iterator[Client]:
        client = self.connect(node.address)
        yield client
        client.close()

    # Topics

    def test_topic_is_created_grown_and_deleted(self, client: Client) -> None:
        topic = unique("topic")
        client.create_topic(topic, 2, {"segment.bytes": "1048576"})
        wait_for(lambda: client.topics().get(topic) == 2, "two partitions")
        client.add_partitions(topic, 5)
        wait_for(lambda: client.topics().get(topic) == 5, "five partitions")
        client.produce(topic, [Record(b"in the last partition", partition=4)])
        assert values(client.consume(topic, 1, partition=4)) == [b"in the last partition"]
        client.delete_topic(topic)
        wait_for(lambda: topic not in client.topics(), "the topic is gone")

    def test_topic_made_again_starts_empty(self, client: Client) -> None:
        topic = unique("again")
        client.create_topic(topic)
        client.produce(topic, numbered(0, 10))
        client.delete_topic(topic)
        wait_for(lambda: topic not in client.topics(), "the topic is gone")
        client.create_topic(topic)
        assert client.produce(topic, [Record(b"first")])[b"first"] == (0, 0)
        assert values(client.consume(topic, 1)) == [b"first"]

    def test_topic_configs_are_described_and_altered(self, client: Client) -> None:
        client.needs("topic_config")
        topic = unique("configs")
        client.create_topic(topic, configs={"retention.ms": "86400000"})
        assert client.topic_config(topic, "retention.ms") == "86400000"
        assert client.topic_config(topic, "cleanup.policy") == "delete"
        client.alter_topic_config(topic, "retention.ms", "7200000")
        wait_for(lambda: client.topic_config(topic, "retention.ms") == "7200000", "the altered config")

    # Records

    @pytest.mark.parametrize("compression", COMPRESSIONS)
    def test_records_come_back_as_sent(self, client: Client, compression: str) -> None:
        topic = unique(f"records-{compression}")
        client.create_topic(topic)
        sent = [
            Record(
                value=b"%d " % number * 40,
                key=b"key-%d" % number if number % 3 else None,
                headers=(("trace", b"%d" % number), ("trace", b"again"), ("empty", b"")) if number % 2 else (),
                timestamp_ms=EPOCH_MS + number,
            )
            for number in range(200)
        ]
        client.produce(topic, sent, compression)
        received = client.consume(topic, 200)
        assert [record.offset for record in received] == list(range(200))
        assert [(r.value, r.key, r.headers, r.timestamp_ms) for r in received] == [
            (r.value, r.key, r.headers, r.timestamp_ms) for r in sent
        ]

    def test_tombstones_and_empty_values_stay_apart(self, client: Client) -> None:
        topic = unique("tombstones")
        client.create_topic(topic, configs={"cleanup.policy": "compact"})
        producer = client.producer()
        for value in (b"set", b"", None):
            producer.send(topic, Record(value, key=b"key"))
            producer.flush()
        producer.close()
        assert producer.errors == []
        assert [record.value for record in client.consume(topic, 3)] == [b"set", b"", None]

    def test_consuming_starts_at_an_offset_or_a_time(self, client: Client) -> None:
        topic = unique("starts")
        client.create_topic(topic, configs=KEEP_FOREVER)
        for number in range(10):  # a batch each: a lookup by time must find the batch, then the record
            batch = [
                Record(b"%d-%d" % (number, inner), timestamp_ms=EPOCH_MS + number * 1000 + inner * 100)
                for inner in range(5)
            ]
            client.produce(topic, batch)
        assert values(client.consume(topic, 2, start=17)) == [b"3-2", b"3-3"]
        assert values(client.consume(topic, 2, start=FromTime(EPOCH_MS + 4000))) == [b"4-0", b"4-1"]
        assert values(client.consume(topic, 2, start=FromTime(EPOCH_MS + 6250))) == [b"6-3", b"6-4"]
        assert client.offsets(topic) == (0, 50)

    def test_large_record_passes_and_too_large_is_refused(self, client: Client) -> None:
        topic = unique("large")
        client.create_topic(topic)
        large = os.urandom(1_040_000)
        assert client.produce(topic, [Record(large)]) == {large: (0, 0)}
        producer = client.producer()
        producer.send(topic, Record(os.urandom(1_200_000)))
        producer.flush()
        producer.close()
        assert producer.acknowledged == {}
        assert len(producer.errors) == 1
        assert producer.errors[0].replace("_", "").lower() in {
            "msgsizetoolarge",
            "messagetoolarge",
            "messagesizetoolargeerror",
        }
        assert [record.value == large for record in client.consume(topic, 1)] == [True]
        assert client.offsets(topic) == (0, 1)

    def test_idempotent_producer_gets_consecutive_offsets(self, client: Client) -> None:
        topic = unique("idempotent")
        client.create_topic(topic, 3)
        sent = numbered(0, 3000, partitions=3)
        acknowledged = client.produce(topic, sent, "lz4", idempotent=True)
        assert acknowledged == {record.value: (index % 3, index // 3) for index, record in enumerate(sent)}
        for partition in range(3):
            assert values(client.consume(topic, 1000, partition=partition)) == values(sent[partition::3])

    def test_deleted_records_are_gone(self, client: Client) -> None:
        client.needs("delete_records")
        topic = unique("delete-records")
        client.create_topic(topic)
        client.produce(topic, numbered(0, 100))
        client.delete_records(topic, 0, 60)
        assert client.offsets(topic) == (60, 100)
        assert values(client.consume(topic, 1, start=60)) == [b"value-000060"]

    # Groups

    def test_two_members_share_and_resume(self, client: Client) -> None:
        topic, group = unique("shared"), unique("group")
        client.create_topic(topic, 4)
        first = Member(client, group, topic)
        first.wait_for_partitions(4)
        sent = set(values([Record(v) for v in client.produce(topic, numbered(0, 40, partitions=4))]))
        first.wait_for_values(sent)
        first.commit()

        second = Member(client, group, topic)
        second.wait_for_partitions(2)
        first.wait_for_partitions(2)
        assert first.assignment | second.assignment == {0, 1, 2, 3}
        assert client.group_state(group) == ("stable", 2)
        assert group in client.groups()
        more = set(client.produce(topic, numbered(40, 40, partitions=4)))
        wait_for(lambda: more <= first.values() | second.values(), "the records of both members")
        assert second.values() <= more, "the second member starts where the first one committed"
        first.commit()
        second.commit()

        first.close()
        second.wait_for_partitions(4)
        second.close()
        assert [client.committed(group, topic, partition) for partition in range(4)] == [20] * 4
        last = set(client.produce(topic, numbered(80, 4, partitions=4)))
        third = Member(client, group, topic)
        third.wait_for_values(last)
        assert third.values() == last, "a member that comes later resumes at the commit"
        third.close()

    def test_group_and_its_offsets_are_deleted(self, client: Client) -> None:
        client.needs("delete_group")
        topic, group = unique("offsets"), unique("group")
        client.create_topic(topic, 2)
        sent = set(client.produce(topic, numbered(0, 20, partitions=2)))
        member = Member(client, group, topic)
        member.wait_for_values(sent)
        member.commit()
        member.close()
        wait_for(lambda: client.group_state(group) == ("empty", 0), "an empty group")
        if "delete_group_offsets" not in client.missing:
            client.delete_group_offsets(group, topic, 1)
            assert client.committed(group, topic, 1) is None
        assert client.committed(group, topic, 0) == 10
        client.delete_group(group)
        assert group not in client.groups()

    # Restarts

    def test_everything_survives_a_restart(self, own_node: NodeFactory) -> None:
        node = own_node()
        client = self.connect(node.address)
        topic, group = unique("restart"), unique("group")
        client.create_topic(topic, 2, {"retention.ms": "86400000"})
        producer = client.producer(idempotent=True)
        for record in numbered(0, 100, partitions=2):
            producer.send(topic, record)
        producer.flush()
        member = Member(client, group, topic)
        member.wait_for_values(set(producer.acknowledged))
        member.commit()

        node.restart()

        for record in numbered(100, 100, partitions=2):
            producer.send(topic, record)
        producer.flush(120)
        producer.close()
        assert producer.errors == []
        assert producer.acknowledged == {b"value-%06d" % n: (n % 2, n // 2) for n in range(200)}
        member.wait_for_values(set(producer.acknowledged))
        assert client.topics()[topic] == 2
        assert values(client.consume(topic, 100, partition=1)) == [b"value-%06d" % n for n in range(1, 200, 2)]
        member.commit()
        member.close()
        assert client.committed(group, topic, 0) == 100
        client.close()

    @pytest.mark.parametrize("idempotent", [False, True], ids=["retrying", "idempotent"])
    def test_kill_loses_nothing_acknowledged(self, own_node: NodeFactory, idempotent: bool) -> None:
        node = own_node()
        client = self.connect(node.address)
        topic = unique("killed")
        client.create_topic(topic)
        producer = client.producer("lz4", idempotent=idempotent)
        load = _Load(producer, topic)
        for round_number in (1, 2):
            before = len(producer.acknowledged)
            wait_for(lambda floor=before: len(producer.acknowledged) > floor + 200, "acknowledged records", 120)  # type: ignore[misc]
            node.kill()
            node.start()
            assert node.is_running, round_number
        before = len(producer.acknowledged)
        wait_for(lambda: len(producer.acknowledged) > before + 100, "acknowledged records after the kills", 120)
        load.stop()
        producer.flush(120)
        producer.close()
        assert producer.errors == []
        assert len(producer.acknowledged) == load.sent
        _, end = client.offsets(topic)
        log = values(client.consume(topic, end))
        missing = [value for value, (_, offset) in producer.acknowledged.items() if log[offset] != value]
        assert missing == [], f"{len(missing)} of {len(producer.acknowledged)} acknowledged records are lost"
        if idempotent:
            assert log == [b"value-%06d" % number for number in range(load.sent)], "twice, or out of order"
        client.close()
