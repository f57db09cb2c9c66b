"""One branch of a split stream: what is made of it, and its name (`Branched`)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.streams.dsl.kstream import KStream

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Branched(Generic[K, V]):
    """`function` makes the stream that stands for the branch in the end; after `consumer` none does."""

    name: str | None = None
    function: Callable[[KStream[K, V]], KStream[Any, Any] | None] | None = None
    consumer: Callable[[KStream[K, V]], object] | None = None

    @classmethod
    def as_(cls, name: str) -> Branched[K, V]:
        return cls(name)

    @classmethod
    def with_function(
        cls, function: Callable[[KStream[K, V]], KStream[Any, Any] | None], name: str | None = None
    ) -> Branched[K, V]:
        return cls(name, function)

    @classmethod
    def with_consumer(cls, consumer: Callable[[KStream[K, V]], object], name: str | None = None) -> Branched[K, V]:
        return cls(name, None, consumer)

    def with_name(self, name: str) -> Branched[K, V]:
        return replace(self, name=name)
