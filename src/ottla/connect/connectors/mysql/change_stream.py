"""Events of the binary log ─► records with the position after each. Without sockets or clocks.

As `connect/connectors/postgres/change_stream.py`: while a transaction is read, the position says how many of its events
and rows are done; its last record waits for the commit, and then carries the position behind it.
"""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import DataError
from ottla.connect.connectors.cdc.changes import Before
from ottla.connect.connectors.cdc.signal import CloseWindow, LogMessage, OpenWindow, SignalError, parse_signal
from ottla.connect.connectors.cdc.transaction import Transaction
from ottla.connect.connectors.mysql.binlog import Begin, Commit, Ddl, Done, OtherRows, Passed, Rotate, Rows
from ottla.connect.connectors.mysql.gtid_set import GtidSet
from ottla.connect.connectors.mysql.gtids import Gtids

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ottla.connect.api.record import SourceRecord
    from ottla.connect.connectors.cdc.changes import Changes
    from ottla.connect.connectors.cdc.incremental_snapshot import IncrementalSnapshot
    from ottla.connect.connectors.cdc.table import CapturedTable
    from ottla.connect.connectors.cdc.transaction import TransactionRecords
    from ottla.connect.connectors.mysql.binlog import Event
    from ottla.connect.connectors.mysql.position import BinlogPosition
    from ottla.connect.connectors.mysql.source import SchemaChanges, SourceBlocks

_log = logging.getLogger("ottla.connect.cdc.mysql")
_TRUNCATE: Final = re.compile(r"\s*TRUNCATE\s+(?:TABLE\s+)?(?:`?([^`.\s]+)`?\.)?`?([^`.\s;]+)`?", re.IGNORECASE)
_OF_USERS: Final = re.compile(
    r"\s*(GRANT|REVOKE|SET\s+(PASSWORD|DEFAULT\s+ROLE)|(CREATE|ALTER|DROP|RENAME)\s+(OR\s+REPLACE\s+)?(USER|ROLE))\b",
    re.IGNORECASE,
)
"""They may hold what nobody should see, and change no schema."""
_CHANGES_ROWS: Final = re.compile(r"\s*(INSERT|UPDATE|DELETE|REPLACE|LOAD)\b", re.IGNORECASE)


class ChangeStream:
    def __init__(
        self,
        position: BinlogPosition,
        changes: Changes,
        sources: SourceBlocks,
        snapshot: IncrementalSnapshot,
        *,
        is_captured: Callable[[str], bool],
        takes_source: Callable[[str], bool] = lambda _: True,
        latest: Callable[[str], CapturedTable | None],
        captured_names: Callable[[], Sequence[str]],
        signal_table: str | None = None,
        obeys_table: bool = True,
        transactions: TransactionRecords | None = None,
        schema_changes: SchemaChanges | None = None,
    ) -> None:
        self.position = position
        self._changes = changes
        self._sources = sources
        self._snapshot = snapshot
        self._is_captured = is_captured
        self._takes_source = takes_source
        self._latest = latest
        self._captured_names = captured_names
        self._signal_table = signal_table
        self._obeys_table = obeys_table
        self._transaction_records = transactions
        self._schema_changes = schema_changes
        self._out: list[SourceRecord] = []
        self.events = 0
        self.begin_again(position)

    def begin_again(self, position: BinlogPosition) -> None:
        """Over a new connection: the transaction at the position comes once more from its beginning."""
        self.position = position
        self._file = position.file
        self._done_events, self._done_rows = self.position.events, self.position.rows
        self._is_open = False
        self._events = 0
        self._gtid: str | None = None
        self._is_left_out = False
        self._transaction: Transaction | None = None

    @property
    def is_within_transaction(self) -> bool:
        return self._is_open

    def take(self, event: Event) -> None:
        """Raises `ConnectError`."""
        match event:
            case Rows():
                self._rows(event)
            case OtherRows():
                self._open()
                self._events += 1
            case Begin(gtid):
                self._open()
                self._gtid = gtid or self._gtid
                self._is_left_out = self._gtid is not None and not self._takes_source(self._gtid)
            case Commit(end_pos, ts_s):
                self._commit(end_pos, ts_s)
            case Ddl():
                self._ddl(event)
            case Done(gtids):
                if gtids and self.position.gtids is None and not self._is_open:
                    self.position = replace(self.position, gtids=gtids)
            case Rotate(file, pos):
                self._file = file
                if not self._is_open and file != self.position.file:
                    self.position = replace(self.position, file=file, pos=pos)
            case Passed(end_pos):
                if end_pos and not self._is_open and self._file == self.position.file and end_pos > self.position.pos:
                    self.position = self.position.committed(self._file, end_pos, self.position.ts_s)

    def drain(self) -> list[SourceRecord]:
        if not self._is_open:
            ready, self._out = self._out, []
        else:
            ready, self._out = self._out[:-1], self._out[-1:]
        return ready

    @property
    def waiting(self) -> int:
        return len(self._out)

    def offset(self) -> dict[str, Any]:
        offset = self.position.offset()
        stored = self._snapshot.stored()
        return offset | {"incremental_snapshot": stored} if stored is not None else offset

    # Transactions

    def _open(self) -> None:
        if not self._is_open:
            self._is_open = True
            self._events = 0

    def _commit(self, end_pos: int, ts_s: int) -> None:
        transaction, records = self._transaction, self._transaction_records
        if transaction is not None and records is not None and transaction.has_events:
            self._out.append(records.end(transaction))
        self.position = self.position.committed(self._file, end_pos, ts_s)
        if self.position.gtids is not None and self._gtid is not None:
            self.position = replace(self.position, gtids=self.position.gtids.after(self._gtid))
        self._is_open = False
        self._done_events = self._done_rows = 0
        self._gtid = None
        self._is_left_out = False
        self._transaction = None
        if self._out:
            self._out[-1].source_offset = self.offset()

    # Events

    def _rows(self, event: Rows) -> None:
        self._open()
        if self._is_left_out:
            self._events += 1
            return
        table = event.table
        is_signal = table.name == self._signal_table
        emits = self._is_captured(table.name)
        for number, (before, after) in enumerate(event.rows):
            done = (self._events, number) < (self._done_events, self._done_rows)
            if is_signal and event.kind == "c" and after is not None and not done:
                self._signal(after, event, number, len(event.rows))
            if not emits:
                continue
            prologue, block = self._counted(table.name, event.ts_s)
            if done:
                continue
            self.events += 1
            self._tell_snapshot(table, before, after)
            source = self._source(event, number)
            try:
                records = self._records(event.kind, table, before, after, source, block)
            except DataError as error:
                records = self._changes.left_out(table, f"{self._file}:{event.pos}", error)
            self._emit([*prologue, *records], event, number)
        self._events += 1

    def _records(
        self, kind: str, table: CapturedTable, before: Any, after: Any, source: Any, block: Any
    ) -> list[SourceRecord]:
        if kind == "c":
            return self._changes.created(table, after, source, block)
        if kind == "d":
            return self._changes.deleted(table, Before(before, False), source, block)
        return self._changes.updated(table, Before(before, False), after, source, block)

    def _emit(self, records: list[SourceRecord], event: Rows, number: int) -> None:
        """The records of one row: only with the last of them it is done."""
        before = self.offset() if len(records) > 1 else None
        if number + 1 < len(event.rows):
            self.position = self.position.within(self._events, number + 1, event.ts_s)
        else:
            self.position = self.position.within(self._events + 1, 0, event.ts_s)
        if not records:
            return
        for record in records[:-1]:
            record.source_offset = before
        records[-1].source_offset = self.offset()
        self._out += records

    def _source(self, event: Rows, number: int) -> Any:
        return self._sources.block(
            event.table.path[0],
            event.table.path[1],
            event.ts_s,
            self._file,
            event.pos,
            row=number,
            server_id=event.server_id,
            gtid=self._gtid,
        )

    def _counted(self, table: str, ts_s: int) -> tuple[list[SourceRecord], Any]:
        records = self._transaction_records
        if records is None:
            return [], None
        if self._transaction is None:
            number = self._gtid or f"file={self.position.file},pos={self.position.pos}"
            self._transaction = Transaction(number, ts_s * 1000)
        begins = not self._transaction.has_events
        block = self._transaction.event(table)
        return [records.begin(self._transaction)] if begins else [], block

    def _ddl(self, ddl: Ddl) -> None:
        """It commits by itself, and what was before it."""
        if _CHANGES_ROWS.match(ddl.statement):
            _log.error(
                "rows were changed by a statement that the binary log holds as text (binlog_format of that session is "
                "not ROW), at %s:%d; the connector cannot tell which: %.200s",
                self._file,
                ddl.pos,
                ddl.statement,
            )
        records: list[SourceRecord] = []
        source = self._sources.block(
            ddl.schema, None, ddl.ts_s, self._file, ddl.pos, server_id=ddl.server_id, gtid=self._gtid
        )
        truncated = _TRUNCATE.match(ddl.statement)
        if truncated is not None:
            table = self._latest(f"{truncated[1] or ddl.schema}.{truncated[2]}")
            if table is not None and self._is_captured(table.name):
                self._snapshot.truncated(table.name)
                block = self._sources.block(
                    *table.path, ddl.ts_s, self._file, ddl.pos, server_id=ddl.server_id, gtid=self._gtid
                )
                records += self._changes.truncated(table, block)
        elif self._schema_changes is not None and not (
            _CHANGES_ROWS.match(ddl.statement) or _OF_USERS.match(ddl.statement)
        ):
            records.append(self._schema_changes.record(ddl, source))
        before = self.offset()
        for record in records:
            record.source_offset = before
        self._out += records
        if ddl.commits:
            self._commit(ddl.end_pos, ddl.ts_s)

    # Signals and incremental snapshots

    def _tell_snapshot(self, table: CapturedTable, before: Any, after: Any) -> None:
        for row in (before, after):
            if row is not None:
                self._snapshot.changed(table.name, table.raw_key(row))

    def _signal(self, row: Sequence[Any], event: Rows, number: int, of: int) -> None:
        texts = [None if each is None else str(each) for each in row[:3]]
        try:
            if len(texts) < 3 or texts[0] is None or texts[1] is None:
                raise SignalError(f"a row of {self._signal_table} is no signal: it needs the columns id, type and data")
            signal = parse_signal(texts[0], texts[1], texts[2])
        except SignalError as error:
            _log.error("a signal is left out: %s", error)
            return
        if isinstance(signal, OpenWindow):
            self._snapshot.opened(signal.chunk)
        elif isinstance(signal, CloseWindow):
            self._close_window(signal.chunk, event, number)
        elif not self._obeys_table:
            _log.info("a signal is left out, since signal.enabled.channels has no source: %s", texts[1])
        elif isinstance(signal, LogMessage):
            _log.info("a signal says: %s", signal.message)
        else:
            self._snapshot.obey(signal, self._captured_names)
            self._emit([], event, number)

    def _close_window(self, chunk: str, event: Rows, number: int) -> None:
        records = self._window_records(chunk, event.ts_s, event.pos)
        if records is None:
            return
        self._emit([], event, number)
        if records:
            records[-1].source_offset = self.offset()
            self._out += records

    def _window_records(self, chunk: str, ts_s: int, pos: int) -> list[SourceRecord] | None:
        """`None`: it is no window of ours."""
        before = self.offset()
        closed = self._snapshot.closed(chunk)
        if closed is None:
            return None
        table, rows = closed
        records = []
        for row in rows:
            source = self._sources.block(*table.path, ts_s, self._file, pos, snapshot="incremental")
            record = self._changes.read(table, row, source)
            record.source_offset = before
            records.append(record)
        return records

    def has_done(self, gtids: Gtids | GtidSet | None) -> bool:
        """All of that, or what nobody can tell."""
        done = self.position.gtids
        if isinstance(gtids, GtidSet) and isinstance(done, GtidSet):
            return not gtids - done
        if isinstance(gtids, Gtids) and isinstance(done, Gtids):
            return not gtids.beyond(done)
        return gtids is None

    def close_window(self, chunk: str) -> list[SourceRecord]:
        """Between two transactions: the rows of a chunk that nothing marks."""
        records = self._window_records(chunk, self.position.ts_s, self.position.pos) or []
        if records:
            records[-1].source_offset = self.offset()
        return records
