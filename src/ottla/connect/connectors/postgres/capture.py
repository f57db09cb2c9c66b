"""One connector at work: connects, takes the first snapshot if one is needed, follows the stream, connects again.

    connect ──► snapshot ──► stream ──┐      a connection that is lost: after a while once more, from the last
       ▲                              │      position; a snapshot that is interrupted is taken anew
       └───────────── lost ◄──────────┘

`poll` is called by one thread; `confirm` by another.
"""

from __future__ import annotations

import logging
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import ConnectError
from ottla.connect.connectors.cdc.backoff import Backoff
from ottla.connect.connectors.cdc.blocking_snapshot import BlockingSnapshot, next_blocking
from ottla.connect.connectors.cdc.changes import Changes
from ottla.connect.connectors.cdc.control import Control
from ottla.connect.connectors.cdc.heartbeat import Heartbeats, act
from ottla.connect.connectors.cdc.incremental_snapshot import OFFSET_KEY, IncrementalSnapshot
from ottla.connect.connectors.cdc.notification import ABORTED, SKIPPED
from ottla.connect.connectors.cdc.reconnections import Reconnections
from ottla.connect.connectors.cdc.transaction import TransactionRecords
from ottla.connect.connectors.postgres import slot as slots
from ottla.connect.connectors.postgres.catalog import Catalog
from ottla.connect.connectors.postgres.change_stream import ChangeStream
from ottla.connect.connectors.postgres.chunks import ChunkReader
from ottla.connect.connectors.postgres.failures import ConnectionLostError, SlotInUseError, SlotLostError
from ottla.connect.connectors.postgres.logical_messages import LogicalMessages
from ottla.connect.connectors.postgres.lsn import format_lsn
from ottla.connect.connectors.postgres.position import Position, snapshot_is_under_way
from ottla.connect.connectors.postgres.replication import Change, Replication
from ottla.connect.connectors.postgres.session import Session
from ottla.connect.connectors.postgres.snapshot import FirstSnapshot
from ottla.connect.connectors.postgres.source import SOURCE_SCHEMA, SourceBlocks
from ottla.connect.connectors.postgres.tables import Tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ottla.connect.api.record import SourceRecord
    from ottla.connect.connectors.cdc.incremental_snapshot import Wanted
    from ottla.connect.connectors.postgres.config import PostgresConfig

_log = logging.getLogger("ottla.connect.cdc.postgres")
WAIT_S: Final = 0.5
"""The longest that one `poll` waits for something to happen."""


class Capture:
    def __init__(self, config: PostgresConfig, partition: Mapping[str, Any], offset: Mapping[str, Any] | None) -> None:
        self._config = config
        self._partition = partition
        self._position: Position | None = None
        """Where to go on; `None`: a snapshot is needed, or nothing is known yet."""
        if offset is not None and not snapshot_is_under_way(offset) and not config.snapshot_mode.at_every_start:
            self._position = Position.of(offset)
        self._incremental = IncrementalSnapshot(offset.get(OFFSET_KEY) if offset is not None else None)
        self._changes = Changes(
            partition, tombstones=config.tombstones, skipped=config.skipped, on_failure=config.on_event_failure
        )
        self._sources = SourceBlocks(config.prefix, config.dbname)
        self._heartbeats = Heartbeats(partition, config.topics, config.heartbeat.interval_ms)
        self._control = Control(config, partition, self._incremental, self._heartbeats)
        self._watch = slots.SlotWatch(config)
        self._backoff = Backoff(config.retry_wait_max_ms, config.retries)
        self._slot_backoff = Backoff(config.slot_retry_wait_max_ms, config.slot_retries)
        self._reconnections = Reconnections(_log)
        self._session: Session | None = None
        self._replication: Replication | None = None
        self._snapshot: FirstSnapshot | None = None
        self._batches: Iterator[list[SourceRecord]] | None = None
        self._blocking: Iterator[list[SourceRecord]] | None = None
        """Of a snapshot for which the stream waits."""
        self._stream: ChangeStream | None = None
        self._tables: Tables | None = None
        self._chunks: ChunkReader | None = None
        self._is_over = False
        self._guard = threading.Lock()
        """Of the connection, which another thread tells that the connector is there."""

    def poll(self) -> list[SourceRecord] | None:
        """Raises `ConnectError` for what does not pass by itself, or has not in time."""
        if self._is_over:
            time.sleep(WAIT_S)
            return None
        if self._reconnections.wait(WAIT_S):
            return None
        try:
            records = self._next()
        except (ConnectionLostError, SlotInUseError) as error:
            self._lost(error)
            return None
        self._backoff.succeeded()
        return records

    def confirm(self, offset: Mapping[str, Any]) -> None:
        """That offset is stored: what was before need not be kept."""
        if snapshot_is_under_way(offset):
            return
        lsn = Position.of(offset).lsn_commit
        with self._guard:
            if self._replication is not None and self._stream is not None:
                self._replication.confirm(lsn)

    def tell_presence(self) -> None:
        with self._guard:
            if self._replication is not None and self._stream is not None:
                self._replication.send_status()

    def close(self) -> None:
        session, self._session = self._session, None
        self._disconnect()
        self._control.close()
        if session is None:
            return
        if self._config.drops_slot:
            try:
                slots.drop_slot(session, self._config)
            except ConnectError as error:
                _log.warning("the slot is not dropped: %s", error)
        session.close()

    def metrics(self) -> dict[str, float]:
        told = {
            "cdc-reconnections-total": float(self._reconnections.count),
            "cdc-snapshot-running": float(self._batches is not None),
        }
        if self._stream is not None:
            told["cdc-events-total"] = float(self._stream.events)
        return told | dict(self._watch.metrics) | dict(self._incremental.progress())

    # Connections

    def _lost(self, error: ConnectError) -> None:
        if self._batches is not None or self._blocking is not None:
            self._control.tell(ABORTED)
        self._disconnect(keep_stream=True)
        if self._session is not None:
            self._session.close()
            self._session = None
        self._reconnections.follow(error, self._slot_backoff if isinstance(error, SlotInUseError) else self._backoff)

    def _disconnect(self, *, keep_stream: bool = False) -> None:
        with self._guard:
            replication, self._replication = self._replication, None
        self._batches = self._snapshot = self._blocking = None
        if not keep_stream:
            self._stream = None
        if replication is not None:
            replication.close()

    def _connect(self) -> None:
        config = self._config
        session = self._session = Session(config)
        slots.check_server(session, config)
        catalog = Catalog(session)
        tables = self._tables = Tables(config, catalog, config.table_style(SOURCE_SCHEMA))
        captured = tables.captured()
        if not captured:
            _log.warning("no table of %s matches table.include.list and table.exclude.list yet", config.dbname)
        slots.ensure_replica_identities(session, config, captured)
        if config.signal_table is not None:
            self._chunks = ChunkReader(config, session, tables, config.signal_table)
            signals = tuple(config.signal_table.split(".", 1))
            captured = [*captured, (signals[0], signals[-1])] if signals not in captured else captured
        slots.ensure_publication(session, config, captured)
        if self._stream is not None:
            self._position = self._stream.position
        try:
            if self._position is not None or not config.snapshot_mode.at_first:
                if config.snapshot_mode.streams:
                    if self._stream is None:
                        self._control.tell(SKIPPED)
                    self._go_on(self._position)
                else:
                    self._end()
                return
        except SlotLostError as error:
            if not config.snapshot_mode.when_lost:
                raise
            _log.warning("%s", error)
            self._forget(session)
        self._begin_snapshot(session, tables)

    def _end(self) -> None:
        _log.info("snapshot.mode asks for nothing more")
        self._is_over = True
        self._disconnect()

    def _forget(self, session: Session) -> None:
        """Nothing that was is of use: a new slot, a new snapshot."""
        self._disconnect()
        self._position = None
        rows = session.rows(
            "SELECT 1 FROM pg_catalog.pg_replication_slots WHERE slot_name = %s", (self._config.slot_name,)
        )
        if rows:
            slots.drop_slot(session, self._config)

    def _begin_snapshot(self, session: Session, tables: Tables) -> None:
        config = self._config
        slot = slots.find_slot(session, config)
        replication = Replication(config)
        self._replication = replication
        exported = None
        if slot is None:
            made = replication.create_slot()
            start_lsn, exported = made.consistent_lsn, made.snapshot
        else:
            start_lsn = slot.confirmed_lsn
        _log.info("a snapshot begins; the stream goes on at %s", format_lsn(start_lsn))
        self._snapshot = FirstSnapshot(
            config, session, tables, self._changes, self._sources, self._control, start_lsn, exported
        )
        self._batches = self._snapshot.batches()

    def _go_on(self, position: Position | None) -> None:
        """The stream from there; without a position from where the slot is, or from now on."""
        session, config = self._session, self._config
        assert session is not None
        slot = slots.find_slot(session, config)
        if slot is None and position is not None:
            raise SlotLostError(
                f"there is no replication slot {config.slot_name} any more: changes since "
                f"{format_lsn(position.lsn_commit)} are lost. "
                "Take a new snapshot: snapshot.mode=when_needed does, or delete the connector's offsets"
            )
        replication = Replication(config)
        if slot is None:
            position = Position(replication.create_slot().consistent_lsn)
        elif position is None:
            position = Position(slot.confirmed_lsn)
        else:
            slots.check_position(slot, position, config)
        self._start_stream(replication, position)

    def _start_stream(self, replication: Replication, position: Position) -> None:
        session, tables, config = self._session, self._tables, self._config
        assert session is not None
        assert tables is not None
        with_messages = session.server_version >= slots.MESSAGES_SINCE
        try:
            replication.start(position.lsn_commit, with_messages=with_messages)
        except BaseException:
            replication.close()
            raise
        self._slot_backoff.succeeded()
        stream = self._stream
        if stream is None:
            stream = self._make_stream(position, tables)
        stream.begin_again(tables)
        with self._guard:
            self._replication, self._stream = replication, stream
        _log.info("the stream of the slot %s begins at %s", config.slot_name, format_lsn(position.lsn_commit))

    def _make_stream(self, position: Position, tables: Tables) -> ChangeStream:
        config = self._config
        return ChangeStream(
            position,
            tables,
            self._changes,
            self._sources,
            self._incremental,
            signal_table=config.signal_table,
            obeys_table=config.obeys_table,
            transactions=TransactionRecords(self._partition, config.topics) if config.tells_transactions else None,
            messages=LogicalMessages(
                self._partition, config.topics.messages, config.message_prefixes, config.binary_mode
            ),
        )

    # Work

    def _next(self) -> list[SourceRecord]:
        if self._session is None:
            self._connect()
        if self._batches is not None:
            return self._next_batch()
        if self._blocking is not None:
            return self._next_blocking(self._blocking)
        return [] if self._is_over else self._follow()

    def _next_blocking(self, batches: Iterator[list[SourceRecord]]) -> list[SourceRecord]:
        session = self._session
        assert session is not None
        roll_back = partial(session.execute, "ROLLBACK", doing="ending a snapshot")
        batch = next_blocking(batches, roll_back, lost=ConnectionLostError, control=self._control, log=_log)
        if batch is None:
            self._blocking = None
        return batch or []

    def _next_batch(self) -> list[SourceRecord]:
        """Of the snapshot; after the last the stream begins."""
        assert self._batches is not None
        batch = next(self._batches, None)
        if batch is not None:
            return batch
        assert self._snapshot is not None
        position = self._position = self._snapshot.position
        self._batches = self._snapshot = None
        if not self._config.snapshot_mode.streams:
            self._end()
            return []
        replication = self._replication
        assert replication is not None
        self._start_stream(replication, position)
        assert self._stream is not None
        return [self._heartbeats.record(self._stream.offset())] if self._heartbeats.enabled else []

    def _follow(self) -> list[SourceRecord]:
        replication, stream, session = self._replication, self._stream, self._session
        assert replication is not None
        assert stream is not None
        assert session is not None
        for message in replication.receive(WAIT_S):
            if isinstance(message, Change):
                stream.take(message.lsn, message.data)
            else:
                stream.passed(message.lsn)
            if stream.waiting >= self._config.max_batch_size:
                break
        records = stream.drain()
        if stream.is_within_transaction or stream.waiting:
            return records
        assert self._tables is not None
        records += self._control.attend(stream.offset, self._tables.captured_names)
        if wanted := self._incremental.take_blocking():
            self._blocking = self._blocking_snapshot(session, self._tables, stream, wanted).batches()
            return records
        if self._incremental.wants_chunk and self._chunks is not None:
            self._chunks.read(self._incremental)
        if self._heartbeats.due():
            records.append(self._heartbeats.record(stream.offset()))
            act(self._config.heartbeat.action_query, session.execute, lost=ConnectionLostError, log=_log)
        if self._watch.due():
            self._watch.look(session)
        return records

    def _blocking_snapshot(
        self, session: Session, tables: Tables, stream: ChangeStream, wanted: Sequence[Wanted]
    ) -> FirstSnapshot:
        return FirstSnapshot(
            self._config,
            session,
            tables,
            self._changes,
            self._sources,
            self._control,
            stream.position.lsn_commit,
            blocking=BlockingSnapshot(wanted, stream.offset()),
        )
