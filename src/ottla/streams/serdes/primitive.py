"""Serdes of what Kafka's Java clients have serdes for: bytes, text, numbers, truth values, UUIDs and nothing."""

from __future__ import annotations

import struct
import uuid
from typing import TYPE_CHECKING, Any, Final

from ottla.streams.errors import SerializationError
from ottla.streams.serdes.serde import Serde

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.streams.record import Headers

_FALSE, _TRUE = b"\x00", b"\x01"
UUID_SIZE: Final = 36


def serialize_bytes(topic: str, data: bytes | None, headers: Headers = (), /) -> bytes | None:
    if data is None or type(data) is bytes:
        return data
    try:
        return bytes(memoryview(data))
    except TypeError:
        raise _unfit(topic, data, "bytes") from None


def deserialize_bytes(topic: str, data: bytes | None, headers: Headers = (), /) -> bytes | None:
    return data


def serialize_str(topic: str, data: str | None, headers: Headers = (), /) -> bytes | None:
    if data is None:
        return None
    try:
        return data.encode("utf-8", "replace")
    except AttributeError:
        raise _unfit(topic, data, "a str") from None


def deserialize_str(topic: str, data: bytes | None, headers: Headers = (), /) -> str | None:
    return None if data is None else data.decode("utf-8", "replace")


def serialize_bool(topic: str, data: bool | None, headers: Headers = (), /) -> bytes | None:
    if data is None:
        return None
    if data is True:
        return _TRUE
    if data is False:
        return _FALSE
    raise _unfit(topic, data, "a bool")


def deserialize_bool(topic: str, data: bytes | None, headers: Headers = (), /) -> bool | None:
    if data is None:
        return None
    if data == _TRUE:
        return True
    if data == _FALSE:
        return False
    raise SerializationError(f"{data!r}, read from {topic}, is no bool: that is one byte, 0 or 1")


def serialize_uuid(topic: str, data: uuid.UUID | None, headers: Headers = (), /) -> bytes | None:
    if data is None:
        return None
    if not isinstance(data, uuid.UUID):
        raise _unfit(topic, data, "a UUID")
    return str(data).encode("ascii")


def deserialize_uuid(topic: str, data: bytes | None, headers: Headers = (), /) -> uuid.UUID | None:
    if data is None:
        return None
    try:
        return uuid.UUID(data.decode())
    except ValueError as error:
        raise SerializationError(f"{data!r}, read from {topic}, is no UUID: {error}") from error


def serialize_void(topic: str, data: None, headers: Headers = (), /) -> bytes | None:
    if data is not None:
        raise _unfit(topic, data, "None")
    return None


def deserialize_void(topic: str, data: bytes | None, headers: Headers = (), /) -> None:
    if data is not None:
        raise SerializationError(f"{topic} should have no data here, but has {len(data)} bytes")


def _number(layout: str, what: str) -> Serde[Any]:
    pack = struct.Struct(layout).pack
    unpack = struct.Struct(layout).unpack
    return Serde(_number_serializer(pack, what), _number_deserializer(unpack, what))


def _number_serializer(pack: Callable[[Any], bytes], what: str) -> Any:
    def serialize(topic: str, data: Any, headers: Headers = (), /) -> bytes | None:
        try:
            return pack(data)
        except (struct.error, TypeError, OverflowError):
            if data is None:
                return None
            raise _unfit(topic, data, what) from None

    return serialize


def _number_deserializer(unpack: Callable[[bytes], tuple[Any, ...]], what: str) -> Any:
    def deserialize(topic: str, data: bytes | None, headers: Headers = (), /) -> Any:
        if data is None:
            return None
        try:
            return unpack(data)[0]
        except struct.error as error:
            raise SerializationError(f"{len(data)} bytes, read from {topic}, are not {what}: {error}") from error

    return deserialize


def _unfit(topic: str, data: object, what: str) -> SerializationError:
    return SerializationError(
        f"a value of type {type(data).__name__} cannot go to {topic}: its serde writes {what}. Give the operator "
        "another serde, or change the default one"
    )


BYTES: Final[Serde[bytes]] = Serde(serialize_bytes, deserialize_bytes)
STR: Final[Serde[str]] = Serde(serialize_str, deserialize_str)
BOOL: Final[Serde[bool]] = Serde(serialize_bool, deserialize_bool)
UUID: Final[Serde[uuid.UUID]] = Serde(serialize_uuid, deserialize_uuid)
VOID: Final[Serde[None]] = Serde(serialize_void, deserialize_void)
INT16: Final[Serde[int]] = _number(">h", "an integer of 16 bits")
INT32: Final[Serde[int]] = _number(">i", "an integer of 32 bits")
INT64: Final[Serde[int]] = _number(">q", "an integer of 64 bits")
FLOAT32: Final[Serde[float]] = _number(">f", "a float of 32 bits")
FLOAT64: Final[Serde[float]] = _number(">d", "a float of 64 bits")

FIXED_SIZES: Final[dict[object, int]] = {
    each: size
    for serde, size in ((INT16, 2), (INT32, 4), (INT64, 8), (FLOAT32, 4), (FLOAT64, 8), (UUID, UUID_SIZE))
    for each in (serde.serializer, serde.deserializer)
}
"""Serializers and deserializers whose bytes are always as many; lists of such have a layout of their own."""

NATURAL_TYPES: Final[dict[Serde[Any], tuple[type, int, int]]] = {
    BYTES: (bytes, 0, 0),
    STR: (str, 0, 0),
    BOOL: (bool, 0, 0),
    FLOAT64: (float, 0, 0),
    INT16: (int, -(1 << 15), (1 << 15) - 1),
    INT32: (int, -(1 << 31), (1 << 31) - 1),
    INT64: (int, -(1 << 63), (1 << 63) - 1),
}
"""Serdes whose values nobody can change, and that come back from their bytes as they were: their exact type, and the
least and the greatest of integers. A cache may hold such a value instead of its bytes."""
