"""Transformations and predicates beside Java's: what they take, the same records of the same ones, the same errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from tests.connect.generator import LITERALS, NAMES, Generator
from tests.connect.wire import assert_all_same, assert_same, outcome, record_on_wire

from ottla.connect.api.header import Headers
from ottla.connect.api.record import SinkRecord, SourceRecord, TimestampType
from ottla.connect.data import logical
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.transforms.names import PREDICATES, TRANSFORMATIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.connect.oracle.process import ConnectOracle

    from ottla.connect.api.record import ConnectRecord
    from ottla.connect.data.schema import Schema

pytestmark = pytest.mark.java

CONFIGS: Final = 16
RECORDS: Final = 6
"""For each configuration."""
SEEDS: Final = [1, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 30))]
ALL: Final = sorted(TRANSFORMATIONS | PREDICATES)
TYPES: Final = ("int8", "INT16", "int32", "int64", "float32", "float64", "boolean", "string", "string", "bytes", "none")
REGEXES: Final = (
    "(.*)",
    "o(.+)s",
    "(?<first>.).*",
    "orders",
    "[a-z]+",
    "\\w{6}",
    "x",
    "(",
    "\\Qorders\\E",
    "(?i)ORDERS",
)
REPLACEMENTS: Final = ("$1", "new-$0", "${first}-x", "a$1b$12", "\\$1", "$2", "${none}", "plain")
PATHS: Final = (*NAMES, *NAMES, "a.b", "`a.b`", "a.`b", "`x` y`.b", "b.a.id", "`a\\`.b`", "a.", "name.a", "id.b")
FORMATS: Final = (
    "yyyy-MM-dd",
    "yyyyMMddHHmmss",
    "yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
    "EEE, d MMM yyyy hh:mm:ss a zzz",
    "EEEE MMMM dd. D w W F u k K S SSSS yy G",
    "Y-'W'w",
    "",
    "bogus",
    "'open",
)
DATES: Final = (
    "2026-11-29",
    "2026-13-45",
    "1999-1-1 and more",
    "20261129104500",
    "2026-11-29T08:15:30.123Z",
    "2026-11-29T08:15:30.123+05:30",
    "Sun, 29 Nov 2026 08:15:30 PM UTC",
    "0200-02-30",
    "nonsense",
    "",
)


def short(name: str) -> str:
    return name.rpartition(".")[2]


def test_every_one_is_there() -> None:
    assert len({short(name).partition("$")[0] for name in TRANSFORMATIONS}) == 16
    assert len(PREDICATES) == 3


@pytest.mark.parametrize("name", ALL, ids=short)
def test_what_they_take(oracle: ConnectOracle, name: str) -> None:
    (java,) = oracle.ask({"ask": "config", "class": name})
    definition = (TRANSFORMATIONS | PREDICATES)[name]().config()
    ours = []
    for key in definition.config_keys.values():
        info = key.info()
        assert info.pop("documentation")
        ours.append(info | {"valid": None if key.validator is None else str(key.validator)})
    assert ours == java["keys"]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", ALL, ids=short)
def test_same_records(oracle: ConnectOracle, name: str, seed: int) -> None:
    draw = Generator(seed)
    kind = short(name).partition("$")[0]
    configs = [configured(draw, kind) for _ in range(CONFIGS)]
    java_made = oracle.ask(*({"ask": "configure", "class": name, "config": config} for config in configs))
    cases: list[tuple[Any, ConnectRecord, dict[str, str]]] = []
    for config, java in zip(configs, java_made, strict=True):
        plugin = (TRANSFORMATIONS | PREDICATES)[name]()
        ours = outcome(lambda: plugin.configure(config) or {})  # noqa: B023  # called at once
        assert_same(ours, java)
        if not ours:
            cases += [(plugin, record(draw, kind), config) for _ in range(RECORDS)]
    ask = {"ask": "transform" if name in TRANSFORMATIONS else "test", "class": name}
    before = [record_on_wire(each) for _, each, _ in cases]
    answers = oracle.ask(*(ask | {"config": case[2], "record": said} for case, said in zip(cases, before, strict=True)))
    assert_all_same(cases, answers, applied)
    assert [record_on_wire(each) for _, each, _ in cases] == before


def applied(case: tuple[Any, ConnectRecord, dict[str, str]]) -> dict[str, Any]:
    plugin, given, _ = case
    if hasattr(plugin, "test"):
        return {"holds": plugin.test(given)}
    return {"record": record_on_wire(plugin.apply(given))}


def configured(draw: Generator, kind: str) -> dict[str, str]:
    """A configuration of that plugin, right or not."""
    config = _CONFIGS[kind](draw)
    has_default = kind in ["Cast", "ExtractField", "HeaderFrom", "InsertField", "MaskField", "ReplaceField"]
    if (has_default or kind in ["SetSchemaMetadata", "TimestampConverter", "ValueToKey"]) and draw.chance(3):
        config["replace.null.with.default"] = "false"
    return config


def listed(draw: Generator) -> str:
    return ",".join(draw.names(1, 3))


def optional(draw: Generator, **parts: Callable[[], str]) -> dict[str, str]:
    """Any of these settings."""
    return {key.replace("_", "."): make() for key, make in parts.items() if draw.chance(2)}


def spec(draw: Generator) -> str:
    return draw.choice(("new", "a", "id")) + draw.choice(("", "?", "!"))


def casts(draw: Generator) -> str:
    if draw.chance(3):
        return draw.choice((*TYPES, "", "a:b:c", "int8,int8"))
    return ",".join(f"{name}:{draw.choice(TYPES[:-1])}" for name in draw.names(1, 4))


_CONFIGS: Final[dict[str, Callable[[Generator], dict[str, str]]]] = {
    "Cast": lambda draw: {"spec": casts(draw)},
    "DropHeaders": lambda draw: {"headers": listed(draw)},
    "ExtractField": lambda draw: {
        "field": draw.choice(PATHS),
        **optional(draw, field_syntax_version=lambda: draw.choice(("V2", "V2", "v1"))),
    },
    "Filter": lambda _: {},
    "Flatten": lambda draw: optional(draw, delimiter=lambda: draw.choice(("_", "", ".."))),
    "HeaderFrom": lambda draw: {
        "fields": ",".join(fields := draw.names(1, 2)),
        "headers": ",".join(draw.names(len(fields), min(len(fields) + draw.chance(5), 2))),
        "operation": draw.choice(("move", "move", "copy", "copy", "steal")),
    },
    "HoistField": lambda draw: {"field": draw.name()},
    "InsertField": lambda draw: optional(
        draw,
        topic_field=lambda: spec(draw),
        partition_field=lambda: spec(draw),
        offset_field=lambda: spec(draw),
        timestamp_field=lambda: spec(draw),
        static_field=lambda: spec(draw),
        static_value=draw.text,
    ),
    "InsertHeader": lambda draw: {"header": draw.name(), "value.literal": draw.choice((draw.text(), *LITERALS))},
    "MaskField": lambda draw: {
        "fields": listed(draw),
        **optional(draw, replacement=lambda: draw.choice(("7", "x", "-300", "1.5", "1e3", ""))),
    },
    "RegexRouter": lambda draw: {"regex": draw.choice(REGEXES), "replacement": draw.choice(REPLACEMENTS)},
    "ReplaceField": lambda draw: optional(
        draw,
        exclude=lambda: listed(draw),
        include=lambda: listed(draw),
        renames=lambda: draw.choice(("a:c", "a:b", "a:c,b:d", "b:a,a:b", "a", "a:", ":b", "id:name")),
    ),
    "SetSchemaMetadata": lambda draw: optional(
        draw,
        schema_name=lambda: draw.choice(("n", "org.example.New")),
        schema_version=lambda: draw.choice(("1", "-7", "x")),
    ),
    "TimestampConverter": lambda draw: {
        "target.type": draw.choice(("string", "unix", "Date", "Time", "Timestamp", "Epoch")),
        "field": draw.choice(("a", "b", "id", "")),
        "format": draw.choice(FORMATS),
        "unix.precision": draw.choice(("seconds", "milliseconds", "microseconds", "nanoseconds")),
    },
    "TimestampRouter": lambda draw: optional(
        draw,
        topic_format=lambda: draw.choice(("${topic}_${timestamp}", "x", "${topic}${topic}", "$1${timestamp}")),
        timestamp_format=lambda: draw.choice(("yyyy", "yyyy-MM-dd HH", "'q'''yy")),
    ),
    "ValueToKey": lambda draw: {"fields": listed(draw)},
    "HasHeaderKey": lambda draw: {"name": draw.name()},
    "RecordIsTombstone": lambda _: {},
    "TopicNameMatches": lambda draw: {"pattern": draw.choice(("o.*", "", "[", "^orders$", *REGEXES))},
}


def record(draw: Generator, kind: str) -> ConnectRecord:
    key_schema, key = half(draw, kind)
    value_schema, value = half(draw, kind)
    headers = Headers()
    for _ in range(draw.randint(0, 3)):
        headers.add(draw.name(), draw.text())
    timestamp = draw.choice((None, logical.epoch_ms(draw.instant()), logical.epoch_ms(draw.instant())))
    topic = draw.choice(("orders", "topic", "o"))
    partition = draw.choice((None, 0, 3))
    if draw.chance(2):
        return SourceRecord({}, {}, topic, partition, key_schema, key, value_schema, value, timestamp, headers)
    created = TimestampType.CREATE_TIME
    offset = draw.randint(0, 1 << 40)
    partition = partition or 0
    return SinkRecord(topic, partition, key_schema, key, value_schema, value, offset, timestamp, created, headers)


def half(draw: Generator, kind: str) -> tuple[Schema | None, Any]:
    """A key or a value with its schema: mostly a struct or a map."""
    dates = kind == "TimestampConverter"
    which = draw.randrange(10)
    if which == 0:
        return None, draw.choice((draw.plain(dates=True), None, draw.choice(DATES), draw.long()))
    if which == 1:
        schema = dated(draw) if dates else draw.schema(1)
    elif which <= 5:
        if dates:
            return None, {
                name: draw.choice((draw.long(), draw.choice(DATES), draw.instant())) for name in draw.names(0, 7)
            }
        return None, draw.plain_map(dates=which == 2)
    elif dates:
        builder = SchemaBuilder.struct()
        for name in ("a", "b", "id"):
            builder.field(name, dated(draw))
        schema = builder.build()
    else:
        schema = draw.struct_schema(1 + (kind in ("Flatten", "ExtractField")))
    value = draw.value(schema)
    if dates and isinstance(value, str):
        value = draw.choice(DATES)
    return schema, value


def dated(draw: Generator) -> Schema:
    made = (logical.date_builder, logical.time_builder, logical.timestamp_builder)
    builder = draw.choice((*made, SchemaBuilder.string, SchemaBuilder.int64, SchemaBuilder.int32))()
    return builder.optional().build() if draw.chance(2) else builder.build()
