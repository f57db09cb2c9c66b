"""From the nodes that were added to the topology that is run: names get their prefix, defaults are resolved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.streams.topology.built import BuiltTopology, GlobalStore, ProcessorNode, SinkNode, SourceNode, SubTopology
from ottla.streams.topology.defaults import Defaults, resolved
from ottla.streams.topology.definitions import SinkDefinition, SourceDefinition
from ottla.streams.topology.internal_topics import changelog_topic, repartition_topic

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ottla.streams.state.store import StoreBuilder
    from ottla.streams.topology.built import InternalTopic, Node
    from ottla.streams.topology.definitions import NodeDefinition
    from ottla.streams.topology.graph import NodeGraph


def built(graph: NodeGraph, config: Mapping[str, Any]) -> BuiltTopology:
    building = _Building(graph, Defaults(config))
    global_processors = {each.processor: each for each in graph.global_stores.values()}
    sub_topologies: list[SubTopology] = []
    global_stores: list[GlobalStore] = []
    for number, names in enumerate(graph.grouper.groups()):
        store = next((global_processors[name] for name in names if name in global_processors), None)
        if store is None:
            sub_topologies.append(building.sub_topology(number, names))
            continue
        nodes = building.nodes(names)
        source, processor = nodes[store.source], nodes[store.processor]
        assert isinstance(source, SourceNode)
        assert isinstance(processor, ProcessorNode)
        builder = store.store.make(building.defaults)
        global_stores.append(GlobalStore(number, source, processor, builder, store.reprocess))
    return BuiltTopology(building.defaults.application_id, config, tuple(sub_topologies), tuple(global_stores))


class _Building:
    def __init__(self, graph: NodeGraph, defaults: Defaults) -> None:
        self.graph = graph
        self.defaults = defaults
        self._children: dict[str, list[str]] = {name: [] for name in graph.nodes}
        for node in graph.nodes.values():
            for parent in node.parents:
                self._children[parent].append(node.name)
        self._copartition_groups = self._all_copartition_groups()

    def sub_topology(self, number: int, names: Sequence[str]) -> SubTopology:
        nodes = self.nodes(names)
        stores = self._stores(nodes)
        sources = [node for node in nodes.values() if isinstance(node, SourceNode)]
        source_topics = frozenset(topic for source in sources for topic in source.topics)
        sink_topics = frozenset(
            node.topic for node in nodes.values() if isinstance(node, SinkNode) and isinstance(node.topic, str)
        )
        internal = {self._topic(name): partitions for name, partitions in self.graph.internal_topics.items()}
        from_topics = {
            store: self._topic(self.graph.source_topic_changelogs[store])
            for store in stores
            if store in self.graph.source_topic_changelogs
        }
        return SubTopology(
            id=number,
            nodes=nodes,
            stores=stores,
            source_topics=source_topics,
            source_patterns=tuple(source.pattern for source in sources if source.pattern is not None),
            sink_topics=sink_topics,
            repartition_source_topics={
                topic: repartition_topic(topic, internal[topic], self.defaults.config)
                for topic in sorted(source_topics)
                if topic in internal
            },
            repartition_sink_topics=frozenset(topic for topic in sink_topics if topic in internal),
            changelog_topics=self._changelogs(stores),
            source_topic_changelogs=from_topics,
            copartition_groups=tuple(group for group in self._copartition_groups if group & source_topics),
        )

    def nodes(self, names: Sequence[str]) -> dict[str, Node]:
        return {name: self._node(self.graph.nodes[name]) for name in names}

    def _node(self, node: NodeDefinition) -> Node:
        children = tuple(self._children[node.name])
        if isinstance(node, SourceDefinition):
            return self._source(node, children)
        if isinstance(node, SinkDefinition):
            return self._sink(node)
        supplier = resolved(node.supplier, self.defaults)
        return ProcessorNode(node.name, supplier, tuple(node.stores), node.parents, children, node.fixed_key)

    def _source(self, node: SourceDefinition, children: tuple[str, ...]) -> SourceNode:
        defaults = self.defaults
        key, value = resolved(node.key_deserializer, defaults), resolved(node.value_deserializer, defaults)
        return SourceNode(
            node.name,
            tuple(self._topic(topic) for topic in node.topics),
            node.pattern,
            defaults.key_serde.deserializer if key is None else key,
            defaults.value_serde.deserializer if value is None else value,
            node.timestamp_extractor or defaults.timestamp_extractor,
            node.offset_reset,
            children,
        )

    def _sink(self, node: SinkDefinition) -> SinkNode:
        defaults = self.defaults
        key, value = resolved(node.key_serializer, defaults), resolved(node.value_serializer, defaults)
        return SinkNode(
            node.name,
            self._topic(node.topic) if isinstance(node.topic, str) else node.topic,
            defaults.key_serde.serializer if key is None else key,
            defaults.value_serde.serializer if value is None else value,
            resolved(node.partitioner, defaults),
            node.parents,
        )

    def _stores(self, nodes: Mapping[str, Node]) -> dict[str, StoreBuilder]:
        names = dict.fromkeys(
            store for node in nodes.values() if isinstance(node, ProcessorNode) for store in node.stores
        )
        return {name: self.graph.stores[name].make(self.defaults) for name in names}

    def _changelogs(self, stores: Mapping[str, StoreBuilder]) -> dict[str, InternalTopic]:
        found = {}
        for name, builder in stores.items():
            factory = self.graph.stores[name]
            if factory.logging_enabled and name not in self.graph.source_topic_changelogs:
                topic = self.defaults.topic(f"{name}-changelog")
                found[name] = changelog_topic(topic, builder, factory.history_retention_ms, self.defaults.config)
        return found

    def _topic(self, name: str) -> str:
        return self.defaults.topic(name) if name in self.graph.internal_topics else name

    def _all_copartition_groups(self) -> list[frozenset[str]]:
        """Groups that share a topic are one."""
        of_topic: dict[str, set[str]] = {}
        for names in self.graph.copartition_groups:
            topics = {self._topic(topic) for name in names for topic in self._source_topics(name)}
            group = next((of_topic[topic] for topic in sorted(topics) if topic in of_topic), set())
            group |= topics
            for topic in topics:
                of_topic[topic] = group
        return sorted({frozenset(group) for group in of_topic.values()}, key=sorted)

    def _source_topics(self, name: str) -> tuple[str, ...]:
        node = self.graph.nodes.get(name)
        return node.topics if isinstance(node, SourceDefinition) else ()
