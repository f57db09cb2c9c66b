"""Connect's schemas and data as those of Arrow, and back: what Parquet, DuckDB and Iceberg take.

Decimal decimal128(38, scale) (a scale above 38: text) · Date date32 · Time time32 ms · Timestamp timestamp ms UTC ·
INT8 … INT64, FLOAT32, FLOAT64, BOOLEAN, STRING, BYTES as they are · arrays lists, maps maps, structs structs
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import DataError
from ottla.connect.connectors.library import load
from ottla.connect.connectors.shapes import may_be_null
from ottla.connect.data import logical
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct
from ottla.connect.data.type import Type

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ottla.connect.data.schema import Schema

EXTRA: Final = "[files]"
PRECISION: Final = 38


def pyarrow() -> Any:
    return load("pyarrow", EXTRA)


def arrow_schema(schema: Schema) -> Any:
    """Of a struct's schema. `DataError` for another."""
    if schema.type is not Type.STRUCT:
        raise DataError(f"A table has columns: it needs a struct, not {schema}")
    arrow = pyarrow()
    return arrow.schema(
        [arrow.field(each.name, arrow_type(each.schema), may_be_null(each.schema)) for each in schema.fields]
    )


def arrow_type(schema: Schema) -> Any:
    arrow = pyarrow()
    if schema.name == logical.DECIMAL:
        scale = logical.scale_of(schema)
        return arrow.decimal128(PRECISION, scale) if 0 <= scale <= PRECISION else arrow.string()
    if schema.name == logical.DATE:
        return arrow.date32()
    if schema.name == logical.TIME:
        return arrow.time32("ms")
    if schema.name == logical.TIMESTAMP:
        return arrow.timestamp("ms", "UTC")
    if schema.type is Type.ARRAY:
        assert schema.value_schema is not None
        return arrow.list_(arrow_type(schema.value_schema))
    if schema.type is Type.MAP:
        assert schema.key_schema is not None
        assert schema.value_schema is not None
        return arrow.map_(arrow_type(schema.key_schema), arrow_type(schema.value_schema))
    if schema.type is Type.STRUCT:
        return arrow.struct([arrow.field(each.name, arrow_type(each.schema)) for each in schema.fields])
    return getattr(arrow, _TYPES[schema.type])()


_TYPES: Final = {
    Type.INT8: "int8",
    Type.INT16: "int16",
    Type.INT32: "int32",
    Type.INT64: "int64",
    Type.FLOAT32: "float32",
    Type.FLOAT64: "float64",
    Type.BOOLEAN: "bool_",
    Type.STRING: "string",
    Type.BYTES: "binary",
}


def arrow_table(schema: Schema, structs: Sequence[Struct]) -> Any:
    """A table of structs of one schema. `DataError` for a value that no column holds."""
    arrow = pyarrow()
    wanted = arrow_schema(schema)
    columns = []
    for field in schema.fields:
        values = [_value(field.schema, struct.get(field)) for struct in structs]
        try:
            columns.append(arrow.array(values, wanted.field(field.index).type))
        except (arrow.ArrowInvalid, arrow.ArrowTypeError, OverflowError) as error:
            raise DataError(f"The field {field.name}: {error}") from error
    return arrow.Table.from_arrays(columns, schema=wanted)


def _value(schema: Schema, value: Any) -> Any:
    if value is None:
        return None
    if schema.name is not None:
        if schema.name == logical.DECIMAL:
            return value if 0 <= logical.scale_of(schema) <= PRECISION else str(value)
        if schema.name == logical.TIMESTAMP:
            return logical.epoch_ms(value)
        if schema.name == logical.DATE:
            return logical.date_from_logical(schema, value)
        if schema.name == logical.TIME:
            return logical.time_from_logical(schema, value)
    if schema.type is Type.STRUCT:
        return {field.name: _value(field.schema, value.get(field)) for field in schema.fields}
    if schema.type is Type.ARRAY:
        assert schema.value_schema is not None
        element = schema.value_schema
        return [_value(element, each) for each in value]
    if schema.type is Type.MAP:
        assert schema.key_schema is not None
        assert schema.value_schema is not None
        keys, values = schema.key_schema, schema.value_schema
        return [(_value(keys, key), _value(values, each)) for key, each in value.items()]
    if schema.type is Type.BYTES:
        return bytes(value)
    return value


# Back


def connect_schema(schema: Any, name: str | None = None) -> Schema:
    """Of a table's schema. What is optional there is optional here."""
    builder = SchemaBuilder.struct().name(name)
    for field in schema:
        builder.field(field.name, _connect_type(field.type, optional=field.nullable))
    return builder.build()


def _connect_type(kind: Any, *, optional: bool) -> Schema:
    builder = _builder(kind)
    if optional:
        builder.optional()
    return builder.build()


def _builder(kind: Any) -> SchemaBuilder:
    types = pyarrow().types
    if types.is_decimal(kind):
        return logical.decimal_builder(kind.scale)
    if types.is_date(kind):
        return logical.date_builder()
    if types.is_time(kind):
        return logical.time_builder()
    if types.is_timestamp(kind):
        return logical.timestamp_builder()
    if types.is_dictionary(kind):
        return _builder(kind.value_type)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return SchemaBuilder.array(_connect_type(kind.value_type, optional=True))
    if types.is_map(kind):
        keys, values = _connect_type(kind.key_type, optional=False), _connect_type(kind.item_type, optional=True)
        return SchemaBuilder.map(keys, values)
    if types.is_struct(kind):
        builder = SchemaBuilder.struct()
        for field in kind:
            builder.field(field.name, _connect_type(field.type, optional=True))
        return builder
    for is_kind, connect in _BACK:
        if getattr(types, is_kind)(kind):
            return SchemaBuilder(connect)
    raise DataError(f"The type {kind} of Arrow has no counterpart in Connect")


_BACK: Final = (
    ("is_boolean", Type.BOOLEAN),
    ("is_int8", Type.INT8),
    ("is_uint8", Type.INT16),
    ("is_int16", Type.INT16),
    ("is_uint16", Type.INT32),
    ("is_int32", Type.INT32),
    ("is_integer", Type.INT64),
    ("is_float16", Type.FLOAT32),
    ("is_float32", Type.FLOAT32),
    ("is_float64", Type.FLOAT64),
    ("is_string", Type.STRING),
    ("is_large_string", Type.STRING),
    ("is_binary", Type.BYTES),
    ("is_large_binary", Type.BYTES),
    ("is_fixed_size_binary", Type.BYTES),
    ("is_null", Type.STRING),
)


def connect_value(schema: Schema, value: Any) -> Any:
    """A value of `to_pylist` as the schema has it."""
    if value is None:
        return None
    if schema.name == logical.TIMESTAMP and isinstance(value, datetime.datetime):
        return value if value.tzinfo is not None else value.replace(tzinfo=datetime.UTC)
    if schema.name == logical.DATE and isinstance(value, datetime.datetime):
        return value.date()
    if schema.type is Type.STRUCT:
        struct = Struct(schema)
        struct.values = [connect_value(field.schema, value.get(field.name)) for field in schema.fields]
        return struct
    if schema.type is Type.ARRAY:
        assert schema.value_schema is not None
        element = schema.value_schema
        return [connect_value(element, each) for each in value]
    if schema.type is Type.MAP:
        assert schema.value_schema is not None
        values = schema.value_schema
        return {key: connect_value(values, each) for key, each in value}
    return value
