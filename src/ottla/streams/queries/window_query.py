"""Windows of one key, windows of all keys, sessions of one key (KIP-806). Times in ms, both ends inclusive."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ottla.streams.queries.query import Query, needed
from ottla.streams.windows import Windowed


@dataclass(frozen=True, slots=True)
class WindowKeyQuery(Query[Iterator[tuple[int, Any]]]):
    """Starts and values of the windows of a key that start from one time to another.

    As in Kafka Streams the values of a timestamped store, such as an aggregation's, are `ValueAndTimestamp`.
    """

    key: Any
    time_from_ms: int
    time_to_ms: int

    def __post_init__(self) -> None:
        needed(self.key)

    @classmethod
    def with_key_and_window_start_range(cls, key: Any, time_from_ms: int, time_to_ms: int) -> WindowKeyQuery:
        return cls(key, time_from_ms, time_to_ms)


@dataclass(frozen=True, slots=True)
class WindowRangeQuery(Query[Iterator[tuple[Windowed[Any], Any]]]):
    """Of window stores `with_window_start_range`, of session stores `with_key`; the other is no question for them."""

    key: Any | None = None
    time_from_ms: int | None = None
    time_to_ms: int | None = None

    @classmethod
    def with_key(cls, key: Any) -> WindowRangeQuery:
        needed(key)
        return cls(key)

    @classmethod
    def with_window_start_range(cls, time_from_ms: int, time_to_ms: int) -> WindowRangeQuery:
        return cls(None, time_from_ms, time_to_ms)
