"""`ottla topics|produce|consume|groups|configs`, as a user types them; on Apache Kafka too (OTTLA_TEST_PEER)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.peers.ottla_cli import COMMAND_TIMEOUT_S, InProcessCli

if TYPE_CHECKING:
    from tests.peers.process import NodeProcess


@pytest.fixture(scope="module")
def ottla(node: NodeProcess) -> InProcessCli:
    return InProcessCli(("--bootstrap", node.address))


def test_topics_from_first_to_last(ottla: InProcessCli) -> None:
    made = ottla.works("topics", "create", "cli-topics", "--partitions", "3", "--config", "retention.ms=60000")
    assert made.lines == ["Created topic cli-topics: 3 partitions, replication factor 1."]
    assert ottla("topics", "create", "cli-topics").code == 1
    ottla.works("topics", "create", "cli-topics", "--if-not-exists")

    ottla.works("topics", "alter", "cli-topics", "--partitions", "4", "--config", "max.message.bytes=2000")
    described = ottla.works("topics", "describe", "cli-topics", "--json").json[0]
    assert described["configs"] == {"retention.ms": "60000", "max.message.bytes": "2000"}
    assert [each["partition"] for each in described["partitions"]] == [0, 1, 2, 3]
    listed = {topic["name"]: topic for topic in ottla.works("topics", "list", "--json").json}
    assert listed["cli-topics"]["partitions"] == 4

    assert ottla.works("topics", "delete", "cli-topics").lines == ["Deleted cli-topics."]
    assert "cli-topics" not in ottla.works("topics", "list").out


@pytest.mark.parametrize("compression", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_what_is_produced_is_consumed(ottla: InProcessCli, compression: str) -> None:
    topic = f"cli-records-{compression}"
    ottla.works("topics", "create", topic, "--partitions", "2")
    lines = "".join(f"key-{number % 7}:value {number}\n" for number in range(500)) + "gone:NULL\nno key\n"
    sent = ottla.works(
        *("produce", topic, "--key-separator", ":", "--null", "NULL", "--header", "h=1"),
        *("--compression", compression, "--json"),
        stdin=lines,
    )
    assert sent.json["records"] == 502

    read = ottla.works("consume", topic, "--from", "beginning", "--until-end", "--json")
    records = [json.loads(line) for line in read.lines]
    assert len(records) == 502
    by_key: dict[str | None, list[str | None]] = {}
    for record in records:
        by_key.setdefault(record["key"], []).append(record["value"])
        assert record["headers"] == [{"name": "h", "value": "1"}]
    assert by_key["key-3"] == [f"value {number}" for number in range(3, 500, 7)]
    assert by_key["gone"] == [None]
    assert by_key[None] == ["no key"]


def test_where_to_begin(ottla: InProcessCli) -> None:
    ottla.works("topics", "create", "cli-positions", "--partitions", "1")
    ottla.works("produce", "cli-positions", stdin="".join(f"{number}\n" for number in range(10)))
    assert ottla.works("consume", "cli-positions", "--from", "7", "--until-end").lines == ["7", "8", "9"]
    assert ottla.works("consume", "cli-positions", "--from", "1h", "--count", "2").lines == ["0", "1"]
    assert ottla.works("consume", "cli-positions", "--from", "end", "--until-end").lines == []
    first = json.loads(ottla.works("consume", "cli-positions", "--from", "0", "--count", "1", "--json").out)
    at = ottla.works("consume", "cli-positions", "--from", f"@{first['timestamp']}", "--count", "1")
    assert at.lines == ["0"]
    shown = ottla.works(
        *(
            "consume",
            "cli-positions",
            "--from",
            "3",
            "--count",
            "1",
            "--format",
            "{topic}/{partition}/{offset}\\t{value}",
        )
    )
    assert shown.lines == ["cli-positions/0/3\t3"]


def test_a_topic_that_is_not_there_yet_is_waited_for(ottla: InProcessCli, node: NodeProcess) -> None:
    command = [sys.executable, "-m", "ottla", "consume", "later", "--wait", "--from", "beginning", "--count", "1"]
    waiting = subprocess.Popen([*command, "--bootstrap", node.address], stdout=subprocess.PIPE)
    ottla.works("topics", "create", "later")
    ottla.works("produce", "later", stdin="here\n")
    assert waiting.communicate(timeout=60)[0] == b"here\n"


def test_groups_from_first_to_last(ottla: InProcessCli) -> None:
    ottla.works("topics", "create", "cli-grouped", "--partitions", "1")
    ottla.works("produce", "cli-grouped", stdin="a\nb\nc\nd\n")
    assert ottla.works("consume", "cli-grouped", "--group", "cli-group", "--count", "3").lines == ["a", "b", "c"]
    described = ottla.works("groups", "describe", "cli-group", "--json").json[0]
    assert described["state"] == "Empty"
    assert [(each["committed"], each["end"], each["lag"]) for each in described["offsets"]] == [(3, 4, 1)]
    assert "cli-group" in {group["group_id"] for group in ottla.works("groups", "list", "--json").json}

    plan = ottla.works("groups", "reset-offsets", "cli-group", "--to", "beginning", "--json")
    assert plan.json == [{"topic": "cli-grouped", "partition": 0, "before": 3, "after": 0}]
    assert "--execute" in plan.err
    assert ottla.works("groups", "describe", "cli-group", "--json").json[0]["offsets"][0]["committed"] == 3
    ottla.works("groups", "reset-offsets", "cli-group", "--to", "1", "--execute")
    assert ottla.works("consume", "cli-grouped", "--group", "cli-group", "--count", "1").lines == ["b"]

    ottla.works("groups", "delete", "cli-group")
    assert ottla("groups", "describe", "cli-group").code == 1


def test_configs_of_topics_and_brokers(ottla: InProcessCli) -> None:
    ottla.works("topics", "create", "cli-configs")
    ottla.works(
        "configs", "alter", "topic", "cli-configs", "--set", "cleanup.policy=compact", "--set", "segment.bytes=1048576"
    )
    ottla.works("configs", "alter", "topic", "cli-configs", "--delete", "segment.bytes")
    entries = {
        entry["name"]: entry for entry in ottla.works("configs", "describe", "topic", "cli-configs", "--json").json
    }
    assert (entries["cleanup.policy"]["value"], entries["cleanup.policy"]["source"]) == ("compact", "dynamic topic")
    assert "segment.bytes" not in entries or entries["segment.bytes"]["source"] != "dynamic topic"
    refused = ottla("configs", "alter", "topic", "cli-configs", "--set", "cleanup.policy=nonsense")
    assert refused.code == 1
    assert "cleanup.policy" in refused.err
    described = ottla.works("configs", "describe", "broker", "1", "--all", "--json").json
    assert "log.retention.hours" in {entry["name"] for entry in described}


def test_errors_say_what_to_do(ottla: InProcessCli) -> None:
    ottla.works("topics", "create", "cli-near-name")
    unknown = ottla("consume", "cli-near-nam", "--from", "beginning")
    assert unknown.code == 1
    assert "Did you mean 'cli-near-name'?" in unknown.err
    assert ottla("consume", "cli-near-name", "--from", "whenever").code == 2
    assert ottla("consume", "cli-near-name", "--format", "{nonsense}").code == 2
    unreachable = subprocess.run(
        [sys.executable, "-m", "ottla", "topics", "list", "--bootstrap", "127.0.0.1:1"],
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_S,
        check=False,
    )
    assert unreachable.returncode == 1
    assert "127.0.0.1:1" in unreachable.stderr
    assert "ottla start" in unreachable.stderr


def test_a_shell_can_complete(ottla: InProcessCli, node: NodeProcess) -> None:
    ottla.works("topics", "create", "cli-completed")

    def complete(line: str) -> list[str]:
        environment = os.environ | {
            "_ARGCOMPLETE": "1",
            "_ARGCOMPLETE_IFS": "\n",
            "_ARGCOMPLETE_STDOUT_FILENAME": "/dev/stdout",
            "COMP_LINE": line,
            "COMP_POINT": str(len(line)),
            "COMP_TYPE": "9",
        }
        command = [sys.executable, "-m", "ottla"]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S, check=False
        )
        return [word.strip() for word in done.stdout.splitlines()]

    assert sorted(complete("ottla con")) == ["configs", "connect", "connectors", "console", "consume"]
    assert "--partitions" in complete("ottla topics create --")
    assert "cli-completed" in complete(f"ottla consume --bootstrap {node.address} cli-comp")
    assert "cli-completed" in complete(f"ottla elect-leaders --bootstrap {node.address} --topic cli-comp")
    assert complete(f"ottla brokers describe --bootstrap {node.address} 1") == ["1"]


def test_one_node_is_operated(ottla: InProcessCli, node: NodeProcess) -> None:
    ottla.works("topics", "create", "cli-operations")
    (broker,) = ottla.works("brokers", "list", "--json").json
    assert (broker["broker_id"], broker["state"], broker["out_of_sync"]) == (1, "active", 0)
    assert f"{broker['host']}:{broker['port']}" == node.address
    assert "broker 1 is active" in ottla("brokers", "unregister", "1").err
    status = ottla.works("quorum", "status", "--json").json
    assert (status["leader_id"], status["max_lag"]) == (1, 0)
    leader = status["replicas"][0]
    assert (leader["node_id"], leader["role"], leader["caught_up_ago_ms"]) == (1, "leader", 0)
    assert "votes already" in ottla("quorum", "add", "1", "--endpoint", "CONTROLLER://127.0.0.1:9").err
    assert ottla.works("elect-leaders", "--json").json == []
    elected = ottla.works("elect-leaders", "--topic", "cli-operations:0").lines
    assert elected[1].split() == ["cli-operations", "0", "not", "needed", "1", "-"]
