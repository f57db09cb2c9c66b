"""How one table looks up a value of another (Java: `KTableValueGetterSupplier`, `KTableValueGetter`).

A table that is not materialized has no store of its own: it asks its parent's view, and filters or maps what comes. The
DSL makes the views; an operator binds the one that it is given to its own context, whose stores it may then read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ottla.streams.state.store import ValueAndTimestamp, VersionedKeyValueStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.streams.operator import OperatorContext


class ValueGetter(Protocol):
    """What `TableView.bind` gives to one operator of one task."""

    is_versioned: bool

    def get(self, key: Any) -> ValueAndTimestamp | None: ...

    def get_as_of(self, key: Any, as_of_ms: int) -> ValueAndTimestamp | None:
        """Only of versioned tables."""


class TableView(Protocol):
    @property
    def store_names(self) -> tuple[str, ...]:
        """The stores that must be connected to the operator that binds this view."""

    def bind(self, context: OperatorContext) -> ValueGetter: ...


@dataclass(frozen=True, slots=True)
class StoreView:
    """Of a table that is materialized: its store."""

    store_name: str

    @property
    def store_names(self) -> tuple[str, ...]:
        return (self.store_name,)

    def bind(self, context: OperatorContext) -> ValueGetter:
        store: Any = context.store(self.store_name)
        if isinstance(store, VersionedKeyValueStore):
            return _VersionedStoreGetter(store)
        return _StoreGetter(store.get)


class _StoreGetter:
    """Of a timestamped store: what it holds is what is asked for."""

    is_versioned = False

    def __init__(self, get: Callable[[Any], ValueAndTimestamp | None]) -> None:
        self.get = get

    def get_as_of(self, key: Any, as_of_ms: int) -> ValueAndTimestamp | None:
        raise TypeError("only a versioned table knows its values of earlier times")


class _VersionedStoreGetter:
    is_versioned = True

    def __init__(self, store: VersionedKeyValueStore) -> None:
        self._get = store.get

    def get(self, key: Any) -> ValueAndTimestamp | None:
        found = self._get(key)
        return None if found is None else ValueAndTimestamp(found.value, found.timestamp_ms)

    def get_as_of(self, key: Any, as_of_ms: int) -> ValueAndTimestamp | None:
        found = self._get(key, as_of_ms)
        return None if found is None else ValueAndTimestamp(found.value, found.timestamp_ms)


@dataclass(frozen=True, slots=True)
class DerivedView:
    """Of a table that is not materialized: `derive` makes a function of key and value for each task.

    What it returns is the value of this table; None is no value.
    """

    parent: TableView
    derive: Callable[[OperatorContext], Callable[[Any, Any], Any]]

    @property
    def store_names(self) -> tuple[str, ...]:
        return self.parent.store_names

    def bind(self, context: OperatorContext) -> ValueGetter:
        return _DerivedGetter(self.parent.bind(context), self.derive(context))


class _DerivedGetter:
    def __init__(self, parent: ValueGetter, derive: Callable[[Any, Any], Any]) -> None:
        self.is_versioned = parent.is_versioned
        self._parent = parent
        self._derive = derive

    def get(self, key: Any) -> ValueAndTimestamp | None:
        return self._derived(key, self._parent.get(key))

    def get_as_of(self, key: Any, as_of_ms: int) -> ValueAndTimestamp | None:
        return self._derived(key, self._parent.get_as_of(key, as_of_ms))

    def _derived(self, key: Any, found: ValueAndTimestamp | None) -> ValueAndTimestamp | None:
        if found is None:
            return None
        value = self._derive(key, found.value)
        return None if value is None else ValueAndTimestamp(value, found.timestamp_ms)
