"""Partitions and topics that come while an application runs are read without a restart."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic
from tests.peers.process import wait_for
from tests.streams.conftest import AT_LEAST_ONCE, CLASSIC, QUICK, STREAMS

from ottla.streams import Consumed, Produced, Serdes, StreamsBuilder
from ottla.streams.application.kafka_streams import KafkaStreams

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.process import NodeProcess

    from ottla.streams import Topology

pytestmark = pytest.mark.timeout(120)
TEXT = Serdes.str()


def topology(source: str | re.Pattern[str]) -> Topology:
    builder = StreamsBuilder()
    builder.stream(source, Consumed(TEXT, TEXT)).to("out", Produced(TEXT, TEXT))
    return builder.build()


class Readings:
    def __init__(self, bootstrap: str) -> None:
        self.found: set[str] = set()
        self._bootstrap = bootstrap
        self._consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "reader"})
        self._consumer.assign([TopicPartition("out", 0, 0)])

    def send(self, topic: str, partition: int, value: str) -> None:
        producer = Producer({"bootstrap.servers": self._bootstrap})  # one that knows of no fewer partitions
        producer.produce(topic, value, partition=partition)
        assert producer.flush(30) == 0

    def wait_for(self, *values: str) -> None:
        def all_there() -> bool:
            self.found |= {(each.value() or b"").decode() for each in self._consumer.consume(100, 0.1)}
            return self.found >= set(values)

        wait_for(all_there, f"{', '.join(values)} came through")

    def close(self) -> None:
        self._consumer.close()


def start(tmp_path: Path, bootstrap: str, source: str | re.Pattern[str], protocol: dict[str, str]) -> KafkaStreams:
    settings: dict[str, Any] = {"application.id": "copy", "bootstrap.servers": bootstrap, "state.dir": str(tmp_path)}
    app = KafkaStreams(topology(source), settings | QUICK | AT_LEAST_ONCE | protocol | {"metadata.max.age.ms": "300"})
    app.start()
    return app


@pytest.mark.parametrize(
    "protocol", [pytest.param(CLASSIC, id="classic"), pytest.param(STREAMS, id="streams", marks=pytest.mark.long)]
)
def test_new_partitions_are_read(tmp_path: Path, ottla: NodeProcess, protocol: dict[str, str]) -> None:
    admin = AdminClient({"bootstrap.servers": ottla.address})
    for future in admin.create_topics([NewTopic("in", 1, 1), NewTopic("out", 1, 1)]).values():
        future.result(30)
    app = start(tmp_path, ottla.address, "in", protocol)
    readings = Readings(ottla.address)
    try:
        app.wait_until_running()
        readings.send("in", 0, "first")
        readings.wait_for("first")
        for future in admin.create_partitions([NewPartitions("in", 3)]).values():
            future.result(30)
        readings.send("in", 2, "second")
        readings.send("in", 1, "third")
        readings.wait_for("second", "third")
        app.wait_until_running()
        readings.send("in", 0, "fourth")
        readings.wait_for("fourth")
    finally:
        readings.close()
        assert app.close()


@pytest.mark.long
def test_topics_that_a_pattern_finds_later_are_read(tmp_path: Path, ottla: NodeProcess) -> None:
    admin = AdminClient({"bootstrap.servers": ottla.address})
    for future in admin.create_topics([NewTopic("in-1", 1, 1), NewTopic("out", 1, 1)]).values():
        future.result(30)
    app = start(tmp_path, ottla.address, re.compile(r"in-\d"), CLASSIC)
    readings = Readings(ottla.address)
    try:
        app.wait_until_running()
        readings.send("in-1", 0, "first")
        readings.wait_for("first")
        for future in admin.create_topics([NewTopic("in-2", 2, 1), NewTopic("other", 1, 1)]).values():
            future.result(30)
        readings.send("in-2", 1, "second")
        readings.send("other", 0, "never")
        readings.wait_for("second")
        assert "never" not in readings.found
    finally:
        readings.close()
        assert app.close()
