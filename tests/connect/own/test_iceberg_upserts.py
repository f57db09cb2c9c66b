"""Tables of Iceberg that have the last row of each key, and partitions of tables: held against a dictionary.

Apache Iceberg's own Rust (by DataFusion) reads them, too.
"""

from __future__ import annotations

import random
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from tests.connect.own.test_iceberg import WHERE, rows, sink, table

from ottla.connect.api.connector import TopicPartition
from ottla.connect.api.errors import ConnectError
from ottla.connect.connectors.iceberg.offsets import offsets_in, offsets_text, parse_offsets
from ottla.connect.connectors.iceberg.partitioning import PartitionField, parse_partitioning
from ottla.connect.connectors.iceberg.table import IcebergTable
from ottla.connect.data.schema import INT32_SCHEMA, INT64_SCHEMA, STRING_SCHEMA
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct

if TYPE_CHECKING:
    from pathlib import Path

    from tests.connect.own.tasks import Sink

UPSERT = {"iceberg.tables.upsert-mode-enabled": "true"}
BY_ID = UPSERT | {"iceberg.tables.default-id-columns": "id"}
PLACE = {"iceberg.tables.record-columns-enabled": "true"}


def upserts(directory: Path, **more: Any) -> Sink:
    return sink(directory, reports=True, **more)


def by_rust(directory: Path, query: str) -> list[dict[str, Any]]:
    datafusion = pytest.importorskip("datafusion", reason="pip install 'datafusion>=53,<54' pyiceberg-core")
    context = datafusion.SessionContext()
    context.register_table("things", table(directory))
    found: list[dict[str, Any]] = context.sql(query).to_arrow_table().to_pylist()
    return found


@pytest.mark.parametrize("partitions", ["", "bucket(id, 3)", "colour"])
def test_the_last_of_each_key_whatever_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, partitions: str) -> None:
    """Keys that come again, change their partition, are deleted; columns that come later; crashes and lost answers."""
    chance = random.Random(partitions)
    whole = IcebergTable.commit

    def commit(self: IcebergTable) -> None:
        waiting = list(self._waiting)
        luck = chance.random()
        if luck < 0.2:
            raise OSError("no answer")
        whole(self)
        if luck < 0.4:
            self._waiting = waiting  # as it is when nobody knows
            raise OSError("the answer is lost")

    monkeypatch.setattr(IcebergTable, "commit", commit)
    history: list[tuple[str, dict[str, Any] | None]] = []
    for number in range(120):
        key = f"k{chance.randrange(12)}"
        value: dict[str, Any] | None = {"n": number, "colour": chance.choice(["red", "blue", None])}
        if chance.random() < 0.2:
            value = None
        elif number > 60 and chance.random() < 0.5:
            value = {**(value or {}), "note": f"of {number}"}
        history.append((key, value))
    how = BY_ID | {"iceberg.tables.default-partition-by": partitions, "max.retries": "50", "flush.size": "9"}
    committed = 0
    for life in range(4):
        task = sink(tmp_path, offset=committed, **how)
        at = committed
        while at < len(history):
            some = history[at : at + chance.randrange(1, 15)]
            task.put(*[value for _, value in some], keys=[key for key, _ in some], key_schema=STRING_SCHEMA)
            at += len(some)
            committed = task.commit()[WHERE] if chance.random() < 0.5 else committed
            if life < 3 and chance.random() < 0.2:
                break
    reached = offsets_in(table(tmp_path), "ottla.offsets.ice.things")[0]
    assert reached >= committed
    assert reached >= 100
    model: dict[str, dict[str, Any]] = {}
    for key, value in history[:reached]:
        if value is None:
            model.pop(key, None)
        else:
            model[key] = {"id": key, "note": None, **value}
    expected = sorted(model.values(), key=lambda row: str(row["id"]))
    assert sorted(rows(tmp_path), key=lambda row: str(row["id"])) == expected
    told = by_rust(tmp_path, "SELECT id, note, n, colour FROM things ORDER BY id")
    assert told == expected


def test_keys_of_several_columns_and_types(tmp_path: Path) -> None:
    key = SchemaBuilder.struct().field("shop", STRING_SCHEMA).field("number", INT64_SCHEMA).build()
    value = SchemaBuilder.struct().field("total", INT32_SCHEMA).build()
    task = upserts(tmp_path, flush_size=1, **UPSERT)

    def put(shop: str, number: int, total: int | None) -> None:
        struct = None if total is None else Struct(value, total=total)
        task.put(struct, keys=[Struct(key, shop=shop, number=number)], key_schema=key)

    for number in range(4):
        put("a", number, number)
        put("b", number, number + 10)
    put("a", 2, 99)
    put("b", 1, None)
    put("c", 9, None)
    found = {(row["shop"], row["number"]): row["total"] for row in rows(tmp_path)}
    assert found == {("a", 0): 0, ("a", 1): 1, ("a", 2): 99, ("a", 3): 3, ("b", 0): 10, ("b", 2): 12, ("b", 3): 13}
    assert table(tmp_path).schema().identifier_field_names() == {"shop", "number"}
    task.put(Struct(value, total=1), keys=["text"], key_schema=STRING_SCHEMA)
    task.put(Struct(value, total=1))
    assert [str(error) for _, error in task.rejected] == [
        "record things-0@11 has no key; rows that take each other's place need one",
        "record things-0@12 has no key; rows that take each other's place need one",
    ]


def test_a_key_within_the_value_and_one_that_is_null(tmp_path: Path) -> None:
    task = upserts(tmp_path, flush_size=1, **BY_ID)
    task.put({"id": 1, "n": 1}, {"id": 2, "n": 2}, {"id": 1, "n": 3}, {"id": None, "n": 4}, {"n": 5})
    assert {row["id"]: row["n"] for row in rows(tmp_path)} == {1: 3, 2: 2}
    assert [record.kafka_offset for record, _ in task.rejected] == [3, 4]


def test_the_order_of_records_decides_not_the_shape_of_their_values(tmp_path: Path) -> None:
    """Rows of one shape are laid out together: the last of a key may be of a shape that came first."""
    task = upserts(tmp_path, flush_size=3, **BY_ID)
    task.put({"n": 1}, {"n": 2, "more": "x"}, {"n": 3}, keys=["k", "k", "k"])
    assert rows(tmp_path) == [{"id": "k", "n": 3, "more": None}]
    task.put({"n": 4, "more": "y"}, None, {"n": 5, "more": "z"}, None, keys=["k", "l", "l", "k"])
    assert [(row["id"], row["n"]) for row in rows(tmp_path)] == [("l", 5)]


def test_many_files_are_searched_and_few_written(tmp_path: Path) -> None:
    task = upserts(tmp_path, flush_size=10, **BY_ID)
    for start in range(0, 60, 10):
        numbers = range(start, start + 10)
        task.put(*[{"n": number} for number in numbers], keys=[f"{number:03}" for number in numbers])
    before = {task.file.file_path for task in table(tmp_path).scan().plan_files()}
    task.put(*[{"n": -1}] * 10, keys=[f"{number:03}" for number in range(25, 35)])
    after = {task.file.file_path for task in table(tmp_path).scan().plan_files()}
    assert (len(before), len(before - after), len(after)) == (6, 2, 5)
    assert sum(row["n"] == -1 for row in rows(tmp_path)) == 10
    assert len(rows(tmp_path)) == 60


@pytest.mark.parametrize("how", [{}, BY_ID])
def test_two_that_believe_to_have_a_partition_write_each_record_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: dict[str, str]
) -> None:
    """The other's commit comes between this one's look at the table and its commit, of some of the same records."""
    values = [{"n": number, "id": f"k{number}"} for number in range(9)]
    first, other = sink(tmp_path, flush_size=100, **how), sink(tmp_path, flush_size=100, **how)
    for each in (first, other):
        each.put(*values[:2])
    write = IcebergTable._write
    interrupted: list[bool] = []

    def interrupting(self: IcebergTable) -> None:
        if self is first.task.table("lake.things") and not interrupted:  # type: ignore[attr-defined]
            interrupted.append(True)
            other.task.commit()  # type: ignore[attr-defined]
        write(self)

    monkeypatch.setattr(IcebergTable, "_write", interrupting)
    first.put(*values[2:])
    first.task.commit()  # type: ignore[attr-defined]
    assert interrupted
    assert sorted(row["n"] for row in rows(tmp_path)) == list(range(9))
    assert offsets_in(table(tmp_path), "ottla.offsets.ice.things") == {0: 9}
    other.put(*values[2:])
    other.task.commit()  # type: ignore[attr-defined]
    assert sorted(row["n"] for row in rows(tmp_path)) == list(range(9))


def test_offsets_of_all_partitions_stand_in_the_last_snapshot(tmp_path: Path) -> None:
    """So that those before it may expire."""
    task = sink(tmp_path, flush_size=1)
    for partition in (0, 2, 0, 1):
        task.put({"n": 1}, partition=partition)
    table(tmp_path).append(table(tmp_path).scan().to_arrow())  # somebody else's
    said = offsets_in(table(tmp_path), "ottla.offsets.ice.things")
    assert said == {0: 2, 1: 1, 2: 1}
    assert offsets_text(said) == "0:2,1:1,2:1"
    assert parse_offsets("0:2,1:1,2:1") == said
    again = sink(tmp_path, flush_size=1)
    again.next[TopicPartition("things", 2)] = 0
    again.put({"n": 1}, partition=2)
    assert len(rows(tmp_path)) == 8


def test_partitions_of_a_table(tmp_path: Path) -> None:
    how = PLACE | {"iceberg.tables.default-partition-by": "day(kafka_timestamp), bucket(n, 4), colour"}
    day_ms = 86_400_000
    task = sink(tmp_path, flush_size=12, **how)
    values = [{"n": number, "colour": "red" if number % 2 else "blue"} for number in range(12)]
    task.put(*values, timestamps=[number % 3 * day_ms for number in range(12)])
    files = [str(task.file.file_path) for task in table(tmp_path).scan(row_filter="colour = 'red'").plan_files()]
    assert files
    assert all("colour=red" in path and "kafka_timestamp_day=1970-01-0" in path for path in files)
    assert sorted(row["n"] for row in rows(tmp_path)) == list(range(12))
    query = "SELECT count(*) AS c FROM things WHERE kafka_timestamp >= to_timestamp('1970-01-02') AND colour = 'blue'"
    assert by_rust(tmp_path, query) == [{"c": 4}]
    wrong = upserts(tmp_path, **{"iceberg.tables.default-partition-by": "day(n)", "table.name.format": "lake.other"})
    wrong.put({"n": 1})
    assert "it cannot be made: day cannot transform long" in str(wrong.rejected[0][1])


def test_where_records_stood(tmp_path: Path) -> None:
    task = sink(tmp_path, flush_size=4, **PLACE)
    task.put({"n": 1, "kafka_offset": "mine"}, None, "text", {"n": 2}, keys=["a", {"b": 1}, None, "a"])
    found = sorted(rows(tmp_path), key=lambda row: int(row["kafka_offset"]))
    assert [(row["kafka_key"], row["kafka_tombstone"], row["kafka_value"], row["n"]) for row in found] == [
        ("a", False, None, 1),
        ('{"b":1}', True, None, None),
        (None, False, "text", None),
        ("a", False, None, 2),
    ]
    assert [(row["kafka_partition"], row["kafka_offset"], row["kafka_headers"]) for row in found] == [
        (0, n, []) for n in range(4)
    ]
    assert found[0]["kafka_timestamp"].timestamp() == 1_700_000_000


def test_numbers_go_where_they_are_held(tmp_path: Path) -> None:
    task = upserts(tmp_path, flush_size=1)
    task.put({"whole": 1, "broken": 1.5})
    task.put({"whole": 2.0, "broken": 2}, {"whole": 2.5, "broken": 3})
    assert [(row["whole"], row["broken"]) for row in rows(tmp_path)] in ([(1, 1.5), (2, 2.0)], [(2, 2.0), (1, 1.5)])
    (record, error), *others = task.rejected
    assert (record.kafka_offset, others) == (2, [])
    assert "record things-0@2 does not fit into lake.things: the column whole:" in str(error)
    strict = sink(tmp_path, offset=3)
    with pytest.raises(ConnectError, match="Cannot change column type: broken"):
        strict.put({"broken": Decimal("1.5")})


def test_what_says_nothing_of_its_type_makes_no_column(tmp_path: Path) -> None:
    task = upserts(tmp_path, flush_size=1)
    task.put({"a": None, "b": {}, "c": {"d": None, "e": 1}, "n": 1})
    task.put({"a": 7, "b": {"x": "y"}, "c": {"d": "later", "e": 2}, "n": 2})
    assert task.rejected == []
    assert sorted(rows(tmp_path), key=lambda row: int(row["n"])) == [
        {"a": None, "b": None, "c": {"d": None, "e": 1}, "n": 1},
        {"a": 7, "b": {"x": "y"}, "c": {"d": "later", "e": 2}, "n": 2},
    ]


def test_how_partitions_are_written() -> None:
    assert parse_partitioning(" colour, days(at) ,BUCKET(id, 16),truncate( name,3)") == [
        PartitionField("colour", "identity"),
        PartitionField("at", "day"),
        PartitionField("id", "bucket[16]"),
        PartitionField("name", "truncate[3]"),
    ]
    assert parse_partitioning("") == []
    for wrong in ("day(", "day(at, 3)", "bucket(id)", "bucket(id, 0)", "nth(at)", "a b", "at)", "at 3)"):
        with pytest.raises(ValueError, match="is no partition"):
            parse_partitioning(wrong)
