"""The tree of a `.proto` file ─► `FileDescriptorProto`, for clients that build messages of it.

Options that are custom, but for Confluent's own, are left out: what their bytes are only their definition says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.registry.schema.errors import SchemaError
from ottla.registry.schema.protobuf.elements import SCALARS, Enum, Field, Message, Option, ProtoFile
from ottla.registry.schema.protobuf.from_descriptor import LABELS, TYPES
from ottla.registry.schema.protobuf.lexer import unquoted
from ottla.registry.schema.protobuf.meta import meta_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ottla.registry.schema.protobuf.names import Names

_NUMBERS: Final = {name: number for number, name in TYPES.items()}
_LABEL_NUMBERS: Final = {name: number for number, name in LABELS.items()}
_GROUP: Final = 10
_MESSAGE: Final = 11
_ENUM: Final = 14


def to_descriptor(file: ProtoFile, names: Names, name: str) -> Any:
    """`SchemaError` where a type is not known."""
    try:
        from google.protobuf import descriptor_pb2
    except ImportError:
        raise SchemaError("a descriptor can only be made with the package protobuf") from None
    descriptor = descriptor_pb2.FileDescriptorProto(name=name)
    if file.syntax == "proto3":
        descriptor.syntax = file.syntax
    if file.package is not None:
        descriptor.package = file.package
    descriptor.dependency.extend([*file.imports, *file.public_imports])
    descriptor.public_dependency.extend(range(len(file.imports), len(descriptor.dependency)))
    _set_options(descriptor, file.options)
    writer = _Writer(names, is_proto3=file.syntax == "proto3")
    scope = file.package or ""
    for each in file.types:
        if isinstance(each, Message):
            writer.message(descriptor.message_type.add(), each, scope)
        else:
            _write_enum(descriptor.enum_type.add(), each)
    for extend in file.extends:
        for field in extend.fields:
            writer.field(descriptor.extension.add(extendee=writer.name(extend.name, scope)), field, scope, descriptor)
    for service in file.services:
        target = descriptor.service.add(name=service.name)
        for rpc in service.rpcs:
            method = target.method.add(
                name=rpc.name, input_type=writer.name(rpc.request, scope), output_type=writer.name(rpc.response, scope)
            )
            if rpc.request_streams:
                method.client_streaming = True
            if rpc.response_streams:
                method.server_streaming = True
            _set_options(method, rpc.options)
        _set_options(target, service.options)
    return descriptor


class _Writer:
    def __init__(self, names: Names, *, is_proto3: bool) -> None:
        self._names = names
        self._is_proto3 = is_proto3

    def name(self, name: str, scope: str) -> str:
        found = self._names.find(name, scope)
        if found is None:
            raise SchemaError(f"there is no type '{name}' in '{scope}'")
        return f".{found.full_name}"

    def message(self, target: Any, message: Message, outer: str) -> None:
        target.name = message.name
        scope = f"{outer}.{message.name}" if outer else message.name
        for field in message.fields:
            self.field(target.field.add(), field, scope, target)
        for index, one_of in enumerate(message.one_ofs):
            _set_options(target.oneof_decl.add(name=one_of.name), one_of.options)
            for field in one_of.fields:
                self.field(target.field.add(oneof_index=index), field, scope, target)
        for field in target.field:  # the oneofs that `optional` of proto3 stands for come last
            if field.proto3_optional:
                field.oneof_index = len(target.oneof_decl)
                target.oneof_decl.add(name=f"_{field.name}")
        for each in message.types:
            if isinstance(each, Message):
                self.message(target.nested_type.add(), each, scope)
            else:
                _write_enum(target.enum_type.add(), each)
        for reserved in message.reserved:
            for numbers in reserved.ranges:
                target.reserved_range.add(start=numbers.start, end=numbers.end + 1)
            target.reserved_name.extend(reserved.names)
        for extensions in message.extensions:
            for numbers in extensions.ranges:
                target.extension_range.add(start=numbers.start, end=numbers.end + 1)
        for extend in message.extends:
            for field in extend.fields:
                self.field(target.extension.add(extendee=self.name(extend.name, scope)), field, scope, target)
        _set_options(target, message.options)

    def field(self, target: Any, field: Field, scope: str, parent: Any) -> None:
        target.name, target.number = field.name, field.number
        target.label = _LABEL_NUMBERS[field.label or "optional"]
        if field.key_type is not None:
            self._map(target, field, scope, parent)
        elif field.group is not None:
            self.message(parent.nested_type.add(), field.group, scope)
            target.type, target.type_name = _GROUP, f".{scope}.{field.group.name}"
        else:
            self._set_type(target, field.type, scope)
        if self._is_proto3 and field.label == "optional":
            target.proto3_optional = True
        for option in field.options:
            if option.name == "default":
                target.default_value = _plain(option.value)
            elif option.name == "json_name":
                target.json_name = _plain(option.value)
        _set_options(target, [each for each in field.options if each.name not in ("default", "json_name")])

    def _set_type(self, target: Any, name: str, scope: str) -> None:
        if name in SCALARS:
            target.type = _NUMBERS[name]
            return
        found = self._names.find(name, scope)
        if found is None:
            raise SchemaError(f"there is no type '{name}' in '{scope}'")
        target.type, target.type_name = _ENUM if found.is_enum else _MESSAGE, f".{found.full_name}"

    def _map(self, target: Any, field: Field, scope: str, parent: Any) -> None:
        """A map is repeated entries, of a message that is made for it."""
        assert field.key_type is not None
        name = "".join(part[:1].upper() + part[1:] for part in field.name.split("_")) + "Entry"
        entry = parent.nested_type.add(name=name)
        entry.options.map_entry = True
        for number, (word, type_) in enumerate((("key", field.key_type), ("value", field.type)), 1):
            part = entry.field.add(name=word, number=number, label=_LABEL_NUMBERS["optional"])
            self._set_type(part, type_, scope)
        target.label = _LABEL_NUMBERS["repeated"]
        target.type, target.type_name = _MESSAGE, f".{scope}.{name}"


def _write_enum(target: Any, enum: Enum) -> None:
    target.name = enum.name
    for constant in enum.constants:
        _set_options(target.value.add(name=constant.name, number=constant.number), constant.options)
    for reserved in enum.reserved:
        for numbers in reserved.ranges:
            target.reserved_range.add(start=numbers.start, end=numbers.end)
        target.reserved_name.extend(reserved.names)
    _set_options(target, enum.options)


def _set_options(target: Any, options: Iterable[Option]) -> None:
    for option in options:
        meta = meta_bytes(option)
        if meta is not None:
            target.options.MergeFromString(meta)
            continue
        descriptor = target.options.DESCRIPTOR.fields_by_name.get(option.name)
        if descriptor is None or descriptor.message_type is not None:
            continue
        value = _option_value(descriptor, option.value)
        current = getattr(target.options, option.name)
        if hasattr(current, "append"):
            current.append(value)
        else:
            setattr(target.options, option.name, value)


def _option_value(descriptor: Any, text: str) -> object:
    if descriptor.enum_type is not None:
        constant = descriptor.enum_type.values_by_name.get(text)
        if constant is None:
            raise SchemaError(f"{descriptor.name} cannot be {text}")
        return constant.number
    if text in ("true", "false"):
        return text == "true"
    return _plain(text) if text[:1] in "\"'" else int(text)


def _plain(text: str) -> str:
    return unquoted(text) if text[:1] in ("'", '"') else text
