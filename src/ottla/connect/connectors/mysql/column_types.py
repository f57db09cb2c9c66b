"""Which Connect type a column of MySQL or MariaDB has, and how its values become those of a record.

A `Shape` is what is known of a column both from the catalog and from the binary log, so that a row has the same schema
wherever it comes from. Values are what the two libraries make of them.
"""

from __future__ import annotations

import datetime
import re
import struct
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ottla.connect.connectors.cdc.binary import binary_writer
from ottla.connect.connectors.cdc.envelope import ENUM_SET, enum_builder
from ottla.connect.connectors.cdc.field_type import FieldType
from ottla.connect.connectors.cdc.geometry import geometry, geometry_builder, point_builder, point_of_wkb
from ottla.connect.connectors.cdc.numbers import decimal_type
from ottla.connect.connectors.cdc.temporal import (
    YEAR,
    date_codec,
    iso_timestamp,
    text_builder,
    time_codec,
    timestamp_codec,
)
from ottla.connect.connectors.cdc.text import text_of
from ottla.connect.connectors.mysql.binlog_column import ColumnCode
from ottla.connect.connectors.mysql.charsets import BINARY
from ottla.connect.data.schema import FLOAT32_SCHEMA
from ottla.connect.data.schema_builder import SchemaBuilder

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.connect.connectors.mysql.binlog_column import BinlogColumn
    from ottla.connect.connectors.mysql.config import MysqlConfig
    from ottla.connect.data.struct import Struct

_EPOCH: Final = datetime.datetime(1970, 1, 1)
_EPOCH_DAY: Final = datetime.date(1970, 1, 1)
_MICROSECOND: Final = datetime.timedelta(microseconds=1)
_COLUMN_TYPE: Final = re.compile(r"(\w+)(?:\((.*?)\))?(.*)", re.DOTALL)
_LABEL: Final = re.compile(r"'((?:[^']|'')*)'")
_INTEGERS: Final = {"tinyint": 8, "smallint": 16, "mediumint": 24, "int": 32, "bigint": 64}
_TEXTS: Final = frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext"})
_BLOBS: Final = frozenset({"varbinary", "tinyblob", "blob", "mediumblob", "longblob"})
_GEOMETRIES: Final = frozenset(
    {"geometry", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon"}
    | {"geometrycollection", "geomcollection"}
)
_UNSIGNED_MAX: Final = 1 << 63


_BITS: Final = {
    ColumnCode.TINY: 8,
    ColumnCode.SHORT: 16,
    ColumnCode.INT24: 24,
    ColumnCode.LONG: 32,
    ColumnCode.LONGLONG: 64,
}
_SHAPED: Final = {ColumnCode.NEWDECIMAL: "decimal", ColumnCode.BIT: "bit"}
_PLAIN: Final = {
    ColumnCode.ENUM: "enum",
    ColumnCode.SET: "set",
    ColumnCode.TIME2: "time",
    ColumnCode.DATETIME2: "datetime",
    ColumnCode.TIMESTAMP2: "timestamp",
    ColumnCode.FLOAT: "float",
    ColumnCode.DOUBLE: "double",
    ColumnCode.DATE: "date",
    ColumnCode.YEAR: "year",
    ColumnCode.TIME: "time",
    ColumnCode.DATETIME: "datetime",
    ColumnCode.TIMESTAMP: "timestamp",
    ColumnCode.JSON: "json",
    ColumnCode.GEOMETRY: "geometry",
    ColumnCode.VECTOR: "vector",
}


class Shape(NamedTuple):
    """`kind` is `int` with bits, `decimal`, `text`, `bytes`, `datetime` and so on."""

    kind: str
    size: int = 0
    """Bits of an int or a bit field, digits of a decimal, bytes of a `binary`."""
    scale: int = 0
    """Of a decimal; digits of the fraction of a second."""
    unsigned: bool = False
    labels: tuple[str, ...] = ()
    """Of an enum or a set."""


def shape_of_column_type(text: str) -> Shape:
    """`int(10) unsigned`, `decimal(10,2)`, `enum('a','b')`: as the catalog writes it."""
    found = _COLUMN_TYPE.fullmatch(text.strip())
    name, inner, rest = (found[1].lower(), found[2] or "", found[3].lower()) if found else (text, "", "")
    if name in _INTEGERS:
        return Shape("int", _INTEGERS[name], unsigned="unsigned" in rest)
    if name in ("enum", "set"):
        return Shape(name, labels=tuple(each.replace("''", "'") for each in _LABEL.findall(text)))
    numbers = [int(each) for each in inner.split(",") if each.strip().isdigit()]
    if name in ("decimal", "numeric"):
        precision, scale = [*numbers, *(10, 0)[len(numbers) :]][:2]
        return Shape("decimal", precision, scale)
    if name in ("time", "datetime", "timestamp"):
        return Shape(name, scale=numbers[0] if numbers else 0)
    if name == "bit":
        return Shape("bit", numbers[0] if numbers else 1)
    if name == "binary":
        return Shape("binary", numbers[0] if numbers else 1)
    if name in _TEXTS:
        return Shape("text")
    if name in _BLOBS:
        return Shape("bytes")
    return Shape("geometry") if name in _GEOMETRIES else Shape(name)


def shape_of_binlog(column: BinlogColumn) -> Shape:
    """With `binlog_row_metadata=FULL`."""
    code = column.code
    if code in _BITS:
        return Shape("int", _BITS[code], unsigned=column.unsigned)
    if code in _SHAPED:
        return Shape(_SHAPED[code], column.size, column.scale, labels=column.labels)
    if column.is_point:
        return Shape("point")
    if code in _PLAIN:
        return Shape(_PLAIN[code], scale=column.scale, labels=column.labels)
    if column.charset == BINARY:
        return Shape("binary", column.size) if code is ColumnCode.STRING else Shape("bytes")
    return Shape("text")


def field_type(shape: Shape, config: MysqlConfig) -> FieldType:
    placeholder = config.placeholder
    match shape.kind:
        case "int":
            return _integer(shape, config)
        case "decimal":
            return decimal_type(config.decimal_mode, shape.size, shape.scale)
        case "float":
            return FieldType(SchemaBuilder.float32, float)
        case "double":
            return FieldType(SchemaBuilder.float64, float)
        case "date":
            builder, of_days = date_codec(config.time_mode)
            return FieldType(builder, lambda value: _of_date(value, of_days))
        case "year":
            return FieldType(YEAR, int)
        case "time":
            builder, of_micros = time_codec(config.time_mode, shape.scale)
            return FieldType(builder, lambda value: of_micros(value // _MICROSECOND))
        case "datetime":
            builder, of_micros = timestamp_codec(config.time_mode, shape.scale)
            return FieldType(builder, lambda value: _of_datetime(value, of_micros))
        case "timestamp":
            digits = shape.scale or None
            return FieldType(
                text_builder("ZonedTimestamp"),
                lambda value: _of_datetime(value, lambda us: iso_timestamp(us, digits) + "Z"),
            )
        case "enum":
            labels = ",".join(shape.labels)
            return FieldType(lambda: enum_builder(labels), str, placeholder)
        case "set":
            return _set(shape)
        case "bit":
            return _bits(shape.size)
        case "binary" | "bytes":
            return _binary(shape, config)
        case "json":
            return FieldType(
                lambda: SchemaBuilder.string().name("io.debezium.data.Json").version(1), text_of, placeholder
            )
        case "vector":
            return FieldType(vector_builder, _vector)
        case "geometry":
            return FieldType(geometry_builder, _with_srid(geometry))
        case "point":
            return FieldType(point_builder, _with_srid(point_of_wkb))
    return FieldType(SchemaBuilder.string, text_of, placeholder)


def _integer(shape: Shape, config: MysqlConfig) -> FieldType:
    """Unsigned ones need the next type."""
    if shape.size == 64 and shape.unsigned:
        if config.unsigned_is_precise:
            inner = decimal_type("precise", 20, 0)
            return FieldType(inner.builder, lambda value: Decimal(int(value)))
        return FieldType(SchemaBuilder.int64, lambda value: value - (value >= _UNSIGNED_MAX) * (1 << 64))
    if shape.size == 8 or (shape.size == 16 and not shape.unsigned):
        return FieldType(SchemaBuilder.int16, int)
    if shape.size <= 24 or (shape.size == 32 and not shape.unsigned):
        return FieldType(SchemaBuilder.int32, int)
    return FieldType(SchemaBuilder.int64, int)


def _of_date(value: Any, of_days: Callable[[int], object]) -> object:
    """A date that is none (0000-00-00) comes as text from one library, as null from the other."""
    if not isinstance(value, datetime.date):
        return None
    return of_days((value - _EPOCH_DAY).days)


def _of_datetime(value: Any, of_micros: Callable[[int], object]) -> object:
    if not isinstance(value, datetime.datetime):
        return None
    return of_micros((value - _EPOCH) // _MICROSECOND)


def _set(shape: Shape) -> FieldType:
    labels = ",".join(shape.labels)

    def convert(value: Any) -> str:
        return value if isinstance(value, str) else ",".join(each for each in shape.labels if each in value)

    return FieldType(lambda: SchemaBuilder.string().name(ENUM_SET).version(1).parameter("allowed", labels), convert)


def _bits(length: int) -> FieldType:
    def number(value: Any) -> int:
        return int(value, 2) if isinstance(value, str) else int.from_bytes(value, "big")  # a default is a text

    if length == 1:
        return FieldType(SchemaBuilder.bool, lambda value: bool(number(value)))
    shown = str(length)
    return FieldType(
        lambda: SchemaBuilder.bytes().name("io.debezium.data.Bits").version(1).parameter("length", shown),
        lambda value: number(value).to_bytes((length + 7) // 8, "little"),
    )


def _binary(shape: Shape, config: MysqlConfig) -> FieldType:
    write = binary_writer(config.binary_mode)
    builder = SchemaBuilder.bytes if config.binary_mode == "bytes" else SchemaBuilder.string

    def read(value: Any) -> bytes:
        data = value.encode() if isinstance(value, str) else bytes(value)
        return data.ljust(shape.size, b"\0") if shape.kind == "binary" else data  # the log leaves zeros at the end out

    return FieldType(builder, lambda value: write(read(value)), write(config.placeholder.encode()))


def vector_builder() -> SchemaBuilder:
    return SchemaBuilder.array(FLOAT32_SCHEMA).name("io.debezium.data.FloatVector").version(1)


def _vector(value: bytes) -> list[float]:
    return [number for (number,) in struct.iter_unpack("<f", value)]


def _with_srid(make: Callable[[bytes, int | None], Struct]) -> Callable[[bytes], Struct]:
    """Four bytes of the reference system, then well-known binary."""
    return lambda value: make(value[4:], int.from_bytes(value[:4], "little", signed=True) or None)
