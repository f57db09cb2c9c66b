"""Values that change their type, and projections, beside Java's (`Values`, `SchemaProjector`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from tests.connect.generator import LITERALS, Generator
from tests.connect.wire import assert_all_same, schema_on_wire, value_on_wire

from ottla.connect.data import logical, values
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.schema_projector import project
from ottla.connect.data.type import INTEGER_BITS, Int8, Int16, Int32, Type
from ottla.connect.data.value_parser import parse_string

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.connect.oracle.process import ConnectOracle

    from ottla.connect.data.schema import Schema

pytestmark = pytest.mark.java

CASES: Final = 300
SEEDS: Final = [1, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 30))]
_ALL_NULL: Final = "type cannot be null"
"""What Java stumbles over in a list or map of nothing but nulls, which could be anything."""
_EXACT: Final = 1 << 53
_KINDS: Final[dict[int, type[int]]] = {8: Int8, 16: Int16, 32: Int32, 64: int}


def _integer(bits: int) -> Callable[[Schema | None, Any], Any]:
    def convert(schema: Schema | None, value: Any) -> Any:
        found = values.convert_to_integer(schema, value, bits)
        return None if found is None else _KINDS[bits](found)

    return convert


CONVERSIONS: Final[dict[str, Callable[[Schema | None, Any], Any]]] = {
    "boolean": values.convert_to_boolean,
    **{kind.value: _integer(bits) for kind, bits in INTEGER_BITS.items()},
    "float32": values.convert_to_float,
    "float64": values.convert_to_double,
    "string": values.convert_to_string,
    "date": values.convert_to_date,
    "time": values.convert_to_time,
    "timestamp": values.convert_to_timestamp,
    "decimal": lambda _schema, value: values.convert_to_decimal(value, 2),
}


@pytest.mark.parametrize("seed", SEEDS)
def test_parsed_text(oracle: ConnectOracle, seed: int) -> None:
    draw = Generator(seed)
    texts = [*LITERALS, *(draw.text() for _ in range(CASES))]
    texts += [composed(draw, 2) for _ in range(CASES)]

    def parse(text: str) -> dict[str, Any]:
        schema, value = parse_string(text)
        return {"schema": schema_on_wire(schema), "value": value_on_wire(None, value)}

    assert_all_same(texts, oracle.ask(*({"ask": "parse", "text": text} for text in texts)), parse)


def composed(draw: Generator, depth: int) -> str:
    """Lists and maps of literals, some of them broken."""
    if depth == 0 or draw.chance(3):
        return draw.choice((*LITERALS, f'"{draw.text()}"', str(draw.double()), str(draw.long())))
    parts = [composed(draw, depth - 1) for _ in range(draw.randint(0, 3))]
    blank = draw.choice(("", "", " ", "\t"))
    if draw.chance(2):
        return "[" + f"{blank},".join(parts) + draw.choice(("]", "]", "]", "", "]]", ",]"))
    keys = [draw.choice(('"a"', '"b"', "1", "2.5", '"c:d"', "x")) for _ in parts]
    pairs = (f"{key}{blank}:{part}" for key, part in zip(keys, parts, strict=True))
    return "{" + ",".join(pairs) + draw.choice(("}", "}", "}", "", ",}"))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", CONVERSIONS)
def test_converted_values(oracle: ConnectOracle, kind: str, seed: int) -> None:
    draw = Generator(seed)
    cases = [converted(draw) for _ in range(CASES // 3)]
    if kind == "decimal":  # by way of a double, which Java before 19 does not write in the shortest way
        cases = [case for case in cases if not isinstance(case[1], int) or abs(case[1]) < _EXACT]
    questions = [
        {"ask": "convert", "to": kind, "schema": schema_on_wire(schema), "value": value_on_wire(schema, value)}
        for schema, value in cases
    ]
    convert = CONVERSIONS[kind]
    assert_all_same(cases, oracle.ask(*questions), lambda case: {"value": value_on_wire(None, convert(*case))})


def converted(draw: Generator) -> tuple[Schema | None, Any]:
    which = draw.randrange(4)
    if which == 0:
        return None, draw.choice((*LITERALS, draw.text(), str(draw.double()), str(draw.long())))
    if which == 1:
        return None, draw.plain(1, dates=True)
    if which == 2:
        made = (logical.date_builder, logical.time_builder, logical.timestamp_builder)
        schema = draw.choice(made)().build()
    else:
        schema = draw.schema(1)
    return schema, draw.value(schema)


@pytest.mark.parametrize("seed", SEEDS)
def test_inferred_schemas(oracle: ConnectOracle, seed: int) -> None:
    draw = Generator(seed)
    cases = [draw.plain(1, dates=draw.chance(4)) for _ in range(CASES)]
    questions = [
        {"ask": "convert", "to": "schema", "schema": None, "value": value_on_wire(None, each)} for each in cases
    ]
    answers = [{"schema": None} if each.get("message") == _ALL_NULL else each for each in oracle.ask(*questions)]
    assert_all_same(cases, answers, lambda case: {"schema": schema_on_wire(values.infer_schema(case))})


@pytest.mark.parametrize("seed", SEEDS)
def test_projections(oracle: ConnectOracle, seed: int) -> None:
    draw = Generator(seed)
    cases = []
    for _ in range(CASES):
        source = draw.schema(2)
        target = near(draw, source) if not draw.chance(10) else draw.schema(2)
        cases.append((source, draw.value(source), target))
    questions = [
        {
            "ask": "project",
            "source": schema_on_wire(source),
            "value": value_on_wire(source, value),
            "target": schema_on_wire(target),
        }
        for source, value, target in cases
    ]
    assert_all_same(cases, oracle.ask(*questions), lambda case: {"value": value_on_wire(case[2], project(*case))})


def near(draw: Generator, schema: Schema) -> Schema:
    """A schema like that one, with larger numbers, other fields, other defaults."""
    builder = SchemaBuilder(schema.type)
    larger = (Type.INT8, Type.INT16, Type.INT32, Type.INT64, Type.FLOAT32, Type.FLOAT64)
    if schema.type is Type.STRUCT:
        for field in schema.fields:
            if not draw.chance(6):
                builder.field(field.name, near(draw, field.schema))
        if draw.chance(4):
            builder.field("new", draw.schema(0))
    elif schema.type is Type.ARRAY:
        assert schema.value_schema is not None
        builder = SchemaBuilder.array(near(draw, schema.value_schema))
    elif schema.type is Type.MAP:
        assert schema.key_schema is not None
        assert schema.value_schema is not None
        builder = SchemaBuilder.map(near(draw, schema.key_schema), near(draw, schema.value_schema))
    elif schema.type in larger and schema.name is None and draw.chance(2):
        builder = SchemaBuilder(draw.choice(larger[larger.index(schema.type) :]))
    builder.name(schema.name if not draw.chance(20) else "other")
    builder.parameters(schema.parameters or {})
    if schema.optional or draw.chance(4):
        builder.optional()
    if schema.type is not Type.STRUCT and draw.chance(4):
        builder.default(draw.value(builder.build(), null=False))
    return builder.build()
