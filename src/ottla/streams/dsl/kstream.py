"""Streams of records (`KStream`): what is done to each record by itself, and the ways to tables and groupings.

    lines.flat_map_values(str.split).group_by(lambda _, word: word).count().to_stream().to("counts")

Java's names in snake_case; where Java has overloads, here are optional arguments. `named` names the node. Functions of
key and value may be expressions instead, which are fused: `stream.filter(col("amount") > 500)`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from ottla.streams.dsl.abstract_stream import Origin, one_mapper
from ottla.streams.dsl.graph.node import GraphNode, ProcessorNode, SinkNode, merging
from ottla.streams.dsl.graph.repartition import RepartitionNames, RepartitionNode
from ottla.streams.dsl.graph.table_supplier import TableSourceSupplier
from ottla.streams.dsl.grouped import Grouped
from ottla.streams.dsl.kstream_joins import StreamJoins
from ottla.streams.dsl.materialized import Materialized
from ottla.streams.dsl.materialized_store import MaterializedStore
from ottla.streams.dsl.named import AnyNamed, NodeName
from ottla.streams.dsl.printed import Printed
from ottla.streams.dsl.produced import Produced
from ottla.streams.dsl.repartitioned import Repartitioned
from ottla.streams.expressions.elements import Elements, OnePair, Pairs
from ottla.streams.expressions.expression import Expression

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ottla.streams.dsl.branched_kstream import BranchedKStream
    from ottla.streams.dsl.kgrouped_stream import KGroupedStream
    from ottla.streams.dsl.ktable import KTable
    from ottla.streams.processor import ProcessorSupplier
    from ottla.streams.serdes.serde import Serde
    from ottla.streams.topology.topic_name_extractor import TopicNameExtractor

K = TypeVar("K")
V = TypeVar("V")
KR = TypeVar("KR")
VR = TypeVar("VR")


class KStream(StreamJoins[K, V], Generic[K, V]):
    def __init__(
        self,
        origin: Origin,
        key_serde: Serde[K] | None,
        value_serde: Serde[V] | None,
        *,
        needs_repartition: bool,
    ) -> None:
        super().__init__(origin, key_serde, value_serde)
        self._needs_repartition = needs_repartition
        self._repartition_node: RepartitionNode | None = None

    # One record at a time

    def filter(self, predicate: Callable[[K, V], bool], *, named: AnyNamed = None) -> KStream[K, V]:
        return self._filter(predicate, named, negate=False)

    def filter_not(self, predicate: Callable[[K, V], bool], *, named: AnyNamed = None) -> KStream[K, V]:
        return self._filter(predicate, named, negate=True)

    def select_key(self, mapper: Callable[[K, V], KR], *, named: AnyNamed = None) -> KStream[KR, V]:
        node = self._key_selection(mapper, NodeName.of(named))
        return self._after(node, None, self._value_serde, needs_repartition=True)

    def map(self, mapper: Callable[[K, V], tuple[KR, VR]], *, named: AnyNamed = None) -> KStream[KR, VR]:
        """As an expression: `map(pair(col("user"), struct(…)))`."""
        mapper = OnePair(mapper) if isinstance(mapper, Expression) else mapper

        def make() -> Any:
            from ottla.streams.operators.stateless import Map

            return Map(mapper)

        node = self._processor(NodeName.of(named), "KSTREAM-MAP-", make, changes_key=True)
        return self._after(node, None, None, needs_repartition=True)

    def flat_map(self, mapper: Callable[[K, V], Iterable[tuple[KR, VR]]], *, named: AnyNamed = None) -> KStream[KR, VR]:
        """As an expression, of a list of pairs: `flat_map(array(pair(…), when(…).then(pair(…))))`."""
        mapper = Pairs(mapper) if isinstance(mapper, Expression) else mapper

        def make() -> Any:
            from ottla.streams.operators.stateless import FlatMap

            return FlatMap(mapper)

        node = self._processor(NodeName.of(named), "KSTREAM-FLATMAP-", make, changes_key=True)
        return self._after(node, None, None, needs_repartition=True)

    @overload
    def map_values(self, mapper: Callable[[V], VR], *, named: AnyNamed = None) -> KStream[K, VR]: ...
    @overload
    def map_values(self, mapper: Expression, *, named: AnyNamed = None) -> KStream[K, Any]: ...
    @overload
    def map_values(self, *, with_key: Callable[[K, V], VR], named: AnyNamed = None) -> KStream[K, VR]: ...
    def map_values(self, mapper: Any = None, *, with_key: Any = None, named: AnyNamed = None) -> KStream[K, Any]:
        mapper, with_key = one_mapper(mapper, with_key)

        def make() -> Any:
            from ottla.streams.operators.stateless import MapValues, MapValuesWithKey

            return MapValues(mapper) if with_key is None else MapValuesWithKey(with_key)

        node = self._processor(NodeName.of(named), "KSTREAM-MAPVALUES-", make, changes_value=True)
        return self._after(node, self._key_serde, None)

    @overload
    def flat_map_values(self, mapper: Callable[[V], Iterable[VR]], *, named: AnyNamed = None) -> KStream[K, VR]: ...
    @overload
    def flat_map_values(self, mapper: Expression, *, named: AnyNamed = None) -> KStream[K, Any]: ...
    @overload
    def flat_map_values(
        self, *, with_key: Callable[[K, V], Iterable[VR]], named: AnyNamed = None
    ) -> KStream[K, VR]: ...
    def flat_map_values(self, mapper: Any = None, *, with_key: Any = None, named: AnyNamed = None) -> KStream[K, Any]:
        """Any number of values of each; of an expression, the elements of a list: `flat_map_values(col("items"))`."""
        mapper, with_key = one_mapper(mapper, with_key)
        if isinstance(with_key, Expression):
            with_key = Elements(with_key)

        def make() -> Any:
            from ottla.streams.operators.stateless import FlatMapValues, FlatMapValuesWithKey

            return FlatMapValues(mapper) if with_key is None else FlatMapValuesWithKey(with_key)

        node = self._processor(NodeName.of(named), "KSTREAM-FLATMAPVALUES-", make, changes_value=True)
        return self._after(node, self._key_serde, None)

    def peek(self, action: Callable[[K, V], object], *, named: AnyNamed = None) -> KStream[K, V]:
        def make() -> Any:
            from ottla.streams.operators.stateless import Peek

            return Peek(action)

        node = self._processor(NodeName.of(named), "KSTREAM-PEEK-", make)
        return self._after(node, self._key_serde, self._value_serde)

    def foreach(self, action: Callable[[K, V], object], *, named: AnyNamed = None) -> None:
        def make() -> Any:
            from ottla.streams.operators.stateless import ForEach

            return ForEach(action)

        self._processor(NodeName.of(named), "KSTREAM-FOREACH-", make)

    def print(self, printed: Printed[K, V] | None = None) -> None:
        options = printed or Printed.to_sys_out()
        label = options.label or self.name

        def make() -> Any:
            from ottla.streams.operators.stateless import Print

            return Print(options.writer(), label, options.mapper)

        self._processor(NodeName.of(options.name), "KSTREAM-PRINTER-", make)

    # Several streams

    def split(self, *, named: AnyNamed = None) -> BranchedKStream[K, V]:
        """A record goes to the first branch whose predicate it fulfils."""
        from ottla.streams.dsl.branched_kstream import BranchedKStream

        return BranchedKStream(self, NodeName.of(named))

    def merge(self, other: KStream[K, V], *, named: AnyNamed = None) -> KStream[K, V]:
        name = NodeName.of(named).or_generated(self._builder, "KSTREAM-MERGE-")
        node = ProcessorNode(name, merging())
        node.is_merge = True
        self._builder.add(node, self._node, other._node)
        origin = Origin(self._builder, node, name, self._origin.sources | other._origin.sources)
        needs_repartition = self._needs_repartition or other._needs_repartition
        return KStream(origin, None, None, needs_repartition=needs_repartition)

    # Topics

    def to(self, topic: str | TopicNameExtractor, produced: Produced[K, V] | None = None) -> None:
        options = produced or Produced()
        if options.key_serde is None:
            options = options.with_key_serde(self._key_serde)
        if options.value_serde is None:
            options = options.with_value_serde(self._value_serde)
        name = NodeName.of(options.name).or_generated(self._builder, "KSTREAM-SINK-")
        self._builder.add(SinkNode(name, topic, options), self._node)

    def repartition(self, repartitioned: Repartitioned[K, V] | None = None) -> KStream[K, V]:
        """Through a topic of the application's own, whatever was done before."""
        options = repartitioned or Repartitioned()
        name = options.name or self._builder.new_processor_name("KSTREAM-REPARTITION-")
        key_serde = self._key_serde if options.key_serde is None else options.key_serde
        value_serde = self._value_serde if options.value_serde is None else options.value_serde
        names = RepartitionNames.of(name, self._builder)
        if options.name is None:
            self._builder.note_implicit_repartition(names.topic)
        node = RepartitionNode(
            names,
            options.key_serde,
            value_serde,
            mergeable=False,
            partitioner=options.partitioner,
            partitions=options.partitions,
        )
        self._builder.add(node, self._node)
        origin = Origin(self._builder, node, names.source, frozenset({node.name}))
        return KStream(origin, key_serde, value_serde, needs_repartition=False)

    # Tables and groupings

    def to_table(self, *, named: AnyNamed = None, materialized: Materialized[K, V] | None = None) -> KTable[K, V]:
        from ottla.streams.dsl.ktable import KTable

        given = NodeName.of(named)
        name = given.or_generated(self._builder, "KSTREAM-TOTABLE-")
        options = materialized or Materialized.with_(self._key_serde, self._value_serde)
        store = MaterializedStore.of(options, self._builder, "KSTREAM-TOTABLE-")
        key_serde = self._key_serde if store.key_serde is None else store.key_serde
        value_serde = self._value_serde if store.value_serde is None else store.value_serde
        parent, sources = self._node, self._origin.sources
        if self._needs_repartition:
            repartition = self._new_repartition(name, key_serde, value_serde, is_named=given.name is not None)
            self._builder.add(repartition, parent)
            parent, sources = repartition, frozenset({repartition.name})
        supplier = TableSourceSupplier(store.key_value_factory(), materialized=store.queryable_name is not None)
        node = ProcessorNode(name, supplier)
        node.output_versioned = store.is_versioned
        self._builder.add(node, parent)
        origin = Origin(self._builder, node, name, sources)
        return KTable(origin, key_serde, value_serde, supplier, store.queryable_name)

    def group_by_key(self, grouped: Grouped[K, V] | None = None) -> KGroupedStream[K, V]:
        from ottla.streams.dsl.kgrouped_stream import KGroupedStream

        options = grouped or Grouped.with_(self._key_serde, self._value_serde)
        return KGroupedStream(self._origin, options, needs_repartition=self._needs_repartition)

    def group_by(self, mapper: Callable[[K, V], KR], grouped: Grouped[KR, V] | None = None) -> KGroupedStream[KR, V]:
        from ottla.streams.dsl.kgrouped_stream import KGroupedStream

        options: Grouped[KR, V] = grouped or Grouped.with_(None, self._value_serde)
        node = self._key_selection(mapper, NodeName.of(options.name))
        origin = Origin(self._builder, node, node.name, self._origin.sources)
        return KGroupedStream(origin, options, needs_repartition=True)

    # Processors of the application's own

    def process(self, supplier: ProcessorSupplier, *stores: str, named: AnyNamed = None) -> KStream[Any, Any]:
        """`supplier` makes a `Processor` for each task, which may use `stores`."""
        node = self._user_processor("KSTREAM-PROCESSOR-", supplier, stores, named, fixed_key=False)
        return self._after(node, None, None, needs_repartition=True)

    def process_values(self, supplier: ProcessorSupplier, *stores: str, named: AnyNamed = None) -> KStream[K, Any]:
        """The same, but keys must stay, so no repartition follows."""
        node = self._user_processor("KSTREAM-PROCESSVALUES-", supplier, stores, named, fixed_key=True)
        return self._after(node, self._key_serde, None)

    def _user_processor(
        self, prefix: str, supplier: Any, stores: tuple[str, ...], named: AnyNamed, *, fixed_key: bool
    ) -> ProcessorNode:
        name = NodeName.of(named).name or self._builder.new_processor_name(prefix)
        node = ProcessorNode(name, supplier, stores, fixed_key=fixed_key)
        self._builder.add(node, self._node)
        return node

    # How they are done

    def _filter(self, predicate: Callable[[K, V], bool], named: AnyNamed, *, negate: bool) -> KStream[K, V]:
        def make() -> Any:
            from ottla.streams.operators.stateless import Filter

            return Filter(predicate, negate)

        node = self._processor(NodeName.of(named), "KSTREAM-FILTER-", make)
        return self._after(node, self._key_serde, self._value_serde)

    def _key_selection(self, mapper: Callable[[K, V], Any], named: NodeName) -> GraphNode:
        def make() -> Any:
            from ottla.streams.operators.stateless import SelectKey

            return SelectKey(mapper)

        return self._processor(named, "KSTREAM-KEY-SELECT-", make, changes_key=True)

    def _processor(
        self,
        named: NodeName,
        prefix: str,
        make: Callable[[], Any],
        *,
        changes_key: bool = False,
        changes_value: bool = False,
    ) -> GraphNode:
        node = ProcessorNode(named.or_generated(self._builder, prefix), make)
        node.changes_key = changes_key
        node.changes_value = changes_value
        self._builder.add(node, self._node)
        return node

    def _after(
        self,
        node: GraphNode,
        key_serde: Serde[Any] | None,
        value_serde: Serde[Any] | None,
        *,
        needs_repartition: bool = False,
    ) -> KStream[Any, Any]:
        """The stream that comes out of `node`."""
        origin = Origin(self._builder, node, node.name, self._origin.sources)
        return KStream(origin, key_serde, value_serde, needs_repartition=needs_repartition or self._needs_repartition)

    def _new_repartition(
        self, prefix: str, key_serde: Serde[Any] | None, value_serde: Serde[Any] | None, *, is_named: bool
    ) -> RepartitionNode:
        names = RepartitionNames.of(prefix, self._builder)
        if not is_named:
            self._builder.note_implicit_repartition(names.topic)
        return RepartitionNode(names, key_serde, value_serde, mergeable=True)

    def _repartitioned_for_join(
        self, prefix: str, key_serde: Serde[Any] | None, value_serde: Serde[Any] | None, *, is_named: bool
    ) -> KStream[K, V]:
        """Several joins of one stream share its repartition, unless they are named; indexes are used up each time."""
        key = self._key_serde if key_serde is None else key_serde
        value = self._value_serde if value_serde is None else value_serde
        node = self._new_repartition(prefix, key, value, is_named=is_named)
        name = node.name
        if self._repartition_node is None or self.name != prefix:
            self._repartition_node = node
            self._builder.add(node, self._node)
        origin = Origin(self._builder, self._repartition_node, name, frozenset({name}))
        return KStream(origin, key, value, needs_repartition=False)
