"""The first snapshot: every captured table as it was at one place of the binary log, from which the stream goes on.

MariaDB tells the place that belongs to a transaction; MySQL is asked under a read lock that lasts for milliseconds.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from ottla.connect.connectors.cdc.notification import COMPLETED, STARTED, table_begun, table_read
from ottla.connect.connectors.mysql.position import BinlogPosition

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ottla.connect.api.record import SourceRecord
    from ottla.connect.connectors.cdc.blocking_snapshot import BlockingSnapshot
    from ottla.connect.connectors.cdc.changes import Changes
    from ottla.connect.connectors.cdc.control import Control
    from ottla.connect.connectors.cdc.table import CapturedTable
    from ottla.connect.connectors.mysql.config import MysqlConfig
    from ottla.connect.connectors.mysql.server_log import ServerLog
    from ottla.connect.connectors.mysql.session import Session
    from ottla.connect.connectors.mysql.source import SourceBlocks
    from ottla.connect.connectors.mysql.tables import Tables

_log = logging.getLogger("ottla.connect.cdc.mysql")


class FirstSnapshot:
    def __init__(
        self,
        config: MysqlConfig,
        session: Session,
        log: ServerLog,
        tables: Tables,
        changes: Changes,
        sources: SourceBlocks,
        control: Control,
        begun_at: BinlogPosition | None = None,
        blocking: BlockingSnapshot | None = None,
    ) -> None:
        """`begun_at`: a snapshot was interrupted that had begun there; the stream begins there, too, since what that
        one has told of may be gone by now. A `blocking` one is asked for while the stream waits."""
        self._config = config
        self._session = session
        self._log = log
        self._tables = tables
        self._changes = changes
        self._sources = sources
        self._control = control
        self._begun_at = begun_at
        self._blocking = blocking
        self.position = begun_at or BinlogPosition("", 0)
        self.rows = 0

    def offset(self, *, is_last: bool) -> dict[str, Any]:
        if self._blocking is not None:
            return self._blocking.offset
        return self.position.offset() | {"snapshot": "INITIAL", "snapshot_completed": is_last}

    def begin(self) -> None:
        """Settle the moment, and where the stream begins."""
        found = self._moment()
        self.position = self._begun_at or found
        _log.info("a snapshot begins; the stream goes on at %s", self.position)

    def batches(self) -> Iterator[list[SourceRecord]]:
        now_s = int(time.time())
        self._control.tell(STARTED)
        held: tuple[CapturedTable, tuple[Any, ...], bool, bool] | None = None
        batch: list[SourceRecord] = []
        for row in self._all_rows():
            if held is not None:
                batch.append(self._record(held, now_s, ends_table=row[3], is_last=False))
            if row[3]:
                batch += self._control.told(self.offset(is_last=False))
            if len(batch) >= self._config.fetch_size:
                yield batch
                batch = []
            held = row
        if held is not None:
            batch.append(self._record(held, now_s, ends_table=True, is_last=True))
        self._session.rows("COMMIT", doing="ending a snapshot")
        _log.info("the snapshot is complete: %d rows", self.rows)
        self._control.tell(COMPLETED)
        batch += self._control.told(self.offset(is_last=True))
        yield batch

    def _moment(self) -> BinlogPosition:
        session = self._session
        session.rows("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", doing="beginning a snapshot")
        begin = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"
        if session.is_mariadb:
            session.rows("START TRANSACTION WITH CONSISTENT SNAPSHOT", doing="beginning a snapshot")
            status = dict(session.rows("SHOW STATUS LIKE 'binlog_snapshot_%'"))
            if status.get("Binlog_snapshot_file"):
                file, pos = status["Binlog_snapshot_file"], int(status["Binlog_snapshot_position"])
                return self._log.with_gtids(BinlogPosition(file, pos))
            session.rows("COMMIT")
        if not self._config.locks:
            position = self._log.current()  # what commits in between comes twice
            session.rows(begin, doing="beginning a snapshot")
            return position
        session.rows("FLUSH TABLES WITH READ LOCK", doing="locking for a snapshot (snapshot.locking.mode=minimal)")
        try:
            session.rows(begin, doing="beginning a snapshot")
            return self._log.current()
        finally:
            session.rows("UNLOCK TABLES")

    def _all_rows(self) -> Iterator[tuple[CapturedTable, tuple[Any, ...], bool, bool]]:
        """(table, cells, whether it is the first table, whether it is the table's first row)."""
        is_first_table = True
        captured = self._tables.captured(self._session)
        if self._blocking is not None:
            wanted = [each for each in captured if ".".join(each) in self._blocking.tables]
        else:
            wanted = [each for each in captured if self._config.in_snapshot.matches(".".join(each))]
        names = [".".join(each) for each in wanted]
        for (schema, name), full in zip(wanted, names, strict=True):
            readable = self._tables.from_catalog(self._session, schema, name)
            if readable is None:
                continue
            overrides = self._config.overrides if self._blocking is None else self._blocking
            readable = readable._replace(path=overrides.rows_of(full, readable.path))
            _log.info("the snapshot reads %s", full)
            self._control.tell(table_begun(full, names))
            count, is_first = 0, True
            doing = f"reading the table {full}"
            for rows in self._session.rows_in_batches(readable.select, self._config.fetch_size, doing):
                count += len(rows)
                for cells in rows:
                    yield readable.table, cells, is_first_table, is_first
                    is_first = False
            self._control.tell(table_read(full, names, count))
            is_first_table = False

    def _record(
        self,
        row: tuple[CapturedTable, tuple[Any, ...], bool, bool],
        now_s: int,
        *,
        ends_table: bool,
        is_last: bool,
    ) -> SourceRecord:
        table, cells, is_first_table, is_first = row
        if is_last:
            marker = "last"
        elif is_first and is_first_table:
            marker = "first"
        elif ends_table:
            marker = "last_in_data_collection"
        else:
            marker = "first_in_data_collection" if is_first else "true"
        source = self._sources.block(*table.path, now_s, self.position.file, self.position.pos, snapshot=marker)
        record = self._changes.read(table, cells, source)
        record.source_offset = self.offset(is_last=is_last)
        self.rows += 1
        return record
