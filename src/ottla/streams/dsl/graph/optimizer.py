"""What is done to the graph before it is written: always, and as `topology.optimization` asks (KIP-295).

reuse.ktable.source.topics   a table's topic is the changelog of its store
merge.repartition.topics     one repartition topic after a change of keys, however many need one
single.store.self.join       a stream that is joined with itself waits in one store
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla.streams.dsl.graph.node import GraphNode, StreamSourceNode, StreamStreamJoinNode, WindowedStreamNode
from ottla.streams.dsl.graph.repartition import RepartitionNames, RepartitionNode
from ottla.streams.errors import StreamsError, TopologyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Set

    from ottla.streams.dsl.graph.graph_builder import GraphBuilder
    from ottla.streams.serdes.serde import Serde

REUSE_KTABLE_SOURCE_TOPICS: Final = "reuse.ktable.source.topics"
MERGE_REPARTITION_TOPICS: Final = "merge.repartition.topics"
SINGLE_STORE_SELF_JOIN: Final = "single.store.self.join"


def merge_duplicate_sources(root: GraphNode) -> None:
    """Sources of the same topics, or of the same pattern, become one."""
    by_topic: dict[str, StreamSourceNode] = {}
    by_pattern: dict[tuple[str, int], StreamSourceNode] = {}
    for node in list(root.children):
        if not isinstance(node, StreamSourceNode):
            continue
        if node.pattern is not None:
            main = by_pattern.setdefault((node.pattern.pattern, node.pattern.flags), node)
            _merge_into(main, node, root)
            continue
        for topic in node.topics:
            main = by_topic.setdefault(topic, node)
            if main is not node and set(main.topics) != set(node.topics):
                raise TopologyError("two source nodes are subscribed to overlapping but not equal input topics")
            _merge_into(main, node, root)


def _merge_into(main: StreamSourceNode, node: StreamSourceNode, root: GraphNode) -> None:
    if main is not node:
        main.merge(node)
        root.remove_child(node)


def relax_null_keys(root: GraphNode) -> None:
    """Repartitions drop records without keys where no left or outer join downstream wants them (KIP-962)."""
    visited: dict[GraphNode, None] = {}
    needed: set[GraphNode] = set()

    def visit(node: GraphNode) -> None:
        path = [(node, iter(list(node.children)))]
        visited[node] = None
        while path:
            current, children = path[-1]
            child = next(children, None)
            if child is None:
                path.pop()
                if path and (current.accepts_null_keys or current in needed):
                    needed.add(path[-1][0])
            elif child not in visited:
                visited[child] = None
                path.append((child, iter(list(child.children))))
            elif child.accepts_null_keys or child in needed:
                needed.add(current)

    visit(root)
    for node in visited:
        if isinstance(node, RepartitionNode) and node not in needed:
            node.drops_null_keys = True


class Optimizer:
    def __init__(self, builder: GraphBuilder) -> None:
        self._builder = builder
        self._changers = builder.key_changers

    def optimize(self, optimizations: Set[str]) -> None:
        if REUSE_KTABLE_SOURCE_TOPICS in optimizations:
            for node in self._builder.table_sources:
                node.reuses_source_topic = True
        if MERGE_REPARTITION_TOPICS in optimizations:
            self._merge_repartition_topics()
        if SINGLE_STORE_SELF_JOIN in optimizations:
            self._rewrite_self_joins()

    # Self-joins

    def _rewrite_self_joins(self) -> None:
        visited: set[GraphNode] = set()
        waiting = [self._builder.root]
        while waiting:
            node = waiting.pop()
            if node in visited:
                continue
            visited.add(node)
            if isinstance(node, StreamStreamJoinNode) and len(node.parents) == 1:
                self._rewrite_self_join(node)
            waiting += reversed(node.children)

    def _rewrite_self_join(self, join: StreamStreamJoinNode) -> None:
        parent = next(iter(join.parents))
        windowed = {
            child.name: child
            for child in parent.children
            if isinstance(child, WindowedStreamNode) and child.build_priority < join.build_priority
        }
        left, right = windowed.get(join.this_windowed), windowed.get(join.other_windowed)
        if left is None or right is None or left.build_priority >= right.build_priority:
            raise StreamsError(f"expected the left node {left} to have a smaller build priority than the right {right}")
        parent.remove_child(right)
        join.is_self_join = True

    # Repartition topics

    def _merge_repartition_topics(self) -> None:
        self._attribute_to_merges()
        for changer, repartitions in list(self._changers.items()):
            if not repartitions:
                continue
            merged = self._merged(repartitions)
            merged.build_priority = changer.build_priority
            for replaced in repartitions:
                self._replace(changer, replaced, merged)
            changer.add_child(merged)
            del self._changers[changer]

    def _merged(self, repartitions: Iterable[RepartitionNode]) -> RepartitionNode:
        """With the topic of the first, and the first serdes that are given."""
        topic = next(iter(repartitions)).names.topic
        names = RepartitionNames.of(topic, self._builder)
        key_serde = _first(each.key_serde for each in repartitions)
        value_serde = _first(each.value_serde for each in repartitions)
        return RepartitionNode(names, key_serde, value_serde, mergeable=True)

    def _replace(self, changer: GraphNode, replaced: RepartitionNode, merged: RepartitionNode) -> None:
        """What lay between the change of keys and the old repartition comes after the new one."""
        below = self._child_towards(replaced, changer)
        if below is None:
            raise StreamsError(f"no child of {changer} leads to {replaced}")
        merged.add_child(below)
        changer.remove_child(below)
        parents = list(replaced.parents)
        for child in list(replaced.children):
            for parent in parents:
                parent.add_child(child)
        for parent in parents:
            parent.remove_child(replaced)
        replaced.clear_children()
        self._builder.topology.replace_copartitioned_source(replaced.name, merged.name)

    def _attribute_to_merges(self) -> None:
        """Below a merge of streams whose keys were changed, one repartition after the merge serves all of them."""
        changers_of: dict[GraphNode, list[GraphNode]] = {}
        for merge in self._builder.merges:
            changers_of[merge] = [
                changer
                for changer, repartitions in self._changers.items()
                if self._all_below(merge, repartitions) and self._child_towards(merge, changer) is not None
            ]
        removed: dict[GraphNode, None] = {}
        for merge, changers in changers_of.items():
            found: dict[RepartitionNode, None] = {}
            for changer in changers:
                found |= self._changers[changer]
                removed[changer] = None
            self._changers[merge] = found
        for changer in removed:
            self._changers.pop(changer, None)

    def _all_below(self, merge: GraphNode, repartitions: Iterable[RepartitionNode]) -> bool:
        return all(self._child_towards(each, merge) is not None for each in repartitions)

    @staticmethod
    def _child_towards(node: GraphNode, ancestor: GraphNode) -> GraphNode | None:
        """The child of `ancestor` by which the way from `node` leads up to it."""
        return node.find_upwards(lambda each: ancestor in each.parents)


def _first(serdes: Iterable[Serde[object] | None]) -> Serde[object] | None:
    return next((serde for serde in serdes if serde is not None), None)
