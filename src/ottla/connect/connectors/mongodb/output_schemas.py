"""Schemas of Connect for documents: of Avro (`AvroSchema`), or of the document itself (`BsonDocumentToSchema`).

What is inferred has `_id` first, then names in order; what differs within a list is text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import ConfigError, DataError
from ottla.connect.connectors.mongodb.driver import DatetimeMS, Decimal128, Int64, Timestamp
from ottla.connect.data import logical
from ottla.connect.data.schema import (
    OPTIONAL_BOOLEAN_SCHEMA,
    OPTIONAL_BYTES_SCHEMA,
    OPTIONAL_FLOAT64_SCHEMA,
    OPTIONAL_INT32_SCHEMA,
    OPTIONAL_INT64_SCHEMA,
    OPTIONAL_STRING_SCHEMA,
    STRING_SCHEMA,
    Schema,
)
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct
from ottla.connect.data.type import Type
from ottla.registry.schema.avro.parser import AvroParser
from ottla.registry.schema.avro.types import Array, AvroType, Map, Primitive, Record, Union
from ottla.registry.schema.errors import SchemaError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PRIMITIVES: Final[dict[str, Callable[[], SchemaBuilder]]] = {
    "string": SchemaBuilder.string,
    "bytes": SchemaBuilder.bytes,
    "int": SchemaBuilder.int32,
    "long": SchemaBuilder.int64,
    "float": SchemaBuilder.float32,
    "double": SchemaBuilder.float64,
    "boolean": SchemaBuilder.bool,
}
_ROOT: Final = "default"
_UNKNOWN: Final = SchemaBuilder.string().optional().build()
"""Of a null: whatever else is found in its place. It is known by being this very schema."""


def schema_of_avro(setting: str, text: str) -> Schema:
    """`ConfigError` for what is no record of Avro, or has types that no document can be made fit."""
    try:
        parsed = AvroParser(strict=False).parse(text)
        if not isinstance(parsed, Record):
            raise DataError("only a record can be the schema of a document")
        return _schema(parsed, set())
    except (SchemaError, DataError) as error:
        raise ConfigError(f"Invalid Avro schema for configuration {setting}: {error}") from error


def _schema(
    kind: AvroType, within: set[int], *, optional: bool = False, default: object = None, path: str = ""
) -> Schema:
    if isinstance(kind, Union):
        others = [each for each in kind.branches if each.kind != "null"]
        if len(kind.branches) != 2 or len(others) != 1:
            raise DataError(f"{path} is a union of other than null and one type")
        return _schema(others[0], within, optional=True, path=path)
    if isinstance(kind, Record):
        builder = _record(kind, within, path)
    elif isinstance(kind, Array):
        builder = SchemaBuilder.array(_schema(kind.items, within, path=path))
    elif isinstance(kind, Map):
        builder = SchemaBuilder.map(STRING_SCHEMA, _schema(kind.values, within, path=path))
    elif isinstance(kind, Primitive) and kind.kind in _PRIMITIVES:
        builder = _PRIMITIVES[kind.kind]()
    else:
        raise DataError(f"{path} is of type {kind.kind}, which is not supported; a string or bytes would do")
    if optional:
        builder.optional()
    if default is not None:
        builder.default(_default(builder, default))
    return builder.build()


def _record(kind: Record, within: set[int], path: str) -> SchemaBuilder:
    if id(kind) in within:
        raise DataError(f"{kind.name.full} refers to itself, which no schema of Connect can")
    builder = SchemaBuilder.struct().name(kind.name.full)
    for field in kind.fields:
        default = field.default if field.has_default else None
        inner = f"{path}.{field.name}" if path else field.name
        builder.field(field.name, _schema(field.type, within | {id(kind)}, default=default, path=inner))
    return builder


def _default(builder: SchemaBuilder, value: object) -> object:
    schema = builder.build()
    if schema.type is Type.STRUCT:
        made = Struct(schema)
        for field in schema.fields if isinstance(value, dict) else ():
            if field.name in value:  # type: ignore[operator]
                made.put(field, value[field.name])  # type: ignore[index]
        return made
    if schema.type is Type.BYTES and isinstance(value, str):
        return value.encode("latin-1")
    return value


def inferred_schema(document: Mapping[str, Any]) -> Schema:
    return _struct(_ROOT, document).build()


def _struct(path: str, document: Mapping[str, Any]) -> SchemaBuilder:
    builder = SchemaBuilder.struct().name(path)
    if "_id" in document:
        builder.field("_id", _inferred("_id", document["_id"]))
    for name in sorted(document, key=_java_order):
        if name != "_id":
            builder.field(name, _inferred(name if path == _ROOT else f"{path}_{name}", document[name]))
    return builder


def _java_order(name: str) -> bytes:
    """Texts of Java are compared by their UTF-16 units."""
    return name.encode("utf-16-be", "surrogatepass")


def _inferred(path: str, value: Any) -> Schema:
    if value is None:
        return _UNKNOWN
    if isinstance(value, bool):
        return OPTIONAL_BOOLEAN_SCHEMA
    if isinstance(value, Int64):
        return OPTIONAL_INT64_SCHEMA
    if isinstance(value, int):
        return OPTIONAL_INT32_SCHEMA
    if isinstance(value, float):
        return OPTIONAL_FLOAT64_SCHEMA
    if isinstance(value, Decimal128):
        return logical.decimal_builder(logical.scale(value.to_decimal())).optional().build()
    if isinstance(value, DatetimeMS | Timestamp):
        return logical.OPTIONAL_TIMESTAMP_SCHEMA
    if isinstance(value, dict):
        return _struct(path, value).optional().build()
    if isinstance(value, list):
        combined = _UNKNOWN
        for each in value:
            combined = _combined(combined, _inferred(path, each))
            if combined is OPTIONAL_STRING_SCHEMA:
                break
        return SchemaBuilder.array(combined).name(path).optional().build()
    return OPTIONAL_BYTES_SCHEMA if isinstance(value, bytes) else OPTIONAL_STRING_SCHEMA


def _combined(first: Schema, second: Schema) -> Schema:
    if first is _UNKNOWN:
        return second
    if second is _UNKNOWN or first == second:
        return first
    if first.type is not second.type:
        return OPTIONAL_STRING_SCHEMA
    if first.type is Type.ARRAY:
        inner, other = first.value_schema, second.value_schema
        assert inner is not None and other is not None
        return SchemaBuilder.array(_combined(inner, other)).name(first.name).optional().build()
    if first.type is not Type.STRUCT:
        return OPTIONAL_STRING_SCHEMA
    builder = SchemaBuilder.struct().name(first.name).optional()
    names = {field.name for schema in (first, second) for field in schema.fields}
    for name in sorted(names, key=lambda each: (each != "_id", _java_order(each))):
        one, two = first.field(name), second.field(name)
        if one is None or two is None:
            found = one or two
            assert found is not None
            builder.field(name, found.schema)
        else:
            builder.field(name, _combined(one.schema, two.schema))
    return builder.build()
