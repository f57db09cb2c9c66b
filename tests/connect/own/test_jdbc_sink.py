"""Records as rows of SQLite: every mode, tables made and changed, deletions, and what is refused, counted."""

from __future__ import annotations

import datetime
import sqlite3
from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.connect.own.tasks import Sink, errors_of

from ottla.connect.api.errors import ConnectError
from ottla.connect.connectors.jdbc.sink import JdbcSinkConnector
from ottla.connect.data import logical
from ottla.connect.data.schema import (
    BOOLEAN_SCHEMA,
    BYTES_SCHEMA,
    FLOAT64_SCHEMA,
    INT8_SCHEMA,
    INT32_SCHEMA,
    INT64_SCHEMA,
    OPTIONAL_STRING_SCHEMA,
    STRING_SCHEMA,
)
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct

if TYPE_CHECKING:
    from pathlib import Path

PERSON = SchemaBuilder.struct().field("id", INT32_SCHEMA).field("name", OPTIONAL_STRING_SCHEMA).build()
KEY = SchemaBuilder.struct().field("id", INT32_SCHEMA).build()


def person(number: int, name: str | None) -> Struct:
    return Struct(PERSON, id=number, name=name)


class Database:
    def __init__(self, directory: Path) -> None:
        self.file = directory / "db"

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.file, timeout=30)) as connection, connection:
            return connection.execute(statement).fetchall()

    def sink(self, *, reports: bool = False, **more: object) -> Sink:
        base = {"connection.url": f"jdbc:sqlite:{self.file}", "auto.create": "true", "retry.backoff.ms": 1}
        props = base | {key.replace("_", "."): text for key, text in more.items()}
        return Sink(JdbcSinkConnector, props, reports=reports)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path)


def test_inserts(database: Database) -> None:
    sink = database.sink(table_name_format="t_${topic}")
    sink.put(person(1, "one"), person(2, None))
    sink.put(person(1, "one"))
    assert database.run("SELECT * FROM t_things") == [(1, "one"), (2, None), (1, "one")]
    assert sink.commit() == sink.next
    sink.stop()


def test_where_a_record_stands_is_a_key(database: Database) -> None:
    sink = database.sink(pk_mode="kafka", insert_mode="upsert")
    records = sink.records(person(1, "one"), person(2, "two"))
    sink.deliver(records)
    sink.deliver(records)
    assert database.run("SELECT * FROM things") == [("things", 0, 0, 1, "one"), ("things", 0, 1, 2, "two")]
    sink.stop()


def test_upserts_of_values_and_keys(database: Database) -> None:
    by_value = database.sink(pk_mode="record_value", pk_fields="id", insert_mode="upsert")
    by_value.put(person(1, "one"), person(2, "two"), person(1, "uno"))
    by_value.put(person(2, "due"))
    assert database.run("SELECT * FROM things ORDER BY id") == [(1, "uno"), (2, "due")]
    by_value.stop()
    only_name = SchemaBuilder.struct().field("name", STRING_SCHEMA).build()
    by_key = database.sink(pk_mode="record_key", pk_fields="id", insert_mode="upsert")
    by_key.put(Struct(only_name, name="three"), keys=[3], key_schema=INT32_SCHEMA)
    by_key.put(Struct(only_name, name="tre"), keys=[Struct(KEY, id=3)], key_schema=KEY)
    assert database.run("SELECT * FROM things WHERE id = 3") == [(3, "tre")]
    by_key.stop()


def test_updates_and_deletions(database: Database) -> None:
    insert = database.sink(pk_mode="record_value", pk_fields="id")
    insert.put(*(person(number, "old") for number in range(5)))
    update = database.sink(pk_mode="record_value", pk_fields="id", insert_mode="update", fields_whitelist="name")
    update.put(person(1, "new"), person(9, "nobody"))
    assert database.run("SELECT * FROM things WHERE name = 'new'") == [(1, "new")]
    delete = database.sink(pk_mode="record_key", pk_fields="id", insert_mode="upsert", delete_enabled="true")
    delete.put(None, person(2, "again"), person(7, "seven"), None, keys=[2, 2, 7, 7], key_schema=INT32_SCHEMA)
    delete.put(None, None, keys=[0, 99], key_schema=INT32_SCHEMA)
    assert database.run("SELECT id FROM things ORDER BY id") == [(1,), (2,), (3,), (4,)]
    for sink in (insert, update, delete):
        sink.stop()


def test_a_deletion_of_what_never_was_makes_no_table(database: Database) -> None:
    sink = database.sink(pk_mode="record_key", pk_fields="id", delete_enabled="true", insert_mode="upsert")
    sink.put(None, keys=[1], key_schema=INT32_SCHEMA)
    assert database.run("SELECT count(*) FROM sqlite_master") == [(0,)]
    sink.stop()


EVENT = st.tuples(st.integers(0, 5), st.one_of(st.none(), st.sampled_from("abc")))


@settings(max_examples=25)
@given(st.lists(st.lists(EVENT, max_size=8), max_size=5))
def test_a_table_is_what_the_last_of_each_key_says(tmp_path_factory: pytest.TempPathFactory, batches: Any) -> None:
    database = Database(tmp_path_factory.mktemp("table"))
    sink = database.sink(pk_mode="record_key", pk_fields="id", insert_mode="upsert", delete_enabled="true")
    expected: dict[int, str] = {}
    for batch in batches:
        values = [None if name is None else person(number, name) for number, name in batch]
        sink.put(*values, keys=[number for number, _ in batch], key_schema=INT32_SCHEMA)
        for number, name in batch:
            expected.pop(number, None)
            if name is not None:
                expected[number] = name
    made = bool(database.run("SELECT * FROM sqlite_master"))
    assert dict(database.run("SELECT id, name FROM things") if made else []) == expected
    sink.stop()


def test_types_and_columns_that_come_later(database: Database) -> None:
    builder = SchemaBuilder.struct().field("a", INT8_SCHEMA).field("b", INT64_SCHEMA).field("c", FLOAT64_SCHEMA)
    builder.field("d", BOOLEAN_SCHEMA).field("e", BYTES_SCHEMA).field("f", logical.decimal_schema(2))
    builder.field("g", logical.DATE_SCHEMA).field("h", logical.TIME_SCHEMA).field("i", logical.TIMESTAMP_SCHEMA)
    schema = builder.build()
    at = datetime.datetime(2020, 1, 1, 12, 0, 0, 5000, datetime.UTC)
    values = {"a": 1, "b": 1 << 40, "c": 0.5, "d": True, "e": b"\0", "f": Decimal("1.50")}
    row = Struct(schema, **values, g=at.date(), h=at.time(), i=at)
    sink = database.sink(auto_evolve="true", db_timezone="Europe/Berlin")
    sink.put(row)
    instants = ("2020-01-01", "12:00:00.005000", "2020-01-01 13:00:00.005000")
    assert database.run("SELECT * FROM things") == [(1, 1 << 40, 0.5, 1, b"\0", 1.5, *instants)]
    more = SchemaBuilder.struct()
    for field in schema.fields:
        more.field(field.name, field.schema)
    instants_too = {"g": at.date(), "h": at.time(), "i": at}
    sink.put(Struct(more.field("z", OPTIONAL_STRING_SCHEMA).build(), **values, **instants_too, z="new"))
    assert database.run("SELECT a, z FROM things") == [(1, None), (1, "new")]
    sink.stop()


def test_a_map_without_a_schema_is_a_row_too(database: Database) -> None:
    sink = database.sink(pk_mode="record_value", pk_fields="id", insert_mode="upsert")
    sink.put({"id": 1, "name": "one", "price": 0.5}, {"id": 2, "name": None, "price": None})
    assert database.run("SELECT * FROM things") == [(1, "one", 0.5), (2, None, None)]
    sink.stop()


def test_a_null_of_a_map_makes_no_column(database: Database) -> None:
    sink = database.sink(pk_mode="record_value", pk_fields="id", insert_mode="upsert", auto_evolve="true", reports=True)
    sink.put({"id": 1, "stock": None})
    assert database.run("SELECT name FROM pragma_table_info('things')") == [("id",)]
    sink.put({"id": 2, "stock": None}, {"id": 3, "stock": 7}, {"id": 4, "stock": None})
    sink.put({"id": 3, "stock": None}, {"id": 4, "stock": 9})
    assert database.run("SELECT name, type FROM pragma_table_info('things')") == [("id", "BIGINT"), ("stock", "BIGINT")]
    assert database.run("SELECT * FROM things ORDER BY id") == [(1, None), (2, None), (3, None), (4, 9)]
    nothing = database.sink(table_name_format="other", auto_evolve="true", reports=True)
    nothing.put({"a": None}, {"a": 1})
    nothing.put({"b": None})
    assert database.run("SELECT * FROM other") == [(None,), (1,)]
    assert ["there is no column" in str(error) for _, error in nothing.rejected] == [True]
    fixed = database.sink(table_name_format="fixed")
    fixed.put({"id": 1, "name": None})
    fixed.put({"id": 2, "name": "text where no column may be added later"})
    assert database.run("SELECT type FROM pragma_table_info('fixed')") == [("BIGINT",), ("TEXT",)]
    for each in (sink, nothing, fixed):
        each.stop()


def test_what_is_no_row_is_reported_and_the_rest_is_written(database: Database) -> None:
    """Nothing is silently dropped: rows and rejects are all that came."""
    sink = database.sink(reports=True, pk_mode="record_value", pk_fields="id")
    no_id = SchemaBuilder.struct().field("name", STRING_SCHEMA).build()
    values = [person(1, "a"), None, "text", Struct(no_id, name="b"), person(2, "c"), person(1, "twice"), person(3, "d")]
    sink.put(*values)
    rows = database.run("SELECT id, name FROM things ORDER BY id")
    assert rows == [(1, "a"), (2, "c"), (3, "d")]
    assert [record.kafka_offset for record, _ in sink.rejected] == [5, 1, 2, 3]
    assert len(rows) + len(sink.rejected) == len(values)
    reasons = " | ".join(str(error) for _, error in sink.rejected)
    for words in ("UNIQUE constraint failed", "has no value", "no struct but a str", "The field id of the value of"):
        assert words in reasons
    sink.stop()


def test_without_a_reporter_what_is_no_row_ends_the_task_and_nothing_is_written(database: Database) -> None:
    for bad, reason in ((None, "record things-0@1 has no value"), (person(1, "twice"), "UNIQUE constraint failed")):
        sink = database.sink(pk_mode="record_value", pk_fields="id")
        with pytest.raises(ConnectError, match=reason):
            sink.put(person(1, "a"), bad)
        sink.stop()
    assert database.run("SELECT * FROM things") == []


def test_a_database_that_is_busy_is_tried_again(database: Database) -> None:
    database.run("CREATE TABLE things (id INTEGER, name TEXT)")
    url = f"sqlite:///{database.file}?timeout=0.01"
    with closing(sqlite3.connect(database.file)) as other:
        other.execute("BEGIN EXCLUSIVE")
        sink = database.sink(connection_url=url, max_retries=2)
        with pytest.raises(ConnectError, match="database is locked, after 2 more tries"):
            sink.put(person(1, "one"))
        assert (sink.retried, sink.context.timeouts) == (2, [1, 1])
        sink.stop()
        sink = database.sink(connection_url=url, max_retries=2)
        other.rollback()
    sink.put(person(1, "one"))
    assert database.run("SELECT * FROM things") == [(1, "one")]
    sink.stop()


def test_tables_and_columns_that_are_not_to_be_made(database: Database) -> None:
    sink = database.sink(auto_create="false")
    with pytest.raises(ConnectError, match="There is no table things"):
        sink.put(person(1, "one"))
    database.run("CREATE TABLE things (id INTEGER)")
    with pytest.raises(ConnectError, match="has no columns name; add them"):
        sink.put(person(1, "one"))
    evolving = database.sink(auto_evolve="true")
    required = SchemaBuilder.struct().field("id", INT32_SCHEMA).field("must", STRING_SCHEMA).build()
    with pytest.raises(ConnectError, match="the field must be optional"):
        evolving.put(Struct(required, id=1, must="x"))
    nested = SchemaBuilder.struct().field("inner", SchemaBuilder.array(INT32_SCHEMA).build()).build()
    with pytest.raises(ConnectError, match="flatten it"):
        database.sink(table_name_format="other").put(Struct(nested, inner=[1]))


def test_wrong_configurations_name_the_key() -> None:
    good = {"connection.url": "sqlite://"}
    assert errors_of(JdbcSinkConnector, good) == {}
    for key, more in {
        "connection.url": {"connection.url": "jdbc:db9:x"},
        "insert.mode": {"insert.mode": "guess"},
        "pk.mode": {"insert.mode": "upsert"},
        "delete.enabled": {"delete.enabled": "true", "pk.mode": "record_value"},
        "pk.fields": {"pk.mode": "kafka", "pk.fields": "a,b"},
        "batch.size": {"batch.size": "0"},
        "max.retries": {"max.retries": "-1"},
    }.items():
        assert list(errors_of(JdbcSinkConnector, good | more)) == [key]
