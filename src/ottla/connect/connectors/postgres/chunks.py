"""Reads the chunks of an incremental snapshot, between the two signals that mark its window in the stream."""

from __future__ import annotations

import logging
import uuid
from typing import TYPE_CHECKING

from ottla.connect.connectors.cdc.incremental_snapshot import Chunk
from ottla.connect.connectors.postgres.session import quoted

if TYPE_CHECKING:
    from ottla.connect.connectors.cdc.incremental_snapshot import IncrementalSnapshot
    from ottla.connect.connectors.cdc.table import CapturedTable
    from ottla.connect.connectors.postgres.config import PostgresConfig
    from ottla.connect.connectors.postgres.session import Session
    from ottla.connect.connectors.postgres.tables import Tables

_log = logging.getLogger("ottla.connect.cdc.snapshot")


class ChunkReader:
    def __init__(self, config: PostgresConfig, session: Session, tables: Tables, signal_table: str) -> None:
        self._config = config
        self._session = session
        self._tables = tables
        self._signals = quoted(*signal_table.split(".", 1))

    def read(self, snapshot: IncrementalSnapshot) -> None:
        """The next chunk; what it holds comes with the stream."""
        wanted = snapshot.current
        assert wanted is not None
        path = next((each for each in self._tables.captured() if ".".join(each) == wanted.table), None)
        readable = self._tables.from_catalog(*path) if path is not None else None
        if readable is None:
            snapshot.leave_out("it is not there any more, or not captured")
            return
        table = readable.table
        if not table.has_whole_key:
            snapshot.leave_out("it has no key that is never null, by which chunks are read")
            return
        doing = f"reading a chunk of {table.name}"
        condition = f"({wanted.condition})" if wanted.condition else ""
        order = ", ".join(quoted(table.columns[place].name) for place in table.key_places)
        if snapshot.maximum_key is None:
            snapshot.maximum_key = self._maximum_key(table, readable.select, condition, doing)
        bounds = [condition] if condition else []
        if snapshot.maximum_key is not None:
            bounds.append(self._compared(table, "<=", snapshot.maximum_key))
        if snapshot.last_key is not None:
            bounds.append(self._compared(table, ">", snapshot.last_key))
        where = f" WHERE {' AND '.join(bounds)}" if bounds else ""
        window = str(uuid.uuid4())
        self._signal(window, "open")
        rows = self._session.text_rows(
            f"{readable.select}{where} ORDER BY {order} LIMIT {self._config.chunk_size}", doing
        )
        self._signal(window, "close")
        last_key = _key(table, rows[-1]) if rows else None
        is_last = len(rows) < self._config.chunk_size or last_key == snapshot.maximum_key
        snapshot.expect(window, Chunk(table, rows, last_key, is_last))

    def _maximum_key(self, table: CapturedTable, select: str, condition: str, doing: str) -> tuple[str, ...] | None:
        """What comes later comes with the stream. `None`: the table is empty."""
        order = ", ".join(f"{quoted(table.columns[place].name)} DESC" for place in table.key_places)
        where = f" WHERE {condition}" if condition else ""
        rows = self._session.text_rows(f"{select}{where} ORDER BY {order} LIMIT 1", doing)
        return _key(table, rows[0]) if rows else None

    def _compared(self, table: CapturedTable, operator: str, key: tuple[str, ...]) -> str:
        columns = [table.columns[place] for place in table.key_places]
        names = ", ".join(quoted(column.name) for column in columns)
        pairs = zip(key, columns, strict=True)
        values = ", ".join(f"{self._session.literal(text)}::{column.type_name}" for text, column in pairs)
        return f"({names}) {operator} ({values})"

    def _signal(self, window: str, what: str) -> None:
        self._session.execute(
            f"INSERT INTO {self._signals} VALUES (%s, %s, NULL)",
            (f"{window}-{what}", f"snapshot-window-{what}"),
            doing=f"writing to the table of signals {self._config.signal_table}",
        )


def _key(table: CapturedTable, row: list[bytes | None]) -> tuple[str, ...]:
    return tuple((row[place] or b"").decode() for place in table.key_places)
