"""What stands behind a table of the DSL: who makes its operator, where its values are, and whether it tells old ones.

The suppliers are asked while the application is still written, so they decide late: `stores()` and `__call__` only when
the topology is written and run (`KTableProcessorSupplier`, `KTableSource`, `KStreamAggProcessorSupplier`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from ottla.streams.operators.table_view import DerivedView, StoreView

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ottla.streams.operator import Operator, OperatorContext
    from ottla.streams.operators.table_view import TableView
    from ottla.streams.topology.store_factory import StoreFactory


class TableSupplier(ABC):
    send_old_values = False
    versioned = False
    """Whether the table above is a versioned one."""

    @abstractmethod
    def __call__(self) -> Operator:
        """The operator of one task."""

    def stores(self) -> Sequence[StoreFactory]:
        return ()

    @abstractmethod
    def view(self) -> TableView:
        """How others look up values; asking for it may make a table be materialized."""

    @abstractmethod
    def enable_sending_old_values(self, *, force: bool) -> bool:
        """Have changes carry old values; with `force` even if a table must be materialized for it. Whether they do."""


class TableSourceSupplier(TableSupplier):
    """A topic as a table. It has a store only if somebody needs one."""

    def __init__(self, factory: StoreFactory, *, materialized: bool) -> None:
        self._factory = factory
        self.is_materialized = materialized

    def __call__(self) -> Operator:
        from ottla.streams.operators.table import TableSource

        return TableSource(self._factory.name if self.is_materialized else None, self.send_old_values)

    def stores(self) -> Sequence[StoreFactory]:
        return (self._factory,) if self.is_materialized else ()

    def view(self) -> TableView:
        self.is_materialized = True
        return StoreView(self._factory.name)

    def enable_sending_old_values(self, *, force: bool) -> bool:
        if not force and not self.is_materialized:
            return False
        self.send_old_values = True
        self.is_materialized = True
        return True


class DerivedTableSupplier(TableSupplier):
    """A table that is computed from another, record by record; with a store of its own only if it was asked for."""

    def __init__(self, parent: Table, factory: StoreFactory | None) -> None:
        self._parent = parent
        self._factory = factory

    @property
    def _store(self) -> str | None:
        return None if self._factory is None else self._factory.name

    def stores(self) -> Sequence[StoreFactory]:
        return () if self._factory is None else (self._factory,)

    def view(self) -> TableView:
        if self._factory is not None:
            return StoreView(self._factory.name)
        return DerivedView(self._parent.view(), self._derive)

    @abstractmethod
    def _derive(self, context: OperatorContext) -> Callable[[Any, Any], Any]: ...

    def enable_sending_old_values(self, *, force: bool) -> bool:
        if self._factory is not None or self._parent.enable_sending_old_values(force=force):
            self.send_old_values = True
        return self.send_old_values


class TableFilterSupplier(DerivedTableSupplier):
    def __init__(
        self, parent: Table, factory: StoreFactory | None, predicate: Callable[[Any, Any], bool], *, negate: bool
    ) -> None:
        super().__init__(parent, factory)
        self._predicate = predicate
        self._negate = negate
        # With old values at hand no tombstones need be sent for what was never let through.
        self.send_old_values = parent.enable_sending_old_values(force=False)

    def __call__(self) -> Operator:
        from ottla.streams.operators.table import TableFilter

        return TableFilter(self._predicate, self._negate, self._store, self.send_old_values, self.versioned)

    def _derive(self, context: OperatorContext) -> Callable[[Any, Any], Any]:
        predicate, negate = self._predicate, self._negate
        return lambda key, value: value if bool(predicate(key, value)) is not negate else None


class TableMapValuesSupplier(DerivedTableSupplier):
    def __init__(self, parent: Table, factory: StoreFactory | None, mapper: Callable[[Any, Any], Any]) -> None:
        super().__init__(parent, factory)
        self._mapper = mapper

    def __call__(self) -> Operator:
        from ottla.streams.operators.table import TableMapValues

        return TableMapValues(self._mapper, self._store, self.send_old_values)

    def _derive(self, context: OperatorContext) -> Callable[[Any, Any], Any]:
        return self._mapper


class TableTransformValuesSupplier(DerivedTableSupplier):
    def __init__(self, parent: Table, factory: StoreFactory | None, make: Callable[[], Any]) -> None:
        super().__init__(parent, factory)
        self._make = make

    def __call__(self) -> Operator:
        from ottla.streams.operators.table import TableTransformValues

        return TableTransformValues(self._make(), self._store, self.send_old_values)

    def _derive(self, context: OperatorContext) -> Callable[[Any, Any], Any]:
        from ottla.streams.processor_context import ReadOnlyProcessorContext

        transformer = self._make()
        transformer.init(ReadOnlyProcessorContext(context))
        transform: Callable[[Any, Any], Any] = transformer.transform
        return transform


class AggregateSupplier(TableSupplier):
    """An aggregation, which always has a store. `make` gets the store's name and whether to send old values."""

    def __init__(self, factory: StoreFactory, make: Callable[[str, bool], Operator]) -> None:
        self._factory = factory
        self._make = make

    def __call__(self) -> Operator:
        return self._make(self._factory.name, self.send_old_values)

    def stores(self) -> Sequence[StoreFactory]:
        return (self._factory,)

    def view(self) -> TableView:
        return StoreView(self._factory.name)

    def enable_sending_old_values(self, *, force: bool) -> bool:
        self.send_old_values = True
        return True


class WindowedAggregateSupplier(AggregateSupplier):
    """Its values are looked up by windowed keys."""

    def __init__(
        self, factory: StoreFactory, make: Callable[[str, bool], Operator], make_view: Callable[[str], TableView]
    ) -> None:
        super().__init__(factory, make)
        self._make_view = make_view

    def view(self) -> TableView:
        return self._make_view(self._factory.name)

    def sharing(self, other: WindowedAggregateSupplier) -> WindowedAggregateSupplier:
        """The same over the store of `other`."""
        return WindowedAggregateSupplier(other._factory, self._make, self._make_view)


class PassThroughSupplier(TableSupplier):
    """What cogrouped aggregations, which share a store, come together in."""

    def __init__(self, parents: Sequence[AggregateSupplier]) -> None:
        self._parents = parents

    def __call__(self) -> Operator:
        from ottla.streams.operators.stateless import PassThrough

        return PassThrough()

    def view(self) -> TableView:
        return self._parents[0].view()

    def enable_sending_old_values(self, *, force: bool) -> bool:
        for parent in self._parents:
            parent.enable_sending_old_values(force=True)
        return True


class Table(ABC):
    """What suppliers need of a `KTable`."""

    @abstractmethod
    def view(self) -> TableView: ...

    @abstractmethod
    def enable_sending_old_values(self, *, force: bool) -> bool: ...
