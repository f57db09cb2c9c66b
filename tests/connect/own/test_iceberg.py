"""Tables of Iceberg over a catalog in SQLite and files: each record exactly once, whatever fails and comes again."""

from __future__ import annotations

import datetime
import random
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from tests.connect.own.tasks import Sink, errors_of

from ottla.connect.api.connector import TopicPartition
from ottla.connect.api.errors import ConnectError
from ottla.connect.connectors.iceberg.sink import IcebergSinkConnector
from ottla.connect.connectors.iceberg.table import IcebergTable
from ottla.connect.data import logical
from ottla.connect.data.schema import INT32_SCHEMA, STRING_SCHEMA
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("pyiceberg", reason="pip install 'ottla[iceberg]'")
WHERE = TopicPartition("things", 0)
NUMBER = SchemaBuilder.struct().field("n", INT32_SCHEMA).build()


def settings(directory: Path) -> dict[str, str]:
    return {"type": "sql", "uri": f"sqlite:///{directory}/catalog.db", "warehouse": f"file://{directory}/warehouse"}


def sink(directory: Path, *, reports: Any = False, offset: Any = 0, **more: Any) -> Sink:
    props = {"name": "ice", "table.name.format": "lake.${topic}", "flush.size": 4, "retry.backoff.ms": 1}
    props |= {f"iceberg.catalog.{key}": text for key, text in settings(directory).items()}
    props |= {key.replace("_", "."): text for key, text in more.items()}
    return Sink(IcebergSinkConnector, props, reports=reports, offset=offset)


def numbers(count: int, start: int = 0) -> list[Struct]:
    return [Struct(NUMBER, n=number) for number in range(start, count)]


def table(directory: Path, name: str = "lake.things") -> Any:
    from pyiceberg.catalog import load_catalog

    return load_catalog("iceberg", **settings(directory)).load_table(name)


def rows(directory: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = table(directory).scan().to_arrow().to_pylist()
    return found


def test_types_columns_that_come_later_and_what_does_not_fit(tmp_path: Path) -> None:
    inner = SchemaBuilder.struct().field("x", INT32_SCHEMA).optional().build()
    builder = SchemaBuilder.struct().field("id", INT32_SCHEMA).field("price", logical.decimal_schema(2))
    builder.field("at", logical.TIMESTAMP_SCHEMA).field("time", logical.TIME_SCHEMA)
    builder.field("tags", SchemaBuilder.array(STRING_SCHEMA).build()).field("inner", inner)
    schema = builder.build()
    at = datetime.datetime(2020, 1, 1, 12, tzinfo=datetime.UTC)
    values: dict[str, Any] = {"price": Decimal("1.50"), "at": at, "time": at.time(), "tags": ["a"]}
    first = Struct(schema, id=1, inner=Struct(inner, x=7), **values)
    task = sink(tmp_path, reports=True, flush_size=3)
    task.put(first, {"id": 2, "note": "came later"}, {"id": "not a number"}, None, "text", {"id": 3})
    (one, two, three) = sorted(rows(tmp_path), key=lambda row: row["id"])
    assert {name: one[name] for name in values} == values
    assert (one["inner"], one["note"], two["note"], three["note"]) == ({"x": 7}, None, "came later", None)
    assert [record.kafka_offset for record, _ in task.rejected] == [3, 4, 2]
    assert len(rows(tmp_path)) + len(task.rejected) == 6


def test_each_record_once_whatever_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Crashes, commits that fail, and commits that arrive and whose answer is lost."""
    chance = random.Random(11)
    whole = IcebergTable.commit

    def commit(self: Any) -> None:
        luck = chance.random()
        if luck < 0.3:
            raise OSError("no answer")
        whole(self)
        if luck < 0.5:
            raise OSError("the answer is lost")

    def lose_after(self: Any) -> None:
        waiting = list(self._waiting)
        try:
            commit(self)
        except OSError as error:
            if "lost" in str(error):
                self._waiting = waiting  # as it is when nobody knows
            raise

    monkeypatch.setattr(IcebergTable, "commit", lose_after)
    everything, committed = numbers(40), 0
    for life in range(4):
        task = sink(tmp_path, offset=committed, flush_size=5, max_retries=50)
        at = committed
        while at < len(everything):
            size = chance.randrange(1, 8)
            task.put(*everything[at : at + size])
            at += size
            if chance.random() < 0.4:
                committed = task.commit()[WHERE]
            if life < 3 and chance.random() < 0.25:
                break
        else:
            committed = task.commit()[WHERE]
    expected = table(tmp_path).current_snapshot().summary.additional_properties["ottla.offsets.ice.things"]
    got = sorted(row["n"] for row in rows(tmp_path))
    assert got == list(range(int(expected.removeprefix("0:"))))
    assert int(expected.removeprefix("0:")) >= committed >= 35


def test_schemas_that_take_turns_in_one_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when a table cannot be asked amid the batch, and all of it comes again."""
    whole = IcebergTable.fit
    failures = iter([False, True, False, True])

    def fit(self: Any, *arguments: Any, **how: Any) -> None:
        if next(failures, False):
            raise OSError("away")
        whole(self, *arguments, **how)

    monkeypatch.setattr(IcebergTable, "fit", fit)
    task = sink(tmp_path, reports=True, flush_size=1)
    task.put({"n": 0}, {"m": 1}, {"n": 2}, {"n": "text"}, {"m": 4}, {"n": 5, "m": 5})
    assert task.retried == 2
    assert sorted(row["n"] if row["n"] is not None else row["m"] for row in rows(tmp_path)) == [0, 1, 2, 4, 5]
    assert [record.kafka_offset for record, _ in task.rejected] == [3]


def test_what_may_be_committed_is_what_stands_in_a_table(tmp_path: Path) -> None:
    task = sink(tmp_path)
    task.put(*numbers(3))
    assert task.commit() == {WHERE: 0}
    task.put(*numbers(5, 3))
    assert task.commit() == {WHERE: 5}
    hurried = sink(tmp_path, offset=5, flush_size=100, **{"iceberg.control.commit.interval-ms": 1})
    hurried.put(*numbers(6, 5))
    hurried.put()
    assert [row["n"] for row in rows(tmp_path)].count(5) == 1


def test_a_catalog_that_fails_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(IcebergTable, "commit", lambda _: (_ for _ in ()).throw(OSError("the store is away")))
    task = sink(tmp_path, max_retries=2)
    with pytest.raises(ConnectError, match="the store is away, after 2 more tries"):
        task.put(*numbers(4))
    assert (task.retried, task.commit()) == (2, {WHERE: 0})


def test_tables_and_columns_that_are_not_to_be_made(tmp_path: Path) -> None:
    with pytest.raises(ConnectError, match="There is no table lake"):
        sink(tmp_path, **{"iceberg.tables.auto-create-enabled": "false"}).put(*numbers(1))
    sink(tmp_path).put(*numbers(4))
    strict = sink(tmp_path, offset=4, **{"iceberg.tables.evolve-schema-enabled": "false"})
    with pytest.raises(ConnectError, match="it has no columns other"):
        strict.put({"other": 1})


def test_wrong_configurations_name_the_key() -> None:
    assert errors_of(IcebergSinkConnector, {"table.name.format": "a.b"}) == {}
    assert list(errors_of(IcebergSinkConnector, {})) == ["table.name.format"]
    assert list(errors_of(IcebergSinkConnector, {"table.name.format": "b"})) == ["table.name.format"]
