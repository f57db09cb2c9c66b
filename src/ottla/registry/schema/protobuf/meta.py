"""`confluent.field_meta` and its kin: the one custom option that the registry and its clients share, for inline tags.

    message Meta { string doc = 1; map<string, string> params = 2; repeated string tags = 3; }   field 1088 of options

Descriptors carry it as bytes, `.proto` files as `(confluent.field_meta) = {tags: "PII"}`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.registry.schema.errors import SchemaError
from ottla.registry.schema.protobuf.elements import Option
from ottla.registry.schema.protobuf.lexer import NUMBER, TEXT, WORD, Token, quoted, tokens, unquoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

META_NUMBER: Final = 1088
_NAMES: Final = {
    "FileOptions": "(confluent.file_meta)",
    "MessageOptions": "(confluent.message_meta)",
    "FieldOptions": "(confluent.field_meta)",
    "EnumOptions": "(confluent.enum_meta)",
    "EnumValueOptions": "(confluent.enum_value_meta)",
}
_LENGTH_DELIMITED: Final = 2


def meta_option(options: Any) -> Option | None:
    """What the bytes of an options message say of it."""
    name = _NAMES.get(options.DESCRIPTOR.name)
    return _written(name, options.SerializeToString()) if name is not None else None


def meta_params(options: Any) -> dict[str, str]:
    """The parameters that it holds."""
    params: dict[str, str] = {}
    for number, data in _fields(options.SerializeToString()):
        for inner, value in _fields(data) if number == META_NUMBER else ():
            if inner == 2:
                pair = {key: text.decode() for key, text in _fields(value)}
                params[pair.get(1, "")] = pair.get(2, "")
    return params


def in_one_form(options: Sequence[Option]) -> list[Option]:
    """What is said of it in several options, or in several ways, is one option, said in one way."""
    found: dict[str, bytes] = {}
    rest: list[Option] = []
    for option in options:
        data = meta_bytes(option)
        if data is None:
            rest.append(option)
        else:
            name = option.name.partition(")")[0] + ")"
            found[name] = found.get(name, b"") + data
    written = [_written(name, data) for name, data in found.items()]
    return rest + [each for each in written if each is not None]


def _written(name: str, options: bytes) -> Option | None:
    parts: list[tuple[int, str]] = []
    for number, data in _fields(options):
        if number != META_NUMBER:
            continue
        for inner, value in _fields(data):
            if inner == 1:
                parts.append((inner, f"doc: {quoted(value.decode())}"))
            elif inner == 2:
                pair = {key: text.decode() for key, text in _fields(value)}
                text = f"params: {{key: {quoted(pair.get(1, ''))}, value: {quoted(pair.get(2, ''))}}}"
                parts.append((inner, text))
            elif inner == 3:
                parts.append((inner, f"tags: {quoted(value.decode())}"))
    # By number: who knows the option as an extension writes it so, who does not keeps the order that it had.
    parts.sort(key=lambda part: part[0])
    said = ", ".join(text for _, text in parts)
    return Option(name, f"{{{said}}}") if parts else None


def meta_bytes(option: Option) -> bytes | None:
    """As a field of the options message; `None` for another option. `SchemaError`."""
    name, _, part = option.name.partition(").")
    if f"{name.removesuffix(')')})" not in _NAMES.values():
        return None
    words = iter(tokens(f"{{{part}: {option.value}}}" if part else option.value))
    if next(words).text != "{":
        raise SchemaError(f"the value of {option.name} is a message")
    return _field(META_NUMBER, _message(words, {"doc": 1, "params": 2, "tags": 3}))


def _message(words: Iterator[Token], numbers: dict[str, int]) -> bytes:
    data = b""
    for word in words:
        if word.text == "}":
            break
        if word.kind != WORD or word.text not in numbers:
            continue  # commas
        number = numbers[word.text]
        value = next(words)
        if value.text == ":":
            value = next(words)
        if value.text == "[":
            for each in words:
                if each.text == "]":
                    break
                if each.text != ",":
                    data += _field(number, _value(each, words))
        else:
            data += _field(number, _value(value, words))
    return data


def _value(token: Token, words: Iterator[Token]) -> bytes:
    if token.text == "{" and token.kind != TEXT:
        return _message(words, {"key": 1, "value": 2})
    if token.kind == TEXT:
        return unquoted(token.text).encode()
    if token.kind in (WORD, NUMBER):
        return token.text.encode()
    raise SchemaError(f"{token.text!r} is unexpected in an option")


def _field(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | _LENGTH_DELIMITED) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    data = bytearray()
    while value > 0x7F:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    data.append(value)
    return bytes(data)


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The length-delimited fields of a message."""
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        match key & 7:
            case 0:
                _, at = _read_varint(data, at)
            case 1:
                at += 8
            case 2:
                length, at = _read_varint(data, at)
                yield key >> 3, data[at : at + length]
                at += length
            case 5:
                at += 4
            case _:
                return


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
    return value, at
