"""What one partition answers (`QueryResult`), and all that were asked (`StateQueryResult`, KIP-796)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ottla.streams.errors import StreamsError
from ottla.streams.queries.position import EMPTY, Position

if TYPE_CHECKING:
    from ottla.streams.queries.position import PositionBound
    from ottla.streams.queries.query import Query
    from ottla.streams.state.store import StateStore

R = TypeVar("R")


class FailureReason(Enum):
    UNKNOWN_QUERY_TYPE = "UNKNOWN_QUERY_TYPE"
    """The store does not know such a question."""

    NOT_ACTIVE = "NOT_ACTIVE"
    """An active task was asked for, and the partition is a copy here, or is being restored."""

    NOT_UP_TO_BOUND = "NOT_UP_TO_BOUND"
    """The store has not seen yet what it must have: try again, or elsewhere."""

    NOT_PRESENT = "NOT_PRESENT"
    """The partition is not here: ask the metadata where."""

    DOES_NOT_EXIST = "DOES_NOT_EXIST"
    """There is no such partition."""

    STORE_EXCEPTION = "STORE_EXCEPTION"
    """The store failed; the message says how."""


@dataclass(slots=True)
class QueryResult(Generic[R]):
    """A result, which may be None, or a failure."""

    failure_reason: FailureReason | None = None
    failure_message: str = ""
    position: Position = EMPTY
    """Of the store when it was asked."""

    execution_info: list[str] = field(default_factory=list)
    """Where the request enabled it: who answered, and how long it took."""

    _result: Any = None

    @classmethod
    def for_result(cls, result: R, position: Position = EMPTY) -> QueryResult[R]:
        return cls(position=position, _result=result)

    @classmethod
    def for_failure(cls, reason: FailureReason, message: str, position: Position = EMPTY) -> QueryResult[R]:
        return cls(reason, message, position)

    @classmethod
    def for_unknown_query_type(
        cls, query: Query[R], store: StateStore, why: str = "", position: Position = EMPTY
    ) -> QueryResult[R]:
        message = f"the store {store.name} ({type(store).__name__}) cannot answer {query}{why and ': '}{why}"
        return cls(FailureReason.UNKNOWN_QUERY_TYPE, message, position)

    @classmethod
    def not_up_to_bound(cls, position: Position, bound: PositionBound, partition: int | None) -> QueryResult[R]:
        where = "the global store" if partition is None else f"partition {partition}"
        message = f"{where} is at {position}, and not yet up to the bound: {bound.position}"
        return cls(FailureReason.NOT_UP_TO_BOUND, message, position)

    @property
    def is_success(self) -> bool:
        return self.failure_reason is None

    @property
    def is_failure(self) -> bool:
        return self.failure_reason is not None

    @property
    def result(self) -> R:
        """Raises `StreamsError` of a failure."""
        if self.failure_reason is not None:
            raise StreamsError(
                f"a query that failed has no result; {self.failure_reason.value}: {self.failure_message}"
            )
        result: R = self._result
        return result


@dataclass(slots=True)
class StateQueryResult(Generic[R]):
    partition_results: dict[int, QueryResult[R]] = field(default_factory=dict)
    global_result: QueryResult[R] | None = None
    """Of a global store, instead of partitions."""

    @property
    def only_partition_result(self) -> QueryResult[R] | None:
        """That of the one partition that has something, as a key is in one only; None when none has.

        Raises `StreamsError` when there are several.
        """
        found = [each for each in self.partition_results.values() if each.is_success and each.result is not None]
        if len(found) > 1:
            raise StreamsError(f"{len(found)} partitions have a result: {sorted(self.partition_results)}")
        return found[0] if found else None

    @property
    def position(self) -> Position:
        """Of all results together: a bound for a query that must not see less than this one did."""
        if self.global_result is not None:
            return self.global_result.position
        merged = EMPTY
        for each in self.partition_results.values():
            merged = merged.merge(each.position)
        return merged
