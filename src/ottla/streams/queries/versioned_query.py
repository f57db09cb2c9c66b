"""What a key of a versioned store was at one time (KIP-960), and over a stretch of it (KIP-968, 969)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from ottla.streams.queries.query import Query, ResultOrder, needed
from ottla.streams.state.store import VersionedRecord


@dataclass(frozen=True, slots=True)
class VersionedKeyQuery(Query[VersionedRecord | None]):
    """The newest value, unless `as_of` says a time."""

    key: Any
    as_of_timestamp_ms: int | None = None

    def __post_init__(self) -> None:
        needed(self.key)

    @classmethod
    def with_key(cls, key: Any) -> VersionedKeyQuery:
        return cls(key)

    def as_of(self, timestamp_ms: int) -> VersionedKeyQuery:
        return replace(self, as_of_timestamp_ms=timestamp_ms)


@dataclass(frozen=True, slots=True)
class MultiVersionedKeyQuery(Query[Iterator[VersionedRecord]]):
    """Every value that was valid at some time between two, both inclusive; the newest first, unless said otherwise."""

    key: Any
    from_time_ms: int | None = None
    to_time_ms: int | None = None
    result_order: ResultOrder = ResultOrder.ANY

    def __post_init__(self) -> None:
        needed(self.key)
        if self.from_time_ms is not None and self.to_time_ms is not None and self.from_time_ms > self.to_time_ms:
            raise ValueError(f"from_time {self.from_time_ms} is later than to_time {self.to_time_ms}")

    @classmethod
    def with_key(cls, key: Any) -> MultiVersionedKeyQuery:
        return cls(key)

    def from_time(self, timestamp_ms: int | None) -> MultiVersionedKeyQuery:
        return replace(self, from_time_ms=timestamp_ms)

    def to_time(self, timestamp_ms: int | None) -> MultiVersionedKeyQuery:
        return replace(self, to_time_ms=timestamp_ms)

    def with_ascending_timestamps(self) -> MultiVersionedKeyQuery:
        return replace(self, result_order=ResultOrder.ASCENDING)

    def with_descending_timestamps(self) -> MultiVersionedKeyQuery:
        return replace(self, result_order=ResultOrder.DESCENDING)
