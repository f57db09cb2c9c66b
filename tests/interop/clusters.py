"""Clusters of three brokers and three controllers, of either kind and of both, with the same face."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.peers.apache_kafka_cluster import KafkaCluster, KafkaClusterNode
from tests.peers.cluster import BROKER, CONTROLLER, Quorum, Voter, cluster_settings, wait_until_brokers
from tests.peers.ottla_cluster import OttlaCluster, OttlaClusterNode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

SETTINGS = {
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "auto.leader.rebalance.enable": "false",  # only elections that a test asks for
    "log.retention.check.interval.ms": "3600000",
}


class MixedCluster:
    """Brokers of Apache Kafka (1 to 3), controllers of Ottla (11 to 13)."""

    def __init__(
        self, directory: Path, *, settings: Mapping[str, str], settings_of: Mapping[int, Mapping[str, str]]
    ) -> None:
        self.quorum = Quorum(tuple(Voter(node_id) for node_id in (11, 12, 13)))
        self.nodes: dict[int, KafkaClusterNode | OttlaClusterNode] = {}
        for node_id in (11, 12, 13):
            self.nodes[node_id] = OttlaClusterNode(
                directory / f"node-{node_id}", node_id, self.quorum, roles=CONTROLLER, settings=settings
            )
        for node_id in (1, 2, 3):
            own = cluster_settings(3) | dict(settings) | dict(settings_of[node_id])
            folder = directory / f"node-{node_id}"
            self.nodes[node_id] = KafkaClusterNode(folder, node_id, self.quorum, roles=BROKER, settings=own)

    @property
    def brokers(self) -> list[KafkaClusterNode | OttlaClusterNode]:
        return [node for node in self.nodes.values() if node.is_broker]

    @property
    def bootstrap(self) -> str:
        return ",".join(node.address for node in self.brokers)

    def __enter__(self) -> MixedCluster:
        try:
            for node in self.nodes.values():
                node.begin()
            for node in self.nodes.values():
                node.wait_until_ready()
            wait_until_brokers(self.bootstrap, {1, 2, 3})
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for node in self.nodes.values():
            if node.is_running:
                node.kill()


Cluster = KafkaCluster | OttlaCluster | MixedCluster
KINDS: dict[str, Callable[..., Cluster]] = {
    "apache-kafka": KafkaCluster,
    "kafka-brokers-ottla-controllers": MixedCluster,
    "ottla": OttlaCluster,
}
