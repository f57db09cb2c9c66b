"""`ottla brokers|quorum|elect-leaders|reassign`: operating a cluster of Apache Kafka, as a user types it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.interop.clusters import SETTINGS
from tests.peers.apache_kafka import run_java
from tests.peers.apache_kafka_cluster import KafkaCluster, KafkaClusterNode
from tests.peers.cluster import BROKER, CONTROLLER
from tests.peers.ottla_cli import Cli
from tests.peers.ottla_cluster import OttlaCluster
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.interop.clusters import Cluster

pytestmark = pytest.mark.java


@pytest.fixture(scope="module")
def ottla(cluster: Cluster) -> Cli:
    return Cli(cluster.bootstrap)


def make_topic(ottla: Cli, name: str, partitions: int, factor: int) -> None:
    ottla.works("topics", "create", name, "--partitions", str(partitions), "--replication-factor", str(factor))


def test_brokers(ottla: Cli, cluster: Cluster) -> None:
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


def test_a_broker_that_left_is_unregistered(ottla: Cli, cluster: Cluster, tmp_path: Path) -> None:
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


def test_the_quorum_changes(ottla: Cli, cluster: Cluster) -> None:
    change_voters(ottla, cluster)


def test_a_quorum_of_ottla_changes(tmp_path: Path) -> None:
    with OttlaCluster(tmp_path, (CONTROLLER,) * 3) as cluster:
        change_voters(Cli(cluster.quorum.voters[2].address, "--bootstrap-controller"), cluster)


def change_voters(ottla: Cli, cluster: Cluster) -> None:
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

    assert "does not vote; the voters are" in ottla("quorum", "remove", "99").err
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


def test_controllers_are_asked_directly(cluster: Cluster) -> None:
    controllers = Cli(cluster.quorum.voters[2].address, "--bootstrap-controller")
    status = controllers.works("quorum", "status", "--json").json
    assert {each["node_id"] for each in status["replicas"]} >= {1, 2, 3}
    table = controllers.works("quorum", "status").lines
    assert table[0].startswith(f"cluster {status['cluster_id']}: node {status['leader_id']} leads in epoch ")
    assert table[1].split() == ["NODE", "ROLE", "END", "LAG", "CAUGHT", "UP", "DIRECTORY", "ENDPOINT"]


def test_the_quorum_is_watched(ottla: Cli) -> None:
    """Again and again, until Ctrl-C."""
    command = [sys.executable, "-m", "ottla", "quorum", "status", "--bootstrap", ottla.address]
    watching = subprocess.Popen([*command, "--watch", "0.1", "--json"], stdout=subprocess.PIPE, text=True)
    assert watching.stdout is not None
    seen = [json.loads(watching.stdout.readline()) for _ in range(3)]
    watching.send_signal(signal.SIGINT)
    assert watching.wait(30) == 130
    watching.stdout.close()
    assert seen[0]["leader_id"] == seen[2]["leader_id"]
    assert seen[0]["high_watermark"] <= seen[2]["high_watermark"]


def test_preferred_replicas_lead_again(ottla: Cli, cluster: Cluster, tmp_path: Path) -> None:
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


@pytest.mark.parametrize("kind", [pytest.param(KafkaCluster, marks=pytest.mark.long), OttlaCluster])
def test_an_unclean_election(kind: type[KafkaCluster] | type[OttlaCluster], tmp_path: Path) -> None:
    """Who was in sync is gone; the other may lead only if somebody says so."""
    roles = (CONTROLLER, BROKER, BROKER)
    with kind(tmp_path, roles, settings=SETTINGS) as cluster:
        ottla = Cli(cluster.bootstrap)
        make_topic(ottla, "ops-unclean", 1, 2)

        def leader() -> tuple[int, list[int]]:
            (partition,) = ottla.works("topics", "describe", "ops-unclean", "--json").json[0]["partitions"]
            return partition["leader"], partition["isr"]

        last = leader()[0]
        first = 5 - last
        cluster.nodes[first].kill()
        wait_for(lambda: leader() == (last, [last]), "one is in sync")
        ottla.works("produce", "ops-unclean", stdin="lost\n")
        cluster.nodes[last].kill()
        cluster.nodes[first].start()

        def leaderless() -> bool:
            listed = ottla("elect-leaders", "--unclean", "--json")
            return listed.code == 0 and [each["leader"] for each in listed.json] == [None]

        wait_for(leaderless, "nobody leads")
        refused = ottla("elect-leaders", "--topic", "ops-unclean", "--json")
        assert (refused.code, refused.json[0]["error"]) == (1, "PREFERRED_LEADER_NOT_AVAILABLE")
        elected = ottla.works("elect-leaders", "--unclean", "--topic", "ops-unclean:0", "--json").json
        assert [each["elected"] for each in elected] == [True]
        wait_for(lambda: leader()[0] == first, "the other leads")
        assert ottla.works("consume", "ops-unclean", "--from", "beginning", "--until-end").lines == []


def test_replicas_are_reassigned(ottla: Cli, cluster: Cluster, tmp_path: Path) -> None:
    make_topic(ottla, "ops-moving", 4, 1)
    # A throttle counts what was fetched, and the first fetch takes a megabyte of each partition.
    ottla.works("produce", "ops-moving", stdin="".join(f"{number:06} {'x' * 4000}\n" for number in range(4000)))
    plan, back = tmp_path / "plan.json", tmp_path / "back.json"
    proposal = ottla.works(
        *("reassign", "plan", "--topic", "ops-moving", "--brokers", "2,3", "--replication-factor", "2"),
        *("--out", str(plan), "--json"),
    ).json
    assert json.loads(plan.read_text()) == proposal["proposed"]
    assert {tuple(sorted(each["replicas"])) for each in proposal["proposed"]["partitions"]} == {(2, 3)}

    started = ("reassign", "start", "--plan", str(plan))
    ottla.works(*started, "--throttle", "100K", "--save-current", str(back))
    assert json.loads(back.read_text()) == proposal["current"]
    moving = ottla.works("reassign", "status", "--json").json
    assert {each["topic"] for each in moving} == {"ops-moving"}
    assert sum(each["bytes_left"] for each in moving) > 1_000_000
    assert throttles(ottla, "topic", "ops-moving").keys() == {
        "leader.replication.throttled.replicas",
        "follower.replication.throttled.replicas",
    }
    assert throttles(ottla, "broker", "2")["leader.replication.throttled.rate"] == "102400"
    status = ottla.works("reassign", "status", "--plan", str(plan), "--json").json
    assert (status["done"], {each["state"] for each in status["partitions"]} >= {"moving"}) == (False, True)
    again = ottla(*started)
    assert (again.code, "are on the move already" in again.err) == (2, True)

    cancelled = ottla.works("reassign", "cancel", "--plan", str(plan), "--json")
    assert cancelled.json  # partitions without records were there at once
    assert "Throttles removed: broker 1, broker 2, broker 3, topic ops-moving." in cancelled.err
    assert throttles(ottla, "topic", "ops-moving") == throttles(ottla, "broker", "2") == {}
    states = {
        each["partition"]: each["state"]
        for each in ottla("reassign", "status", "--plan", str(back), "--json").json["partitions"]
    }
    assert {states[each["partition"]] for each in cancelled.json} == {"done"}

    finished = ottla.works(*started, "--throttle", "20M", "--wait")
    assert [line.split()[2] for line in finished.lines[1:]] == ["done"] * 4
    assert "Throttles removed: broker 1, broker 2, broker 3, topic ops-moving." in finished.err
    assert "left, " in finished.err
    assert ottla.works("reassign", "status").err == "Nothing is on the move.\n"
    described = ottla.works("topics", "describe", "ops-moving", "--json").json[0]
    assert {tuple(sorted(each["isr"])) for each in described["partitions"]} == {(2, 3)}
    read = ottla.works("consume", "ops-moving", "--from", "beginning", "--until-end")
    assert sorted(line[:6] for line in read.lines) == [f"{number:06}" for number in range(4000)]


def throttles(ottla: Cli, kind: str, name: str) -> dict[str, str]:
    entries = ottla.works("configs", "describe", kind, name, "--json").json
    return {each["name"]: each["value"] for each in entries if ".throttled." in each["name"]}


def test_plans_are_those_of_kafkas_own_tool(ottla: Cli, cluster: Cluster, tmp_path: Path) -> None:
    make_topic(ottla, "ops-plans", 3, 1)
    topics, plan = tmp_path / "topics.json", tmp_path / "plan.json"
    topics.write_text('{"topics": [{"topic": "ops-plans"}], "version": 1}')
    tool = "org.apache.kafka.tools.reassign.ReassignPartitionsCommand"
    address = ("--bootstrap-server", cluster.bootstrap)
    generated = run_java(
        tool, *address, "--generate", "--topics-to-move-json-file", str(topics), "--broker-list", "1"
    ).stdout
    plan.write_text(generated.splitlines()[-1])
    ottla.works("reassign", "start", "--plan", str(plan), "--wait")
    described = ottla.works("topics", "describe", "ops-plans", "--json").json[0]
    assert [each["replicas"] for each in described["partitions"]] == [[1], [1], [1]]

    ottla.works("reassign", "plan", "--topics-file", str(topics), "--brokers", "2,3", "--out", str(plan))
    run_java(tool, *address, "--execute", "--reassignment-json-file", str(plan))
    ottla.works("reassign", "status", "--wait")
    assert ottla.works("reassign", "status", "--plan", str(plan), "--json").json["done"]
    verified = run_java(tool, *address, "--verify", "--reassignment-json-file", str(plan)).stdout
    assert verified.count("is completed") == 3


def test_what_cannot_be_reassigned_is_said(ottla: Cli, tmp_path: Path) -> None:
    make_topic(ottla, "ops-refused", 1, 1)
    plan = tmp_path / "plan.json"

    def refused(*words: str, **replaced: object) -> tuple[int, str]:
        entry = {"topic": "ops-refused", "partition": 0, "replicas": [1]} | replaced
        plan.write_text(json.dumps({"version": 1, "partitions": [entry]}))
        outcome = ottla("reassign", *words)
        return outcome.code, outcome.err

    start = ("start", "--plan", str(plan))
    assert "there is no broker 7; registered are 1, 2, 3" in refused(*start, replicas=[7])[1]
    assert "there is no partition ops-refused-3" in refused(*start, partition=3)[1]
    assert "there is no topic 'ops-refuse'" in refused(*start, topic="ops-refuse")[1]
    assert "is no number of bytes: write 1048576" in refused(*start, "--throttle", "fast")[1]
    assert refused("cancel") == (2, "ottla: say what to cancel: --plan FILE or --all\n")
    code, error = refused("plan", "--topic", "ops-refused", "--brokers", "1", "--replication-factor", "2")
    assert (code, "2 replicas need as many brokers, and there are 1" in error) == (2, True)
    code, error = refused("status", "--plan", str(plan), replicas=[1, 2, 3])
    assert code == 1


@pytest.mark.parametrize("kind", [pytest.param(KafkaCluster, marks=pytest.mark.long), OttlaCluster])
def test_a_replica_goes_into_another_log_directory(
    kind: type[KafkaCluster] | type[OttlaCluster], tmp_path: Path
) -> None:
    directories = f"{tmp_path / 'first'},{tmp_path / 'second'}"
    with kind(tmp_path, roles=("broker,controller",), settings={"log.dirs": directories}) as cluster:
        ottla = Cli(cluster.bootstrap)
        make_topic(ottla, "ops-directories", 1, 1)
        ottla.works("produce", "ops-directories", stdin="one\ntwo\n")
        (broker,) = ottla.works("brokers", "describe", "--json").json
        (target,) = [each["path"] for each in broker["log_directories"] if not each["replicas"]]
        plan = tmp_path / "plan.json"
        entry = {"topic": "ops-directories", "partition": 0, "replicas": [1], "log_dirs": [target]}
        plan.write_text(json.dumps({"version": 1, "partitions": [entry]}))
        moved = ottla.works("reassign", "start", "--plan", str(plan), "--directory-throttle", "1M", "--wait", "--json")
        assert [each["state"] for each in moved.json["directories"]] == ["done"]
        assert "Throttles removed: broker 1." in moved.err
        (broker,) = ottla.works("brokers", "describe", "--json").json
        assert {each["path"]: each["replicas"] for each in broker["log_directories"]}[target] == 1
