"""The first snapshot: every captured table as it was at one moment, from which the stream goes on without a gap.

With a new slot that moment is the slot's own (an exported snapshot): no change comes twice, none is missing. With one
that is there already it is now, and the stream begins where the slot is, before that moment: nothing may be left out of
it, since a snapshot that was interrupted may have told of rows that are gone by now.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from ottla.connect.connectors.cdc.notification import COMPLETED, STARTED, table_begun, table_read
from ottla.connect.connectors.postgres.position import Position, snapshot_offset

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ottla.connect.api.record import SourceRecord
    from ottla.connect.connectors.cdc.blocking_snapshot import BlockingSnapshot
    from ottla.connect.connectors.cdc.changes import Changes
    from ottla.connect.connectors.cdc.control import Control
    from ottla.connect.connectors.cdc.table import CapturedTable
    from ottla.connect.connectors.postgres.config import PostgresConfig
    from ottla.connect.connectors.postgres.session import Session
    from ottla.connect.connectors.postgres.source import SourceBlocks
    from ottla.connect.connectors.postgres.tables import Tables

_log = logging.getLogger("ottla.connect.cdc.postgres")


class _Row(NamedTuple):
    table: CapturedTable
    cells: list[bytes | None]
    is_first_table: bool
    is_first: bool


class FirstSnapshot:
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
        """`start_lsn` is where the stream begins, `exported` the name of the slot's snapshot. A `blocking` one is asked
        for while the stream waits."""
        self._config = config
        self._session = session
        self._tables = tables
        self._changes = changes
        self._sources = sources
        self._control = control
        self._start_lsn = start_lsn
        self._exported = exported
        self._blocking = blocking
        self.position = Position(start_lsn)
        self.rows = 0

    def batches(self) -> Iterator[list[SourceRecord]]:
        """Records, some thousand at a time; after the last `position` is where the stream goes on."""
        session = self._session
        session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY", doing="beginning a snapshot")
        self.position = self._moment()
        now_us = self.position.commit_us or 0
        self._control.tell(STARTED)
        held: _Row | None = None
        batch: list[SourceRecord] = []
        for row in self._all_rows():
            if held is not None:
                batch.append(self._record(held, now_us, ends_table=row.is_first, is_last=False))
            if row.is_first:
                batch += self._control.told(self._offset(is_last=False))
            if len(batch) >= self._config.fetch_size:
                yield batch
                batch = []
            held = row
        if held is not None:
            batch.append(self._record(held, now_us, ends_table=True, is_last=True))
        session.execute("COMMIT", doing="ending a snapshot")
        _log.info("the snapshot is complete: %d rows", self.rows)
        self._control.tell(COMPLETED)
        batch += self._control.told(self._offset(is_last=True))
        yield batch

    def _offset(self, *, is_last: bool) -> dict[str, Any]:
        return snapshot_offset(self.position, is_last=is_last) if self._blocking is None else self._blocking.offset

    def _moment(self) -> Position:
        """What the transaction sees is settled by its first query."""
        if self._exported is not None:
            self._session.text_rows(
                f"SET TRANSACTION SNAPSHOT {self._session.literal(self._exported)}", "taking the slot's snapshot"
            )
        return Position(self._start_lsn, time.time_ns() // 1000)

    def _all_rows(self) -> Iterator[_Row]:
        is_first_table = True
        captured = self._tables.captured()
        if self._blocking is not None:
            wanted = [each for each in captured if ".".join(each) in self._blocking.tables]
        else:
            wanted = [each for each in captured if self._config.in_snapshot.matches(".".join(each))]
        names = [".".join(each) for each in wanted]
        for (schema, name), full in zip(wanted, names, strict=True):
            readable = self._tables.from_catalog(schema, name)
            if readable is None:
                continue
            overrides = self._config.overrides if self._blocking is None else self._blocking
            readable = readable._replace(path=overrides.rows_of(full, readable.path))
            _log.info("the snapshot reads %s", full)
            self._control.tell(table_begun(full, names))
            count, is_first = 0, True
            doing = f"reading the table {full}"
            for rows in self._session.text_rows_in_batches(readable.select, self._config.fetch_size, doing):
                count += len(rows)
                for cells in rows:
                    yield _Row(readable.table, cells, is_first_table, is_first)
                    is_first = False
            self._control.tell(table_read(full, names, count))
            is_first_table = False

    def _record(self, row: _Row, now_us: int, *, ends_table: bool, is_last: bool) -> SourceRecord:
        if is_last:
            marker = "last"
        elif row.is_first and row.is_first_table:
            marker = "first"
        elif ends_table:
            marker = "last_in_data_collection"
        else:
            marker = "first_in_data_collection" if row.is_first else "true"
        source = self._sources.block(row.table.path, now_us, snapshot=marker, lsn=self._start_lsn)
        record = self._changes.read(row.table, row.cells, source)
        record.source_offset = self._offset(is_last=is_last)
        self.rows += 1
        return record
