"""Reads tables whole as records: which row is the first and the last of all and of its table, offsets, notifications.

What a database adds is where its tables are, how they are read, and at which moment: the first snapshot, or one for
which the stream waits.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple

from ottla.connect.connectors.cdc.notification import COMPLETED, STARTED, table_begun, table_read

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Iterator, Sequence

    from ottla.connect.api.record import SourceRecord
    from ottla.connect.connectors.cdc.blocking_snapshot import BlockingSnapshot
    from ottla.connect.connectors.cdc.changes import Changes
    from ottla.connect.connectors.cdc.config import CdcConfig
    from ottla.connect.connectors.cdc.control import Control
    from ottla.connect.connectors.cdc.readable_table import ReadableTable
    from ottla.connect.connectors.cdc.table import CapturedTable
    from ottla.connect.data.struct import Struct


class _Row(NamedTuple):
    table: CapturedTable
    cells: Sequence[Any]
    is_first_table: bool
    is_first: bool


class TableSnapshot(ABC):
    def __init__(
        self,
        config: CdcConfig,
        changes: Changes,
        control: Control,
        log: logging.Logger,
        blocking: BlockingSnapshot | None = None,
    ) -> None:
        """A `blocking` one is asked for while the stream waits."""
        self._fetch_size = config.fetch_size
        self._in_snapshot = config.in_snapshot
        self._overrides = config.overrides
        self._changes = changes
        self._control = control
        self._log = log
        self._blocking = blocking
        self.rows = 0

    @abstractmethod
    def _captured(self) -> list[tuple[str, str]]:
        """Schema and name of each table that is captured."""

    @abstractmethod
    def _readable(self, schema: str, name: str) -> ReadableTable | None:
        """`None`: it is not there any more."""

    @abstractmethod
    def _rows_of(self, select: str, doing: str) -> Iterable[Sequence[Sequence[Any]]]:
        """Rows, `fetch_size` at a time."""

    @abstractmethod
    def _source(self, table: CapturedTable, marker: str) -> Struct: ...

    @abstractmethod
    def _first_offset(self, *, is_last: bool) -> dict[str, Any]:
        """Of a record of the first snapshot."""

    @abstractmethod
    def _commit(self) -> None:
        """Ends the transaction in which all is read."""

    def offset(self, *, is_last: bool) -> dict[str, Any]:
        return self._first_offset(is_last=is_last) if self._blocking is None else self._blocking.offset

    def _read(self) -> Iterator[list[SourceRecord]]:
        """Within a transaction: records, some thousand at a time."""
        self._control.tell(STARTED)
        held: _Row | None = None
        batch: list[SourceRecord] = []
        for row in self._all_rows():
            if held is not None:
                batch.append(self._record(held, ends_table=row.is_first, is_last=False))
            if row.is_first:
                batch += self._control.told(self.offset(is_last=False))
            if len(batch) >= self._fetch_size:
                yield batch
                batch = []
            held = row
        if held is not None:
            batch.append(self._record(held, ends_table=True, is_last=True))
        self._commit()
        self._log.info("the snapshot is complete: %d rows", self.rows)
        self._control.tell(COMPLETED)
        batch += self._control.told(self.offset(is_last=True))
        yield batch

    def _all_rows(self) -> Iterator[_Row]:
        is_first_table = True
        wanted = [each for each in self._captured() if self._is_wanted(".".join(each))]
        names = [".".join(each) for each in wanted]
        for (schema, name), full in zip(wanted, names, strict=True):
            readable = self._readable(schema, name)
            if readable is None:
                continue
            overrides = self._overrides if self._blocking is None else self._blocking
            readable = readable._replace(path=overrides.rows_of(full, readable.path))
            self._log.info("the snapshot reads %s", full)
            self._control.tell(table_begun(full, names))
            count, is_first = 0, True
            for rows in self._rows_of(readable.select, f"reading the table {full}"):
                count += len(rows)
                for cells in rows:
                    yield _Row(readable.table, cells, is_first_table, is_first)
                    is_first = False
            self._control.tell(table_read(full, names, count))
            is_first_table = False

    def _is_wanted(self, table: str) -> bool:
        return self._in_snapshot.matches(table) if self._blocking is None else table in self._blocking.tables

    def _record(self, row: _Row, *, ends_table: bool, is_last: bool) -> SourceRecord:
        if is_last:
            marker = "last"
        elif row.is_first and row.is_first_table:
            marker = "first"
        elif ends_table:
            marker = "last_in_data_collection"
        else:
            marker = "first_in_data_collection" if row.is_first else "true"
        record = self._changes.read(row.table, row.cells, self._source(row.table, marker))
        record.source_offset = self.offset(is_last=is_last)
        self.rows += 1
        return record
