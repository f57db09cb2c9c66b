"""`JdbcSourceConnector` (`io.confluent.connect.jdbc`): the rows of tables, or of a query, as they come and change."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.connector import ExactlyOnceSupport, SourceConnector
from ottla.connect.api.errors import ConnectError, RetriableError
from ottla.connect.api.task import SourceTask
from ottla.connect.connectors.jdbc.database import ATTEMPTS, Database, error_text, may_pass, sqlalchemy
from ottla.connect.connectors.jdbc.querier import Querier, partition_of
from ottla.connect.connectors.jdbc.source_config import (
    BATCH_MAX_ROWS,
    BULK,
    CONFIG,
    MODE,
    QUERY,
    TABLE_POLL_MS,
    TABLES,
    problems,
)
from ottla.connect.connectors.jdbc.tables import TableName, list_tables
from ottla.connect.connectors.simple import parse, validate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.api.config_def import ConfigDef, ConfigValue
    from ottla.connect.api.record import SourceRecord

_log = logging.getLogger("ottla.connect.jdbc")
WAIT_S: Final = 0.2
LISTING_TRIES: Final = 3


class JdbcSourceConnector(SourceConnector):
    """Tables are divided among tasks; a thread looks for tables that come and go."""

    _watcher: threading.Thread | None = None

    def start(self, props: Mapping[str, str]) -> None:
        self._props = dict(props)
        self._config = parse(CONFIG, props, problems)
        self._stopping = threading.Event()
        self._tables: list[TableName] = []
        if not self._config[QUERY]:
            self._tables = self._list()
            self._watcher = threading.Thread(target=self._watch, name="tables", daemon=True)
            self._watcher.start()

    def _list(self) -> list[TableName]:
        database = Database(self._config)
        try:
            return list_tables(database.connection(self._stopping.wait), self._config)
        except sqlalchemy().exc.SQLAlchemyError as error:
            raise ConnectError(f"the tables of {database.shown} cannot be listed: {error_text(error)}") from error
        finally:
            database.close()

    def _watch(self) -> None:
        failures = 0
        while not self._stopping.wait(self._config[TABLE_POLL_MS] / 1000):
            try:
                found = self._list()
                failures = 0
            except ConnectError as error:
                failures += 1
                if failures >= LISTING_TRIES:
                    self.context.raise_error(error)
                    return
                _log.warning("%s; it is tried again", error)
                continue
            if found != self._tables:
                self._tables = found
                self.context.request_task_reconfiguration()

    def stop(self) -> None:
        self._stopping.set()
        if self._watcher is not None:
            self._watcher.join()
            self._watcher = None

    def task_class(self) -> type[SourceTask]:
        return JdbcSourceTask

    def task_configs(self, max_tasks: int) -> list[dict[str, str]]:
        if self._config[QUERY]:
            return [dict(self._props)]
        tables = [str(each) for each in self._tables]
        if not tables:
            _log.warning("no table is to be read; it is looked for new ones")
        count = min(max_tasks, len(tables))
        return [self._props | {TABLES: ",".join(tables[number::count])} for number in range(count)]

    def config(self) -> ConfigDef:
        return CONFIG

    def validate(self, props: Mapping[str, str | None]) -> list[ConfigValue]:
        return validate(CONFIG, props, problems)

    def exactly_once_support(self, props: Mapping[str, str]) -> ExactlyOnceSupport:
        is_bulk = props.get(MODE) == BULK
        return ExactlyOnceSupport.UNSUPPORTED if is_bulk else ExactlyOnceSupport.SUPPORTED

    def alter_offsets(
        self, _props: Mapping[str, str], offsets: list[tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]]
    ) -> bool:
        for partition, offset in offsets:
            if partition is None or not ({"query"} == partition.keys() or {"protocol", "table"} == partition.keys()):
                raise ConnectError('A partition is {"protocol": "1", "table": name} or {"query": "query"}')
            for key, value in (offset or {}).items():
                if key not in ("incrementing", "timestamp", "timestamp_nanos") or not isinstance(value, int):
                    raise ConnectError('An offset is {"incrementing": n, "timestamp": ms, "timestamp_nanos": ns}')
        return True


class JdbcSourceTask(SourceTask):
    _database: Database | None = None

    def start(self, props: Mapping[str, str]) -> None:
        self._config = parse(CONFIG, props, problems)
        self._batch: int = self._config[BATCH_MAX_ROWS]
        self._database = Database(self._config)
        names: list[TableName | None] = [None]
        if not self._config[QUERY]:
            names = [TableName.parse(each) for each in props.get(TABLES, "").split(",") if each]
        partitions = [partition_of(name) for name in names]
        offsets = self.context.offset_storage_reader.offsets(partitions)
        self._queriers = [
            Querier(self._config, self._database, name, offset) for name, offset in zip(names, offsets, strict=True)
        ]
        self._current: Querier | None = None
        self._failures = 0
        self._database.connection()

    def poll(self) -> list[SourceRecord] | None:
        querier = self._current or min(self._queriers, key=lambda each: each.due, default=None)
        if querier is None:
            time.sleep(WAIT_S)
            return None
        wait_s = querier.due - time.monotonic()
        if wait_s > 0:
            time.sleep(min(wait_s, WAIT_S))
            return None
        assert self._database is not None
        try:
            records = querier.records(self._database.connection(), self._batch)
            if len(records) < self._batch:
                self._database.connection().rollback()
        except sqlalchemy().exc.SQLAlchemyError as error:
            self._recover(querier, error)
            raise AssertionError("unreachable") from error
        self._failures = 0
        self._current = querier if len(records) == self._batch else None
        return records or None

    def _recover(self, querier: Querier, error: Exception) -> None:
        """Always raises."""
        assert self._database is not None
        self._database.drop()
        for each in self._queriers:
            each.forget()
        self._failures += 1
        text = f"{querier.shown} cannot be read: {error_text(error)}"
        if may_pass(error) and self._failures < self._config[ATTEMPTS]:
            raise RetriableError(text) from error
        raise ConnectError(text) from error

    def stop(self) -> None:
        if self._database is not None:
            self._database.close()
