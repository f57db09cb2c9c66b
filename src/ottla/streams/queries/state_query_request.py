"""A question to a store by its name, and how it is to be answered (`StateQueryRequest`, KIP-796).

StateQueryRequest.in_store("counts").with_query(KeyQuery.with_key("tea")).with_partitions({0}).require_active()
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, TypeVar

from ottla.streams.queries.position import UNBOUNDED

if TYPE_CHECKING:
    from collections.abc import Collection

    from ottla.streams.queries.position import PositionBound
    from ottla.streams.queries.query import Query

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class InStore:
    name: str

    def with_query(self, query: Query[R]) -> StateQueryRequest[R]:
        return StateQueryRequest(self.name, query)


@dataclass(frozen=True, slots=True)
class StateQueryRequest(Generic[R]):
    """Immutable: each `with_…` returns another one. To begin with it asks every partition that is here."""

    store_name: str
    query: Query[R]
    position_bound: PositionBound = UNBOUNDED
    partitions: frozenset[int] | None = None
    """None for all that are here."""

    is_require_active: bool = False
    is_execution_info_enabled: bool = False

    @staticmethod
    def in_store(name: str) -> InStore:
        return InStore(name)

    def with_position_bound(self, bound: PositionBound) -> StateQueryRequest[R]:
        return replace(self, position_bound=bound)

    def with_all_partitions(self) -> StateQueryRequest[R]:
        return replace(self, partitions=None)

    def with_partitions(self, partitions: Collection[int]) -> StateQueryRequest[R]:
        """Each of them gets an answer: those that are not here fail with NOT_PRESENT."""
        return replace(self, partitions=frozenset(partitions))

    def require_active(self) -> StateQueryRequest[R]:
        """Copies, and tasks that are being restored, are not to answer."""
        return replace(self, is_require_active=True)

    def enable_execution_info(self) -> StateQueryRequest[R]:
        return replace(self, is_execution_info_enabled=True)
