"""How a topic is read (`Consumed`)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from ottla.streams.serdes.serde import Serde
    from ottla.streams.topology.auto_offset_reset import AutoOffsetReset
    from ottla.streams.topology.timestamp_extractor import TimestampExtractor

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Consumed(Generic[K, V]):
    """What is None is the configuration's."""

    key_serde: Serde[K] | None = None
    value_serde: Serde[V] | None = None
    timestamp_extractor: TimestampExtractor | None = None
    offset_reset: AutoOffsetReset | None = None
    name: str | None = None

    @classmethod
    def with_(
        cls,
        key_serde: Serde[K] | None = None,
        value_serde: Serde[V] | None = None,
        timestamp_extractor: TimestampExtractor | None = None,
        offset_reset: AutoOffsetReset | None = None,
    ) -> Consumed[K, V]:
        return cls(key_serde, value_serde, timestamp_extractor, offset_reset)

    @classmethod
    def as_(cls, name: str) -> Consumed[K, V]:
        return cls(name=name)

    def with_key_serde(self, serde: Serde[K] | None) -> Consumed[K, V]:
        return replace(self, key_serde=serde)

    def with_value_serde(self, serde: Serde[V] | None) -> Consumed[K, V]:
        return replace(self, value_serde=serde)

    def with_timestamp_extractor(self, extractor: TimestampExtractor | None) -> Consumed[K, V]:
        return replace(self, timestamp_extractor=extractor)

    def with_offset_reset_policy(self, offset_reset: AutoOffsetReset | None) -> Consumed[K, V]:
        return replace(self, offset_reset=offset_reset)

    def with_name(self, name: str) -> Consumed[K, V]:
        return replace(self, name=name)
