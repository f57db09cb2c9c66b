"""A snapshot that is asked for while the stream waits (a signal `execute-snapshot` of the type `blocking`).

Tables are read as the first snapshot reads them, faster than in chunks, and without a table of signals. The offset
stays where the stream is: what changed meanwhile comes behind. One that is interrupted is not taken up again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.connect.connectors.cdc.select_overrides import rows_selected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ottla.connect.connectors.cdc.incremental_snapshot import Wanted


class BlockingSnapshot:
    """What is wanted."""

    def __init__(self, wanted: Sequence[Wanted], offset: dict[str, Any]) -> None:
        """`offset` is where the stream waits."""
        self.tables = {each.table: each.condition for each in wanted}
        self.offset = offset

    def rows_of(self, table: str, path: str) -> str:
        """What stands behind FROM: `path`, which is the table in SQL, or the statement of the signal."""
        statement = self.tables[table]
        return rows_selected(statement) if statement else path
