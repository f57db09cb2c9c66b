"""Which Connect type a column of PostgreSQL has, and how its text becomes a value: as Debezium's connector does.

`ColumnTypes.field_type(oid, modifier)` looks a type up in `TypeInfo`s (rows of `pg_type`); domains are their base,
arrays are of what they are arrays of. Types that Debezium leaves out (composite ones, some geometric ones) are text.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from ottla.connect.connectors.cdc.binary import binary_writer
from ottla.connect.connectors.cdc.envelope import enum_builder
from ottla.connect.connectors.cdc.field_type import ConversionError, FieldType
from ottla.connect.connectors.cdc.geometry import point, point_builder
from ottla.connect.connectors.cdc.numbers import decimal_type
from ottla.connect.connectors.cdc.temporal import (
    DAY_US,
    MICRO_DURATION,
    date_codec,
    iso_time,
    iso_timestamp,
    text_builder,
    time_codec,
    timestamp_codec,
)
from ottla.connect.connectors.postgres import text_values
from ottla.connect.data.logical import decimal_builder
from ottla.connect.data.schema import (
    OPTIONAL_STRING_SCHEMA,
    STRING_SCHEMA,
)
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.type import Type

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ottla.connect.data.struct import Struct

MONTH_US: Final = 2_629_800_000_000
"""Of 365.25 / 12 days."""
INFINITY_TIMESTAMP: Final = {"infinity": 9_223_372_036_825_200_000, "-infinity": -9_223_372_036_832_400_000}
INFINITY_DATE: Final = {"infinity": (1 << 31) - 1, "-infinity": -(1 << 31)}
BITS_MAX: Final = (1 << 31) - 1
HSTORE_MODES: Final = ("json", "map")
INTERVAL_MODES: Final = ("numeric", "string")
DOMAINS_DEEP_MAX: Final = 100
_POINT: Final = re.compile(rb"\(([^,()]+),([^,()]+)\)")


class TypeInfo(NamedTuple):
    """A row of `pg_type`."""

    oid: int
    name: str
    kind: str
    """`b` base, `c` composite, `d` domain, `e` enum, `p` pseudo, `r` range, `m` multirange."""
    category: str
    """`A`: an array."""
    element_oid: int
    base_oid: int
    base_modifier: int
    delimiter: str
    labels: tuple[str, ...]
    """Of an enum, in their order."""


class TypeModes(NamedTuple):
    """What the configuration says of types."""

    decimal: str = "precise"
    time: str = "adaptive"
    binary: str = "bytes"
    hstore: str = "json"
    interval: str = "numeric"
    placeholder: str = "__debezium_unavailable_value"


class ColumnTypes:
    def __init__(self, modes: TypeModes, look_up: Callable[[int], TypeInfo | None]) -> None:
        """`look_up` tells what a type is, `None` where there is no such."""
        self._modes = modes
        self._look_up = look_up
        self._plain = _plain_types(modes)

    def field_type(self, oid: int, modifier: int) -> FieldType:
        """Raises `ConversionError` for a type that is not there."""
        for _ in range(DOMAINS_DEEP_MAX):
            info = self._look_up(oid)
            if info is None:
                raise ConversionError(f"the type with the oid {oid} is not there any more")
            if info.kind != "d":
                return self._of(info, modifier)
            oid, modifier = info.base_oid, info.base_modifier if info.base_modifier >= 0 else modifier
        raise ConversionError(f"the domain with the oid {oid} has no end")

    def _of(self, info: TypeInfo, modifier: int) -> FieldType:
        if info.category == "A" and info.element_oid:
            return self._array(info, self.field_type(info.element_oid, modifier))
        if info.kind == "e":
            labels = ",".join(info.labels)
            return FieldType(lambda: enum_builder(labels), bytes.decode, self._modes.placeholder)
        plain = self._plain.get(info.name)
        if plain is not None:
            return plain
        made = _with_modifier(info.name, modifier, self._modes)
        return made if made is not None else self._plain["text"]

    def _array(self, info: TypeInfo, element: FieldType) -> FieldType:
        convert_element, delimiter = element.convert, info.delimiter

        def convert(text: bytes) -> list[object]:
            values: list[object] = []
            for each in text_values.parse_array(text.decode(), delimiter):
                if isinstance(each, list):
                    raise ConversionError(
                        "an array of several dimensions, which Connect's arrays of one type cannot hold; leave the "
                        "column out with column.exclude.list, or make it json"
                    )
                values.append(None if each is None else convert_element(each.encode()))
            return values

        def builder() -> SchemaBuilder:
            return SchemaBuilder.array(element.builder().optional().build())

        return FieldType(builder, convert, _unavailable_array(element, self._modes.placeholder))


def _unavailable_array(element: FieldType, placeholder: str) -> object:
    if element.unavailable is not None:
        return [element.unavailable]
    if element.builder().build().type in (Type.INT16, Type.INT32, Type.INT64):
        return list(placeholder.encode())
    return None


def _plain_types(modes: TypeModes) -> Mapping[str, FieldType]:
    """Types that no modifier changes, by name."""
    text = FieldType(SchemaBuilder.string, bytes.decode, modes.placeholder)
    json_text = _named_text("io.debezium.data.Json", modes)
    types = {
        "bool": FieldType(SchemaBuilder.bool, lambda value: value == b"t"),
        "int2": FieldType(SchemaBuilder.int16, int),
        "int4": FieldType(SchemaBuilder.int32, int),
        "int8": FieldType(SchemaBuilder.int64, int),
        "oid": FieldType(SchemaBuilder.int64, int),
        "float4": FieldType(SchemaBuilder.float32, float),
        "float8": FieldType(SchemaBuilder.float64, float),
        "json": json_text,
        "jsonb": json_text,
        "uuid": _named_text("io.debezium.data.Uuid", modes),
        "xml": _named_text("io.debezium.data.Xml", modes),
        "ltree": _named_text("io.debezium.data.Ltree", modes),
        "tsvector": _named_text("io.debezium.data.Tsvector", modes),
        "bytea": binary_type(modes.binary, modes.placeholder),
        "money": _money(modes.decimal),
        "date": _date(modes.time),
        "interval": _interval(modes.interval),
        "timetz": FieldType(text_builder("ZonedTime"), _zoned_time),
        "point": FieldType(point_builder, _point),
        "hstore": _hstore(modes),
    }
    for name in ("text", "varchar", "bpchar", "char", "name", "citext"):
        types[name] = text
    return types


def _with_modifier(name: str, modifier: int, modes: TypeModes) -> FieldType | None:
    match name:
        case "numeric":
            if modifier < 4:
                return decimal_type(modes.decimal, None, 0)
            scale = (((modifier - 4) & 0x7FF) ^ 1024) - 1024
            return decimal_type(modes.decimal, ((modifier - 4) >> 16) & 0xFFFF, scale)
        case "time":
            builder, of_micros = time_codec(modes.time, modifier if modifier >= 0 else 6)
            return FieldType(builder, lambda value: of_micros(text_values.parse_time(value.decode())[0]))
        case "timestamp":
            return _timestamp(modes.time, modifier if modifier >= 0 else 6)
        case "timestamptz":
            return FieldType(text_builder("ZonedTimestamp"), _zoned_timestamp(modifier if modifier >= 0 else 6))
        case "bit" | "varbit":
            return bits_type(modifier if modifier > 0 else BITS_MAX)
    return None


def _named_text(name: str, modes: TypeModes) -> FieldType:
    return FieldType(lambda: SchemaBuilder.string().name(name).version(1), bytes.decode, modes.placeholder)


def binary_type(mode: str, placeholder: str) -> FieldType:
    def read(text: bytes) -> bytes:
        return text_values.parse_bytea(text)

    hidden = placeholder.encode()
    if mode == "bytes":
        return FieldType(SchemaBuilder.bytes, read, hidden)
    write = binary_writer(mode)
    return FieldType(SchemaBuilder.string, lambda text: write(read(text)), write(hidden))


def bits_type(length: int) -> FieldType:
    """One bit is a boolean, more are bytes, the lowest first."""
    if length == 1:
        return FieldType(SchemaBuilder.bool, lambda value: b"1" in value)

    def convert(value: bytes) -> bytes:
        number = int(value, 2) if value else 0
        return number.to_bytes((number.bit_length() + 7) // 8, "little")

    shown = str(length)
    return FieldType(
        lambda: SchemaBuilder.bytes().name("io.debezium.data.Bits").version(1).parameter("length", shown), convert
    )


def _money(mode: str) -> FieldType:
    inner = decimal_type(mode, 19, 2)
    builder = (lambda: decimal_builder(2)) if mode == "precise" else inner.builder
    return FieldType(builder, lambda value: inner.convert(text_values.parse_money(value.decode())))


def _date(mode: str) -> FieldType:
    builder, of_days = date_codec(mode)

    def convert(value: bytes) -> object:
        text = value.decode()
        if text.endswith("infinity"):
            if mode == "isostring":
                return text
            return of_days(INFINITY_DATE[text])
        return of_days(text_values.parse_date(text))

    return FieldType(builder, convert)


def _timestamp(mode: str, precision: int) -> FieldType:
    builder, of_micros = timestamp_codec(mode, precision)

    def convert(value: bytes) -> object:
        text = value.decode()
        if text.endswith("infinity"):
            if mode == "isostring":
                return text
            if mode == "connect":
                raise ConversionError(f"{text} is no Timestamp of Connect; set time.precision.mode=adaptive")
            return INFINITY_TIMESTAMP[text]
        return of_micros(text_values.parse_timestamp(text))

    return FieldType(builder, convert)


def _zoned_timestamp(precision: int) -> Callable[[bytes], str]:
    digits = precision or None

    def convert(value: bytes) -> str:
        text = value.decode()
        if text.endswith("infinity"):
            return text
        return iso_timestamp(text_values.parse_timestamp(text), digits) + "Z"

    return convert


def _zoned_time(value: bytes) -> str:
    micros, offset_s = text_values.parse_time(value.decode())
    if micros == DAY_US and not offset_s:
        return "24:00:00Z"
    return iso_time((micros - offset_s * 1_000_000) % DAY_US) + "Z"


def _interval(mode: str) -> FieldType:
    if mode == "string":
        return FieldType(text_builder("Interval"), _iso_interval)

    def convert(value: bytes) -> int:
        years, months, days, micros = text_values.parse_interval(value.decode())
        return (years * 12 + months) * MONTH_US + days * DAY_US + micros

    return FieldType(MICRO_DURATION, convert)


def _iso_interval(value: bytes) -> str:
    years, months, days, micros = text_values.parse_interval(value.decode())
    sign = "-" if micros < 0 else ""
    seconds, fraction = divmod(abs(micros), 1_000_000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    shown = f"{seconds}.{fraction:06d}".rstrip("0").rstrip(".") if fraction else str(seconds)
    parts = [f"{sign}{part}" if part not in ("0", 0) else str(part) for part in (hours, minutes, shown)]
    return f"P{years}Y{months}M{days}DT{parts[0]}H{parts[1]}M{parts[2]}S"


def _point(value: bytes) -> Struct:
    found = _POINT.fullmatch(value)
    if found is None:
        raise ValueError(f"{value.decode()!r} is no point")
    return point(float(found[1]), float(found[2]))


def hstore_map_builder() -> SchemaBuilder:
    return SchemaBuilder.map(STRING_SCHEMA, OPTIONAL_STRING_SCHEMA)


def _hstore(modes: TypeModes) -> FieldType:
    if modes.hstore == "map":
        return FieldType(
            hstore_map_builder,
            lambda value: text_values.parse_hstore(value.decode()),
            {modes.placeholder: modes.placeholder},
        )

    def convert(value: bytes) -> str:
        return json.dumps(text_values.parse_hstore(value.decode()), separators=(",", ":"), ensure_ascii=False)

    return FieldType(
        lambda: SchemaBuilder.string().name("io.debezium.data.Json").version(1), convert, modes.placeholder
    )
