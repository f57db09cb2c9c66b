"""Writes a `.proto` file: messages before enums, without comments, two spaces to indent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.registry.schema.protobuf.elements import (
    ENUM_NUMBER_MAX,
    NUMBER_MAX,
    Enum,
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
    TypeElement,
)
from ottla.registry.schema.protobuf.lexer import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence


def write_proto(file: ProtoFile) -> str:
    text = ""
    if file.syntax is not None:
        text += f'syntax = "{file.syntax}";\n'
    if file.edition is not None:
        text += f'edition = "{file.edition}";\n'
    if file.package is not None:
        text += f"package {file.package};\n"
    imports = [f"import {quoted(each)};\n" for each in file.imports]
    imports += [f"import public {quoted(each)};\n" for each in file.public_imports]
    sections = [
        imports,
        _options(file.options),
        _types(file.types),
        [_extend(each) for each in file.extends],
        [_service(each) for each in file.services],
    ]
    return text + "".join("\n" + "".join(section) for section in sections if section)


def _types(types: Sequence[TypeElement]) -> list[str]:
    messages = [_message(each) for each in types if isinstance(each, Message)]
    return messages + [_enum(each) for each in types if isinstance(each, Enum)]


def _block(head: str, sections: Sequence[list[str]]) -> str:
    body = "".join("\n" + "".join(map(_indented, section)) for section in sections if section)
    return f"{head} {{{body}}}\n"


def _indented(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.splitlines())


def _message(message: Message, head: str | None = None) -> str:
    return _block(
        head or f"message {message.name}",
        [
            [_reserved(each, NUMBER_MAX) for each in message.reserved],
            _options(message.options),
            [_field(each) for each in message.fields],
            [_one_of(each) for each in message.one_ofs],
            [_extensions(each) for each in message.extensions],
            [_extend(each) for each in message.extends],
            _types(message.types),
        ],
    )


def _one_of(one_of: OneOf) -> str:
    return _block(f"oneof {one_of.name}", [_options(one_of.options), [_field(each) for each in one_of.fields]])


def _field(field: Field) -> str:
    label = f"{field.label} " if field.label is not None else ""
    if field.group is not None:
        return _message(field.group, f"{label}group {field.group.name} = {field.number}{_inline(field.options)}")
    type_ = field.type if field.key_type is None else f"map<{field.key_type}, {field.type}>"
    return f"{label}{type_} {field.name} = {field.number}{_inline(field.options)};\n"


def _enum(enum: Enum) -> str:
    constants = [f"{each.name} = {each.number}{_inline(each.options)};\n" for each in enum.constants]
    reserved = [_reserved(each, ENUM_NUMBER_MAX) for each in enum.reserved]
    return _block(f"enum {enum.name}", [[*reserved, *_options(enum.options), *constants]])


def _extend(extend: Extend) -> str:
    return _block(f"extend {extend.name}", [[_field(each) for each in extend.fields]])


def _service(service: Service) -> str:
    return _block(f"service {service.name}", [_options(service.options), [_rpc(each) for each in service.rpcs]])


def _rpc(rpc: Rpc) -> str:
    request = f"stream {rpc.request}" if rpc.request_streams else rpc.request
    response = f"stream {rpc.response}" if rpc.response_streams else rpc.response
    head = f"rpc {rpc.name} ({request}) returns ({response})"
    if not rpc.options:
        return f"{head};\n"
    return f"{head} {{\n{''.join(map(_indented, _options(rpc.options)))}}};\n"


def _options(options: Sequence[Option]) -> list[str]:
    return [f"option {each.name} = {each.value};\n" for each in options]


def _inline(options: Sequence[Option]) -> str:
    if not options:
        return ""
    written = [f"{each.name} = {each.value}" for each in options]
    if len(written) == 1:
        return f" [{written[0]}]"
    return " [\n" + ",\n".join(f"  {each}" for each in written) + "\n]"


def _reserved(reserved: Reserved, most: int) -> str:
    parts = [_range(each, most) for each in reserved.ranges] + [quoted(name) for name in reserved.names]
    return f"reserved {', '.join(parts)};\n"


def _extensions(extensions: Extensions) -> str:
    ranges = ", ".join(_range(each, NUMBER_MAX) for each in extensions.ranges)
    return f"extensions {ranges}{_inline(extensions.options)};\n"


def _range(numbers: Range, most: int) -> str:
    if numbers.start == numbers.end:
        return str(numbers.start)
    return f"{numbers.start} to {'max' if numbers.end >= most else numbers.end}"
