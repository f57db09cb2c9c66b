"""Lists of what another serde writes (KIP-466).

fixed size     0 ‖ int32 nulls ‖ int32 index of each null ‖ int32 entries ‖ entries that are not null
any size       1 ‖ int32 entries ‖ (int32 size or -1 ‖ entry) …
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ottla.streams.errors import SerializationError
from ottla.streams.serdes.primitive import FIXED_SIZES
from ottla.streams.serdes.serde import Serde

if TYPE_CHECKING:
    from ottla.streams.record import Headers
    from ottla.streams.serdes.serde import Deserializer, Serializer

T = TypeVar("T")

_INT32: Final = struct.Struct(">i")
_FIXED_SIZE, _ANY_SIZE = 0, 1
_NULL: Final = -1


def list_serde(inner: Serde[T]) -> Serde[list[T | None]]:
    return Serde(_ListSerializer(inner.serializer), _ListDeserializer(inner.deserializer))


class _ListSerializer:
    def __init__(self, inner: Serializer[Any]) -> None:
        self._inner = inner
        self._fixed = inner in FIXED_SIZES

    def __call__(self, topic: str, data: list[Any] | None, headers: Headers = (), /) -> bytes | None:
        if data is None:
            return None
        entries = [self._inner(topic, each, headers) for each in data]
        if self._fixed:
            nulls = [at for at, entry in enumerate(entries) if entry is None]
            head = struct.pack(f">bi{len(nulls)}ii", _FIXED_SIZE, len(nulls), *nulls, len(entries))
            return head + b"".join(entry for entry in entries if entry is not None)
        out = bytearray(struct.pack(">bi", _ANY_SIZE, len(entries)))
        for entry in entries:
            out += _INT32.pack(_NULL if entry is None else len(entry))
            out += entry or b""
        return bytes(out)


class _ListDeserializer:
    def __init__(self, inner: Deserializer[Any]) -> None:
        self._inner = inner
        self._size = FIXED_SIZES.get(inner)

    def __call__(self, topic: str, data: bytes | None, headers: Headers = (), /) -> list[Any] | None:
        if data is None:
            return None
        try:
            entries = self._fixed_size(data) if data[0] == _FIXED_SIZE else self._any_size(data)
        except (struct.error, IndexError) as error:
            raise SerializationError(f"a list, read from {topic}, ends too early: {error}") from error
        return [None if entry is None else self._inner(topic, entry, headers) for entry in entries]

    def _fixed_size(self, data: bytes) -> list[bytes | None]:
        size = self._size
        if size is None:
            raise SerializationError("a list has entries of a fixed size, but the serde of its entries has none")
        (count,) = _INT32.unpack_from(data, 1)
        nulls = set(struct.unpack_from(f">{count}i", data, 5))
        at = 5 + 4 * count
        (total,) = _INT32.unpack_from(data, at)
        at += 4
        entries: list[bytes | None] = []
        for index in range(_checked(total, data)):
            if index in nulls:
                entries.append(None)
                continue
            entries.append(data[at : at + size])
            at += size
        if at > len(data):
            raise IndexError("entries are missing")
        return entries

    def _any_size(self, data: bytes) -> list[bytes | None]:
        if data[0] != _ANY_SIZE:
            raise SerializationError(f"a list starts with {data[0]}; only 0 and 1 are known")
        (total,) = _INT32.unpack_from(data, 1)
        at = 5
        entries: list[bytes | None] = []
        for _ in range(_checked(total, data)):
            (size,) = _INT32.unpack_from(data, at)
            at += 4
            if size == _NULL:
                entries.append(None)
                continue
            entries.append(data[at : at + _checked(size, data)])
            at += size
        if at > len(data):
            raise IndexError("entries are missing")
        return entries


def _checked(size: int, data: bytes) -> int:
    if not 0 <= size <= len(data):
        raise IndexError(f"a size of {size} within {len(data)} bytes")
    return size
