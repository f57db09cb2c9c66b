"""A share group goes from Ottla to Apache Kafka and back with its data directory: what was accepted stays accepted."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from confluent_kafka import AcknowledgeType
from tests.conformance.client import Record
from tests.conformance.test_confluent_kafka import Librdkafka
from tests.conformance.test_confluent_share import begin_at_the_start, member, work
from tests.conftest import TEST_SETTINGS
from tests.peers.apache_kafka import KafkaNode
from tests.peers.ottla_node import OttlaNode

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.process import NodeProcess

pytestmark = [pytest.mark.java, pytest.mark.timeout(400)]

SETTINGS = TEST_SETTINGS | {
    "share.coordinator.state.topic.num.partitions": "4",
    "share.coordinator.snapshot.update.records.per.snapshot": "2",
}
ROUND_S = 90.0


def use(node: NodeProcess, numbers: range, expected: set[int]) -> set[int]:
    """Send `numbers` and work them off with what is `expected` from before: every seventh is left for the next node."""
    client = Librdkafka(node.address)
    if numbers.start == 0:
        client.create_topic("shared", 2)
        begin_at_the_start(node.address, "group")
    client.produce("shared", [Record(str(number).encode(), partition=number % 2) for number in numbers])
    wanted = expected | set(numbers)
    seen: set[int] = set()
    left = {number for number in numbers if number % 7 == 0}

    def decide(number: int) -> AcknowledgeType:
        assert number in wanted, f"{number} was accepted before"
        seen.add(number)
        return AcknowledgeType.RELEASE if number in left else AcknowledgeType.ACCEPT

    deadline = time.monotonic() + ROUND_S
    consumer = member(node.address, "group", "shared")
    work(consumer, decide, lambda: seen == wanted or time.monotonic() > deadline)
    consumer.close()
    assert seen == wanted
    return left


def test_ottla_then_apache_kafka_then_ottla(tmp_path: Path) -> None:
    ottla = OttlaNode(tmp_path / "ottla", SETTINGS)
    with ottla:
        left = use(ottla, range(40), set())
    kafka = KafkaNode(tmp_path / "kafka", SETTINGS, data=ottla.data)
    with kafka:
        left = use(kafka, range(40, 80), left)
    with ottla:
        left = use(ottla, range(80, 120), left)
    assert left
    assert kafka.errors == []
    assert ottla.errors == []
