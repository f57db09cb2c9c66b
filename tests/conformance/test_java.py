"""Apache Kafka's own Java clients, through its command line tools. A JVM costs seconds, so a tool does much at once."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from tests.conformance.client import COMPRESSIONS
from tests.conformance.scenarios import unique
from tests.conformance.test_confluent_kafka import Librdkafka
from tests.peers.apache_kafka import java_command, run_java
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import NodeFactory
    from tests.peers.process import NodeProcess

pytestmark = [pytest.mark.java, pytest.mark.timeout(400)]

TOOLS = "org.apache.kafka.tools"
READY_TIMEOUT_S = 120.0


def tool(name: str, node: NodeProcess, *arguments: str, stdin: str | None = None) -> str:
    """Run one of the tools against `node`, and give its standard output."""
    main_class = name if name.startswith("kafka.") else f"{TOOLS}.{name}"
    return run_java(main_class, "--bootstrap-server", node.address, *arguments, stdin=stdin).stdout


class Background:
    """A tool that runs beside the test and prints one JSON object a line (VerifiableProducer, VerifiableConsumer)."""

    def __init__(self, directory: Path, label: str, name: str, node: NodeProcess, *arguments: str) -> None:
        self._output = directory / f"{label}.out"
        command = java_command(f"{TOOLS}.{name}", "--bootstrap-server", node.address, *arguments)
        with self._output.open("wb") as stdout, (directory / f"{label}.err").open("wb") as stderr:
            self._process = subprocess.Popen(command, stdout=stdout, stderr=stderr)

    def events(self, name: str) -> list[dict[str, Any]]:
        lines = self._output.read_text().splitlines(keepends=True)
        events: list[dict[str, Any]] = [json.loads(line) for line in lines if line.endswith("\n")]
        return [event for event in events if event["name"] == name]

    def wait(self) -> None:
        assert self._process.wait(READY_TIMEOUT_S) == 0

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(READY_TIMEOUT_S)


class Consumer(Background):
    """`VerifiableConsumer`, a member of a group that commits what it received."""

    def __init__(self, directory: Path, label: str, node: NodeProcess, group: str, topic: str) -> None:
        super().__init__(
            directory, label, "VerifiableConsumer", node,
            "--group-id", group, "--topic", topic, "--session-timeout", "10000",
            "--reset-policy", "earliest", "--verbose",
        )  # fmt: skip

    def assigned(self) -> set[int]:
        events = self.events("partitions_assigned")
        return {partition["partition"] for partition in events[-1]["partitions"]} if events else set()

    def values(self) -> set[str]:
        return {event["value"] for event in self.events("record_data")}


@pytest.fixture
def in_background(tmp_path: Path) -> Iterator[list[Background]]:
    running: list[Background] = []
    yield running
    for process in running:
        process.close()


@pytest.mark.long
def test_topic_command(node: NodeProcess) -> None:
    topic = unique("java-topic")
    create = ["--create", "--topic", topic, "--partitions", "2", "--config", "retention.ms=86400000"]
    assert "Created topic" in tool("TopicCommand", node, *create)
    tool("TopicCommand", node, "--alter", "--topic", topic, "--partitions", "4")
    described = tool("TopicCommand", node, "--describe", "--topic", topic)
    assert "PartitionCount: 4" in described
    assert "retention.ms=86400000" in described
    assert described.count("Leader: ") == 4
    assert topic in tool("TopicCommand", node, "--list").splitlines()
    tool("TopicCommand", node, "--delete", "--topic", topic)
    assert topic not in tool("TopicCommand", node, "--list").splitlines()


@pytest.mark.long
def test_config_command(node: NodeProcess) -> None:
    topic = unique("java-configs")
    Librdkafka(node.address).create_topic(topic)
    entity = ["--entity-type", "topics", "--entity-name", topic]
    changes = ["--add-config", "retention.ms=3600000,max.message.bytes=2000000"]
    tool("kafka.admin.ConfigCommand", node, *entity, "--alter", *changes)
    tool("kafka.admin.ConfigCommand", node, *entity, "--alter", "--delete-config", "max.message.bytes")
    described = tool("kafka.admin.ConfigCommand", node, *entity, "--describe")
    assert "retention.ms=3600000" in described
    assert "max.message.bytes" not in described
    everything = tool("kafka.admin.ConfigCommand", node, *entity, "--describe", "--all")
    assert "max.message.bytes=1048588" in everything
    assert "cleanup.policy=delete" in everything


def test_console_producer_and_consumer_in_every_compression(node: NodeProcess) -> None:
    prefix = unique("java-console")
    lines = [f"trace:{number},again:x\tkey-{number}\tvalue {number}" for number in range(100)]
    properties = [
        argument
        for setting in ("parse.headers=true", "parse.key=true", "null.marker=NOTHING")
        for argument in ("--reader-property", setting)
    ]
    for codec in COMPRESSIONS:
        stdin = "\n".join([*lines, f"codec:{codec}\tlast\tNOTHING", ""])
        topic = f"{prefix}-{codec}"
        tool("ConsoleProducer", node, "--topic", topic, "--compression-codec", codec, *properties, stdin=stdin)
    printed = [
        argument
        for setting in ("print.headers=true", "print.key=true", "print.offset=true", "null.literal=NOTHING")
        for argument in ("--formatter-property", setting)
    ]
    received = tool(
        "consumer.ConsoleConsumer", node, "--include", f"{prefix}-.*", "--from-beginning",
        "--max-messages", "505", "--timeout-ms", "90000", *printed,
    ).splitlines()  # fmt: skip
    expected = {f"Offset:{number}\t{line}" for number, line in enumerate(lines)}
    assert {line for line in received if "codec:" not in line} == expected
    assert len(received) == 505
    assert {line for line in received if "codec:" in line} == {
        f"Offset:100\tcodec:{codec}\tlast\tNOTHING" for codec in COMPRESSIONS
    }


def test_offsets_times_and_deleted_records(node: NodeProcess, tmp_path: Path) -> None:
    topic = unique("java-offsets")
    tool("VerifiableProducer", node, "--topic", topic, "--max-messages", "50", "--message-create-time", "1700000000000")
    arguments = ["--topic", topic, "--partition", "0", "--offset", "47", "--timeout-ms", "90000", "--max-messages", "3"]
    assert tool("consumer.ConsoleConsumer", node, *arguments).splitlines() == ["47", "48", "49"]
    by_time = tool("GetOffsetShell", node, "--topic", topic, "--time", "1700000000000")
    assert by_time.strip() == f"{topic}:0:0"
    Librdkafka(node.address).delete_records(topic, 0, 10)
    request = {"partitions": [{"topic": topic, "partition": 0, "offset": 20}], "version": 1}
    path = tmp_path / "delete.json"
    path.write_text(json.dumps(request))
    assert "low_watermark: 20" in tool("DeleteRecordsCommand", node, "--offset-json-file", str(path))
    assert tool("GetOffsetShell", node, "--topic", topic, "--time", "earliest").strip() == f"{topic}:0:20"
    assert tool("GetOffsetShell", node, "--topic", topic).strip() == f"{topic}:0:50"


def test_log_dirs_versions_and_cluster(node: NodeProcess) -> None:
    topic = unique("java-dirs")
    Librdkafka(node.address).create_topic(topic, 2)
    answer = tool("LogDirsCommand", node, "--describe", "--topic-list", topic)
    directories = json.loads(next(line for line in answer.splitlines() if line.startswith("{")))
    partitions = directories["brokers"][0]["logDirs"][0]["partitions"]
    assert sorted(partition["partition"] for partition in partitions) == [f"{topic}-0", f"{topic}-1"]
    assert directories["brokers"][0]["logDirs"][0]["logDir"] == str(node.data)
    versions = tool("BrokerApiVersionsCommand", node)
    assert f"{node.address} (id: 1 " in versions
    for name in ("Produce(0)", "Fetch(1)", "JoinGroup(11)", "InitProducerId(22)", "DescribeTopicPartitions(75)"):
        line = next(line for line in versions.splitlines() if f"{name}:" in line)
        assert "UNSUPPORTED" not in line
    assert "Cluster ID: " in run_java(
        f"{TOOLS}.ClusterTool", "cluster-id", "--bootstrap-server", node.address
    ).stdout  # fmt: skip


@pytest.mark.long
def test_group_of_two_rebalances_commits_and_resumes(
    node: NodeProcess, tmp_path: Path, in_background: list[Background]
) -> None:
    topic, group = unique("java-group"), unique("group")
    Librdkafka(node.address).create_topic(topic, 4)
    produce = ["--topic", topic, "--max-messages", "100", "--repeating-keys", "40"]
    tool("VerifiableProducer", node, *produce, "--value-prefix", "1")
    first, second = (Consumer(tmp_path, label, node, group, topic) for label in ("first", "second"))
    in_background += [first, second]

    def shared() -> bool:
        return len(first.assigned()) == len(second.assigned()) == 2 and not first.assigned() & second.assigned()

    wait_for(shared, "two partitions each", READY_TIMEOUT_S)
    tool("VerifiableProducer", node, *produce, "--value-prefix", "2")
    wait_for(lambda: len(first.values() | second.values()) == 200, "every record", READY_TIMEOUT_S)
    described = tool(
        "consumer.group.ConsumerGroupCommand", node, "--describe", "--group", group, "--members", "--verbose"
    )
    assert described.count(f"{group} ") == 2
    second.close()
    wait_for(lambda: first.assigned() == {0, 1, 2, 3}, "all partitions", READY_TIMEOUT_S)
    first.close()

    def lags() -> list[str]:
        answer = tool("consumer.group.ConsumerGroupCommand", node, "--describe", "--group", group)
        return [line.split()[5] for line in answer.splitlines() if line.startswith(group)]

    assert lags() == ["0"] * 4
    reset = ["--reset-offsets", "--group", group, "--topic", topic, "--shift-by", "-1", "--execute"]
    tool("consumer.group.ConsumerGroupCommand", node, *reset)
    assert lags() == ["1"] * 4
    third = Consumer(tmp_path, "third", node, group, topic)
    in_background.append(third)
    wait_for(lambda: len(third.values()) == 4, "the last record of each partition", READY_TIMEOUT_S)
    third.close()
    tool("consumer.group.ConsumerGroupCommand", node, "--delete-offsets", "--group", group, "--topic", f"{topic}:1")
    assert len(lags()) == 3
    assert group in tool("consumer.group.ConsumerGroupCommand", node, "--list").splitlines()
    tool("consumer.group.ConsumerGroupCommand", node, "--delete", "--group", group)
    assert group not in Librdkafka(node.address).groups()


def test_performance_tools(node: NodeProcess) -> None:
    topic = unique("java-performance")
    printed = tool(
        "ProducerPerformance", node, "--topic", topic, "--num-records", "20000", "--record-size", "100",
        "--throughput", "-1", "--command-property", "compression.type=lz4",
    )  # fmt: skip
    assert "20000 records sent" in printed
    consumed = tool(
        "ConsumerPerformance", node, "--topic", topic, "--num-records", "20000", "--timeout", "90000", "--hide-header"
    )
    assert consumed.split(",")[4].strip() == "20000"


@pytest.mark.parametrize("how", ["restart", "kill"])
def test_nothing_acknowledged_is_lost(
    own_node: NodeFactory, tmp_path: Path, in_background: list[Background], how: str
) -> None:
    node = own_node()
    topic, group = unique("java-survive"), unique("group")
    client = Librdkafka(node.address)
    client.create_topic(topic)
    producer = Background(
        tmp_path, "producer", "VerifiableProducer", node, "--topic", topic, "--throughput", "300", "--acks", "-1"
    )
    consumer = Consumer(tmp_path, "consumer", node, group, topic)
    in_background += [producer, consumer]

    def acknowledged() -> dict[str, int]:
        return {event["value"]: event["offset"] for event in producer.events("producer_send_success")}

    wait_for(lambda: len(acknowledged()) > 300 and consumer.values(), "records before", READY_TIMEOUT_S)
    if how == "kill":
        node.kill()
        node.start()
    else:
        node.restart()
    before = len(acknowledged())
    wait_for(lambda: len(acknowledged()) > before + 300, "records after", READY_TIMEOUT_S)
    producer.close()
    expected = acknowledged()
    wait_for(lambda: set(expected) <= consumer.values(), "the consumer has them all", READY_TIMEOUT_S)
    consumer.close()
    _, end = client.offsets(topic)
    log = [record.value for record in client.consume(topic, end)]
    assert [value for value, offset in expected.items() if log[offset] != value.encode()] == []
