"""Connect's data as messages of Protobuf: schemas and values come back, as Confluent's converter has them."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any, Final

import pytest
from tests.connect.generator import Generator
from tests.connect.wire import schema_on_wire

from ottla.connect.api.errors import DataError
from ottla.connect.data import logical
from ottla.connect.data.schema import INT32_SCHEMA, OPTIONAL_STRING_SCHEMA, STRING_SCHEMA, Schema
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct
from ottla.connect.data.type import Type
from ottla.connect.protobuf import names
from ottla.connect.protobuf.from_connect import proto_of
from ottla.connect.protobuf.message_reader import MessageReader
from ottla.connect.protobuf.message_writer import MessageWriter
from ottla.connect.protobuf.names import ProtobufSettings
from ottla.connect.protobuf.to_connect import ConnectOf
from ottla.registry.client.protobuf import message_class_of
from ottla.registry.schema.protobuf.parser import parse_proto
from ottla.registry.schema.protobuf.writer import write_proto

PLAIN: Final = ProtobufSettings()
CASES: Final = 150
SEEDS: Final = [1, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 30))]


def through(schema: Schema, value: Any, settings: ProtobufSettings = PLAIN) -> tuple[Schema, Any, str]:
    """What a reader makes of what a writer wrote, and the schema's text."""
    text = write_proto(proto_of(schema, settings))
    message = message_class_of(parse_proto(text), 0)
    written = message()
    MessageWriter(settings).writer(schema, message.DESCRIPTOR)(written, value)
    back = ConnectOf(settings).convert(message.DESCRIPTOR)
    read = MessageReader(settings).reader(back, message.DESCRIPTOR)
    return back, read(message.FromString(written.SerializeToString())), text


def order() -> Schema:
    return (
        SchemaBuilder.struct()
        .name("org.example.Order")
        .field("id", INT32_SCHEMA)
        .field("small", SchemaBuilder.int8().build())
        .field("note", OPTIONAL_STRING_SCHEMA)
        .field("price", logical.decimal_builder(2).parameter(names.PRECISION, "9").build())
        .field("day", logical.DATE_SCHEMA)
        .field("hour", logical.TIME_SCHEMA)
        .field("at", logical.TIMESTAMP_SCHEMA)
        .field("tags", SchemaBuilder.array(STRING_SCHEMA).build())
        .field("counts", SchemaBuilder.map(STRING_SCHEMA, INT32_SCHEMA).name("counts").build())
        .field("item", SchemaBuilder.struct().name("org.example.Item").field("name", STRING_SCHEMA).build())
        .build()
    )


def test_a_schema_as_confluents_converter_writes_it() -> None:
    assert write_proto(proto_of(order(), PLAIN)) == (
        'syntax = "proto3";\n'
        "package org.example;\n"
        "\n"
        'import "confluent/type/decimal.proto";\n'
        'import "google/type/date.proto";\n'
        'import "google/type/timeofday.proto";\n'
        'import "google/protobuf/timestamp.proto";\n'
        "\n"
        "message Order {\n"
        "  int32 id = 1;\n"
        '  int32 small = 2 [(confluent.field_meta) = {params: [{key: "connect.type", value: "int8"}]}];\n'
        "  string note = 3;\n"
        '  confluent.type.Decimal price = 4 [(confluent.field_meta) = {params: [{key: "precision", value: "9"}, '
        '{key: "scale", value: "2"}]}];\n'
        "  google.type.Date day = 5;\n"
        "  google.type.TimeOfDay hour = 6;\n"
        "  google.protobuf.Timestamp at = 7;\n"
        "  repeated string tags = 8;\n"
        "  repeated countsEntry counts = 9;\n"
        "  Item item = 10;\n"
        "\n"
        "  message countsEntry {\n"
        "    string key = 1;\n"
        "    int32 value = 2;\n"
        "  }\n"
        "  message Item {\n"
        "    string name = 1;\n"
        "  }\n"
        "}\n"
    )


def test_values_come_back() -> None:
    schema = order()
    item = schema.field("item")
    assert item is not None
    at = datetime.datetime(1969, 12, 31, 23, 59, 59, 250_000, tzinfo=datetime.UTC)
    value = Struct(
        schema,
        id=-7,
        small=-128,
        price=Decimal("-123.45"),
        day=datetime.date(2026, 11, 29),
        hour=datetime.time(23, 59, 59, 999_000),
        at=at,
        tags=["a", "ü"],
        counts={"x": 1, "y": 0},
        item=Struct(item.schema, name="n"),
    )
    back, read, _ = through(schema, value)
    assert (back.name, [field.name for field in back.fields]) == ("Order", [field.name for field in schema.fields])
    told = {field.name: read[field.name] for field in back.fields}
    assert told.pop("item")["name"] == "n"
    assert told == {
        "id": -7,
        "small": -128,
        "note": "",  # proto3 does not know whether it was written
        "price": Decimal("-123.45"),
        "day": datetime.date(2026, 11, 29),
        "hour": datetime.time(23, 59, 59, 999_000),
        "at": at,
        "tags": ["a", "ü"],
        "counts": {"x": 1, "y": 0},
    }
    tags = [names.parameter(field.schema, names.TAG) for field in back.fields]
    assert tags == [str(number) for number in range(1, 11)]
    price = back.field("price")
    assert price is not None
    assert (names.parameter(price.schema, "scale"), names.parameter(price.schema, names.PRECISION)) == ("2", "9")


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        (ProtobufSettings(optional_for_nullables=True), "  optional string note = 1;\n"),
        (ProtobufSettings(wrapper_for_nullables=True), "  google.protobuf.StringValue note = 1;\n"),
    ],
)
def test_nulls_that_stay_nulls(settings: ProtobufSettings, line: str) -> None:
    schema = SchemaBuilder.struct().name("N").field("note", OPTIONAL_STRING_SCHEMA).field("id", INT32_SCHEMA).build()
    for note in (None, "", "x"):
        back, read, text = through(schema, Struct(schema, note=note, id=1), settings)
        assert line in text
        assert (read["note"], read["id"]) == (note, 1)
        assert [field.schema.optional for field in back.fields] == [True, False]


PROTO: Final = """
syntax = "proto3";
package a.b;
import "google/protobuf/wrappers.proto";
enum Colour { RED = 0; GREEN = 5; }
message All {
  oneof which { string text = 1; Inner inner = 2; google.protobuf.Int64Value wrapped = 12; }
  oneof other { int32 number = 3; }
  Colour colour = 4;
  repeated Colour colours = 5;
  map<string, Inner> inners = 6;
  map<int32, double> numbers = 7;
  uint32 u32 = 8;
  fixed64 f64 = 9;
  sint32 s32 = 10;
  optional bool told = 11;
  bytes raw = 13;
  message Inner { float f = 1; }
}
"""


def test_a_schema_of_others() -> None:
    message = message_class_of(parse_proto(PROTO), 0)
    schema = ConnectOf(PLAIN).convert(message.DESCRIPTOR, 3)
    assert (schema.name, schema.version) == ("All", 3)
    assert [(field.name, field.schema.type.name) for field in schema.fields] == [
        ("which_0", "STRUCT"),
        ("other_1", "STRUCT"),
        ("colour", "STRING"),
        ("colours", "ARRAY"),
        ("inners", "MAP"),
        ("numbers", "MAP"),
        ("u32", "INT64"),
        ("f64", "INT64"),
        ("s32", "INT32"),
        ("told", "BOOLEAN"),
        ("raw", "BYTES"),
    ]
    which = schema.fields[0].schema
    assert (which.name, which.optional) == (f"{names.UNION}.which", True)
    assert [field.name for field in which.fields] == ["text", "inner", "wrapped"]
    assert schema.fields[2].schema.parameters == {
        names.ENUM: "Colour",
        f"{names.ENUM}.RED": "0",
        f"{names.ENUM}.GREEN": "5",
        names.TAG: "4",
    }
    assert names.parameter(schema.fields[8].schema, names.TYPE) == "sint32"
    data = message(inner={"f": 0.5}, colour=5, colours=[0, 5, 7], u32=2**32 - 1, f64=2**64 - 2, s32=-3, raw=b"\0")
    data.inners["k"].f = 1.5
    data.numbers[-1] = 2.5
    read = MessageReader(PLAIN).reader(schema, message.DESCRIPTOR)(data)
    assert read["which_0"]["inner"]["f"] == 0.5
    assert (read["which_0"]["text"], read["other_1"], read["told"]) == (None, None, None)
    assert (read["colour"], read["colours"]) == ("GREEN", ["RED", "GREEN", "UNKNOWN_ENUM_VALUE_Colour_7"])
    assert (read["u32"], read["f64"], read["s32"], read["raw"]) == (2**32 - 1, -2, -3, b"\0")
    assert {key: each["f"] for key, each in read["inners"].items()} == {"k": 1.5}
    assert read["numbers"] == {-1: 2.5}


def test_what_came_from_protobuf_goes_back() -> None:
    message = message_class_of(parse_proto(PROTO), 0)
    for settings in (PLAIN, ProtobufSettings(wrapper_for_nullables=True), ProtobufSettings(int_for_enums=True)):
        schema = ConnectOf(settings).convert(message.DESCRIPTOR)
        reader = MessageReader(settings).reader(schema, message.DESCRIPTOR)
        data = message(wrapped={"value": 0}, number=0, colour=5, colours=[5], u32=7, f64=2**64 - 1, s32=-3, told=False)
        data.numbers[3] = 2.5
        again, read, text = through(schema, reader(data), settings)
        assert "oneof which {" in text
        names_of = [field.name for field in again.fields]
        assert sorted(names_of) == sorted(field.name for field in schema.fields)
        for name in ("colour", "colours", "u32", "f64", "s32", "numbers"):
            assert read[name] == reader(data)[name]
        assert read["other_1"]["number"] == 0
        wrapped = read["which_0"]["wrapped"]
        assert (wrapped if settings.wrapper_for_nullables else wrapped["value"]) == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_schemas_and_values_come_back(seed: int) -> None:
    """Of generated ones: what proto3 can say at all is said, and read as it was."""
    draw = Generator(seed)
    settings = ProtobufSettings(optional_for_nullables=True, scrub_names=True)
    same = refused = 0
    for number in range(CASES):
        part = draw.schema(2)
        schema = SchemaBuilder.struct().name("Root").field("it", part).build()
        try:
            value = draw.value(part)
            _, read, text = through(schema, Struct(schema).put("it", value), settings)
        except DataError:
            refused += 1
            continue
        if part.type in (Type.STRUCT, Type.MAP, Type.ARRAY) or value is None:
            continue
        assert read["it"] == value or value != value, (number, text, schema_on_wire(part), value)
        same += 1
    assert same > CASES // 4, refused


@pytest.mark.parametrize(
    ("schema", "value", "text"),
    [
        (SchemaBuilder.array(SchemaBuilder.array(STRING_SCHEMA).build()).build(), [["x"]], "cannot be nested"),
        (INT32_SCHEMA, 1, "no struct"),
    ],
)
def test_what_protobuf_cannot_say(schema: Schema, value: Any, text: str) -> None:
    if schema.type is not Type.INT32:
        schema, inner = SchemaBuilder.struct().name("R").field("it", schema).build(), value
        value = Struct(schema).put("it", inner)
    with pytest.raises(DataError, match=text):
        through(schema, value)


def test_a_message_that_holds_itself() -> None:
    message = message_class_of(parse_proto('syntax = "proto3"; message Tree { repeated Tree children = 1; }'), 0)
    with pytest.raises(DataError, match="Tree holds itself"):
        ConnectOf(PLAIN).convert(message.DESCRIPTOR)


def test_names_that_protobuf_does_not_take() -> None:
    assert [names.scrubbed(name) for name in ("a-b", "1a", "_a", "a b", "ü", "a~", "ok")] == [
        "a_b",
        "x1a",
        "x_a",
        "a_b",
        "_C3_BC",
        "a_7E",
        "ok",
    ]
    assert [names.map_name(names.entry_name(name)) for name in ("tags", "my_tags", "myTags")] == [
        "tags",
        "my_tags",
        "my_tags",
    ]
