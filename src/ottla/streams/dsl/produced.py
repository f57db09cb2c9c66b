"""How a topic is written (`Produced`)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from ottla.streams.serdes.serde import Serde
    from ottla.streams.topology.stream_partitioner import StreamPartitioner

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Produced(Generic[K, V]):
    """Serdes that are None are those of the stream, or else the configuration's."""

    key_serde: Serde[K] | None = None
    value_serde: Serde[V] | None = None
    partitioner: StreamPartitioner | None = None
    name: str | None = None

    @classmethod
    def with_(
        cls,
        key_serde: Serde[K] | None = None,
        value_serde: Serde[V] | None = None,
        partitioner: StreamPartitioner | None = None,
    ) -> Produced[K, V]:
        return cls(key_serde, value_serde, partitioner)

    @classmethod
    def as_(cls, name: str) -> Produced[K, V]:
        return cls(name=name)

    @classmethod
    def stream_partitioner(cls, partitioner: StreamPartitioner) -> Produced[K, V]:
        return cls(partitioner=partitioner)

    def with_key_serde(self, serde: Serde[K] | None) -> Produced[K, V]:
        return replace(self, key_serde=serde)

    def with_value_serde(self, serde: Serde[V] | None) -> Produced[K, V]:
        return replace(self, value_serde=serde)

    def with_stream_partitioner(self, partitioner: StreamPartitioner | None) -> Produced[K, V]:
        return replace(self, partitioner=partitioner)

    def with_name(self, name: str) -> Produced[K, V]:
        return replace(self, name=name)
