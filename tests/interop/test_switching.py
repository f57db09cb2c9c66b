"""One data directory, opened by Ottla and Apache Kafka in turn, ten times, under a client that checks every record.

Each turn checks what all turns before left (plain records, transactions, compacted keys, committed offsets), adds to
it, and waits until the node at hand has compacted something of what the other wrote. `OTTLA_SWITCHES` says how many
turns; in CI they are four.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import confluent_kafka as ck
import pytest
from tests.conformance.test_confluent_kafka import Librdkafka
from tests.conftest import TEST_SETTINGS
from tests.interop.test_dump_log_segments import complaints, dump
from tests.peers.apache_kafka import KafkaNode
from tests.peers.ottla_node import OttlaNode
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.process import NodeProcess

pytestmark = [pytest.mark.java, pytest.mark.timeout(600)]

SWITCHES: Final = int(os.environ.get("OTTLA_SWITCHES", "4" if os.environ.get("CI") == "true" else "10"))
SETTINGS: Final = TEST_SETTINGS | {
    "log.cleaner.backoff.ms": "200",
    "transaction.state.log.num.partitions": "1",
    "transaction.state.log.min.isr": "1",
}
COMPACTED: Final = {
    "cleanup.policy": "compact",
    "segment.bytes": "1048576",
    "min.cleanable.dirty.ratio": "0.01",
    "delete.retention.ms": "1000",
}
KEYS: Final = 60
RECORDS_A_TURN: Final = 700
CODECS: Final = ("none", "gzip", "snappy", "lz4", "zstd")


class Story:
    """What every turn adds, and what must be there because of the turns before."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.turn = 0
        self.plain: list[bytes] = []
        self.committed: list[bytes] = []
        self.compacted = 0
        self.last: dict[bytes | None, bytes | None] = {}

    def play(self, node: NodeProcess) -> None:
        """One turn on a node that was just started on the data directory."""
        client = Librdkafka(node.address)
        if self.turn == 0:
            for name, configs in (("plain", {}), ("transactional", {}), ("compacted", COMPACTED)):
                client.create_topic(name, 1, configs)
        self.check(node.address, client)
        self.add_plain(node.address)
        self.add_transactions(node.address)
        self.add_compacted(node.address)
        self.wait_until_compacted()
        self.check(node.address, client)
        client.close()
        self.turn += 1

    # ── adding ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def add_plain(self, address: str) -> None:
        new = [b"plain-%d-%d" % (self.turn, number) for number in range(50)]
        _send(address, "plain", [(None, value) for value in new], CODECS[self.turn % 5])
        self.plain += new
        consumer = _consumer(address, **{"group.id": "switching"})
        consumer.commit(offsets=[ck.TopicPartition("plain", 0, len(self.plain))], asynchronous=False)
        consumer.close()

    def add_transactions(self, address: str) -> None:
        producer = ck.Producer({"bootstrap.servers": address, "transactional.id": "switching"})
        producer.init_transactions(60)
        for name, commit in (("aborted", False), ("committed", True)):
            producer.begin_transaction()
            new = [b"%s-%d-%d" % (name.encode(), self.turn, number) for number in range(5)]
            for value in new:
                producer.produce("transactional", value)
                producer.produce("compacted", key=b"transaction", value=value)
            if commit:
                producer.commit_transaction(60)
                self.committed += new
                self.last[b"transaction"] = new[-1]
            else:
                producer.abort_transaction(60)

    def add_compacted(self, address: str) -> None:
        pairs: list[tuple[bytes | None, bytes | None]] = []
        for number in range(RECORDS_A_TURN):
            key = b"key-%d" % (number % KEYS)
            value = None if (number + self.turn) % 11 == 0 else b"%d-%d-" % (self.turn, number) + os.urandom(4000)
            pairs.append((key, value))
            self.last[key] = value
        _send(address, "compacted", pairs, CODECS[self.turn % 5])

    def wait_until_compacted(self) -> None:
        """The node at hand has compacted more than was compacted before."""
        before = self.compacted

        def compacted() -> bool:
            self.compacted = _cleaner_offset(self.data)
            return self.compacted > before

        wait_for(compacted, "compaction", timeout_s=120)

    # ── checking ───────────────────────────────────────────────────────────────────────────────────────────────────

    def check(self, address: str, client: Librdkafka) -> None:
        assert [value for _, value in _read(address, "plain")] == self.plain
        assert [value for _, value in _read(address, "transactional")] == self.committed
        assert client.committed("switching", "plain") == (len(self.plain) or None)
        if self.turn:
            assert client.topic_config("compacted", "delete.retention.ms") == "1000"
        found = dict(_read(address, "compacted"))  # the last one of a key stays
        assert _alive(found) == _alive(self.last)


def _alive(values: dict[bytes | None, bytes | None]) -> dict[bytes | None, bytes]:
    return {key: value for key, value in values.items() if value is not None}


def _send(address: str, topic: str, pairs: list[tuple[bytes | None, bytes | None]], codec: str) -> None:
    failed: list[str] = []
    producer = ck.Producer({"bootstrap.servers": address, "compression.type": codec, "enable.idempotence": True})
    for key, value in pairs:
        producer.produce(
            topic, value=value, key=key, on_delivery=lambda error, _: failed.append(str(error)) if error else None
        )
        producer.poll(0)
    assert producer.flush(60) == 0
    assert failed == []


def _consumer(address: str, **settings: str) -> ck.Consumer:
    return ck.Consumer(
        {
            "bootstrap.servers": address,
            "group.id": "unused",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "auto.offset.reset": "error",
            "check.crcs": True,
            **settings,
        }
    )


def _read(address: str, topic: str) -> list[tuple[bytes | None, bytes | None]]:
    """Every committed record from the first to the last offset."""
    consumer = _consumer(address)
    consumer.assign([ck.TopicPartition(topic, 0, 0)])
    found: list[tuple[bytes | None, bytes | None]] = []
    while True:
        message = consumer.poll(60)
        assert message is not None, f"nothing more of {topic} after {len(found)} records"
        error = message.error()
        if error is not None:
            assert error.code() == ck.KafkaError._PARTITION_EOF, error
            consumer.close()
            return found
        found.append((message.key(), message.value()))


def _cleaner_offset(data: Path) -> int:
    try:
        lines = (data / "cleaner-offset-checkpoint").read_text().splitlines()
    except FileNotFoundError:
        return 0
    return next((int(line.split()[2]) for line in lines[2:] if line.startswith("compacted 0 ")), 0)


def test_back_and_forth(tmp_path: Path) -> None:
    ottla = OttlaNode(tmp_path / "ottla", SETTINGS)
    kafka = KafkaNode(tmp_path / "kafka", SETTINGS, data=ottla.data)
    story = Story(ottla.data)
    for switch in range(SWITCHES):
        node: NodeProcess = kafka if switch % 2 else ottla
        with node:
            story.play(node)
        logs = sorted((ottla.data / "compacted-0").glob("*.log"))
        assert sum(log.stat().st_size for log in logs) < 8 << 20, "compaction should have made room"
    assert kafka.errors == []
    assert ottla.errors == []
    output = dump(*logs, *sorted((ottla.data / "compacted-0").glob("*index")), options=["--deep-iteration"])
    # Compacted segments have holes, which the tool calls by this name.
    assert [line for line in complaints(output) if not line.startswith("Non-consecutive offsets")] == []
