"""How tables are joined by a foreign key (`TableJoined`)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from ottla.streams.topology.stream_partitioner import StreamPartitioner

K = TypeVar("K")
KO = TypeVar("KO")


@dataclass(frozen=True, slots=True)
class TableJoined(Generic[K, KO]):
    """Partitioners, for tables whose topics are not partitioned by the hash of the key; they see no values."""

    partitioner: StreamPartitioner | None = None
    other_partitioner: StreamPartitioner | None = None
    name: str | None = None

    @classmethod
    def with_(
        cls, partitioner: StreamPartitioner | None = None, other_partitioner: StreamPartitioner | None = None
    ) -> TableJoined[K, KO]:
        return cls(partitioner, other_partitioner)

    @classmethod
    def as_(cls, name: str) -> TableJoined[K, KO]:
        return cls(name=name)

    def with_partitioner(self, partitioner: StreamPartitioner | None) -> TableJoined[K, KO]:
        return replace(self, partitioner=partitioner)

    def with_other_partitioner(self, partitioner: StreamPartitioner | None) -> TableJoined[K, KO]:
        return replace(self, other_partitioner=partitioner)

    def with_name(self, name: str) -> TableJoined[K, KO]:
        return replace(self, name=name)
