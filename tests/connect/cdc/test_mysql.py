"""Capturing a real MySQL or MariaDB: a table rebuilt from its topic is the table, whatever happens meanwhile."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from tests.connect.cdc.captured_server import (
    PASSWORD,
    USER,
    Captured,
    CapturedMariaDb,
    CapturedMysql,
    ask,
    capture_config,
    connected,
    new_database,
    numbered,
)
from tests.connect.cdc.rebuilt import is_created, operations, rebuilt
from tests.connect.test_crashes import SETTINGS, tasks_of
from tests.peers.connect import OttlaConnect
from tests.peers.process import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.peers.process import NodeProcess

pytestmark = [pytest.mark.long, pytest.mark.timeout(280)]


KINDS = pytest.mark.parametrize("kind", [CapturedMysql, CapturedMariaDb], ids=["mysql", "mariadb"])
ITEMS = "CREATE TABLE items (id int PRIMARY KEY, name text, amount decimal(20,6) NOT NULL)"


def fill(connection: Any, count: int) -> None:
    ask(connection, "INSERT INTO items " + numbered(count, "n, concat('row ', n), n"))


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


@KINDS
def test_a_table_is_rebuilt_after_kills_and_changes_of_its_schema(
    node: NodeProcess, tmp_path: Path, kind: type[Captured]
) -> None:
    database = f"killed_{kind.name.lower()}"
    topic = f"{database}.{database}.items"
    with (
        kind() as server,
        closing(new_database(server, database)) as db,
        OttlaConnect(tmp_path, node.address, SETTINGS) as worker,
    ):
        ask(db, ITEMS)
        fill(db, 500)
        ask(db, "CREATE TABLE signals (id varchar(80) PRIMARY KEY, type varchar(80), data text)")
        config = capture_config(server, database, decimal_handling_mode="string", snapshot_fetch_size="50")
        config |= {"signal.data.collection": f"{database}.signals", "incremental.snapshot.chunk.size": "41"}
        stop, counts, failures = threading.Event(), [0], []  # type: ignore[var-annotated]
        with closing(connected(server, database)) as other:
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
            asked = json.dumps({"data-collections": [f"{database}.items"], "type": "incremental"})
            ask(db, "INSERT INTO signals VALUES ('ask', 'execute-snapshot', %s)", (asked,))
            closes = "SELECT count(*) FROM signals WHERE type = 'snapshot-window-close'"
            wait_for(lambda: ask(db, closes)[0][0] >= 5, "chunks are read")
            stop.set()
            thread.join()
        assert not failures, failures
        assert_rebuilt(node, db, topic, "note")
        before = len(operations(node.address, topic))
        filters = [{"data-collection": f"{database}.items", "filter": f"SELECT * FROM {database}.items WHERE id < 0"}]
        blocking = {"data-collections": [f"{database}.items"], "type": "blocking", "additional-conditions": filters}
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


def replicate(replica: Captured, primary: Captured) -> None:
    with closing(connected(replica)) as db:
        if isinstance(replica, CapturedMysql):
            ask(db, "RESET BINARY LOGS AND GTIDS")
            statement = (
                "CHANGE REPLICATION SOURCE TO source_host = '127.0.0.1', source_port = %s, source_user = %s, "
                "source_password = %s, source_auto_position = 1, get_source_public_key = 1"
            )
        else:
            ask(db, "RESET MASTER")
            ask(db, "SET GLOBAL gtid_slave_pos = ''")
            statement = (
                "CHANGE MASTER TO master_host = '127.0.0.1', master_port = %s, master_user = %s, "
                "master_password = %s, master_use_gtid = slave_pos"
            )
        ask(db, statement, (primary.port, USER, PASSWORD))
        ask(db, f"START {word_for_replica(replica)}")


def word_for_replica(server: Captured) -> str:
    return "REPLICA" if isinstance(server, CapturedMysql) else "SLAVE"


@KINDS
def test_a_replica_that_was_promoted_goes_on_without_a_snapshot(
    node: NodeProcess, tmp_path: Path, kind: type[Captured]
) -> None:
    database = f"failed_{kind.name.lower()}"
    topic = f"{database}.{database}.items"
    replica, primary = kind({"server-id": "2", "log-slave-updates": "ON"}), kind()
    with primary, replica, OttlaConnect(tmp_path, node.address, SETTINGS) as worker:
        replicate(replica, primary)
        with closing(new_database(primary, database)) as db, closing(connected(primary, database)) as other:
            ask(db, ITEMS)
            fill(db, 200)
            config = capture_config(primary, database, decimal_handling_mode="string", heartbeat_interval_ms="300")
            with written(other, 5001) as counts:
                start(worker, "failed", config)
                wait_for(lambda: "c" in operations(node.address, topic), "the stream has begun")
                assert worker.ask("PUT", "/connectors/failed/stop").status == 204
                wait_for(lambda: not tasks_of(worker), "the task ends")
                snapshot = operations(node.address, topic).count("r")
                done = counts[0]
                wait_for(lambda: counts[0] > done + 50, "more is written")
            variable = "gtid_executed" if isinstance(primary, CapturedMysql) else "gtid_binlog_pos"
            ((end,),) = ask(db, f"SELECT @@GLOBAL.{variable}")
        with closing(connected(replica)) as db:
            wait = "WAIT_FOR_EXECUTED_GTID_SET" if isinstance(primary, CapturedMysql) else "master_gtid_wait"
            assert ask(db, f"SELECT {wait}(%s, 60)", (end,)) == ((0,),)
            primary.kill()
            ask(db, f"STOP {word_for_replica(replica)}")
            ask(db, f"RESET {word_for_replica(replica)} ALL")
            ask(db, f"USE {database}")
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
