"""The nodes of the logical graph (`org.apache.kafka.streams.kstream.internals.graph`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.streams.dsl.graph.serde_part import deserializer_of, serializer_of
from ottla.streams.dsl.windowed_partitioner import WindowedPartitioner
from ottla.streams.errors import TopologyError
from ottla.streams.serdes.windowed import WindowedSerializer
from ottla.streams.topology.java_order import hash_order

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterable, Sequence

    from ottla.streams.dsl.consumed import Consumed
    from ottla.streams.dsl.produced import Produced
    from ottla.streams.topology.store_factory import StoreFactory
    from ottla.streams.topology.topic_name_extractor import TopicNameExtractor
    from ottla.streams.topology.topology import Topology


class GraphNode:
    """Written into the topology after its parents, the ones with the lesser `build_priority` first."""

    minds_versions = False
    """Whether it behaves otherwise below a versioned table."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.parents: dict[GraphNode, None] = {}
        self.children: dict[GraphNode, None] = {}
        self.build_priority = -1
        self.changes_key = False
        self.changes_value = False
        self.is_merge = False
        self.accepts_null_keys = False
        """Of a left or outer join: records without keys must reach it, so no repartition on the way may drop them."""
        self.output_versioned: bool | None = None
        """None when that depends on the parents."""
        self.grace_ms: int | None = None
        """Of windowed aggregations: how long after its end a window closes."""
        self.is_written = False

    def add_child(self, child: GraphNode) -> None:
        self.children[child] = None
        child.parents[self] = None

    def remove_child(self, child: GraphNode) -> None:
        self.children.pop(child, None)
        child.parents.pop(self, None)

    def clear_children(self) -> None:
        for child in list(self.children):
            self.remove_child(child)

    @property
    def parent_names(self) -> tuple[str, ...]:
        return tuple(parent.name for parent in self.parents)

    def find_upwards(self, matches: Callable[[GraphNode], bool]) -> GraphNode | None:
        """This node or the first above it that matches, the first parent's way up before the second's."""
        if matches(self):
            return self
        for parent in self.parents:
            found = parent.find_upwards(matches)
            if found is not None:
                return found
        return None

    def write(self, topology: Topology) -> None:
        """The root writes nothing."""

    def use_versioned_semantics(self, parent: str) -> None:
        """The table of that name, above this node, is versioned."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name})"


class StreamSourceNode(GraphNode):
    def __init__(
        self,
        name: str,
        topics: Iterable[str],
        pattern: re.Pattern[str] | None,
        consumed: Consumed[Any, Any],
        deserializers: tuple[Any, Any] | None = None,
    ) -> None:
        super().__init__(name)
        self.topics = tuple(hash_order(topics, copied=True))
        self.pattern = pattern
        self.consumed = consumed
        self._deserializers = deserializers

    def merge(self, other: StreamSourceNode) -> None:
        """Read the same topics once."""
        if self.consumed.offset_reset != other.consumed.offset_reset:
            raise TopologyError("different offset reset policies cannot be configured on the same input topic(s)")
        for child in list(other.children):
            other.remove_child(child)
            self.add_child(child)

    def write(self, topology: Topology) -> None:
        key, value = self._deserializers or _deserializers(self.consumed)
        topology.add_source(
            self.name,
            *self.topics,
            pattern=self.pattern,
            offset_reset=self.consumed.offset_reset,
            timestamp_extractor=self.consumed.timestamp_extractor,
            key_deserializer=key,
            value_deserializer=value,
        )


class TableSourceNode(GraphNode):
    """A topic that is a table, and the processor that makes it one."""

    def __init__(self, name: str, source: str, topic: str, consumed: Consumed[Any, Any], supplier: Any) -> None:
        super().__init__(name)
        self.topic = topic
        self.reuses_source_topic = False
        self._source = source
        self._consumed = consumed
        self._supplier = supplier

    def write(self, topology: Topology) -> None:
        key, value = _deserializers(self._consumed)
        topology.add_source(
            self._source,
            self.topic,
            offset_reset=self._consumed.offset_reset,
            timestamp_extractor=self._consumed.timestamp_extractor,
            key_deserializer=key,
            value_deserializer=value,
        )
        topology.add_processor(self.name, self._supplier, self._source)
        if self.reuses_source_topic:
            for factory in self._supplier.stores():
                factory.logging_enabled = False
                topology.connect_source_store_and_topic(factory.name, self.topic)


class GlobalStoreNode(GraphNode):
    """A global table, or a store of the application's own that every instance fills."""

    def __init__(
        self,
        source: str,
        topic: str,
        processor: str,
        consumed: Consumed[Any, Any],
        supplier: Any,
        factory: StoreFactory,
        *,
        reprocess: bool,
    ) -> None:
        super().__init__(factory.name)
        self._source = source
        self._topic = topic
        self._processor = processor
        self._consumed = consumed
        self._supplier = supplier
        self._factory = factory
        self._reprocess = reprocess

    def write(self, topology: Topology) -> None:
        key, value = _deserializers(self._consumed)
        topology.add_global_store(
            self._factory,
            self._source,
            self._topic,
            self._processor,
            self._supplier,
            timestamp_extractor=self._consumed.timestamp_extractor,
            key_deserializer=key,
            value_deserializer=value,
            reprocess_on_restore=self._reprocess,
        )


class StateStoreNode(GraphNode):
    def __init__(self, factory: StoreFactory) -> None:
        super().__init__(factory.name)
        self._factory = factory

    def write(self, topology: Topology) -> None:
        topology.add_state_store(self._factory)


class ProcessorNode(GraphNode):
    """One processor of the topology, with the stores that its supplier brings along and `stores` of others."""

    def __init__(self, name: str, supplier: Any, stores: Sequence[str] = (), *, fixed_key: bool = False) -> None:
        super().__init__(name)
        self.supplier = supplier
        self._stores = stores
        self._fixed_key = fixed_key

    def write(self, topology: Topology) -> None:
        topology.add_processor(self.name, self.supplier, *self.parent_names, fixed_key=self._fixed_key)
        if self._stores:
            topology.connect_processor_and_state_stores(self.name, *self._stores)


class VersionedProcessorNode(ProcessorNode):
    """Its supplier behaves otherwise below a versioned table."""

    minds_versions = True

    def use_versioned_semantics(self, parent: str) -> None:
        self.supplier.versioned = True


class SuppressNode(ProcessorNode):
    """Not possible below a versioned table."""


class WindowedStreamNode(ProcessorNode):
    """Keeps one side of a stream-stream join in its store."""


class SinkNode(GraphNode):
    def __init__(
        self,
        name: str,
        topic: str | TopicNameExtractor,
        produced: Produced[Any, Any],
        serializers: tuple[Any, Any] | None = None,
        partitioner: Any = None,
    ) -> None:
        super().__init__(name)
        self._topic = topic
        self._produced = produced
        self._serializers = serializers
        self._partitioner = partitioner

    def write(self, topology: Topology) -> None:
        key, value = self._serializers or _serializers(self._produced)
        partitioner = self._partitioner or self._produced.partitioner
        if partitioner is None and isinstance(key, WindowedSerializer):
            partitioner = WindowedPartitioner(key)
        topology.add_sink(
            self.name,
            self._topic,
            *self.parent_names,
            key_serializer=key,
            value_serializer=value,
            partitioner=partitioner,
        )


class StreamTableJoinNode(ProcessorNode):
    def __init__(self, name: str, supplier: Any, stores: Sequence[str], grace_ms: int | None) -> None:
        super().__init__(name, supplier, stores)
        self._grace_ms = grace_ms
        self._table_stores = stores

    def write(self, topology: Topology) -> None:
        super().write(topology)
        if self._grace_ms is None:
            return
        for store in self._table_stores:
            history_ms = topology.store_factory(store).history_retention_ms
            if history_ms is None:
                raise ValueError("KTable must be versioned to use a grace period in a stream table join.")
            if self._grace_ms > history_ms:
                raise ValueError("History retention must be at least grace period.")


class StreamStreamJoinNode(GraphNode):
    """Both sides and what merges them; or one node that joins a stream with itself, which needs one store less."""

    def __init__(self, name: str, this: tuple[str, str, Any], other: tuple[str, str, Any], itself: Any) -> None:
        """Of each side the name of its windowed node, that of its join, and the join's supplier."""
        super().__init__(name)
        self.this_windowed, self._this, self._this_supplier = this
        self.other_windowed, self._other, self._other_supplier = other
        self._itself = itself
        self.is_self_join = False

    def write(self, topology: Topology) -> None:
        if self.is_self_join:
            topology.add_processor(self.name, self._itself, self.this_windowed)
            return
        topology.add_processor(self._this, self._this_supplier, self.this_windowed)
        topology.add_processor(self._other, self._other_supplier, self.other_windowed)
        topology.add_processor(self.name, merging(), self._this, self._other)


class TableTableJoinNode(GraphNode):
    minds_versions = True

    def __init__(self, name: str, this: TableSide, other: TableSide, merger: Any) -> None:
        super().__init__(name)
        self._this = this
        self._other = other
        self._merger = merger

    def use_versioned_semantics(self, parent: str) -> None:
        for side in (self._this, self._other):
            if side.parent == parent:
                side.supplier.versioned = True

    def write(self, topology: Topology) -> None:
        this, other = self._this, self._other
        topology.add_processor(this.name, this.supplier, this.parent)
        topology.add_processor(other.name, other.supplier, other.parent)
        topology.add_processor(self.name, self._merger, this.name, other.name)
        topology.connect_processor_and_state_stores(this.name, *other.stores)
        topology.connect_processor_and_state_stores(other.name, *this.stores)


class TableSide:
    """One table of a join: the node it comes from, its stores, and the processor that joins its changes."""

    def __init__(self, name: str, parent: str, supplier: Any, stores: Sequence[str]) -> None:
        self.name = name
        self.parent = parent
        self.supplier = supplier
        self.stores = stores


def merging() -> Callable[[], Any]:
    """What makes a processor that only hands on."""

    def make() -> Any:
        from ottla.streams.operators.stateless import PassThrough

        return PassThrough()

    return make


def _deserializers(consumed: Consumed[Any, Any]) -> tuple[Any, Any]:
    return deserializer_of(consumed.key_serde), deserializer_of(consumed.value_serde)


def _serializers(produced: Produced[Any, Any]) -> tuple[Any, Any]:
    return serializer_of(produced.key_serde), serializer_of(produced.value_serde)
