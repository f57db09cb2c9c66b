"""Connect's data as Avro: what fastavro reads of our bytes it writes again as the same, and schemas come back."""

from __future__ import annotations

import io
import json
from typing import Any, Final

import fastavro
import pytest
from tests.connect.generator import Generator
from tests.connect.wire import schema_on_wire, value_on_wire

from ottla.connect.api.errors import DataError
from ottla.connect.avro.decoder import decode
from ottla.connect.avro.encoder import encode
from ottla.connect.avro.from_connect import avro_of
from ottla.connect.avro.names import AvroSettings
from ottla.connect.avro.to_connect import connect_of
from ottla.connect.data.schema import INT32_SCHEMA, INT64_SCHEMA, OPTIONAL_STRING_SCHEMA, STRING_SCHEMA
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct
from ottla.registry.schema.avro.canonical import canonical_json
from ottla.registry.schema.avro.schema import AvroSchema
from ottla.registry.schema.compact_json import compact_json

CASES: Final = 300
SEEDS: Final = [1, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 30))]
SETTINGS: Final = AvroSettings(scrub_names=True)


@pytest.mark.parametrize("seed", SEEDS)
def test_bytes_as_fastavro_has_them(seed: int) -> None:
    draw = Generator(seed)
    written = 0
    for number in range(CASES):
        schema = None if draw.chance(5) else draw.schema(3)
        value = draw.plain(2) if schema is None else draw.value(schema)
        try:
            type_ = avro_of(schema, SETTINGS)
            data = encode(schema, type_, SETTINGS)(value)
        except DataError as error:
            assert "needs a schema" in str(error) or "have the name" in str(error), (number, schema, error)
            continue
        parsed = fastavro.parse_schema(bare(canonical_json(type_)))
        read: Any = fastavro.schemaless_reader(io.BytesIO(data), parsed, None)
        again = io.BytesIO()
        fastavro.schemaless_writer(again, parsed, read)
        assert again.getvalue() == data, (number, schema_on_wire(schema), value)
        back = decode(type_, schema, SETTINGS)(data)
        expected = unordered(value_on_wire(schema, filled(value)))
        assert unordered(value_on_wire(schema, back)) == expected, (number, schema_on_wire(schema))
        written += 1
    assert written > CASES // 2


def bare(schema: Any) -> Any:
    """Without logical types, which fastavro would turn into other values, and defaults, which it would look at."""
    if isinstance(schema, list):
        return [bare(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: bare(each) for key, each in schema.items() if key not in ("logicalType", "default", "connect.default")}


def filled(value: Any) -> Any:
    """Defaults in the place of nulls, as the Avro converter writes them."""
    if isinstance(value, Struct):
        full = Struct(value.schema)
        for field, each in value:
            full.values[field.index] = filled(each)
        return full
    if isinstance(value, list):
        return [filled(each) for each in value]
    if isinstance(value, dict):
        return {key: filled(each) for key, each in value.items()}
    return value


def unordered(said: Any) -> Any:
    """Maps by their keys; the small integers of data without a schema are of 32 bits in Avro."""
    if not isinstance(said, list):
        return said
    if said and said[0] == "map":
        return ["map", *sorted((unordered(pair) for pair in said[1:]), key=repr)]
    return ["int32", said[1]] if said and said[0] in ("int8", "int16") else [unordered(each) for each in said]


@pytest.mark.parametrize("seed", SEEDS)
def test_schemas_come_back(seed: int) -> None:
    draw = Generator(seed)
    same = 0
    for number in range(CASES):
        schema = draw.schema(3)
        try:
            text = compact_json(canonical_json(avro_of(schema, SETTINGS)))
        except DataError as error:
            assert "have the name" in str(error), (number, error)
            continue
        assert AvroSchema(text, strict=True).canonical == text
        if has_only_valid_names(schema):
            back = connect_of(AvroSchema(text).type, SETTINGS)
            assert schema_on_wire(back) == kept(schema_on_wire(schema)), (number, text)
            same += 1
    assert same > CASES // 4


def kept(said: Any) -> Any:
    """All but a version below zero."""
    if isinstance(said, list):
        return [kept(each) for each in said]
    if not isinstance(said, dict):
        return said
    below = said.get("version") is not None and said["version"] < 0
    return {key: None if key == "version" and below else kept(each) for key, each in said.items()}


def has_only_valid_names(schema: Any) -> bool:
    """And no struct within a default, whose own defaults would stand in it when it comes back."""
    if "['struct'" in str(defaults_of(schema_on_wire(schema))):
        return False
    return all(each.isascii() and each.isidentifier() for each in names_of(schema_on_wire(schema)))


def defaults_of(said: Any) -> list[Any]:
    if isinstance(said, list):
        return [found for each in said for found in defaults_of(each)]
    if not isinstance(said, dict):
        return []
    return [said["default"], *(found for key, each in said.items() if key != "default" for found in defaults_of(each))]


def names_of(said: Any) -> list[str]:
    """Fields' names, which come back only if they were valid."""
    if isinstance(said, dict):
        own = [name for name, _ in said.get("fields", ())]
        nested = [*(each for _, each in said.get("fields", ())), said.get("keys"), said.get("values")]
        return own + [name for each in nested if each for name in names_of(each)]
    return []


def test_an_order_as_confluent_writes_its_schema() -> None:
    schema = (
        SchemaBuilder.struct()
        .name("org.example.Order")
        .version(2)
        .field("id", INT64_SCHEMA)
        .field("small", SchemaBuilder.int8().default(3).build())
        .field("note", OPTIONAL_STRING_SCHEMA)
        .field("tags", SchemaBuilder.map(INT32_SCHEMA, STRING_SCHEMA).build())
        .build()
    )
    assert json.loads(compact_json(canonical_json(avro_of(schema, AvroSettings())))) == {
        "type": "record",
        "name": "Order",
        "namespace": "org.example",
        "fields": [
            {"name": "id", "type": "long"},
            {"name": "small", "type": {"type": "int", "connect.default": 3, "connect.type": "int8"}, "default": 3},
            {"name": "note", "type": ["null", "string"], "default": None},
            {
                "name": "tags",
                "type": {
                    "type": "array",
                    "items": {
                        "type": "record",
                        "name": "MapEntry",
                        "namespace": "io.confluent.connect.avro",
                        "fields": [{"name": "key", "type": "int"}, {"name": "value", "type": "string"}],
                    },
                },
            },
        ],
        "connect.version": 2,
        "connect.name": "org.example.Order",
    }


def test_unions_and_enums_of_others() -> None:
    text = json.dumps(
        {
            "type": "record",
            "name": "R",
            "fields": [
                {"name": "u", "type": ["null", "int", "string", {"type": "enum", "name": "E", "symbols": ["A", "B"]}]},
                {"name": "f", "type": {"type": "fixed", "name": "F", "size": 2}},
            ],
        }
    )
    type_ = AvroSchema(text).type
    schema = connect_of(type_, AvroSettings())
    assert schema is not None
    read = decode(type_, schema, AvroSettings())
    for member, value in ((None, None), ("int", 7), ("string", "x"), ("E", "B")):
        out = io.BytesIO()
        fastavro.schemaless_writer(out, json.loads(text), {"u": (member, value) if member else None, "f": b"ab"})
        union = read(out.getvalue())["u"]
        assert (union and union[member]) == value
        assert encode(schema, type_, AvroSettings())(read(out.getvalue())) == out.getvalue()


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ('"long"', b""),
        ('"long"', b"\xff" * 12),
        ('"string"', b"\x08ab"),
        ('"string"', b"\x02\xff"),
        ('{"type":"array","items":"null"}', b"\xfe\xff\xff\xff\x0f"),
        ('{"type":"enum","name":"E","symbols":["A"]}', b"\x02"),
        ('["null","int"]', b"\x04"),
        ('"double"', b"\0\0"),
        ('{"type":"long","logicalType":"timestamp-millis"}', b"\xfe" + b"\xff" * 8 + b"\x01"),
    ],
)
def test_wrong_bytes_are_an_error(text: str, data: bytes) -> None:
    type_ = AvroSchema(text).type
    schema = SchemaBuilder.array(STRING_SCHEMA).build() if 'null"}' in text else connect_of(type_, AvroSettings())
    with pytest.raises(DataError):
        decode(type_, schema, AvroSettings())(data)


def test_a_record_of_itself_is_an_error() -> None:
    text = '{"type":"record","name":"Node","fields":[{"name":"next","type":["null","Node"]}]}'
    with pytest.raises(DataError, match="refers to itself"):
        connect_of(AvroSchema(text).type, AvroSettings())


def test_a_name_that_avro_does_not_take() -> None:
    schema = SchemaBuilder.struct().field("a b", INT32_SCHEMA).build()
    with pytest.raises(DataError, match=r"scrub\.invalid\.names"):
        avro_of(schema, AvroSettings())
