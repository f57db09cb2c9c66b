"""How a grouping reaches its repartition topic, if it needs one (`Grouped`)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from ottla.streams.serdes.serde import Serde

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Grouped(Generic[K, V]):
    """`name` is that of the repartition topic, before `-repartition`."""

    key_serde: Serde[K] | None = None
    value_serde: Serde[V] | None = None
    name: str | None = None

    @classmethod
    def with_(
        cls, key_serde: Serde[K] | None = None, value_serde: Serde[V] | None = None, *, name: str | None = None
    ) -> Grouped[K, V]:
        return cls(key_serde, value_serde, name)

    @classmethod
    def as_(cls, name: str) -> Grouped[K, V]:
        return cls(name=name)

    def with_key_serde(self, serde: Serde[K] | None) -> Grouped[K, V]:
        return replace(self, key_serde=serde)

    def with_value_serde(self, serde: Serde[V] | None) -> Grouped[K, V]:
        return replace(self, value_serde=serde)

    def with_name(self, name: str) -> Grouped[K, V]:
        return replace(self, name=name)
