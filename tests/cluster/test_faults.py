"""Real processes and clients, and nodes that die or stall: nothing acknowledged is lost, nothing comes twice."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import TYPE_CHECKING, Final, Protocol

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic
from tests.cluster.conftest import SETTINGS, kind_of_cluster
from tests.cluster.load import CountedLoad, read_topic
from tests.cluster.transfer import Transfer
from tests.peers.cluster import BROKER, COMBINED, wait_until_brokers
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.cluster.conftest import Cluster


class Nodes(Protocol):
    @property
    def bootstrap(self) -> str: ...

    @property
    def nodes(self) -> Mapping[int, object]: ...


TOPIC, TARGET = "counted", "transferred"
PARTITIONS: Final = 3
SOME: Final = 200
"""Records that are acknowledged before and after each fault."""
STALL_S: Final = 5.0
ADMIN_S: Final = 60.0


def admin_of(cluster: Nodes) -> AdminClient:
    return AdminClient({"bootstrap.servers": cluster.bootstrap, "log_level": 0})


def create(cluster: Nodes, *names: str, replicas: int = 3) -> None:
    admin = admin_of(cluster)
    for done in admin.create_topics([NewTopic(name, PARTITIONS, replicas) for name in names]).values():
        done.result(ADMIN_S)
    for name in names:
        for partition in range(PARTITIONS):
            leader_of(cluster, name, partition)


def leader_of(cluster: Nodes, topic: str, partition: int = 0) -> int:
    """Waits until there is one."""
    admin = admin_of(cluster)

    def led() -> int | None:
        with contextlib.suppress(KafkaException):
            found = admin.list_topics(topic, timeout=5).topics[topic].partitions.get(partition)
            return found.leader if found is not None and found.leader > 0 else None
        return None

    return wait_for(led, f"{topic}-{partition} has a leader")


def wait_until_whole(cluster: Nodes, topic: str) -> None:
    """All nodes are there, and every replica is in sync."""
    wait_until_brokers(cluster.bootstrap, set(cluster.nodes))
    admin = admin_of(cluster)

    def whole() -> bool:
        with contextlib.suppress(KafkaException):
            partitions = admin.list_topics(topic, timeout=5).topics[topic].partitions.values()
            return bool(partitions) and all(len(one.isrs) == len(one.replicas) for one in partitions)
        return False

    wait_for(whole, f"all replicas of {topic} are in sync")


@pytest.mark.timeout(240)
def test_leaders_that_are_killed(cluster: Cluster) -> None:
    """One after the other, each while the others serve, until every node was killed once."""
    create(cluster, TOPIC)
    with CountedLoad(cluster.bootstrap, TOPIC, PARTITIONS) as load:
        load.wait_for(SOME)
        for node in cluster.nodes.values():
            node.kill()
            load.wait_for(SOME)
            node.start()
            wait_until_whole(cluster, TOPIC)
        load.wait_for(SOME)
    assert load.check() > 4 * SOME


@pytest.mark.timeout(240)
def test_two_of_five_nodes_are_killed_at_once(tmp_path: Path) -> None:
    """A controller and a broker without that role, of three and two."""
    roles = (COMBINED, COMBINED, COMBINED, BROKER, BROKER)
    with kind_of_cluster()(tmp_path, roles, settings=SETTINGS) as cluster:
        create(cluster, TOPIC, replicas=5)
        with CountedLoad(cluster.bootstrap, TOPIC, PARTITIONS) as load:
            load.wait_for(SOME)
            for pair in ((1, 4), (2, 5)):
                for number in pair:
                    cluster.nodes[number].kill()
                load.wait_for(SOME)
                for number in pair:
                    cluster.nodes[number].begin()
                for number in pair:
                    cluster.nodes[number].wait_until_ready()
                wait_until_whole(cluster, TOPIC)
            load.wait_for(SOME)
        load.check()


@pytest.mark.timeout(240)
def test_a_leader_that_stalls(cluster: Cluster) -> None:
    """It comes back in the belief that it leads; whoever it told anything meanwhile was not told it was kept."""
    create(cluster, TOPIC)
    with CountedLoad(cluster.bootstrap, TOPIC, PARTITIONS) as load:
        load.wait_for(SOME)
        stalled = leader_of(cluster, TOPIC)
        pid = cluster.nodes[stalled].pid
        os.kill(pid, signal.SIGSTOP)
        try:
            begun = time.monotonic()
            load.wait_for(SOME)
            wait_for(lambda: time.monotonic() - begun > STALL_S, "the others have gone on without it")
        finally:
            os.kill(pid, signal.SIGCONT)
        wait_until_whole(cluster, TOPIC)
        load.wait_for(SOME)
    load.check()


@pytest.mark.timeout(240)
def test_the_whole_cluster_is_killed(cluster: Cluster) -> None:
    create(cluster, TOPIC)
    with CountedLoad(cluster.bootstrap, TOPIC, PARTITIONS) as load:
        load.wait_for(SOME)
        cluster.kill()
        for node in cluster.nodes.values():
            node.begin()
        for node in cluster.nodes.values():
            node.wait_until_ready()
        load.wait_for(SOME)
        wait_until_whole(cluster, TOPIC)
    load.check()


@pytest.mark.timeout(240)
def test_exactly_once_while_nodes_are_killed(cluster: Cluster) -> None:
    create(cluster, TOPIC, TARGET)
    load = CountedLoad(cluster.bootstrap, TOPIC, PARTITIONS, producers=1)
    with load, Transfer(cluster.bootstrap, TOPIC, TARGET) as transfer:
        transfer.wait_for(SOME, ADMIN_S)
        for node in cluster.nodes.values():
            node.kill()
            before = transfer.committed
            transfer.wait_for(before + SOME, ADMIN_S)
            node.start()
            wait_until_whole(cluster, TARGET)
        load.stop()
        sent = load.acknowledged
        transfer.wait_for(sent, ADMIN_S)
    load.check()
    read = read_topic(cluster.bootstrap, TARGET, range(PARTITIONS), isolation="read_committed")
    for partition, log in read.items():
        expected = read_topic(cluster.bootstrap, TOPIC, [partition])[partition]
        assert [log[offset] for offset in sorted(log)] == [expected[offset] for offset in sorted(expected)]
