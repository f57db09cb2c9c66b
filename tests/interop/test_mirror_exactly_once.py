"""`exactly.once.source.support`: whatever happens to the mirror and the target, nothing is lost and nothing twice."""

from __future__ import annotations

import os
import random
import signal
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

import confluent_kafka as ck
import pytest
from tests.conformance.client import Record
from tests.conformance.test_confluent_kafka import Librdkafka
from tests.conftest import TEST_SETTINGS
from tests.interop.test_mirror_failover import PARTITIONS, Writer
from tests.peers.mirror import MirrorProcess
from tests.peers.ottla_node import OttlaNode
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.process import NodeProcess

pytestmark = pytest.mark.timeout(180)

EXACTLY_ONCE: Final = {"once->b.enabled": "true", "topics": "orders", "b.exactly.once.source.support": "enabled"}
SETTINGS: Final = TEST_SETTINGS | {"transaction.state.log.num.partitions": "2", "transaction.state.log.min.isr": "1"}


class Reader:
    """Reads what is committed of the copy, on and on."""

    def __init__(self, address: str) -> None:
        self.values: list[list[bytes]] = [[] for _ in range(PARTITIONS)]
        self._consumer = ck.Consumer(
            {"bootstrap.servers": address, "group.id": "none", "isolation.level": "read_committed"}
        )
        self._consumer.assign([ck.TopicPartition("once.orders", index, 0) for index in range(PARTITIONS)])

    def read(self) -> int:
        """How many there are by now."""
        for message in self._consumer.consume(2000, 0.05):
            if message.error() is None:
                value, partition = message.value(), message.partition()
                assert isinstance(value, bytes)
                assert partition is not None
                self.values[partition].append(value)
        return sum(map(len, self.values))

    def close(self) -> None:
        self._consumer.close()


@pytest.mark.parametrize("kind", ["ottla", pytest.param("kafka", marks=[pytest.mark.java, pytest.mark.long])])
def test_killed_again_and_again_and_nothing_comes_twice(
    tmp_path: Path, request: pytest.FixtureRequest, kind: str
) -> None:
    chance = random.Random(7)
    with ExitStack() as stack:
        a = stack.enter_context(OttlaNode(tmp_path / "a", SETTINGS))
        if kind == "kafka":
            b: NodeProcess = request.getfixturevalue("kafka_node")
        else:
            b = stack.enter_context(OttlaNode(tmp_path / "b", SETTINGS))
        source = Librdkafka(a.address)
        source.create_topic("orders", PARTITIONS)
        mirror = MirrorProcess(tmp_path / "mirror", {"once": a.address, "b": b.address}, EXACTLY_ONCE)
        with mirror:
            wait_for(lambda: "once.orders" in Librdkafka(b.address).topics(), "the topic in the target")
            reader = Reader(b.address)
            writer = Writer(source)
            for turn in range(6 if kind == "ottla" else 3):
                progress = reader.read() + chance.randrange(1, 2000)
                wait_for(lambda progress=progress: reader.read() >= progress, f"progress in turn {turn}")  # type: ignore[misc]
                mirror.kill()
                mirror.start()
            if kind == "ottla":
                b.kill()
                b.start()
            written = writer.stop()
            total = sum(map(len, written))
            wait_for(lambda: reader.read() >= total, f"all {total} records")
            reader.read()
            assert reader.values == written
            # Clean stops commit what is under way.
            assert mirror.stop() == 0
            source.produce("orders", [Record(b"last", partition=0)])
            mirror.start()
            wait_for(lambda: reader.read() == total + 1, "the last one")
            assert mirror.stop() == 0
            assert "Traceback" not in mirror.output
            reader.close()


def test_two_of_one_flow_hold_each_other_up_and_copy_once(tmp_path: Path) -> None:
    with OttlaNode(tmp_path / "a", SETTINGS) as a, OttlaNode(tmp_path / "b", SETTINGS) as b:
        source = Librdkafka(a.address)
        source.create_topic("orders", PARTITIONS)
        addresses = {"once": a.address, "b": b.address}
        first = MirrorProcess(tmp_path / "first", addresses, EXACTLY_ONCE)
        second = MirrorProcess(tmp_path / "second", addresses, EXACTLY_ONCE)
        with first, second:
            wait_for(lambda: "once.orders" in Librdkafka(b.address).topics(), "the topic in the target")
            reader = Reader(b.address)
            writer = Writer(source)
            wait_for(lambda: reader.read() > 1000, "some records")
            written = writer.stop()
            second.stop()
            wait_for(lambda: reader.read() >= sum(map(len, written)), "all records")
            reader.read()
            assert reader.values == written
            reader.close()


def test_who_was_away_asks_the_target_where_to_go_on(tmp_path: Path) -> None:
    """It was fenced, and others have copied what it still has before it."""
    with OttlaNode(tmp_path / "a", SETTINGS) as a, OttlaNode(tmp_path / "b", SETTINGS) as b:
        source = Librdkafka(a.address)
        source.create_topic("orders", PARTITIONS)
        addresses = {"once": a.address, "b": b.address}
        written = [[b"%d of %d" % (number, index) for number in range(300)] for index in range(PARTITIONS)]

        def write(numbers: slice) -> None:
            for index, values in enumerate(written):
                source.produce("orders", [Record(value, partition=index) for value in values[numbers]])

        with MirrorProcess(tmp_path / "first", addresses, EXACTLY_ONCE) as first:
            wait_for(lambda: "once.orders" in Librdkafka(b.address).topics(), "the topic in the target")
            reader = Reader(b.address)
            write(slice(0, 50))
            wait_for(lambda: reader.read() >= 50 * PARTITIONS, "the first ones")
            os.kill(first.pid, signal.SIGSTOP)
            with MirrorProcess(tmp_path / "second", addresses, EXACTLY_ONCE) as second:
                write(slice(50, 250))
                wait_for(lambda: reader.read() >= 250 * PARTITIONS, "those that the second copies")
                assert second.stop() == 0
            os.kill(first.pid, signal.SIGCONT)
            write(slice(250, 300))
            wait_for(lambda: reader.read() >= 300 * PARTITIONS, "the last ones")
            assert first.stop() == 0
            reader.read()
            assert reader.values == written
            reader.close()
