"""The logical graph of an application while it is written, and its way into a topology (`InternalStreamsBuilder`)."""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Final

from ottla.streams.dsl.graph.node import GraphNode, SuppressNode, TableSourceNode
from ottla.streams.dsl.graph.optimizer import Optimizer, merge_duplicate_sources, relax_null_keys
from ottla.streams.dsl.graph.repartition import RepartitionNode
from ottla.streams.errors import TopologyError

if TYPE_CHECKING:
    from collections.abc import Set

    from ottla.streams.topology.topology import Topology

STORE_INFIX: Final = "STATE-STORE-"


class GraphBuilder:
    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self.root = GraphNode("root")
        self._indexes = count()
        self._priorities = count()
        self.key_changers: dict[GraphNode, dict[RepartitionNode, None]] = {}
        """Nodes that change keys, each with the mergeable repartitions that come directly from it."""
        self.merges: dict[GraphNode, None] = {}
        self.table_sources: dict[TableSourceNode, None] = {}
        self._nodes: dict[GraphNode, None] = {}
        self._implicit_names: dict[str, list[str]] = {"changelog topic": [], "state store": [], "repartition topic": []}

    # Names

    def new_processor_name(self, prefix: str) -> str:
        return f"{prefix}{next(self._indexes):010d}"

    def new_store_name(self, prefix: str) -> str:
        return f"{prefix}{STORE_INFIX}{next(self._indexes):010d}"

    def note_implicit_store(self, name: str, *, logged: bool) -> None:
        """A store whose name depends on what else the application has written."""
        self._implicit_names["state store"].append(name)
        if logged:
            self.note_implicit_changelog(name)

    def note_implicit_changelog(self, store: str) -> None:
        self._implicit_names["changelog topic"].append(f"{store}-changelog")

    def note_implicit_repartition(self, topic: str) -> None:
        self._implicit_names["repartition topic"].append(topic)

    def refuse_implicit_names(self) -> None:
        """KIP-1111: names that were made up change with the application, and its state is lost then."""
        told = [f"{kind}s: {', '.join(names)}" for kind, names in self._implicit_names.items() if names]
        if told:
            raise TopologyError(f"the following have not been named: {'; '.join(told)}")

    # Nodes

    def add(self, child: GraphNode, *parents: GraphNode) -> None:
        """Once for each parent: what is added again later is written later."""
        for parent in parents or (self.root,):
            parent.add_child(child)
            child.build_priority = next(self._priorities)
            self._nodes[child] = None
            self._note_for_optimization(child)

    def _note_for_optimization(self, node: GraphNode) -> None:
        if node.changes_key:
            self.key_changers[node] = {}
        elif isinstance(node, RepartitionNode) and node.mergeable:
            changer = self._key_changer_above(node)
            if changer is not None:
                self.key_changers[changer][node] = None
        elif node.is_merge:
            self.merges[node] = None
        elif isinstance(node, TableSourceNode):
            self.table_sources[node] = None

    def _key_changer_above(self, node: GraphNode) -> GraphNode | None:
        """The next node above that changes keys, unless values are changed between."""
        found = node.find_upwards(lambda each: each.changes_key or each.changes_value)
        if found is not None and found is node.find_upwards(lambda each: each.changes_key):
            return found
        return None

    # Building

    def build(self, optimizations: Set[str]) -> Topology:
        merge_duplicate_sources(self.root)
        Optimizer(self).optimize(optimizations)
        relax_null_keys(self.root)
        self._use_versioned_semantics()
        self._write()
        self.topology.validate_copartitions()
        return self.topology

    def _use_versioned_semantics(self) -> None:
        for node in self._nodes:
            for parent in node.parents if node.minds_versions else ():
                if self._is_versioned(parent):
                    node.use_versioned_semantics(parent.name)
        for node in self._nodes:
            if isinstance(node, SuppressNode) and self._has_versioned_parents(node):
                raise TopologyError(
                    "suppress() is only supported for non-versioned KTables "
                    "(note that version semantics might be inherited from upstream)"
                )

    def _is_versioned(self, node: GraphNode) -> bool:
        return self._has_versioned_parents(node) if node.output_versioned is None else node.output_versioned

    def _has_versioned_parents(self, node: GraphNode) -> bool:
        return node is not self.root and all(self._is_versioned(parent) for parent in node.parents)

    def _write(self) -> None:
        order = count()
        queue: list[tuple[int, int, GraphNode]] = [(self.root.build_priority, next(order), self.root)]
        while queue:
            node = heappop(queue)[2]
            if node.is_written or not all(parent.is_written for parent in node.parents):
                continue
            node.write(self.topology)
            node.is_written = True
            for child in node.children:
                heappush(queue, (child.build_priority, next(order), child))
