"""Avro's binary encoding of what everything else is made of.

int, long zigzag varints · float, double little-endian · bytes, string a length before
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ottla.connect.api.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

Write: TypeAlias = "Callable[[bytearray, Any], None]"
Read: TypeAlias = "Callable[[bytes, int], tuple[Any, int]]"
"""(bytes, where it begins) → (value, where the next one does)."""

MAX_VARINT_BYTES: Final = 10
FLOAT: Final = struct.Struct("<f")
DOUBLE: Final = struct.Struct("<d")
ANYTHING: Final = ("boolean", "bytes", "double", "float", "int", "long", "string", "array", "map")
"""The fields of the record that a value without a schema is."""


def write_long(out: bytearray, value: int) -> None:
    rest = (value << 1) ^ (value >> 63)
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)


def read_long(data: bytes, at: int) -> tuple[int, int]:
    byte = data[at]
    at += 1
    value = byte & 0x7F
    shift = 7
    while byte > 0x7F:
        if shift >= 7 * MAX_VARINT_BYTES:
            raise DataError("A number of Avro's has at most ten bytes")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
    return (value >> 1) ^ -(value & 1), at


def write_bytes(out: bytearray, value: Any) -> None:
    data = bytes(value)
    write_long(out, len(data))
    out += data


def read_bytes(data: bytes, at: int) -> tuple[bytes, int]:
    length, at = read_long(data, at)
    if not 0 <= length <= len(data) - at:
        raise DataError(f"{length} bytes were announced, and {len(data) - at} are there")
    return data[at : at + length], at + length


def write_text(out: bytearray, value: Any) -> None:
    write_bytes(out, value.encode("utf-8", "replace"))


def read_text(data: bytes, at: int) -> tuple[str, int]:
    found, at = read_bytes(data, at)
    return found.decode(), at
