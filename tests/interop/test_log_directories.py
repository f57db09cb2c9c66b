"""Replicas move between log directories as Apache Kafka's own tool asks for it, and as its tool shows it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.conformance.scenarios import numbered, values
from tests.conformance.test_confluent_kafka import Librdkafka
from tests.conftest import make_node
from tests.peers.apache_kafka import run_java
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.java, pytest.mark.timeout(400)]

TOPIC = "moving"


def directories(address: str) -> dict[str, dict[str, Any]]:
    """path -> partition -> what the broker tells of it."""
    tool = run_java(
        "org.apache.kafka.tools.LogDirsCommand", "--bootstrap-server", address, "--describe", "--topic-list", TOPIC
    )
    told = json.loads(next(line for line in tool.stdout.splitlines() if line.startswith("{")))
    return {
        directory["logDir"]: {partition["partition"]: partition for partition in directory["partitions"]}
        for broker in told["brokers"]
        for directory in broker["logDirs"]
    }


def test_a_tool_moves_a_replica(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    node = make_node(tmp_path / "node", {"log.dirs": f"{first},{second}"})
    with node:
        client = Librdkafka(node.address)
        client.create_topic(TOPIC, 1)
        sent = client.produce(TOPIC, numbered(0, 500), "lz4", idempotent=True)
        before = directories(node.address)
        assert before.keys() == {str(first), str(second)}
        origin, target = (first, second) if before[str(first)] else (second, first)
        assert not before[str(target)]
        plan = tmp_path / "plan.json"
        move = {"topic": TOPIC, "partition": 0, "replicas": [1], "log_dirs": [str(target)]}
        plan.write_text(json.dumps({"version": 1, "partitions": [move]}))
        command = ("--bootstrap-server", node.address, "--reassignment-json-file", str(plan))
        tool = "org.apache.kafka.tools.reassign.ReassignPartitionsCommand"
        executed = run_java(tool, *command, "--execute")
        assert f"for replica {TOPIC}-0 with broker 1" in executed.stdout
        wait_for(lambda: (target / f"{TOPIC}-0").is_dir(), "the replica in its new directory")
        verified = run_java(tool, *command, "--verify")
        assert "completed successfully" in verified.stdout
        after = directories(node.address)
        assert not after[str(origin)]
        assert after[str(target)][f"{TOPIC}-0"]["size"] == before[str(origin)][f"{TOPIC}-0"]["size"]
        client.produce(TOPIC, numbered(500, 100), "lz4")
        assert len(values(client.consume(TOPIC, 600))) == len(sent) + 100
        node.restart()
        assert len(values(client.consume(TOPIC, 600))) == 600
        client.close()
    assert node.errors == []
