"""Joins of tables: by key, and by a foreign key (`KTable.join` and its kin)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, overload

from ottla.streams.dsl.abstract_stream import AbstractStream, Origin, with_key
from ottla.streams.dsl.foreign_key_join import join_by_foreign_key
from ottla.streams.dsl.graph.node import TableSide, TableTableJoinNode
from ottla.streams.dsl.graph.table_join_supplier import JoinMergerSupplier, TableJoinSupplier
from ottla.streams.dsl.graph.table_supplier import Table
from ottla.streams.dsl.materialized_store import MaterializedStore
from ottla.streams.dsl.named import AnyNamed, NodeName
from ottla.streams.expressions.sides import of_both

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.streams.dsl.ktable import KTable
    from ottla.streams.dsl.materialized import Materialized
    from ottla.streams.dsl.table_joined import TableJoined
    from ottla.streams.expressions.expression import Expression

K = TypeVar("K")
V = TypeVar("V")
VO = TypeVar("VO")
VR = TypeVar("VR")
KO = TypeVar("KO")

Kind = Literal["inner", "left", "outer"]


class TableJoins(AbstractStream, Table, Generic[K, V]):
    @overload
    def join(
        self,
        other: KTable[K, VO],
        joiner: Callable[[V, VO], VR] | Expression,
        *,
        named: AnyNamed = None,
        materialized: Materialized[K, VR] | None = None,
    ) -> KTable[K, VR]: ...
    @overload
    def join(
        self,
        other: KTable[KO, VO],
        joiner: Callable[[V, VO], VR] | Expression,
        *,
        foreign_key: Callable[[V], KO | None] | Expression,
        table_joined: TableJoined[K, KO] | None = None,
        materialized: Materialized[K, VR] | None = None,
    ) -> KTable[K, VR]: ...
    @overload
    def join(
        self,
        other: KTable[KO, VO],
        joiner: Callable[[V, VO], VR] | Expression,
        *,
        foreign_key_with_key: Callable[[K, V], KO | None],
        table_joined: TableJoined[K, KO] | None = None,
        materialized: Materialized[K, VR] | None = None,
    ) -> KTable[K, VR]: ...
    def join(self, other: Any, joiner: Any, **options: Any) -> Any:
        """By key; or, with a foreign key, each value of this table with the one that it names of `other`."""
        return self._join("inner", other, joiner, **options)

    @overload
    def left_join(
        self,
        other: KTable[K, VO],
        joiner: Callable[[V, VO | None], VR] | Expression,
        *,
        named: AnyNamed = None,
        materialized: Materialized[K, VR] | None = None,
    ) -> KTable[K, VR]: ...
    @overload
    def left_join(
        self,
        other: KTable[KO, VO],
        joiner: Callable[[V, VO | None], VR] | Expression,
        *,
        foreign_key: Callable[[V], KO | None] | Expression,
        table_joined: TableJoined[K, KO] | None = None,
        materialized: Materialized[K, VR] | None = None,
    ) -> KTable[K, VR]: ...
    @overload
    def left_join(
        self,
        other: KTable[KO, VO],
        joiner: Callable[[V, VO | None], VR] | Expression,
        *,
        foreign_key_with_key: Callable[[K, V], KO | None],
        table_joined: TableJoined[K, KO] | None = None,
        materialized: Materialized[K, VR] | None = None,
    ) -> KTable[K, VR]: ...
    def left_join(self, other: Any, joiner: Any, **options: Any) -> Any:
        """Every value of this table, whether or not `other` has one for it."""
        return self._join("left", other, joiner, **options)

    def outer_join(
        self,
        other: KTable[K, VO],
        joiner: Callable[[V | None, VO | None], VR] | Expression,
        *,
        named: AnyNamed = None,
        materialized: Materialized[K, VR] | None = None,
    ) -> KTable[K, VR]:
        """Every value of either table."""
        return self._join("outer", other, joiner, named=named, materialized=materialized)

    def _join(
        self,
        kind: Kind,
        other: KTable[Any, Any],
        joiner: Any,
        *,
        named: AnyNamed = None,
        materialized: Materialized[Any, Any] | None = None,
        foreign_key: Any = None,
        foreign_key_with_key: Callable[[Any, Any], Any] | None = None,
        table_joined: TableJoined[Any, Any] | None = None,
    ) -> KTable[K, Any]:
        if foreign_key is not None and foreign_key_with_key is not None:
            raise TypeError(
                "give one foreign key: `foreign_key` of the value, or `foreign_key_with_key` of key and value"
            )
        joiner = of_both(joiner)
        extractor = foreign_key_with_key if foreign_key is None else with_key(foreign_key)
        if extractor is not None:
            is_left = kind == "left"
            this: Any = self
            return join_by_foreign_key(this, other, extractor, joiner, table_joined, materialized, is_left=is_left)
        return self._join_by_key(kind, other, joiner, named, materialized)

    def _join_by_key(
        self,
        kind: Kind,
        other: KTable[K, Any],
        joiner: Callable[[Any, Any], Any],
        named: AnyNamed,
        materialized: Materialized[Any, Any] | None,
    ) -> KTable[K, Any]:
        from ottla.streams.dsl.ktable import KTable

        builder, given = self._builder, NodeName.of(named)
        store = None
        if materialized is not None:
            store = MaterializedStore.of(materialized, builder, "KTABLE-MERGE-").with_default_serdes(self._key_serde)
        merge_name = given.or_generated(builder, "KTABLE-MERGE-")
        sources = self._ensure_copartition_with(other)
        if kind != "inner":
            self.enable_sending_old_values(force=True)
        if kind == "outer":
            other.enable_sending_old_values(force=True)
        this_side = TableJoinSupplier(kind, self, other, joiner)
        other_kind: Any = "right" if kind == "left" else kind
        other_side = TableJoinSupplier(other_kind, other, self, _reversed(joiner))
        this_name = given.suffixed_or_generated("-join-this", builder, "KTABLE-JOINTHIS-")
        other_name = given.suffixed_or_generated("-join-other", builder, "KTABLE-JOINOTHER-")
        merger = JoinMergerSupplier(this_side, other_side, None if store is None else store.key_value_factory())
        node = TableTableJoinNode(
            merge_name,
            TableSide(this_name, self.name, this_side, self.view().store_names),
            TableSide(other_name, other.name, other_side, other.view().store_names),
            merger,
        )
        node.output_versioned = store is not None and store.is_versioned
        builder.add(node, self._node)
        builder.add(node, other._node)
        key_serde = self._key_serde if store is None else store.key_serde
        value_serde = None if store is None else store.value_serde
        origin = Origin(builder, node, merge_name, sources)
        return KTable(origin, key_serde, value_serde, merger, None if store is None else store.name)


def _reversed(joiner: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda right, left: joiner(left, right)
