"""A broker of one engine in a cluster whose controllers are the other's, under clients that count.

It registers, leads and follows, replicates both ways, coordinates groups and transactions, and lives through the end of
the active controller, its own stop, and its own death.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final, TypeAlias

import pytest
from confluent_kafka import Consumer, ElectionType, KafkaException
from confluent_kafka.admin import NewTopic
from tests.cluster.conftest import SETTINGS as SHORT_TIMES
from tests.cluster.load import CountedLoad, read_topic
from tests.cluster.replica_bytes import logs_of
from tests.cluster.test_faults import ADMIN_S, PARTITIONS, SOME, TARGET, TOPIC, admin_of, leader_of, wait_until_whole
from tests.cluster.test_share_groups import ROUND, Worker, send
from tests.cluster.test_share_groups import TOPIC as SHARED
from tests.cluster.transfer import Transfer
from tests.conformance.test_confluent_share import begin_at_the_start
from tests.interop.quorum_nodes import status
from tests.peers.apache_kafka_cluster import KafkaClusterNode
from tests.peers.cluster import BROKER, Quorum, Voter, cluster_settings, wait_until_brokers
from tests.peers.ottla_cluster import OttlaClusterNode
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.java

GUEST: Final = 4
HOSTS: Final = (1, 2, 3)
ASSIGNMENT: Final = [[GUEST, 1, 2], [1, GUEST, 3], [2, 3, GUEST]]
"""The guest leads the first partition and follows the leaders of the others."""
SETTINGS: Final = cluster_settings(len(HOSTS)) | SHORT_TIMES
CATCH_UP_S: Final = 180.0
GROUPS: Final = 4
"""So many that brokers of both kinds coordinate some."""

Node: TypeAlias = OttlaClusterNode | KafkaClusterNode
Kind: TypeAlias = type[OttlaClusterNode] | type[KafkaClusterNode]
KINDS: Final[dict[str, tuple[Kind, Kind]]] = {
    "ottla-broker": (KafkaClusterNode, OttlaClusterNode),
    "java-broker": (OttlaClusterNode, KafkaClusterNode),
}


class MixedCluster:
    """Three combined nodes of one kind, and a broker of the other."""

    def __init__(self, directory: Path, hosts: Kind, guest: Kind) -> None:
        quorum = Quorum(tuple(Voter(number) for number in HOSTS))
        self.nodes: dict[int, Node] = {
            number: hosts(directory / str(number), number, quorum, settings=SETTINGS) for number in HOSTS
        }
        self.nodes[GUEST] = guest(directory / str(GUEST), GUEST, quorum, roles=BROKER, settings=SETTINGS)

    @property
    def guest(self) -> Node:
        return self.nodes[GUEST]

    @property
    def bootstrap(self) -> str:
        return ",".join(node.address for node in self.nodes.values())

    def start(self) -> None:
        for node in self.nodes.values():
            node.begin()
        for node in self.nodes.values():
            node.wait_until_ready()
        wait_until_brokers(self.bootstrap, set(self.nodes))

    def close(self) -> None:
        for node in self.nodes.values():
            if node.is_running:
                node.kill()

    def active_controller(self) -> int:
        def found() -> int | None:
            for number in HOSTS:
                seen = status(self.nodes[number])
                if seen is not None:
                    return seen.leader_id
            return None

        return wait_for(found, "a controller is active")

    def lead_by_preference(self) -> None:
        """The first replica of each partition leads it again."""
        admin = admin_of(self)

        def done() -> bool:
            with contextlib.suppress(KafkaException):
                admin.elect_leaders(ElectionType.PREFERRED, None).result(ADMIN_S)
                return leader_of(self, TOPIC) == GUEST
            return False

        wait_for(done, "the guest leads")


@pytest.fixture(params=list(KINDS))
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MixedCluster]:
    made = MixedCluster(tmp_path, *KINDS[request.param])
    try:
        made.start()
        yield made
    finally:
        made.close()


@pytest.mark.timeout(500)
def test_a_guest_among_the_other_kinds_controllers(cluster: MixedCluster) -> None:
    admin = admin_of(cluster)
    topics = [NewTopic(name, PARTITIONS, replica_assignment=ASSIGNMENT) for name in (TOPIC, TARGET)]
    for done in admin.create_topics(topics).values():
        done.result(ADMIN_S)
    wait_until_whole(cluster, TOPIC)
    assert leader_of(cluster, TOPIC) == GUEST
    load = CountedLoad(cluster.bootstrap, TOPIC, PARTITIONS, producers=1)
    with load, Transfer(cluster.bootstrap, TOPIC, TARGET) as transfer:
        transfer.wait_for(SOME, ADMIN_S)

        active = cluster.active_controller()
        cluster.nodes[active].kill()
        load.wait_for(SOME)
        transfer.wait_for(transfer.committed + SOME, ADMIN_S)
        cluster.nodes[active].start()
        wait_until_whole(cluster, TOPIC)

        assert cluster.guest.stop() in (0, 143), cluster.guest.output[-2000:]  # a JVM that was asked to stop
        load.wait_for(SOME)
        cluster.guest.start()
        wait_until_whole(cluster, TOPIC)

        cluster.guest.kill()
        load.wait_for(SOME)
        cluster.guest.start()
        wait_until_whole(cluster, TOPIC)
        cluster.lead_by_preference()
        load.wait_for(SOME)
        load.stop()
        transfer.wait_for(load.acknowledged, CATCH_UP_S)
    load.check()
    source, target = (
        read_topic(cluster.bootstrap, topic, range(PARTITIONS), isolation="read_committed") for topic in (TOPIC, TARGET)
    )
    for partition in range(PARTITIONS):
        original, copied = ([log[offset] for offset in sorted(log)] for log in (source[partition], target[partition]))
        assert copied == original
    assert cluster.guest.errors == []
    for topic in (TOPIC, TARGET):
        by_partition: dict[str, list[bytes]] = {}
        for node in cluster.nodes.values():
            for name, log in logs_of(node.data, topic).items():
                by_partition.setdefault(name, []).append(log)
        assert {name: len(logs) for name, logs in by_partition.items()} == {
            f"{topic}-{index}": len(replicas) for index, replicas in enumerate(ASSIGNMENT)
        }
        assert [name for name, logs in by_partition.items() if any(log != logs[0] for log in logs)] == []


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("cluster", ["ottla-broker", "java-broker"], indirect=True)
def test_groups_whose_coordinators_are_of_both_kinds(cluster: MixedCluster) -> None:
    """Consumer groups, and share groups, whose state is kept by a broker of one kind and asked for by the other's."""
    admin = admin_of(cluster)
    for done in admin.create_topics([NewTopic(SHARED, PARTITIONS, replica_assignment=ASSIGNMENT)]).values():
        done.result(ADMIN_S)
    wait_until_whole(cluster, SHARED)
    first, second, third = range(ROUND), range(ROUND, 2 * ROUND), range(2 * ROUND, 3 * ROUND)
    send(cluster.bootstrap, first)
    for number in range(GROUPS):
        assert read_by_group(cluster.bootstrap, f"consumers-{number}", len(first)) == sorted(first)
    for number in range(GROUPS):
        group = f"sharers-{number}"
        begin_at_the_start(cluster.bootstrap, group)
        with Worker(cluster.bootstrap, group) as worker:
            worker.wait_for(first)
            if number == GROUPS - 1:
                cluster.guest.kill()
                send(cluster.bootstrap, second)
                worker.wait_for(second)
                cluster.guest.start()
                wait_until_whole(cluster, SHARED)
                cluster.nodes[HOSTS[0]].kill()
                send(cluster.bootstrap, third)
                worker.wait_for(third)
        assert worker.again == []


def read_by_group(bootstrap: str, group: str, count: int) -> list[int]:
    """By the protocol of KIP-848, and committed."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "group.protocol": "consumer",
            "auto.offset.reset": "earliest",
            "log_level": 0,
        }
    )
    consumer.subscribe([SHARED])
    read: list[int] = []

    def enough() -> bool:
        read.extend(int(message.value() or b"") for message in consumer.consume(count, 0.5) if message.error() is None)
        return len(read) >= count

    wait_for(enough, f"{group} has read everything")
    consumer.commit(asynchronous=False)
    consumer.close()
    return sorted(read)
