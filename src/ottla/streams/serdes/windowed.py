"""Serdes of windowed keys: the inner key's bytes, then 8 bytes of the start; of sessions the end, and then the start.

Kafka Streams' `WindowedSerdes`. A window's end is not written: a reader must know the size. Records with such a key go
to the partition of the inner key, so that all windows of a key stay together (`base_key`).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from ottla.streams.errors import SerializationError
from ottla.streams.serdes.serde import Serde
from ottla.streams.state import session_key, window_key
from ottla.streams.windows import Windowed, time_window

if TYPE_CHECKING:
    from ottla.streams.record import Headers
    from ottla.streams.serdes.serde import Deserializer, Serializer

T = TypeVar("T")

_START: Final = struct.Struct(">q")


class WindowedSerializer(Generic[T]):
    """Of both kinds."""

    __slots__ = ("inner",)

    def __init__(self, inner: Serializer[T]) -> None:
        self.inner = inner

    def base_key(self, topic: str, data: Windowed[T], headers: Headers = ()) -> bytes:
        """By which a partition is chosen."""
        encoded = self.inner(topic, data.key, headers)
        if encoded is None:
            raise SerializationError(f"a windowed key without a key cannot go to {topic}: {data}")
        return encoded


class TimeWindowedSerializer(WindowedSerializer[T]):
    def __call__(self, topic: str, data: Windowed[T] | None, headers: Headers = (), /) -> bytes | None:
        return None if data is None else self.base_key(topic, data, headers) + _START.pack(data.window.start_ms)


class SessionWindowedSerializer(WindowedSerializer[T]):
    def __call__(self, topic: str, data: Windowed[T] | None, headers: Headers = (), /) -> bytes | None:
        if data is None:
            return None
        return session_key.session_key(self.base_key(topic, data, headers), data.window.start_ms, data.window.end_ms)


class TimeWindowedDeserializer(Generic[T]):
    """With `changelog`, keys are those of a window store: a sequence number follows the start."""

    __slots__ = ("_suffix", "_window_size_ms", "inner")

    def __init__(self, inner: Deserializer[T], window_size_ms: int, *, changelog: bool = False) -> None:
        self.inner = inner
        self._window_size_ms = window_size_ms
        self._suffix = window_key.SUFFIX_SIZE if changelog else _START.size

    def __call__(self, topic: str, data: bytes | None, headers: Headers = (), /) -> Windowed[T] | None:
        if not data:
            return None
        at = _place_of_suffix(topic, data, self._suffix)
        key: Any = self.inner(topic, data[:at], headers)
        return Windowed(key, time_window(_START.unpack_from(data, at)[0], self._window_size_ms))


class SessionWindowedDeserializer(Generic[T]):
    __slots__ = ("inner",)

    def __init__(self, inner: Deserializer[T]) -> None:
        self.inner = inner

    def __call__(self, topic: str, data: bytes | None, headers: Headers = (), /) -> Windowed[T] | None:
        if not data:
            return None
        at = _place_of_suffix(topic, data, session_key.SUFFIX_SIZE)
        key: Any = self.inner(topic, data[:at], headers)
        return Windowed(key, session_key.window_of(data))


def time_windowed_serde(inner: Serde[T], window_size_ms: int) -> Serde[Windowed[T]]:
    """`WindowedSerdes.TimeWindowedSerde`."""
    return Serde(TimeWindowedSerializer(inner.serializer), TimeWindowedDeserializer(inner.deserializer, window_size_ms))


def session_windowed_serde(inner: Serde[T]) -> Serde[Windowed[T]]:
    """`WindowedSerdes.SessionWindowedSerde`."""
    return Serde(SessionWindowedSerializer(inner.serializer), SessionWindowedDeserializer(inner.deserializer))


def _place_of_suffix(topic: str, data: bytes, size: int) -> int:
    if len(data) < size:
        raise SerializationError(f"{len(data)} bytes of {topic} are no windowed key: {size} are those of the window")
    return len(data) - size
