"""Many rows for PostgreSQL at once are what each would be alone: as arrays that the server unnests, of any values."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.connect.own.tasks import Sink
from tests.peers.postgres import PostgresServer

from ottla.connect.connectors.jdbc.sink import JdbcSinkConnector
from ottla.connect.data import logical
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXTS = st.one_of(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    st.sampled_from(["", "NULL", "null", '"', "\\", '\\"', "{a,b}", "a,b", " a ", "'", "\n"]),
)
MILLISECONDS = st.integers(-(10**12), 10**13).map(logical.instant)
COLUMNS: dict[str, tuple[SchemaBuilder, st.SearchStrategy[Any]]] = {
    "small": (SchemaBuilder.int16(), st.integers(-(1 << 15), (1 << 15) - 1)),
    "big": (SchemaBuilder.int64(), st.integers(-(1 << 63), (1 << 63) - 1)),
    "number": (SchemaBuilder.float64(), st.floats()),
    "is_so": (SchemaBuilder.bool(), st.booleans()),
    "text": (SchemaBuilder.string(), TEXTS),
    "data": (SchemaBuilder.bytes(), st.binary(max_size=9)),
    "price": (logical.decimal_builder(2), st.integers(-(10**20), 10**20).map(lambda n: Decimal(n).scaleb(-2))),
    "at": (logical.timestamp_builder(), MILLISECONDS),
    "day": (logical.date_builder(), MILLISECONDS.map(datetime.datetime.date)),
    "hour": (logical.time_builder(), MILLISECONDS.map(datetime.datetime.time)),
}
_builder = SchemaBuilder.struct().field("id", SchemaBuilder.int32().build())
for _name, (_kind, _) in COLUMNS.items():
    _builder.field(_name, _kind.optional().build())
SCHEMA = _builder.build()
ROWS = st.lists(st.tuples(st.integers(0, 9), *(st.none() | values for _, values in COLUMNS.values())), min_size=2)


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


def sink(postgres: PostgresServer, **more: str) -> Sink:
    props = {"connection.url": f"jdbc:postgresql://{postgres.address}/postgres?user=postgres", "auto.create": "true"}
    return Sink(JdbcSinkConnector, props | {key.replace("_", "."): text for key, text in more.items()}, reports=True)


@pytest.fixture(scope="module")
def sinks(postgres: PostgresServer) -> Iterator[tuple[Sink, Sink]]:
    keys = {"insert_mode": "upsert", "pk_mode": "record_value", "pk_fields": "id"}
    together, alone = (sink(postgres, table_name_format=name, **keys) for name in ("together", "alone"))
    yield together, alone
    together.stop()
    alone.stop()


@settings(max_examples=20, deadline=None)
@given(ROWS)
def test_many_rows_are_what_each_is_alone(
    postgres: PostgresServer, sinks: tuple[Sink, Sink], drawn: list[tuple[Any, ...]]
) -> None:
    together, alone = sinks
    structs = [Struct.of_values(SCHEMA, [*row]) for row in drawn]
    together.put(*structs)
    for struct in structs:
        alone.put(struct)
    assert together.rejected == alone.rejected == []
    with postgres.connect("postgres") as connection:
        query = "SELECT row_to_json(t)::text FROM {} t ORDER BY id"
        rows, expected = (connection.execute(query.format(name)).fetchall() for name in ("together", "alone"))
        assert len(rows) == len({row[0] for row in drawn})
        assert rows == expected
        connection.execute("TRUNCATE together, alone")


def test_columns_of_other_types_and_texts_that_are_too_long(postgres: PostgresServer) -> None:
    with postgres.connect("postgres") as connection:
        connection.execute("CREATE TYPE mood AS ENUM ('good', 'bad')")
        connection.execute("CREATE TABLE moods (id int, mood mood, short varchar(3), at timestamptz)")
        task = sink(postgres, table_name_format="moods")
        task.put({"id": 1, "mood": "good"}, {"id": 2, "mood": "bad"}, {"id": 3, "mood": "so so"})
        task.put({"id": 4, "short": "abc"}, {"id": 5, "short": "abcd"})
        task.put({"id": 6, "at": "2020-01-01 12:00+02"}, {"id": 7, "at": None})
        task.stop()
        rows = connection.execute("SELECT id, mood::text, short, at::text FROM moods ORDER BY id").fetchall()
    assert [row[0] for row in rows] == [1, 2, 4, 6, 7]
    assert [row[1:3] for row in rows[:3]] == [("good", None), ("bad", None), (None, "abc")]
    assert rows[3][3].startswith("2020-01-01 10:00")
    assert sorted(record.kafka_offset for record, _ in task.rejected) == [2, 4]


def test_keys_that_are_one_for_the_database_only(postgres: PostgresServer) -> None:
    """One statement does not touch a row twice: such rows go one by one."""
    with postgres.connect("postgres") as connection:
        connection.execute("CREATE TABLE rounded (id numeric(5, 1) PRIMARY KEY, name text)")
        task = sink(postgres, table_name_format="rounded", insert_mode="upsert", pk_mode="record_value", pk_fields="id")
        task.put({"id": 1.11, "name": "a"}, {"id": 1.12, "name": "b"})
        task.stop()
        assert connection.execute("SELECT id, name FROM rounded").fetchall() == [(Decimal("1.1"), "b")]
    assert task.rejected == []


def test_columns_of_other_types_take_texts(postgres: PostgresServer) -> None:
    with postgres.connect("postgres") as connection:
        connection.execute("CREATE TABLE other (id int PRIMARY KEY, doc jsonb, raw json, name uuid, host inet)")
    names = ("doc", "raw", "name", "host")
    builder = SchemaBuilder.struct().field("id", SchemaBuilder.int32().build())
    for name in names:
        builder.field(name, SchemaBuilder.string().optional().build())
    schema = builder.build()
    rows: list[list[Any]] = [
        [1, '{"a": [1, 2]}', "{}", "5e2ad5bd-2ee0-4d8c-9ae5-1ee6e5e61b2d", "10.0.0.1"],
        [2, None, None, None, None],
        [3, "12", '"text"', None, "::1"],
    ]
    filling = sink(postgres, table_name_format="other", auto_create="false")
    filling.put(*(Struct.of_values(schema, row) for row in rows))
    filling.put(Struct.of_values(schema, [4, "{not json", None, None, None]))
    assert len(filling.rejected) == 1
    filling.stop()
    with postgres.connect("postgres") as connection:
        query = "SELECT id, doc::text, raw::text, name::text, host(host) FROM other ORDER BY id"
        assert [list(row) for row in connection.execute(query).fetchall()] == rows
