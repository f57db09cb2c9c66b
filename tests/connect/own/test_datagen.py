"""Made-up records: of every quickstart, the same by seed, and going on after a restart as if there was none."""

from __future__ import annotations

import json
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.connect.own.tasks import Source, errors_of

from ottla.connect.api.errors import ConfigError
from ottla.connect.connectors.datagen.connector import DatagenConnector
from ottla.connect.connectors.datagen.generator import Generator
from ottla.connect.connectors.datagen.patterns import text_of
from ottla.connect.connectors.datagen.quickstart import QUICKSTARTS
from ottla.connect.data.struct import Struct, validate_value


def generator(seed: int = 1, **fields: object) -> Generator:
    record = {"type": "record", "name": "r", "fields": [{"name": name, "type": each} for name, each in fields.items()]}
    return Generator(json.dumps(record), seed)


def made(kind: object, count: int = 50) -> list[object]:
    found = generator(f=kind)
    return [found.value(number)["f"] for number in range(count)]


@pytest.mark.parametrize("name", QUICKSTARTS)
def test_every_quickstart_is_made(name: str) -> None:
    source = Source(
        DatagenConnector, {"kafka.topic": "t", "quickstart": name.lower(), "max.interval": 0, "iterations": 40}
    )
    records = source.take(40)
    assert len(records) == 40
    for record in records:
        validate_value(record.value_schema, record.value)  # type: ignore[arg-type]
        assert isinstance(record.value, Struct)
        assert record.key == record.value[QUICKSTARTS[name].key_field]
    assert source.poll() == []
    assert len({str(record.value) for record in records}) > 20


def test_a_restart_goes_on_where_it_was() -> None:
    props = {"kafka.topic": "t", "quickstart": "orders", "max.interval": 0, "iterations": 1200, "random.seed": 7}
    whole = [record.value for record in Source(DatagenConnector, props).take(1200)]
    first = Source(DatagenConnector, props)
    values = [record.value for record in first.take(500)]
    values += [record.value for record in Source(DatagenConnector, props, first.offsets).take(700)]
    assert values == whole
    assert [value["orderid"] for value in whole] == list(range(1200))  # type: ignore[index]
    other = Source(DatagenConnector, props | {"random.seed": 8}).take(1200)
    assert [record.value for record in other] != whole


def test_without_a_seed_a_restart_goes_on_too() -> None:
    props = {"kafka.topic": "t", "quickstart": "users", "max.interval": 0, "iterations": 1000}
    first = Source(DatagenConnector, props)
    offset = first.take(500)[-1].source_offset
    assert offset is not None
    second = Source(DatagenConnector, props, first.offsets).take(500)
    again = Source(DatagenConnector, props | {"random.seed": offset["random.seed"]}).take(1000)
    assert [record.value for record in second] == [record.value for record in again[500:]]


def test_an_interval_is_a_pause() -> None:
    source = Source(DatagenConnector, {"kafka.topic": "t", "quickstart": "users", "max.interval": 20})
    assert [len(source.take(1)) for _ in range(3)] == [1, 1, 1]


def test_what_a_schema_says_is_what_is_made() -> None:
    assert set(made({"type": "string", "arg.properties": {"options": ["a", "b"]}})) == {"a", "b"}
    assert made({"type": "int", "arg.properties": {"iteration": {"start": 3, "step": 2, "restart": 9}}}, 5) == [
        3,
        5,
        7,
        3,
        5,
    ]
    assert made({"type": "long", "arg.properties": {"iteration": {"start": 5, "step": -1}}}, 3) == [5, 4, 3]
    assert all(2 <= n < 5 for n in made({"type": "int", "arg.properties": {"range": {"min": 2, "max": 5}}}))  # type: ignore[operator]
    assert all(0.5 <= n < 1.5 for n in made({"type": "double", "arg.properties": {"range": {"min": 0.5, "max": 1.5}}}))  # type: ignore[operator]
    assert set(made({"type": "boolean", "arg.properties": {"odds": 1.0}})) == {True}
    assert {len(each) for each in made({"type": "bytes", "arg.properties": {"length": 4}})} == {4}  # type: ignore[arg-type]
    texts = made({"type": "string", "arg.properties": {"prefix": "<", "suffix": ">", "length": {"min": 1, "max": 3}}})
    assert all(re.fullmatch(r"<[a-z]{1,2}>", str(each)) for each in texts)
    assert set(map(type, made(["null", "string"]))) == {str, type(None)}
    array = {"type": "array", "items": "int", "arg.properties": {"length": 3}}
    assert {len(each) for each in made(array)} == {3}  # type: ignore[arg-type]
    keys = {"length": {"min": 1, "max": 2}, "keys": {"regex": "k[0-9]"}}
    table = {"type": "map", "values": "boolean", "arg.properties": keys}
    assert all(re.fullmatch("k[0-9]", key) for each in made(table) for key in each)  # type: ignore[attr-defined]
    assert set(made({"type": "enum", "name": "e", "symbols": ["X", "Y"]})) == {"X", "Y"}


@pytest.mark.parametrize(
    "kind",
    [
        {"type": "int", "arg.properties": {"range": {"min": 5, "max": 5}}},
        {"type": "int", "arg.properties": {"range": {"min": 0, "max": 1 << 40}}},
        {"type": "int", "arg.properties": {"options": ["a"]}},
        {"type": "int", "arg.properties": {"options": []}},
        {"type": "int", "arg.properties": {"iteration": {"start": 5, "step": 1, "restart": 2}}},
        {"type": "int", "arg.properties": 7},
        {"type": "string", "arg.properties": {"regex": "[a"}},
        {"type": "string", "arg.properties": {"length": -1}},
        {"type": "map", "values": "int", "arg.properties": {"keys": 3}},
        ["int", "string"],
    ],
)
def test_what_cannot_be_made_is_refused(kind: object) -> None:
    with pytest.raises(ConfigError):
        generator(f=kind)


PATTERNS = [
    "[a-f0-9]{4}-[^a]?",
    "a|bc|(d|e)+",
    r"\d{2,}\w\s.",
    "",
    "x*y+?",
    r"[\]\-a]",
    "(?:ab){3}",
    "^Page_[1-9][0-9]?$",
]


@given(st.sampled_from(PATTERNS), st.integers(0, 1 << 30))
def test_texts_match_their_pattern(pattern: str, seed: int) -> None:
    assert re.fullmatch(pattern, text_of(pattern)(random.Random(seed)))


@pytest.mark.parametrize("pattern", ["(", "a)", "*", "[z-a]", "a{2,1}", "a{x}", r"\b", "(?=a)", "[", "a{99999}"])
def test_patterns_that_cannot_be_drawn_from(pattern: str) -> None:
    with pytest.raises(ConfigError, match="cannot be drawn from"):
        text_of(pattern)


def test_wrong_configurations_name_the_key() -> None:
    good = {"kafka.topic": "t", "quickstart": "orders"}
    assert errors_of(DatagenConnector, good) == {}
    assert "kafka.topic" in errors_of(DatagenConnector, {"quickstart": "orders"})
    assert "quickstart" in errors_of(DatagenConnector, {"kafka.topic": "t"})
    assert "quickstart" in errors_of(DatagenConnector, good | {"quickstart": "nonsense"})
    assert "quickstart" in errors_of(DatagenConnector, good | {"schema.string": '"int"'})
    assert "quickstart" in errors_of(DatagenConnector, good | {"schema.keyfield": "nope"})
    assert "max.interval" in errors_of(DatagenConnector, good | {"max.interval": -1})
    assert "schema.string" in errors_of(DatagenConnector, {"kafka.topic": "t", "schema.string": "{"})
    assert "schema.filename" in errors_of(DatagenConnector, {"kafka.topic": "t", "schema.filename": "nowhere.avsc"})
