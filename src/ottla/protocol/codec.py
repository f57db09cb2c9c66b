"""The codec: for each message and version, a decoder and an encoder that are written and compiled when first used.

    decoder(FetchRequest, 12)(memoryview(frame), offset) -> (message, where it ends)
    encode_into(response, 12, out, regions)

A new (message, version) costs its compilation once, less than a millisecond for most. `decoder_source.py` and
`encoder_source.py` write the code, `source_of` shows it. What is malformed is a ProtocolError, and nothing else.

Lengths (KIP-482): in flexible versions an unsigned varint of the length + 1, 0 for null; before, int16 for strings and
int32 for all else, -1 for null. A struct that may be null has an int8 before it: -1 or 1; as a tagged field, 0 or 1.
Tagged fields end each flexible struct: count, then each by tag: tag, size, bytes.
"""

from collections.abc import Callable, Sequence
from struct import error as StructError  # noqa: N812  # an exception, named like one
from struct import pack, unpack_from
from typing import Any, Final, TypeAlias, TypeVar, cast

from ottla.protocol.decoder_source import MAX_TAGGED_FIELDS, DecoderSource
from ottla.protocol.encoder_source import EncoderSource
from ottla.protocol.errors import ProtocolError
from ottla.protocol.message import ArrayOf, Field, FieldType, Message, Struct, UnsupportedVersionError, type_name
from ottla.protocol.source import Source, layout
from ottla.protocol.types import Primitive, Region

M = TypeVar("M", bound=Message)
Decoder: TypeAlias = "Callable[[memoryview, int], tuple[M, int]]"
Encoder: TypeAlias = "Callable[[Message, bytearray, list[tuple[int, Region]]], None]"

LONGEST_STRING: Final = 32767
"""Bytes of a string in UTF-8, in every version."""

MAX_ELEMENTS: Final = 250_000
"""What all arrays of one message may hold together where it is metered: what a request may make is bounded by this and
not by its bytes alone, of which the smallest elements take two."""


def decoder(message: type[M], version: int) -> "Decoder[M]":
    """The function that reads `message` in `version`; UnsupportedVersionError if there is no such version."""
    found = _decoders.get((message, version))
    if found is None:
        source = _write_decoder(message, version)
        found = source.compile("decode", f"ottla {message.__name__} v{version} decoder")
        _decoders[message, version] = found
    return cast("Decoder[M]", found)


def metered_decoder(message: type[M], version: int) -> "Decoder[M]":
    """As `decoder`, for frames so large that what they make must be counted: more than MAX_ELEMENTS is malformed."""
    found = _metered_decoders.get((message, version))
    if found is None:
        source = _write_decoder(message, version, MAX_ELEMENTS)
        found = source.compile("decode", f"ottla {message.__name__} v{version} metered decoder")
        _metered_decoders[message, version] = found
    return cast("Decoder[M]", found)


def encoder(message: type[Message], version: int) -> Encoder:
    """The function that writes `message` in `version`; UnsupportedVersionError if there is no such version."""
    found = _encoders.get((message, version))
    if found is None:
        source = _write_encoder(message, version)
        found = _encoders[message, version] = source.compile("encode", f"ottla {message.__name__} v{version} encoder")
    return found


def encode_into(message: Message, version: int, out: bytearray, regions: list[tuple[int, Region]]) -> None:
    """Append `message` in `version` to `out`; a `Region` of records goes to `regions`, with its position in `out`.

    ProtocolError: a value does not fit its field; `out` and `regions` are then as before.
    """
    start, noted = len(out), len(regions)
    try:
        (_encoders.get((type(message), version)) or encoder(type(message), version))(message, out, regions)
    except (StructError, AttributeError, TypeError, ValueError, ProtocolError) as error:
        del out[start:], regions[noted:]
        if isinstance(error, ProtocolError):
            raise
        reason = _unfit(message, version, type(message).__name__) or str(error)
        raise ProtocolError(f"version {version} of {reason}") from error


def source_of(message: type[Message], version: int) -> tuple[str, str]:
    """The source of decoder and encoder, for people."""
    return _write_decoder(message, version).text(), _write_encoder(message, version).text()


_decoders: dict[tuple[type[Message], int], Any] = {}
_metered_decoders: dict[tuple[type[Message], int], Any] = {}
_encoders: dict[tuple[type[Message], int], Encoder] = {}


def _write_decoder(message: type[Message], version: int, max_elements: int | None = None) -> Source:
    _check_version(message, version)
    source = Source(_DECODER_NAMES)
    DecoderSource(source, message, version, max_elements).write()
    return source


def _write_encoder(message: type[Message], version: int) -> Source:
    _check_version(message, version)
    source = Source(_ENCODER_NAMES)
    EncoderSource(source, message, version).write()
    return source


def _check_version(message: type[Message], version: int) -> None:
    if version not in message.versions:
        raise UnsupportedVersionError(f"{message.__name__} has versions {message.versions}, not {version}")


def read_uvarint(data: memoryview, offset: int) -> tuple[int, int]:
    """An unsigned varint and where it ends; ProtocolError."""
    try:
        return _number(data, offset)
    except IndexError:
        raise ProtocolError("a varint is cut") from None


# What decoders call


def _long_length(data: memoryview, offset: int, value: int) -> tuple[int, int]:
    """The rest of an unsigned varint that began with `value`, just before `offset`; at most five bytes, and not 0."""
    value &= 0x7F
    for shift in (7, 14, 21, 28):
        byte = data[offset]
        offset += 1
        value |= (byte & 0x7F) << shift
        if byte < 128:
            if 0 < value < 0x8000_0000:
                return value, offset
            raise ProtocolError(f"{value} in a varint of {shift // 7 + 1} bytes is no length")
    raise ProtocolError("a varint has more than five bytes")


def _string_length(data: memoryview, offset: int, value: int) -> tuple[int, int]:
    value, offset = _long_length(data, offset, value)
    if value > LONGEST_STRING + 1:
        raise ProtocolError(f"a string claims {value - 1} bytes, the longest has {LONGEST_STRING}")
    return value, offset


def _number(data: memoryview, offset: int) -> tuple[int, int]:
    """An unsigned varint, 0 included."""
    value = data[offset]
    return (value, offset + 1) if value < 128 else _long_length(data, offset + 1, value)


def _tag_and_end(data: memoryview, offset: int, last: int, path: str) -> tuple[int, int, int]:
    """The head of a tagged field: its tag, where it ends, where its bytes begin. Tags must grow."""
    tag, offset = _number(data, offset)
    size, offset = _number(data, offset)
    if tag <= last:
        raise ProtocolError(f"{path}: tag {tag} comes after tag {last}")
    if size > len(data) - offset:
        raise _cut(f"tag {tag} of {path}", size - len(data) + offset)
    return tag, offset + size, offset


def _unknown_tagged_fields(
    data: memoryview, offset: int, count: int, path: str
) -> tuple[tuple[tuple[int, bytes], ...], int]:
    """All tagged fields of a struct that knows none."""
    if count > 127:
        count, offset = _long_length(data, offset, count)
    if count > MAX_TAGGED_FIELDS:
        raise _too_large(path, MAX_TAGGED_FIELDS)
    found: list[tuple[int, bytes]] = []
    tag = -1
    for _ in range(count):
        tag, end, offset = _tag_and_end(data, offset, tag, path)
        found.append((tag, bytes(data[offset:end])))
        offset = end
    return tuple(found), offset


def _malformed(message: str, version: int, error: Exception) -> ProtocolError:
    reason = "is not UTF-8" if isinstance(error, UnicodeDecodeError) else "ends too early"
    return ProtocolError(f"{message} version {version} {reason}: {error}")


def _is_null(path: str) -> ProtocolError:
    return ProtocolError(f"{path} is null, or its length negative")


def _cut(path: str, missing: int) -> ProtocolError:
    return ProtocolError(f"{path}: {missing} bytes are missing")


def _too_many(path: str, count: int, left: int) -> ProtocolError:
    return ProtocolError(f"{path} claims {count} elements, but {left} bytes are left")


def _too_large(path: str, most: int) -> ProtocolError:
    return ProtocolError(f"{path}: more than {most} elements")


def _wrong_end(path: str) -> ProtocolError:
    return ProtocolError(f"{path}: the tagged field does not have the size that it claims")


_DECODER_NAMES: Final[dict[str, object]] = {
    "StructError": StructError,
    "cut": _cut,
    "is_null": _is_null,
    "long_length": _long_length,
    "malformed": _malformed,
    "new": object.__new__,
    "string_length": _string_length,
    "tag_and_end": _tag_and_end,
    "too_large": _too_large,
    "too_many": _too_many,
    "unknown_tagged_fields": _unknown_tagged_fields,
    "unpack_from": unpack_from,
    "wrong_end": _wrong_end,
}


# What encoders call


def uvarint(value: int) -> bytes:
    """The unsigned varint of a number that is not negative."""
    out = bytearray()
    while value > 127:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _string_varint(value: int) -> bytes:
    if value > LONGEST_STRING + 1:
        raise ValueError(f"a string of {value - 1} bytes is too long")
    return uvarint(value)


def _write_tagged_fields(
    out: bytearray, known: Sequence[tuple[int, bytes]], unknown: Sequence[tuple[int, bytes]], path: str
) -> None:
    """Write the tagged fields of a struct, by tag."""
    if len(known) == 1 and not unknown:
        tag, content = known[0]
        size = len(content)
        if tag < 128 and size < 128:
            out += bytes((1, tag, size))
            out += content
            return
    fields = [*known, *unknown]
    fields.sort(key=lambda item: item[0])
    out += uvarint(len(fields))
    last = -1
    for tag, content in fields:
        if tag <= last:
            raise ProtocolError(f"{path}: tag {tag} stands twice")
        last = tag
        out += uvarint(tag)
        out += uvarint(len(content))
        out += content


def _not_in_version(path: str, version: int) -> UnsupportedVersionError:
    return UnsupportedVersionError(f"{path} cannot be said in version {version}: it must have its default")


def _not_a_uuid(path: str, value: bytes) -> ProtocolError:
    return ProtocolError(f"{path} is {value!r}; a UUID has 16 bytes")


_ENCODER_NAMES: Final[dict[str, object]] = {
    "not_a_uuid": _not_a_uuid,
    "not_in_version": _not_in_version,
    "pack": pack,
    "string_varint": _string_varint,
    "varint": uvarint,
    "write_tagged_fields": _write_tagged_fields,
}


def _unfit(struct: Struct, version: int, path: str) -> str | None:
    """Which value does not fit, and why: looked for only after an encoder failed."""
    for item in struct.schema:
        if version not in item.versions:
            continue
        value = getattr(struct, item.name, None)
        where = f"{path}.{item.name}"
        if value is None:
            if version not in item.nullable:
                return f"{where} must not be None"
            continue
        reason = _unfit_value(item, value, version, where)
        if reason is not None:
            return reason
    return None


def _unfit_value(item: Field, value: object, version: int, where: str) -> str | None:
    if not isinstance(item.type, ArrayOf):
        return _unfit_one(item.type, value, version, where)
    if not isinstance(value, list | tuple):
        return f"{where} must be a list, not {type(value).__name__}"
    for index, element in enumerate(value):
        reason = _unfit_one(item.type.element, element, version, f"{where}[{index}]")
        if reason is not None:
            return reason
    return None


def _unfit_one(kind: FieldType, value: object, version: int, where: str) -> str | None:
    if isinstance(value, Struct):
        return _unfit(value, version, where)
    if isinstance(kind, Primitive):
        if kind.code:
            try:
                layout(kind.code).pack(value)
            except StructError as error:
                return f"{where} is {value!r}, which is no {kind.name}: {error}"
            return None
        wanted = {"string": (str,), "bytes": (bytes, bytearray, memoryview)}.get(kind.name)
        if wanted is None:
            return None
        if isinstance(value, wanted):
            too_long = isinstance(value, str) and len(value.encode(errors="replace")) > LONGEST_STRING
            return f"{where} is a string of more than {LONGEST_STRING} bytes" if too_long else None
    return f"{where} must be {type_name(kind)}, not {type(value).__name__}"
