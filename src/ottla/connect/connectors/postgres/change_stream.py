"""Messages of pgoutput ─► records with the position after each: what the stream means. Without sockets or clocks.

Transactions come whole, one after the other, in the order of their commits. While one is being sent, the position says
how many of its events are done; its last record waits for the commit, and then carries the position behind it. What
was done before a restart is left out.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Protocol

from ottla.connect.api.errors import ConnectError, DataError
from ottla.connect.connectors.cdc.changes import Before
from ottla.connect.connectors.cdc.field_type import UNAVAILABLE
from ottla.connect.connectors.cdc.signal import CloseWindow, LogMessage, OpenWindow, SignalError, parse_signal
from ottla.connect.connectors.cdc.transaction import Transaction
from ottla.connect.connectors.postgres import pgoutput
from ottla.connect.connectors.postgres.lsn import format_lsn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ottla.connect.api.record import SourceRecord
    from ottla.connect.connectors.cdc.changes import Changes
    from ottla.connect.connectors.cdc.incremental_snapshot import IncrementalSnapshot
    from ottla.connect.connectors.cdc.table import CapturedTable
    from ottla.connect.connectors.cdc.transaction import TransactionRecords
    from ottla.connect.connectors.postgres.logical_messages import LogicalMessages
    from ottla.connect.connectors.postgres.position import Position
    from ottla.connect.connectors.postgres.source import SourceBlocks

_log = logging.getLogger("ottla.connect.cdc.postgres")


class Relations(Protocol):
    """What the stream has to know of tables."""

    def announced(self, relation: pgoutput.Relation) -> None:
        """A table is new, or has changed."""
        ...

    def find(self, oid: int) -> CapturedTable:
        """The table that was announced with that oid; `ConnectError`: none was."""
        ...

    def is_captured(self, table: str) -> bool: ...

    def captured_names(self) -> Sequence[str]: ...


class ChangeStream:
    def __init__(
        self,
        position: Position,
        relations: Relations,
        changes: Changes,
        sources: SourceBlocks,
        snapshot: IncrementalSnapshot,
        *,
        signal_table: str | None = None,
        obeys_table: bool = True,
        transactions: TransactionRecords | None = None,
        messages: LogicalMessages | None = None,
    ) -> None:
        self.position = position
        """After the last event that was taken."""
        self._relations = relations
        self._changes = changes
        self._sources = sources
        self._snapshot = snapshot
        self._signal_table = signal_table
        self._obeys_table = obeys_table
        self._transaction_records = transactions
        self._messages = messages
        self._out: list[SourceRecord] = []
        self._decoder = pgoutput.PgOutputDecoder()
        self._begin: pgoutput.Begin | None = None
        self._transaction: Transaction | None = None
        self._origin: tuple[str, int] | None = None
        self._done_before: tuple[int, int] | None = None
        """Of the transaction that was being sent before a restart: (place, events) that are done."""
        self._lsn = 0
        self._events_at_lsn = 0
        self.events = 0
        """How many were taken in all."""

    @property
    def is_within_transaction(self) -> bool:
        return self._begin is not None

    def begin_again(self, relations: Relations) -> None:
        """Over a new connection: the transaction that was being sent comes once more from its beginning."""
        self._relations = relations
        self._begin = None
        self._transaction = None
        self._decoder = pgoutput.PgOutputDecoder()

    def take(self, lsn: int, data: bytes) -> None:
        """One message, and its place in the log. Raises `ConnectError`."""
        try:
            message = self._decoder.decode(data)
        except pgoutput.PgOutputError as error:
            raise ConnectError(f"the stream of changes cannot be understood at {lsn:X}: {error}") from error
        match message:
            case pgoutput.Insert() | pgoutput.Update() | pgoutput.Delete():
                self._row_event(lsn, message)
            case pgoutput.Begin():
                self._begin_transaction(message)
            case pgoutput.Commit():
                self._commit(message)
            case pgoutput.Relation():
                self._relations.announced(message)
            case pgoutput.Truncate():
                self._truncate(lsn, message)
            case pgoutput.LogicalMessage():
                self._logical_message(lsn, message)
            case pgoutput.Origin():
                self._origin = (message.name, message.lsn)
            case pgoutput.Type():
                pass
            case _:
                raise ConnectError(
                    "the database sends transactions before they are committed (streaming), which was not asked for; "
                    "take 'streaming' out of slot.stream.params"
                )

    def passed(self, lsn: int) -> None:
        """The database says that all before that place is sent."""
        if self._begin is None and lsn > self.position.lsn_commit:
            self.position = self.position.committed(lsn)

    def drain(self) -> list[SourceRecord]:
        """Records that are ready; of a transaction that is under way the last waits for what follows."""
        if self._begin is None:
            ready, self._out = self._out, []
        else:
            ready, self._out = self._out[:-1], self._out[-1:]
        return ready

    @property
    def waiting(self) -> int:
        return len(self._out)

    def offset(self) -> dict[str, Any]:
        """That of the position, with what else has to survive."""
        offset = self.position.offset()
        stored = self._snapshot.stored()
        return offset | {"incremental_snapshot": stored} if stored is not None else offset

    # Transactions

    def _begin_transaction(self, begin: pgoutput.Begin) -> None:
        position = self.position
        self._begin = begin
        self._origin = None
        self._lsn, self._events_at_lsn = 0, 0
        self._done_before = None
        if position.xid == begin.xid and position.lsn is not None and begin.final_lsn >= position.lsn_commit:
            self._done_before = (position.lsn, position.events)
        self._transaction = None
        if self._transaction_records is not None:
            self._transaction = Transaction(f"{begin.xid}:{begin.final_lsn}", begin.commit_us // 1000)

    def _commit(self, commit: pgoutput.Commit) -> None:
        transaction, records = self._transaction, self._transaction_records
        if transaction is not None and records is not None and transaction.has_events:
            self._out.append(records.end(transaction))
        self._begin = None
        self._transaction = None
        self.position = self.position.committed(commit.end_lsn, commit.commit_us)
        if self._out:
            self._out[-1].source_offset = self.offset()

    def _is_done(self, lsn: int) -> bool:
        """Count an event; whether it was done before."""
        begin = self._begin
        if begin is None:
            raise ConnectError(f"a change at {lsn:X} comes outside of any transaction")
        if lsn == self._lsn:
            self._events_at_lsn += 1
        else:
            self._lsn, self._events_at_lsn = lsn, 1
        if self._done_before is not None:
            if (lsn, self._events_at_lsn) <= self._done_before:
                return True
            self._done_before = None
        return False

    def _emit(self, records: list[SourceRecord]) -> None:
        """The records of one event: only with the last of them it is done."""
        begin = self._begin
        assert begin is not None
        before = self.offset() if len(records) > 1 else None
        self.position = self.position.within(begin.xid, self._lsn, self._events_at_lsn, begin.commit_us)
        self.events += 1
        if not records:
            return
        for record in records[:-1]:
            record.source_offset = before
        records[-1].source_offset = self.offset()
        self._out += records

    # Events

    def _row_event(self, lsn: int, event: pgoutput.Insert | pgoutput.Update | pgoutput.Delete) -> None:
        done = self._is_done(lsn)
        table = self._relations.find(event.relation_oid)
        self._check_width(table, event)
        if self._signal_table == table.name and isinstance(event, pgoutput.Insert):
            self._signal(event.new, done=done)
        if not self._relations.is_captured(table.name):
            return
        prologue, block = self._counted(table.name)
        if done:
            return
        self._tell_snapshot(table, event)
        source = self._source(table.path, lsn)
        try:
            records = self._records(table, event, source, block)
        except DataError as error:
            records = self._changes.left_out(table, format_lsn(lsn), error)
        self._emit([*prologue, *records])

    def _records(
        self,
        table: CapturedTable,
        event: pgoutput.Insert | pgoutput.Update | pgoutput.Delete,
        source: Any,
        transaction: Any,
    ) -> list[SourceRecord]:
        if isinstance(event, pgoutput.Insert):
            return self._changes.created(table, event.new, source, transaction)
        if isinstance(event, pgoutput.Delete):
            return self._changes.deleted(table, Before(event.old, event.is_key_only), source, transaction)
        before = None if event.old is None else Before(event.old, event.is_key_only)
        if event.old is not None and UNAVAILABLE in event.new:
            # Of a key alone what is null is not known.
            pairs = zip(event.old, event.new, strict=True)
            row = [old if new is UNAVAILABLE and old is not None else new for old, new in pairs]
            return self._changes.updated(table, before, row, source, transaction)
        return self._changes.updated(table, before, event.new, source, transaction)

    @staticmethod
    def _check_width(table: CapturedTable, event: pgoutput.Insert | pgoutput.Update | pgoutput.Delete) -> None:
        row = event.old if isinstance(event, pgoutput.Delete) else event.new
        if len(row) != len(table.columns):
            raise ConnectError(
                f"a change of {table.name} has {len(row)} columns, and it was announced with {len(table.columns)}"
            )

    def _counted(self, table: str) -> tuple[list[SourceRecord], Any]:
        """The record that begins the transaction, before its first event; and the event's place within it."""
        transaction, records = self._transaction, self._transaction_records
        if transaction is None or records is None:
            return [], None
        begins = not transaction.has_events
        block = transaction.event(table)
        return [records.begin(transaction)] if begins else [], block

    def _source(self, path: tuple[str, str], lsn: int) -> Any:
        begin = self._begin
        assert begin is not None
        return self._sources.block(
            path,
            begin.commit_us,
            xid=begin.xid,
            lsn=lsn,
            last_commit_lsn=self.position.lsn_commit,
            origin=self._origin,
        )

    def _truncate(self, lsn: int, event: pgoutput.Truncate) -> None:
        done = self._is_done(lsn)
        records: list[SourceRecord] = []
        for oid in event.relation_oids:
            table = self._relations.find(oid)
            if not self._relations.is_captured(table.name):
                continue
            prologue, block = self._counted(table.name)
            self._snapshot.truncated(table.name)
            records += prologue + self._changes.truncated(table, self._source(table.path, lsn), block)
        if not done:
            self._emit(records)

    def _logical_message(self, lsn: int, message: pgoutput.LogicalMessage) -> None:
        if not message.is_transactional and self._begin is None:
            # Outside of any transaction: it comes again after a restart until something commits behind it.
            if self._messages is not None and self._messages.is_wanted(message.prefix):
                source = self._sources.block(("", ""), self.position.commit_us or 0, lsn=message.lsn)
                record = self._messages.record(message, source)
                record.source_offset = self.offset()
                self._out.append(record)
            return
        done = self._is_done(lsn)
        if done or self._messages is None or not self._messages.is_wanted(message.prefix):
            return
        self._emit([self._messages.record(message, self._source(("", ""), lsn))])

    # Signals and incremental snapshots

    def _tell_snapshot(self, table: CapturedTable, event: pgoutput.Insert | pgoutput.Update | pgoutput.Delete) -> None:
        if isinstance(event, pgoutput.Delete):
            self._snapshot.changed(table.name, table.raw_key(event.old))
            return
        self._snapshot.changed(table.name, table.raw_key(event.new))
        if isinstance(event, pgoutput.Update) and event.old is not None:
            self._snapshot.changed(table.name, table.raw_key(event.old))

    def _signal(self, row: pgoutput.Row, *, done: bool) -> None:
        try:
            texts = [each.decode() if isinstance(each, bytes) else None for each in row[:3]]
            if len(texts) < 3 or texts[0] is None or texts[1] is None:
                raise SignalError(f"a row of {self._signal_table} is no signal: it needs the columns id, type and data")
            signal = parse_signal(texts[0], texts[1], texts[2])
        except (SignalError, UnicodeDecodeError) as error:
            _log.error("a signal is left out: %s", error)
            return
        if done:
            return
        if isinstance(signal, OpenWindow):
            self._snapshot.opened(signal.chunk)
        elif isinstance(signal, CloseWindow):
            self._close_window(signal.chunk)
        elif not self._obeys_table:
            _log.info("a signal is left out, since signal.enabled.channels has no source: %s", texts[1])
        elif isinstance(signal, LogMessage):
            _log.info("a signal says: %s", signal.message)
        else:
            self._snapshot.obey(signal, self._relations.captured_names)
            self._emit([])

    def _close_window(self, chunk: str) -> None:
        before = self.offset()
        closed = self._snapshot.closed(chunk)
        if closed is None:
            return
        table, rows = closed
        begin = self._begin
        assert begin is not None
        records = []
        for row in rows:
            source = self._sources.block(table.path, begin.commit_us, snapshot="incremental")
            record = self._changes.read(table, row, source)
            record.source_offset = before
            records.append(record)
        self._emit([])
        if records:
            records[-1].source_offset = self.offset()
            self._out += records
