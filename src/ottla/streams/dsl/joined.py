"""How a stream is joined with a table (`Joined`)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, TypeVar

from ottla.streams.duration import milliseconds

if TYPE_CHECKING:
    from ottla.streams.duration import Duration
    from ottla.streams.serdes.serde import Serde

K = TypeVar("K")
V1 = TypeVar("V1")
V2 = TypeVar("V2")


@dataclass(frozen=True, slots=True)
class Joined(Generic[K, V1, V2]):
    """With a grace period the stream waits for records of a versioned table that come late (KIP-923)."""

    key_serde: Serde[K] | None = None
    value_serde: Serde[V1] | None = None
    other_value_serde: Serde[V2] | None = None
    name: str | None = None
    grace_ms: int | None = None

    @classmethod
    def with_(
        cls,
        key_serde: Serde[K] | None = None,
        value_serde: Serde[V1] | None = None,
        other_value_serde: Serde[V2] | None = None,
        *,
        name: str | None = None,
        grace_period: Duration | None = None,
    ) -> Joined[K, V1, V2]:
        grace_ms = None if grace_period is None else milliseconds(grace_period, "gracePeriod")
        return cls(key_serde, value_serde, other_value_serde, name, grace_ms)

    @classmethod
    def as_(cls, name: str) -> Joined[K, V1, V2]:
        return cls(name=name)

    def with_key_serde(self, serde: Serde[K] | None) -> Joined[K, V1, V2]:
        return replace(self, key_serde=serde)

    def with_value_serde(self, serde: Serde[V1] | None) -> Joined[K, V1, V2]:
        return replace(self, value_serde=serde)

    def with_other_value_serde(self, serde: Serde[V2] | None) -> Joined[K, V1, V2]:
        return replace(self, other_value_serde=serde)

    def with_name(self, name: str) -> Joined[K, V1, V2]:
        return replace(self, name=name)

    def with_grace_period(self, grace_period: Duration) -> Joined[K, V1, V2]:
        return replace(self, grace_ms=milliseconds(grace_period, "gracePeriod"))
