"""Tables of PostgreSQL, MariaDB and MySQL, there and back, under writers, broken connections and refusals."""

from __future__ import annotations

import datetime
import shutil
import threading
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from tests.connect.own.tasks import Sink, Source
from tests.peers.mariadb import MariaDbServer
from tests.peers.mysql import MysqlServer
from tests.peers.postgres import PostgresServer

from ottla.connect.connectors.jdbc.sink import JdbcSinkConnector
from ottla.connect.connectors.jdbc.source import JdbcSourceConnector
from ottla.connect.data.schema import INT32_SCHEMA
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.long, pytest.mark.timeout(200)]
UTC = datetime.UTC


class Database:
    def __init__(self, url: str, jdbc: str) -> None:
        self.jdbc = jdbc
        self.engine = sa.create_engine(url)

    def run(self, statement: str, rows: list[dict[str, Any]] | None = None) -> list[tuple[Any, ...]]:
        with self.engine.begin() as connection:
            result = connection.execute(sa.text(statement), rows) if rows else connection.execute(sa.text(statement))
            return [tuple(row) for row in result] if result.returns_rows else []

    @property
    def is_postgres(self) -> bool:
        return self.engine.dialect.name == "postgresql"

    def source(self, offsets: Any = None, **more: Any) -> Source:
        props = {"connection.url": self.jdbc, "topic.prefix": "db-", "poll.interval.ms": 5}
        props |= {key.replace("_", "."): text for key, text in more.items()}
        return Source(JdbcSourceConnector, props, offsets)

    def sink(self, *, reports: Any = False, **more: Any) -> Sink:
        props = {"connection.url": self.jdbc, "auto.create": "true", "retry.backoff.ms": 1}
        props |= {key.replace("_", "."): text for key, text in more.items()}
        return Sink(JdbcSinkConnector, props, reports=reports)


@pytest.fixture(scope="module", params=["postgres", "mariadb", "mysql"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    if request.param == "postgres":
        with PostgresServer() as postgres:
            address = f"{postgres.address}/postgres"
            yield Database(f"postgresql+psycopg://postgres@{address}", f"jdbc:postgresql://{address}?user=postgres")
        return
    pytest.importorskip("pymysql")
    if request.param == "mysql":
        with MysqlServer() as mysql:
            address = f"{mysql.address}/test"
            yield Database(f"mysql+pymysql://root@{address}", f"jdbc:mysql://{address}?user=root")
        return
    if shutil.which("mariadbd") is None:
        pytest.skip("no MariaDB: apt install mariadb-server")
    with MariaDbServer() as mariadb:
        address = f"{mariadb.address}/test"
        yield Database(f"mysql+pymysql://root@{address}", f"jdbc:mariadb://{address}?user=root")


COLUMNS = {
    "i2": ("SMALLINT", -7),
    "i4": ("INTEGER", 1 << 30),
    "i8": ("BIGINT", 1 << 60),
    "f8": ("DOUBLE PRECISION", 0.1),
    "n": ("NUMERIC(20, 4)", Decimal("12345.6700")),
    "b": ("BOOLEAN", True),
    "s": ("VARCHAR(20)", "tëxt"),
    "t": ("TEXT", "line\nline"),
    "d": ("DATE", datetime.date(2020, 2, 29)),
    "c": ("TIME", datetime.time(12, 30, 1)),
}


def test_types_there_and_back(database: Database) -> None:
    binary = "BYTEA" if database.is_postgres else "BLOB"
    stamp = "TIMESTAMP" if database.is_postgres else "DATETIME(3)"
    columns = {name: kind for name, (kind, _) in COLUMNS.items()} | {"x": binary, "at": stamp}
    database.run(f"CREATE TABLE types (id INTEGER PRIMARY KEY, {', '.join(f'{n} {k}' for n, k in columns.items())})")
    at = datetime.datetime(2020, 1, 2, 3, 4, 5, 678_000)
    row: dict[str, Any] = {name: value for name, (_, value) in COLUMNS.items()} | {"x": b"\0\xff", "at": at}
    database.run(
        f"INSERT INTO types VALUES (:id, {', '.join(f':{name}' for name in columns)})",
        [{"id": 1, **row}, {"id": 2, **dict.fromkeys(columns)}],
    )
    source = database.source(mode="incrementing", table_whitelist="types")
    one, two = source.take(2)
    source.stop()
    assert isinstance(one.value, Struct)
    assert isinstance(two.value, Struct)
    one.value.validate()
    expected = row | {"id": 1, "at": at.replace(tzinfo=UTC)}
    got = {field.name: one.value.get(field) for field in one.value.schema.fields}
    assert {name: got[name] for name in expected if name != "c"} == {k: v for k, v in expected.items() if k != "c"}
    assert [two.value.get(name) for name in columns] == [None] * len(columns)
    sink = database.sink(table_name_format="types_copy", pk_mode="record_value", pk_fields="id", insert_mode="upsert")
    for _ in range(2):
        sink.put(one.value, two.value)
    sink.stop()
    compared = ", ".join(name for name in ("id", *columns) if name != "c")
    assert database.run(f"SELECT {compared} FROM types_copy ORDER BY id") == database.run(
        f"SELECT {compared} FROM types ORDER BY id"
    )


def test_only_postgres_has_these(database: Database) -> None:
    if not database.is_postgres:
        pytest.skip("PostgreSQL's own types")
    kinds = "r REAL, j JSONB, u UUID, a INTEGER[], z TIMESTAMPTZ, n NUMERIC, e INTERVAL, i INET"
    database.run(f"CREATE TABLE own_types (id SERIAL PRIMARY KEY, {kinds})")
    database.run(
        "INSERT INTO own_types VALUES (1, 0.5, '{\"a\": [1]}', '12345678-1234-5678-1234-567812345678', '{1,NULL,3}', "
        "'2020-01-01 00:00+02', 1.25, '1 day', '10.0.0.1')"
    )
    source = database.source(mode="incrementing", table_whitelist="public.own_types")
    (record,) = source.take(1)
    source.stop()
    assert isinstance(record.value, Struct)
    values = record.value.values
    assert values[1:6] == [
        0.5, '{"a":[1]}', "12345678-1234-5678-1234-567812345678", [1, None, 3],
        datetime.datetime(2019, 12, 31, 22, tzinfo=UTC),
    ]  # fmt: skip
    assert values[6] == Decimal("1.25")
    assert "1 day" in str(values[7])
    record.value.validate()


def test_nothing_is_lost_and_nothing_comes_twice_under_writers(database: Database) -> None:
    """Rows are seen in another order than they got their numbers; a delay longer than a transaction finds them all."""
    stamp = "TIMESTAMP(3)" if database.is_postgres else "DATETIME(3)"
    key = "SERIAL" if database.is_postgres else "INTEGER AUTO_INCREMENT"
    default = "clock_timestamp()" if database.is_postgres else "CURRENT_TIMESTAMP(3)"
    database.run(f"CREATE TABLE busy (id {key} PRIMARY KEY, w INTEGER, at {stamp} NOT NULL DEFAULT {default})")
    if database.is_postgres:
        database.run("ALTER DATABASE postgres SET timezone TO 'UTC'")
        database.engine.dispose()
    source = database.source(
        mode="timestamp+incrementing", table_whitelist="busy", timestamp_delay_interval_ms=700, batch_max_rows=37,
        **{"timestamp.column.name": "at", "incrementing.column.name": "id"},
    )  # fmt: skip
    count, writers = 60, 3

    def write(number: int) -> None:
        for _ in range(count):
            with database.engine.begin() as connection:
                for _ in range(3):
                    connection.execute(sa.text(f"INSERT INTO busy (w) VALUES ({number})"))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    records = source.take(count * writers * 3)
    for thread in threads:
        thread.join()
    records += source.poll()
    source.stop()
    ids = [record.value["id"] for record in records]  # type: ignore[index]
    assert sorted(ids) == [row[0] for row in database.run("SELECT id FROM busy ORDER BY id")]
    for place in (50, 200, 400):
        source.offsets.stored.clear()
        source.offsets.store(records[place])
        again = database.source(
            source.offsets, mode="timestamp+incrementing", table_whitelist="busy",
            **{"timestamp.column.name": "at", "incrementing.column.name": "id"},
        )  # fmt: skip
        rest = again.take(len(ids) - place - 1)
        assert [record.value["id"] for record in rest] == ids[place + 1 :]  # type: ignore[index]
        again.stop()


def test_a_query_of_the_server(database: Database) -> None:
    database.run("CREATE TABLE a (id INTEGER PRIMARY KEY, at TIMESTAMP NOT NULL)")
    database.run("INSERT INTO a VALUES (1, '2020-01-01 00:00:00'), (2, '2020-01-01 00:00:00')")
    cast = "::text" if database.is_postgres else ""
    query = f"SELECT id, at, 'x:y'{cast} AS colon, 1.50 AS n FROM a WHERE id > 0"
    more = {"timestamp.column.name": "at", "incrementing.column.name": "id"}
    source = database.source(mode="timestamp+incrementing", query=query, **more)
    first = source.take(2)
    assert [record.value["colon"] for record in first] == ["x:y"] * 2  # type: ignore[index]
    assert first[0].value["n"] == Decimal("1.50")  # type: ignore[index]
    database.run("INSERT INTO a VALUES (3, '2020-01-01 00:00:00'), (4, '2020-01-01 00:00:01')")
    assert [record.value["id"] for record in source.take(2)] == [3, 4]  # type: ignore[index]
    source.stop()


def test_connections_that_break_are_made_again(database: Database) -> None:
    database.run("CREATE TABLE broken (id INTEGER PRIMARY KEY)")
    database.run("INSERT INTO broken VALUES (1)")
    source = database.source(mode="incrementing", table_whitelist="broken", **{"connection.backoff.ms": 1})
    sink = database.sink(table_name_format="broken_copy")
    row = SchemaBuilder.struct().field("id", INT32_SCHEMA).build()
    source.take(1)
    sink.put(Struct(row, id=1))
    if database.is_postgres:
        database.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    else:
        others = "SELECT id FROM information_schema.processlist WHERE id <> connection_id() AND user = 'root'"
        with database.engine.connect() as connection:
            for (number,) in connection.execute(sa.text(others)).all():
                connection.execute(sa.text(f"KILL {number}"))
    database.engine.dispose()
    database.run("INSERT INTO broken VALUES (2)")
    assert [record.value["id"] for record in source.take(1)] == [2]  # type: ignore[index]
    sink.put(Struct(row, id=2))
    assert sink.retried <= 1  # a driver may see at once that its connection is gone, or with the first write
    assert database.run("SELECT id FROM broken_copy ORDER BY id") == [(1,), (2,)]
    source.stop()
    sink.stop()


def test_upserts_deletions_and_refusals_are_counted(database: Database) -> None:
    row = SchemaBuilder.struct().field("id", INT32_SCHEMA).field("n", INT32_SCHEMA).build()
    sink = database.sink(
        reports=True, pk_mode="record_key", pk_fields="id", insert_mode="upsert", delete_enabled="true",
        table_name_format="counted", auto_evolve="true",
    )  # fmt: skip
    values = [Struct(row, id=number % 5, n=number) for number in range(20)]
    keys = [number % 5 for number in range(20)]
    sink.put(*values, None, keys=[*keys, 4], key_schema=INT32_SCHEMA)
    assert database.run("SELECT id, n FROM counted ORDER BY id") == [(0, 15), (1, 16), (2, 17), (3, 18)]
    database.run("ALTER TABLE counted ADD CONSTRAINT small CHECK (n < 100)")
    sink.put(
        Struct(row, id=0, n=1),
        Struct(row, id=1, n=500),
        Struct(row, id=2, n=2),
        keys=[0, 1, 2],
        key_schema=INT32_SCHEMA,
    )
    assert database.run("SELECT id, n FROM counted ORDER BY id") == [(0, 1), (1, 16), (2, 2), (3, 18)]
    assert [record.key for record, _ in sink.rejected] == [1]
    assert "counted refuses a row" in str(sink.rejected[0][1])
    wider = SchemaBuilder.struct().field("id", INT32_SCHEMA).field("n", INT32_SCHEMA)
    wider = wider.field("more", SchemaBuilder.string().optional().build())
    sink.put(Struct(wider.build(), id=7, n=7, more="x"), keys=[7], key_schema=INT32_SCHEMA)
    assert database.run("SELECT more FROM counted WHERE id = 7") == [("x",)]
    sink.stop()
