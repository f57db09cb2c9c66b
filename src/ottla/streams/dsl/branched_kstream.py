"""A stream that is split into branches (`BranchedKStream`, KIP-418).

numbers.split(named="n-").branch(is_even, Branched.as_("even")).default_branch(Branched.as_("odd"))["n-even"]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ottla.streams.dsl.abstract_stream import Origin
from ottla.streams.dsl.branched import Branched
from ottla.streams.dsl.graph.node import ProcessorNode, merging
from ottla.streams.dsl.named import checked

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.streams.dsl.kstream import KStream
    from ottla.streams.dsl.named import NodeName

K = TypeVar("K")
V = TypeVar("V")


class BranchedKStream(Generic[K, V]):
    def __init__(self, source: KStream[K, V], named: NodeName) -> None:
        self._source = source
        self._name = named.or_generated(source._builder, "KSTREAM-BRANCH-")
        self._predicates: list[Callable[[K, V], bool]] = []
        self._children: list[str] = []
        self._branches: dict[str, KStream[Any, Any]] = {}
        predicates, children = self._predicates, self._children

        def make() -> Any:
            from ottla.streams.operators.stateless import Branch

            return Branch(predicates, children)

        self._node = ProcessorNode(self._name, make)
        source._builder.add(self._node, source._node)

    def branch(
        self, predicate: Callable[[K, V], bool], branched: Branched[K, V] | None = None
    ) -> BranchedKStream[K, V]:
        """Of the records that no earlier branch takes."""
        self._predicates.append(predicate)
        self._add(branched or Branched(), len(self._predicates))
        return self

    def default_branch(self, branched: Branched[K, V] | None = None) -> dict[str, KStream[Any, Any]]:
        """All branches by name; what no other takes goes to this one."""
        self._add(branched or Branched(), 0)
        return self._branches

    def no_default_branch(self) -> dict[str, KStream[Any, Any]]:
        """All branches by name; what none takes is dropped."""
        return self._branches

    def _add(self, branched: Branched[K, V], index: int) -> None:
        from ottla.streams.dsl.kstream import KStream

        source = self._source
        name = self._name + (str(index) if branched.name is None else checked(branched.name))
        self._children.append(name)
        source._builder.new_processor_name(name)
        node = ProcessorNode(name, merging())
        source._builder.add(node, self._node)
        origin = Origin(source._builder, node, name, source._origin.sources)
        branch: KStream[K, V] = KStream(
            origin, source._key_serde, source._value_serde, needs_repartition=source._needs_repartition
        )
        if branched.function is not None:
            made = branched.function(branch)
            if made is not None:
                self._branches[name] = made
        elif branched.consumer is not None:
            branched.consumer(branch)
        else:
            self._branches[name] = branch
