"""Share groups by Apache Kafka's Java client: `KafkaShareConsumer` and `ShareGroupCommand`, with kills in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.conformance.scenarios import unique
from tests.conformance.test_confluent_kafka import Librdkafka
from tests.conformance.test_java import READY_TIMEOUT_S, Background, tool
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import NodeFactory
    from tests.peers.process import NodeProcess

pytestmark = [pytest.mark.java, pytest.mark.timeout(400)]

SETTINGS = {"share.coordinator.state.topic.num.partitions": "4"}


class ShareConsumer(Background):
    """`VerifiableShareConsumer`, a member of a share group that accepts what it receives."""

    def __init__(self, directory: Path, label: str, node: NodeProcess, group: str, topic: str) -> None:
        super().__init__(
            directory, label, "VerifiableShareConsumer", node,
            "--group-id", group, "--topic", topic, "--acknowledgement-mode", "sync",
            "--offset-reset-strategy", "earliest", "--verbose",
        )  # fmt: skip

    def received(self) -> list[tuple[int, int]]:
        """(partition, offset) of each delivery."""
        return [(event["partition"], event["offset"]) for event in self.events("record_data")]

    def accepted(self) -> set[tuple[int, int]]:
        """(partition, offset) of each record whose acknowledgement the broker has confirmed."""
        return {
            (partition["partition"], offset)
            for event in self.events("offsets_acknowledged")
            if event.get("success")
            for partition in event["partitions"]
            for offset in partition["offsets"]
        }


@pytest.fixture
def in_background(tmp_path: Path) -> Iterator[list[Background]]:
    running: list[Background] = []
    yield running
    for process in running:
        process.close()


def begin_at_the_start(node: NodeProcess, group: str) -> None:
    change = ["--alter", "--entity-type", "groups", "--entity-name", group]
    tool("kafka.admin.ConfigCommand", node, *change, "--add-config", "share.auto.offset.reset=earliest")


def test_what_was_accepted_is_not_delivered_again(node: NodeProcess) -> None:
    topic, group = unique("share"), unique("share-group")
    Librdkafka(node.address).create_topic(topic, 2)
    begin_at_the_start(node, group)
    consume = ["--topic", topic, "--group", group]
    for first, last in ((0, 40), (40, 60)):
        stdin = "".join(f"{number}\n" for number in range(first, last))
        tool("ConsoleProducer", node, "--topic", topic, stdin=stdin)
        received = tool(
            "consumer.ConsoleShareConsumer", node, *consume, "--timeout-ms", "90000",
            "--max-messages", str(last - first),
        )  # fmt: skip
        assert sorted(map(int, received.split())) == list(range(first, last))
    offsets = tool("consumer.group.ShareGroupCommand", node, "--describe", "--group", group)
    assert sum(int(line.split()[3]) for line in offsets.splitlines() if line.startswith(group)) <= 60
    assert all(line.split()[4] == "0" for line in offsets.splitlines() if line.startswith(group))


@pytest.mark.long
def test_share_group_command(node: NodeProcess) -> None:
    topic, group = unique("share"), unique("share-group")
    Librdkafka(node.address).create_topic(topic)
    begin_at_the_start(node, group)
    tool("ConsoleProducer", node, "--topic", topic, stdin="a\nb\nc\n")
    tool(
        "consumer.ConsoleShareConsumer", node,
        "--topic", topic, "--group", group, "--timeout-ms", "90000", "--max-messages", "3",
    )  # fmt: skip
    command = "consumer.group.ShareGroupCommand"
    assert group in tool(command, node, "--list").splitlines()
    assert "Empty" in tool(command, node, "--describe", "--group", group, "--state")
    reset = ["--reset-offsets", "--group", group, "--topic", topic, "--to-earliest", "--execute"]
    assert tool(command, node, *reset).split()[-2:] == ["0", "0"]
    described = tool(command, node, "--describe", "--group", group, "--offsets").splitlines()
    assert next(line for line in described if line.startswith(group)).split()[2:] == ["0", "0", "3"]
    again = tool(
        "consumer.ConsoleShareConsumer", node,
        "--topic", topic, "--group", group, "--timeout-ms", "90000", "--max-messages", "3",
    )  # fmt: skip
    assert sorted(again.split()) == ["a", "b", "c"]
    assert "Successful" in tool(command, node, "--delete-offsets", "--group", group, "--topic", topic)
    assert "successful" in tool(command, node, "--delete", "--group", group)
    assert group not in tool(command, node, "--list").splitlines()


@pytest.mark.long
def test_kills_lose_nothing_and_bring_nothing_accepted_back(
    own_node: NodeFactory, tmp_path: Path, in_background: list[Background]
) -> None:
    node = own_node(SETTINGS)
    topic, group = unique("share"), unique("share-group")
    Librdkafka(node.address).create_topic(topic, 2)
    consumers = [ShareConsumer(tmp_path, label, node, group, topic) for label in ("first", "second")]
    in_background += consumers
    settled: set[tuple[int, int]] = set()
    counts: dict[tuple[int, int], int] = {}

    def deliveries() -> list[tuple[int, int]]:
        return [each for consumer in consumers for each in consumer.received()]

    def accepted() -> set[tuple[int, int]]:
        return set().union(*(consumer.accepted() for consumer in consumers))

    produced: list[int] = []
    for total in (60, 120, 180):
        tool("VerifiableProducer", node, "--topic", topic, "--max-messages", "60", "--acks", "-1")
        produced.append(total)
        wait_for(lambda: len(accepted()) >= produced[-1] - 30, "most records accepted", READY_TIMEOUT_S)
        node.kill()
        settled = accepted()
        counts = {each: deliveries().count(each) for each in settled}
        node.start()
    wait_for(lambda: len(accepted()) == 180, "every record accepted", READY_TIMEOUT_S)
    assert len(settled) >= 150
    again = {each for each in settled if deliveries().count(each) > counts[each]}
    assert again == set()
