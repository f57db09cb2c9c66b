"""Capturing a real PostgreSQL: a table rebuilt from its topic is the table, whatever happens meanwhile."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import urllib.request
from contextlib import closing
from typing import TYPE_CHECKING, Any

import confluent_kafka
import pytest
from tests.connect.cdc.rebuilt import Row, is_created, operations, payloads, rebuilt
from tests.connect.records import records_of
from tests.connect.test_crashes import SETTINGS, tasks_of
from tests.peers.connect import OttlaConnect
from tests.peers.process import free_port, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.peers.postgres import PostgresServer
    from tests.peers.process import NodeProcess

pytestmark = pytest.mark.timeout(280)


@pytest.fixture(scope="module")
def worker(node: NodeProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OttlaConnect]:
    started = OttlaConnect(tmp_path_factory.mktemp("worker"), node.address, SETTINGS)
    started.metrics_address = f"127.0.0.1:{free_port()}"
    with started:
        yield started


def start(worker: OttlaConnect, name: str, config: dict[str, str]) -> None:
    answer = worker.ask("PUT", f"/connectors/{name}/config", config)
    assert answer.status == 201, answer.body


def scraped(worker: OttlaConnect) -> str:
    with urllib.request.urlopen(f"http://{worker.metrics_address}/metrics", timeout=30) as answer:
        return str(answer.read(), "utf-8")


class Writer:
    """Changes a table at random, several rows a transaction; the same each time."""

    def __init__(self, connection: Any, seed: int) -> None:
        self._connection = connection
        self._random = random.Random(seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._next = 1000 * seed
        self.transactions = 0
        self.failure: BaseException | None = None

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        if self.failure is not None:
            raise self.failure

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self.write()
        except BaseException as error:
            self.failure = error

    def write(self) -> None:
        draw = self._random
        with self._connection.transaction(force_rollback=draw.random() < 0.1):
            for _ in range(draw.randint(1, 6)):
                self._change(draw)
        self.transactions += 1

    def _change(self, draw: random.Random) -> None:
        execute, kind = self._connection.execute, draw.random()
        one = "(SELECT id FROM items ORDER BY id OFFSET %s LIMIT 1)"
        if kind < 0.45:
            self._next += 1
            text = "x" * draw.choice([1, 50, 9000])
            execute("INSERT INTO items (id, name, amount) VALUES (%s, %s, %s)", (self._next, text, draw.random()))
        elif kind < 0.75:
            execute(f"UPDATE items SET amount = amount + 1 WHERE id = {one}", (draw.randint(0, 50),))
        elif kind < 0.85:
            self._next += 1
            execute(f"UPDATE items SET id = %s WHERE id = {one}", (self._next, draw.randint(0, 50)))
        else:
            execute(f"DELETE FROM items WHERE id = {one}", (draw.randint(0, 50),))


def table_of(connection: Any, table: str = "items") -> dict[str, Row]:
    """As `rebuilt` says it, of a table with the key `id`."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table}")
        names = [column.name for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return {
        json.dumps({"id": row["id"]}): {name: str(value) if name == "amount" else value for name, value in row.items()}
        for row in rows
    }


def create_items(connection: Any, rows: int = 0) -> None:
    connection.execute("CREATE TABLE items (id int PRIMARY KEY, name text, amount numeric(20,6) NOT NULL)")
    connection.execute("ALTER TABLE items REPLICA IDENTITY FULL")  # long names do not change with their rows
    connection.execute("INSERT INTO items SELECT n, 'row ' || n, n FROM generate_series(1, %s) n", (rows,))


def wait_until_equal(node: NodeProcess, connection: Any, topic: str) -> None:
    """Every row, and no other. A last row says when all has come."""
    connection.execute("INSERT INTO items (id, name, amount) VALUES (-1, 'the last', 0)")
    wait_for(lambda: is_created(node.address, topic, {"id": -1}), "the last row has come", 120)
    expected = table_of(connection)
    columns = list(next(iter(expected.values())))
    # A column that comes or goes changes no row by itself: what was told before has it not, or still.
    told = {key: {name: row.get(name) for name in columns} for key, row in rebuilt(node.address, topic).items()}
    differing = {key for key in expected.keys() | told.keys() if expected.get(key) != told.get(key)}
    assert not differing, [(told.get(key), expected.get(key)) for key in sorted(differing)[:3]]


@pytest.mark.parametrize("columns", [("note",), pytest.param(("seen", "note"), marks=pytest.mark.long)])
def test_a_table_is_rebuilt_after_kills_and_changes_of_its_schema(
    node: NodeProcess, postgres: PostgresServer, tmp_path: Path, columns: tuple[str, ...]
) -> None:
    name = f"killed_{len(columns)}"
    topic = f"{name}.public.items"
    with closing(postgres.database(name)) as db, OttlaConnect(tmp_path, node.address, SETTINGS) as worker:
        create_items(db, rows=500)
        config = postgres.config(
            name, decimal_handling_mode="string", snapshot_fetch_size="50", heartbeat_interval_ms="300"
        )
        with closing(postgres.connect(name)) as other, Writer(other, seed=7) as writer:
            start(worker, name, config)
            wait_for(lambda: "c" in operations(node.address, topic), "the stream has begun")
            for column in columns:
                (pid,) = wait_for(lambda: tasks_of(worker), "the task lives")
                os.kill(pid, signal.SIGKILL)
                with db.transaction():
                    db.execute(f"ALTER TABLE items ADD COLUMN {column} text")
                    db.execute(f"UPDATE items SET {column} = 'new' WHERE id % 3 = 0")
                done = writer.transactions
                wait_for(lambda done=done: writer.transactions > done + 20, "more is written")  # type: ignore[misc]
            active = f"SELECT active FROM pg_replication_slots WHERE slot_name = 'slot_{name}'"
            wait_for(lambda: db.execute(active).fetchone()[0], "the stream goes on")
            cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'ottla %'"
            assert db.execute(cut).fetchall()
            wait_for(lambda: "another attempt follows" in worker.output, "the task connects again")
            worker.kill()
            db.execute(f"ALTER TABLE items DROP COLUMN {columns[0]}")
            worker.start()
            start(worker, name, config)
            done = writer.transactions
            wait_for(lambda: writer.transactions > done + 20, "more is written")
        wait_until_equal(node, db, topic)
        seen = operations(node.address, topic)
        assert {"r", "c", "u", "d", "-"} <= set(seen)
        with closing(postgres.connect("postgres")) as elsewhere:
            elsewhere.execute(f"CREATE TABLE elsewhere_{name} AS SELECT 1")
            (end,) = elsewhere.execute("SELECT pg_current_wal_lsn()::text").fetchone()
        passed = f"SELECT confirmed_flush_lsn >= %s::pg_lsn FROM pg_replication_slots WHERE slot_name = 'slot_{name}'"
        wait_for(lambda: db.execute(passed, (end,)).fetchone()[0], "the slot passes what others write")


def test_changes_in_debeziums_envelope(node: NodeProcess, postgres: PostgresServer, worker: OttlaConnect) -> None:
    with closing(postgres.database("shape")) as db:
        db.execute("CREATE TABLE t (id int PRIMARY KEY, name varchar(20) NOT NULL, n int DEFAULT 5)")
        db.execute("CREATE TABLE left_out (id int PRIMARY KEY)")
        db.execute("CREATE TABLE whole (id int PRIMARY KEY)")
        db.execute("CREATE TABLE by_index (id int NOT NULL, CONSTRAINT by_id UNIQUE (id))")
        db.execute("INSERT INTO t VALUES (1, 'one')")
        config = postgres.config(
            "shape",
            table_include_list="public[.](t|whole|by_index)",
            skipped_operations="none",
            provide_transaction_metadata="true",
        )
        config["replica.identity.autoset.values"] = "public.(whole|left_out):FULL,public.by_index:INDEX by_id"
        start(worker, "shape", config | {"publication.autocreate.mode": "filtered", "slot.lag.warning.bytes": "1"})
        wait_for(lambda: operations(node.address, "shape.public.t") == ["r"], "the snapshot")
        identities = (
            "SELECT relname, relreplident::text FROM pg_class WHERE relname IN ('t', 'whole', 'left_out', 'by_index')"
        )
        assert dict(db.execute(identities).fetchall()) == {"t": "d", "whole": "f", "left_out": "d", "by_index": "i"}
        db.execute("UPDATE t SET name = 'uno' WHERE id = 1")
        db.execute("UPDATE t SET id = 2")
        db.execute("DELETE FROM t")
        db.execute("INSERT INTO left_out VALUES (1)")
        db.execute("TRUNCATE t")
        with db.transaction():
            db.execute("SELECT pg_logical_emit_message(true, 'audit', 'hello')")
        wanted = ["r", "u", "d", "-", "c", "d", "-", "t"]
        wait_for(lambda: operations(node.address, "shape.public.t") == wanted, "all changes")
        values = [value for _, value in payloads(node.address, "shape.public.t") if value is not None]
        assert [each["after"] for each in values] == [
            {"id": 1, "name": "one", "n": 5}, {"id": 1, "name": "uno", "n": 5}, None, {"id": 2, "name": "uno", "n": 5},
            None, None,
        ]  # fmt: skip
        assert values[2]["before"] == {"id": 1, "name": "", "n": None}
        source = values[1]["source"]
        assert (source["connector"], source["name"], source["db"], source["schema"], source["table"]) == (
            "postgresql", "shape", "shape", "public", "t",
        )  # fmt: skip
        assert [each["source"]["snapshot"] for each in values[:2]] == ["last", "false"]
        assert source["ts_us"] // 1000 == source["ts_ms"]
        schema = json.loads(records_of(node.address, "shape.public.t")[0][1] or b"")["schema"]
        assert schema["name"] == "shape.public.t.Envelope"
        assert [each["field"] for each in schema["fields"]] == [
            "before", "after", "source", "transaction", "op", "ts_ms", "ts_us", "ts_ns",
        ]  # fmt: skip
        wait_for(lambda: operations(node.address, "shape.message") == ["m"], "the message")
        statuses = [value["status"] for _, value in payloads(node.address, "shape.transaction")]
        assert statuses[:4] == ["BEGIN", "END", "BEGIN", "END"]
        assert not records_of(node.address, "shape.public.left_out")
        wait_for(lambda: "the replication slot slot_shape keeps" in worker.output, "the slot is warned of")
        lag = 'ottla_connect_cdc_slot_lag_bytes{connector="shape",task="0"}'
        wait_for(lambda: lag in scraped(worker), "the lag of the slot is told")
        assert worker.ask("DELETE", "/connectors/shape").status == 204


@pytest.mark.long
def test_a_snapshot_on_demand_beside_the_stream(
    node: NodeProcess, postgres: PostgresServer, worker: OttlaConnect
) -> None:
    """Asked for by a topic; what it tells of itself goes to another."""
    topic = "demand.public.items"
    with closing(postgres.database("demand")) as db, closing(postgres.connect("demand")) as other:
        create_items(db, rows=300)
        db.execute("CREATE TABLE signals (id text PRIMARY KEY, type text, data text)")
        config = postgres.config("demand", decimal_handling_mode="string", snapshot_mode="no_data") | {
            "signal.data.collection": "public.signals",
            "incremental.snapshot.chunk.size": "37",
            "signal.enabled.channels": "kafka",
            "signal.kafka.bootstrap.servers": node.address,
            "notification.enabled.channels": "sink,log",
            "notification.sink.topic.name": "demand-notices",
        }
        start(worker, "demand", config)
        active = "SELECT active FROM pg_replication_slots WHERE slot_name = 'slot_demand'"
        wait_for(lambda: (db.execute(active).fetchone() or [False])[0], "the stream begins")
        db.execute("UPDATE items SET name = 'seen' WHERE id = 300")
        wait_for(lambda: operations(node.address, topic) == ["u"], "the stream has begun")
        with Writer(other, seed=8):
            asked = {"data-collections": ["public.items"], "type": "incremental"}
            db.execute("INSERT INTO signals VALUES ('no', 'execute-snapshot', %s)", (json.dumps(asked),))
            send_signal(node, "somebody", {"id": "other", "type": "execute-snapshot", "data": asked})
            send_signal(node, "demand", {"id": "hello", "type": "log", "data": {"message": "are you there?"}})
            send_signal(node, "demand", {"id": "ask", "type": "execute-snapshot", "data": asked})
            wait_for(lambda: operations(node.address, topic).count("r") > 100, "chunks come")
            (pid,) = tasks_of(worker)
            os.kill(pid, signal.SIGKILL)
            closes = "SELECT count(*) FROM signals WHERE type = 'snapshot-window-close'"
            wait_for(lambda: db.execute(closes).fetchone()[0] >= 9, "the chunks are read")
        wait_until_equal(node, db, topic)
        assert not records_of(node.address, "demand.public.signals")
        assert "a signal says: are you there?" in worker.output
        wait_for(lambda: notices(node, "demand-notices")[-1:] == [("ask", "COMPLETED")], "it is complete")
        told = notices(node, "demand-notices")
        assert told[1:2] == [("ask", "STARTED")], told
        assert {("ask", "IN_PROGRESS"), ("ask", "TABLE_SCAN_COMPLETED")} < set(told)
        assert "SKIPPED" in told[0]
        before = len(operations(node.address, topic))
        send_signal(node, "demand", blocking("SELECT nonsense"))
        wait_for(lambda: "a blocking snapshot ends" in worker.output, "the statement is wrong")
        send_signal(node, "demand", blocking("SELECT * FROM public.items WHERE id < 0;"))
        wait_for(lambda: len(operations(node.address, topic)) > before, "the stream waits for a snapshot")
        db.execute("UPDATE items SET name = 'behind' WHERE id = -1")
        wait_for(lambda: operations(node.address, topic)[before:] == ["r", "u"], "the stream goes on")
        ((_, row),) = payloads(node.address, topic)[before:-1]
        assert (row["after"]["id"], row["source"]["snapshot"]) == (-1, "last")
        assert worker.ask("DELETE", "/connectors/demand").status == 204


def blocking(statement: str) -> object:
    conditions = [{"data-collection": "public.items", "filter": statement}]
    data = {"data-collections": ["public.items"], "type": "blocking", "additional-conditions": conditions}
    return {"id": "wait", "type": "execute-snapshot", "data": data}


def send_signal(node: NodeProcess, key: str, value: object) -> None:
    producer = confluent_kafka.Producer({"bootstrap.servers": node.address})
    producer.produce("demand-signal", json.dumps(value), key, partition=0)
    assert producer.flush(30) == 0


def notices(node: NodeProcess, topic: str) -> list[tuple[str, str]]:
    return [(value["id"], value["type"]) for _, value in payloads(node.address, topic)]


def test_what_is_wrong_is_said(node: NodeProcess, postgres: PostgresServer, worker: OttlaConnect) -> None:
    with closing(postgres.database("wrong")) as db:
        db.execute("CREATE TABLE t (id int PRIMARY KEY)")
        db.execute("CREATE ROLE modest LOGIN")

        def errors(**others: str) -> dict[str, list[str]]:
            path = "/connector-plugins/PostgresConnector/config/validate"
            body = worker.ask("PUT", path, postgres.config("wrong", name="wrong", **others)).body
            return {
                each["value"]["name"]: each["value"]["errors"] for each in body["configs"] if each["value"]["errors"]
            }

        assert errors() == {}
        found = errors(table_include_list="(", snapshot_mode="now", slot_name="Upper")
        assert set(found) == {"table.include.list", "snapshot.mode", "slot.name"}
        both = errors(table_include_list="a", table_exclude_list="b")
        assert set(both) == {"table.exclude.list"}
        (text,) = errors(database_user="modest")["database.hostname"]
        assert "REPLICATION" in text
        (text,) = errors(database_dbname="nowhere")["database.hostname"]
        assert "database.dbname" in text
        (text,) = errors(database_port="1")["database.hostname"]
        assert "127.0.0.1:1" in text
        start(worker, "wrong", postgres.config("wrong", publication_autocreate_mode="disabled"))
        status = wait_for(lambda: _trace(worker, "wrong"), "the task fails")
        assert "there is no publication dbz_publication" in status
        assert worker.ask("DELETE", "/connectors/wrong").status == 204


@pytest.mark.long
def test_a_slot_that_is_gone_is_not_passed_over(
    node: NodeProcess, postgres: PostgresServer, worker: OttlaConnect
) -> None:
    topic = "gone.public.items"
    with closing(postgres.database("gone")) as db:
        create_items(db, rows=3)
        config = postgres.config("gone", decimal_handling_mode="string", heartbeat_interval_ms="300")
        start(worker, "gone", config)
        wait_for(lambda: len(operations(node.address, topic)) == 3, "the snapshot")
        wait_for(lambda: records_of(node.address, "__debezium-heartbeat.gone"), "a heartbeat")
        assert worker.ask("PUT", "/connectors/gone/stop").status == 204
        idle = "FROM pg_replication_slots WHERE slot_name = 'slot_gone' AND NOT active"
        drop = f"SELECT pg_drop_replication_slot(slot_name) {idle}"
        wait_for(lambda: db.execute(drop).fetchone(), "the slot is dropped")
        db.execute("DELETE FROM items WHERE id = 2")
        assert worker.ask("PUT", "/connectors/gone/resume").status == 202
        assert "are lost" in wait_for(lambda: _trace(worker, "gone"), "the task fails")
        assert worker.ask("PUT", "/connectors/gone/config", config | {"snapshot.mode": "when_needed"}).status == 200
        wait_for(lambda: len(operations(node.address, topic)) == 5, "a new snapshot")
        assert worker.ask("DELETE", "/connectors/gone").status == 204


def _trace(worker: OttlaConnect, connector: str) -> str:
    tasks = worker.ask("GET", f"/connectors/{connector}/status").body["tasks"]
    return "".join(task.get("trace", "") for task in tasks)
