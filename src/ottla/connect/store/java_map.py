"""A `java.util.HashMap<byte[], byte[]>` in Java's serialization: the offsets of Kafka Connect's standalone worker
(`FileOffsetBackingStore`). Facts from the Java Object Serialization Specification, chapter 6.

    magic AC ED, version 00 05
    object: class HashMap (serialVersionUID, fields loadFactor F and threshold I), their values,
            block of 8 bytes: buckets, size; then key, value, key, value …; end of the block
    each byte[]: array of class [B, length, bytes; null is 70; the class is written once, later a reference
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAGIC: Final = b"\xac\xed\x00\x05"
_NULL, _REFERENCE, _CLASS_DESCRIPTION, _OBJECT = 0x70, 0x71, 0x72, 0x73
_ARRAY, _BLOCK, _END = 0x75, 0x77, 0x78
_BASE_HANDLE: Final = 0x7E0000
_HASH_MAP_UID: Final = 0x0507DAC1C31660D1
_BYTES_UID: Final = 0xACF317F8060854E0
_LOAD_FACTOR: Final = 0.75
_BUCKETS_MIN: Final = 16
BYTES_MAX: Final = 1 << 30


class JavaMapError(ValueError):
    """The bytes are not such a map."""


def encode_java_map(entries: Mapping[bytes, bytes | None]) -> bytes:
    out = bytearray(_MAGIC)
    buckets = _BUCKETS_MIN
    while len(entries) > buckets * _LOAD_FACTOR:
        buckets *= 2
    out += bytes([_OBJECT, _CLASS_DESCRIPTION]) + _text("java.util.HashMap") + struct.pack(">Q", _HASH_MAP_UID)
    out += b"\x03" + struct.pack(">H", 2) + b"F" + _text("loadFactor") + b"I" + _text("threshold")
    out += bytes([_END, _NULL]) + struct.pack(">fi", _LOAD_FACTOR, int(buckets * _LOAD_FACTOR))
    out += bytes([_BLOCK, 8]) + struct.pack(">ii", buckets, len(entries))
    has_class = False
    for key, value in entries.items():
        for part in (key, value):
            if part is None:
                out.append(_NULL)
                continue
            out.append(_ARRAY)
            if has_class:
                out += bytes([_REFERENCE]) + struct.pack(">i", _BASE_HANDLE + 2)  # after the map's class, and the map
            else:
                out += bytes([_CLASS_DESCRIPTION]) + _text("[B") + struct.pack(">Q", _BYTES_UID)
                out += b"\x02\x00\x00" + bytes([_END, _NULL])
                has_class = True
            out += struct.pack(">i", len(part)) + part
    out.append(_END)
    return bytes(out)


def _text(text: str) -> bytes:
    return struct.pack(">H", len(text)) + text.encode()


def decode_java_map(data: bytes) -> dict[bytes, bytes | None]:
    """`JavaMapError`."""
    try:
        return _Reader(data).map()
    except (struct.error, IndexError) as error:
        raise JavaMapError("it ends too early") from error


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._bytes_class: int | None = None
        self._handles = 0
        self._arrays: dict[int, bytes] = {}

    def map(self) -> dict[bytes, bytes | None]:
        if self._take(4) != _MAGIC:
            raise JavaMapError("it is not in Java's serialization")
        self._expect(_OBJECT, "an object")
        self._map_class()
        self._handles += 1  # the object
        self._take(8)
        self._expect(_BLOCK, "the map's size")
        if self._byte() != 8:
            raise JavaMapError("the map's size has another form")
        _, size = struct.unpack(">ii", self._take(8))
        entries: dict[bytes, bytes | None] = {}
        for _ in range(size):
            key, value = self._bytes(), self._bytes()
            if key is not None:
                entries[key] = value
        self._expect(_END, "the end of the map")
        return entries

    def _map_class(self) -> None:
        self._expect(_CLASS_DESCRIPTION, "a class")
        if (name := self._string()) != "java.util.HashMap":
            raise JavaMapError(f"it holds a {name}, not a java.util.HashMap")
        self._take(9)
        for _ in range(struct.unpack(">H", self._take(2))[0]):
            self._byte()
            self._string()
        self._expect(_END, "the end of the class")
        self._expect(_NULL, "no super class")
        self._handles += 1

    def _bytes(self) -> bytes | None:
        kind = self._byte()
        if kind == _NULL:
            return None
        if kind == _REFERENCE:
            handle = struct.unpack(">i", self._take(4))[0] - _BASE_HANDLE
            if handle not in self._arrays:
                raise JavaMapError("it refers to what is no byte[]")
            return self._arrays[handle]
        if kind != _ARRAY:
            raise JavaMapError(f"a byte[] was expected at {self._at - 1}, not {kind:#x}")
        self._array_class()
        handle = self._handles
        self._handles += 1
        length = struct.unpack(">i", self._take(4))[0]
        if not 0 <= length <= BYTES_MAX:
            raise JavaMapError(f"a byte[] of {length} bytes")
        self._arrays[handle] = self._take(length)
        return self._arrays[handle]

    def _array_class(self) -> None:
        kind = self._byte()
        if kind == _REFERENCE:
            if struct.unpack(">i", self._take(4))[0] - _BASE_HANDLE != self._bytes_class:
                raise JavaMapError("an array of something else than bytes")
            return
        if kind != _CLASS_DESCRIPTION or self._string() != "[B":
            raise JavaMapError("an array of something else than bytes")
        self._take(11)
        self._expect(_END, "the end of the class")
        self._expect(_NULL, "no super class")
        self._bytes_class = self._handles
        self._handles += 1

    def _string(self) -> str:
        length = struct.unpack(">H", self._take(2))[0]
        return self._take(length).decode("utf-8", "replace")

    def _byte(self) -> int:
        value = self._data[self._at]
        self._at += 1
        return value

    def _take(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        if len(taken) != count:
            raise JavaMapError("it ends too early")
        self._at += count
        return taken

    def _expect(self, kind: int, what: str) -> None:
        if self._byte() != kind:
            raise JavaMapError(f"{what} was expected at {self._at - 1}")
