"""A snapshot that is asked for while the stream waits (a signal `execute-snapshot` of the type `blocking`).

Tables are read as the first snapshot reads them, faster than in chunks, and without a table of signals. The offset
stays where the stream is: what changed meanwhile comes behind. One that is interrupted is not taken up again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.connect.api.errors import ConnectError, DataError
from ottla.connect.connectors.cdc.notification import ABORTED
from ottla.connect.connectors.cdc.select_overrides import rows_selected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from logging import Logger

    from ottla.connect.api.record import SourceRecord
    from ottla.connect.connectors.cdc.control import Control
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


def next_blocking(
    batches: Iterator[list[SourceRecord]],
    roll_back: Callable[[], object],
    *,
    lost: type[ConnectError],
    control: Control,
    log: Logger,
) -> list[SourceRecord] | None:
    """The next batch; None: it is over. A statement of a signal that is wrong ends the snapshot, not the task.

    Raises `lost`, an error of the connection, and `DataError`.
    """
    try:
        return next(batches, None)
    except (lost, DataError):
        raise
    except ConnectError as error:
        roll_back()
        control.tell(ABORTED)
        log.error("a blocking snapshot ends: %s", error)
        return None
