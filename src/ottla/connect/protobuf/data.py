"""Data as messages of Protobuf, either way: a writer or reader is made once for a schema and a message's descriptor."""

from __future__ import annotations

import datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import DataError
from ottla.connect.data import logical
from ottla.connect.data.java_hash import ordered
from ottla.connect.data.struct import Struct, as_key
from ottla.connect.data.type import INTEGER_BITS, Type, to_float32
from ottla.connect.protobuf import names
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
    from ottla.connect.protobuf.names import ProtobufSettings

    Write = Callable[[Any, Any], None]
    """A value into a message."""
    Read = Callable[[Any], Any]

_UNSIGNED: Final = {"uint32": 32, "fixed32": 32, "uint64": 64, "fixed64": 64}
_SIGNED_32: Final = ("int32", "sint32", "sfixed32")
_NANOS_PER_MILLI: Final = 1_000_000
_HALF: Final = 1 << 63


# Connect ─► Protobuf


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
        logical_write = _LOGICAL_WRITERS.get(schema.name or "")
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

    def _scalar(self, schema: Schema, field: Any) -> Read:
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


def _checked(schema: Schema, kinds: tuple[type, ...], convert: Callable[[Any], Any]) -> Read:
    def write(value: Any) -> Any:
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise DataError(f"Invalid type for {schema.type.name}: {type(value).__name__}")
        return convert(value)

    return write


def _integer_writer(schema: Schema, scalar: str) -> Read:
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


def _enum_writer(schema: Schema, enum: Any) -> Read:
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


def _write_decimal(message: Any, value: Any) -> None:
    if not isinstance(value, Decimal):
        raise DataError(f"Invalid type for Decimal: {type(value).__name__}")
    message.scale = logical.scale(value)
    message.value = logical.unscaled_bytes(value)
    message.precision = len(str(abs(logical.unscaled(value))))


def _write_date(message: Any, value: Any) -> None:
    ms = logical.epoch_ms(_instant(value))
    if ms % logical.MILLIS_PER_DAY:
        raise DataError(f"A Date has no time of day: {value}")
    day = logical.instant(ms)
    message.year, message.month, message.day = day.year, day.month, day.day


def _write_time(message: Any, value: Any) -> None:
    ms = logical.epoch_ms(_instant(value))
    if not 0 <= ms <= logical.MILLIS_PER_DAY:
        raise DataError(f"A Time is within the first of January 1970: {value}")
    seconds, rest = divmod(ms % logical.MILLIS_PER_DAY, 1000)
    minutes, message.seconds = divmod(seconds, 60)
    message.hours, message.minutes = divmod(minutes, 60)
    message.nanos = rest * _NANOS_PER_MILLI


def _write_timestamp(message: Any, value: Any) -> None:
    message.seconds, rest = divmod(logical.epoch_ms(_instant(value)), 1000)
    message.nanos = rest * _NANOS_PER_MILLI


def _instant(value: Any) -> Any:
    if not isinstance(value, logical.INSTANT):
        raise DataError(f"Invalid type for a date or time: {type(value).__name__}")
    return value


_LOGICAL_WRITERS: Final[dict[str, tuple[str, Write]]] = {
    logical.DECIMAL: (names.DECIMAL, _write_decimal),
    logical.DATE: (names.DATE, _write_date),
    logical.TIME: (names.TIME, _write_time),
    logical.TIMESTAMP: (names.TIMESTAMP, _write_timestamp),
}


# Protobuf ─► Connect


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
            logical_read = _LOGICAL_READERS.get(schema.name or "")
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
        half = 1 << (INTEGER_BITS[schema.type] - 1)
        return lambda value: (value + half) % (2 * half) - half
    return lambda value: value


def _read_decimal(message: Any) -> Decimal:
    number = int.from_bytes(message.value, "big", signed=True)
    value = logical.decimal_of(number, message.scale)
    if message.precision and len(value.as_tuple().digits) > message.precision:
        value = Context(prec=message.precision, rounding=ROUND_HALF_UP).plus(value)
    return value


def _read_date(message: Any) -> datetime.date:
    try:
        return datetime.date(message.year, message.month, message.day)
    except ValueError as error:
        raise DataError(f"{message.year}-{message.month}-{message.day} is no Date: {error}") from None


def _read_time(message: Any) -> datetime.time:
    micros = message.nanos // _NANOS_PER_MILLI * 1000
    try:
        return datetime.time(message.hours, message.minutes, message.seconds, micros)
    except ValueError as error:
        raise DataError(f"{message.hours}:{message.minutes}:{message.seconds} is no Time: {error}") from None


def _read_timestamp(message: Any) -> datetime.datetime:
    return logical.instant(message.seconds * 1000 + message.nanos // _NANOS_PER_MILLI)


_LOGICAL_READERS: Final[dict[str, Read]] = {
    logical.DECIMAL: _read_decimal,
    logical.DATE: _read_date,
    logical.TIME: _read_time,
    logical.TIMESTAMP: _read_timestamp,
}
