"""A table that every instance holds whole (`GlobalKTable`); streams are joined with it by any key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from ottla.streams.operators.table_view import TableView

K = TypeVar("K")
V = TypeVar("V")


class GlobalKTable(Generic[K, V]):
    def __init__(self, view: TableView, queryable_store_name: str | None) -> None:
        self._view = view
        self.queryable_store_name = queryable_store_name

    def view(self) -> TableView:
        return self._view
