"""Share groups by librdkafka's share consumer: every kind of acknowledgement, and members that work side by side."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import AcknowledgeType, ShareConsumer
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType
from tests.conformance.client import Record
from tests.conformance.scenarios import unique
from tests.conformance.test_confluent_kafka import Librdkafka

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.peers.process import NodeProcess

pytestmark = pytest.mark.timeout(400)

TIMEOUT_S = 90.0


def begin_at_the_start(address: str, group: str) -> None:
    entry = ConfigEntry("share.auto.offset.reset", "earliest", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.GROUP, group, incremental_configs=[entry])
    admin = AdminClient({"bootstrap.servers": address})
    for future in admin.incremental_alter_configs([resource]).values():
        future.result(60)


def member(address: str, group: str, topic: str) -> ShareConsumer:
    consumer = ShareConsumer(
        {"bootstrap.servers": address, "group.id": group, "share.acknowledgement.mode": "explicit"}
    )
    consumer.subscribe([topic])
    return consumer


def work(consumer: ShareConsumer, decide: Callable[[int], AcknowledgeType], is_over: Callable[[], bool]) -> list[int]:
    """Poll and acknowledge until it is over; the number of each record received."""
    received: list[int] = []
    deadline = time.monotonic() + TIMEOUT_S
    while not is_over() and time.monotonic() < deadline:
        for message in consumer.poll(0.5):
            assert message.error() is None, message.error()
            value = message.value()
            assert value is not None
            received.append(int(value))
            consumer.acknowledge(message, decide(int(value)))
        for error in (consumer.commit_sync(60) or {}).values():
            assert error is None, error
    return received


def test_every_kind_of_acknowledgement(node: NodeProcess) -> None:
    topic, group = unique("share-rdkafka"), unique("share-group")
    client = Librdkafka(node.address)
    client.create_topic(topic, 2)
    begin_at_the_start(node.address, group)
    client.produce(topic, [Record(str(number).encode(), partition=number % 2) for number in range(30)])
    seen: Counter[int] = Counter()

    def decide(number: int) -> AcknowledgeType:
        """Of three records one is accepted, one rejected, one released twice and then accepted."""
        seen[number] += 1
        if number % 3 == 2 and seen[number] < 3:
            return AcknowledgeType.RELEASE
        return AcknowledgeType.REJECT if number % 3 == 1 else AcknowledgeType.ACCEPT

    consumer = member(node.address, group, topic)
    expected = 10 + 10 + 3 * 10
    received = work(consumer, decide, lambda: sum(seen.values()) >= expected)
    consumer.close()
    assert Counter(received) == {number: 3 if number % 3 == 2 else 1 for number in range(30)}
    nobody_left = member(node.address, group, topic)
    until = time.monotonic() + 5  # ten heartbeats
    assert work(nobody_left, lambda _: AcknowledgeType.ACCEPT, lambda: time.monotonic() > until) == []
    nobody_left.close()


def test_members_share_one_partition(node: NodeProcess) -> None:
    topic, group = unique("share-rdkafka"), unique("share-group")
    client = Librdkafka(node.address)
    client.create_topic(topic, 1)
    begin_at_the_start(node.address, group)
    taken: list[list[int]] = [[], [], []]
    count = 300

    def run(index: int) -> None:
        consumer = member(node.address, group, topic)

        def decide(number: int) -> AcknowledgeType:
            taken[index].append(number)
            return AcknowledgeType.ACCEPT

        work(consumer, decide, lambda: sum(map(len, taken)) >= count)
        consumer.close()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(3)]
    for thread in threads:
        thread.start()
    for start in range(0, count, 10):
        client.produce(topic, [Record(str(number).encode()) for number in range(start, start + 10)])
    for thread in threads:
        thread.join(TIMEOUT_S)
        assert not thread.is_alive()
    assert Counter(number for each in taken for number in each) == Counter(range(count))
