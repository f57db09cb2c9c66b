"""The normal form of a `.proto`: fields by number, names of types in full, what is reserved one by one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ottla.registry.schema.protobuf.elements import (
    SCALARS,
    Enum,
    Extend,
    Extensions,
    Field,
    Message,
    OneOf,
    Option,
    ProtoFile,
    Reserved,
    Rpc,
    Service,
    TypeElement,
)
from ottla.registry.schema.protobuf.from_descriptor import default_json_name
from ottla.registry.schema.protobuf.meta import in_one_form

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ottla.registry.schema.protobuf.names import Names


def normal_file(file: ProtoFile, names: Names) -> ProtoFile:
    normal = _Normal(names)
    scope = file.package or ""
    return replace(
        file,
        syntax=None if file.syntax == "proto2" else file.syntax,
        imports=sorted(set(file.imports)),
        public_imports=sorted(set(file.public_imports)),
        options=_options(file.options),
        types=[normal.type(each, scope) for each in file.types],
        extends=[normal.extend(each, scope) for each in file.extends],
        services=[normal.service(each, scope) for each in file.services],
    )


class _Normal:
    def __init__(self, names: Names) -> None:
        self._names = names

    def _name(self, name: str, scope: str) -> str:
        found = self._names.find(name, scope) if name not in SCALARS else None
        return name if found is None else f".{found.full_name}"

    def type(self, element: TypeElement, scope: str) -> TypeElement:
        if isinstance(element, Message):
            return self.message(element, scope)
        constants = sorted(element.constants, key=lambda each: (each.number, each.name))
        return Enum(
            element.name,
            [replace(each, options=_options(each.options)) for each in constants],
            _options(element.options),
            _reserved(element.reserved),
        )

    def message(self, message: Message, outer: str) -> Message:
        scope = f"{outer}.{message.name}" if outer else message.name
        one_ofs = [
            OneOf(each.name, self._fields(each.fields, scope), _options(each.options))
            for each in message.one_ofs
            if each.fields
        ]
        extensions = [Extensions([each], part.options) for part in message.extensions for each in part.ranges]
        return Message(
            message.name,
            self._fields(message.fields, scope),
            sorted(one_ofs, key=lambda each: each.fields[0].number),
            [self.type(each, scope) for each in message.types],
            _options(message.options),
            _reserved(message.reserved),
            sorted(extensions, key=lambda each: each.ranges[0].start),
            [self.extend(each, scope) for each in message.extends],
        )

    def _fields(self, fields: Sequence[Field], scope: str) -> list[Field]:
        return [
            replace(
                each,
                type=each.type if each.group is not None else self._name(each.type, scope),
                options=_options(_needed(each)),
                group=self.message(each.group, scope) if each.group is not None else None,
            )
            for each in sorted(fields, key=lambda each: each.number)
        ]

    def extend(self, extend: Extend, scope: str) -> Extend:
        return Extend(self._name(extend.name, scope), self._fields(extend.fields, scope))

    def service(self, service: Service, scope: str) -> Service:
        rpcs = [
            Rpc(
                each.name,
                self._name(each.request, scope),
                self._name(each.response, scope),
                each.request_streams,
                each.response_streams,
                _options(each.options),
            )
            for each in service.rpcs
        ]
        return Service(service.name, rpcs, _options(service.options))


def _needed(field: Field) -> list[Option]:
    usual = f'"{default_json_name(field.name)}"'
    return [each for each in field.options if each.name != "json_name" or each.value != usual]


def _options(options: Sequence[Option]) -> list[Option]:
    return sorted(in_one_form(options), key=lambda each: (each.name, each.value))


def _reserved(reserved: Sequence[Reserved]) -> list[Reserved]:
    ranges = sorted((each for part in reserved for each in part.ranges), key=lambda each: (each.start, each.end))
    names = sorted({name for part in reserved for name in part.names})
    return [Reserved([each]) for each in ranges] + [Reserved(names=[name]) for name in names]
