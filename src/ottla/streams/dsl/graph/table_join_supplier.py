"""The two sides of a join of tables by key, and what merges them (`KTableKTableJoinMerger`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ottla.streams.dsl.graph.table_supplier import TableSupplier
from ottla.streams.operators.table_view import StoreView

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ottla.streams.dsl.graph.table_supplier import Table
    from ottla.streams.operator import Operator, OperatorContext
    from ottla.streams.operators.table_view import TableView, ValueGetter
    from ottla.streams.topology.store_factory import StoreFactory

JoinKind = Literal["inner", "left", "right", "outer"]


class TableJoinSupplier(TableSupplier):
    def __init__(self, kind: JoinKind, this: Table, other: Table, joiner: Callable[[Any, Any], Any]) -> None:
        """`joiner` is given this side's value first."""
        self._kind = kind
        self._this = this
        self._other = other
        self._joiner = joiner
        self._this_view = this.view()
        self._other_view = other.view()

    def __call__(self) -> Operator:
        from ottla.streams.operators import table_table_join as joins

        classes = {"inner": joins.InnerJoin, "left": joins.LeftJoin, "right": joins.RightJoin, "outer": joins.OuterJoin}
        made: Operator = classes[self._kind](self._other_view, self._joiner, self.send_old_values, self.versioned)
        return made

    def view(self) -> TableView:
        from ottla.streams.operators.table_table_join import JoinView

        made: TableView = JoinView(self._kind, self._this_view, self._other_view, self._joiner)
        return made

    @property
    def store_names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self._this_view.store_names, *self._other_view.store_names)))

    def enable_sending_old_values(self, *, force: bool) -> bool:
        self._this.enable_sending_old_values(force=True)
        self._other.enable_sending_old_values(force=True)
        self.send_old_values = True
        return True


class JoinMergerSupplier(TableSupplier):
    def __init__(self, this: TableJoinSupplier, other: TableJoinSupplier, factory: StoreFactory | None) -> None:
        self._this = this
        self._other = other
        self._factory = factory

    def __call__(self) -> Operator:
        from ottla.streams.operators.table_table_join import JoinMerger

        made: Operator = JoinMerger(None if self._factory is None else self._factory.name, self.send_old_values)
        return made

    def stores(self) -> Sequence[StoreFactory]:
        return () if self._factory is None else (self._factory,)

    def view(self) -> TableView:
        if self._factory is not None:
            return StoreView(self._factory.name)
        return _MergedView(self._this, self._other)

    def enable_sending_old_values(self, *, force: bool) -> bool:
        self._this.enable_sending_old_values(force=True)
        self._other.enable_sending_old_values(force=True)
        self.send_old_values = True
        return True


@dataclass(frozen=True, slots=True)
class _MergedView:
    """Of a join that has no store: it is computed anew, from this side."""

    this: TableJoinSupplier
    other: TableJoinSupplier

    @property
    def store_names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.this.store_names, *self.other.store_names)))

    def bind(self, context: OperatorContext) -> ValueGetter:
        return self.this.view().bind(context)
