"""The first snapshot: every captured table as it was at one place of the binary log, from which the stream goes on.

MariaDB tells the place that belongs to a transaction; MySQL is asked under a read lock that lasts for milliseconds.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from ottla.connect.connectors.cdc.table_snapshot import TableSnapshot
from ottla.connect.connectors.mysql.position import BinlogPosition

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ottla.connect.api.record import SourceRecord
    from ottla.connect.connectors.cdc.blocking_snapshot import BlockingSnapshot
    from ottla.connect.connectors.cdc.changes import Changes
    from ottla.connect.connectors.cdc.control import Control
    from ottla.connect.connectors.cdc.readable_table import ReadableTable
    from ottla.connect.connectors.cdc.table import CapturedTable
    from ottla.connect.connectors.mysql.config import MysqlConfig
    from ottla.connect.connectors.mysql.server_log import ServerLog
    from ottla.connect.connectors.mysql.session import Session
    from ottla.connect.connectors.mysql.source import SourceBlocks
    from ottla.connect.connectors.mysql.tables import Tables
    from ottla.connect.data.struct import Struct

_log = logging.getLogger("ottla.connect.cdc.mysql")


class FirstSnapshot(TableSnapshot):
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
        one has told of may be gone by now."""
        super().__init__(config, changes, control, _log, blocking)
        self._locks = config.locks
        self._session = session
        self._server_log = log
        self._tables = tables
        self._sources = sources
        self._begun_at = begun_at
        self._now_s = 0
        self.position = begun_at or BinlogPosition("", 0)

    def _first_offset(self, *, is_last: bool) -> dict[str, Any]:
        return self.position.offset() | {"snapshot": "INITIAL", "snapshot_completed": is_last}

    def begin(self) -> None:
        """Settle the moment, and where the stream begins."""
        found = self._moment()
        self.position = self._begun_at or found
        _log.info("a snapshot begins; the stream goes on at %s", self.position)

    def batches(self) -> Iterator[list[SourceRecord]]:
        self._now_s = int(time.time())
        yield from self._read()

    def _moment(self) -> BinlogPosition:
        session = self._session
        session.rows("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", doing="beginning a snapshot")
        begin = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"
        if session.is_mariadb:
            session.rows("START TRANSACTION WITH CONSISTENT SNAPSHOT", doing="beginning a snapshot")
            status = dict(session.rows("SHOW STATUS LIKE 'binlog_snapshot_%'"))
            if status.get("Binlog_snapshot_file"):
                file, pos = status["Binlog_snapshot_file"], int(status["Binlog_snapshot_position"])
                return self._server_log.with_gtids(BinlogPosition(file, pos))
            session.rows("COMMIT")
        if not self._locks:
            position = self._server_log.current()  # what commits in between comes twice
            session.rows(begin, doing="beginning a snapshot")
            return position
        session.rows("FLUSH TABLES WITH READ LOCK", doing="locking for a snapshot (snapshot.locking.mode=minimal)")
        try:
            session.rows(begin, doing="beginning a snapshot")
            return self._server_log.current()
        finally:
            session.rows("UNLOCK TABLES")

    def _captured(self) -> list[tuple[str, str]]:
        return self._tables.captured(self._session)

    def _readable(self, schema: str, name: str) -> ReadableTable | None:
        return self._tables.from_catalog(self._session, schema, name)

    def _rows_of(self, select: str, doing: str) -> Iterator[list[tuple[Any, ...]]]:
        return self._session.rows_in_batches(select, self._fetch_size, doing)

    def _source(self, table: CapturedTable, marker: str) -> Struct:
        return self._sources.block(*table.path, self._now_s, self.position.file, self.position.pos, snapshot=marker)

    def _commit(self) -> None:
        self._session.rows("COMMIT", doing="ending a snapshot")
