"""Data of Connect as messages of Protobuf: a writer is made once for a schema and a message's descriptor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import DataError
from ottla.connect.data.struct import Struct
from ottla.connect.data.type import INTEGER_BITS, Type, to_float32
from ottla.connect.protobuf import names
from ottla.connect.protobuf.logical_messages import WRITERS
from ottla.connect.protobuf.to_connect import ENUM, MESSAGES, SCALARS, is_map

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.connect.data.schema import Field as SchemaField
    from ottla.connect.data.schema import Schema
    from ottla.connect.protobuf.logical_messages import Write
    from ottla.connect.protobuf.names import ProtobufSettings

    Convert = Callable[[Any], Any]

_UNSIGNED: Final = {"uint32": 32, "fixed32": 32, "uint64": 64, "fixed64": 64}
_SIGNED_32: Final = ("int32", "sint32", "sfixed32")


class MessageWriter:
    """`write(message, value)` fills an empty message of the descriptor."""

    def __init__(self, settings: ProtobufSettings) -> None:
        self._settings = settings
        self._structs: dict[tuple[str, int], Write] = {}

    def writer(self, schema: Schema, descriptor: Any) -> Write:
        if descriptor.full_name in names.UNWRAPPED:
            return self._wrapped(schema, descriptor)
        return self._struct(schema, descriptor)

    def _struct(self, schema: Schema, descriptor: Any) -> Write:
        steps = [self._member(field, descriptor) for field in schema.fields]
        uses_defaults = not self._settings.ignore_default_for_nullables

        def write(message: Any, value: Any) -> None:
            if not isinstance(value, Struct) or (value.schema is not schema and value.schema != schema):
                raise DataError(f"Mismatching struct schema: {schema} is wanted")
            values = value.values
            for field, step in zip(schema.fields, steps, strict=True):
                each = values[field.index]
                if each is None and uses_defaults:
                    each = field.schema.default_value
                if each is not None:
                    step(message, each)

        return write

    def _member(self, field: SchemaField, descriptor: Any) -> Write:
        if names.is_union(field.schema):
            return self._union(field.schema, descriptor)
        name = names.scrubbed(field.name) if self._settings.scrub_names else field.name
        found = descriptor.fields_by_name.get(name)
        if found is None:
            raise DataError(f"Cannot find field with name {name} in {descriptor.full_name}")
        return self._field(field.schema, found)

    def _union(self, schema: Schema, descriptor: Any) -> Write:
        steps = [(field, self._member(field, descriptor)) for field in schema.fields]

        def write(message: Any, value: Any) -> None:
            if not isinstance(value, Struct):
                raise DataError(f"Invalid value for the union {schema.name}: {type(value).__name__}")
            for field, step in steps:
                each = value.values[field.index]
                if each is not None:
                    step(message, each)
                    return
            raise DataError(f"The union {schema.name}: Cannot find non-null field")

        return write

    def _field(self, schema: Schema, field: Any) -> Write:
        name = field.name
        if schema.type is Type.ARRAY and schema.value_schema is not None:
            return self._list(schema.value_schema, field)
        if schema.type is Type.MAP:
            return self._map(schema, field)
        if field.type not in MESSAGES:
            convert = self._scalar(schema, field)

            def put(message: Any, value: Any) -> None:
                setattr(message, name, convert(value))

            return put
        write = self._message(schema, field.message_type)

        def put_message(message: Any, value: Any) -> None:
            inner = getattr(message, name)
            inner.SetInParent()
            write(inner, value)

        return put_message

    def _message(self, schema: Schema, descriptor: Any) -> Write:
        logical_write = WRITERS.get(schema.name or "")
        if logical_write is not None and descriptor.full_name == logical_write[0]:
            return logical_write[1]
        if descriptor.full_name in names.UNWRAPPED and schema.type is not Type.STRUCT:
            return self._wrapped(schema, descriptor)
        if schema.type is not Type.STRUCT:
            raise DataError(f"{schema} cannot be a {descriptor.full_name}")
        key = (descriptor.full_name, id(schema))
        found = self._structs.get(key)
        if found is None:
            found = self._structs[key] = self._struct(schema, descriptor)
        return found

    def _wrapped(self, schema: Schema, descriptor: Any) -> Write:
        convert = self._scalar(schema, descriptor.fields_by_name[names.VALUE])

        def write(message: Any, value: Any) -> None:
            message.value = convert(value)

        return write

    def _list(self, element: Schema, field: Any) -> Write:
        name = field.name
        if field.type in MESSAGES:
            write = self._message(element, field.message_type)

            def put_messages(message: Any, value: Any) -> None:
                target = getattr(message, name)
                for each in _listed(value):
                    write(target.add(), each)

            return put_messages
        convert = self._scalar(element, field)

        def put(message: Any, value: Any) -> None:
            getattr(message, name).extend([convert(each) for each in _listed(value)])

        return put

    def _map(self, schema: Schema, field: Any) -> Write:
        if not is_map(field) or schema.key_schema is None or schema.value_schema is None:
            raise DataError(f"The field {field.full_name} is no map")
        if field.message_type.GetOptions().map_entry:
            return self._real_map(schema, field)
        key_field, value_field = field.message_type.fields
        write_key = self._field(schema.key_schema, key_field)
        write_value = self._field(schema.value_schema, value_field)
        name = field.name

        def put(message: Any, value: Any) -> None:
            if not isinstance(value, dict):
                raise DataError(f"Invalid value for {schema}: {type(value).__name__}")
            target = getattr(message, name)
            for key, each in value.items():
                entry = target.add()
                if key is not None:
                    write_key(entry, key)
                if each is not None:
                    write_value(entry, each)

        return put

    def _real_map(self, schema: Schema, field: Any) -> Write:
        """One that is a `map<…>` in the file: only where it was not made here."""
        key_field, value_field = field.message_type.fields
        assert schema.key_schema is not None
        assert schema.value_schema is not None
        to_key = self._scalar(schema.key_schema, key_field)
        name = field.name
        if value_field.type in MESSAGES:
            write = self._message(schema.value_schema, value_field.message_type)

            def put_messages(message: Any, value: Any) -> None:
                target = getattr(message, name)
                for key, each in value.items():
                    write(target[to_key(key)], each)

            return put_messages
        to_value = self._scalar(schema.value_schema, value_field)

        def put(message: Any, value: Any) -> None:
            target = getattr(message, name)
            for key, each in value.items():
                target[to_key(key)] = to_value(each)

        return put

    def _scalar(self, schema: Schema, field: Any) -> Convert:
        if field.type == ENUM:
            return _enum_writer(schema, field.enum_type)
        scalar = SCALARS[field.type]
        if schema.type in INTEGER_BITS:
            return _integer_writer(schema, scalar)
        if schema.type in (Type.FLOAT32, Type.FLOAT64):
            return _checked(schema, (int, float), to_float32 if scalar == "float" else float)
        if schema.type is Type.BOOLEAN:
            return _checked(schema, (bool,), bool)
        if schema.type is Type.STRING:
            return _checked(schema, (str,), _text)
        if schema.type is Type.BYTES:
            return _checked(schema, (bytes, bytearray, memoryview), bytes)
        raise DataError(f"{schema} cannot be a {scalar} of Protobuf")


def _text(value: str) -> str:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise DataError(f"A text of Protobuf is Unicode: {error}") from None
    return value


def _checked(schema: Schema, kinds: tuple[type, ...], convert: Convert) -> Convert:
    def write(value: Any) -> Any:
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise DataError(f"Invalid type for {schema.type.name}: {type(value).__name__}")
        return convert(value)

    return write


def _integer_writer(schema: Schema, scalar: str) -> Convert:
    bits = _UNSIGNED.get(scalar)
    mask = (1 << bits) - 1 if bits else None
    limit = 1 << (31 if scalar in _SIGNED_32 else 63)

    def write(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise DataError(f"Invalid type for {schema.type.name}: {type(value).__name__}")
        if mask is not None:
            return value & mask
        if not -limit <= value < limit:
            raise DataError(f"{value} is no {scalar} of Protobuf")
        return value

    return write


def _enum_writer(schema: Schema, enum: Any) -> Convert:
    def write(value: Any) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        text = names.parameter(schema, f"{names.ENUM}.{value}")
        if text is not None:
            return int(text)
        found = enum.values_by_name.get(value)
        if found is None:
            raise DataError(f"{value!r} is no value of the enum {enum.full_name}")
        return int(found.number)

    return write


def _listed(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        raise DataError(f"Invalid type for ARRAY: {type(value).__name__}")
    return value
