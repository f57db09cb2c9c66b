"""`ottla brokers|quorum|elect-leaders|reassign`: operating a cluster of Apache Kafka, as a user types it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.peers.apache_kafka_cluster import BROKER, KafkaCluster, KafkaClusterNode
from tests.peers.ottla_cli import Cli
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.java

SETTINGS = {
    "broker.session.timeout.ms": "3000",
    "auto.leader.rebalance.enable": "false",  # only elections that a test asks for
    "log.retention.check.interval.ms": "3600000",
}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    """Three combined nodes, each in a rack of its own."""
    racks = {node_id: {"broker.rack": f"rack-{node_id}"} for node_id in (1, 2, 3)}
    with KafkaCluster(tmp_path_factory.mktemp("cluster"), settings=SETTINGS, settings_of=racks) as started:
        yield started


@pytest.fixture(scope="module")
def ottla(cluster: KafkaCluster) -> Cli:
    return Cli(cluster.bootstrap)


def make_topic(ottla: Cli, name: str, partitions: int, factor: int) -> None:
    ottla.works("topics", "create", name, "--partitions", str(partitions), "--replication-factor", str(factor))


def test_brokers(ottla: Cli, cluster: KafkaCluster) -> None:
    make_topic(ottla, "ops-brokers", 6, 3)
    ottla.works("produce", "ops-brokers", stdin="".join(f"a line {number}\n" for number in range(1000)))
    listed = ottla.works("brokers", "list", "--json").json
    assert [(each["broker_id"], each["rack"], each["state"]) for each in listed] == [
        (1, "rack-1", "active"),
        (2, "rack-2", "active"),
        (3, "rack-3", "active"),
    ]
    assert [f"{each['host']}:{each['port']}" for each in listed] == [node.address for node in cluster.brokers]
    assert all(each["leads"] >= 2 and each["replicas"] >= 6 and each["out_of_sync"] == 0 for each in listed)
    assert all(each["replica_bytes"] > 10_000 for each in listed)
    (one,) = ottla.works("brokers", "describe", "2", "--json").json
    (directory,) = one["log_directories"]
    assert directory["path"] == str(cluster.nodes[2].data)
    assert directory["error"] is None
    assert 0 < directory["usable_bytes"] <= directory["total_bytes"]
    shown = ottla.works("brokers", "list").lines
    assert shown[0].split() == [
        "BROKER",
        "ADDRESS",
        "RACK",
        "STATE",
        "LEADS",
        "REPLICAS",
        "OUT",
        "OF",
        "SYNC",
        "STORED",
    ]
    assert len(shown) == 4
    assert "there is no broker 9; registered are 1, 2, 3" in ottla("brokers", "describe", "9").err


def test_a_broker_that_left_is_unregistered(ottla: Cli, cluster: KafkaCluster, tmp_path: Path) -> None:
    node = KafkaClusterNode(tmp_path / "node-4", 4, cluster.quorum, roles=BROKER, settings=SETTINGS)

    def states() -> dict[int, str]:
        return {each["broker_id"]: each["state"] for each in ottla.works("brokers", "list", "--json").json}

    with node:
        wait_for(lambda: states().get(4) == "active", "broker 4 is active")
        refused = ottla("brokers", "unregister", "4")
        assert (refused.code, "is active" in refused.err) == (2, True)
    wait_for(lambda: states().get(4) == "fenced", "broker 4 is fenced")
    assert ottla.works("brokers", "unregister", "4").lines == ["Unregistered broker 4."]
    wait_for(lambda: 4 not in states(), "broker 4 is forgotten")
    assert "there is no broker 4" in ottla("brokers", "unregister", "4").err


def test_the_quorum_changes(ottla: Cli, cluster: KafkaCluster) -> None:
    status = ottla.works("quorum", "status", "--json").json
    voters = [each for each in status["replicas"] if each["role"] != "observer"]
    assert [each["role"] for each in voters] == ["leader", "voter", "voter"]
    assert {each["node_id"]: each["directory_id"] for each in voters} == {
        voter.node_id: voter.directory_id for voter in cluster.quorum.voters
    }
    assert status["high_watermark"] > 0
    assert {tuple(each["endpoints"]) for each in voters} == {
        (f"CONTROLLER://{voter.address}",) for voter in cluster.quorum.voters
    }
    leader = status["leader_id"]
    left = next(voter for voter in cluster.quorum.voters if voter.node_id != leader)

    assert "does not vote; the voters are" in ottla("quorum", "remove", "9").err
    removed = ottla.works("quorum", "remove", str(left.node_id)).lines
    assert removed == [f"Removed voter {left.node_id} with directory {left.directory_id}."]

    def role() -> str | None:
        replicas = ottla.works("quorum", "status", "--json").json["replicas"]
        return next((each["role"] for each in replicas if each["node_id"] == left.node_id), None)

    wait_for(lambda: role() == "observer", "it observes")
    assert "give --config FILE, or NODE and --endpoint" in ottla("quorum", "add", str(left.node_id)).err
    added = ottla.works("quorum", "add", str(left.node_id), "--endpoint", left.address).lines
    assert added == [f"Added voter {left.node_id} with directory {left.directory_id}."]
    assert role() == "voter"

    ottla.works("quorum", "remove", str(left.node_id), "--directory-id", left.directory_id)
    config = cluster.nodes[left.node_id].directory / "server.properties"
    wait_for(lambda: role() == "observer", "it observes again")
    assert ottla.works("quorum", "add", "--config", str(config), "--json").json["node_id"] == left.node_id
    assert "votes already" in ottla("quorum", "add", "--config", str(config)).err


def test_controllers_are_asked_directly(cluster: KafkaCluster) -> None:
    controllers = Cli(cluster.quorum.voters[2].address, "--bootstrap-controller")
    status = controllers.works("quorum", "status", "--json").json
    assert {each["node_id"] for each in status["replicas"]} >= {1, 2, 3}
    table = controllers.works("quorum", "status").lines
    assert table[0].startswith(f"cluster {status['cluster_id']}: node {status['leader_id']} leads in epoch ")
    assert table[1].split() == ["NODE", "ROLE", "END", "LAG", "CAUGHT", "UP", "DIRECTORY", "ENDPOINT"]


def test_preferred_replicas_lead_again(ottla: Cli, cluster: KafkaCluster, tmp_path: Path) -> None:
    make_topic(ottla, "ops-elections", 3, 3)
    away = cluster.nodes[2]
    away.restart()  # its partitions are led by others since

    def misled() -> list[tuple[int, int]]:
        found = ottla.works("elect-leaders", "--json").json
        return [(each["partition"], each["preferred"]) for each in found if each["topic"] == "ops-elections"]

    (here,) = wait_for(misled, "a partition of the topic is led by another, and its preferred replica is in sync")
    assert here[1] == 2
    asked = ottla.works("elect-leaders", "--topic", f"ops-elections:{here[0]}", "--json").json
    assert [(each["partition"], each["elected"], each["leader"]) for each in asked] == [(here[0], True, 2)]
    file = tmp_path / "partitions.json"
    file.write_text(json.dumps({"partitions": [{"topic": "ops-elections", "partition": here[0]}]}))
    again = ottla.works("elect-leaders", "--file", str(file)).lines
    assert again[1].split()[:3] == ["ops-elections", str(here[0]), "not"]
    ottla.works("elect-leaders", "--all")
    wait_for(lambda: ottla.works("elect-leaders", "--json").json == [], "all lead that should")

    unneeded = ottla.works("elect-leaders", "--unclean", "--topic", "ops-elections", "--json").json
    assert [each["elected"] for each in unneeded] == [False, False, False]
    assert "there is no topic 'ops-election'" in ottla("elect-leaders", "--topic", "ops-election").err
    assert "has partitions 0 to 2, not 7" in ottla("elect-leaders", "--topic", "ops-elections:7").err
