"""Values that change their type (`Values`): numbers, text, dates, lists and maps; and which schema fits to one.

`convert_to_…(schema, value)` take the value with its own schema, or `None`. Text is read as `value_parser.parse_string`
says. Whatever cannot be converted is a `DataError`.
"""

from __future__ import annotations

import base64
import datetime
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Final

from ottla.connect.api.errors import DataError
from ottla.connect.data import logical
from ottla.connect.data.java_numbers import float_text, number_text, parse_decimal, to_long
from ottla.connect.data.schema import BOOLEAN_SCHEMA, BYTES_SCHEMA, STRING_SCHEMA, Schema
from ottla.connect.data.simple_date_format import SimpleDateFormat
from ottla.connect.data.struct import Struct
from ottla.connect.data.type import NUMBERS, Float32, Type, wrap
from ottla.connect.data.value_parser import ISO_DATE, ISO_TIME, ISO_TIMESTAMP, parse_string

if TYPE_CHECKING:
    from collections.abc import Iterable

_NUMBER: Final = (int, float, Decimal)
_SCHEMAS: Final = {each: Schema(kind) for each, kind in NUMBERS.items()}
_BYTES: Final = (bytes, bytearray, memoryview)
_INSTANT: Final = (datetime.date, datetime.time)


def is_number(value: object) -> bool:
    return isinstance(value, _NUMBER) and not isinstance(value, bool)


def convert_to_boolean(schema: Schema | None, value: object) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        parsed = parse_string(value).value
        if isinstance(parsed, bool):
            return parsed
    return as_long(value, schema) != 0


def convert_to_integer(schema: Schema | None, value: object, bits: int) -> int | None:
    """`convertToByte` (8) … `convertToLong` (64): the low bits of what does not fit."""
    return None if value is None else wrap(as_long(value, schema), bits)


def convert_to_float(schema: Schema | None, value: object) -> float | None:
    return None if value is None else Float32(as_double(value, schema))


def convert_to_double(schema: Schema | None, value: object) -> float | None:
    return None if value is None else float(as_double(value, schema))


def convert_to_string(schema: Schema | None, value: object) -> str | None:
    """JSON for what has parts, ISO 8601 for dates, base64 for bytes, the text itself for text."""
    return None if value is None else _text(value, schema, embedded=False)


def convert_to_list(value: object) -> list[object]:
    if isinstance(value, str):
        value = parse_string(value).value
    if isinstance(value, list | tuple):
        return list(value)
    raise _unfit(value, "a list")


def convert_to_map(value: object) -> dict[object, object]:
    if isinstance(value, str):
        value = parse_string(value).value
    if isinstance(value, dict):
        return value
    raise _unfit(value, "a map")


def convert_to_struct(value: object) -> Struct:
    if isinstance(value, Struct):
        return value
    raise _unfit(value, "a struct")


def convert_to_bytes(schema: Schema, value: object) -> bytes:
    if isinstance(value, _BYTES):
        return bytes(value)
    if isinstance(value, Decimal):
        return logical.decimal_from_logical(schema, value)
    raise _unfit(value, "bytes")


def convert_to_decimal(value: object, scale: int) -> Decimal:
    if isinstance(value, _BYTES):
        return logical.decimal_to_logical(logical.decimal_schema(scale), bytes(value))
    if isinstance(value, Decimal):
        return value
    if is_number(value) and isfinite(double := _double(value)):  # type: ignore[arg-type]
        return Decimal(number_text(double))
    if isinstance(value, str):
        parsed = parse_decimal(value)
        if parsed is not None:
            return parsed
    raise _unfit(value, "a Decimal")


def convert_to_date(schema: Schema | None, value: object) -> logical.Instant:
    value = _parsed(value)
    if isinstance(value, _INSTANT):
        if schema is None or schema.name == logical.DATE:
            return value
        if schema.name == logical.TIMESTAMP:
            days = int(logical.epoch_ms(value) / logical.MILLIS_PER_DAY)
            return logical.date_to_logical(logical.DATE_SCHEMA, days)
    return logical.date_to_logical(logical.DATE_SCHEMA, wrap(as_long(value, schema), 32))


def convert_to_time(schema: Schema | None, value: object) -> logical.Instant:
    value = _parsed(value)
    if isinstance(value, _INSTANT):
        if schema is None or schema.name == logical.TIME:
            return value
        if schema.name == logical.TIMESTAMP:
            return logical.time_to_logical(logical.TIME_SCHEMA, logical.epoch_ms(value) % logical.MILLIS_PER_DAY)
    return logical.time_to_logical(logical.TIME_SCHEMA, wrap(as_long(value, schema), 32))


def convert_to_timestamp(schema: Schema | None, value: object) -> logical.Instant:
    value = _parsed(value)
    if isinstance(value, _INSTANT) and (schema is None or schema.name == logical.TIMESTAMP):
        return value
    ms = as_long(value, schema)
    if isinstance(value, _INSTANT) and schema is not None and schema.name == logical.DATE:
        ms *= logical.MILLIS_PER_DAY
    return logical.timestamp_to_logical(logical.TIMESTAMP_SCHEMA, ms)


def _parsed(value: object) -> object:
    if value is None:
        raise DataError("null cannot become what a schema requires")
    return parse_string(value).value if isinstance(value, str) else value


def infer_schema(value: object) -> Schema | None:
    """The schema that a value without one has; `None` for what may be anything (dates, empty or mixed lists)."""
    if isinstance(value, str):
        return STRING_SCHEMA
    if isinstance(value, bool):
        return BOOLEAN_SCHEMA
    if type(value) in _SCHEMAS:
        return _SCHEMAS[type(value)]
    if isinstance(value, _BYTES):
        return BYTES_SCHEMA
    if isinstance(value, Struct):
        return value.schema
    if isinstance(value, list | tuple):
        element = _common(value)
        return Schema(Type.ARRAY, value_schema=element) if element is not None else None
    if isinstance(value, dict):
        keys, values = _common(value.keys()), _common(value.values())
        return (
            Schema(Type.MAP, key_schema=keys, value_schema=values) if keys is not None and values is not None else None
        )
    return None


def _common(elements: Iterable[object]) -> Schema | None:
    kinds = set()
    optional = False
    for each in elements:
        if each is None:
            optional = True
            continue
        schema = infer_schema(each)
        if schema is None:
            return None
        kinds.add(schema.type)
    return Schema(kinds.pop(), optional=optional) if len(kinds) == 1 else None


def type_of(value: object) -> Type | None:
    """`ConnectSchema.schemaType(value.getClass())`: `None` for dates and decimals."""
    if isinstance(value, str):
        return Type.STRING
    if isinstance(value, bool):
        return Type.BOOLEAN
    if type(value) in NUMBERS:
        return NUMBERS[type(value)]
    if isinstance(value, _BYTES):
        return Type.BYTES
    if isinstance(value, list | tuple):
        return Type.ARRAY
    if isinstance(value, dict):
        return Type.MAP
    return Type.STRUCT if isinstance(value, Struct) else None


def as_long(value: object, schema: Schema | None) -> int:
    """The whole part as 64 bits; of a date, with its schema, its days or milliseconds."""
    if is_number(value):
        return to_long(value)  # type: ignore[arg-type]
    if isinstance(value, str):
        parsed = parse_decimal(value)
        if parsed is not None:
            return to_long(parsed)
    if isinstance(value, _INSTANT) and schema is not None:
        if schema.name == logical.DATE:
            return logical.date_from_logical(schema, value)
        if schema.name == logical.TIME:
            return logical.time_from_logical(schema, value)
        if schema.name == logical.TIMESTAMP:
            return logical.timestamp_from_logical(schema, value)
    raise _unfit(value, "a number")


def as_double(value: object, schema: Schema | None) -> float:
    if isinstance(value, str):
        parsed = parse_decimal(value)
        if parsed is not None:
            return float(parsed)
    if is_number(value):
        return _double(value)  # type: ignore[arg-type]
    return float(as_long(value, schema))


def _double(value: int | float | Decimal) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def date_text(value: logical.Instant) -> str:
    """`Values.dateFormatFor`: a time on the first of January 1970 and before it, a date at midnight, else both."""
    ms = logical.epoch_ms(value)
    if ms < logical.MILLIS_PER_DAY:
        return _TIME_FORMAT.format(ms)
    return (_TIMESTAMP_FORMAT if ms % logical.MILLIS_PER_DAY else _DATE_FORMAT).format(ms)


_DATE_FORMAT: Final = SimpleDateFormat(ISO_DATE)
_TIME_FORMAT: Final = SimpleDateFormat(ISO_TIME)
_TIMESTAMP_FORMAT: Final = SimpleDateFormat(ISO_TIMESTAMP)


def _text(value: object, schema: Schema | None, *, embedded: bool = True) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _quoted(value) if embedded else value
    if isinstance(value, int | float | Decimal):
        kind = schema.type if schema is not None else None
        if kind is Type.FLOAT32:
            return float_text(float(value))
        return number_text(float(value) if kind is Type.FLOAT64 else value)
    if isinstance(value, _BYTES):
        text = base64.b64encode(value).decode()
        return f'"{text}"' if embedded else text
    if isinstance(value, list | tuple):
        element = _part(schema, Type.ARRAY, keys=False)
        return "[" + ",".join(_text(each, element) for each in value) + "]"
    if isinstance(value, dict):
        keys, values = _part(schema, Type.MAP, keys=True), _part(schema, Type.MAP, keys=False)
        return "{" + ",".join(f"{_text(key, keys)}:{_text(each, values)}" for key, each in value.items()) + "}"
    if isinstance(value, Struct):
        return "{" + ",".join(f"{_quoted(field.name)}:{_text(each, field.schema)}" for field, each in value) + "}"
    if isinstance(value, _INSTANT):
        return date_text(value)
    raise DataError(f"A value of type {type(value).__name__} has no text")


def _part(schema: Schema | None, kind: Type, *, keys: bool) -> Schema | None:
    if schema is None or schema.type is not kind:
        return None
    return schema.key_schema if keys else schema.value_schema


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _unfit(value: object, wanted: str) -> DataError:
    shown = repr(value)
    shown = shown if len(shown) <= 100 else shown[:100] + "…"
    return DataError(f"The {type(value).__name__} {shown} cannot become {wanted}")
