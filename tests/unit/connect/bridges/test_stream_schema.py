"""JSON Schema of streams as Connect's schemas, and records by them: nothing is dropped, what does not fit is named."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ottla.connect.api.errors import DataError
from ottla.connect.bridges.stream_schema import StreamSchema
from ottla.connect.converters.json_converter import JsonConverter
from ottla.connect.data.logical import DATE, TIME, TIMESTAMP
from ottla.connect.data.struct import Struct
from ottla.connect.data.type import Type

NULLABLE_TEXT = {"type": ["null", "string"]}


def stream(
    properties: dict[str, Any], *keys: str, required: list[str] | None = None, text: bool = False
) -> StreamSchema:
    schema = {"type": "object", "properties": properties, "required": required or []}
    return StreamSchema("shop.orders", schema, keys, dates_as_text=text)


def field(kind: dict[str, Any], value: object) -> object:
    schema = stream({"x": kind})
    struct = schema.value({"x": value})
    assert isinstance(struct, Struct)
    struct.validate()
    return struct["x"]


def test_types() -> None:
    assert field({"type": "integer"}, 5) == 5
    assert field({"type": ["null", "integer"]}, Decimal("7.0")) == 7
    assert field({"type": "number"}, Decimal("1.5")) == 1.5
    assert field({"type": "number", "multipleOf": 0.01}, Decimal("1.5")) == Decimal("1.50")
    assert field({"type": ["integer", "number"]}, 2) == 2.0
    assert field({"type": "boolean"}, True) is True
    assert field({"type": "array", "items": {"type": "integer"}}, [1, None, 2]) == [1, None, 2]
    assert field({"type": "object", "additionalProperties": {"type": "string"}}, {"a": "b"}) == {"a": "b"}
    inner = field({"type": "object", "properties": {"y": NULLABLE_TEXT}}, {"y": "z"})
    assert isinstance(inner, Struct)
    assert inner["y"] == "z"


def test_what_may_be_anything_is_text() -> None:
    for kind in ({}, {"type": ["string", "object", "null"]}, {"type": "object"}, {"type": "array"}):
        assert field(kind, "as it is") == "as it is"
        assert field(kind, {"a": [1, Decimal("2.5")]}) == '{"a":[1,2.5]}'
    assert field({"anyOf": [{"type": "string"}, {"type": "null"}]}, "x") == "x"
    assert field({"anyOf": [{"type": "integer"}, {"type": "null"}]}, 4) == 4
    assert field({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string"}]}, "soon") == "soon"
    assert field({"oneOf": [{"type": "object", "properties": {"a": {}}}, {"type": "array"}]}, [1]) == "[1]"


def test_dates() -> None:
    schema = stream({
        "at": {"type": ["string", "null"], "format": "date-time"},
        "day": {"type": "string", "format": "date"},
        "hour": {"type": "string", "format": "time"},
    })  # fmt: skip
    names = [each.schema.name for each in schema.schema.fields]
    assert names == [TIMESTAMP, DATE, TIME]
    struct = schema.value({"at": "2024-05-06T07:08:09.123Z", "day": "2024-05-06", "hour": "07:08:09"})
    assert isinstance(struct, Struct)
    struct.validate()
    assert struct["at"] == datetime.datetime(2024, 5, 6, 7, 8, 9, 123000, datetime.UTC)
    assert struct["day"] == datetime.date(2024, 5, 6)
    as_text = stream({"at": {"type": "string", "format": "date-time"}}, text=True).value(
        {"at": "2024-05-06T07:08:09.123456Z"}
    )
    assert isinstance(as_text, Struct)
    assert as_text["at"] == "2024-05-06T07:08:09.123456Z"


def test_keys_and_names() -> None:
    schema = stream({"id": {"type": "integer"}, "name": NULLABLE_TEXT}, "id")
    assert schema.schema.name == "shop.orders.Value"
    assert schema.key_schema is not None
    assert schema.key_schema.name == "shop.orders.Key"
    value, key = schema.value({"id": 3, "name": "x"}), schema.key({"id": 3, "name": "x"})
    assert isinstance(key, Struct)
    assert isinstance(value, Struct)
    assert key["id"] == 3
    with pytest.raises(DataError, match="id is required"):
        schema.key({"name": "x"})
    with pytest.raises(DataError, match="'nope'"):
        stream({}, "nope")


def test_a_field_that_the_schema_does_not_know_makes_it_wider() -> None:
    schema = stream({"id": {"type": "integer"}, "inner": {"type": "object", "properties": {"a": NULLABLE_TEXT}}})
    before = schema.schema
    assert schema.value({"id": 1, "gone": None}) is not None
    assert schema.schema is before
    struct = schema.value({"id": 1, "new": 5, "inner": {"a": "b", "c": True}})
    assert isinstance(struct, Struct)
    struct.validate()
    inner = struct["inner"]
    assert isinstance(inner, Struct)
    assert (struct["new"], inner["c"]) == (5, True)
    assert schema.schema is not before


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ({"type": "integer"}, "five"),
        ({"type": "integer"}, 1 << 63),
        ({"type": "integer"}, True),
        ({"type": "integer"}, Decimal("1.5")),
        ({"type": "number"}, "x"),
        ({"type": "number", "multipleOf": 0.01}, Decimal("1.555")),
        ({"type": "boolean"}, 1),
        ({"type": "string"}, 5),
        ({"type": "string", "format": "date-time"}, "yesterday"),
        ({"type": "string", "format": "date"}, 7),
        ({"type": "array", "items": {"type": "string"}}, "x"),
        ({"type": "object", "properties": {"a": {}}}, []),
    ],
)
def test_what_does_not_fit_names_the_field(kind: dict[str, Any], value: object) -> None:
    with pytest.raises(DataError, match=r"^x "):
        field(kind, value)


def test_references_and_depth() -> None:
    schema = {
        "properties": {"a": {"$ref": "#/definitions/b"}},
        "definitions": {
            "b": {"type": "object", "properties": {"n": {"type": "integer"}, "b": {"$ref": "#/definitions/b"}}}
        },
    }
    found = StreamSchema("deep", schema, ())
    struct = found.value({"a": {"n": 1, "b": {"n": 2}}})
    assert isinstance(struct, Struct)
    assert struct.schema.fields[0].schema.type is Type.STRUCT


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 40), 1 << 40) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(min_size=1, max_size=5), JSON, max_size=5))
def test_every_record_goes_through_a_schema_that_knows_nothing_of_it(record: dict[str, Any]) -> None:
    converter = JsonConverter()
    converter.configure({"converter.type": "value", "schemas.enable": False})
    schema = StreamSchema("any", {"properties": {}}, ())
    value = schema.value(record)
    written = converter.from_connect_data("t", schema.schema, value)
    assert written is not None
    read = json.loads(written)
    for name, each in record.items():
        if each is not None:
            found = read[name]
            assert (json.loads(found) if isinstance(each, list | dict) else found) == each
