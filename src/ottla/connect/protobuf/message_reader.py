"""Messages of Protobuf as data of Connect: a reader is made once for a schema and a message's descriptor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import DataError
from ottla.connect.data.java_hash import ordered
from ottla.connect.data.struct import Struct, as_key
from ottla.connect.data.type import INTEGER_HALF, Type
from ottla.connect.protobuf import names
from ottla.connect.protobuf.logical_messages import READERS
from ottla.connect.protobuf.to_connect import (
    ENUM,
    MESSAGES,
    SCALARS,
    has_optional_keyword,
    is_map,
    is_proto3_optional,
    is_repeated,
    one_of_name,
    one_of_of,
    one_ofs,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.connect.data.schema import Field as SchemaField
    from ottla.connect.data.schema import Schema
    from ottla.connect.protobuf.logical_messages import Read
    from ottla.connect.protobuf.names import ProtobufSettings

_HALF: Final = 1 << 63


class MessageReader:
    """`reader(schema, descriptor)` reads messages of the descriptor, whose Connect schema that is."""

    def __init__(self, settings: ProtobufSettings) -> None:
        self._settings = settings

    def reader(self, schema: Schema, descriptor: Any) -> Read:
        if schema.type is not Type.STRUCT:
            return self._wrapped(schema, descriptor)
        return self._struct(schema, descriptor)

    def _struct(self, schema: Schema, descriptor: Any) -> Read:
        unions = [self._union(schema, one_of) for one_of in one_ofs(descriptor)]
        steps = []
        for field in descriptor.fields:
            if one_of_of(field) is None:
                target = _found(schema, field.name)
                steps.append((target.index, field.name, self._is_told(field), self._field(target.schema, field)))

        def read(message: Any) -> Struct:
            struct = Struct(schema)
            values = struct.values
            for union in unions:
                union(message, values)
            for index, name, is_told, read_field in steps:
                if is_told or message.HasField(name):
                    values[index] = read_field(getattr(message, name))
            return struct

        return read

    def _is_told(self, field: Any) -> bool:
        """Whether it has a value even where nothing was written."""
        if self._settings.struct_for_nulls or is_repeated(field):
            return True
        if field.type in MESSAGES or is_proto3_optional(field):
            return False
        return not (self._settings.optional_for_proto2 and has_optional_keyword(field))

    def _union(self, schema: Schema, one_of: Any) -> Callable[[Any, list[object]], None]:
        name = one_of.name
        if self._settings.flatten_unions:
            flat = {}
            for field in one_of.fields:
                target = _found(schema, field.name)
                flat[field.name] = target.index, self._field(target.schema, field)

            def read_flat(message: Any, values: list[object]) -> None:
                which = message.WhichOneof(name)
                if which is not None:
                    index, read_field = flat[which]
                    values[index] = read_field(getattr(message, which))

            return read_flat
        union = _found(schema, one_of_name(one_of, self._settings))
        members = {}
        for field in one_of.fields:
            target = _found(union.schema, field.name)
            members[field.name] = target.index, self._field(target.schema, field)

        def read(message: Any, values: list[object]) -> None:
            which = message.WhichOneof(name)
            if which is not None:
                index, read_field = members[which]
                struct = Struct(union.schema)
                struct.values[index] = read_field(getattr(message, which))
                values[union.index] = struct

        return read

    def _field(self, schema: Schema, field: Any) -> Read:
        if is_map(field):
            return self._map(schema, field)
        if is_repeated(field):
            assert schema.value_schema is not None
            read = self._one(schema.value_schema, field)
            return lambda values: [read(each) for each in values]
        return self._one(schema, field)

    def _one(self, schema: Schema, field: Any) -> Read:
        if field.type == ENUM:
            return _enum_reader(schema, field.enum_type)
        if field.type in MESSAGES:
            logical_read = READERS.get(schema.name or "")
            if logical_read is not None:
                return logical_read
            if schema.type is not Type.STRUCT:
                return self._wrapped(schema, field.message_type)
            return self._struct(schema, field.message_type)
        return _scalar_reader(schema, SCALARS[field.type])

    def _wrapped(self, schema: Schema, descriptor: Any) -> Read:
        read = self._one(schema, descriptor.fields_by_name[names.VALUE])
        return lambda message: read(message.value)

    def _map(self, schema: Schema, field: Any) -> Read:
        key_schema, value_schema = schema.key_schema, schema.value_schema
        assert key_schema is not None
        assert value_schema is not None
        key_field, value_field = field.message_type.fields
        read_key, read_value = self._field(key_schema, key_field), self._field(value_schema, value_field)
        if field.message_type.GetOptions().map_entry:
            return lambda found: ordered(
                {as_key(read_key(key)): read_value(each) for key, each in found.items()}, key_schema=key_schema
            )
        return lambda found: ordered(
            {as_key(read_key(entry.key)): read_value(entry.value) for entry in found}, key_schema=key_schema
        )


def _found(schema: Schema, name: str) -> SchemaField:
    field = schema.field(name)
    if field is None:
        raise DataError(f"The schema {schema} has no field {name}")
    return field


def _enum_reader(schema: Schema, enum: Any) -> Read:
    if schema.type is Type.INT32:
        return int
    texts = {value.number: value.name for value in enum.values}

    def read(number: int) -> str:
        # As Java says what the schema of who wrote it has not: it need not be lost.
        return texts.get(number) or f"UNKNOWN_ENUM_VALUE_{enum.name}_{number}"

    return read


def _scalar_reader(schema: Schema, scalar: str) -> Read:
    if scalar in ("uint64", "fixed64"):
        return lambda value: value - 2 * _HALF if value >= _HALF else value  # Java has signed ones alone
    if schema.type in (Type.INT8, Type.INT16):
        half = INTEGER_HALF[schema.type]
        return lambda value: (value + half) % (2 * half) - half
    return lambda value: value
