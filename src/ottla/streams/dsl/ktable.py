"""Tables: the newest value of each key (`KTable`). What comes of a table is a table again, until `to_stream`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from ottla.streams.dsl.abstract_stream import Origin, one_mapper
from ottla.streams.dsl.abstract_stream import with_key as ignoring_key
from ottla.streams.dsl.graph.node import GraphNode, ProcessorNode, VersionedProcessorNode
from ottla.streams.dsl.graph.table_supplier import (
    TableFilterSupplier,
    TableMapValuesSupplier,
    TableSupplier,
    TableTransformValuesSupplier,
)
from ottla.streams.dsl.grouped import Grouped
from ottla.streams.dsl.ktable_joins import TableJoins
from ottla.streams.dsl.materialized_store import MaterializedStore
from ottla.streams.dsl.named import AnyNamed, NodeName
from ottla.streams.dsl.suppression import suppression
from ottla.streams.expressions.elements import OnePair
from ottla.streams.expressions.expression import Expression

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.streams.dsl.kgrouped_table import KGroupedTable
    from ottla.streams.dsl.kstream import KStream
    from ottla.streams.dsl.materialized import Materialized
    from ottla.streams.dsl.suppressed import Suppressed
    from ottla.streams.operators.table_view import TableView
    from ottla.streams.serdes.serde import Serde
    from ottla.streams.topology.store_factory import StoreFactory

K = TypeVar("K")
V = TypeVar("V")
KR = TypeVar("KR")
VR = TypeVar("VR")


class KTable(TableJoins[K, V], Generic[K, V]):
    """With `materialized` a table of its own is kept, and may be queried if it has a name."""

    def __init__(
        self,
        origin: Origin,
        key_serde: Serde[K] | None,
        value_serde: Serde[V] | None,
        supplier: TableSupplier,
        queryable_store_name: str | None,
    ) -> None:
        super().__init__(origin, key_serde, value_serde)
        self._supplier = supplier
        self._sends_old_values = False
        self.queryable_store_name = queryable_store_name

    # Record by record

    def filter(
        self,
        predicate: Callable[[K, V], bool],
        *,
        named: AnyNamed = None,
        materialized: Materialized[K, V] | None = None,
    ) -> KTable[K, V]:
        return self._filter(predicate, named, materialized, negate=False)

    def filter_not(
        self,
        predicate: Callable[[K, V], bool],
        *,
        named: AnyNamed = None,
        materialized: Materialized[K, V] | None = None,
    ) -> KTable[K, V]:
        return self._filter(predicate, named, materialized, negate=True)

    @overload
    def map_values(
        self,
        mapper: Callable[[V], VR],
        *,
        named: AnyNamed = None,
        materialized: Materialized[K, VR] | None = None,
    ) -> KTable[K, VR]: ...
    @overload
    def map_values(
        self,
        mapper: Expression,
        *,
        named: AnyNamed = None,
        materialized: Materialized[K, Any] | None = None,
    ) -> KTable[K, Any]: ...
    @overload
    def map_values(
        self,
        *,
        with_key: Callable[[K, V], VR],
        named: AnyNamed = None,
        materialized: Materialized[K, VR] | None = None,
    ) -> KTable[K, VR]: ...
    def map_values(
        self,
        mapper: Any = None,
        *,
        with_key: Any = None,
        named: AnyNamed = None,
        materialized: Materialized[Any, Any] | None = None,
    ) -> KTable[K, Any]:
        mapper, with_key = one_mapper(mapper, with_key)
        store = self._own_store(materialized, "KTABLE-MAPVALUES-")
        name = NodeName.of(named).or_generated(self._builder, "KTABLE-MAPVALUES-")
        both = ignoring_key(mapper) if with_key is None else with_key
        supplier = TableMapValuesSupplier(self, _factory(store), both)
        return self._derived(ProcessorNode(name, supplier), supplier, store, None)

    def transform_values(
        self,
        supplier: Callable[[], Any],
        *stores: str,
        named: AnyNamed = None,
        materialized: Materialized[K, Any] | None = None,
    ) -> KTable[K, Any]:
        """`supplier` makes a `ValueTransformerWithKey` for each task, which may use `stores`."""
        store = None if materialized is None else MaterializedStore.of(materialized)
        name = NodeName.of(named).or_generated(self._builder, "KTABLE-TRANSFORMVALUES-")
        table = TableTransformValuesSupplier(self, _factory(store), supplier)
        return self._derived(ProcessorNode(name, table, stores), table, store, None)

    def suppress(self, suppressed: Suppressed) -> KTable[K, V]:
        """Tell of changes later, and only of the last ones (KIP-328)."""
        node, supplier = suppression(self, suppressed)
        self._builder.add(node, self._node)
        origin = Origin(self._builder, node, node.name, frozenset({self.name}))
        return KTable(origin, self._key_serde, self._value_serde, supplier, None)

    # Streams and groupings

    @overload
    def to_stream(self, *, named: AnyNamed = None) -> KStream[K, V]: ...
    @overload
    def to_stream(self, mapper: Callable[[K, V], KR], *, named: AnyNamed = None) -> KStream[KR, V]: ...
    def to_stream(self, mapper: Callable[[K, V], Any] | None = None, *, named: AnyNamed = None) -> KStream[Any, V]:
        """The stream of changes; `mapper` chooses other keys for it."""
        from ottla.streams.dsl.kstream import KStream

        name = NodeName.of(named).or_generated(self._builder, "KTABLE-TOSTREAM-")

        def make() -> Any:
            from ottla.streams.operators.table import TableToStream

            return TableToStream()

        node = ProcessorNode(name, make)
        self._builder.add(node, self._node)
        origin = Origin(self._builder, node, name, self._origin.sources)
        stream: KStream[K, V] = KStream(origin, self._key_serde, self._value_serde, needs_repartition=False)
        return stream if mapper is None else stream.select_key(mapper)

    def group_by(
        self, selector: Callable[[K, V], tuple[KR, VR]], grouped: Grouped[KR, VR] | None = None
    ) -> KGroupedTable[KR, VR]:
        """`selector` makes a new key and value: a function, or `pair(col("city"), col("n"))`."""
        from ottla.streams.dsl.kgrouped_table import KGroupedTable

        selector = OnePair(selector) if isinstance(selector, Expression) else selector
        options: Grouped[KR, VR] = grouped or Grouped()
        name = NodeName.of(options.name).or_generated(self._builder, "KTABLE-SELECT-")
        node = VersionedProcessorNode(name, _RepartitionMapSupplier(selector))
        self._builder.add(node, self._node)
        self.enable_sending_old_values(force=True)
        return KGroupedTable(Origin(self._builder, node, name, self._origin.sources), options)

    # What others ask of a table

    def view(self) -> TableView:
        return self._supplier.view()

    def enable_sending_old_values(self, *, force: bool) -> bool:
        if not self._sends_old_values:
            self._sends_old_values = self._supplier.enable_sending_old_values(force=force)
        return self._sends_old_values

    # How it is done

    def _filter(
        self,
        predicate: Callable[[K, V], bool],
        named: AnyNamed,
        materialized: Materialized[K, V] | None,
        *,
        negate: bool,
    ) -> KTable[K, V]:
        store = self._own_store(materialized, "KTABLE-FILTER-")
        name = NodeName.of(named).or_generated(self._builder, "KTABLE-FILTER-")
        supplier = TableFilterSupplier(self, _factory(store), predicate, negate=negate)
        return self._derived(VersionedProcessorNode(name, supplier), supplier, store, self._value_serde)

    def _own_store(self, materialized: Materialized[Any, Any] | None, prefix: str) -> MaterializedStore | None:
        """A store without a name is none, but it uses up an index."""
        if materialized is None:
            return None
        store = MaterializedStore.of(materialized)
        if store.name is None:
            self._builder.new_store_name(prefix)
        return store

    def _derived(
        self,
        node: GraphNode,
        supplier: TableSupplier,
        store: MaterializedStore | None,
        value_serde: Serde[Any] | None,
    ) -> KTable[K, Any]:
        key_serde, queryable = self._key_serde, None
        if store is not None:
            node.output_versioned = store.is_versioned
            key_serde = key_serde if store.key_serde is None else store.key_serde
            value_serde = value_serde if store.value_serde is None else store.value_serde
            queryable = store.queryable_name
        self._builder.add(node, self._node)
        origin = Origin(self._builder, node, node.name, self._origin.sources)
        return KTable(origin, key_serde, value_serde, supplier, queryable)


class _RepartitionMapSupplier:
    def __init__(self, selector: Callable[[Any, Any], Any]) -> None:
        self._selector = selector
        self.versioned = False

    def __call__(self) -> Any:
        from ottla.streams.operators.table import TableRepartitionMap

        return TableRepartitionMap(self._selector, self.versioned)


def _factory(store: MaterializedStore | None) -> StoreFactory | None:
    return None if store is None or store.queryable_name is None else store.key_value_factory()
