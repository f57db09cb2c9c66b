"""Types that a schema says are those that its values have."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import fastavro
import pyarrow as pa
import pytest

from ottla.console.sql.fields import Fields
from ottla.console.sql.schema_types import fields_of
from ottla.registry.client.registry_client import Schema
from ottla.registry.schema.parsed import JSON, PROTOBUF


def logical(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "logicalType": name, **more}


MOMENT = datetime(2026, 11, 29, 8, tzinfo=UTC)
FIELDS: dict[str, tuple[Any, Any]] = {
    "i": ("int", 1),
    "l": ("long", 2**40),
    "f": ("float", 1.5),
    "d": (["null", "double"], 1.5),
    "b": ("boolean", True),
    "s": (["string", "null"], "x"),
    "y": ("bytes", b"\xff"),
    "x": ({"type": "fixed", "name": "f2", "size": 2}, b"\xff\x00"),
    "e": ({"type": "enum", "name": "E", "namespace": "n", "symbols": ["A"]}, "A"),
    "e2": ("n.E", "A"),
    "a": ({"type": "array", "items": ["null", "long"]}, [1, None]),
    "r": ({"type": "record", "name": "R", "fields": [{"name": "p", "type": "int"}, {"name": "q", "type": "n.E"}]},
          {"p": 1, "q": "A"}),
    "rs": ({"type": "array", "items": "R"}, [{"p": 1, "q": "A"}]),
    "day": (logical("int", "date"), date(2026, 11, 29)),
    "ms": (logical("int", "time-millis"), time(8, 0, 0, 1000)),
    "at": (logical("long", "timestamp-millis"), MOMENT),
    "at_us": (logical("long", "timestamp-micros"), MOMENT),
    "local": (logical("long", "local-timestamp-millis"), MOMENT.replace(tzinfo=None)),
    "price": (logical("bytes", "decimal", precision=5, scale=2), Decimal("123.45")),
    "odd": (logical("int", "never-heard-of"), 1),
}  # fmt: skip


def test_avro() -> None:
    schema = {"type": "record", "name": "O", "fields": [{"name": k, "type": t} for k, (t, _) in FIELDS.items()]}
    value = {name: value for name, (_, value) in FIELDS.items()}
    fastavro.validate(value, fastavro.parse_schema(schema))
    fields = Fields(None, ())
    fields.add([value])
    read = {name: column.type for name, column in fields.columns(lambda: [[value]]).items()}
    assert fields_of(Schema(json.dumps(schema)), {}) == read


def test_avro_without_one_type_is_text() -> None:
    kinds: dict[str, Any] = {"m": {"type": "map", "values": "int"}, "u": ["int", "string"], "ref": "other.T"}
    kinds |= {name: ["null", "O"] for name in "abcdef"}
    schema = {"type": "record", "name": "O", "fields": [{"name": name, "type": kind} for name, kind in kinds.items()]}
    other = {"type": "record", "name": "T", "namespace": "other", "fields": [{"name": "t", "type": "long"}]}
    found = fields_of(Schema(json.dumps(schema)), {"other.T": json.dumps(other)})
    assert (found["m"], found["u"], found["ref"]) == (pa.string(), pa.string(), pa.struct([("t", pa.int64())]))
    assert found["a"].field("b").type == pa.string()
    assert fields_of(Schema('"int"'), {}) == {}


def test_json_schema() -> None:
    schema = {
        "type": "object",
        "properties": {
            "i": {"type": ["integer", "null"]},
            "n": {"type": "number"},
            "b": {"type": "boolean"},
            "a": {"type": "array", "items": {"type": "object", "properties": {"s": {"type": "string"}}}},
            "any": True,
            "two": {"type": ["integer", "string"]},
            "free": {"type": "object"},
        },
    }
    found = fields_of(Schema(json.dumps(schema), JSON), {})
    assert [str(each) for each in found.values()] == [
        "int64", "double", "bool", "list<item: struct<s: string>>", "string", "string", "string"
    ]  # fmt: skip
    assert fields_of(Schema("true", JSON), {}) == {}


def test_protobuf_says_nothing() -> None:
    assert fields_of(Schema("message A { int32 a = 1; }", PROTOBUF), {}) == {}


@pytest.mark.parametrize("seen", [None, frozenset({"a"}), frozenset({"b"})])
def test_what_is_known_is_used_where_records_say_nothing(seen: frozenset[str] | None) -> None:
    fields = Fields(seen, ())
    fields.add([{"a": None, "c": 1.5}, None])
    known = {"a": pa.int64(), "b": pa.date32(), "c": pa.int64(), "C": pa.int64()}
    types = {name: column.type for name, column in fields.columns(list, known).items()}
    wanted = {"a": pa.int64(), "c": pa.float64(), "b": pa.date32()}
    assert types == {name: kind if seen is None or name in seen else pa.null() for name, kind in wanted.items()}
