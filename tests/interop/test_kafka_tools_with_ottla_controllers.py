"""Apache Kafka's own tools operate Java brokers whose controllers are Ottla's (all Ottla: tests/cluster)."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from tests.peers.apache_kafka import JavaToolError, run_java
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.interop.clusters import Cluster

pytestmark = [
    pytest.mark.java,
    pytest.mark.long,
    pytest.mark.parametrize("cluster", ["kafka-brokers-ottla-controllers"], indirect=True, scope="module"),
]
TOPICS = "org.apache.kafka.tools.TopicCommand"


def tool(cluster: Cluster, name: str, *words: str) -> str:
    """Words that are no option come first, as operations do."""
    operation = () if words[0].startswith("-") else words[:1]
    return run_java(name, *operation, "--bootstrap-server", cluster.bootstrap, *words[len(operation) :]).stdout


def test_metadata_quorum(cluster: Cluster) -> None:
    quorum = "org.apache.kafka.tools.MetadataQuorumCommand"
    status = run_java(quorum, "--bootstrap-server", cluster.bootstrap, "describe", "--status").stdout
    leader = int(re.findall(r"^LeaderId:\s+(\d+)$", status, re.MULTILINE)[0])
    assert leader in [voter.node_id for voter in cluster.quorum.voters]
    for voter in cluster.quorum.voters:
        assert f'"id": {voter.node_id}, "directoryId": "{voter.directory_id}"' in status
    described = run_java(quorum, "--bootstrap-server", cluster.bootstrap, "describe", "--replication").stdout
    replication = described.splitlines()
    assert sorted(line.split()[-1] for line in replication[1:] if "Observer" not in line) == [
        "Follower", "Follower", "Leader",
    ]  # fmt: skip
    left = next(voter for voter in cluster.quorum.voters if voter.node_id != leader)
    directory = ("--controller-directory-id", left.directory_id)
    controllers = ("--bootstrap-controller", ",".join(voter.address for voter in cluster.quorum.voters))
    removed = run_java(quorum, *controllers, "remove-controller", "--controller-id", str(left.node_id), *directory)
    assert f"Removed  KRaft controller {left.node_id} with directory id {left.directory_id}" in removed.stdout
    config = str(cluster.nodes[left.node_id].directory / "server.properties")
    added = run_java(quorum, *controllers, "--command-config", config, "add-controller")
    assert f"Added controller {left.node_id}" in added.stdout


def test_reassign_partitions(cluster: Cluster, tmp_path: Path) -> None:
    reassign = "org.apache.kafka.tools.reassign.ReassignPartitionsCommand"
    tool(cluster, TOPICS, "--create", "--topic", "tools-moving", "--partitions", "3", "--replication-factor", "1")
    topics, plan = tmp_path / "topics.json", tmp_path / "plan.json"
    topics.write_text('{"topics": [{"topic": "tools-moving"}], "version": 1}')
    words = ("--topics-to-move-json-file", str(topics), "--broker-list", "2,3")
    plan.write_text(tool(cluster, reassign, "--generate", *words).splitlines()[-1])
    tool(cluster, reassign, "--execute", "--reassignment-json-file", str(plan), "--throttle", "10000000")

    def verified() -> bool:
        return tool(cluster, reassign, "--verify", "--reassignment-json-file", str(plan)).count("is completed") == 3

    wait_for(verified, "all is moved")
    described = tool(cluster, TOPICS, "--describe", "--topic", "tools-moving")
    assert set(re.findall(r"Replicas: (\S+)", described)) == {"2", "3"}
    assert "throttled" not in described
    assert "No partition reassignments found." in tool(cluster, reassign, "--list")


def test_leader_election(cluster: Cluster) -> None:
    election = "org.apache.kafka.tools.LeaderElectionCommand"
    tool(cluster, TOPICS, "--create", "--topic", "tools-elections", "--partitions", "3", "--replication-factor", "3")
    cluster.nodes[2].restart()

    def elected() -> bool:
        words = ("--election-type", "preferred", "--all-topic-partitions")
        try:
            tool(cluster, election, *words)
        except JavaToolError as error:
            assert "preferred leader is not available" in str(error).lower(), error  # it is not in sync again yet
            return False
        described = tool(cluster, TOPICS, "--describe", "--topic", "tools-elections")
        leaders = re.findall(r"Leader: (\d+)\s+Replicas: (\d+)", described)
        return len(leaders) == 3 and all(leader == preferred for leader, preferred in leaders)

    wait_for(elected, "the preferred replicas lead")


def test_cluster_features_and_log_dirs(cluster: Cluster) -> None:
    identity = tool(cluster, "org.apache.kafka.tools.ClusterTool", "cluster-id")
    assert identity.startswith("Cluster ID: ")
    endpoints = tool(cluster, "org.apache.kafka.tools.ClusterTool", "list-endpoints", "--include-fenced-brokers")
    assert [line.split()[0] for line in endpoints.splitlines()[1:]] == ["1", "2", "3"]
    feature = "org.apache.kafka.tools.FeatureCommand"
    features = run_java(feature, "--bootstrap-server", cluster.bootstrap, "describe").stdout
    assert re.search(r"metadata\.version\s.*FinalizedVersionLevel: 4\.3-IV0", features)
    for operation, level in (("downgrade", 0), ("upgrade", 1)):
        words = ("--bootstrap-server", cluster.bootstrap, operation, "--feature", f"share.version={level}")
        assert f"share.version was {operation}d to {level}." in run_java(feature, *words).stdout
    told = tool(cluster, "org.apache.kafka.tools.LogDirsCommand", "--describe").splitlines()[-1]
    assert [broker["broker"] for broker in json.loads(told)["brokers"]] == [1, 2, 3]
    assert all(not each["error"] for broker in json.loads(told)["brokers"] for each in broker["logDirs"])
