"""Apache Kafka's own tools operate a cluster: its quorum, replicas, leaders, features, brokers and files."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

import pytest
from tests.cluster.test_faults import TOPIC, create, wait_until_whole
from tests.foreign.kafka_tools import Call, ToolRunner
from tests.peers.apache_kafka import CLUSTER_ID
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cluster.conftest import Cluster

TOOLS: Final = "org.apache.kafka.tools"
PARTITIONS: Final = 3


class Tools:
    """One JVM for all calls; an error of a tool is an AssertionError with what it said."""

    def __init__(self, runner: ToolRunner, bootstrap: str, scratch: Path) -> None:
        self._runner = runner
        self.bootstrap = bootstrap
        self.scratch = scratch

    def __call__(self, tool: str, *words: str, server: bool = True) -> str:
        name = tool if tool.startswith("kafka.") else f"{TOOLS}.{tool}"
        addressed = ("--bootstrap-server", self.bootstrap, *words) if server else words
        call = Call(name=tool, main_class=name, words=addressed)
        status, said = self._runner.run(call, {"scratch": str(self.scratch)})
        assert status == 0, said
        return said

    def write(self, name: str, content: object) -> str:
        path = self.scratch / name
        path.write_text(json.dumps(content))
        return str(path)


@pytest.fixture
def tools(cluster: Cluster, tmp_path: Path) -> Iterator[Tools]:
    create(cluster, TOPIC)
    wait_until_whole(cluster, TOPIC)
    with ToolRunner() as runner:
        yield Tools(runner, cluster.bootstrap, tmp_path)


@pytest.mark.java
@pytest.mark.timeout(240)
def test_every_tool(cluster: Cluster, tools: Tools) -> None:
    _quorum(tools)
    _reassignment(cluster, tools)
    _elections(cluster, tools)
    _features(tools)
    _brokers_and_files(cluster, tools)


def _quorum(tools: Tools) -> None:
    status = tools("MetadataQuorumCommand", "describe", "--status")
    assert CLUSTER_ID in status
    assert re.search(r"LeaderId:\s+[123]\b", status)
    for node_id in (1, 2, 3):
        assert f'"id": {node_id}' in status
    replication = tools("MetadataQuorumCommand", "describe", "--replication").splitlines()
    assert sorted(line.split()[-1] for line in replication[1:]) == ["Follower", "Follower", "Leader"]


def _reassignment(cluster: Cluster, tools: Tools) -> None:
    """From three replicas to two others, with a throttle; then back."""
    listed = tools.write("topics.json", {"version": 1, "topics": [{"topic": TOPIC}]})
    proposal = tools(
        "reassign.ReassignPartitionsCommand",
        "--generate",
        "--broker-list",
        "1,2,3",
        "--topics-to-move-json-file",
        listed,
    )
    assert "Proposed partition reassignment configuration" in proposal
    moves = [{"topic": TOPIC, "partition": number, "replicas": [2, 3]} for number in range(PARTITIONS)]
    move = tools.write("move.json", {"version": 1, "partitions": moves})
    how = ("--reassignment-json-file", move)
    started = tools("reassign.ReassignPartitionsCommand", "--execute", "--throttle", "50000000", *how)
    assert "Successfully started partition reassignments" in started

    def is_done() -> bool:
        said = tools("reassign.ReassignPartitionsCommand", "--verify", *how)
        return said.count("is completed") == PARTITIONS and "Clearing topic-level throttles" in said

    wait_for(is_done, "the reassignment is completed")
    described = tools("TopicCommand", "--describe", "--topic", TOPIC)
    assert set(re.findall(r"Replicas: (\S+)", described)) == {"2,3"}
    assert "No partition reassignments found" in tools("reassign.ReassignPartitionsCommand", "--list")
    moves = [{"topic": TOPIC, "partition": number, "replicas": [1, 2, 3]} for number in range(PARTITIONS)]
    back = tools.write("back.json", {"version": 1, "partitions": moves})
    tools("reassign.ReassignPartitionsCommand", "--execute", "--reassignment-json-file", back)
    wait_until_whole(cluster, TOPIC)


def _elections(cluster: Cluster, tools: Tools) -> None:
    cluster.nodes[1].restart()
    wait_until_whole(cluster, TOPIC)
    wanted = [{"topic": TOPIC, "partition": number} for number in range(PARTITIONS)]
    elected = tools.write("elected.json", {"partitions": wanted})
    said = tools("LeaderElectionCommand", "--election-type", "preferred", "--path-to-json-file", elected)
    assert "ompleted" in said or "Valid replica already elected" in said
    described = tools("TopicCommand", "--describe", "--topic", TOPIC)
    assert set(re.findall(r"Leader: (\d)", described)) == {"1"}
    assert tools("TopicCommand", "--describe", "--under-replicated-partitions").strip() == ""


def _features(tools: Tools) -> None:
    described = tools("FeatureCommand", "describe")
    line = next(line for line in described.splitlines() if "metadata.version" in line)
    assert "FinalizedVersionLevel: 4.3-IV0" in line
    tools("FeatureCommand", "downgrade", "--feature", "share.version=0")
    assert "share.version" in tools("FeatureCommand", "upgrade", "--feature", "share.version=1")


def _brokers_and_files(cluster: Cluster, tools: Tools) -> None:
    assert CLUSTER_ID in tools("ClusterTool", "cluster-id", "--bootstrap-server", tools.bootstrap, server=False)
    endpoints = tools("ClusterTool", "list-endpoints", "--bootstrap-server", tools.bootstrap, server=False)
    assert [line.split()[0] for line in endpoints.splitlines()[1:] if line.strip()] == ["1", "2", "3"]
    directories = tools("LogDirsCommand", "--describe", "--topic-list", TOPIC)
    brokers = json.loads(next(line for line in directories.splitlines() if line.startswith("{")))["brokers"]
    assert sorted(broker["broker"] for broker in brokers) == [1, 2, 3]
    assert all(len(broker["logDirs"][0]["partitions"]) == PARTITIONS for broker in brokers)
    tools("consumer.group.ConsumerGroupCommand", "--list")
    assert tools("BrokerApiVersionsCommand").count("id:") == 3
    log = cluster.nodes[1].data / "__cluster_metadata-0" / "00000000000000000000.log"
    dumped = tools("DumpLogSegments", "--cluster-metadata-decoder", "--files", str(log), server=False)
    assert dumped.count('"REGISTER_BROKER_RECORD"') >= 3
    assert "PARTITION_CHANGE_RECORD" in dumped
