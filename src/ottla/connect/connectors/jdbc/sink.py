"""`JdbcSinkConnector` (`io.confluent.connect.jdbc`): records as rows, inserted, upserted, updated, deleted.

What one `put` brings is one transaction. Of several records of one key in it the last counts, where rows have keys. A
record that is no row, or that the database refuses by itself, goes where `errors.*` says.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ottla.connect.api.errors import ConnectError, DataError, RetriableError
from ottla.connect.api.task import SinkTask
from ottla.connect.connectors.jdbc.database import Database, error_text, may_pass, sqlalchemy
from ottla.connect.connectors.jdbc.rows import Row, RowMaker, alike
from ottla.connect.connectors.jdbc.sink_config import BATCH_SIZE, CONFIG, MAX_RETRIES, RETRY_BACKOFF_MS, problems
from ottla.connect.connectors.jdbc.statements import write
from ottla.connect.connectors.jdbc.structure import Structure
from ottla.connect.connectors.record_place import place_of
from ottla.connect.connectors.rejects import reject
from ottla.connect.connectors.simple import SimpleSink, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ottla.connect.api.record import SinkRecord

_log = logging.getLogger("ottla.connect.jdbc")


class JdbcSinkTask(SinkTask):
    _database: Database | None = None

    def start(self, props: Mapping[str, str]) -> None:
        config = parse(CONFIG, props, problems)
        self._database = Database(config)
        self._rows = RowMaker(config)
        self._structure = Structure(config, self._database.dialect)
        self._batch_size: int = config[BATCH_SIZE]
        self._max_retries: int = config[MAX_RETRIES]
        self._backoff_ms: int = config[RETRY_BACKOFF_MS]
        self._left = self._max_retries
        self._done: set[tuple[str, int | None, int]] = set()
        """Of a batch that is written one by one: what is dealt with, should the rest have to come again."""

    def put(self, records: Sequence[SinkRecord]) -> None:
        if not records:
            return
        rows = []
        rejected = []
        for record in records:
            try:
                rows.append(self._rows.row(record))
            except DataError as error:
                rejected.append((record, error))
        if rejected and self.context.errant_record_reporter is None:
            raise rejected[0][1]
        try:
            self._write(rows)
        except (sqlalchemy().exc.SQLAlchemyError, DataError) as error:
            self._structure.forget()
            if may_pass(error):
                self._retry(error)
            assert self._database is not None
            self._database.connection().rollback()
            self._write_one_by_one(rows, error)
        for record, why in rejected:  # only now: a batch that comes again is not to be reported again
            reject(self.context, record, why)
        self._left = self._max_retries
        self._done.clear()

    def _write(self, rows: Sequence[Row]) -> None:
        assert self._database is not None
        connection = self._database.connection()
        batches = list(alike(rows))
        for each in batches:  # before any row is written: what makes a table ends a transaction
            self._structure.table(connection, each.shape)
        for each in batches:
            table = self._structure.table(connection, each.shape)
            if table is not None:
                write(connection, table, each, self._database.zone, self._batch_size)
        connection.commit()

    def _retry(self, error: Exception) -> None:
        """Always raises."""
        assert self._database is not None
        self._database.drop()
        text = f"rows cannot be written to {self._database.shown}: {error_text(error)}"
        if self._left <= 0:
            raise ConnectError(f"{text}, after {self._max_retries} more tries") from error
        self._left -= 1
        self.context.timeout(self._backoff_ms)
        raise RetriableError(text) from error

    def _write_one_by_one(self, rows: Sequence[Row], error: Exception) -> None:
        """Something among them is refused: where that is to be reported, find what; else it is the task's end."""
        if self.context.errant_record_reporter is None:
            tables = ", ".join(sorted({str(row.shape.table) for row in rows}))
            raise ConnectError(f"rows of {tables} are refused: {error_text(error)}") from error
        assert self._database is not None
        for row in rows:
            place = place_of(row.record)
            if place in self._done:
                continue
            try:
                self._write([row])
            except (sqlalchemy().exc.SQLAlchemyError, DataError) as refused:
                if may_pass(refused):
                    self._retry(refused)
                self._database.connection().rollback()
                text = f"{row.shape.table} refuses a row: {error_text(refused)}"
                reject(self.context, row.record, ConnectError(text))
            self._done.add(place)

    def stop(self) -> None:
        if self._database is not None:
            self._database.close()


class JdbcSinkConnector(SimpleSink):
    definition = CONFIG
    task = JdbcSinkTask

    @classmethod
    def problems(cls, config: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        return problems(config)
