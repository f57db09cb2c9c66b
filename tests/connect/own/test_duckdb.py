"""Rows of a DuckDB file: each exactly once, whatever comes again; keys, columns that come later, refusals."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.connect.own.tasks import Sink, errors_of

from ottla.connect.api.errors import ConnectError
from ottla.connect.connectors.duckdb.sink import DuckDbSinkConnector
from ottla.connect.data import logical
from ottla.connect.data.schema import INT32_SCHEMA, OPTIONAL_STRING_SCHEMA, STRING_SCHEMA
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct

if TYPE_CHECKING:
    from pathlib import Path

PERSON = SchemaBuilder.struct().field("id", INT32_SCHEMA).field("name", OPTIONAL_STRING_SCHEMA).build()


def person(number: int, name: str | None) -> Struct:
    return Struct(PERSON, id=number, name=name)


def sink(directory: Path, *, reports: Any = False, offset: Any = 0, **more: Any) -> Sink:
    props = {"name": "duck", "duckdb.path": directory / "db", "retry.backoff.ms": 1}
    props |= {key.replace("_", "."): text for key, text in more.items()}
    return Sink(DuckDbSinkConnector, props, reports=reports, offset=offset)


def rows(directory: Path, query: str = "SELECT * FROM things ORDER BY ALL") -> list[tuple[Any, ...]]:
    with duckdb.connect(str(directory / "db")) as connection:
        return connection.execute(query).fetchall()


def test_rows_of_all_types_and_what_is_nested(tmp_path: Path) -> None:
    inner = SchemaBuilder.struct().field("x", INT32_SCHEMA).optional().build()
    builder = SchemaBuilder.struct().field("id", INT32_SCHEMA).field("price", logical.decimal_schema(2))
    builder.field("at", logical.TIMESTAMP_SCHEMA).field("day", logical.DATE_SCHEMA)
    builder.field("tags", SchemaBuilder.array(STRING_SCHEMA).build()).field("inner", inner)
    schema = builder.build()
    at = datetime.datetime(2020, 1, 1, 12, tzinfo=datetime.UTC)
    values: dict[str, Any] = {"price": Decimal("1.50"), "at": at, "day": at.date(), "tags": ["a", "b"]}
    task = sink(tmp_path)
    task.put(Struct(schema, id=1, inner=Struct(inner, x=7), **values))
    task.put({"id": 2, "note": "came later", "inner": {"x": 8}})
    task.stop()
    query = 'SELECT id, price, epoch_ms("at"), day, tags, "inner".x, note FROM things ORDER BY id'
    ms = int(at.timestamp() * 1000)
    assert rows(tmp_path, query) == [
        (1, Decimal("1.50"), ms, at.date(), ["a", "b"], 7, None),
        (2, None, None, None, None, 8, "came later"),
    ]


EVENT = st.tuples(st.integers(0, 4), st.one_of(st.none(), st.sampled_from("abc")))


@settings(max_examples=8)
@given(st.lists(EVENT, min_size=1, max_size=20), st.lists(st.integers(0, 20), max_size=3), st.booleans())
def test_what_comes_again_is_there_once(
    tmp_path_factory: pytest.TempPathFactory, events: list[Any], crashes: list[int], upserts: bool
) -> None:
    directory = tmp_path_factory.mktemp("duck")
    keys: dict[str, Any] = {
        "pk_mode": "record_key",
        "pk_fields": "id",
        "insert_mode": "upsert",
        "delete_enabled": "true",
    }
    expected: Any = {}
    for start in [0, *(crash % len(events) for crash in crashes)]:
        task = sink(directory, offset=start, **(keys if upserts else {}))
        again = events[start:]
        values: list[Any] = [person(number, name) if name or not upserts else None for number, name in again]
        for at in range(0, len(again), 7):
            numbers = [number for number, _ in again[at : at + 7]]
            task.put(*values[at : at + 7], keys=numbers, key_schema=INT32_SCHEMA)
        task.stop()
    if not upserts:
        assert sorted(map(repr, rows(directory))) == sorted(map(repr, events))
        return
    for number, name in events:
        expected.pop(number, None)
        if name:
            expected[number] = name
    made = rows(directory, "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'things'")[0][0]
    assert (dict(rows(directory)) if made else {}) == expected


def test_a_null_of_a_map_makes_no_column(tmp_path: Path) -> None:
    task = sink(tmp_path, insert_mode="upsert", pk_mode="record_value", pk_fields="id", reports=True)
    task.put({"id": 1, "stock": None})
    task.put({"id": 2, "stock": None}, {"id": 3, "stock": 7}, {"id": 4, "stock": None}, {"id": 5, "stock": "few"})
    task.put({"id": 3, "stock": None}, {"id": 4, "stock": 9})
    task.stop()
    assert rows(tmp_path) == [(1, None), (2, None), (3, None), (4, 9)]
    assert rows(tmp_path, "SELECT column_name, column_type FROM (DESCRIBE things)")[1] == ("stock", "BIGINT")
    assert [record.kafka_offset for record, _ in task.rejected] == [4]
    fixed = sink(tmp_path, name="fixed", table_name_format="fixed", auto_evolve="false")
    fixed.put({"id": 1, "name": None})
    fixed.put({"id": 2, "name": "text where no column may be added later"})
    fixed.stop()
    assert len(rows(tmp_path, "SELECT * FROM fixed")) == 2


def test_updates(tmp_path: Path) -> None:
    sink(tmp_path).put(person(1, "a"), person(2, "b"))
    task = sink(tmp_path, name="other", insert_mode="update", pk_mode="record_value", pk_fields="id")
    task.put(person(2, "new"), person(3, "nobody"))
    task.stop()
    assert rows(tmp_path) == [(1, "a"), (2, "new")]


def test_what_is_refused_is_reported_and_counted(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "db")) as connection:
        connection.execute("CREATE TABLE things (id INTEGER CHECK (id < 5), name VARCHAR)")
    task = sink(tmp_path, reports=True)
    values = [person(number, "x") for number in range(8)]
    task.put(*values[:3], None, "text", *values[3:])
    task.stop()
    assert len(rows(tmp_path)) + len(task.rejected) == 10
    assert [record.kafka_offset for record, _ in task.rejected] == [3, 4, 7, 8, 9]
    with pytest.raises(ConnectError, match="rows are refused"):
        sink(tmp_path, name="other").put(person(1, "x"), person(6, "x"))
    assert len(rows(tmp_path)) == 5


def test_tables_that_are_not_to_be_made(tmp_path: Path) -> None:
    task = sink(tmp_path, auto_create="false")
    with pytest.raises(ConnectError, match="There is no table things"):
        task.put(person(1, "a"))
    task.stop()
    with duckdb.connect(str(tmp_path / "db")) as connection:
        connection.execute("CREATE TABLE things (id INTEGER)")
    with pytest.raises(ConnectError, match="has no columns name"):
        sink(tmp_path, auto_evolve="false").put(person(1, "a"))


def test_a_file_that_cannot_be_opened_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "db").write_text("no database")
    task = sink(tmp_path, max_retries=2)
    with pytest.raises(ConnectError, match="cannot be opened"):
        task.put(person(1, "a"))
    assert task.retried == 2


def test_wrong_configurations_name_the_key() -> None:
    assert errors_of(DuckDbSinkConnector, {"duckdb.path": "db"}) == {}
    assert list(errors_of(DuckDbSinkConnector, {})) == ["duckdb.path"]
    assert list(errors_of(DuckDbSinkConnector, {"duckdb.path": "db", "insert.mode": "upsert"})) == ["pk.mode"]
