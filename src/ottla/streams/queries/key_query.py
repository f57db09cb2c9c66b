"""One key of a key-value store: its value (KIP-796), or its value with the time of it (KIP-992)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ottla.streams.queries.query import Query, needed
from ottla.streams.state.store import ValueAndTimestamp


@dataclass(frozen=True, slots=True)
class KeyQuery(Query[Any]):
    """The answer is None where the key has no value."""

    key: Any
    is_skip_cache: bool = False

    def __post_init__(self) -> None:
        needed(self.key)

    @classmethod
    def with_key(cls, key: Any) -> KeyQuery:
        return cls(key)

    def skip_cache(self) -> KeyQuery:
        """As of the last flush: what the cache holds beyond that is not seen."""
        return replace(self, is_skip_cache=True)


@dataclass(frozen=True, slots=True)
class TimestampedKeyQuery(Query[ValueAndTimestamp | None]):
    """Of a timestamped store."""

    key: Any
    is_skip_cache: bool = False

    def __post_init__(self) -> None:
        needed(self.key)

    @classmethod
    def with_key(cls, key: Any) -> TimestampedKeyQuery:
        return cls(key)

    def skip_cache(self) -> TimestampedKeyQuery:
        return replace(self, is_skip_cache=True)
