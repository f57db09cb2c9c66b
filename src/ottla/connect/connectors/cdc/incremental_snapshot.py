"""Snapshots of tables while the stream goes on: in chunks by primary key, between two watermarks (DBLog's algorithm).

    signal `open` ── read a chunk (another connection) ── signal `close`        what is done to the database
    ────┬──── changes ────────────────────────────────────────┬───►            what comes through the stream
        └ the window opens: a row of the chunk whose key       └ the window closes: what is left of the chunk
          changes here is left out, the change says more         is as it was in the end, and is written (`r`)

Pure: `Chunk`s come in, rows and notices go out. What has to survive is `stored()`, and stands in each source offset.
"""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ottla.connect.connectors.cdc import signal as signals
from ottla.connect.connectors.cdc.notification import COMPLETED, NOTICES_MAX, Notice

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ottla.connect.connectors.cdc.table import CapturedTable

_log = logging.getLogger("ottla.connect.cdc.snapshot")
TABLES_MAX: Final = 10_000
"""So many tables may wait."""
OFFSET_KEY: Final = "incremental_snapshot"


class Wanted(NamedTuple):
    """A table to be read."""

    table: str
    condition: str = ""
    """What stands in WHERE; of a blocking snapshot, the whole statement. Empty: all rows."""


class Chunk(NamedTuple):
    """Rows of one table in the order of their keys; keys as the database tells them."""

    table: CapturedTable
    rows: Sequence[Sequence[Any]]
    last_key: tuple[str, ...] | None
    """`None`: nothing was left."""
    is_last: bool


@dataclass(slots=True)
class _Window:
    id: str
    chunk: Chunk
    rows: dict[tuple[Any, ...], Sequence[Any]] = field(default_factory=dict)
    is_open: bool = False


class IncrementalSnapshot:
    def __init__(self, stored: str | None = None) -> None:
        """`stored` is what `stored()` said, before a restart."""
        self._waiting: list[Wanted] = []
        self.last_key: tuple[str, ...] | None = None
        """Of the table that is being read: up to where its rows are written."""
        self.maximum_key: tuple[str, ...] | None = None
        self.paused = False
        self._window: _Window | None = None
        self._blocking: list[Wanted] = []
        self._id = ""
        """Of the signal that asked last."""
        self._rows_read = 0
        """Of the table that is being read."""
        self._notices: list[Notice] = []
        if stored:
            said = json.loads(stored)
            self._waiting = [Wanted(*each) for each in said["tables"]]
            self.last_key = None if said["last_key"] is None else tuple(said["last_key"])
            self.maximum_key = None if said["maximum_key"] is None else tuple(said["maximum_key"])
            self.paused = bool(said.get("paused"))
            self._id, self._rows_read = said.get("id", ""), said.get("rows", 0)

    def stored(self) -> str | None:
        if not self._waiting:
            return None
        tables = [list(each) for each in self._waiting]
        said = {"tables": tables, "last_key": self.last_key, "maximum_key": self.maximum_key, "paused": self.paused}
        return json.dumps(said | {"id": self._id, "rows": self._rows_read}, separators=(",", ":"))

    def take_blocking(self) -> list[Wanted]:
        """Tables to be read at once, while the stream waits; those of a restart are not asked for any more."""
        wanted, self._blocking = self._blocking, []
        return wanted

    def take_notices(self) -> list[Notice]:
        """What there is to tell since it was taken last."""
        notices, self._notices = self._notices, []
        return notices

    def _tell(self, kind: str, **data: str) -> None:
        """`STARTED`, …; with the tables that wait."""
        if len(self._notices) >= NOTICES_MAX:
            del self._notices[0]
        tables = ",".join(each.table for each in self._waiting)
        self._notices.append(Notice(kind, {"data_collections": tables, **data}, self._id))

    @property
    def current(self) -> Wanted | None:
        return self._waiting[0] if self._waiting else None

    @property
    def wants_chunk(self) -> bool:
        """Nothing is on its way, and there is something to read."""
        return bool(self._waiting) and not self.paused and self._window is None

    def obey(self, signal: signals.Signal, tables: Callable[[], Sequence[str]]) -> None:
        """`tables` tells the names of all that are captured."""
        match signal:
            case signals.ExecuteSnapshot():
                self._execute(signal, tables())
            case signals.StopSnapshot():
                self._stop(signal)
            case signals.PauseSnapshot():
                self.paused = True
                self._window = None
                self._tell("PAUSED")
                _log.info("the incremental snapshot pauses")
            case signals.ResumeSnapshot():
                self.paused = False
                self._tell("RESUMED")
                _log.info("the incremental snapshot goes on")

    def _execute(self, signal: signals.ExecuteSnapshot, tables: Sequence[str]) -> None:
        waiting = self._blocking if signal.is_blocking else self._waiting
        for expression in signal.tables:
            matching = [table for table in tables if re.fullmatch(expression, table, re.IGNORECASE)]
            if not matching:
                _log.warning("a signal asks for a snapshot of %s, which is no table that is captured", expression)
            for table in matching:
                if any(each.table == table for each in waiting) or len(waiting) >= TABLES_MAX:
                    continue
                conditions = (text for name, text in signal.conditions if re.fullmatch(name, table, re.IGNORECASE))
                waiting.append(Wanted(table, next(conditions, "")))
                _log.info("a snapshot of %s is asked for", table)
        if self._waiting and not signal.is_blocking:
            self._id = signal.id or self._id
            self._tell("STARTED")

    def _stop(self, signal: signals.StopSnapshot) -> None:
        def stops(table: str) -> bool:
            return not signal.tables or any(re.fullmatch(each, table, re.IGNORECASE) for each in signal.tables)

        stopped = [each.table for each in self._waiting if stops(each.table)]
        if not stopped:
            return
        if stops(self._waiting[0].table):
            self._window = None
            self.last_key = self.maximum_key = None
            self._rows_read = 0
        self._tell("ABORTED", data_collections=",".join(stopped))
        self._waiting = [each for each in self._waiting if not stops(each.table)]

    def leave_out(self, why: str) -> None:
        """The table that is next cannot be read."""
        _log.warning("the incremental snapshot leaves %s out: %s", self._waiting[0].table, why)
        self._next_table("SKIPPED")

    def _next_table(self, status: str) -> None:
        self._tell(
            "TABLE_SCAN_COMPLETED",
            scanned_collection=self._waiting[0].table,
            total_rows_scanned=str(self._rows_read),
            status=status,
        )
        self._waiting.pop(0)
        self.last_key = self.maximum_key = None
        self._window = None
        self._rows_read = 0
        if not self._waiting:
            self._notices.append(COMPLETED._replace(id=self._id))

    # The window

    def expect(self, window_id: str, chunk: Chunk) -> None:
        """A chunk was read between the two signals of that id."""
        rows = {chunk.table.raw_key(row): row for row in chunk.rows}
        self._window = _Window(window_id, chunk, rows)
        if chunk.rows:
            self._tell(
                "IN_PROGRESS",
                current_collection_in_progress=chunk.table.name,
                maximum_key=",".join(self.maximum_key or ()),
                last_processed_key=",".join(chunk.last_key or ()),
            )

    def opened(self, window_id: str) -> None:
        if self._window is not None and self._window.id == window_id:
            self._window.is_open = True

    def changed(self, table: str, key: tuple[Any, ...]) -> None:
        """A row changes while the stream passes."""
        window = self._window
        if window is not None and window.is_open and window.chunk.table.name == table:
            window.rows.pop(key, None)

    def truncated(self, table: str) -> None:
        window = self._window
        if window is not None and window.is_open and window.chunk.table.name == table:
            window.rows.clear()

    def closed(self, window_id: str) -> tuple[CapturedTable, list[Sequence[Any]]] | None:
        """The rows to write; after the last of them `stored()` counts. `None`: it is no window of ours."""
        window = self._window
        if window is None or window.id != window_id or not window.is_open:
            return None
        chunk = window.chunk
        self._window = None
        self._rows_read += len(chunk.rows)
        if chunk.is_last:
            _log.info("the incremental snapshot of %s is complete", chunk.table.name)
            self._next_table("SUCCEEDED" if self._rows_read else "EMPTY")
        else:
            self.last_key = chunk.last_key
        return chunk.table, list(window.rows.values())

    def progress(self) -> Mapping[str, float]:
        return {"incremental-snapshot-tables-waiting": float(len(self._waiting))}
