"""Serdes: how keys and values become bytes, and come back (`org.apache.kafka.common.serialization.Serde`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from ottla.streams.record import Headers

T = TypeVar("T")
S_contra = TypeVar("S_contra", contravariant=True)
D_co = TypeVar("D_co", covariant=True)


class Serializer(Protocol[S_contra]):
    def __call__(self, topic: str, data: S_contra | None, headers: Headers = (), /) -> bytes | None:
        """The bytes of `data` as they go to `topic`; None for None. SerializationError when it cannot be written."""


class Deserializer(Protocol[D_co]):
    def __call__(self, topic: str, data: bytes | None, headers: Headers = (), /) -> D_co | None:
        """What `data`, read from `topic`, means; None for None. SerializationError when it cannot be read."""


class Serde(Generic[T]):
    """A serializer and the deserializer that undoes it."""

    __slots__ = ("deserializer", "serializer")

    def __init__(self, serializer: Serializer[T], deserializer: Deserializer[T]) -> None:
        self.serializer = serializer
        self.deserializer = deserializer

    def __repr__(self) -> str:
        return f"Serde({self.serializer!r}, {self.deserializer!r})"
