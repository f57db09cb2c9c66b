"""Capturing a real MariaDB: a table rebuilt from its topic is the table, whatever happens meanwhile."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from tests.connect.cdc.captured_mariadb import PASSWORD, USER, CapturedMariaDb
from tests.connect.cdc.rebuilt import is_created, operations, payloads, rebuilt
from tests.connect.test_crashes import SETTINGS, tasks_of
from tests.peers.connect import OttlaConnect
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.peers.process import NodeProcess

pytestmark = [pytest.mark.long, pytest.mark.timeout(280)]


@pytest.fixture(scope="module")
def mariadb() -> Iterator[CapturedMariaDb]:
    pytest.importorskip("pymysqlreplication")
    with CapturedMariaDb() as server:
        yield server


def ask(connection: Any, sql: str, parameters: Any = None) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def start(worker: OttlaConnect, name: str, config: dict[str, str]) -> None:
    answer = worker.ask("PUT", f"/connectors/{name}/config", config)
    assert answer.status == 201, answer.body


PASSING = (1205, 1213, 1412)
"""A deadlock, a lock that is not there in time, a table that has changed: the transaction is rolled back."""


def write(
    connection: Any, stop: threading.Event, counts: list[int], failures: list[BaseException], first: int = 5001
) -> None:
    """Changes rows at random until it is told to stop; counts transactions. New rows are numbered from `first`."""
    import pymysql

    draw = random.Random(9)
    following = iter(range(first, 1_000_000))
    try:
        while not stop.wait(0.004):  # at most so fast: the log is to be read while it is written
            connection.begin()
            try:
                for _ in range(draw.randint(1, 6)):
                    change(connection, draw, next(following))
            except pymysql.err.OperationalError as error:
                if error.args[0] not in PASSING:
                    raise
                connection.rollback()
                continue
            if draw.random() < 0.1:
                connection.rollback()
            else:
                connection.commit()
                counts[0] += 1
    except BaseException as error:
        failures.append(error)


def change(connection: Any, draw: random.Random, following: int) -> None:
    kind, row = draw.random(), draw.randint(1, following)
    if kind < 0.5:
        ask(connection, "INSERT INTO items (id, name, amount) VALUES (%s, %s, %s)", (following, "x" * 50, kind))
    elif kind < 0.75:
        ask(connection, "UPDATE items SET amount = amount + 1 WHERE id >= %s ORDER BY id LIMIT 3", (row,))
    elif kind < 0.85:
        ask(connection, "UPDATE items SET id = %s WHERE id >= %s ORDER BY id LIMIT 1", (following, row))
    else:
        ask(connection, "DELETE FROM items WHERE id >= %s ORDER BY id LIMIT 2", (row,))


def assert_rebuilt(node: NodeProcess, db: Any, topic: str, *more: str) -> None:
    """Every row, and no other; `more` are columns beside those of all tables here."""
    ask(db, "INSERT INTO items (id, name, amount) VALUES (-1, 'the last', 0)")
    wait_for(lambda: is_created(node.address, topic, {"id": -1}), "the last row has come", 120)
    rows = ask(db, f"SELECT {', '.join(('id', 'name', 'CAST(amount AS char)', *more))} FROM items")
    expected = {json.dumps({"id": row[0]}): row for row in rows}
    names = ("id", "name", "amount", *more)
    told = {key: tuple(row.get(name) for name in names) for key, row in rebuilt(node.address, topic).items()}
    differing = {key for key in expected.keys() | told.keys() if expected.get(key) != told.get(key)}
    assert not differing, [(told.get(key), expected.get(key)) for key in sorted(differing)[:3]]


def test_a_table_is_rebuilt_after_kills_and_changes_of_its_schema(
    node: NodeProcess, mariadb: CapturedMariaDb, tmp_path: Path
) -> None:
    topic = "killed_m.killed_m.items"
    with closing(mariadb.database("killed_m")) as db, OttlaConnect(tmp_path, node.address, SETTINGS) as worker:
        ask(db, "CREATE TABLE items (id int PRIMARY KEY, name text, amount decimal(20,6) NOT NULL)")
        ask(db, "INSERT INTO items SELECT seq, concat('row ', seq), seq FROM seq_1_to_500")
        ask(db, "CREATE TABLE signals (id varchar(80) PRIMARY KEY, type varchar(80), data text)")
        config = mariadb.config("killed_m", decimal_handling_mode="string", snapshot_fetch_size="50")
        config |= {"signal.data.collection": "killed_m.signals", "incremental.snapshot.chunk.size": "41"}
        stop, counts, failures = threading.Event(), [0], []  # type: ignore[var-annotated]
        with closing(mariadb.connect("killed_m")) as other:
            thread = threading.Thread(target=write, args=(other, stop, counts, failures))
            thread.start()
            start(worker, "killed", config)
            wait_for(lambda: "c" in operations(node.address, topic), "the stream has begun")
            for column in ("seen", "note"):
                (pid,) = wait_for(lambda: tasks_of(worker), "the task lives")
                os.kill(pid, signal.SIGKILL)
                ask(db, f"ALTER TABLE items ADD COLUMN {column} varchar(10)")
                ask(db, f"UPDATE items SET {column} = 'new' WHERE id % 3 = 0")
                done = counts[0]
                wait_for(lambda done=done: failures or counts[0] > done + 20, "more is written")  # type: ignore[misc]
            worker.kill()
            ask(db, "ALTER TABLE items DROP COLUMN seen")
            ask(db, "FLUSH BINARY LOGS")
            worker.start()
            start(worker, "killed", config)
            asked = json.dumps({"data-collections": ["killed_m.items"], "type": "incremental"})
            ask(db, "INSERT INTO signals VALUES ('ask', 'execute-snapshot', %s)", (asked,))
            closes = "SELECT count(*) FROM signals WHERE type = 'snapshot-window-close'"
            wait_for(lambda: ask(db, closes)[0][0] >= 5, "chunks are read")
            stop.set()
            thread.join()
        assert not failures, failures
        assert_rebuilt(node, db, topic, "note")
        before = len(operations(node.address, topic))
        filters = [{"data-collection": "killed_m.items", "filter": "SELECT * FROM killed_m.items WHERE id < 0"}]
        blocking = {"data-collections": ["killed_m.items"], "type": "blocking", "additional-conditions": filters}
        ask(db, "INSERT INTO signals VALUES ('wait', 'execute-snapshot', %s)", (json.dumps(blocking),))
        wait_for(lambda: len(operations(node.address, topic)) > before, "the stream waits for a snapshot")
        ask(db, "UPDATE items SET name = 'behind' WHERE id = -1")
        wait_for(lambda: operations(node.address, topic)[before:] == ["r", "u"], "the stream goes on")
        assert {"r", "c", "u", "d", "-"} <= set(operations(node.address, topic))


@contextmanager
def written(connection: Any, first: int) -> Iterator[list[int]]:
    """Rows of `items` change meanwhile; how many transactions committed."""
    stop, counts, failures = threading.Event(), [0], []  # type: ignore[var-annotated]
    thread = threading.Thread(target=write, args=(connection, stop, counts, failures, first))
    thread.start()
    try:
        yield counts
    finally:
        stop.set()
        thread.join()
    assert not failures, failures


def replicate(replica: CapturedMariaDb, primary: CapturedMariaDb) -> None:
    with closing(replica.connect("test")) as db:
        ask(db, "RESET MASTER")
        ask(db, "SET GLOBAL gtid_slave_pos = ''")
        ask(
            db,
            "CHANGE MASTER TO master_host = '127.0.0.1', master_port = %s, master_user = %s, master_password = %s, "
            "master_use_gtid = slave_pos",
            (primary.port, USER, PASSWORD),
        )
        ask(db, "START SLAVE")


def test_a_replica_that_was_promoted_goes_on_without_a_snapshot(node: NodeProcess, tmp_path: Path) -> None:
    pytest.importorskip("pymysqlreplication")
    topic = "failed.failed.items"
    replica = CapturedMariaDb({"server-id": "2", "log-slave-updates": "ON"})
    with CapturedMariaDb() as primary, replica, OttlaConnect(tmp_path, node.address, SETTINGS) as worker:
        replicate(replica, primary)
        with closing(primary.database("failed")) as db, closing(primary.connect("failed")) as other:
            ask(db, "CREATE TABLE items (id int PRIMARY KEY, name text, amount decimal(20,6) NOT NULL)")
            ask(db, "INSERT INTO items SELECT seq, concat('row ', seq), seq FROM seq_1_to_200")
            config = primary.config("failed", decimal_handling_mode="string", heartbeat_interval_ms="300")
            with written(other, 5001) as counts:
                start(worker, "failed", config)
                wait_for(lambda: "c" in operations(node.address, topic), "the stream has begun")
                assert worker.ask("PUT", "/connectors/failed/stop").status == 204
                wait_for(lambda: not tasks_of(worker), "the task ends")
                snapshot = operations(node.address, topic).count("r")
                done = counts[0]
                wait_for(lambda: counts[0] > done + 50, "more is written")
            ((end,),) = ask(db, "SELECT @@gtid_binlog_pos")
        with closing(replica.connect("failed")) as db:
            assert ask(db, "SELECT master_gtid_wait(%s, 60)", (end,)) == ((0,),)
            primary.kill()
            ask(db, "STOP SLAVE")
            ask(db, "RESET SLAVE ALL")
            with written(db, 500_000) as counts:
                wait_for(lambda: counts[0] > 20, "the replica is written to")
                config |= {"database.port": str(replica.port)}
                assert worker.ask("PUT", "/connectors/failed/config", config).status == 200
                assert worker.ask("PUT", "/connectors/failed/resume").status == 202
                done = counts[0]
                wait_for(lambda: counts[0] > done + 20, "more is written")
            assert_rebuilt(node, db, topic)
            assert operations(node.address, topic).count("r") == snapshot
            assert "the stream of the binary log begins at GTID" in worker.output
            # The offsets of now are the replica's: the same server is found by file and position.
            (pid,) = tasks_of(worker)
            os.kill(pid, signal.SIGKILL)
            ask(db, "UPDATE items SET name = 'again' WHERE id = -1")
            wait_for(lambda: rebuilt(node.address, topic)['{"id": -1}']["name"] == "again", "it goes on")
            assert worker.output.count("the stream of the binary log begins at binlog.") >= 2


TYPES = """
    id int PRIMARY KEY, tiny tinyint unsigned, small smallint unsigned, medium mediumint, plain int unsigned,
    big bigint unsigned, exact decimal(10,3), single float, twice double, fixed char(5), named varchar(10) NOT NULL,
    long_text mediumtext, raw binary(4), blobs blob, day date, at time(3), moment datetime, fine datetime(6),
    stamp timestamp(3) NULL, y year, mood enum('sad','it''s ok'), colours set('red','green'), bits bit(10), flag bit(1),
    js json, latin varchar(10) CHARACTER SET latin1
"""
VALUES = (
    "1, 255, 65535, -8388608, 4294967295, 18446744073709551615, -123.456, 1.5, -2.25, 'ab', 'žluť', 'text', 'ab', "
    "X'00ff', '2026-11-29', '-10:11:12.5', '2026-11-29 10:11:12', '1000-01-01 00:00:00.000001', "
    "'2026-11-29 10:11:12.125', 2026, 'it''s ok', 'green,red', b'1000000001', b'1', '{\"a\": 1}', 'é'"
)
AFTER = {
    "id": 1, "tiny": 255, "small": 65535, "medium": -8388608, "plain": 4294967295, "big": -1, "exact": "-123.456",
    "single": 1.5, "twice": -2.25, "fixed": "ab", "named": "žluť", "long_text": "text", "raw": "YWIAAA==",
    "blobs": "AP8=", "day": 20786, "at": -36672500000, "moment": 1795947072000, "fine": -30610223999999999,
    "stamp": "2026-11-29T10:11:12.125Z", "y": 2026, "mood": "it's ok", "colours": "red,green", "bits": "AQI=",
    "flag": True, "js": '{"a": 1}', "latin": "é",
}  # fmt: skip


def test_rows_of_a_snapshot_and_of_the_stream_are_the_same(
    node: NodeProcess, mariadb: CapturedMariaDb, tmp_path: Path
) -> None:
    topic = "types_m.types_m.t"
    with closing(mariadb.database("types_m")) as db, OttlaConnect(tmp_path, node.address, SETTINGS) as worker:
        ask(db, "SET time_zone = '+00:00'")
        ask(db, f"CREATE TABLE t ({TYPES})")
        ask(db, f"INSERT INTO t VALUES ({VALUES})")
        config = mariadb.config("types_m", decimal_handling_mode="string", provide_transaction_metadata="true")
        start(worker, "types", config | {"skipped.operations": "none"})
        wait_for(lambda: operations(node.address, topic) == ["r"], "the snapshot")
        ask(db, "INSERT INTO t (id, named, colours) VALUES (2, '', '')")
        ask(db, f"INSERT INTO t VALUES ({VALUES.replace('1', '3', 1)})")
        ask(db, "TRUNCATE TABLE t")
        wait_for(lambda: operations(node.address, topic) == ["r", "c", "c", "t"], "the changes")
        values = [value for _, value in payloads(node.address, topic)]
        first, empty, third = (value["after"] for value in values[:3])
        assert third == first | {"id": 3}
        assert first == AFTER
        assert {name: value for name, value in empty.items() if value is not None} == {
            "id": 2, "named": "", "colours": "",
        }  # fmt: skip
        assert values[1]["source"]["gtid"].startswith("0-1-")
        assert values[1]["transaction"]["total_order"] == 1
        assert [value["ddl"] for _, value in payloads(node.address, "types_m")] == []
        ask(db, "ALTER TABLE t ADD COLUMN more int")
        wait_for(lambda: payloads(node.address, "types_m"), "the change of the schema")
        ((_, change),) = payloads(node.address, "types_m")
        assert change["ddl"] == "ALTER TABLE t ADD COLUMN more int"


def test_what_is_wrong_is_said(node: NodeProcess, mariadb: CapturedMariaDb, tmp_path: Path) -> None:
    with closing(mariadb.database("wrong_m")) as db, OttlaConnect(tmp_path, node.address, SETTINGS) as worker:

        def errors(**others: str) -> dict[str, list[str]]:
            path = "/connector-plugins/MariaDbConnector/config/validate"
            body = worker.ask("PUT", path, mariadb.config("wrong_m", name="wrong", **others)).body
            return {
                each["value"]["name"]: each["value"]["errors"] for each in body["configs"] if each["value"]["errors"]
            }

        assert errors() == {}
        assert "database.password" in errors(database_password="no")["database.hostname"][0]
        ask(db, "SET GLOBAL binlog_row_metadata = 'MINIMAL'")
        try:
            assert "binlog_row_metadata=FULL" in errors()["database.hostname"][0]
        finally:
            ask(db, "SET GLOBAL binlog_row_metadata = 'FULL'")
