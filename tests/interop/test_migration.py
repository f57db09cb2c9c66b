"""A live cluster changes its engine and changes back, node by node, in place, under clients that count and go on.

The steps are those of `docs/guide/outgrowing-one-machine.md`: stop a node, start the other engine with the same
`server.properties` on the same directories, wait until every replica is in sync again, go on with the next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import pytest
from tests.cluster.load import CountedLoad, read_topic
from tests.cluster.test_faults import SOME, TARGET, TOPIC, create, wait_until_whole
from tests.cluster.transfer import Transfer
from tests.peers.apache_kafka_cluster import KafkaClusterNode, Quorum, Voter, cluster_settings, wait_until_brokers
from tests.peers.ottla_cluster import OttlaClusterNode

if TYPE_CHECKING:
    from pathlib import Path

NODES: Final = (1, 2, 3)
PARTITIONS: Final = 3
SETTINGS: Final = cluster_settings(len(NODES)) | {"min.insync.replicas": "2"}

Node: TypeAlias = OttlaClusterNode | KafkaClusterNode


class MovingCluster:
    """Three combined nodes, each of either engine."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._quorum = Quorum(tuple(Voter(number) for number in NODES))
        self.nodes: dict[int, Node] = {
            number: OttlaClusterNode(directory / f"ottla-{number}", number, self._quorum, settings=SETTINGS)
            for number in NODES
        }

    @property
    def bootstrap(self) -> str:
        return ",".join(node.address for node in self.nodes.values())

    def start(self) -> None:
        for node in self.nodes.values():
            node.begin()
        for node in self.nodes.values():
            node.wait_until_ready()
        wait_until_brokers(self.bootstrap, set(NODES))

    def move(self, number: int) -> None:
        """To the other engine, on the same data and the same ports."""
        old = self.nodes[number]
        assert old.stop() in (0, 143), old.output[-2000:]  # a JVM that was asked to stop ends with 143
        kind, name = (KafkaClusterNode, "kafka") if isinstance(old, OttlaClusterNode) else (OttlaClusterNode, "ottla")
        new = kind(
            self._directory / f"{name}-{number}",
            number,
            self._quorum,
            settings=SETTINGS,
            data=old.data,
            port=old.port,
        )
        new.start()
        self.nodes[number] = new

    def close(self) -> None:
        for node in self.nodes.values():
            if node.is_running:
                node.kill()


@pytest.mark.java
@pytest.mark.timeout(400)
def test_there_and_back_under_load(tmp_path: Path) -> None:
    cluster = MovingCluster(tmp_path)
    try:
        cluster.start()
        create(cluster, TOPIC, TARGET)
        load = CountedLoad(cluster.bootstrap, TOPIC, PARTITIONS)
        with load, Transfer(cluster.bootstrap, TOPIC, TARGET) as transfer:
            load.wait_for(SOME)
            for engine in (KafkaClusterNode, OttlaClusterNode):
                for number in NODES:
                    cluster.move(number)
                    wait_until_whole(cluster, TOPIC)
                    load.wait_for(SOME)
                assert all(isinstance(node, engine) for node in cluster.nodes.values())
                transfer.wait_for(transfer.committed + SOME, 60)
            load.stop()
            transfer.wait_for(load.acknowledged, 120)
        load.check()
        source, target = (
            read_topic(cluster.bootstrap, topic, range(PARTITIONS), isolation="read_committed")
            for topic in (TOPIC, TARGET)
        )
        for partition in range(PARTITIONS):
            copied, original = (
                [log[offset] for offset in sorted(log)] for log in (target[partition], source[partition])
            )
            assert copied == original
        assert [line for node in cluster.nodes.values() for line in node.errors] == []
    finally:
        cluster.close()
