"""`toString()` of a value as Java has it: what StringConverter writes of anything that is no text."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from ottla.connect.api.errors import DataError
from ottla.connect.data.java_numbers import float_text, number_text
from ottla.connect.data.logical import epoch_ms
from ottla.connect.data.simple_date_format import SimpleDateFormat
from ottla.connect.data.struct import Struct
from ottla.connect.data.type import Type

if TYPE_CHECKING:
    from ottla.connect.data.schema import Schema

_DATE = SimpleDateFormat("EEE MMM dd HH:mm:ss zzz yyyy")


def java_text(value: object, schema: Schema | None = None) -> str:
    """`String.valueOf(value)`; bytes are a `DataError`, since Java writes where in memory they lie."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        if schema is not None and schema.type is Type.FLOAT32:
            return float_text(float(value))
        if schema is not None and schema.type is Type.FLOAT64:
            return number_text(float(value))
        return number_text(value)
    if isinstance(value, datetime.date | datetime.time):
        return _DATE.format(epoch_ms(value))
    if isinstance(value, Struct):
        pairs = zip(value.schema.fields, value.values, strict=True)
        shown = (f"{field.name}={java_text(each, field.schema)}" for field, each in pairs if each is not None)
        return "Struct{" + ",".join(shown) + "}"
    if isinstance(value, list | tuple):
        element = schema.value_schema if schema is not None and schema.type is Type.ARRAY else None
        return "[" + ", ".join(java_text(each, element) for each in value) + "]"
    if isinstance(value, dict):
        keys = schema.key_schema if schema is not None and schema.type is Type.MAP else None
        values = schema.value_schema if schema is not None and schema.type is Type.MAP else None
        pairs_of = (f"{java_text(key, keys)}={java_text(each, values)}" for key, each in value.items())
        return "{" + ", ".join(pairs_of) + "}"
    raise DataError(f"A value of type {type(value).__name__} has no text")
