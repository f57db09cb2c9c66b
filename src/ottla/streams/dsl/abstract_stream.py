"""What streams, tables and groupings of the DSL have in common (`AbstractStream`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ottla.streams.expressions.expression import Expression
from ottla.streams.expressions.sides import of_key_and_both

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.streams.dsl.graph.graph_builder import GraphBuilder
    from ottla.streams.dsl.graph.node import GraphNode
    from ottla.streams.serdes.serde import Serde


@dataclass(frozen=True, slots=True)
class Origin:
    """Where something of the DSL stands: in which graph, below which node, and what sources its sub-topology has."""

    builder: GraphBuilder
    node: GraphNode
    name: str
    sources: frozenset[str]


class AbstractStream:
    def __init__(self, origin: Origin, key_serde: Serde[Any] | None, value_serde: Serde[Any] | None) -> None:
        self._origin = origin
        self._key_serde = key_serde
        self._value_serde = value_serde

    @property
    def _builder(self) -> GraphBuilder:
        return self._origin.builder

    @property
    def _node(self) -> GraphNode:
        return self._origin.node

    @property
    def name(self) -> str:
        """Of the node that it comes from."""
        return self._origin.name

    def _ensure_copartition_with(self, *others: AbstractStream) -> frozenset[str]:
        """The sources of all of them, which must be partitioned alike."""
        sources = self._origin.sources.union(*(other._origin.sources for other in others))
        self._builder.topology.copartition_sources(sources)
        return sources


def with_key(function: Any) -> Callable[[Any, Any], Any]:
    """Of a function of the value; an expression is one of key and value as it is."""
    if isinstance(function, Expression):
        return function
    return lambda _, value: function(value)


def joiner_with_key(joiner: Any, given: Any) -> Callable[[Any, Any, Any], Any]:
    """The one of both that was given. An expression is a function of all three, wherever it was given."""
    if (joiner is None) == (given is None):
        raise TypeError("give one joiner: `joiner` of both values, or `with_key` of the key and both values")
    if joiner is None or isinstance(joiner, Expression):
        return of_key_and_both(given if joiner is None else joiner)
    return lambda _, left, right: joiner(left, right)


def one_mapper(plain: Any, with_key: Any) -> tuple[Any, Any]:
    """`mapper` and `with_key`, one of which is None. An expression is a function of both, wherever it was given."""
    if (plain is None) == (with_key is None):
        raise TypeError("give one mapper: `mapper` of the value, or `with_key` of the key and the value")
    return (None, plain) if isinstance(plain, Expression) else (plain, with_key)
