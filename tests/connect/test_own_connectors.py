"""Connectors of our own in a real worker: datagen ─► topic ─► SQLite ─► topic; nothing is lost, and nothing dropped."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from tests.connect.records import records_of, values_of
from tests.peers.connect import OttlaConnect
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.peers.process import NodeProcess

pytestmark = pytest.mark.timeout(200)
COUNT = 700


def test_made_up_rows_come_through_a_database(node: NodeProcess, tmp_path: Path) -> None:
    with OttlaConnect(tmp_path / "worker", node.address) as worker:
        refused = worker.ask("PUT", "/connector-plugins/JdbcSink/config/validate", {"connector.class": "JdbcSink"}).body
        wrong = {each["value"]["name"] for each in refused["configs"] if each["value"]["errors"]}
        assert {"connection.url", "name"} <= wrong

        def create(name: str, config: dict[str, str]) -> None:
            answer = worker.ask("PUT", f"/connectors/{name}/config", config)
            assert answer.status == 201, answer.body

        datagen = {"connector.class": "Datagen", "kafka.topic": "made-orders", "quickstart": "orders"}
        flat = {"transforms": "f", "transforms.f.type": "org.apache.kafka.connect.transforms.Flatten$Value"}
        create("made", datagen | flat | {"max.interval": "0", "iterations": str(COUNT), "random.seed": "3"})
        text = {"connector.class": "FileStreamSource", "topic": "made-orders", "file": str(tmp_path / "lines")}
        (tmp_path / "lines").write_text("no row\nneither\n")
        create("lines", text)
        url = f"jdbc:sqlite:{tmp_path}/db"
        sink = {"connector.class": "JdbcSink", "topics": "made-orders", "connection.url": url, "auto.create": "true"}
        errors = {"errors.tolerance": "all", "errors.deadletterqueue.topic.name": "no-rows"}
        errors |= {"errors.deadletterqueue.topic.replication.factor": "1"}
        create("rows", sink | errors | {"insert.mode": "upsert", "pk.mode": "record_value", "pk.fields": "orderid"})
        wait_for(lambda: len(_rows(tmp_path)) == COUNT, "all rows are there")
        source = {"connector.class": "JdbcSource", "connection.url": url, "mode": "incrementing", "topic.prefix": "db-"}
        create("back", source | {"table.whitelist": "made-orders", "poll.interval.ms": "100", "batch.max.rows": "250"})
        wait_for(lambda: len(records_of(node.address, "db-made-orders")) == COUNT, "all rows are read")
        wait_for(lambda: len(records_of(node.address, "no-rows")) == 2, "what is no row is reported")
        status = worker.ask("GET", "/connectors/rows/status").body
        assert [task["state"] for task in status["tasks"]] == ["RUNNING"]
    made = [each["payload"] for each in values_of(node.address, "made-orders") if isinstance(each["payload"], dict)]
    back = [each["payload"] for each in values_of(node.address, "db-made-orders")]
    assert len(made) == COUNT
    assert [each["orderid"] for each in back] == list(range(COUNT))
    assert back == made
    dead = [json.loads(value or b"null")["payload"] for _, value, _ in records_of(node.address, "no-rows")]
    assert dead == ["no row", "neither"]


def _rows(directory: Path) -> list[tuple[Any, ...]]:
    if not (directory / "db").exists():
        return []
    with closing(sqlite3.connect(directory / "db")) as connection:
        try:
            return connection.execute('SELECT orderid FROM "made-orders"').fetchall()
        except sqlite3.OperationalError:  # not yet
            return []
