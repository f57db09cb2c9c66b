"""`ottla lake`: topics as tables of Iceberg, from the first record to maintenance; and after `kill -9` under load."""

from __future__ import annotations

import json
import random
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import confluent_kafka as ck
import pytest
from tests.conformance.test_confluent_kafka import Librdkafka
from tests.peers.ottla_cli import Cli, InProcessCli
from tests.peers.process import NodeProcess, wait_for

from ottla.connect.lake.place import lake_tables, place_of

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("pyiceberg", reason="pip install 'ottla[iceberg]'")
WAIT_S = 120.0
pytestmark = pytest.mark.timeout(280)


def table_of(warehouse: Path, topic: str, namespace: str = "topics") -> Any:
    ((_, table),) = lake_tables(place_of(str(warehouse), "lake", namespace, {}), (topic,))
    return table


def rows_of(warehouse: Path, topic: str, namespace: str = "topics") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = table_of(warehouse, topic, namespace).scan().to_arrow().to_pylist()
    return sorted(found, key=lambda row: (row["kafka_partition"], row["kafka_offset"]))


def produce(address: str, topic: str, *records: tuple[str | bytes | None, Any]) -> None:
    producer = ck.Producer({"bootstrap.servers": address, "linger.ms": 2, "partitioner": "murmur2_random"})
    for key, value in records:
        data = json.dumps(value) if isinstance(value, dict) else value
        producer.produce(topic, data, key, headers=[("trace", b"\x01")])
        producer.poll(0)
    assert producer.flush(30) == 0


class Lake(NodeProcess):
    """`ottla lake start`, as a user starts it."""

    name = "ottla lake"

    def __init__(self, directory: Path, bootstrap: str, *words: str) -> None:
        super().__init__(directory)
        self._command = [sys.executable, "-m", "ottla", "lake", "start", *words, "--bootstrap", bootstrap]

    @property
    def address(self) -> str:
        raise NotImplementedError("nobody connects to a lake")

    def start(self) -> None:
        self._spawn(self._command)

    def run_to_the_end(self) -> None:
        self.start()
        assert self._process is not None
        self._ended_here = True
        assert self._process.wait(120) == 0, self.output


def test_from_the_first_record_to_maintenance(node: NodeProcess, tmp_path: Path) -> None:
    ottla, warehouse = InProcessCli(("--bootstrap", node.address)), tmp_path / "my lake"
    Librdkafka(node.address).create_topic("lake.orders", 1)
    where = ("--warehouse", str(warehouse))
    start = ("lake", "start", "lake.orders", "--once", *where)
    assert "there is no lake at" in ottla("lake", "status", *where).err
    produce(node.address, "lake.orders", ("a", {"n": 1}), ("b", "text"), ("a", None))
    assert "3 records read, and in the lake" in ottla.works(*start).err
    produce(node.address, "lake.orders", (None, {"n": 2, "note": "a column that came later"}))
    assert "1 records read" in ottla.works(*start).err
    assert "0 records read" in ottla.works(*start).err
    rows = rows_of(warehouse, "lake.orders")
    assert [
        (row["kafka_offset"], row["kafka_key"], row["kafka_tombstone"], row["kafka_value"], row["n"]) for row in rows
    ] == [
        (0, "a", False, None, 1),
        (1, "b", False, "text", None),
        (2, "a", True, None, None),
        (3, None, False, None, 2),
    ]
    assert rows[3]["note"] == "a column that came later"
    assert rows[0]["kafka_headers"] == [{"name": "trace", "value": b"\x01"}]

    (told,) = ottla.works("lake", "status", "lake.orders", "--json", *where).json
    assert (told["offset"], told["end"], told["lag"], told["table"]) == (4, 4, 0, "topics.lake_orders")
    produce(node.address, "lake.orders", ("c", {"n": 3}))
    assert ottla.works("lake", "status", *where).lines[1].split()[:7] == [
        *("topics.lake_orders", "lake.orders", "versions", "0", "4", "5", "1")
    ]
    offline = InProcessCli(where)
    listed = offline.json("lake", "list")
    assert [(each["name"], each["rows"], each["files"], each["snapshots"]) for each in listed] == [
        ("topics.lake_orders", 4, 2, 2)
    ]
    before = sorted(path.name for path in warehouse.rglob("*.parquet"))
    (care,) = offline.json("lake", "maintain", "--older-than", "0s", "--keep", "1")
    assert care == {
        "table": "topics.lake_orders",
        "files_before": 2,
        "files_after": 1,
        "snapshots_expired": 2,
        "files_deleted": 6,
    }
    left = sorted(path.name for path in warehouse.rglob("*.parquet"))
    assert len(left) == 1
    assert (len(before), set(left) & set(before)) == (2, set())
    assert rows_of(warehouse, "lake.orders") == rows
    assert "1 records read" in ottla.works(*start).err
    assert [row["n"] for row in rows_of(warehouse, "lake.orders")] == [1, None, None, 2, 3]


def test_columns_that_are_what_one_says(node: NodeProcess, tmp_path: Path) -> None:
    ottla = InProcessCli(("--bootstrap", node.address, "--warehouse", str(tmp_path / "lake"), "--once"))
    Librdkafka(node.address).create_topic("lake-typed", 1)
    produce(node.address, "lake-typed", (None, {"price": 1, "at": "2026-11-29T10:00:00+01:00", "day": "2026-11-29"}))
    produce(node.address, "lake-typed", (None, {"price": 1.5, "at": None, "day": None}))
    start = ("lake", "start", "lake-typed", "--partition-by", "day(at)", "--column", "at=timestamptz")
    assert "the types are boolean" in ottla(*start, "--column", "price=number").err
    ottla.works(*start, "--column", "price=double", "--column", "day=date", "--column", "later=long")
    first, second = rows_of(tmp_path / "lake", "lake-typed")
    assert (first["price"], first["at"].isoformat(), first["day"].isoformat(), first["later"]) == (
        *(1.0, "2026-11-29T09:00:00+00:00", "2026-11-29", None),
    )
    assert (second["price"], second["at"]) == (1.5, None)
    produce(node.address, "lake-typed", (None, {"at": "at noon"}))
    told = ottla(*start).err
    assert "record lake-typed-0@2 does not fit into topics.lake_typed: the column at: Failed to parse" in told


def test_what_does_not_belong_together(node: NodeProcess, tmp_path: Path) -> None:
    ottla, client = InProcessCli(("--bootstrap", node.address)), Librdkafka(node.address)
    where = ("--warehouse", str(tmp_path / "lake"), "--once")
    for topic in ("lake-mixed", "lake_mixed"):
        client.create_topic(topic, 1)
    produce(node.address, "lake-mixed", ("a", {"n": 1}))
    ottla.works("lake", "start", "lake-mixed", *where)

    def refused(*words: str) -> str:
        outcome = ottla("lake", "start", *words, *where)
        assert outcome.code != 0
        return outcome.err

    assert "was begun with --mode versions" in refused("lake-mixed", "--mode", "table")
    assert "is of the topic lake-mixed, not of lake_mixed" in refused("lake_mixed")
    assert "would be one table, topics.lake_mixed" in refused("lake-mixed", "lake_mixed")
    assert "'nth(n)' is no partition" in refused("lake-mixed", "--partition-by", "nth(n)")
    assert "lake-none" in refused("lake-none")
    produce(node.address, "lake-mixed", ("a", {"n": "text"}))
    assert "record lake-mixed-0@1 does not fit into topics.lake_mixed: Cannot change column type" in refused(
        "lake-mixed"
    )
    Cli(node.address).works("lake", "start", "lake-mixed", "--dead-letters", "lake-dead", *where)
    assert [row["n"] for row in rows_of(tmp_path / "lake", "lake-mixed")] == [1]
    wait_for(lambda: "lake-dead" in client.topics(), "the dead letter")
    produce(node.address, "lake-mixed", ("a", b"\xff\xfe"))
    told = refused("lake-mixed", "--value-format", "text", "--namespace", "other")
    assert "record lake-mixed-0@2: the value is no text" in told
    client.delete_topic("lake-mixed")
    wait_for(lambda: "lake-mixed" not in client.topics(), "the topic is gone")
    client.create_topic("lake-mixed", 1)
    assert "is of another topic lake-mixed" in refused("lake-mixed")


class Load:
    """Writes to one topic until it is stopped; the last value of a key is known, and every record by its offset."""

    def __init__(self, address: str, topic: str) -> None:
        self._chance = random.Random(5)
        self._address = address
        self._topic = topic
        self._stopping = threading.Event()
        self.written: dict[tuple[int, int], tuple[bytes, int | None]] = {}
        """By partition and offset: the key, and the value's number."""
        self._thread = threading.Thread(target=self._write)
        self._thread.start()

    def _write(self) -> None:
        producer = ck.Producer({"bootstrap.servers": self._address, "linger.ms": 5, "partitioner": "murmur2_random"})
        number = 0
        while not self._stopping.wait(0.02):
            for _ in range(5):
                number += 1
                key, value = f"k{self._chance.randrange(200)}", None if self._chance.random() < 0.1 else number
                data = None if value is None else json.dumps({"n": value, "half": value / 2})
                producer.produce(self._topic, data, key, on_delivery=self._delivered(key.encode(), value))
            producer.poll(0)
        assert producer.flush(60) == 0

    def _delivered(self, key: bytes, value: int | None) -> Any:
        def note(error: ck.KafkaError | None, message: ck.Message) -> None:
            assert error is None, error
            partition, offset = message.partition(), message.offset()
            assert partition is not None
            assert offset is not None
            self.written[partition, offset] = key, value

        return note

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()


@pytest.mark.parametrize("kind", ["ottla", pytest.param("kafka", marks=[pytest.mark.java, pytest.mark.long])])
def test_killed_under_load_the_tables_are_the_topic(tmp_path: Path, request: pytest.FixtureRequest, kind: str) -> None:
    """`kill -9`, again and again, of a lake of each mode, with maintenance in between; Iceberg's Rust reads both."""
    peer: NodeProcess = request.getfixturevalue("node" if kind == "ottla" else "kafka_node")
    warehouse, topic, chance = tmp_path / "lake", f"lake-load-{kind}", random.Random(3)
    Librdkafka(peer.address).create_topic(topic, 3)
    where = ("--warehouse", str(warehouse))
    words = (topic, *where, "--every", "300ms")
    by_mode = {
        "versions": ("--namespace", "versions", "--partition-by", "bucket(kafka_key, 2)"),
        "table": ("--namespace", "table", "--mode", "table"),
    }
    lakes = [Lake(tmp_path / mode, peer.address, *words, "--once", *more) for mode, more in by_mode.items()]
    care = InProcessCli((*where, "--small", "1M", "--older-than", "0s", "--keep", "1"))

    def commits(namespace: str) -> int:
        """Versions of the table's metadata are numbered."""
        return max((int(path.name[:5]) for path in (warehouse / namespace).rglob("*.metadata.json")), default=0)

    load = Load(peer.address, topic)
    try:
        for turn in range(2):
            for lake in lakes:
                lake.start()
            for lake, mode in zip(lakes, by_mode, strict=True):
                wanted = commits(mode) + chance.randrange(1, 4)
                done = partial(
                    lambda mode, wanted, lake: commits(mode) >= wanted or not lake.is_running, mode, wanted, lake
                )
                wait_for(done, f"commits to {mode}", WAIT_S)
                if turn:
                    care.works("lake", "maintain", "--namespace", mode)
                lake.kill()
        # And as it is meant to run, in a group, until it is asked to stop.
        going_on = Lake(tmp_path / "going-on", peer.address, *words, *by_mode["table"])
        before = commits("table")
        with going_on:
            wait_for(lambda: commits("table") >= before + 2, "commits of the lake that goes on", WAIT_S)
            assert going_on.stop() == 0, going_on.output
    finally:
        load.stop()
    for lake in lakes:
        lake.run_to_the_end()
    versions = rows_of(warehouse, topic, "versions")
    found = {(row["kafka_partition"], row["kafka_offset"]): (row["kafka_key"].encode(), row["n"]) for row in versions}
    assert (found == load.written, len(versions)) == (True, len(load.written))
    assert [row["kafka_tombstone"] for row in versions] == [row["n"] is None for row in versions]
    last = {key: value for _, (key, value) in sorted(load.written.items())}
    expected = {key.decode(): value for key, value in last.items() if value is not None}
    latest = rows_of(warehouse, topic, "table")
    assert {row["kafka_key"]: row["n"] for row in latest} == expected
    assert len(latest) == len(expected)
    datafusion = pytest.importorskip("datafusion", reason="pip install 'datafusion>=53,<54' pyiceberg-core")
    context = datafusion.SessionContext()
    for mode in by_mode:
        context.register_table(mode, table_of(warehouse, topic, mode))
    told = context.sql('SELECT kafka_key, n FROM "table" ORDER BY kafka_key').to_pylist()
    assert {row["kafka_key"]: row["n"] for row in told} == expected
    told = context.sql("SELECT kafka_partition, kafka_offset, n, kafka_tombstone FROM versions").to_pylist()
    assert {(row["kafka_partition"], row["kafka_offset"]): row["n"] for row in told if not row["kafka_tombstone"]} == {
        place: value for place, (_, value) in load.written.items() if value is not None
    }
    assert len(told) == len(load.written)


@pytest.mark.long
@pytest.mark.parametrize("mode", ["versions", "table"])
def test_two_share_the_partitions_and_one_goes_on(node: NodeProcess, tmp_path: Path, mode: str) -> None:
    topic, warehouse = f"lake-shared-{mode}", tmp_path / "lake"
    Librdkafka(node.address).create_topic(topic, 2)
    quickly = tmp_path / "client.properties"
    quickly.write_text("session.timeout.ms=6000\nheartbeat.interval.ms=1000\n")
    words = [topic, "--warehouse", str(warehouse), "--every", "200ms", "--mode", mode, "--command-config", str(quickly)]
    load = Load(node.address, topic)
    place = place_of(str(warehouse), "lake", "topics", {})
    group = f"ottla-lake-{place.fingerprint}"
    client = Librdkafka(node.address)
    with Lake(tmp_path / "one", node.address, *words) as one, Lake(tmp_path / "two", node.address, *words) as two:
        try:
            wait_for(lambda: client.group_state(group)[1] == 2, "both are members", WAIT_S)
            count = len(load.written)
            wait_for(lambda: len(load.written) > count + 500, "more is written", WAIT_S)
            one.kill()
            wait_for(lambda: client.group_state(group)[1] == 1, "it is gone", WAIT_S)
        finally:
            load.stop()
        status = InProcessCli(("--bootstrap", node.address, "--warehouse", str(warehouse)))

        def is_whole() -> bool:
            told = status.json("lake", "status", topic)
            return len(told) == 2 and not any(each["lag"] for each in told)

        wait_for(is_whole, "everything is in the lake", WAIT_S)
        assert two.stop() == 0, two.output
    rows = rows_of(warehouse, topic)
    last = {key: value for _, (key, value) in sorted(load.written.items())}
    if mode == "table":
        assert {row["kafka_key"].encode(): row["n"] for row in rows} == {k: v for k, v in last.items() if v is not None}
    else:
        assert [(row["kafka_partition"], row["kafka_offset"]) for row in rows] == sorted(load.written)
