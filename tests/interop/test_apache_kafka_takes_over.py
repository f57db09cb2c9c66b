"""A data directory of Ottla is opened and used by Apache Kafka, then by Ottla again: nothing is lost on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.conformance.client import Member
from tests.conformance.scenarios import numbered
from tests.conformance.test_confluent_kafka import Librdkafka
from tests.conftest import TEST_SETTINGS
from tests.peers.apache_kafka import KafkaNode
from tests.peers.ottla_node import OttlaNode

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.process import NodeProcess

pytestmark = [pytest.mark.java, pytest.mark.timeout(400)]


def use(node: NodeProcess, first: int) -> None:
    """Check everything that was sent and committed before `first`, then send and commit a hundred more."""
    client = Librdkafka(node.address)
    before = {record.value for record in numbered(0, first)}
    if first == 0:
        client.create_topic("kept", 2, {"retention.ms": "86400000"})
    else:
        assert client.topics()["kept"] == 2
        assert client.topic_config("kept", "retention.ms") == "86400000"
        assert [client.committed("group", "kept", partition) for partition in range(2)] == [first // 2] * 2
        read = [client.consume("kept", first // 2, partition=partition) for partition in range(2)]
        assert {record.value for records in read for record in records} == before
    sent = client.produce("kept", numbered(first, 100, partitions=2), "lz4", idempotent=True)
    assert sorted(sent.values()) == [(p, first // 2 + n) for p in range(2) for n in range(50)]
    member = Member(client, "group", "kept")
    member.wait_for_values(set(sent))
    assert member.values() == set(sent), "only what came after the last commit"
    member.commit()
    member.close()


def test_ottla_then_apache_kafka_then_ottla(tmp_path: Path) -> None:
    ottla = OttlaNode(tmp_path / "ottla", TEST_SETTINGS)
    with ottla:
        use(ottla, 0)
    kafka = KafkaNode(tmp_path / "kafka", TEST_SETTINGS, data=ottla.data)
    with kafka:
        use(kafka, 100)
    with ottla:
        use(ottla, 200)
    assert kafka.errors == []
    assert ottla.errors == []
