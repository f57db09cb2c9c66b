"""`Cast`: fields, or the whole key or value, become numbers, booleans or text. spec=field:type,… or spec=type"""

from __future__ import annotations

import base64
import datetime
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ottla.connect.api.config_def import HIGH, LIST, NO_DEFAULT_VALUE, ConfigDef
from ottla.connect.api.errors import ConfigError, DataError
from ottla.connect.api.validators import LambdaValidator
from ottla.connect.data import logical
from ottla.connect.data.java_hash import ordered
from ottla.connect.data.java_numbers import narrow, parse_floating, to_long
from ottla.connect.data.java_text import java_text
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct
from ottla.connect.data.type import INTEGER_BITS, INTEGER_HALF, Float32, Int8, Int16, Int32, Type
from ottla.connect.data.values import date_text, is_number, type_of
from ottla.connect.transforms.side import (
    REPLACE_NULL_WITH_DEFAULT,
    OneSided,
    Schemas,
    Side,
    copy_basics,
    define_replace_null,
    field_value,
    java_split,
    require_map,
    require_struct,
    with_entries,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.api.record import ConnectRecord
    from ottla.connect.data.schema import Schema

RecordT = TypeVar("RecordT", bound="ConnectRecord")

SPEC: Final = "spec"
_PURPOSE: Final = "cast types"
_OUTPUT: Final = (*INTEGER_BITS, Type.FLOAT32, Type.FLOAT64, Type.BOOLEAN, Type.STRING)
_INPUT: Final = (*_OUTPUT, Type.BYTES)
_INTEGER: Final = re.compile(r"[+-]?\d+")
_INTEGERS: Final[dict[Type, type[int]]] = {Type.INT8: Int8, Type.INT16: Int16, Type.INT32: Int32, Type.INT64: int}


class Cast(OneSided):
    def config(self) -> ConfigDef:
        definition = ConfigDef().define(
            SPEC,
            LIST,
            NO_DEFAULT_VALUE,
            HIGH,
            "Fields and their types (field:type), or the type of the whole: int8, int16, int32, int64, float32, "
            "float64, boolean, string.",
            validator=LambdaValidator(_check_spec, "list of colon-delimited pairs, e.g. <code>foo:bar,abc:xyz</code>"),
        )
        return define_replace_null(definition)

    def configure(self, props: Mapping[str, Any]) -> None:
        settings = self.config().parse(props)
        self._casts, self._whole = _casts(settings[SPEC])
        self._with_default: bool = settings[REPLACE_NULL_WITH_DEFAULT]
        self._schemas = Schemas(self._cast_schema)

    def apply(self, record: RecordT) -> RecordT | None:
        schema, value = self.operating(record)
        if value is None:
            return record
        if schema is None:
            return self.updated(record, None, self._without_schema(value))
        schema, changed = self._with_schema(schema, value)
        return self.updated(record, schema, changed)

    def _without_schema(self, value: Any) -> object:
        if self._whole is not None:
            return _cast(None, value, self._whole)
        value = require_map(value, _PURPOSE)
        return with_entries(value, {name: _cast(None, value.get(name), kind) for name, kind in self._casts.items()})

    def _with_schema(self, schema: Schema, value: Any) -> tuple[Schema, object]:
        made = self._schemas.get(schema)
        if self._whole is not None:
            return made, _cast(schema, value, self._whole)
        struct = require_struct(value, _PURPOSE)
        changed = Struct(made)
        for field in struct.schema.fields:
            each = field_value(struct, field, self._with_default)
            kind = self._casts.get(field.name)
            changed.put(field.name, each if kind is None else _cast(field.schema, each, kind))
        return made, changed

    def _cast_schema(self, schema: Schema) -> Schema:
        builder = copy_basics(schema, SchemaBuilder(self._whole or Type.STRUCT))
        if self._whole is None:
            for field in schema.fields:
                kind = self._casts.get(field.name)
                builder.field(field.name, field.schema if kind is None else _field_schema(field.schema, kind))
        if schema.optional:
            builder.optional()
        if schema.default_value is not None:
            builder.default(_cast(schema, schema.default_value, self._whole or Type.STRUCT))
        return builder.build()


class CastKey(Cast):
    side = Side.KEY


class CastValue(Cast):
    side = Side.VALUE


def _field_schema(schema: Schema, kind: Type) -> Schema:
    builder = SchemaBuilder(kind)
    if schema.optional:
        builder.optional()
    if schema.default_value is not None:
        builder.default(_cast(schema, schema.default_value, kind))
    return builder.build()


def _check_spec(_name: str, value: Any) -> None:
    if not value:
        raise ConfigError("Must specify at least one field to cast.")
    _casts(value)


def _casts(spec: list[str]) -> tuple[dict[str, Type], Type | None]:
    """Type by field, or the type of the whole."""
    casts: dict[str, Type] = {}
    whole: Type | None = None
    for each in spec:
        parts = java_split(each, ":")
        if len(parts) > 2:
            raise ConfigError.of(SPEC, spec, f"Invalid mapping: {each}")
        kind = parts[-1].strip().upper()
        if kind not in Type.__members__:
            raise ConfigError(f"Invalid type found in casting spec: {parts[-1].strip()}")
        if Type[kind] not in _OUTPUT:
            known = ", ".join(map(str, _OUTPUT))
            raise ConfigError(f"Cast transformation does not support casting to {kind}; supported types are [{known}]")
        if len(parts) == 1:
            whole = Type[kind]
        else:
            casts[parts[0].strip()] = Type[kind]
    if whole is not None and len(spec) > 1:
        raise ConfigError(
            "Cast transformations that specify a type to cast the entire value to may only specify a single cast in "
            "their spec"
        )
    return ordered(casts), whole


def _cast(schema: Schema | None, value: Any, kind: Type) -> Any:
    if value is None:
        return None
    given = schema.type if schema is not None else type_of(value)
    if given not in _INPUT:
        raise DataError(f"Cannot cast from {given or type(value).__name__}")
    if kind is Type.STRING:
        return _cast_to_string(schema, value)
    if schema is not None:
        value = _encoded(schema, value)
    if kind in INTEGER_BITS:
        return _cast_to_integer(value, kind)
    if kind in (Type.FLOAT32, Type.FLOAT64):
        return (Float32 if kind is Type.FLOAT32 else float)(_cast_to_float(value))
    if kind is Type.BOOLEAN:
        return _cast_to_boolean(value)
    raise DataError(f"Cannot cast to {kind}")


def _encoded(schema: Schema, value: Any) -> Any:
    """A date as its number."""
    if schema.name == logical.DATE:
        return logical.date_from_logical(schema, value)
    if schema.name == logical.TIME:
        return logical.time_from_logical(schema, value)
    if schema.name == logical.TIMESTAMP:
        return logical.timestamp_from_logical(schema, value)
    return value


def _cast_to_integer(value: Any, kind: Type) -> int:
    number = _INTEGERS[kind]
    if isinstance(value, bool):
        return number(value)
    if is_number(value):
        return number(to_long(value) if kind is Type.INT64 else narrow(value, INTEGER_BITS[kind]))
    if isinstance(value, str):
        if not _INTEGER.fullmatch(value) or not -INTEGER_HALF[kind] <= int(value) < INTEGER_HALF[kind]:
            raise DataError(f"Value ({value}) was out of range for requested data type {kind}")
        return number(int(value))
    raise DataError(f"Cannot cast {type(value).__name__} to {kind}")


def _cast_to_float(value: Any) -> float:
    if isinstance(value, bool | Decimal):
        return float(value)
    if is_number(value):
        return float(value)
    if isinstance(value, str):
        parsed = parse_floating(value)
        if parsed is None:
            raise DataError(f"Value ({value}) was out of range for requested data type")
        return parsed
    raise DataError(f"Cannot cast {type(value).__name__} to a float")


def _cast_to_boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if is_number(value):
        return to_long(value) != 0
    if isinstance(value, str):
        return value.lower() == "true"
    raise DataError(f"Cannot cast {type(value).__name__} to BOOLEAN")


def _cast_to_string(schema: Schema | None, value: Any) -> str:
    if isinstance(value, datetime.date | datetime.time):
        return date_text(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode()
    return java_text(value, schema)
