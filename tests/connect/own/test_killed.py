"""`kill -9` of tasks under load: sources write each record once (KIP-618); files, DuckDB and Iceberg have each once."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from tests.connect.records import values_of
from tests.connect.test_crashes import SETTINGS, tasks_of
from tests.connect.test_exactly_once import ENABLED, committed
from tests.peers.connect import OttlaConnect
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.process import NodeProcess

pytestmark = [pytest.mark.long, pytest.mark.timeout(280)]
EXACTLY_ONCE: dict[str, Any] = {"exactly.once.support": "required", "transaction.boundary": "poll"}
PLAIN = {
    "value.converter": "org.apache.kafka.connect.json.JsonConverter",
    "value.converter.schemas.enable": "false",
    "key.converter": "org.apache.kafka.connect.storage.StringConverter",
}
PER_ROUND = 600
ROUNDS = 4


def create(worker: OttlaConnect, name: str, config: dict[str, Any]) -> None:
    answer = worker.ask("PUT", f"/connectors/{name}/config", PLAIN | {key: str(text) for key, text in config.items()})
    assert answer.status == 201, answer.body


def kill_tasks(worker: OttlaConnect, count: int) -> None:
    pids = wait_for(lambda: found if len(found := tasks_of(worker)) == count else None, f"{count} tasks live")
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not set(pids) & set(tasks_of(worker)), "they are gone")


def wait_until_full(node: NodeProcess, topic: str, count: int) -> None:
    wait_for(lambda: len(committed(node.address, topic)) >= count, f"{topic} is full", 120)


def test_sources_write_each_record_once(node: NodeProcess, tmp_path: Path) -> None:
    inbox = tmp_path / "in"
    inbox.mkdir()
    with closing(sqlite3.connect(tmp_path / "db")) as database:
        database.execute("CREATE TABLE numbers (id INTEGER PRIMARY KEY NOT NULL)")

    def write(start: int) -> None:
        numbers = range(start, start + PER_ROUND)
        hidden = inbox / f".{start:06}"
        hidden.write_text("id\n" + "".join(f"{number}\n" for number in numbers))
        hidden.rename(inbox / f"{start:06}.csv")
        with closing(sqlite3.connect(tmp_path / "db", timeout=30)) as database, database:
            database.executemany("INSERT INTO numbers VALUES (?)", [(number,) for number in numbers])

    with OttlaConnect(tmp_path / "worker", node.address, ENABLED, group="own-once") as worker:
        write(0)
        files = {"connector.class": "DirectorySource", "input.path": inbox, "finished.path": tmp_path / "done"}
        files |= {"topic": "once-files", "csv.types": "id:int64", "batch.size": 50, "empty.poll.wait.ms": 20}
        create(worker, "files", files | EXACTLY_ONCE)
        rows = {"connector.class": "JdbcSource", "connection.url": f"jdbc:sqlite:{tmp_path}/db", "mode": "incrementing"}
        rows |= {"topic.prefix": "once-", "poll.interval.ms": "20", "batch.max.rows": "50"}
        create(worker, "rows", rows | EXACTLY_ONCE)
        made = {"connector.class": "Datagen", "kafka.topic": "once-made", "quickstart": "orders", "max.interval": 2}
        create(worker, "made", made | {"iterations": PER_ROUND * ROUNDS, "random.seed": 5} | EXACTLY_ONCE)
        for number in range(1, ROUNDS):
            write(number * PER_ROUND)
            kill_tasks(worker, 3)
        expected = list(range(PER_ROUND * ROUNDS))
        for topic, field in (("once-files", "id"), ("once-numbers", "id"), ("once-made", "orderid")):
            wait_until_full(node, topic, len(expected))
            assert [json.loads(value)[field] for value in committed(node.address, topic)] == expected
        wait_for(lambda: not [path for path in inbox.iterdir() if path.suffix == ".csv"], "all files are put away")


def test_sinks_have_each_record_once(node: NodeProcess, tmp_path: Path) -> None:
    count = PER_ROUND * ROUNDS
    with OttlaConnect(tmp_path / "worker", node.address, SETTINGS) as worker:
        made = {"connector.class": "Datagen", "kafka.topic": "many-orders", "quickstart": "orders", "max.interval": 4}
        create(worker, "made", made | {"iterations": count, "random.seed": 5})
        wait_for(lambda: worker.ask("GET", "/connectors/made/offsets").body["offsets"], "the first are written")
        lake = {"connector.class": "FilesSink", "topics": "many-orders", "output.path": tmp_path / "lake"}
        create(worker, "lake", lake | {"flush.size": 40})
        duck = {"connector.class": "DuckDbSink", "topics": "many-orders", "duckdb.path": tmp_path / "duck"}
        create(worker, "duck", duck)
        ice = {"connector.class": "IcebergSink", "topics": "many-orders", "table.name.format": "lake.orders"}
        catalog = {
            "type": "sql",
            "uri": f"sqlite:///{tmp_path}/catalog.db",
            "warehouse": f"file://{tmp_path}/warehouse",
        }
        ice |= {f"iceberg.catalog.{key}": text for key, text in catalog.items()}
        create(worker, "ice", ice | {"iceberg.control.commit.interval-ms": "200"})

        def in_files() -> list[int]:
            lines = [line for path in (tmp_path / "lake").rglob("*.json") for line in path.read_text().splitlines()]
            return sorted(json.loads(line)["orderid"] for line in lines)

        wanted: list[int] = []
        for number in range(1, ROUNDS):
            wanted.append(number * 300)
            wait_for(lambda: len(in_files()) >= wanted[-1], "some are in files", 120)
            kill_tasks(worker, 4)

        def in_topic() -> list[int]:
            """The source is killed, too, and may have written some twice."""
            return [each["orderid"] for each in values_of(node.address, "many-orders")]

        wait_for(lambda: set(in_topic()) == set(range(count)), "all are in the topic", 120)
        expected = in_topic()
        whole = len(expected) // 40 * 40
        wait_for(lambda: len(in_files()) >= whole, "all whole files are there", 120)
        assert in_files() == sorted(expected[:whole])
        from pyiceberg.catalog import load_catalog

        iceberg = load_catalog("iceberg", **catalog)
        wait_for(lambda: iceberg.table_exists("lake.orders"), "the table is made", 120)
        table = iceberg.load_table("lake.orders")

        def in_iceberg() -> list[int]:
            return sorted(table.refresh().scan().to_arrow().column("orderid").to_pylist())

        wait_for(lambda: len(in_iceberg()) >= len(expected), "all are in Iceberg", 120)
        assert in_iceberg() == sorted(expected)
        wait_for(lambda: _reached(worker, "duck") == len(expected), "all are in DuckDB", 120)
    with duckdb.connect(str(tmp_path / "duck")) as database:
        found = database.execute('SELECT orderid FROM "many-orders" ORDER BY orderid').fetchall()
    assert [number for (number,) in found] == sorted(expected)


def _reached(worker: OttlaConnect, connector: str) -> int:
    offsets = worker.ask("GET", f"/connectors/{connector}/offsets").body["offsets"]
    return int(offsets[0]["offset"]["kafka_offset"]) if offsets else 0
