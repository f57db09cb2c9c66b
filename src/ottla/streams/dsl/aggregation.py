"""How an aggregation of a grouped stream is written into the graph (`GroupedStreamAggregateBuilder`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.streams.dsl.abstract_stream import Origin
from ottla.streams.dsl.graph.node import ProcessorNode
from ottla.streams.dsl.graph.repartition import RepartitionNames, RepartitionNode

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.streams.dsl.graph.table_supplier import TableSupplier
    from ottla.streams.dsl.grouped import Grouped
    from ottla.streams.dsl.ktable import KTable
    from ottla.streams.dsl.materialized_store import MaterializedStore
    from ottla.streams.serdes.serde import Serde


class AggregateBuilder:
    """One for each grouping: its aggregations share a repartition topic if the application named that."""

    def __init__(self, origin: Origin, grouped: Grouped[Any, Any], *, needs_repartition: bool) -> None:
        self._origin = origin
        self._grouped = grouped
        self._needs_repartition = needs_repartition
        self._repartition: RepartitionNode | None = None

    def build(
        self,
        name: str,
        store: MaterializedStore,
        supplier: TableSupplier,
        key_serde: Serde[Any] | None,
        *,
        grace_ms: int | None = None,
    ) -> KTable[Any, Any]:
        from ottla.streams.dsl.ktable import KTable

        assert store.name is not None
        builder = self._origin.builder
        node = ProcessorNode(name, supplier)
        node.output_versioned = store.is_versioned
        node.grace_ms = grace_ms
        parent, sources = self._origin.node, self._origin.sources
        if self._needs_repartition:
            given = self._grouped.name
            names = RepartitionNames.of(given or store.name, builder)
            if given is None and store.queryable_name is None:
                builder.note_implicit_repartition(names.topic)
            if self._repartition is None or given is None:
                self._repartition = RepartitionNode(
                    names, self._grouped.key_serde, self._grouped.value_serde, mergeable=True
                )
            builder.add(self._repartition, parent)
            parent, sources = self._repartition, frozenset({names.source})
        builder.add(node, parent)
        origin = Origin(builder, node, name, sources)
        return KTable(origin, key_serde, store.value_serde, supplier, store.queryable_name)


def count_one(key: Any, value: Any, aggregate: int) -> int:
    return aggregate + 1


def zero() -> int:
    return 0


def nothing() -> None:
    return None


def reducing(reducer: Callable[[Any, Any], Any]) -> Callable[[Any, Any, Any], Any]:
    """The aggregator of a windowed reduction, whose initial aggregate is None."""
    return lambda _, value, aggregate: value if aggregate is None else reducer(aggregate, value)
