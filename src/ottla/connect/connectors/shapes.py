"""Data without a schema as what has one: a map becomes a struct whose fields are all optional."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import DataError
from ottla.connect.data import logical
from ottla.connect.data.schema import STRING_SCHEMA, Schema
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct
from ottla.connect.data.type import Type
from ottla.connect.data.values import infer_schema

if TYPE_CHECKING:
    from collections.abc import Mapping

_DEPTH_MAX: Final = 50


def struct_of(value: Any, what: str) -> Struct:
    """The struct, or what a map is as one; `DataError` for anything else, with `what` for its name."""
    if isinstance(value, Struct):
        return value
    if isinstance(value, dict):
        shaped = shape(value)
        assert isinstance(shaped, Struct)
        return shaped
    raise DataError(f"{what} is no struct and no map but a {type(value).__name__}: it has no fields")


def shape(value: Any, depth: int = 0) -> Any:
    """Maps within maps and lists, too."""
    if depth > _DEPTH_MAX:
        raise DataError(f"maps are nested more than {_DEPTH_MAX} deep")
    if isinstance(value, dict):
        fields = {str(name): shape(each, depth + 1) for name, each in value.items()}
        builder = SchemaBuilder.struct().optional()
        for name, each in fields.items():
            if not name:
                raise DataError("a field has no name")
            builder.field(name, optional(schema_of(each)))
        struct = Struct(builder.build())
        struct.values = list(fields.values())
        return struct
    if isinstance(value, list | tuple):
        return [shape(each, depth + 1) for each in value]
    return value


def schema_of(value: Any) -> Schema:
    """Text for what nobody knows (null, an empty list's elements)."""
    if isinstance(value, list):
        elements = {schema_of(each) for each in value if each is not None}
        if len(elements) > 1:
            raise DataError("a list has elements of several types")
        element = elements.pop() if elements else STRING_SCHEMA
        return SchemaBuilder.array(optional(element)).build()
    if isinstance(value, Decimal):
        return logical.decimal_schema(max(logical.scale(value), 0))
    if isinstance(value, datetime.datetime):
        return logical.TIMESTAMP_SCHEMA
    if isinstance(value, datetime.date):
        return logical.DATE_SCHEMA
    if isinstance(value, datetime.time):
        return logical.TIME_SCHEMA
    return infer_schema(value) or STRING_SCHEMA


def optional(schema: Schema) -> Schema:
    if schema.optional:
        return schema
    if schema.type is Type.STRUCT:
        builder = SchemaBuilder.like(schema)
        for field in schema.fields:
            builder.field(field.name, field.schema)
        return builder.optional().build()
    return SchemaBuilder.like(schema).optional().build()


def plain(value: Any) -> Any:
    """Structs as maps, however deep; all else as it is."""
    if isinstance(value, Struct):
        return {field.name: plain(value.get(field)) for field in value.schema.fields}
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


def field_at(value: Any, path: str) -> Any:
    """The field of a struct or map, `a.b` for one within one; `None` where it is not there."""
    found = value
    for name in path.split("."):
        if isinstance(found, Struct):
            field = found.schema.field(name)
            found = None if field is None else found.get(field)
        elif isinstance(found, dict):
            mapping: Mapping[Any, Any] = found
            found = mapping.get(name)
        else:
            return None
    return found


def may_be_null(schema: Schema) -> bool:
    """Of a column for it: what has a default may be left out."""
    return schema.optional or schema.default_value is not None
