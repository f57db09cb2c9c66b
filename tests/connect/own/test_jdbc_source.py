"""Rows of SQLite as records: every mode, every type, tables that come, rows that are none, and what is refused."""

from __future__ import annotations

import datetime
import sqlite3
from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from tests.connect.own.tasks import Source, StoredOffsets, errors_of
from tests.peers.process import wait_for

from ottla.connect.api.errors import ConnectError
from ottla.connect.connectors.jdbc.database import url_of
from ottla.connect.connectors.jdbc.source import JdbcSourceConnector
from ottla.connect.connectors.jdbc.source_config import CONFIG
from ottla.connect.data.struct import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

UTC = datetime.UTC


class Sqlite:
    def __init__(self, directory: Path) -> None:
        self.file = directory / "db"

    def run(self, statement: str, rows: Iterable[tuple[Any, ...]] | None = None) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.file, timeout=30)) as connection, connection:
            if rows is not None:
                connection.executemany(statement, rows)
                return []
            return connection.execute(statement).fetchall()

    def props(self, **more: object) -> dict[str, object]:
        base = {"connection.url": f"jdbc:sqlite:{self.file}", "topic.prefix": "db-", "poll.interval.ms": 10}
        return base | {key.replace("_", "."): value for key, value in more.items()}


@pytest.fixture
def sqlite(tmp_path: Path) -> Sqlite:
    return Sqlite(tmp_path)


def field(records: Iterable[Any], name: str) -> list[Any]:
    return [record.value[name] for record in records]


def test_incrementing(sqlite: Sqlite) -> None:
    sqlite.run("CREATE TABLE t (id INTEGER PRIMARY KEY NOT NULL, name TEXT)")
    sqlite.run("INSERT INTO t VALUES (?, ?)", [(number, f"n{number}") for number in range(1, 251)])
    source = Source(JdbcSourceConnector, sqlite.props(mode="incrementing"))
    first = source.take(250)
    assert field(first, "id") == list(range(1, 251))
    assert {record.topic for record in first} == {"db-t"}
    assert first[-1].source_partition == {"protocol": "1", "table": "t"}
    assert first[-1].source_offset == {"incrementing": 250}
    sqlite.run("INSERT INTO t VALUES (?, ?)", [(300, "x"), (299, None)])
    assert field(source.take(2), "name") == [None, "x"]
    source.stop()
    sqlite.run("INSERT INTO t VALUES (301, 'y')")
    again = Source(JdbcSourceConnector, sqlite.props(mode="incrementing"), source.offsets)
    assert field(again.take(1), "id") == [301]
    again.stop()


def test_bulk_reads_all_each_time(sqlite: Sqlite) -> None:
    sqlite.run("CREATE TABLE t (id INTEGER)")
    sqlite.run("INSERT INTO t VALUES (?)", [(number,) for number in range(230)])
    source = Source(JdbcSourceConnector, sqlite.props(mode="bulk"))
    numbers = field(source.take(460), "id")
    assert numbers == [*range(230), *range(230)]
    source.stop()


def test_timestamps_are_read_once_and_never_passed_over(sqlite: Sqlite) -> None:
    """A batch that ends amid rows of one time: its offset is before that time, so a restart reads all of it again."""
    sqlite.run("CREATE TABLE t (id INTEGER, at TIMESTAMP NOT NULL)")
    times = ["2020-01-01 00:00:00"] * 3 + ["2020-01-01 00:00:01"] * 150 + ["2020-01-01 00:00:02.5"]
    sqlite.run("INSERT INTO t VALUES (?, ?)", list(enumerate(times)))
    props = sqlite.props(mode="timestamp") | {"timestamp.column.name": "at"}
    source = Source(JdbcSourceConnector, props)
    first = source.poll()
    assert field(first, "id") == list(range(100))
    assert first[-1].source_offset == {"timestamp": 1577836800000, "timestamp_nanos": 0}
    rest = source.take(54)
    assert field(rest, "id") == list(range(100, 154))
    assert rest[-1].source_offset == {"timestamp": 1577836802500, "timestamp_nanos": 500_000_000}
    assert rest[-1].value["at"] == datetime.datetime(2020, 1, 1, 0, 0, 2, 500_000, UTC)  # type: ignore[index]
    sqlite.run("INSERT INTO t VALUES (?, ?)", [(200, "2020-01-01 00:00:02.4"), (201, "2020-01-01 00:00:03")])
    assert field(source.take(1), "id") == [201]
    source.stop()
    offsets = StoredOffsets()
    offsets.store(first[-1])
    again = Source(JdbcSourceConnector, props, offsets)
    assert sorted(field(again.take(153), "id")) == [*range(3, 154), 200, 201]
    again.stop()


def test_rows_of_the_future_and_of_just_now_wait(sqlite: Sqlite) -> None:
    sqlite.run("CREATE TABLE t (id INTEGER, at TIMESTAMP NOT NULL)")
    sqlite.run("INSERT INTO t VALUES (1, datetime('now', '-1 hour')), (2, datetime('now', '-10 minutes'))")
    sqlite.run("INSERT INTO t VALUES (3, datetime('now', '+1 hour'))")
    props = sqlite.props(mode="timestamp") | {"timestamp.column.name": "at"}
    source = Source(JdbcSourceConnector, props | {"timestamp.delay.interval.ms": 30 * 60 * 1000})
    assert field(source.poll(), "id") == [1]
    assert source.poll() == []
    source.stop()
    source = Source(JdbcSourceConnector, props | {"timestamp.initial": -1})
    assert source.poll() == []
    source.stop()


def test_timestamp_and_incrementing(sqlite: Sqlite) -> None:
    sqlite.run("CREATE TABLE t (id INTEGER PRIMARY KEY NOT NULL, made TIMESTAMP, changed TIMESTAMP)")
    sqlite.run("INSERT INTO t VALUES (?, ?, NULL)", [(number, "2020-01-01 00:00:00") for number in range(1, 121)])
    props = sqlite.props(mode="timestamp+incrementing") | {"validate.non.null": "false"}
    props |= {"timestamp.column.name": "changed,made", "incrementing.column.name": "id"}
    source = Source(JdbcSourceConnector, props)
    first = source.poll()
    assert first[-1].source_offset == {"incrementing": 100, "timestamp": 1577836800000, "timestamp_nanos": 0}
    source.stop()
    again = Source(JdbcSourceConnector, props, source.offsets)
    assert field(again.take(20), "id") == list(range(101, 121))
    sqlite.run("UPDATE t SET changed = '2020-01-02 00:00:00' WHERE id IN (5, 7)")
    assert field(again.take(2), "id") == [5, 7]
    again.stop()


def test_a_window_of_one_time_grows(sqlite: Sqlite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ottla.connect.connectors.jdbc.querier.WINDOW_ROWS", 10)
    sqlite.run("CREATE TABLE t (id INTEGER, at TIMESTAMP NOT NULL)")
    times = ["2020-01-01 00:00:00"] * 5 + ["2020-01-01 00:00:01"] * 37 + ["2020-01-01 00:00:02"] * 4
    sqlite.run("INSERT INTO t VALUES (?, ?)", list(enumerate(times)))
    source = Source(JdbcSourceConnector, sqlite.props(mode="timestamp") | {"timestamp.column.name": "at"})
    assert field(source.take(46), "id") == list(range(46))
    assert source.poll() == []
    source.stop()


def test_a_query(sqlite: Sqlite) -> None:
    sqlite.run("CREATE TABLE a (id INTEGER, name TEXT)")
    sqlite.run("CREATE TABLE b (id INTEGER, price REAL)")
    sqlite.run("INSERT INTO a VALUES (1, NULL), (2, 'two'), (3, 'a:b')")
    sqlite.run("INSERT INTO b VALUES (1, 1.5), (2, NULL), (3, 3)")
    query = "SELECT a.id, a.name, b.price, 'x:y' AS colon FROM a JOIN b ON a.id = b.id WHERE a.id < 10"
    props = sqlite.props(mode="incrementing", query=query) | {
        "incrementing.column.name": "id",
        "topic.prefix": "joined",
    }
    source = Source(JdbcSourceConnector, props)
    records = source.take(3)
    assert field(records, "price") == [1.5, None, 3.0]
    assert field(records, "colon") == ["x:y"] * 3
    assert (records[0].topic, records[0].source_partition) == ("joined", {"query": "query"})
    sqlite.run("INSERT INTO a VALUES (4, 'four')")
    sqlite.run("INSERT INTO b VALUES (4, 4.5)")
    assert field(source.take(1), "name") == ["four"]
    source.stop()
    bulk = Source(JdbcSourceConnector, sqlite.props(mode="bulk", query="SELECT 7 AS n") | {"query.suffix": "LIMIT 1"})
    assert field(bulk.take(1), "n") == [7]
    bulk.stop()


def test_types(sqlite: Sqlite) -> None:
    sqlite.run(
        "CREATE TABLE t (i INTEGER NOT NULL, b BOOLEAN, r REAL, n NUMERIC(10, 2), s VARCHAR(5), x BLOB, d DATE, "
        "c TIME, at TIMESTAMP)"
    )
    sqlite.run(
        "INSERT INTO t VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (1 << 40, 1, 0.5, "12.5", "text", b"\0", "2020-02-29", "12:30:00.000000", "2020-01-01 00:00:00"),
            (-1, None, None, None, None, None, None, None, None),
        ],
    )
    source = Source(JdbcSourceConnector, sqlite.props(mode="bulk") | {"db.timezone": "Europe/Berlin"})
    row, empty = (record.value for record in source.take(2)[:2])
    assert isinstance(row, Struct)
    assert isinstance(empty, Struct)
    at = datetime.datetime(2019, 12, 31, 23, tzinfo=UTC)
    day = datetime.date(2020, 2, 29)
    assert row.values == [1 << 40, True, 0.5, Decimal("12.50"), "text", b"\0", day, datetime.time(12, 30), at]
    assert str(row.values[3]) == "12.50"
    assert empty.values == [-1] + [None] * 8
    row.validate()
    assert [field.schema.optional for field in row.schema.fields] == [False] + [True] * 8
    assert row.schema.name == "t"
    source.stop()


@pytest.mark.parametrize(
    ("column", "value"), [("INTEGER", "'abc'"), ("NUMERIC(10, 1)", "1.25"), ("INTEGER NOT NULL", "1.5")]
)
def test_a_value_that_is_none_of_its_columns_fails_the_task(sqlite: Sqlite, column: str, value: str) -> None:
    sqlite.run(f"CREATE TABLE t (v {column})")
    sqlite.run(f"INSERT INTO t VALUES ({value})")
    source = Source(JdbcSourceConnector, sqlite.props(mode="bulk"))
    with pytest.raises(ConnectError, match="A row of table t is no record: The column v"):
        source.poll()
    source.stop()


def test_tables_are_chosen_divided_and_looked_for(sqlite: Sqlite) -> None:
    for name in ("a", "b", "c"):
        sqlite.run(f"CREATE TABLE {name} (id INTEGER)")
    sqlite.run("CREATE VIEW v AS SELECT * FROM a")
    props = sqlite.props(mode="bulk") | {"table.poll.interval.ms": 20}
    source = Source(JdbcSourceConnector, props)
    assert [config["tables"] for config in source.connector.task_configs(2)] == ["a,c", "b"]
    assert len(source.connector.task_configs(5)) == 3
    sqlite.run("CREATE TABLE d (id INTEGER)")
    wait_for(lambda: source.context.reconfigured, "the new table is found")
    assert [config["tables"] for config in source.connector.task_configs(1)] == ["a,b,c,d"]
    source.stop()

    def tables(**more: str) -> str:
        found = Source(JdbcSourceConnector, props | {key.replace("_", "."): text for key, text in more.items()})
        found.stop()
        return found.task_configs[0]["tables"]

    assert tables(table_whitelist="b,d,nope") == "b,d"
    assert tables(table_blacklist="b,d") == "a,c"
    assert tables(table_types="VIEW") == "v"


def test_columns_that_cannot_tell_what_is_new_are_refused(sqlite: Sqlite) -> None:
    sqlite.run("CREATE TABLE t (id INTEGER, at TIMESTAMP)")
    for props in (
        {"mode": "incrementing", "incrementing.column.name": "id"},
        {"mode": "timestamp", "timestamp.column.name": "at"},
    ):
        source = Source(JdbcSourceConnector, sqlite.props() | props)
        with pytest.raises(ConnectError, match="may be null"):
            source.poll()
        source.stop()
    source = Source(JdbcSourceConnector, sqlite.props(mode="incrementing"))
    with pytest.raises(ConnectError, match="set incrementing"):
        source.poll()
    source = Source(JdbcSourceConnector, sqlite.props(mode="incrementing") | {"incrementing.column.name": "nope"})
    with pytest.raises(ConnectError, match="no column nope; it has id, at"):
        source.poll()


def test_a_table_that_goes_fails_the_task_and_names_it(sqlite: Sqlite) -> None:
    sqlite.run("CREATE TABLE t (id INTEGER PRIMARY KEY NOT NULL)")
    source = Source(JdbcSourceConnector, sqlite.props(mode="incrementing"))
    assert source.poll() == []
    sqlite.run("DROP TABLE t")
    with pytest.raises(ConnectError, match="table t cannot be read: no such table"):
        source.take(1)
    source.stop()


def test_a_database_that_is_not_there(tmp_path: Path) -> None:
    props = {"connection.url": f"jdbc:sqlite:{tmp_path}/no/db", "topic.prefix": "t", "mode": "bulk"}
    with pytest.raises(ConnectError, match="cannot be reached: unable to open"):
        Source(JdbcSourceConnector, props | {"connection.attempts": 2, "connection.backoff.ms": 1})


def test_wrong_configurations_name_the_key(tmp_path: Path) -> None:
    good = {"connection.url": "sqlite://", "mode": "bulk", "topic.prefix": "t"}
    assert errors_of(JdbcSourceConnector, good) == {}
    for key in good:
        assert list(errors_of(JdbcSourceConnector, {name: text for name, text in good.items() if name != key})) == [key]
    for key, value in {
        "mode": "sometimes",
        "connection.url": "nonsense",
        "db.timezone": "Mars/Olympus",
        "poll.interval.ms": "-1",
        "batch.max.rows": "0",
        "table.types": "SYNONYM",
        "numeric.mapping": "round",
        "timestamp.granularity": "years",
    }.items():
        assert list(errors_of(JdbcSourceConnector, good | {key: value})) == [key], key
    assert list(errors_of(JdbcSourceConnector, good | {"connection.url": "jdbc:db9:x"})) == ["connection.url"]
    assert list(errors_of(JdbcSourceConnector, good | {"connection.url": "nosuch://h/d"})) == ["connection.url"]
    assert list(errors_of(JdbcSourceConnector, good | {"mode": "timestamp"})) == ["timestamp.column.name"]
    query = good | {"mode": "incrementing", "query": "select 1"}
    assert list(errors_of(JdbcSourceConnector, query)) == ["incrementing.column.name"]
    assert list(errors_of(JdbcSourceConnector, good | {"query": "select 1", "table.whitelist": "t"})) == ["query"]
    both = good | {"table.blacklist": "a", "table.whitelist": "t"}
    assert list(errors_of(JdbcSourceConnector, both)) == ["table.blacklist"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("jdbc:sqlite:/a/b.db", "sqlite:////a/b.db"),
        ("jdbc:sqlite:b.db", "sqlite:///b.db"),
        ("sqlite:///b.db", "sqlite:///b.db"),
    ],
)
def test_urls_of_jdbc(text: str, shown: str) -> None:
    config = CONFIG.parse({"connection.url": text, "mode": "bulk", "topic.prefix": "t"})
    assert url_of(config).render_as_string(hide_password=False).replace("+pysqlite", "") == shown
