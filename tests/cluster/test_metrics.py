"""What three nodes tell together is the cluster: nothing twice, nothing missing; and what they tell without one."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Final

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from tests.cluster.conftest import SETTINGS
from tests.peers.cluster import COMBINED
from tests.peers.ottla_cluster import OttlaCluster
from tests.peers.process import free_port, wait_for
from tests.peers.scrape import Scrape

if TYPE_CHECKING:
    from pathlib import Path

TOPIC: Final = "orders"
PARTITIONS: Final = 6
RECORDS: Final = 600
NODES: Final = (1, 2, 3)


class Watched:
    """The metrics of all nodes that run."""

    def __init__(self, ports: dict[int, int]) -> None:
        self._ports = ports

    def url(self, node_id: int, path: str) -> str:
        return f"http://127.0.0.1:{self._ports[node_id]}{path}"

    def scrapes(self, *gone: int) -> list[Scrape]:
        return [Scrape.of(self.url(node_id, "/metrics")) for node_id in self._ports if node_id not in gone]

    def total(self, name: str, *gone: int, **labels: str) -> float:
        return sum(scrape.value(name, **labels) or 0 for scrape in self.scrapes(*gone))

    def status(self, node_id: int, path: str) -> int:
        try:
            with urllib.request.urlopen(self.url(node_id, path), timeout=30) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code


@pytest.mark.long
@pytest.mark.timeout(240)
def test_the_nodes_together_tell_of_the_cluster(tmp_path: Path) -> None:
    ports = {node_id: free_port() for node_id in NODES}
    listens = {node_id: {"ottla.metrics.listen": f"127.0.0.1:{port}"} for node_id, port in ports.items()}
    with OttlaCluster(tmp_path, (COMBINED,) * 3, settings=SETTINGS, settings_of=listens) as cluster:
        watched = Watched(ports)
        fill(cluster.bootstrap)
        topics = "kafka_server_brokertopicmetrics_"
        assert watched.total(f"{topics}messagesin_total", topic=TOPIC) == RECORDS
        bytes_in = watched.total(f"{topics}bytesin_total")
        wait_for(
            lambda: watched.total(f"{topics}replicationbytesin_total") >= 2 * bytes_in, "all to be replicated twice"
        )
        assert watched.total(f"{topics}replicationbytesout_total") >= 2 * bytes_in
        assert watched.total("kafka_server_replicamanager_leadercount") * 3 == watched.total(
            "kafka_server_replicamanager_partitioncount"
        )
        assert watched.total("kafka_controller_kafkacontroller_activecontrollercount") == 1
        assert watched.total("kafka_brokers") == 3
        assert watched.total("kafka_topic_partitions", topic=TOPIC) == PARTITIONS
        assert (
            watched.total("kafka_consumergroup_lag_sum", consumergroup="billing", topic=TOPIC) == RECORDS - PARTITIONS
        )
        assert watched.total("kafka_server_raftmetrics_current_state", current_state="leader") == 1
        assert watched.total("kafka_server_raftmetrics_current_state", current_state="follower") == 2
        assert watched.total("kafka_network_requestmetrics_totaltimems_count", request="FetchFollower") > 0
        assert [watched.status(node_id, "/readyz") for node_id in NODES] == [200, 200, 200]

        controller = next(
            node_id
            for node_id in NODES
            if Scrape.of(watched.url(node_id, "/metrics")).value(
                "kafka_server_raftmetrics_current_state", current_state="leader"
            )
        )
        gone = next(node_id for node_id in NODES if node_id != controller)
        cluster.nodes[gone].kill()
        under = "kafka_server_replicamanager_underreplicatedpartitions"
        hosted = watched.total("kafka_server_replicamanager_leadercount", gone)
        wait_for(lambda: watched.total(under, gone) >= hosted > 0, "every partition to be under-replicated")
        wait_for(
            lambda: watched.total("kafka_controller_kafkacontroller_fencedbrokercount", gone) >= 1, "it to be fenced"
        )
        assert watched.total("kafka_controller_kafkacontroller_offlinepartitionscount", gone) == 0
        cluster.nodes[gone].start()
        wait_for(lambda: watched.total(under) == 0, "all to be in sync again", 120)
        shrinks = watched.total("kafka_server_replicamanager_isrshrinks_total")
        expands = watched.total("kafka_server_replicamanager_isrexpands_total")
        assert expands > 0
        assert shrinks >= 0
        assert watched.total("kafka_controller_controllerstats_uncleanleaderelections_total") == 0


def fill(bootstrap: str) -> None:
    servers: dict[str, str | int | float | bool] = {"bootstrap.servers": bootstrap}
    admin = AdminClient(servers)
    wait_for(lambda: len(admin.list_topics(timeout=60).brokers) == len(NODES), "all brokers")
    admin.create_topics([NewTopic(TOPIC, PARTITIONS, 3)])[TOPIC].result(60)
    producer = Producer({**servers, "acks": "all"})
    for number in range(RECORDS):
        producer.produce(TOPIC, b"x" * 100, partition=number % PARTITIONS)
    assert producer.flush(60) == 0
    consumer = Consumer({**servers, "group.id": "billing", "enable.auto.commit": False})
    committed = [TopicPartition(TOPIC, index, 1) for index in range(PARTITIONS)]
    wait_for(lambda: commit(consumer, committed), "the group's coordinator")
    consumer.close()


def commit(consumer: Consumer, offsets: list[TopicPartition]) -> bool:
    from confluent_kafka import KafkaException

    try:
        consumer.commit(offsets=offsets, asynchronous=False)
    except KafkaException:
        return False
    return True
