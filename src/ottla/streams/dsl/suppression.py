"""How `KTable.suppress` is written into the graph: its buffer, and how long it waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.streams.dsl.graph.node import GraphNode, SuppressNode
from ottla.streams.dsl.graph.table_supplier import TableSupplier
from ottla.streams.dsl.materialized_store import logged
from ottla.streams.dsl.named import checked
from ottla.streams.errors import TopologyError
from ottla.streams.topology.store_factory import StoreFactory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ottla.streams.dsl.ktable import KTable
    from ottla.streams.dsl.suppressed import BufferConfig, Suppressed
    from ottla.streams.operator import Operator
    from ottla.streams.operators.table_view import TableView


def suppression(table: KTable[Any, Any], suppressed: Suppressed) -> tuple[GraphNode, TableSupplier]:
    if table._node.output_versioned:
        raise TopologyError("suppress() is only supported for non-versioned KTables")
    builder, buffer = table._builder, suppressed.buffer
    name = suppressed.name
    node_name = builder.new_processor_name("KTABLE-SUPPRESS-") if name is None else checked(name)
    wait_ms = window_grace_ms(table._node) if suppressed.wait_ms is None else suppressed.wait_ms
    store_name = builder.new_store_name("KTABLE-SUPPRESS-") if name is None else f"{name}-store"
    if name is None and buffer.logging_enabled:
        builder.note_implicit_changelog(store_name)
    factory = _buffer_factory(store_name, table, buffer)
    supplier = SuppressSupplier(table, factory, buffer, wait_ms, is_final=suppressed.wait_ms is None)
    node = SuppressNode(node_name, supplier)
    node.output_versioned = False
    return node, supplier


class SuppressSupplier(TableSupplier):
    def __init__(
        self, parent: KTable[Any, Any], factory: StoreFactory, buffer: BufferConfig, wait_ms: int, *, is_final: bool
    ) -> None:
        self._parent = parent
        self._factory = factory
        self._buffer = buffer
        self._wait_ms = wait_ms
        self._is_final = is_final
        # The view shows the value before the one that waits, so the buffer must see old values.
        parent.enable_sending_old_values(force=True)

    def __call__(self) -> Operator:
        from ottla.streams.operators.suppress import Suppress

        return Suppress(
            self._factory.name,
            self._wait_ms,
            self._buffer.max_records_limit,
            self._buffer.max_bytes_limit,
            shut_down_when_full=self._buffer.is_strict,
            until_window_end=self._is_final,
        )

    def stores(self) -> Sequence[StoreFactory]:
        return (self._factory,)

    def view(self) -> TableView:
        from ottla.streams.operators.suppress import SuppressView

        return SuppressView(self._parent.view(), self._factory.name)

    def enable_sending_old_values(self, *, force: bool) -> bool:
        return self._parent.enable_sending_old_values(force=force)


def window_grace_ms(node: GraphNode, chain: str = "") -> int:
    """The longest grace of the windowed aggregations that feed `node`; TopologyError where one way up has none."""
    if node.grace_ms is not None:
        return node.grace_ms
    chain = f"{node.name}->{chain}" if chain else node.name
    if not node.parents:
        raise TopologyError(f"window close time is only defined for windowed computations; got [{chain}]")
    return max(window_grace_ms(parent, chain) for parent in node.parents)


def _buffer_factory(name: str, table: KTable[Any, Any], buffer: BufferConfig) -> StoreFactory:
    def make(_: Any) -> Any:
        from ottla.streams.state import stores

        found: Any = stores.Stores
        builder = found.suppress_buffer_builder(name, table._key_serde, table._value_serde)
        return logged(builder, buffer.logging_enabled, buffer.topic_config)

    return StoreFactory(name, make, object(), buffer.logging_enabled)
