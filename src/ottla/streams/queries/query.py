"""What can be asked of a store in version 2 of interactive queries (KIP-796). `R` is what a partition answers with."""

from __future__ import annotations

from enum import Enum
from typing import Generic, TypeVar

R = TypeVar("R", covariant=True)


class Query(Generic[R]):
    """The base of every question; values, that never change."""

    __slots__ = ()


class ResultOrder(Enum):
    ANY = "ANY"
    ASCENDING = "ASCENDING"
    DESCENDING = "DESCENDING"


def needed(key: object) -> None:
    if key is None:
        raise ValueError("the key of a query cannot be None")
