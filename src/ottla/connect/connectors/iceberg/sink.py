"""`IcebergSinkConnector`: records appended to tables of Apache Iceberg, each exactly once.

A commit's snapshot says up to where it has each partition: `ottla.connect.<connector>.<topic>.<partition>` = the next
offset. What comes again is passed over, and a commit whose answer was lost is found. Rows wait in memory, as Arrow,
until they are `flush.size` or the time has come. Settings are those of the Iceberg project's own sink where there are.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn

from ottla.connect.api.config_def import BOOLEAN, HIGH, INT, LONG, LOW, MEDIUM, NO_DEFAULT_VALUE, STRING, ConfigDef
from ottla.connect.api.connector import TopicPartition
from ottla.connect.api.errors import ConnectError, DataError, RetriableError
from ottla.connect.api.task import SinkTask
from ottla.connect.api.validators import NonEmptyString, Range
from ottla.connect.connectors.arrow import arrow_table
from ottla.connect.connectors.iceberg.table import IcebergTable, MismatchError
from ottla.connect.connectors.library import load
from ottla.connect.connectors.record_place import where
from ottla.connect.connectors.rejects import reject
from ottla.connect.connectors.shapes import struct_of
from ottla.connect.connectors.simple import SimpleSink, parse
from ottla.connect.data.struct import Struct, validate_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ottla.connect.api.record import SinkRecord
    from ottla.connect.data.schema import Schema

_log = logging.getLogger("ottla.connect.iceberg")
CATALOG: Final = "iceberg.catalog"
CATALOG_PREFIX: Final = "iceberg.catalog."
TABLE_NAME_FORMAT: Final = "table.name.format"
AUTO_CREATE: Final = "iceberg.tables.auto-create-enabled"
EVOLVE: Final = "iceberg.tables.evolve-schema-enabled"
COMMIT_INTERVAL_MS: Final = "iceberg.control.commit.interval-ms"
FLUSH_SIZE: Final = "flush.size"
MAX_RETRIES: Final = "max.retries"
RETRY_BACKOFF_MS: Final = "retry.backoff.ms"

CONFIG: Final = (
    ConfigDef()
    .define(
        CATALOG, STRING, "iceberg", MEDIUM, "The catalog's name; iceberg.catalog.… (type, uri, …) are its settings."
    )
    .define(
        TABLE_NAME_FORMAT,
        STRING,
        NO_DEFAULT_VALUE,
        HIGH,
        "What the table is called, after its namespace and a point; may have ${topic}.",
        validator=NonEmptyString(),
    )
    .define(AUTO_CREATE, BOOLEAN, True, MEDIUM, "Whether a table that is missing is created.")
    .define(EVOLVE, BOOLEAN, True, MEDIUM, "Whether a column that is missing is added.")
    .define(COMMIT_INTERVAL_MS, LONG, 60_000, MEDIUM, "Rows are committed so often (ms).", validator=Range(1))
    .define(FLUSH_SIZE, INT, 50_000, MEDIUM, "They are committed when they are so many.", validator=Range(1))
    .define(MAX_RETRIES, INT, 10, MEDIUM, "How often a commit is tried again.", validator=Range(0))
    .define(RETRY_BACKOFF_MS, INT, 3000, LOW, "The pause before another try, in ms.", validator=Range(0))
)


class _Staged(NamedTuple):
    table: IcebergTable
    partition: TopicPartition
    rows: Any
    """Of Arrow; `None`: there are none."""
    first: int
    next_offset: int
    refused: list[tuple[SinkRecord, ConnectError]]


def _laid_out(
    schema: Schema, found: list[tuple[SinkRecord, Struct]]
) -> tuple[Any, list[tuple[SinkRecord, ConnectError]]]:
    """A table of Arrow, and what is no row of it."""
    try:
        return arrow_table(schema, [struct for _, struct in found]), []
    except DataError:
        good: list[Struct] = []
        refused: list[tuple[SinkRecord, ConnectError]] = []
        for record, struct in found:
            try:
                arrow_table(schema, [struct])
                good.append(struct)
            except DataError as error:
                refused.append((record, error))
        return arrow_table(schema, good) if good else None, refused


class IcebergSinkTask(SinkTask):
    def start(self, props: Mapping[str, str]) -> None:
        self._config = parse(CONFIG, props, IcebergSinkConnector.problems)
        self._connector = props.get("name", "")
        self._settings = {
            key[len(CATALOG_PREFIX) :]: text for key, text in props.items() if key.startswith(CATALOG_PREFIX)
        }
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
        batches: dict[tuple[str, TopicPartition, Schema], list[tuple[SinkRecord, Struct]]] = {}
        for record in records:
            partition = TopicPartition(record.original_topic, record.original_kafka_partition or 0)
            try:
                struct = struct_of(record.value, f"The value of {where(record)}")
                validate_value(struct.schema, struct, f"value of {where(record)}")
            except DataError as error:
                rejected.append((record, error))
                continue
            name = self._config[TABLE_NAME_FORMAT].replace("${topic}", record.topic)
            batches.setdefault((name, partition, struct.schema), []).append((record, struct))
        # All or nothing: should something fail here, all of them come again.
        staged = [self._stage(*key, found) for key, found in batches.items()]
        for each in staged:
            self._refused += each.refused
            if each.rows is not None:
                each.table.add(each.partition, each.rows, each.next_offset)
                self._waiting[each.partition] = min(self._waiting.get(each.partition, each.first), each.first)
        if (rejected or self._refused) and self.context.errant_record_reporter is None:
            raise (rejected or self._refused)[0][1]
        waiting = sum(table.rows for table in self._tables.values())
        if waiting >= self._config[FLUSH_SIZE] or time.monotonic() >= self._due:
            self._commit()
        for record, why in [*rejected, *self._refused]:
            reject(self.context, record, why)
        self._refused.clear()

    def _stage(
        self, name: str, partition: TopicPartition, schema: Schema, found: list[tuple[SinkRecord, Struct]]
    ) -> _Staged:
        """Those that are new, and rows or refused."""
        try:
            table = self._table(name)
            next_offset = table.next_offset(partition)
            new = [each for each in found if each[0].original_kafka_offset >= next_offset]
            if not new:
                return _Staged(table, partition, None, 0, 0, [])
            first, last = new[0][0].original_kafka_offset, new[-1][0].original_kafka_offset
            try:
                table.fit(schema, creates=self._config[AUTO_CREATE], evolves=self._config[EVOLVE])
            except MismatchError as error:
                refused = [(each, ConnectError(f"{where(each)} does not fit into {name}: {error}")) for each, _ in new]
                return _Staged(table, partition, None, first, last + 1, refused)
        except ConnectError:
            raise
        except Exception as error:
            self._again(name, error)
        rows, refused = _laid_out(schema, new)
        return _Staged(table, partition, rows, first, last + 1, refused)

    def _table(self, name: str) -> IcebergTable:
        found = self._tables.get(name)
        if found is None:
            if self._catalog is None:
                library = load("pyiceberg.catalog", "[iceberg]")
                self._catalog = library.load_catalog(self._config[CATALOG], **self._settings)
            found = self._tables[name] = IcebergTable(self._catalog, name, self._connector)
        return found

    def _commit(self) -> None:
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


class IcebergSinkConnector(SimpleSink):
    definition = CONFIG
    task = IcebergSinkTask

    @classmethod
    def problems(cls, config: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        if "." not in config[TABLE_NAME_FORMAT]:
            yield TABLE_NAME_FORMAT, "a table stands in a namespace: namespace.table"
