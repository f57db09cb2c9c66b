"""A table as a snapshot reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ottla.connect.connectors.cdc.table import CapturedTable


class ReadableTable(NamedTuple):
    table: CapturedTable
    columns: str
    """Its columns in their order, in SQL."""
    path: str
    """What stands behind FROM."""

    @property
    def select(self) -> str:
        return f"SELECT {self.columns} FROM {self.path}"
