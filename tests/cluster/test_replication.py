"""Replicas on the disks of real nodes: the same bytes everywhere, also after a disk was lost; and reading next door."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any, Final

import pytest
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from tests.cluster.conftest import SETTINGS
from tests.cluster.load import CountedLoad
from tests.cluster.replica_bytes import logs_of
from tests.cluster.test_faults import PARTITIONS, SOME, TOPIC, create, leader_of, wait_until_whole
from tests.peers.cluster import COMBINED
from tests.peers.ottla_cluster import OttlaCluster
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from pathlib import Path

LARGE: Final = 50_000
RECORDS: Final = 100
READ_S: Final = 60.0


@pytest.mark.timeout(240)
def test_a_replica_whose_disk_was_lost_becomes_what_the_others_are(tmp_path: Path) -> None:
    with OttlaCluster(tmp_path, (COMBINED,) * 3, settings=SETTINGS) as cluster:
        create(cluster, TOPIC)
        with CountedLoad(cluster.bootstrap, TOPIC, PARTITIONS) as load:
            load.wait_for(10 * SOME)
            lost = cluster.nodes[leader_of(cluster, TOPIC)]
            lost.kill()
            for directory in lost.data.glob(f"{TOPIC}-*"):
                shutil.rmtree(directory)
            load.wait_for(SOME)
            lost.start()
            wait_until_whole(cluster, TOPIC)
            load.wait_for(SOME)
        load.check()
        wait_until_whole(cluster, TOPIC)
        cluster.stop()
        first, *others = [logs_of(node.data, TOPIC) for node in cluster.nodes.values()]
        assert len(first) == PARTITIONS
        assert all(first.values())
        for other in others:
            assert other == first


@pytest.mark.timeout(240)
def test_a_consumer_reads_from_the_replica_in_its_rack(tmp_path: Path) -> None:
    """KIP-392, with a client that follows the hint: the bytes come from the follower."""
    settings = SETTINGS | {"replica.selector.class": "org.apache.kafka.common.replica.RackAwareReplicaSelector"}
    racks = {node_id: {"broker.rack": f"rack-{node_id}"} for node_id in (1, 2, 3)}
    with OttlaCluster(tmp_path, (COMBINED,) * 3, settings=settings, settings_of=racks) as cluster:
        create(cluster, TOPIC)
        wait_until_whole(cluster, TOPIC)
        producer = Producer({"bootstrap.servers": cluster.bootstrap, "acks": "all", "log_level": 0})
        for _ in range(RECORDS):
            producer.produce(TOPIC, bytes(LARGE), partition=0)
        assert producer.flush(READ_S) == 0
        leader = leader_of(cluster, TOPIC)
        near = next(node_id for node_id in cluster.nodes if node_id != leader)
        received = _read(cluster.bootstrap, f"rack-{near}")
        assert received[near] > RECORDS * LARGE / 2, f"node {near} is near, {leader} leads: {received}"
        assert received.get(leader, 0) < RECORDS * LARGE / 2


def _read(bootstrap: str, rack: str) -> dict[int, int]:
    """Read all of partition 0: node -> bytes that came from it."""
    received: dict[int, int] = {}

    def note(text: str) -> None:
        brokers: dict[str, Any] = json.loads(text)["brokers"]
        received.update({broker["nodeid"]: broker["rxbytes"] for broker in brokers.values() if broker["nodeid"] > 0})

    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "near",
            "client.rack": rack,
            "enable.auto.commit": False,
            "statistics.interval.ms": 100,
            "stats_cb": note,
            "log_level": 0,
        }
    )
    messages: list[Message] = []

    def read() -> bool:
        message = consumer.poll(0.2)
        if message is not None and message.error() is None:
            messages.append(message)
        return len(messages) == RECORDS

    try:
        consumer.assign([TopicPartition(TOPIC, 0, 0)])
        wait_for(read, "all is read", READ_S)
        wait_for(lambda: consumer.poll(0.2) is None and sum(received.values()) > RECORDS * LARGE, "it is counted")
    finally:
        consumer.close()
    return received
