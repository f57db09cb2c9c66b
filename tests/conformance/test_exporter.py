"""`ottla exporter` beside a real cluster; on Apache Kafka, too (OTTLA_TEST_PEER)."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from tests.peers.process import free_port, wait_for
from tests.peers.scrape import Scrape

from ottla.runtime.metrics.kafka_exporter import METRICS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.process import NodeProcess

TOPIC = "exporter-orders"
GROUP = "exporter-billing"


def test_the_lag_of_a_cluster_is_told(node: NodeProcess, tmp_path: Path) -> None:
    servers: dict[str, str | int | float | bool] = {"bootstrap.servers": node.address}
    admin = AdminClient(servers)
    admin.create_topics([NewTopic(TOPIC, 2, 1)])[TOPIC].result(60)
    producer = Producer(servers)
    for number in range(90):
        producer.produce(TOPIC, b"x", partition=number % 3 % 2)
    assert producer.flush(60) == 0
    consumer = Consumer({**servers, "group.id": GROUP, "enable.auto.commit": False})
    wait_for(lambda: _commits(consumer), "the group's coordinator")
    consumer.close()

    listen = f"127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "ottla", "exporter", "--bootstrap", node.address, "--listen", listen]
    with (tmp_path / "log").open("wb") as log:
        exporter = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | {"PYTHONUNBUFFERED": "1"})
    try:
        wait_for(lambda: b"is on http://" in (tmp_path / "log").read_bytes(), "the exporter")
        scrape = Scrape.of(f"http://{listen}/metrics")
        assert {metric.name for metric in METRICS} <= scrape.types.keys()
        lag = "kafka_consumergroup_lag"
        assert scrape.value(lag, consumergroup=GROUP, topic=TOPIC, partition="0") == 10
        assert scrape.value(lag, consumergroup=GROUP, topic=TOPIC, partition="1") == 0
        assert scrape.value(f"{lag}_sum", consumergroup=GROUP, topic=TOPIC) == 10
        assert scrape.value("kafka_consumergroup_current_offset_sum", consumergroup=GROUP, topic=TOPIC) == 80
        assert scrape.value("kafka_consumergroup_members", consumergroup=GROUP) == 0
        assert scrape.value("kafka_topic_partitions", topic=TOPIC) == 2
        assert scrape.value("kafka_topic_partition_current_offset", topic=TOPIC, partition="0") == 60
        assert scrape.value("kafka_topic_partition_oldest_offset", topic=TOPIC, partition="0") == 0
        assert scrape.value("kafka_brokers") == 1
        producer.produce(TOPIC, b"x", partition=0)
        assert producer.flush(60) == 0
        assert Scrape.of(f"http://{listen}/metrics").value(f"{lag}_sum", consumergroup=GROUP, topic=TOPIC) == 11
    finally:
        exporter.terminate()
        exporter.wait(60)


def _commits(consumer: Consumer) -> bool:
    """Apache Kafka refuses until the coordinator is loaded."""
    try:
        consumer.commit(offsets=[TopicPartition(TOPIC, 0, 50), TopicPartition(TOPIC, 1, 30)], asynchronous=False)
    except KafkaException:
        return False
    return True


def test_a_cluster_that_is_gone_is_told_of_and_not_a_crash() -> None:
    import asyncio

    from ottla.clients.client import KafkaClient
    from ottla.console.cli.exporter import Exporter
    from ottla.runtime.metrics.server import MetricsServer
    from ottla.runtime.sockets import SocketNetwork

    async def scrape() -> tuple[int, bytes]:
        network = SocketNetwork(asyncio.get_running_loop())
        client = KafkaClient(network, f"127.0.0.1:{free_port()}", client_id="exporter", request_timeout_ms=1000)
        server = MetricsServer(network, [], refresh=Exporter(client).refresh)
        answer = await server.answer("GET", "/metrics")
        client.close()
        network.close()
        return answer.status, answer.body

    status, body = asyncio.run(scrape())
    assert status == 503
    assert body.startswith(b"the cluster cannot be asked: ")
