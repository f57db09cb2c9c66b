"""`FileDescriptorProto` ─► the tree of a `.proto` file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.registry.schema.errors import SchemaError
from ottla.registry.schema.protobuf.elements import (
    NUMBER_MAX,
    Enum,
    EnumConstant,
    Extend,
    Extensions,
    Field,
    Message,
    OneOf,
    Option,
    ProtoFile,
    Range,
    Reserved,
    Rpc,
    Service,
)
from ottla.registry.schema.protobuf.lexer import quoted
from ottla.registry.schema.protobuf.meta import meta_option

if TYPE_CHECKING:
    from collections.abc import Iterable

TYPES: Final = {
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
LABELS: Final = {1: "optional", 2: "required", 3: "repeated"}
_GROUP: Final = 10
_TEXTUAL: Final = (9, 12)


def from_descriptor(data: bytes) -> ProtoFile:
    """`SchemaError` if it is none."""
    try:
        from google.protobuf import descriptor_pb2
        from google.protobuf.message import DecodeError
    except ImportError:
        raise SchemaError("a descriptor can only be read with the package protobuf") from None
    try:
        descriptor = descriptor_pb2.FileDescriptorProto.FromString(data)
    except DecodeError as error:
        raise SchemaError(f"it is neither a .proto file nor a descriptor in base64: {error}") from None
    return _Reader(descriptor).file()


class _Reader:
    def __init__(self, descriptor: Any) -> None:
        self._descriptor = descriptor
        self._syntax = descriptor.syntax or "proto2"

    def file(self) -> ProtoFile:
        source = self._descriptor
        public = set(source.public_dependency)
        return ProtoFile(
            syntax=self._syntax if self._syntax != "editions" else None,
            package=source.package or None,
            imports=[name for at, name in enumerate(source.dependency) if at not in public],
            public_imports=[name for at, name in enumerate(source.dependency) if at in public],
            options=_options(source.options),
            types=[*map(self._message, source.message_type), *map(_enum, source.enum_type)],
            extends=self._extends(source.extension),
            services=[_service(each) for each in source.service],
        )

    def _message(self, source: Any) -> Message:
        maps = {each.name: each for each in source.nested_type if each.options.map_entry}
        message = Message(source.name, options=_options(source.options))
        one_ofs = [OneOf(each.name, options=_options(each.options)) for each in source.oneof_decl]
        synthetic = {each.oneof_index for each in source.field if each.proto3_optional}
        groups = {each.type_name.rpartition(".")[2] for each in source.field if each.type == _GROUP}
        for each in source.field:
            field = self._field(each, maps, {inner.name: inner for inner in source.nested_type})
            if each.HasField("oneof_index") and each.oneof_index not in synthetic:
                field.label = None
                one_ofs[each.oneof_index].fields.append(field)
            else:
                message.fields.append(field)
        message.one_ofs = [each for at, each in enumerate(one_ofs) if at not in synthetic]
        nested = [each for each in source.nested_type if each.name not in maps and each.name not in groups]
        message.types = [*map(self._message, nested), *map(_enum, source.enum_type)]
        ranges = [Range(each.start, min(each.end - 1, NUMBER_MAX)) for each in source.reserved_range]
        message.reserved = [Reserved([each]) for each in ranges]
        message.reserved += [Reserved(names=[name]) for name in source.reserved_name]
        message.extensions = [
            Extensions([Range(each.start, min(each.end - 1, NUMBER_MAX))]) for each in source.extension_range
        ]
        message.extends = self._extends(source.extension)
        return message

    def _field(self, source: Any, maps: dict[str, Any], nested: dict[str, Any]) -> Field:
        options = _options(source.options)
        if source.HasField("default_value"):
            value = source.default_value
            options.append(Option("default", quoted(value) if source.type in _TEXTUAL else value))
        if source.json_name and source.json_name != default_json_name(source.name):
            options.append(Option("json_name", quoted(source.json_name)))
        name = source.type_name.rpartition(".")[2]
        entry = maps.get(name)
        if entry is not None:
            key, value = entry.field
            return Field(source.name, _type(value), source.number, None, _type(key), options)
        label: str | None = LABELS[source.label]
        if self._syntax == "proto3" and label == "optional" and not source.proto3_optional:
            label = None
        if source.type == _GROUP:
            return Field(source.name, name, source.number, label, options=options, group=self._message(nested[name]))
        return Field(source.name, _type(source), source.number, label, options=options)

    def _extends(self, fields: Iterable[Any]) -> list[Extend]:
        extends: dict[str, Extend] = {}
        for each in fields:
            extend = extends.setdefault(each.extendee, Extend(each.extendee))
            extend.fields.append(self._field(each, {}, {}))
        return list(extends.values())


def _type(source: Any) -> str:
    return str(TYPES.get(source.type, source.type_name))


def _enum(source: Any) -> Enum:
    reserved = [Reserved([Range(each.start, each.end)]) for each in source.reserved_range]
    reserved += [Reserved(names=[name]) for name in source.reserved_name]
    constants = [EnumConstant(each.name, each.number, _options(each.options)) for each in source.value]
    return Enum(source.name, constants, _options(source.options), reserved)


def _service(source: Any) -> Service:
    rpcs = [
        Rpc(
            each.name,
            each.input_type,
            each.output_type,
            each.client_streaming,
            each.server_streaming,
            _options(each.options),
        )
        for each in source.method
    ]
    return Service(source.name, rpcs, _options(source.options))


def _options(source: Any) -> list[Option]:
    """Those that every `.proto` may have, and Confluent's own; others are known to those alone who defined them."""
    found: list[Option] = []
    for descriptor, value in source.ListFields():
        if descriptor.name == "map_entry" or descriptor.message_type is not None or descriptor.is_extension:
            continue
        values = value if isinstance(value, list | tuple) or hasattr(value, "append") else [value]
        for each in values:
            if descriptor.enum_type is not None:
                text = descriptor.enum_type.values_by_number[each].name
            elif isinstance(each, bool):
                text = "true" if each else "false"
            else:
                text = quoted(each) if isinstance(each, str) else str(each)
            found.append(Option(descriptor.name, text))
    meta = meta_option(source)
    return [*found, meta] if meta is not None else found


def default_json_name(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)
