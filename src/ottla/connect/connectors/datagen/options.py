"""A value that a generator's schema offers (`options`), from JSON to what its schema says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.connect.api.errors import ConfigError, DataError
from ottla.connect.data import logical
from ottla.connect.data.struct import Struct, validate_value
from ottla.connect.data.type import Type

if TYPE_CHECKING:
    from ottla.connect.data.schema import Schema


def option_of(schema: Schema, value: Any, path: str) -> Any:
    """`ConfigError` for one that does not fit."""
    try:
        made = _made(schema, value)
        validate_value(schema, made, path)
    except (DataError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(f"{path}: the option {value!r} does not fit: {error}") from error
    return made


def _made(schema: Schema, value: Any) -> Any:
    if value is None:
        return None
    if schema.name == logical.DATE:
        return logical.date_to_logical(schema, value)
    if schema.name == logical.TIME:
        return logical.time_to_logical(schema, value)
    if schema.name == logical.TIMESTAMP:
        return logical.timestamp_to_logical(schema, value)
    if schema.type is Type.BYTES:
        raw = value.encode("latin-1")
        return logical.decimal_to_logical(schema, raw) if schema.name == logical.DECIMAL else raw
    if schema.type is Type.STRUCT:
        return Struct(schema, **{field.name: _made(field.schema, value.get(field.name)) for field in schema.fields})
    if schema.type is Type.ARRAY:
        assert schema.value_schema is not None
        return [_made(schema.value_schema, each) for each in value]
    if schema.type is Type.MAP:
        assert schema.value_schema is not None
        return {key: _made(schema.value_schema, each) for key, each in value.items()}
    if schema.type in (Type.FLOAT32, Type.FLOAT64):
        return float(value)
    return value
