"""How a record says what schema it has.

    before the data   0, id as Int32                                    [message indexes of Protobuf]
    in a header       `__key_schema_id`, `__value_schema_id`: 1, guid of 16 bytes   [message indexes]

Message indexes say which message of a `.proto` file it is: a count and each level's index as zigzag varints; a single
0 stands for the first message.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ottla.registry.schema.fingerprint import guid_bytes, guid_text

if TYPE_CHECKING:
    from collections.abc import Sequence

KEY_HEADER: Final = "__key_schema_id"
VALUE_HEADER: Final = "__value_schema_id"
ID_MAGIC: Final = 0
GUID_MAGIC: Final = 1
FIRST_MESSAGE: Final = (0,)
DEPTH_MAX: Final = 100


class WireError(ValueError):
    """The bytes do not say what schema they have."""


@dataclass(frozen=True, slots=True)
class Framed:
    schema_id: int | str
    """An id, or a guid."""
    indexes: tuple[int, ...]
    data: bytes


def prefix(schema_id: int) -> bytes:
    return bytes((ID_MAGIC,)) + schema_id.to_bytes(4, "big")


def header_value(guid: str) -> bytes:
    digest = guid_bytes(guid)
    if digest is None:
        raise WireError(f"'{guid}' is no guid")
    return bytes((GUID_MAGIC,)) + digest


def read_frame(
    data: bytes, headers: Sequence[tuple[str, bytes | None]], *, is_key: bool, has_indexes: bool = False
) -> Framed:
    """Looks into the headers first. `WireError`."""
    name = KEY_HEADER if is_key else VALUE_HEADER
    for header, value in headers:
        if header == name and value is not None:
            schema_id, at = _read_id(value)
            indexes, _ = read_indexes(value, at) if has_indexes else ((), at)
            return Framed(schema_id, indexes, data)
    schema_id, at = _read_id(data)
    indexes, at = read_indexes(data, at) if has_indexes else ((), at)
    return Framed(schema_id, indexes, data[at:])


def _read_id(data: bytes) -> tuple[int | str, int]:
    if len(data) >= 5 and data[0] == ID_MAGIC:
        return int.from_bytes(data[1:5], "big"), 5
    if len(data) >= 17 and data[0] == GUID_MAGIC:
        return guid_text(data[1:17]), 17
    raise WireError(f"this does not begin with a schema's id: {data[:8].hex() or 'nothing'}")


def write_indexes(indexes: Sequence[int]) -> bytes:
    if tuple(indexes) == FIRST_MESSAGE:
        return b"\0"
    return b"".join(_zigzag(number) for number in (len(indexes), *indexes))


def read_indexes(data: bytes, at: int) -> tuple[tuple[int, ...], int]:
    count, at = _read_zigzag(data, at)
    if count == 0:
        return FIRST_MESSAGE, at
    if not 0 < count <= DEPTH_MAX:
        raise WireError(f"{count} message indexes")
    indexes = []
    for _ in range(count):
        index, at = _read_zigzag(data, at)
        indexes.append(index)
    return tuple(indexes), at


def _zigzag(number: int) -> bytes:
    rest = number << 1 if number >= 0 else (-number << 1) - 1
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def _read_zigzag(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 35:
            raise WireError("the message indexes are cut off")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), at
