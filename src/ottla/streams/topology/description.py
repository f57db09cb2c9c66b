"""What a topology looks like, and the text in which Kafka Streams says so (`TopologyDescription`)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ottla.streams.topology.definitions import ProcessorDefinition, SinkDefinition, SourceDefinition
from ottla.streams.topology.java_order import TreeSet, hash_order

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ottla.streams.topology.definitions import NodeDefinition


class DescribedNode:
    """One node among its neighbours. `size` is how many nodes come from it, with itself, once for each way."""

    def __init__(self, definition: NodeDefinition) -> None:
        self.definition = definition
        self.name = definition.name
        self.size = 1
        self.predecessors: TreeSet[DescribedNode] = TreeSet(_compare)
        self.successors: TreeSet[DescribedNode] = TreeSet(_compare)

    def __str__(self) -> str:
        definition = self.definition
        if isinstance(definition, SourceDefinition):
            topics = f"[{', '.join(hash_order(definition.topics, copied=True))}]"
            if definition.pattern is not None:
                topics = definition.pattern.pattern
            return f"Source: {self.name} (topics: {topics})\n      --> {_names(self.successors)}"
        if isinstance(definition, ProcessorDefinition):
            stores = ", ".join(hash_order(hash_order(definition.stores), copied=True))
            return (
                f"Processor: {self.name} (stores: [{stores}])\n      --> {_names(self.successors)}\n"
                f"      <-- {_names(self.predecessors)}"
            )
        return f"Sink: {self.name} ({_target(definition)})\n      <-- {_names(self.predecessors)}"


@dataclass(frozen=True)
class SubTopologyDescription:
    id: int
    nodes: tuple[DescribedNode, ...]
    """The ones from which most others come first."""

    def __str__(self) -> str:
        return f"Sub-topology: {self.id}\n" + "".join(f"    {node}\n" for node in self.nodes) + "\n"


@dataclass(frozen=True)
class GlobalStoreDescription:
    id: int
    source: DescribedNode
    processor: DescribedNode

    def __str__(self) -> str:
        head = f"Sub-topology: {self.id} for global store (will not generate tasks)\n"
        return f"{head}    {self.source}\n    {self.processor}\n"


class TopologyDescription:
    def __init__(self, groups: Sequence[Sequence[NodeDefinition]], global_sources: frozenset[str]) -> None:
        self._groups = groups
        self._global_sources = global_sources

    @cached_property
    def sub_topologies(self) -> tuple[SubTopologyDescription, ...]:
        return tuple(each for each in self._all if isinstance(each, SubTopologyDescription))

    @cached_property
    def global_stores(self) -> tuple[GlobalStoreDescription, ...]:
        return tuple(each for each in self._all if isinstance(each, GlobalStoreDescription))

    @cached_property
    def _all(self) -> tuple[SubTopologyDescription | GlobalStoreDescription, ...]:
        return tuple(self._described(number, group) for number, group in enumerate(self._groups))

    def _described(
        self, number: int, group: Sequence[NodeDefinition]
    ) -> SubTopologyDescription | GlobalStoreDescription:
        nodes = _connected(group)
        sources = [name for name in nodes if name in self._global_sources]
        if sources:
            processor = next(node for name, node in nodes.items() if name != sources[0])
            return GlobalStoreDescription(number, nodes[sources[0]], processor)
        ordered: TreeSet[DescribedNode] = TreeSet(_compare)
        for node in nodes.values():
            ordered.add(node)
        return SubTopologyDescription(number, tuple(ordered))

    def __str__(self) -> str:
        """Java walks both lists by one expected id, so a global store may come before a sub-topology of a lesser id."""
        sub_topologies, global_stores = list(self.sub_topologies), list(self.global_stores)
        text = ["Topologies:\n "]
        expected = 0
        while sub_topologies and global_stores:
            chosen = sub_topologies if sub_topologies[0].id == expected else global_stores
            text.append(f"  {chosen.pop(0)}")
            expected += 1
        text += [f"  {each}" for each in (*sub_topologies, *global_stores)]
        return "".join(text)


def _connected(group: Sequence[NodeDefinition]) -> Mapping[str, DescribedNode]:
    """Nodes are linked in the order of Java's maps: where a neighbour is put depends on the sizes at that moment."""
    by_name = {definition.name: definition for definition in group}
    names = hash_order(hash_order(by_name))
    nodes = {name: DescribedNode(by_name[name]) for name in names}
    for node in nodes.values():
        for parent in node.definition.parents:
            predecessor = nodes[parent]
            node.predecessors.add(predecessor)
            predecessor.successors.add(node)
            _grow(predecessor, node.size)
    return nodes


def _grow(node: DescribedNode, by: int) -> None:
    waiting = [node]
    while waiting:
        grown = waiting.pop()
        grown.size += by
        waiting += grown.predecessors


def _compare(one: DescribedNode, two: DescribedNode) -> int:
    if one is two:
        return 0
    if one.size != two.size:
        return two.size - one.size
    return (one.name > two.name) - (one.name < two.name)


def _names(nodes: TreeSet[DescribedNode]) -> str:
    return ", ".join(node.name for node in nodes) or "none"


def _target(sink: SinkDefinition) -> str:
    if isinstance(sink.topic, str):
        return f"topic: {sink.topic}"
    return f"extractor class: {getattr(sink.topic, '__qualname__', None) or sink.topic}"
