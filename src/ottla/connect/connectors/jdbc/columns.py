"""Columns of a database as fields of Connect's, and fields as columns.

| column | field |
|---|---|
| TINYINT, SMALLINT, INTEGER, BIGINT (SQLite: INTEGER) | INT8, INT16, INT32, INT64 (INT64) |
| REAL (PostgreSQL), other floating | FLOAT32, FLOAT64 |
| NUMERIC(p, s) | Decimal of the scale, 127 where there is none; `numeric.mapping` for numbers |
| BOOLEAN, texts, binary | BOOLEAN, STRING, BYTES |
| DATE, TIME, TIMESTAMP | Date, Time, Timestamp (`timestamp.granularity` for longs and texts) |
| arrays | arrays |
| JSON, UUID, intervals, whatever else | STRING |

A value that a column should not have (SQLite takes any) is a `DataError`, never made to fit.
"""

from __future__ import annotations

import datetime
import json
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ottla.connect.api.errors import DataError
from ottla.connect.connectors.jdbc.database import EXTRA, sqlalchemy
from ottla.connect.connectors.library import load
from ottla.connect.data import logical
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.type import INTEGER_HALF, Type

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from zoneinfo import ZoneInfo

    from ottla.connect.data.schema import Schema

SCALE_UNSET: Final = 127
NUMERIC_MAPPINGS: Final = ("none", "precision_only", "best_fit", "best_fit_eager_double")
_WIDE: Final = Context(prec=1000)
_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICROSECOND: Final = datetime.timedelta(microseconds=1)
KEY_TEXT_LENGTH: Final = 256
"""Of a text that is a key, where the database wants to know."""


class ColumnSettings(NamedTuple):
    dialect: str
    zone: ZoneInfo
    numeric_mapping: str = "none"
    granularity: str = "connect_logical"


class Field(NamedTuple):
    """A column as it is read: the schema of its field, and what makes the field's value of the column's."""

    name: str
    schema: Schema
    convert: Callable[[Any], Any]
    """Of a value that is not null."""

    def value(self, value: Any) -> Any:
        if value is None:
            if self.schema.optional:
                return None
            raise DataError(f"The column {self.name} is null, and must not be")
        try:
            return self.convert(value)
        except DataError as error:
            raise DataError(f"The column {self.name}: {error}") from error

    def values(self, column: Sequence[Any]) -> Sequence[Any]:
        """Of many rows; most are what they are to be."""
        kinds = set(map(type, column))
        if self.schema.optional:
            kinds.discard(type(None))
        if kinds == {int} and isinstance(self.convert, _InRange):
            numbers = [each for each in column if each is not None]
            if self.convert.has(min(numbers)) and self.convert.has(max(numbers)):
                return column
        elif not kinds or kinds == {_UNCHANGED.get(self.convert)}:
            return column
        return [self.value(each) for each in column]


def field_of(name: str, type_: Any, nullable: bool, settings: ColumnSettings) -> Field:
    builder, convert = _field(type_, settings)
    if nullable:
        builder.optional()
    return Field(name, builder.build(), convert)


class _InRange:
    """An integer of a type."""

    def __init__(self, kind: Type) -> None:
        self._kind = kind
        self._half = INTEGER_HALF[kind]

    def has(self, number: int) -> bool:
        return -self._half <= number < self._half

    def __call__(self, value: Any) -> int:
        number = _integral(value)
        if not self.has(number):
            raise DataError(f"{value} is no {self._kind.value}")
        return number


def _field(type_: Any, settings: ColumnSettings) -> tuple[SchemaBuilder, Callable[[Any], Any]]:
    types = sqlalchemy().types
    if isinstance(type_, types.Boolean):
        return SchemaBuilder.bool(), _boolean
    if isinstance(type_, types.Integer):
        return _integer(type_, settings)
    if isinstance(type_, types.Float):
        is_single = type_.__class__.__name__ == "REAL" and settings.dialect == "postgresql"
        return (SchemaBuilder.float32() if is_single else SchemaBuilder.float64()), _float
    if isinstance(type_, types.Numeric):
        return _numeric(type_.precision, type_.scale, settings.numeric_mapping)
    if isinstance(type_, types.DateTime):
        return _timestamp(settings)
    if isinstance(type_, types.Date):
        return logical.date_builder(), _instance(datetime.date)
    if isinstance(type_, types.Time):
        return logical.time_builder(), _instance(datetime.time)
    if isinstance(type_, types.LargeBinary | types.BINARY | types.VARBINARY):
        return SchemaBuilder.bytes(), _binary
    if isinstance(type_, types.ARRAY) and (type_.dimensions or 1) == 1:
        builder, convert = _field(type_.item_type, settings)
        element = builder.optional().build()
        return SchemaBuilder.array(element), lambda value: [None if each is None else convert(each) for each in value]
    return SchemaBuilder.string(), _text


def _integer(type_: Any, settings: ColumnSettings) -> tuple[SchemaBuilder, Callable[[Any], Any]]:
    types = sqlalchemy().types
    name = type_.__class__.__name__
    kind = Type.INT32
    if settings.dialect == "sqlite" or isinstance(type_, types.BigInteger):
        kind = Type.INT64
    elif name == "TINYINT":
        kind = Type.INT8
    elif isinstance(type_, types.SmallInteger):
        kind = Type.INT16
    if getattr(type_, "unsigned", False):
        wider = {Type.INT8: Type.INT16, Type.INT16: Type.INT32, Type.INT32: Type.INT64}
        if kind not in wider:
            return logical.decimal_builder(0), lambda value: to_scale(Decimal(_integral(value)), 0)
        kind = wider[kind]
    return SchemaBuilder(kind), _InRange(kind)


def _integral(value: Any) -> int:
    if isinstance(value, bool):
        return int(value)
    if not isinstance(value, int):
        raise DataError(f"{value!r} is no integer")
    return value


def _float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise DataError(f"{value!r} is no number")
    return float(value)


def _boolean(value: Any) -> bool:
    if value not in (0, 1):
        raise DataError(f"{value!r} is no boolean")
    return bool(value)


def _numeric(precision: int | None, scale: int | None, mapping: str) -> tuple[SchemaBuilder, Callable[[Any], Any]]:
    if mapping != "none" and precision is not None and 0 < precision < 19:
        if not scale:
            kind = next(each for each, below in _FITTING if precision < below)
            return SchemaBuilder(kind), lambda value: int(to_scale(_decimal(value), 0))
        if mapping.startswith("best_fit"):
            return SchemaBuilder.float64(), _float
    if mapping == "best_fit_eager_double" and scale != 0:
        return SchemaBuilder.float64(), _float
    wanted = SCALE_UNSET if scale is None and precision is None else scale or 0
    return logical.decimal_builder(wanted), lambda value: to_scale(_decimal(value), wanted)


_FITTING: Final = ((Type.INT8, 3), (Type.INT16, 5), (Type.INT32, 10), (Type.INT64, 19))


def _decimal(value: Any) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Decimal(str(value))
    raise DataError(f"{value!r} is no number")


def to_scale(value: Decimal, scale: int) -> Decimal:
    """The same number with so many digits after the point; `DataError` where it has more."""
    if not value.is_finite():
        raise DataError(f"A Decimal cannot be {value}")
    fitted = value.quantize(Decimal(1).scaleb(-scale), context=_WIDE)
    if fitted != value:
        raise DataError(f"{value} has more than {scale} digits after the point")
    return fitted


def _instance(kind: type) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        if not isinstance(value, kind):
            raise DataError(f"{value!r} is no {kind.__name__}")
        return value

    return convert


def _binary(value: Any) -> bytes:
    if not isinstance(value, bytes | bytearray | memoryview):
        raise DataError(f"{value!r} is no bytes")
    return bytes(value)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        try:
            return bytes(value).decode()
        except UnicodeDecodeError:
            raise DataError("the bytes are no text") from None
    if isinstance(value, dict | list | bool):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)
    return str(value)


_UNCHANGED: Final[dict[Callable[[Any], Any], type]] = {
    _integral: int,
    _float: float,
    _boolean: bool,
    _binary: bytes,
    _text: str,
}
"""Values of this class come out of the function as they are."""


def _timestamp(settings: ColumnSettings) -> tuple[SchemaBuilder, Callable[[Any], Any]]:
    def micros(value: Any) -> int:
        return (in_utc(value, settings.zone) - _EPOCH) // _MICROSECOND

    def iso(value: Any) -> str:
        return in_utc(value, settings.zone).replace(tzinfo=None).isoformat(timespec="microseconds")

    granularity = settings.granularity
    if granularity == "micros_long":
        return SchemaBuilder.int64(), micros
    if granularity == "nanos_long":
        return SchemaBuilder.int64(), lambda value: micros(value) * 1000
    if granularity == "micros_string":
        return SchemaBuilder.string(), lambda value: str(micros(value))
    if granularity == "nanos_string":
        return SchemaBuilder.string(), lambda value: str(micros(value) * 1000)
    if granularity == "micros_iso_datetime_string":
        return SchemaBuilder.string(), iso
    return logical.timestamp_builder(), lambda value: in_utc(value, settings.zone)


GRANULARITIES: Final = (
    "connect_logical",
    "micros_long",
    "nanos_long",
    "micros_string",
    "nanos_string",
    "micros_iso_datetime_string",
)


def in_utc(value: Any, zone: ZoneInfo) -> datetime.datetime:
    """A timestamp of the database, in UTC; one without a time zone is in `zone`."""
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        value = datetime.datetime(value.year, value.month, value.day)
    if isinstance(value, str):
        try:
            value = datetime.datetime.fromisoformat(value)
        except ValueError:
            raise DataError(f"{value!r} is no timestamp") from None
    if not isinstance(value, datetime.datetime):
        raise DataError(f"{value!r} is no timestamp")
    return (value if value.tzinfo is not None else value.replace(tzinfo=zone)).astimezone(datetime.UTC)


def schema_of_value(value: Any) -> SchemaBuilder:
    """Of a query's column, whose type nobody says: by its first value."""
    if isinstance(value, bool):
        return SchemaBuilder.bool()
    if isinstance(value, int):
        return SchemaBuilder.int64()
    if isinstance(value, float):
        return SchemaBuilder.float64()
    if isinstance(value, Decimal):
        return logical.decimal_builder(max(logical.scale(value), 0))
    if isinstance(value, bytes | bytearray | memoryview):
        return SchemaBuilder.bytes()
    if isinstance(value, datetime.datetime):
        return logical.timestamp_builder()
    if isinstance(value, datetime.date):
        return logical.date_builder()
    if isinstance(value, datetime.time):
        return logical.time_builder()
    return SchemaBuilder.string()


def converter_of(schema: Schema, zone: ZoneInfo) -> Callable[[Any], Any]:
    """What makes a value of a schema of `schema_of_value`, of any later value of that column."""
    by_name: dict[str | None, Callable[[Any], Any]] = {
        logical.TIMESTAMP: lambda value: in_utc(value, zone),
        logical.DATE: _instance(datetime.date),
        logical.TIME: _instance(datetime.time),
    }
    if schema.name == logical.DECIMAL:
        scale = logical.scale_of(schema)
        return lambda value: to_scale(_decimal(value), scale)
    if schema.name in by_name:
        return by_name[schema.name]
    by_type: dict[Type, Callable[[Any], Any]] = {
        Type.BOOLEAN: _boolean,
        Type.INT64: _integral,
        Type.FLOAT64: _float,
        Type.BYTES: _binary,
    }
    return by_type.get(schema.type, _text)


def column_type(schema: Schema, dialect: str, *, is_key: bool = False) -> Any:
    """SQLAlchemy's type of a column for a field. `DataError` for what no column can hold."""
    types = sqlalchemy().types
    if schema.name == logical.DECIMAL:
        return types.Numeric(38 if dialect != "postgresql" else None, logical.scale_of(schema))
    if schema.name == logical.DATE:
        return types.Date()
    if schema.name == logical.TIME:
        return types.Time()
    if schema.name == logical.TIMESTAMP:
        return _mysql().DATETIME(fsp=3) if dialect in ("mysql", "mariadb") else types.DateTime()
    if schema.type is Type.STRING:
        needs_length = is_key and dialect in ("mysql", "mariadb", "mssql", "oracle")
        return types.String(KEY_TEXT_LENGTH) if needs_length else types.Text()
    if schema.type is Type.BYTES:
        needs_length = is_key and dialect in ("mysql", "mariadb")
        return types.VARBINARY(KEY_TEXT_LENGTH) if needs_length else types.LargeBinary()
    found = {
        Type.INT8: types.SmallInteger,
        Type.INT16: types.SmallInteger,
        Type.INT32: types.Integer,
        Type.INT64: types.BigInteger,
        Type.FLOAT32: types.REAL,
        Type.FLOAT64: types.Double,
        Type.BOOLEAN: types.Boolean,
    }.get(schema.type)
    if found is None:
        raise DataError(
            f"there is no column for a field of type {schema.type}; flatten it (org.apache.kafka.connect.transforms."
            "Flatten$Value), or leave it out (fields.whitelist)"
        )
    return found()


def _mysql() -> Any:
    return load("sqlalchemy.dialects.mysql", EXTRA)


_AS_IT_IS: Final = frozenset({str, int, float, bool, bytes, type(None)})


def column_values(values: Sequence[Any], zone: ZoneInfo, *, with_zone: bool = False) -> Sequence[Any]:
    """A field's values as a database's driver takes them."""
    if _AS_IT_IS.issuperset(map(type, values)):
        return values
    return [_column_value(value, zone, with_zone=with_zone) for value in values]


def _column_value(value: Any, zone: ZoneInfo, *, with_zone: bool) -> Any:
    if value.__class__ in _AS_IT_IS:
        return value
    if isinstance(value, datetime.datetime):
        local = value.astimezone(zone)
        return local if with_zone else local.replace(tzinfo=None)
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, float):
        return float(value)
    return value
