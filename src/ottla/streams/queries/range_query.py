"""Keys of a key-value store from one to another, both inclusive, in the order of their bytes (KIP-805, 985, 992)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Self

from ottla.streams.queries.query import Query, ResultOrder
from ottla.streams.state.store import ValueAndTimestamp


@dataclass(frozen=True, slots=True)
class _Range:
    lower_bound: Any | None = None
    upper_bound: Any | None = None
    result_order: ResultOrder = ResultOrder.ANY
    """ANY comes as ASCENDING."""

    @classmethod
    def with_range(cls, lower: Any | None, upper: Any | None) -> Self:
        """None is no bound."""
        return cls(lower, upper)

    @classmethod
    def with_lower_bound(cls, lower: Any) -> Self:
        return cls(lower)

    @classmethod
    def with_upper_bound(cls, upper: Any) -> Self:
        return cls(None, upper)

    @classmethod
    def with_no_bounds(cls) -> Self:
        return cls()

    def with_ascending_keys(self) -> Self:
        return replace(self, result_order=ResultOrder.ASCENDING)

    def with_descending_keys(self) -> Self:
        return replace(self, result_order=ResultOrder.DESCENDING)


@dataclass(frozen=True, slots=True)
class RangeQuery(_Range, Query[Iterator[tuple[Any, Any]]]):
    """Keys and values; read page by page as they are taken, so that a large range takes little memory."""


@dataclass(frozen=True, slots=True)
class TimestampedRangeQuery(_Range, Query[Iterator[tuple[Any, ValueAndTimestamp]]]):
    """Of a timestamped store."""
