"""`TimestampConverter`: a date as text, as Unix time, as Date, Time or Timestamp becomes another of these."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ottla.connect.api.config_def import HIGH, LOW, MEDIUM, NO_DEFAULT_VALUE, STRING, ConfigDef
from ottla.connect.api.errors import ConfigError, ConnectError, DataError
from ottla.connect.api.validators import ValidString
from ottla.connect.data import logical
from ottla.connect.data.schema import (
    INT64_SCHEMA,
    OPTIONAL_INT64_SCHEMA,
    OPTIONAL_STRING_SCHEMA,
    STRING_SCHEMA,
)
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.simple_date_format import SimpleDateFormat
from ottla.connect.data.struct import Struct
from ottla.connect.data.type import Type
from ottla.connect.transforms.side import (
    REPLACE_NULL_WITH_DEFAULT,
    OneSided,
    Schemas,
    Side,
    copy_basics,
    define_replace_null,
    field_value,
    require_map,
    require_struct,
    with_entries,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.api.record import ConnectRecord
    from ottla.connect.data.schema import Schema

RecordT = TypeVar("RecordT", bound="ConnectRecord")

FIELD: Final = "field"
TARGET_TYPE: Final = "target.type"
FORMAT: Final = "format"
UNIX_PRECISION: Final = "unix.precision"
TEXT: Final = "string"
UNIX: Final = "unix"
DATE: Final = "Date"
TIME: Final = "Time"
TIMESTAMP: Final = "Timestamp"
_PURPOSE: Final = "converting timestamp formats"
_LONG_MAX: Final = (1 << 63) - 1
_CENTURY_YEARS: Final = 80
"""A year of two digits is within eighty years before and twenty after today."""
_PER_MILLISECOND: Final = {"nanoseconds": 1_000_000, "microseconds": 1000, "milliseconds": 1}
_PRECISIONS: Final = (*_PER_MILLISECOND, "seconds")
_SCHEMAS: Final = {
    TEXT: (STRING_SCHEMA, OPTIONAL_STRING_SCHEMA),
    UNIX: (INT64_SCHEMA, OPTIONAL_INT64_SCHEMA),
    DATE: (logical.DATE_SCHEMA, logical.OPTIONAL_DATE_SCHEMA),
    TIME: (logical.TIME_SCHEMA, logical.OPTIONAL_TIME_SCHEMA),
    TIMESTAMP: (logical.TIMESTAMP_SCHEMA, logical.OPTIONAL_TIMESTAMP_SCHEMA),
}
_LOGICAL: Final = {logical.DATE: DATE, logical.TIME: TIME, logical.TIMESTAMP: TIMESTAMP}


class TimestampConverter(OneSided):
    def config(self) -> ConfigDef:
        definition = ConfigDef()
        definition.define(FIELD, STRING, "", HIGH, "The field, or nothing for the whole.")
        definition.define(
            TARGET_TYPE, STRING, NO_DEFAULT_VALUE, HIGH, "What it becomes.", validator=ValidString(*_SCHEMAS)
        )
        definition.define(FORMAT, STRING, "", MEDIUM, "How text says a date, as Java's SimpleDateFormat knows it.")
        definition.define(
            UNIX_PRECISION,
            STRING,
            "milliseconds",
            LOW,
            "The unit of Unix time; what is shorter than a millisecond is cut off.",
            validator=ValidString(*_PRECISIONS),
        )
        return define_replace_null(definition)

    def configure(self, props: Mapping[str, Any]) -> None:
        settings = self.config().parse(props)
        self._field: str = settings[FIELD]
        self._target: str = settings[TARGET_TYPE]
        self._precision: str = settings[UNIX_PRECISION]
        self._with_default: bool = settings[REPLACE_NULL_WITH_DEFAULT]
        self._format = _format(settings[FORMAT])
        if self._target == TEXT and self._format is None:
            raise ConfigError("TimestampConverter requires format option to be specified when using string timestamps")
        self._schemas = Schemas(self._converted_schema)

    def apply(self, record: RecordT) -> RecordT | None:
        schema, value = self.operating(record)
        if schema is None:
            return self.updated(record, None, self._without_schema(value))
        if not self._field:
            made = _SCHEMAS[self._target][schema.optional]
            return self.updated(record, made, self._convert(value, _type_of(schema)))
        struct = None if value is None else require_struct(value, _PURPOSE)
        made = self._schemas.get(schema)
        return self.updated(record, made, None if struct is None else self._converted(struct, made))

    def _without_schema(self, value: Any) -> object:
        if value is None:
            return None
        if not self._field:
            return self._convert(value, None)
        value = require_map(value, _PURPOSE)
        return with_entries(value, {self._field: self._convert(value.get(self._field), None)})

    def _converted(self, struct: Struct, schema: Schema) -> Struct:
        changed = Struct(schema)
        for field in struct.schema.fields:
            each = field_value(struct, field, self._with_default)
            changed.put(field.name, self._convert(each, _type_of(field.schema)) if field.name == self._field else each)
        return changed

    def _converted_schema(self, schema: Schema) -> Schema:
        builder = copy_basics(schema, SchemaBuilder.struct())
        for field in schema.fields:
            converted = _SCHEMAS[self._target][field.schema.optional]
            builder.field(field.name, converted if field.name == self._field else field.schema)
        if schema.optional:
            builder.optional()
        if isinstance(schema.default_value, Struct):
            builder.default(self._converted(schema.default_value, builder.build()))
        return builder.build()

    def _convert(self, value: Any, kind: str | None) -> object:
        """By way of milliseconds since 1970."""
        if value is None:
            return None
        ms = self._milliseconds(value, kind or _inferred(value))
        if self._target == TEXT:
            assert self._format is not None
            return self._format.format(ms)
        if self._target == UNIX:
            return self._unix(ms)
        if self._target == DATE:
            return logical.instant(ms).date()
        return logical.instant(ms).time() if self._target == TIME else logical.instant(ms)

    def _milliseconds(self, value: Any, kind: str) -> int:
        if kind == TEXT:
            return self._parsed(value)
        if kind == UNIX:
            if not isinstance(value, int):
                raise DataError(f"Unix time is an integer, not {type(value).__name__}")
            if self._precision == "seconds":
                return max(-_LONG_MAX - 1, min(value * 1000, _LONG_MAX))
            return _cut(value, _PER_MILLISECOND[self._precision])
        if not isinstance(value, logical.INSTANT):
            raise DataError(f"A {kind} is a date or time, not {type(value).__name__}")
        return logical.epoch_ms(value)

    def _parsed(self, value: Any) -> int:
        if not isinstance(value, str):
            raise DataError(f"A timestamp of type string is text, not {type(value).__name__}")
        if self._format is None:
            raise DataError(f"{FORMAT} must say how the text {value!r} says a date")
        ms = self._format.parse(value)
        if ms is None:
            pattern = self._format.pattern
            raise DataError(f"Could not parse timestamp: value ({value}) does not match pattern ({pattern})")
        return ms

    def _unix(self, ms: int) -> int:
        if self._precision == "seconds":
            return _cut(ms, 1000)
        return max(-_LONG_MAX - 1, min(ms * _PER_MILLISECOND[self._precision], _LONG_MAX))


class TimestampConverterKey(TimestampConverter):
    side = Side.KEY


class TimestampConverterValue(TimestampConverter):
    side = Side.VALUE


def _format(pattern: str) -> SimpleDateFormat | None:
    if not pattern.strip():
        return None
    century_start = datetime.datetime.now(datetime.UTC).year - _CENTURY_YEARS
    try:
        return SimpleDateFormat(pattern, century_start)
    except ValueError as error:
        raise ConfigError(
            f"TimestampConverter: {pattern} is no pattern of SimpleDateFormat for string timestamps: {error}"
        ) from error


def _type_of(schema: Schema) -> str:
    if schema.name in _LOGICAL:
        return _LOGICAL[schema.name]
    if schema.type is Type.STRING:
        return TEXT
    if schema.type is Type.INT64:
        return UNIX
    raise ConnectError(f"{schema} is none of a timestamp")


def _inferred(value: Any) -> str:
    if isinstance(value, logical.INSTANT):
        return TIMESTAMP
    if type(value) is int:
        return UNIX
    if isinstance(value, str):
        return TEXT
    raise DataError(f"A {type(value).__name__} is no timestamp")


def _cut(value: int, unit: int) -> int:
    """Division as Java does it: towards zero."""
    return value // unit if value >= 0 else -(-value // unit)
