"""A data centre goes, and comes back: producers and a group move to the other one and back; every record is counted.

Two clusters mirror each other, with group offsets. Nothing is lost; what is read twice is what the group of the cluster
that went had not told before it went, and is bounded here by what was under way.
"""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Final

import confluent_kafka as ck
import pytest
from tests.conformance.client import Record
from tests.conformance.test_confluent_kafka import Librdkafka
from tests.conftest import TEST_SETTINGS
from tests.interop.test_mirror import values
from tests.peers.apache_kafka import KafkaNode
from tests.peers.mirror import MirrorProcess
from tests.peers.ottla_node import OttlaNode
from tests.peers.process import wait_for

from ottla.mirror.checkpoint import Checkpoint

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.peers.process import NodeProcess

pytestmark = pytest.mark.timeout(240)

BOTH_WAYS: Final = {"a->b.enabled": "true", "b->a.enabled": "true", "topics": "orders", "groups": "billing"}
PARTITIONS: Final = 2
LAG_MAX: Final = 101
"""Records of a partition that an offset may be behind after translation: `offset.lag.max`, and the one it is at."""


@pytest.fixture(params=["ottla"])
def clusters(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[dict[str, NodeProcess]]:
    """`a` is of the kind that is asked for, `b` is Ottla."""
    kind = KafkaNode if request.param == "kafka" else OttlaNode
    with kind(tmp_path / "a", TEST_SETTINGS) as a, OttlaNode(tmp_path / "b", TEST_SETTINGS) as b:
        yield {"a": a, "b": b}


class Application:
    """Writes numbered records to `orders` of a cluster, and reads what the group gets of `orders` and its copies."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.read: list[bytes] = []

    def write(self, node: NodeProcess, count: int) -> None:
        first = len(self.written)
        records = [
            Record(b"order-%05d" % number, partition=number % PARTITIONS) for number in range(first, first + count)
        ]
        Librdkafka(node.address).produce("orders", records)
        self.written += [record.value for record in records if record.value is not None]

    def read_until(self, node: NodeProcess, count: int) -> None:
        """Read as a member of the group until so many different records were seen, committing them, and leave."""
        consumer = ck.Consumer(
            {
                "bootstrap.servers": node.address,
                "group.id": "billing",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "topic.metadata.refresh.interval.ms": 500,
            }
        )
        try:
            consumer.subscribe([r"^([ab]\.)?orders$"])
            deadline = time.monotonic() + 60
            while len(set(self.read)) < count:
                assert time.monotonic() < deadline, f"{len(set(self.read))} of {count} records came"
                messages = consumer.consume(50, 0.1)
                for message in messages:
                    error = message.error()
                    assert error is None or error.retriable() or error.code() == ck.KafkaError._PARTITION_EOF, error
                    if error is None:
                        value = message.value()
                        assert isinstance(value, bytes)
                        self.read.append(value)
                if messages:  # a new topic of the pattern may take away everything any time, the right to commit too
                    with contextlib.suppress(ck.KafkaException):
                        consumer.commit(asynchronous=False)
        finally:
            consumer.close()

    @property
    def read_twice(self) -> int:
        return len(self.read) - len(set(self.read))


@pytest.mark.parametrize(
    "clusters",
    ["ottla", pytest.param("kafka", id="Apache Kafka goes and comes back", marks=(pytest.mark.java, pytest.mark.long))],
    indirect=True,
)
def test_failover_and_failback(tmp_path: Path, clusters: dict[str, NodeProcess]) -> None:
    a, b = clusters["a"], clusters["b"]
    addresses = {alias: node.address for alias, node in clusters.items()}
    for node in (a, b):
        Librdkafka(node.address).create_topic("orders", PARTITIONS)
    application = Application()
    with MirrorProcess(tmp_path / "mirror", addresses, BOTH_WAYS) as mirror:
        application.write(a, 1000)
        application.read_until(a, 600)
        there = Librdkafka(b.address)
        wait_for(lambda: len(values(there, "a.orders")) == 1000, "everything in b")
        wait_for(lambda: _is_moved(a, "orders", b, "a.orders"), "the group's offsets in b")

        a.kill()  # and with it what nobody has copied: here nothing
        assert application.read_twice <= 50  # of a batch that a rebalance took away
        application.write(b, 500)
        application.read_until(b, 1500)
        assert set(application.read) == set(application.written)
        assert application.read_twice <= PARTITIONS * LAG_MAX
        assert mirror.is_running

        a.start()
        back = Librdkafka(a.address)
        wait_for(lambda: len(values(back, "b.orders")) == 500, "what was written to b, in a")
        wait_for(lambda: _is_moved(b, "orders", a, "b.orders"), "the group's offsets in a")
        before = application.read_twice
        application.write(a, 300)
        application.read_until(a, 1800)
        assert set(application.read) == set(application.written)
        # What of a's own records was read in b is read again: nobody told a. Of b's there is little.
        assert application.read_twice - before <= 400 + PARTITIONS * LAG_MAX

        wait_for(lambda: len(values(there, "a.orders")) == 1300, "the newest records in b")
        assert sorted(values(there, "a.orders") + values(there, "orders")) == sorted(application.written)
        assert sorted(values(back, "b.orders") + values(back, "orders")) == sorted(application.written)
        assert not [name for name in {*there.topics(), *back.topics()} if name.count(".orders") and name.count(".") > 1]
        assert mirror.stop() == 0
        assert "Traceback" not in mirror.output


def _is_moved(source: NodeProcess, topic: str, target: NodeProcess, remote: str) -> bool:
    """Whether the group stands in the target within the lag of where it stands in the source."""
    here, there = Librdkafka(source.address), Librdkafka(target.address)
    for partition in range(PARTITIONS):
        original = here.committed("billing", topic, partition)
        copied = there.committed("billing", remote, partition)
        if original is not None and (copied is None or copied < original - LAG_MAX):
            return False
    return True


def test_a_mirror_that_is_killed_loses_nothing(tmp_path: Path, clusters: dict[str, NodeProcess]) -> None:
    a, b = clusters["a"], clusters["b"]
    addresses = {alias: node.address for alias, node in clusters.items()}
    client = Librdkafka(a.address)
    client.create_topic("orders", PARTITIONS)
    target = Librdkafka(b.address)
    with MirrorProcess(tmp_path / "mirror", addresses, {"a->b.enabled": "true", "topics": "orders"}) as mirror:
        wait_for(lambda: "a.orders" in target.topics(), "the topic in the target")
        writer = Writer(client)
        for turn in range(5):
            committed = commits(target)
            wait_for(lambda committed=committed: commits(target) > committed, f"a commit in turn {turn}")  # type: ignore[misc]
            copied = len(values(target, "a.orders"))
            wait_for(lambda copied=copied: len(values(target, "a.orders")) > copied, f"progress in turn {turn}")  # type: ignore[misc]
            mirror.kill()
            mirror.start()
        written = writer.stop()
        total = sum(map(len, written))
        wait_for(lambda: len(set(values(target, "a.orders"))) == total, "every record in the target")
        assert mirror.stop() == 0
    for partition in range(PARTITIONS):
        found = values_of(target, "a.orders", partition)
        assert list(dict.fromkeys(found)) == written[partition]  # in order, whatever came again
        assert len(found) <= 2 * len(written[partition])  # what came since the last commit, each time


def commits(client: Librdkafka) -> int:
    topic = "mm2-offsets.a.internal"
    return sum(client.offsets(topic, index)[1] for index in range(client.topics().get(topic, 0)))


class Writer:
    """Writes records of all partitions, in turn, until it is stopped."""

    def __init__(self, client: Librdkafka, burst: int = 40) -> None:
        self._burst = burst
        self._producer = client.producer("lz4", idempotent=True)
        self._written: list[list[bytes]] = [[] for _ in range(PARTITIONS)]
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> list[list[bytes]]:
        """The values that were acknowledged, by partition."""
        self._stopped.set()
        self._thread.join(60)
        self._producer.flush()
        assert self._producer.errors == []
        self._producer.close()
        return self._written

    def _run(self) -> None:
        number = 0
        while not self._stopped.wait(0.01):
            for _ in range(self._burst):
                value = b"%07d" % number + b"x" * 200
                try:
                    self._producer.send("orders", Record(value, partition=number % PARTITIONS))
                except BufferError:  # nothing is delivered for long
                    break
                self._written[number % PARTITIONS].append(value)
                number += 1


def values_of(client: Librdkafka, topic: str, partition: int) -> list[bytes]:
    first, following = client.offsets(topic, partition)
    return [each.value for each in client.consume(topic, following - first, first, partition) if each.value is not None]


def test_a_cluster_that_is_away_is_waited_for(tmp_path: Path, clusters: dict[str, NodeProcess]) -> None:
    a, b = clusters["a"], clusters["b"]
    addresses = {alias: node.address for alias, node in clusters.items()}
    client = Librdkafka(a.address)
    client.create_topic("orders", 1)
    b.stop()
    with MirrorProcess(tmp_path / "mirror", addresses, {"a->b.enabled": "true", "topics": "orders"}) as mirror:
        client.produce("orders", [Record(b"%d" % number) for number in range(100)])
        wait_for(
            lambda: "a->b: starting: no broker could be reached" in mirror.output, "word of the cluster that is away"
        )
        b.start()
        target = Librdkafka(b.address)
        wait_for(lambda: len(values(target, "a.orders")) == 100, "the records")
        b.kill()
        client.produce("orders", [Record(b"%d" % number) for number in range(100, 200)])
        b.start()
        target = Librdkafka(b.address)
        wait_for(lambda: sorted(map(int, values(target, "a.orders"))) == list(range(200)), "the rest, each once")
        a.stop()
        a.start()
        Librdkafka(a.address).produce("orders", [Record(b"200")])
        wait_for(lambda: sorted(map(int, values(target, "a.orders"))) == list(range(201)), "the last one")
        assert mirror.stop() == 0
        assert "Traceback" not in mirror.output


def test_groups_are_moved_though_the_source_is_gone(tmp_path: Path, clusters: dict[str, NodeProcess]) -> None:
    a, b = clusters["a"], clusters["b"]
    addresses = {alias: node.address for alias, node in clusters.items()}
    client, target = Librdkafka(a.address), Librdkafka(b.address)
    client.create_topic("orders", 1)
    client.produce("orders", [Record(b"%d" % number) for number in range(50)])
    member = client.join("billing", "orders")
    seen: list[Record] = []
    while len(seen) < 50:
        seen += member.poll()
    member.commit()
    member.close()
    flow = {"a->b.enabled": "true", "topics": "orders", "groups": "billing"}
    without = MirrorProcess(tmp_path / "without", addresses, flow | {"sync.group.offsets.enabled": "false"})
    with without:
        wait_for(lambda: _last_checkpoint(target) == 50, "the checkpoint at the end")
        without.stop()
    assert target.committed("billing", "a.orders") is None
    a.kill()
    with MirrorProcess(tmp_path / "with", addresses, flow) as mirror:
        wait_for(lambda: target.committed("billing", "a.orders") == 50, "the group in b")
        assert mirror.stop() == 0


def _last_checkpoint(client: Librdkafka) -> int:
    topic = "a.checkpoints.internal"
    if topic not in client.topics() or (end := client.offsets(topic)[1]) == 0:
        return -1
    record = client.consume(topic, 1, end - 1)[0]
    return Checkpoint.decode(record.key, record.value).downstream_offset
