"""The topic through which `KStream.repartition` goes (`Repartitioned`)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from ottla.streams.serdes.serde import Serde
    from ottla.streams.topology.stream_partitioner import StreamPartitioner

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Repartitioned(Generic[K, V]):
    """Without a number of partitions the topic has as many as the widest topic upstream."""

    key_serde: Serde[K] | None = None
    value_serde: Serde[V] | None = None
    partitions: int | None = None
    partitioner: StreamPartitioner | None = None
    name: str | None = None

    @classmethod
    def with_(cls, key_serde: Serde[K] | None = None, value_serde: Serde[V] | None = None) -> Repartitioned[K, V]:
        return cls(key_serde, value_serde)

    @classmethod
    def as_(cls, name: str) -> Repartitioned[K, V]:
        return cls(name=name)

    @classmethod
    def number_of_partitions(cls, partitions: int) -> Repartitioned[K, V]:
        return cls(partitions=partitions)

    @classmethod
    def stream_partitioner(cls, partitioner: StreamPartitioner) -> Repartitioned[K, V]:
        return cls(partitioner=partitioner)

    def with_name(self, name: str) -> Repartitioned[K, V]:
        return replace(self, name=name)

    def with_number_of_partitions(self, partitions: int) -> Repartitioned[K, V]:
        return replace(self, partitions=partitions)

    def with_key_serde(self, serde: Serde[K] | None) -> Repartitioned[K, V]:
        return replace(self, key_serde=serde)

    def with_value_serde(self, serde: Serde[V] | None) -> Repartitioned[K, V]:
        return replace(self, value_serde=serde)

    def with_stream_partitioner(self, partitioner: StreamPartitioner | None) -> Repartitioned[K, V]:
        return replace(self, partitioner=partitioner)
