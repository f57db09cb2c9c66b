"""kcat: librdkafka's command line, of another release than the one inside confluent-kafka; topics by auto-creation."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from tests.conformance.client import COMPRESSIONS
from tests.conformance.scenarios import EPOCH_MS, unique
from tests.conformance.test_confluent_kafka import Librdkafka
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import NodeFactory
    from tests.peers.process import NodeProcess

TIMEOUT_S = 120.0


def kcat(address: str, *arguments: str, stdin: str = "") -> str:
    command = [_binary(), "-b", address, "-m", "60", *arguments]
    result = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert result.returncode == 0, f"{command}\n{result.stdout[-500:]}\n{result.stderr[-1500:]}"
    return result.stdout


def consumed(address: str, topic: str, *arguments: str) -> list[dict[str, Any]]:
    """What `kcat -C -J` prints, a dict a record, to the end of the topic."""
    lines = kcat(address, "-C", "-t", topic, "-J", "-q", "-e", *arguments).splitlines()
    return [json.loads(line) for line in lines]


def _binary() -> str:
    binary = shutil.which("kcat")
    if binary is None:
        reason = "no kcat (to run this test: apt install kcat)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return binary


class GroupMember:
    """`kcat -G` in the background, its records in a file."""

    def __init__(self, address: str, group: str, topic: str, output: Path) -> None:
        self._output = output
        self._messages = output.with_suffix(".err")
        options = [
            "-X",
            "auto.offset.reset=earliest",
            "-X",
            "session.timeout.ms=10000",
            "-X",
            "heartbeat.interval.ms=300",
        ]
        with output.open("wb") as stdout, self._messages.open("wb") as stderr:
            self._process = subprocess.Popen(
                [_binary(), "-b", address, "-u", "-J", *options, "-G", group, topic], stdout=stdout, stderr=stderr
            )

    def values(self) -> set[str]:
        lines = self._output.read_text().splitlines(keepends=True)
        return {json.loads(line)["payload"] for line in lines if line.endswith("\n")}

    def assigned(self) -> int:
        """How many partitions the last rebalance gave this member."""
        lines = [line for line in self._messages.read_text().splitlines() if "assigned:" in line]
        return lines[-1].count("[") if lines else 0

    def close(self) -> None:
        self._process.terminate()
        assert self._process.wait(TIMEOUT_S) in (0, -15)


@contextlib.contextmanager
def group_member(address: str, group: str, topic: str, output: Path) -> Iterator[GroupMember]:
    member = GroupMember(address, group, topic, output)
    try:
        yield member
    finally:
        member.close()


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_produces_and_consumes(node: NodeProcess, compression: str) -> None:
    topic = unique(f"kcat-{compression}")
    lines = "".join(f"key-{number}:value {number} {'x' * 50}\n" for number in range(500))
    kcat(
        node.address,
        "-P",
        "-t",
        topic,
        "-K:",
        "-z",
        compression,
        "-H",
        "source=kcat",
        "-H",
        "empty=",
        "-p",
        "0",
        stdin=lines,
    )
    records = consumed(node.address, topic)
    assert [record["offset"] for record in records] == list(range(500))
    assert "".join(f"{record['key']}:{record['payload']}\n" for record in records) == lines
    assert records[0]["headers"] == ["source", "kcat", "empty", ""]


def test_tombstones(node: NodeProcess) -> None:
    topic = unique("kcat-tombstone")
    kcat(node.address, "-P", "-t", topic, "-K:", "-Z", "-p", "0", stdin="key:set\nkey:\n")
    assert [record["payload"] for record in consumed(node.address, topic)] == ["set", None]


def test_consumes_from_offsets_and_times(node: NodeProcess) -> None:
    topic = unique("kcat-starts")
    kcat(node.address, "-P", "-t", topic, "-p", "0", stdin="".join(f"{number}\n" for number in range(10)))
    assert [r["payload"] for r in consumed(node.address, topic, "-o", "7")] == ["7", "8", "9"]
    assert [r["payload"] for r in consumed(node.address, topic, "-o", "-2")] == ["8", "9"]
    assert [r["payload"] for r in consumed(node.address, topic, "-o", f"s@{EPOCH_MS}", "-c", "1")] == ["0"]
    first_ms = consumed(node.address, topic)[0]["ts"]
    assert kcat(node.address, "-Q", "-t", f"{topic}:0:{first_ms}").strip().endswith("offset 0")
    assert kcat(node.address, "-Q", "-t", f"{topic}:0:-1").strip().endswith("offset 10")


def test_lists_the_cluster(node: NodeProcess) -> None:
    topic = unique("kcat-list")
    kcat(node.address, "-P", "-t", topic, "-p", "0", stdin="hello\n")
    cluster = json.loads(kcat(node.address, "-L", "-J", "-t", topic))
    assert [broker["name"] for broker in cluster["brokers"]] == [node.address]
    assert [found["topic"] for found in cluster["topics"]] == [topic]
    partition = cluster["topics"][0]["partitions"][0]
    assert partition["leader"] == cluster["brokers"][0]["id"] == partition["isrs"][0]["id"]


def test_large_message(node: NodeProcess, tmp_path: Path) -> None:
    topic = unique("kcat-large")
    large = tmp_path / "large"
    large.write_text("0123456789" * 99_000)
    kcat(node.address, "-P", "-t", topic, "-p", "0", str(large))
    assert [record["payload"] for record in consumed(node.address, topic)] == [large.read_text()]


def test_group_of_two_rebalances_and_resumes(node: NodeProcess, tmp_path: Path) -> None:
    topic, group = unique("kcat-group"), unique("group")

    def produce(first: int, count: int) -> set[str]:
        for partition in range(2):
            numbers = range(first + partition, first + count, 2)
            kcat(node.address, "-P", "-t", topic, "-p", str(partition), stdin="".join(f"{n}\n" for n in numbers))
        return {str(number) for number in range(first, first + count)}

    Librdkafka(node.address).create_topic(topic, 2)  # kcat has no way to
    before = produce(0, 20)
    with group_member(node.address, group, topic, tmp_path / "first") as first:
        wait_for(lambda: first.values() == before, "the records before")
        with group_member(node.address, group, topic, tmp_path / "second") as second:
            wait_for(lambda: (first.assigned(), second.assigned()) == (1, 1), "a partition each")
            both = produce(20, 20)
            wait_for(lambda: both <= first.values() | second.values(), "the records of both")
            assert second.values() < both
        wait_for(lambda: first.assigned() == 2, "both partitions again")
    after = produce(40, 2)
    with group_member(node.address, group, topic, tmp_path / "third") as third:
        wait_for(lambda: third.values() == after, "only what came after the commit")


@pytest.mark.parametrize("how", ["restart", "kill"])
def test_acknowledged_records_survive(own_node: NodeFactory, how: str) -> None:
    node = own_node()
    topic = unique("kcat-survive")
    lines = "".join(f"value {number}\n" for number in range(5000))
    kcat(node.address, "-P", "-t", topic, "-p", "0", "-X", "acks=all", stdin=lines)
    if how == "kill":
        node.kill()
        node.start()
    else:
        node.restart()
    kcat(node.address, "-P", "-t", topic, "-p", "0", "-X", "enable.idempotence=true", stdin="after\n")
    records = consumed(node.address, topic)
    assert "".join(f"{record['payload']}\n" for record in records) == lines + "after\n"
    assert [record["offset"] for record in records] == list(range(5001))
