"""Connect's data under JSON Schemas: what is written fits to its schema, and schemas and values come back."""

from __future__ import annotations

import json
from typing import Any, Final

import jsonschema_rs
import pytest
from tests.connect.generator import Generator
from tests.connect.test_avro import defaults_of
from tests.connect.wire import schema_on_wire

from ottla.connect.api.errors import DataError
from ottla.connect.converters.json_reader import EXACT, parse_json
from ottla.connect.data.schema import INT8_SCHEMA, OPTIONAL_STRING_SCHEMA
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct
from ottla.connect.json_schema.data import JsonSchemaReader, JsonSchemaWriter
from ottla.connect.json_schema.from_connect import JsonSchemaOf
from ottla.connect.json_schema.to_connect import ConnectOf
from ottla.registry.schema.compact_json import compact_json

CASES: Final = 200
SEEDS: Final = [1, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 30))]
WRITER: Final = JsonSchemaWriter(decimals_as_base64=True, replace_null=True, max_schemas=50)
READER: Final = JsonSchemaReader(replace_null=True)
SCHEMA_OF: Final = JsonSchemaOf(WRITER.write, numeric_decimals=False)


def connect_of(text: str, texts: dict[str, str] | None = None) -> Any:
    return ConnectOf(json.loads(text), texts or {}, lambda schema, node: READER.reader(schema)(node)).convert()


@pytest.mark.parametrize("seed", SEEDS)
def test_schemas_and_values_come_back(seed: int) -> None:
    draw = Generator(seed)
    validated = same = 0
    for number in range(CASES):
        schema = draw.schema(3)
        value = draw.value(schema)
        text = compact_json(SCHEMA_OF.convert(schema))
        written = WRITER.write(schema, value)
        if '"Infinity"' not in written and '"-Infinity"' not in written and '"NaN"' not in written:
            jsonschema_rs.validator_for(json.loads(text)).validate(json.loads(written))
            validated += 1
        simple = all(each is None or each[0] not in ("list", "map") for each in defaults_of(schema_on_wire(schema)))
        if simple and not any(odd in text + written for odd in ("Infinity", "NaN")):
            back = connect_of(text)
            assert back == schema, (number, text)
            read = READER.reader(back)(parse_json(written, EXACT))
            assert filled(schema, read) == filled(schema, value), (number, text, written)
            same += 1
    assert validated > CASES // 2
    assert same > CASES // 4


def filled(schema: Any, value: Any) -> Any:
    """Defaults in the place of nulls, as the converter writes them."""
    if value is None:
        return schema.default_value
    if isinstance(value, Struct):
        full = Struct(value.schema)
        full.values = [filled(field.schema, value.values[field.index]) for field in value.schema.fields]
        return full
    if isinstance(value, list):
        return [filled(schema.value_schema, each) for each in value]
    if isinstance(value, dict):
        return {key: filled(schema.value_schema, each) for key, each in value.items()}
    return value


def test_an_order_as_confluent_writes_its_schema() -> None:
    schema = SchemaBuilder.struct().name("Order").field("id", INT8_SCHEMA).field("note", OPTIONAL_STRING_SCHEMA).build()
    assert compact_json(SCHEMA_OF.convert(schema)) == (
        '{"title":"Order","type":"object","properties":{"id":{"type":"integer","connect.index":0,"connect.type":"int8"},'
        '"note":{"oneOf":[{"type":"null"},{"type":"string"}],"connect.index":1}}}'
    )


def test_schemas_of_others() -> None:
    text = json.dumps(
        {
            "$defs": {"price": {"type": "number", "title": "Price"}},
            "type": "object",
            "properties": {
                "kind": {"enum": ["A", "B"]},
                "price": {"$ref": "#/$defs/price"},
                "other": {"$ref": "other.json"},
                "maybe": {"type": ["null", "integer"]},
                "either": {"oneOf": [{"type": "string"}, {"type": "object", "properties": {"x": {"type": "boolean"}}}]},
                "all": {
                    "allOf": [{"properties": {"p": {"type": "string"}}}, {"properties": {"q": {"type": "integer"}}}]
                },
            },
        }
    )
    schema = connect_of(text, {"other.json": '{"type": "array", "items": {"type": "string"}}'})
    node = {"kind": "B", "price": 2.5, "other": ["o"], "maybe": None, "either": {"x": True}, "all": {"p": "p", "q": 1}}
    read = READER.reader(schema)(node)
    assert isinstance(read, object)
    assert json.loads(WRITER.write(schema, read)) == node
    assert schema.field("price").schema.name == "Price"


@pytest.mark.parametrize(
    "text",
    ["true", "{}", '{"$ref":"#/x"}', '{"$ref":"y"}', '{"type":"array"}', '{"type":"integer","connect.type":"x"}'],
)
def test_schemas_that_connect_cannot_say(text: str) -> None:
    with pytest.raises(DataError):
        connect_of(text)


def test_a_schema_of_itself_is_an_error() -> None:
    with pytest.raises(DataError, match="refers to itself"):
        connect_of('{"$defs":{"n":{"properties":{"next":{"$ref":"#/$defs/n"}}}},"$ref":"#/$defs/n"}')
