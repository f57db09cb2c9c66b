"""The first snapshot: every captured table as it was at one moment, from which the stream goes on without a gap.

With a new slot that moment is the slot's own (an exported snapshot): no change comes twice, none is missing. With one
that is there already it is now, and the stream begins where the slot is, before that moment: nothing may be left out of
it, since a snapshot that was interrupted may have told of rows that are gone by now.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from ottla.connect.connectors.cdc.table_snapshot import TableSnapshot
from ottla.connect.connectors.postgres.position import Position, snapshot_offset

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ottla.connect.api.record import SourceRecord
    from ottla.connect.connectors.cdc.blocking_snapshot import BlockingSnapshot
    from ottla.connect.connectors.cdc.changes import Changes
    from ottla.connect.connectors.cdc.control import Control
    from ottla.connect.connectors.cdc.readable_table import ReadableTable
    from ottla.connect.connectors.cdc.table import CapturedTable
    from ottla.connect.connectors.postgres.config import PostgresConfig
    from ottla.connect.connectors.postgres.session import Session
    from ottla.connect.connectors.postgres.source import SourceBlocks
    from ottla.connect.connectors.postgres.tables import Tables
    from ottla.connect.data.struct import Struct

_log = logging.getLogger("ottla.connect.cdc.postgres")


class FirstSnapshot(TableSnapshot):
    def __init__(
        self,
        config: PostgresConfig,
        session: Session,
        tables: Tables,
        changes: Changes,
        sources: SourceBlocks,
        control: Control,
        start_lsn: int,
        exported: str | None = None,
        blocking: BlockingSnapshot | None = None,
    ) -> None:
        """`start_lsn` is where the stream begins, `exported` the name of the slot's snapshot."""
        super().__init__(config, changes, control, _log, blocking)
        self._session = session
        self._tables = tables
        self._sources = sources
        self._start_lsn = start_lsn
        self._exported = exported
        self.position = Position(start_lsn)

    def batches(self) -> Iterator[list[SourceRecord]]:
        """Records, some thousand at a time; after the last `position` is where the stream goes on."""
        session = self._session
        session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY", doing="beginning a snapshot")
        self.position = self._moment()
        yield from self._read()

    def _moment(self) -> Position:
        """What the transaction sees is settled by its first query."""
        if self._exported is not None:
            self._session.text_rows(
                f"SET TRANSACTION SNAPSHOT {self._session.literal(self._exported)}", "taking the slot's snapshot"
            )
        return Position(self._start_lsn, time.time_ns() // 1000)

    def _captured(self) -> list[tuple[str, str]]:
        return self._tables.captured()

    def _readable(self, schema: str, name: str) -> ReadableTable | None:
        return self._tables.from_catalog(schema, name)

    def _rows_of(self, select: str, doing: str) -> Iterator[list[list[bytes | None]]]:
        return self._session.text_rows_in_batches(select, self._fetch_size, doing)

    def _source(self, table: CapturedTable, marker: str) -> Struct:
        return self._sources.block(table.path, self.position.commit_us or 0, snapshot=marker, lsn=self._start_lsn)

    def _first_offset(self, *, is_last: bool) -> dict[str, Any]:
        return snapshot_offset(self.position, is_last=is_last)

    def _commit(self) -> None:
        self._session.execute("COMMIT", doing="ending a snapshot")
