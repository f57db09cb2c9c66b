"""The serializer or the deserializer of a serde that may not be given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ottla.streams.serdes.serde import Deserializer, Serde, Serializer


def serializer_of(serde: Serde[Any] | None) -> Serializer[Any] | None:
    return None if serde is None else serde.serializer


def deserializer_of(serde: Serde[Any] | None) -> Deserializer[Any] | None:
    return None if serde is None else serde.deserializer
