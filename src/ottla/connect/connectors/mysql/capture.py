"""One connector at work: connects, takes the first snapshot if one is needed, follows the log, connects again."""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.connectors.cdc.backoff import Backoff
from ottla.connect.connectors.cdc.blocking_snapshot import BlockingSnapshot, next_blocking
from ottla.connect.connectors.cdc.changes import Changes
from ottla.connect.connectors.cdc.control import Control
from ottla.connect.connectors.cdc.heartbeat import Heartbeats, act
from ottla.connect.connectors.cdc.incremental_snapshot import OFFSET_KEY, IncrementalSnapshot
from ottla.connect.connectors.cdc.notification import ABORTED, SKIPPED
from ottla.connect.connectors.cdc.reconnections import Reconnections
from ottla.connect.connectors.cdc.transaction import TransactionRecords
from ottla.connect.connectors.mysql.binlog import Binlog, Commit, Ddl
from ottla.connect.connectors.mysql.change_stream import ChangeStream
from ottla.connect.connectors.mysql.chunks import read_chunk
from ottla.connect.connectors.mysql.failures import BinlogLostError, ConnectionLostError
from ottla.connect.connectors.mysql.position import BinlogPosition
from ottla.connect.connectors.mysql.server_log import ServerLog
from ottla.connect.connectors.mysql.session import Session
from ottla.connect.connectors.mysql.snapshot import FirstSnapshot
from ottla.connect.connectors.mysql.source import SchemaChanges, SourceBlocks
from ottla.connect.connectors.mysql.tables import Tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ottla.connect.api.errors import ConnectError
    from ottla.connect.api.record import SourceRecord
    from ottla.connect.connectors.mysql.config import MysqlConfig
    from ottla.connect.connectors.mysql.gtid_set import GtidSet
    from ottla.connect.connectors.mysql.gtids import Gtids

_log = logging.getLogger("ottla.connect.cdc.mysql")
WAIT_S: Final = 0.5
POLL_S: Final = 0.5
"""After which a poll returns with what there is."""


def is_under_way(offset: Mapping[str, Any]) -> bool:
    return bool(offset.get("snapshot")) and not offset.get("snapshot_completed")


class Capture:
    def __init__(
        self, connector: str, config: MysqlConfig, partition: Mapping[str, Any], offset: Mapping[str, Any] | None
    ) -> None:
        self._config = config
        self._partition = partition
        self._position: BinlogPosition | None = None
        self._begun_at: BinlogPosition | None = None
        if offset is not None and is_under_way(offset):
            self._begun_at = BinlogPosition.of(offset)
        elif offset is not None and not config.snapshot_mode.at_every_start:
            self._position = BinlogPosition.of(offset)
        self._incremental = IncrementalSnapshot(offset.get(OFFSET_KEY) if offset is not None else None)
        self._changes = Changes(
            partition, tombstones=config.tombstones, skipped=config.skipped, on_failure=config.on_event_failure
        )
        self._sources = SourceBlocks(connector, config.prefix)
        self._tables = Tables(config, config.table_style(self._sources.schema, fills_required=True))
        self._schema_changes = SchemaChanges(connector, partition, config.topics.schema_changes, self._sources)
        self._heartbeats = Heartbeats(partition, config.topics, config.heartbeat.interval_ms)
        self._control = Control(config, partition, self._incremental, self._heartbeats)
        self._backoff = Backoff(config.retry_wait_max_ms, config.retries)
        self._reconnections = Reconnections(_log)
        self._session: Session | None = None
        self._log: ServerLog | None = None
        self._binlog: Binlog | None = None
        self._snapshot: FirstSnapshot | None = None
        self._batches: Iterator[list[SourceRecord]] | None = None
        self._blocking: Iterator[list[SourceRecord]] | None = None
        """Of a snapshot for which the stream waits."""
        self._stream: ChangeStream | None = None
        self._open: tuple[str, Gtids | GtidSet | None] | None = None
        """The window of a chunk that was only read, and what was done by then."""
        self._is_over = False
        self._is_lost = False
        """Changes since the position are gone: only a new snapshot helps."""

    def poll(self) -> list[SourceRecord] | None:
        """Raises `ConnectError` for what does not pass by itself, or has not in time."""
        if self._is_over:
            time.sleep(WAIT_S)
            return None
        if self._reconnections.wait(WAIT_S):
            return None
        try:
            records = self._next()
        except ConnectionLostError as error:
            self._lost(error)
            return None
        except BinlogLostError as error:
            if not self._config.snapshot_mode.when_lost:
                raise
            _log.warning("%s", error)
            self.close()
            self._position = self._stream = self._begun_at = None
            self._is_lost = True
            return None
        self._backoff.succeeded()
        return records

    def close(self) -> None:
        self._batches = self._snapshot = self._blocking = None
        for each in (self._binlog, self._session):
            if each is not None:
                try:
                    each.close()
                except Exception as error:  # it may be broken already
                    _log.debug("a connection does not close: %s", error)
        self._binlog = self._session = self._log = None
        self._control.close()

    def metrics(self) -> dict[str, float]:
        told = {
            "cdc-reconnections-total": float(self._reconnections.count),
            "cdc-snapshot-running": float(self._batches is not None),
        }
        if self._stream is not None:
            told["cdc-events-total"] = float(self._stream.events)
        return told | dict(self._incremental.progress())

    # Connections

    def _lost(self, error: ConnectError) -> None:
        if self._snapshot is not None and self._snapshot.position.file:
            self._begun_at = self._snapshot.position
        if self._snapshot is not None or self._blocking is not None:
            self._control.tell(ABORTED)
        self.close()
        self._reconnections.follow(error, self._backoff)

    def _connect(self) -> list[SourceRecord]:
        config = self._config
        session = self._session = Session(config)
        session.check_server()
        log = self._log = ServerLog(config, session)
        self._tables.connected(session)
        if self._stream is not None:
            self._position = self._stream.position
        if self._position is not None or not (config.snapshot_mode.at_first or self._is_lost):
            if not config.snapshot_mode.streams:
                return self._end()
            if self._stream is None:
                self._control.tell(SKIPPED)
            self._begin_stream(session, self._position or log.current())
            return []
        snapshot = FirstSnapshot(
            config, session, log, self._tables, self._changes, self._sources, self._control, self._begun_at
        )
        snapshot.begin()
        self._snapshot, self._batches = snapshot, snapshot.batches()
        # An offset before the first row: should the snapshot be interrupted, the stream begins here all the same.
        return [self._heartbeats.record(snapshot.offset(is_last=False))] if self._heartbeats.enabled else []

    def _begin_stream(self, session: Session, position: BinlogPosition) -> None:
        config = self._config
        assert self._log is not None
        position = self._log.found(position)
        self._binlog = Binlog(config, self._tables, position, session.charsets(), is_mariadb=session.is_mariadb)
        if self._stream is None:
            self._stream = ChangeStream(
                position,
                self._changes,
                self._sources,
                self._incremental,
                is_captured=self._tables.is_captured,
                takes_source=config.takes_source,
                latest=self._tables.latest,
                captured_names=self._captured_names,
                signal_table=config.signal_table,
                obeys_table=config.obeys_table,
                transactions=TransactionRecords(self._partition, config.topics) if config.tells_transactions else None,
                schema_changes=self._schema_changes if config.tells_schema_changes else None,
            )
        self._stream.begin_again(position)
        _log.info("the stream of the binary log begins at %s", position)

    def _end(self) -> list[SourceRecord]:
        _log.info("snapshot.mode asks for nothing more")
        self._is_over = True
        self.close()
        return []

    def _captured_names(self) -> Sequence[str]:
        assert self._session is not None
        return [".".join(each) for each in self._tables.captured(self._session)]

    # Work

    def _next(self) -> list[SourceRecord]:
        if self._session is None:
            return self._connect()
        if self._batches is not None:
            return self._next_batch()
        return self._follow() if self._blocking is None else self._next_blocking(self._blocking)

    def _next_blocking(self, batches: Iterator[list[SourceRecord]]) -> list[SourceRecord]:
        session = self._session
        assert session is not None
        roll_back = partial(session.rows, "ROLLBACK", doing="ending a snapshot")
        batch = next_blocking(batches, roll_back, lost=ConnectionLostError, control=self._control, log=_log)
        if batch is None:
            self._blocking = None
        return batch or []

    def _next_batch(self) -> list[SourceRecord]:
        assert self._batches is not None
        batch = next(self._batches, None)
        if batch is not None:
            return batch
        assert self._snapshot is not None
        position = self._position = self._snapshot.position
        self._batches = self._snapshot = self._begun_at = None
        if not self._config.snapshot_mode.streams:
            return self._end()
        self._is_lost = False
        assert self._session is not None
        self._begin_stream(self._session, position)
        assert self._stream is not None
        return [self._heartbeats.record(self._stream.offset())] if self._heartbeats.enabled else []

    def _follow(self) -> list[SourceRecord]:
        binlog, stream, session, config = self._binlog, self._stream, self._session, self._config
        log = self._log
        assert log is not None
        assert binlog is not None
        assert stream is not None
        assert session is not None
        deadline = time.monotonic() + POLL_S
        while True:
            event = binlog.next()
            stream.take(event)
            if isinstance(event, Ddl):
                self._tables.forget()
            # Whether more has come nobody can tell without waiting for it: what is committed goes out at once.
            if isinstance(event, Commit | Ddl) or stream.waiting >= self._config.max_batch_size:
                break
            if time.monotonic() >= deadline:
                break
        records = stream.drain()
        if stream.is_within_transaction or stream.waiting:
            return records
        records += self._control.attend(stream.offset, self._captured_names)
        if wanted := self._incremental.take_blocking():
            blocking = BlockingSnapshot(wanted, stream.offset())
            snapshot = FirstSnapshot(
                config, session, log, self._tables, self._changes, self._sources, self._control, blocking=blocking
            )
            snapshot.begin()
            self._blocking = snapshot.batches()
            return records
        if self._incremental.wants_chunk and (config.read_only or config.signal_table is not None):
            window = read_chunk(config, session, self._tables, self._incremental)
            self._open = None if window is None else (window, log.current().gtids)
        if config.read_only and self._open is not None and stream.has_done(self._open[1]):
            records += stream.close_window(self._open[0])
            self._open = None
        if self._heartbeats.due():
            records.append(self._heartbeats.record(stream.offset()))
            act(self._config.heartbeat.action_query, session.rows, lost=ConnectionLostError, log=_log)
        return records
