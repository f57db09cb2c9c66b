"""`IcebergSinkConnector`: records in tables of Apache Iceberg, each exactly once: all of them, or the last of each key.

A commit's snapshot says up to where it has each partition (`offsets.py`). What comes again is passed over, and a commit
whose answer was lost is found. Rows wait in memory, as Arrow, until they are `flush.size` or the time has come.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from ottla.connect.api.connector import TopicPartition
from ottla.connect.api.errors import ConnectError, DataError, RetriableError
from ottla.connect.api.task import SinkTask
from ottla.connect.connectors.iceberg.config import (
    AUTO_CREATE,
    AUTO_CREATE_PREFIX,
    CATALOG,
    CATALOG_PREFIX,
    COMMIT_INTERVAL_MS,
    CONFIG,
    EVOLVE,
    FLUSH_SIZE,
    MAX_RETRIES,
    PARTITION_BY,
    RETRY_BACKOFF_MS,
    TABLE_NAME_FORMAT,
    problems,
)
from ottla.connect.connectors.iceberg.partitioning import parse_partitioning
from ottla.connect.connectors.iceberg.rows import Layout, Row, RowMaker, laid_out
from ottla.connect.connectors.iceberg.table import Creation, IcebergTable, MismatchError, Waiting
from ottla.connect.connectors.library import load
from ottla.connect.connectors.record_place import where
from ottla.connect.connectors.rejects import reject
from ottla.connect.connectors.simple import SimpleSink, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ottla.connect.api.record import SinkRecord


class _Staged(NamedTuple):
    table: IcebergTable
    waiting: Waiting | None
    """`None`: there are none."""
    first: int
    refused: list[tuple[SinkRecord, ConnectError]]


class IcebergSinkTask(SinkTask):
    def start(self, props: Mapping[str, str]) -> None:
        self._config = parse(CONFIG, props, IcebergSinkConnector.problems)
        self._connector = props.get("name", "")
        self._settings = _behind_prefix(props, CATALOG_PREFIX)
        self._creation = Creation(
            parse_partitioning(self._config[PARTITION_BY]), _behind_prefix(props, AUTO_CREATE_PREFIX)
        )
        self._rows = RowMaker(self._config)
        self._catalog: Any = None
        self._tables: dict[str, IcebergTable] = {}
        self._waiting: dict[TopicPartition, int] = {}
        """The first offset of each partition that stands in no table."""
        self._refused: list[tuple[SinkRecord, ConnectError]] = []
        """What is to be reported when its batch is dealt with."""
        self._due = time.monotonic() + self._config[COMMIT_INTERVAL_MS] / 1000
        self._left: int = self._config[MAX_RETRIES]

    def open(self, partitions: Sequence[TopicPartition]) -> None:
        self._forget(partitions)

    def close(self, partitions: Sequence[TopicPartition]) -> None:
        """What is not committed is read again, by whoever has the partition then."""
        self._forget(partitions)

    def _forget(self, partitions: Iterable[TopicPartition]) -> None:
        for each in partitions:
            self._waiting.pop(each, None)
        for table in self._tables.values():
            table.forget(partitions)

    def put(self, records: Sequence[SinkRecord]) -> None:
        rejected: list[tuple[SinkRecord, ConnectError]] = []
        batches: dict[tuple[str, TopicPartition, Layout], list[Row]] = {}
        for record in records:
            partition = TopicPartition(record.original_topic, record.original_kafka_partition or 0)
            try:
                row = self._rows.row(record)
            except DataError as error:
                rejected.append((record, error))
                continue
            batches.setdefault((self.table_name(record.topic), partition, row.layout), []).append(row)
        # All or nothing: should something fail here, all of them come again.
        staged = [self._stage(*key, found) for key, found in batches.items()]
        for each in staged:
            self._refused += each.refused
            if each.waiting is not None:
                each.table.add(each.waiting)
                partition = each.waiting.partition
                self._waiting[partition] = min(self._waiting.get(partition, each.first), each.first)
        if (rejected or self._refused) and self.context.errant_record_reporter is None:
            raise (rejected or self._refused)[0][1]
        waiting = sum(table.rows for table in self._tables.values())
        if waiting >= self._config[FLUSH_SIZE] or time.monotonic() >= self._due:
            self.commit()
        for record, why in [*rejected, *self._refused]:
            reject(self.context, record, why)
        self._refused.clear()

    def table_name(self, topic: str) -> str:
        name: str = self._config[TABLE_NAME_FORMAT]
        return name.replace("${topic}", topic)

    def _stage(self, name: str, partition: TopicPartition, layout: Layout, found: list[Row]) -> _Staged:
        """Those that are new, and rows or refused."""
        try:
            table = self.table(name)
            next_offset = table.next_offset(partition)
            new = [each for each in found if each.record.original_kafka_offset >= next_offset]
            if not new:
                return _Staged(table, None, 0, [])
            first, last = new[0].record.original_kafka_offset, new[-1].record.original_kafka_offset
            rows, good, refused = laid_out(layout, new)
            try:
                self._fit(table, rows, layout)
            except MismatchError as error:
                refused += [(each.record, _misfit(each.record, name, error)) for each in good]
                return _Staged(table, None, first, refused)
            rows, good, misfits = _fitted(table, layout, rows, good)
            refused += [(each.record, _misfit(each.record, name, error)) for each, error in misfits]
        except ConnectError:
            raise
        except Exception as error:
            self._again(name, error)
        if not good:
            return _Staged(table, None, first, refused)
        offsets, orders = [each.record.original_kafka_offset for each in good], [each.order for each in good]
        return _Staged(table, Waiting(partition, rows, offsets, orders, last + 1, layout.deletes), first, refused)

    def _fit(self, table: IcebergTable, rows: Any, layout: Layout) -> None:
        table.fit(rows.schema, layout.id_columns, creates=self._config[AUTO_CREATE], evolves=self._config[EVOLVE])

    def table(self, name: str) -> IcebergTable:
        found = self._tables.get(name)
        if found is None:
            if self._catalog is None:
                library = load("pyiceberg.catalog", "[iceberg]")
                self._catalog = library.load_catalog(self._config[CATALOG], **self._settings)
            found = self._tables[name] = IcebergTable(self._catalog, name, self._connector, self.creation(name))
        return found

    def creation(self, _name: str) -> Creation:
        return self._creation

    def commit(self) -> None:
        """All that waits. `RetriableError`, and in the end `ConnectError`."""
        for name, table in self._tables.items():
            try:
                table.commit()
            except ConnectError:
                raise
            except Exception as error:
                self._again(name, error)
        self._waiting.clear()
        self._left = self._config[MAX_RETRIES]
        self._due = time.monotonic() + self._config[COMMIT_INTERVAL_MS] / 1000

    def _again(self, name: str, error: Exception) -> NoReturn:
        """What waits keeps waiting; what comes again with the batch is passed over."""
        text = f"the table {name} cannot be read or written: {error or type(error).__name__}"
        if self._left <= 0:
            raise ConnectError(f"{text}, after {self._config[MAX_RETRIES]} more tries") from error
        self._left -= 1
        self.context.timeout(self._config[RETRY_BACKOFF_MS])
        raise RetriableError(text) from error

    def pre_commit(self, offsets: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, int]:
        return {each: min(self._waiting.get(each, offset), offset) for each, offset in offsets.items()}


def _behind_prefix(props: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {key.removeprefix(prefix): text for key, text in props.items() if key.startswith(prefix)}


def _misfit(record: SinkRecord, name: str, error: MismatchError) -> ConnectError:
    return ConnectError(f"{where(record)} does not fit into {name}: {error}")


def _fitted(
    table: IcebergTable, layout: Layout, rows: Any, found: list[Row]
) -> tuple[Any, list[Row], list[tuple[Row, MismatchError]]]:
    """With the table's types; all at once, and where that fails one by one."""
    try:
        return table.fitted(rows), found, []
    except MismatchError:
        good, misfits = [], []
        for row in found:
            try:
                table.fitted(laid_out(layout, [row])[0])
                good.append(row)
            except MismatchError as error:
                misfits.append((row, error))
        return table.fitted(laid_out(layout, good)[0]) if good else None, good, misfits


class IcebergSinkConnector(SimpleSink):
    definition = CONFIG
    task = IcebergSinkTask

    @classmethod
    def problems(cls, config: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        return problems(config)
