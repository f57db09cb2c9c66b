"""Converters beside Java's: the same bytes of the same data, the same data of the same bytes, the same errors."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest
from tests.connect.generator import LITERALS, Generator
from tests.connect.wire import assert_all_same, assert_same, bytes_on_wire, outcome, schema_on_wire, value_on_wire

from ottla.connect.api.errors import DataError
from ottla.connect.converters.json_converter import JsonConverter
from ottla.connect.converters.json_writer import JsonWriter
from ottla.connect.converters.primitive import (
    BooleanConverter,
    ByteArrayConverter,
    DoubleConverter,
    FloatConverter,
    IntegerConverter,
    LongConverter,
    ShortConverter,
)
from ottla.connect.converters.text import SimpleHeaderConverter, StringConverter

if TYPE_CHECKING:
    from tests.connect.oracle.process import ConnectOracle

    from ottla.connect.api.converter import Converter, HeaderConverter
    from ottla.connect.data.schema import Schema

pytestmark = pytest.mark.java

CASES: Final = 200
SEEDS: Final = [1, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 30))]
PACKAGE: Final = "org.apache.kafka.connect."
JSON_SETTINGS: Final[tuple[dict[str, str], ...]] = (
    {},
    {"schemas.enable": "false"},
    {"decimal.format": "NUMERIC"},
    {"replace.null.with.default": "false", "schemas.enable": "false", "decimal.format": "numeric"},
    {"replace.null.with.default": "false"},
)
PRIMITIVE: Final[dict[str, type[Any]]] = {
    "converters.ShortConverter": ShortConverter,
    "converters.IntegerConverter": IntegerConverter,
    "converters.LongConverter": LongConverter,
    "converters.FloatConverter": FloatConverter,
    "converters.DoubleConverter": DoubleConverter,
    "converters.BooleanConverter": BooleanConverter,
    "converters.ByteArrayConverter": ByteArrayConverter,
    "storage.StringConverter": StringConverter,
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("config", JSON_SETTINGS)
def test_json_of_data(oracle: ConnectOracle, config: dict[str, str], seed: int) -> None:
    """There, and what was written back."""
    converter = configured(JsonConverter(), config)
    java = Java(oracle, "json.JsonConverter", config)
    written = java.check_from(converter, data(Generator(seed), CASES))
    java.check_to(converter, written)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("config", JSON_SETTINGS)
def test_data_of_json(oracle: ConnectOracle, config: dict[str, str], seed: int) -> None:
    """JSON of any shape under any schema."""
    draw = Generator(seed)
    writer = JsonWriter(decimals_as_base64=True, replace_null=True, max_schemas=10)
    documents = []
    for _ in range(CASES):
        schema = draw.schema(2)
        text = writer.write_schema(schema)
        payload = draw.json_text() if draw.chance(3) else json.dumps(draw.json_like(schema))
        form = draw.choice(
            ('{"schema":@,"payload":#}', '{"schema":@,"payload":#}', '{ "payload": #, "schema": @ }', "#")
        )
        documents.append(form.replace("#", payload, 1).replace("@", text, 1) if "@" not in payload else payload)
    Java(oracle, "json.JsonConverter", config).check_to(
        configured(JsonConverter(), config), [each.encode() for each in documents]
    )


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("config", ({}, {"replace.null.with.default": "false"}))
def test_data_of_one_schema_again_and_again(oracle: ConnectOracle, config: dict[str, str], seed: int) -> None:
    """What begins as the record before it did is read in another way."""
    draw = Generator(seed)
    writer = JsonWriter(decimals_as_base64=True, replace_null=True, max_schemas=10)
    documents = []
    for _ in range(CASES // 8):
        schema = draw.struct_schema(0)
        beginning = f'{{"schema":{writer.write_schema(schema)},"payload":'
        for _ in range(8):
            payload = draw.json_text() if draw.chance(6) else json.dumps(draw.json_like(schema))
            documents.append(f"{beginning}{payload}}}".encode())
    Java(oracle, "json.JsonConverter", config).check_to(configured(JsonConverter(), config), documents)


ODD: Final = [
    "",
    "  ",
    "nul",
    "null",
    "1 2",
    "12abc",
    "007",
    "-01.5",
    '{"a":00}',
    '"0012"',
    "NaN",
    "[1,]",
    '{"a":1,"a":2}',
    "[" * 5000,
    "1e400",
    "1e99999999999",
    '"\x01"',
    "\ufeff1",
    '{"schema":null,"payload":[1,{"b":2.50}]}',
    '{"schema":null,"payload":1,"more":2}',
    '{"schema":{"type":"int8"},"payload":300}',
    '{"schema":{"type":"int8","optional":1,"version":2.5},"payload":1}',
    '{"schema":{"type":"int9"},"payload":1}',
    '{"schema":{"type":"array"},"payload":[]}',
    '{"schema":{"type":"map","keys":null,"values":{"type":"int8"}},"payload":{}}',
    '{"schema":{"type":"struct","fields":[{"type":"int8"}]},"payload":{}}',
    '{"schema":{"type":"struct","fields":[{"type":"int8","field":"a"},{"type":"int8","field":"a"}]},"payload":{}}',
    '{"schema":{"type":"int8","parameters":{"a":1}},"payload":1}',
    '{"schema":{"type":"int8","optional":true,"default":null},"payload":null}',
    '{"schema":{"type":"int8","default":null},"payload":1}',
    '{"schema":{"type":"string","default":7},"payload":"x"}',
    '{"schema":{"type":"bytes"},"payload":"a"}',
    '{"schema":{"type":"bytes"},"payload":"YQ=="}',
    '{"schema":{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal"},"payload":"YQ=="}',
    '{"schema":{"type":"int32","name":"org.apache.kafka.connect.data.Date"},"payload":3000000000}',
    '{"schema":{"type":"int32","name":"org.apache.kafka.connect.data.Time"},"payload":-1}',
    '{"schema":[],"payload":1}',
    '{"schema":1,"payload":1}',
]


@pytest.mark.parametrize("enabled", ["true", "false"])
def test_odd_json(oracle: ConnectOracle, enabled: str) -> None:
    config = {"schemas.enable": enabled}
    java = Java(oracle, "json.JsonConverter", config)
    java.check_to(configured(JsonConverter(), config), [text.encode() for text in ODD])


@pytest.mark.parametrize(
    "content", ['{"type":"struct","fields":[{"type":"int32","field":"a"}]}', '{"type":"int8"}', "x", ""]
)
def test_schema_content(oracle: ConnectOracle, content: str) -> None:
    config = {"schema.content": content}
    question = {"ask": "configure", "class": PACKAGE + "json.JsonConverter", "config": config}
    (java,) = oracle.ask(question)
    ours = outcome(lambda: configured(JsonConverter(), config) and {})
    assert_same(ours, java)
    if not ours:
        documents = [b'{"a":1}', b"5", b'{"schema":null,"payload":1}', b""]
        Java(oracle, "json.JsonConverter", config).check_to(configured(JsonConverter(), config), documents)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", PRIMITIVE)
def test_primitives(oracle: ConnectOracle, name: str, seed: int) -> None:
    draw = Generator(seed)
    java = Java(oracle, name, {})
    converter = configured(PRIMITIVE[name](), {})
    cases = data(draw, CASES)
    if name.endswith("StringConverter"):
        cases = [(schema, value) for schema, value in cases if "bytes" not in str(value_on_wire(schema, value))]
    java.check_from(converter, cases)
    sizes = (0, 1, 1, 2, 3, 4, 8, 9)
    java.check_to(converter, [None, b"\0", b"\1", *(draw.randbytes(draw.choice(sizes)) for _ in range(CASES // 2))])


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16", "ISO-8859-1", "US-ASCII", "UTF-16LE"])
def test_encodings(oracle: ConnectOracle, encoding: str) -> None:
    config = {"converter.encoding": encoding}
    draw = Generator(1)
    java = Java(oracle, "storage.StringConverter", config)
    java.check_from(configured(StringConverter(), config), [(None, draw.text()) for _ in range(50)])
    if not encoding.startswith("UTF-16"):
        java.check_to(configured(StringConverter(), config), [draw.randbytes(draw.randint(0, 6)) for _ in range(50)])


def test_an_encoding_that_is_not_there(oracle: ConnectOracle) -> None:
    config = {"converter.encoding": "nonsense"}
    (java,) = oracle.ask({"ask": "configure", "class": PACKAGE + "storage.StringConverter", "config": config})
    assert_same(outcome(lambda: configured(StringConverter(), config)), java)


@pytest.mark.parametrize("seed", SEEDS)
def test_simple_headers(oracle: ConnectOracle, seed: int) -> None:
    java = Java(oracle, "storage.SimpleHeaderConverter", {}, "_header")
    written = java.check_from(SimpleHeaderConverter(), data(Generator(seed), CASES))
    java.check_to(SimpleHeaderConverter(), [*written, *(text.encode() for text in LITERALS)])


def data(draw: Generator, count: int) -> list[tuple[Schema | None, Any]]:
    """Values with and without schemas."""
    cases: list[tuple[Schema | None, Any]] = []
    for _ in range(count):
        schema = None if draw.chance(3) else draw.schema(3)
        cases.append((schema, draw.plain(3, dates=True) if schema is None else draw.value(schema)))
    return cases


class Java:
    """One of Java's converters, beside which ours stands."""

    def __init__(self, oracle: ConnectOracle, name: str, config: dict[str, str], kind: str = "") -> None:
        self._oracle = oracle
        self._kind = kind
        self._plugin = {"class": PACKAGE + name, "config": config}

    def check_from(self, converter: HeaderConverter, cases: list[tuple[Schema | None, Any]]) -> list[bytes]:
        """What was written."""
        ask = {"ask": "from" + self._kind, **self._plugin}
        said = [
            ask | {"schema": schema_on_wire(schema), "value": value_on_wire(schema, value)} for schema, value in cases
        ]
        written: list[bytes] = []

        def write(schema: Schema | None, value: Any) -> dict[str, Any]:
            found = converter.from_connect_header("topic", "h", schema, value)
            if found is not None:
                written.append(found)
            return {"bytes": bytes_on_wire(found)}

        answers = self._oracle.ask(*said)
        assert_all_same(cases, answers, lambda case: write(*case))
        return written

    def check_to(self, converter: HeaderConverter, cases: list[bytes] | list[bytes | None]) -> None:
        said = [{"ask": "to" + self._kind, **self._plugin, "bytes": bytes_on_wire(each)} for each in cases]

        def read(each: bytes | None) -> dict[str, Any]:
            schema, value = converter.to_connect_header("topic", "h", each)
            known = None if self._kind else schema  # what a header's text says tells its own type
            return {"schema": schema_on_wire(schema), "value": value_on_wire(known, value)}

        assert_all_same(cases, self._oracle.ask(*said), read)


def configured(converter: Converter, config: dict[str, str]) -> Any:
    converter.configure({"converter.type": "value"} | config)
    return converter


@pytest.mark.parametrize("depth", [300, 100_000])
def test_what_is_nested_too_deeply_is_an_error(depth: int) -> None:
    converter = configured(JsonConverter(), {"schemas.enable": "false"})
    document = b"[" * depth + b"]" * depth
    if depth == 300:
        schema, value = converter.to_connect_data("topic", document)
        assert converter.from_connect_data("topic", schema, value) == document
    else:
        with pytest.raises(DataError):
            converter.to_connect_data("topic", document)
