"""Kafka Streams under the streams protocol (KIP-1071): a real application counts words, exactly once, whatever happens.

And Apache Kafka's own command for streams groups.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from tests.conformance.client import Record
from tests.conformance.scenarios import unique
from tests.conformance.test_confluent_kafka import Librdkafka
from tests.conformance.test_java import tool
from tests.interop.connection import Connection
from tests.peers.apache_kafka import jars, run_java, streams_jars
from tests.peers.java_oracle import need_java_compiler
from tests.peers.process import wait_for

from ottla.protocol.api.streams_group_describe import StreamsGroupDescribeRequest, StreamsGroupDescribeResponse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import NodeFactory
    from tests.peers.process import NodeProcess

pytestmark = [pytest.mark.java, pytest.mark.timeout(900)]

SETTINGS = {
    "group.streams.initial.rebalance.delay.ms": "500",
    "group.streams.heartbeat.interval.ms": "500",
    "group.streams.min.heartbeat.interval.ms": "500",
    "group.streams.session.timeout.ms": "6000",
    "group.streams.min.session.timeout.ms": "6000",
    "transaction.state.log.num.partitions": "4",
}
PROGRAM = Path(__file__).parent.parent / "peers" / "java" / "WordCount.java"
COMMAND = "streams.StreamsGroupCommand"
WORDS = ("one", "two", "three", "four", "five", "six", "seven")
PARTITIONS = 3
READY_TIMEOUT_S = 240.0
"""A JVM of its own compiles itself, joins, has topics made, and restores a store."""


class WordCount:
    """One instance of the application, in a JVM of its own."""

    def __init__(self, directory: Path, label: str, node: NodeProcess, group: str, topic: str, *settings: str) -> None:
        need_java_compiler()
        self._output = directory / f"{label}.out"
        class_path = f"{jars()}/*:{streams_jars()}/*"
        logging = jars().parent / "log4j2.properties"
        command = [
            "java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m",
            f"-Dlog4j2.configurationFile={logging}", "-cp", class_path, str(PROGRAM),
            node.address, group, topic, f"{topic}-counts", str(directory / label),
            "num.stream.threads=2", "commit.interval.ms=100", "statestore.cache.max.bytes=0", *settings,
        ]  # fmt: skip
        with self._output.open("wb") as stdout, (directory / f"{label}.err").open("wb") as stderr:
            self._process = subprocess.Popen(command, stdout=stdout, stderr=stderr)

    def states(self) -> list[str]:
        lines = self._output.read_text().splitlines(keepends=True)
        events: list[dict[str, Any]] = [json.loads(line) for line in lines if line.endswith("\n")]
        return [event["state"] for event in events]

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None and self.states()[-1:] == ["RUNNING"]

    def close(self) -> None:
        """It leaves its group."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(READY_TIMEOUT_S)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(READY_TIMEOUT_S)


class Counts:
    """The newest count of each word, as a consumer of committed records sees it."""

    def __init__(self, node: NodeProcess, topic: str) -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": node.address,
                "group.id": "nobody",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
            }
        )
        self._consumer.assign([TopicPartition(topic, index, OFFSET_BEGINNING) for index in range(PARTITIONS)])
        self.newest: Counter[str] = Counter()
        self.history: dict[str, list[int]] = {}

    def read(self) -> None:
        for message in self._consumer.consume(1_000, timeout=0.2):
            key, value = message.key(), message.value()
            if message.error() is None and key is not None and value is not None:
                word, count = key.decode(), int.from_bytes(value, "big")
                self.newest[word] = count
                self.history.setdefault(word, []).append(count)

    def close(self) -> None:
        self._consumer.close()


@pytest.fixture
def instances() -> Iterator[list[WordCount]]:
    running: list[WordCount] = []
    yield running
    for instance in running:
        instance.close()


class Sender:
    """Lines of words, and how often each word has been sent."""

    def __init__(self, node: NodeProcess, topic: str) -> None:
        self._client = Librdkafka(node.address)
        self._topic = topic
        self._number = 0
        self.sent: Counter[str] = Counter()

    def send(self, lines: int) -> None:
        records = []
        for _ in range(lines):
            words = [WORDS[(self._number * 3 + each) % len(WORDS)] for each in range(4)]
            self.sent.update(words)
            records.append(Record(" ".join(words).encode(), partition=self._number % PARTITIONS))
            self._number += 1
        self._client.produce(self._topic, records)


@pytest.mark.long
def test_words_are_counted_exactly_once(own_node: NodeFactory, tmp_path: Path, instances: list[WordCount]) -> None:
    node = own_node(SETTINGS)
    topic, group = unique("words"), unique("word-count")
    client = Librdkafka(node.address)
    client.create_topic(topic, PARTITIONS)
    client.create_topic(f"{topic}-counts", PARTITIONS)
    sender, counts = Sender(node, topic), Counts(node, f"{topic}-counts")

    def everything_is_counted() -> bool:
        counts.read()
        return counts.newest == sender.sent

    def start(label: str) -> WordCount:
        instances.append(WordCount(tmp_path, label, node, group, topic))
        return instances[-1]

    first = start("first")
    sender.send(60)
    wait_for(everything_is_counted, "the first instance to count", READY_TIMEOUT_S)
    second = start("second")
    sender.send(60)
    wait_for(lambda: second.is_running and first.is_running, "both instances to run", READY_TIMEOUT_S)
    sender.send(60)
    wait_for(everything_is_counted, "both instances to count", READY_TIMEOUT_S)
    node.kill()
    node.start()
    sender.send(60)
    wait_for(everything_is_counted, "counting to go on after the node was killed", READY_TIMEOUT_S)
    second.kill()
    third = start("third")
    sender.send(60)
    wait_for(lambda: third.is_running, "the third instance to run", READY_TIMEOUT_S)
    first.close()
    sender.send(60)
    wait_for(everything_is_counted, "the last instance to count", READY_TIMEOUT_S)
    counts.close()
    for word, seen in counts.history.items():
        assert seen == list(range(1, sender.sent[word] + 1)), f"{word} was counted twice or left out"
    topics = set(tool("TopicCommand", node, "--list").split())
    assert {f"{group}-words-repartition", f"{group}-counts-changelog"} <= topics


def state_of(node: NodeProcess, group: str) -> tuple[str, int]:
    """(the group's state, how many members it has)."""

    async def ask() -> tuple[str, int]:
        connection = await Connection.open(node.address)
        request = StreamsGroupDescribeRequest(group_ids=[group], include_authorized_operations=False)
        answer = await connection.ask(request, 0, StreamsGroupDescribeResponse)
        connection.close()
        return answer.groups[0].group_state, len(answer.groups[0].members)

    return asyncio.run(ask())


def row_of(group: str, printed: str) -> list[list[str]]:
    """The rows about a group in what the command printed."""
    return [line.split() for line in printed.splitlines() if line.startswith(group)]


@pytest.mark.long
def test_streams_group_command(own_node: NodeFactory, tmp_path: Path, instances: list[WordCount]) -> None:
    node = own_node(SETTINGS | {"group.streams.session.timeout.ms": "45000"})  # nobody is killed
    topic, group = unique("words"), unique("word-count")
    client = Librdkafka(node.address)
    client.create_topic(topic, PARTITIONS)
    client.create_topic(f"{topic}-counts", PARTITIONS)
    sender, counts = Sender(node, topic), Counts(node, f"{topic}-counts")

    def everything_is_counted() -> bool:
        counts.read()
        return counts.newest == sender.sent

    sender.send(60)
    instances.append(WordCount(tmp_path, "first", node, group, topic))
    wait_for(everything_is_counted, "the instance to count", READY_TIMEOUT_S)
    wait_for(lambda: state_of(node, group) == ("Stable", 2), "two threads as two members", READY_TIMEOUT_S)
    assert row_of(group, tool(COMMAND, node, "--list", "--state", "Stable")) == [[group, "Stable"]]
    of_group = ["--describe", "--group", group]
    state = row_of(group, tool(COMMAND, node, *of_group, "--state", "--verbose"))
    assert len(state) == 1
    assert "Stable" in state[0]
    assert state[0][-1] == "2"
    assert len(row_of(group, tool(COMMAND, node, *of_group, "--members", "--verbose"))) == 2
    rows = row_of(group, tool(COMMAND, node, *of_group, "--offsets", "--verbose"))
    ends = {(row[1], row[2]): row[5] for row in rows}
    assert [ends[topic, str(index)] for index in range(PARTITIONS)] == ["20"] * PARTITIONS
    assert (f"{group}-words-repartition", "0") in ends
    refused = run_java(
        f"org.apache.kafka.tools.{COMMAND}", "--bootstrap-server", node.address, "--delete", "--group", group,
        check=False,
    )  # fmt: skip
    assert "is not EMPTY" in refused.stdout + refused.stderr
    instances[0].close()
    wait_for(lambda: state_of(node, group) == ("Empty", 0), "the members to be gone", READY_TIMEOUT_S)
    reset = ["--reset-offsets", "--group", group, "--all-input-topics", "--to-earliest"]
    planned = row_of(group, tool(COMMAND, node, *reset, "--execute", "--delete-all-internal-topics"))
    assert sorted(row[1:] for row in planned) == [[topic, str(index), "0"] for index in range(PARTITIONS)]
    assert not [name for name in tool("TopicCommand", node, "--list").split() if name.startswith(group)]
    counts.newest.clear()
    instances.append(WordCount(tmp_path, "again", node, group, topic))
    wait_for(everything_is_counted, "everything to be counted again", READY_TIMEOUT_S)
    instances[1].close()
    wait_for(lambda: state_of(node, group) == ("Empty", 0), "the members to be gone again", READY_TIMEOUT_S)
    counts.close()
    for word in WORDS:
        assert counts.history[word] == list(range(1, sender.sent[word] + 1)) * 2
    deleted = tool(COMMAND, node, "--delete-offsets", "--group", group, "--input-topic", topic)
    assert "Successful" in deleted
    assert "successful" in tool(COMMAND, node, "--delete", "--group", group, "--delete-all-internal-topics")
    assert group not in tool(COMMAND, node, "--list").splitlines()
