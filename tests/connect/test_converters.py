"""Converters beside Java's: the same bytes of the same data, the same data of the same bytes, the same errors."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.connect import strategies
from tests.connect.wire import assert_same, bytes_on_wire, outcome, schema_on_wire, value_on_wire

from ottla.connect.converters.json_converter import JsonConverter
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

FEW: Final = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
MANY: Final = settings(max_examples=2000, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
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
LENGTHS: Final = st.sampled_from([0, 1, 2, 3, 4, 8, 9])
JSON_VALUES: Final = st.recursive(
    st.none() | st.booleans() | strategies.TEXTS | st.integers(-(1 << 70), 1 << 70) | st.sampled_from([0.5, -1e9, 3.0]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(strategies.NAMES, inner, max_size=14),
    max_leaves=8,
)


@pytest.fixture(scope="module", params=range(len(JSON_SETTINGS)))
def json_settings(request: pytest.FixtureRequest) -> dict[str, str]:
    index: int = request.param
    return JSON_SETTINGS[index]


@FEW
@given(st.data())
def test_json_of_data(oracle: ConnectOracle, json_settings: dict[str, str], data: st.DataObject) -> None:
    check_json_of_data(oracle, json_settings, data)


@pytest.mark.long
@MANY
@given(st.data())
def test_json_of_much_data(oracle: ConnectOracle, json_settings: dict[str, str], data: st.DataObject) -> None:
    check_json_of_data(oracle, json_settings, data)


def check_json_of_data(oracle: ConnectOracle, config: dict[str, str], data: st.DataObject) -> None:
    """There, and what was written back."""
    schema = data.draw(st.none() | strategies.schemas(3))
    value = data.draw(strategies.plain(dates=True) if schema is None else strategies.values(schema))
    converter = configured(JsonConverter(), config)
    java = Java(oracle, "json.JsonConverter", config)
    written = java.check_from(converter, schema, value)
    if written is not None:
        java.check_to(converter, written)


@FEW
@given(st.data())
def test_data_of_json(oracle: ConnectOracle, json_settings: dict[str, str], data: st.DataObject) -> None:
    check_data_of_json(oracle, json_settings, data)


@pytest.mark.long
@MANY
@given(st.data())
def test_much_data_of_json(oracle: ConnectOracle, json_settings: dict[str, str], data: st.DataObject) -> None:
    check_data_of_json(oracle, json_settings, data)


def check_data_of_json(oracle: ConnectOracle, config: dict[str, str], data: st.DataObject) -> None:
    """JSON of any shape under any schema."""
    schema = data.draw(strategies.schemas(2))
    text = configured(JsonConverter(), {})._writer.write_schema(schema)
    payload = json.dumps(data.draw(JSON_VALUES), ensure_ascii=data.draw(st.booleans()))
    document = data.draw(st.sampled_from(['{"schema":%s,"payload":%s}', '{ "payload":%s2, "schema": %s1}', "%s2"]))
    document = document.replace("%s2", payload).replace("%s1", text)
    document = document.replace("%s", text, 1).replace("%s", payload, 1)
    Java(oracle, "json.JsonConverter", config).check_to(configured(JsonConverter(), config), document.encode())


@pytest.mark.parametrize(
    "text",
    [
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
        '"\\ud800"',
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
        '{"schema":{"type":"struct","fields":[],"default":{}},"payload":null}',
        '{"schema":{"type":"bytes"},"payload":"a"}',
        '{"schema":{"type":"bytes"},"payload":"YQ=="}',
        '{"schema":{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal"},"payload":"YQ=="}',
        '{"schema":{"type":"int32","name":"org.apache.kafka.connect.data.Date"},"payload":3000000000}',
        '{"schema":{"type":"int32","name":"org.apache.kafka.connect.data.Time"},"payload":-1}',
        '{"schema":[],"payload":1}',
        '{"schema":1,"payload":1}',
    ],
)
@pytest.mark.parametrize("enabled", ["true", "false"])
def test_odd_json(oracle: ConnectOracle, text: str, enabled: str) -> None:
    config = {"schemas.enable": enabled}
    Java(oracle, "json.JsonConverter", config).check_to(configured(JsonConverter(), config), text.encode())


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
        for text in ('{"a":1}', "5", '{"schema":null,"payload":1}'):
            Java(oracle, "json.JsonConverter", config).check_to(configured(JsonConverter(), config), text.encode())


@pytest.mark.parametrize("name", PRIMITIVE)
@FEW
@given(st.data())
def test_primitives(oracle: ConnectOracle, name: str, data: st.DataObject) -> None:
    schema = data.draw(st.none() | strategies.schemas(1))
    value = data.draw(strategies.plain(dates=True) if schema is None else strategies.values(schema))
    java = Java(oracle, name, {})
    converter = configured(PRIMITIVE[name](), {})
    if not (name.endswith("StringConverter") and holds_bytes(value)):
        java.check_from(converter, schema, value)
    java.check_to(
        converter, data.draw(st.none() | LENGTHS.flatmap(lambda size: st.binary(min_size=size, max_size=size)))
    )


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16", "ISO-8859-1", "US-ASCII", "UTF-16LE", "nonsense"])
@FEW
@given(strategies.TEXTS, st.binary(max_size=6))
def test_encodings(oracle: ConnectOracle, encoding: str, text: str, data: bytes) -> None:
    config = {"converter.encoding": encoding}
    java = Java(oracle, "storage.StringConverter", config)
    java.check_from(configured(StringConverter(), config), None, text)
    if encoding != "UTF-16LE":
        java.check_to(configured(StringConverter(), config), data)


@FEW
@given(st.data())
def test_simple_headers(oracle: ConnectOracle, data: st.DataObject) -> None:
    check_simple_headers(oracle, data)


@pytest.mark.long
@MANY
@given(st.data())
def test_many_simple_headers(oracle: ConnectOracle, data: st.DataObject) -> None:
    check_simple_headers(oracle, data)


def check_simple_headers(oracle: ConnectOracle, data: st.DataObject) -> None:
    schema = data.draw(st.none() | strategies.schemas(2))
    value = data.draw(strategies.plain(dates=True) if schema is None else strategies.values(schema))
    java = Java(oracle, "storage.SimpleHeaderConverter", {}, "_header")
    written = java.check_from(SimpleHeaderConverter(), schema, value)
    if written is not None:
        java.check_to(SimpleHeaderConverter(), written)


class Java:
    """One of Java's converters, beside which ours stands."""

    def __init__(self, oracle: ConnectOracle, name: str, config: dict[str, str], kind: str = "") -> None:
        self._oracle = oracle
        self._kind = kind
        self._plugin = {"class": PACKAGE + name, "config": config}

    def check_from(self, converter: HeaderConverter, schema: Schema | None, value: object) -> bytes | None:
        question = {"schema": schema_on_wire(schema), "value": value_on_wire(schema, value)}
        (java,) = self._oracle.ask({"ask": "from" + self._kind, **self._plugin, **question})
        written: list[bytes | None] = []

        def write() -> dict[str, Any]:
            written.append(converter.from_connect_header("topic", "h", schema, value))
            return {"bytes": bytes_on_wire(written[0])}

        assert_same(outcome(write), java)
        return written[0] if written else None

    def check_to(self, converter: HeaderConverter, data: bytes | None) -> None:
        (java,) = self._oracle.ask({"ask": "to" + self._kind, **self._plugin, "bytes": bytes_on_wire(data)})

        def read() -> dict[str, Any]:
            schema, value = converter.to_connect_header("topic", "h", data)
            return {"schema": schema_on_wire(schema), "value": value_on_wire(schema, value)}

        assert_same(outcome(read), java)


def configured(converter: Converter, config: dict[str, str]) -> Any:
    converter.configure({"converter.type": "value"} | config)
    return converter


def holds_bytes(value: Any) -> bool:
    """Java writes where in memory they lie."""
    return "bytes" in str(value_on_wire(None, value)) if not hasattr(value, "schema") else True
