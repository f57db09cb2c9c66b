"""The Connect schema of a message of Protobuf (`ProtobufData.toConnectSchema`).

Oneofs come first, each a struct of optional fields; then the other fields. A message that holds itself is a
`DataError`: a schema of Connect cannot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import DataError
from ottla.connect.data.logical import date_builder, decimal_builder, time_builder, timestamp_builder
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.type import Type
from ottla.connect.protobuf import names
from ottla.registry.schema.protobuf.meta import meta_params

if TYPE_CHECKING:
    from ottla.connect.data.schema import Schema
    from ottla.connect.protobuf.names import ProtobufSettings

SCALARS: Final = {
    1: "double",
    2: "float",
    3: "int64",
    4: "uint64",
    5: "int32",
    6: "fixed64",
    7: "fixed32",
    8: "bool",
    9: "string",
    12: "bytes",
    13: "uint32",
    15: "sfixed32",
    16: "sfixed64",
    17: "sint32",
    18: "sint64",
}
"""By their numbers in descriptors."""
ENUM: Final = 14
MESSAGES: Final = (10, 11)
_REPEATED: Final = 3
_TYPES: Final = {
    "double": Type.FLOAT64,
    "float": Type.FLOAT32,
    "bool": Type.BOOLEAN,
    "string": Type.STRING,
    "bytes": Type.BYTES,
    "int32": Type.INT32,
    "sint32": Type.INT32,
    "sfixed32": Type.INT32,
}
"""All others are INT64."""
_SMALL: Final = {"int8": Type.INT8, "int16": Type.INT16}


def is_repeated(field: Any) -> bool:
    return bool(field.is_repeated) if hasattr(field, "is_repeated") else field.label == _REPEATED


def is_proto3_optional(field: Any) -> bool:
    from google.protobuf import descriptor_pb2

    if field.containing_oneof is None:
        return False
    proto = descriptor_pb2.DescriptorProto()
    field.containing_type.CopyToProto(proto)
    return any(each.number == field.number and each.proto3_optional for each in proto.field)


def one_of_of(field: Any) -> Any:
    """The oneof that it is in; not one that only stands for `optional`."""
    one_of = field.containing_oneof
    return None if one_of is None or is_proto3_optional(field) else one_of


def one_ofs(message: Any) -> list[Any]:
    return [each for each in message.oneofs if one_of_of(each.fields[0]) is not None]


def one_of_name(one_of: Any, settings: ProtobufSettings) -> str:
    return f"{one_of.name}_{one_of.index}" if settings.index_for_unions else str(one_of.name)


def has_optional_keyword(field: Any) -> bool:
    if is_proto3_optional(field):
        return True
    is_plain = field.containing_oneof is None and not is_repeated(field) and not field.is_required
    return is_plain and _is_proto2(field.file)


def _is_proto2(file: Any) -> bool:
    from google.protobuf import descriptor_pb2

    proto = descriptor_pb2.FileDescriptorProto.FromString(file.serialized_pb)
    return proto.syntax in ("", "proto2")


def is_map(field: Any) -> bool:
    """By its form: Confluent's converter does not mark the messages that it makes for entries."""
    if field.type not in MESSAGES or not is_repeated(field):
        return False
    parts = field.message_type.fields
    return (
        field.message_type.name.endswith(names.ENTRY)
        and [part.name for part in parts] == [names.KEY, names.VALUE]
        and not any(is_repeated(part) for part in parts)
    )


class ConnectOf:
    def __init__(self, settings: ProtobufSettings) -> None:
        self._settings = settings
        self._open: list[str] = []

    def convert(self, message: Any, version: int | None = None) -> Schema:
        """Of a descriptor."""
        if self._settings.wrapper_for_raw_primitives and message.full_name in names.UNWRAPPED:
            builder = SchemaBuilder(names.UNWRAPPED[message.full_name])
        else:
            builder = self._struct(message)
        return builder.version(version).build() if version is not None else builder.build()

    def _struct(self, message: Any) -> SchemaBuilder:
        if message.full_name in self._open:
            raise DataError(f"The message {message.full_name} holds itself, which a schema of Connect cannot")
        self._open.append(message.full_name)
        try:
            builder = SchemaBuilder.struct().name(self._name(message))
            for one_of in one_ofs(message):
                if self._settings.flatten_unions:
                    for field in one_of.fields:
                        builder.field(field.name, self._field(field, is_member=True))
                else:
                    builder.field(one_of_name(one_of, self._settings), self._union(one_of))
            for field in message.fields:
                if one_of_of(field) is None:
                    builder.field(field.name, self._field(field))
            return builder
        finally:
            self._open.pop()

    def _union(self, one_of: Any) -> Schema:
        builder = SchemaBuilder.struct().name(f"{names.UNION}.{self._name(one_of)}")
        for field in one_of.fields:
            builder.field(field.name, self._field(field, is_member=True))
        return builder.optional().build()

    def _field(self, field: Any, *, is_member: bool = False) -> Schema:
        builder = self._shape(field)
        settings = self._settings
        if is_repeated(field) and not is_map(field):
            builder = SchemaBuilder.array(builder.optional().build()).optional()
        if is_member:
            builder.optional()
            is_wrapper = field.type in MESSAGES and field.message_type.full_name in names.UNWRAPPED
            if settings.wrapper_for_nullables and is_wrapper:
                builder.parameter(names.WRAPPER, "true")
        elif settings.optional_for_nullables:
            if has_optional_keyword(field):
                builder.optional()
        elif not settings.wrapper_for_nullables:
            builder.optional()
        return builder.parameter(names.TAG, str(field.number)).build()

    def _shape(self, field: Any) -> SchemaBuilder:
        if field.type == ENUM:
            return self._enum(field.enum_type)
        if field.type in MESSAGES:
            return self._message(field).optional()
        scalar = SCALARS[field.type]
        kind = _TYPES.get(scalar, Type.INT64)
        if kind is Type.INT32:
            small = _SMALL.get(meta_params(field.GetOptions()).get(names.CONNECT_TYPE, ""))
            if small is not None:
                return SchemaBuilder(small)
        builder = SchemaBuilder(kind)
        if kind in (Type.INT32, Type.INT64) and scalar != kind.value:
            builder.parameter(names.TYPE, scalar)
        return builder

    def _enum(self, enum: Any) -> SchemaBuilder:
        builder = SchemaBuilder.int32() if self._settings.int_for_enums else SchemaBuilder.string()
        builder.name(self._name(enum)).parameter(names.ENUM, enum.name)
        for value in enum.values:
            builder.parameter(f"{names.ENUM}.{value.name}", str(value.number))
        return builder.optional()

    def _message(self, field: Any) -> SchemaBuilder:
        message = field.message_type
        match message.full_name:
            case names.DECIMAL:
                return _decimal(field)
            case names.DATE:
                return date_builder()
            case names.TIME:
                return time_builder()
            case names.TIMESTAMP:
                return timestamp_builder()
        if self._settings.wrapper_for_nullables and message.full_name in names.UNWRAPPED:
            return SchemaBuilder(names.UNWRAPPED[message.full_name])
        if is_map(field):
            key, value = message.fields
            name = names.map_name(message.full_name if self._settings.enhanced else message.name)
            return SchemaBuilder.map(self._field(key), self._field(value)).name(name)
        return self._struct(message)

    def _name(self, descriptor: Any) -> str:
        return str(descriptor.full_name if self._settings.enhanced else descriptor.name)


def _decimal(field: Any) -> SchemaBuilder:
    params = meta_params(field.GetOptions())
    builder = decimal_builder(_integer(params.get(names.META_SCALE)) or 0)
    precision = _integer(params.get(names.META_PRECISION))
    return builder if precision is None else builder.parameter(names.PRECISION, str(precision))


def _integer(text: str | None) -> int | None:
    try:
        return None if text is None else int(text)
    except ValueError:
        return None
