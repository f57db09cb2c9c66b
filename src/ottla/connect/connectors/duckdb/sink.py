"""`DuckDbSinkConnector`: records as rows of a DuckDB file, each exactly once.

Rows and how far they go stand in one transaction (table `ottla_connect_offsets`): what comes twice is passed over. One
process may write a file, so there is one task. Settings are those of the JDBC sink; rows go through Arrow. A field of a
map that is null makes no column where columns may be added later; text where not.
"""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.config_def import BOOLEAN, HIGH, INT, LIST, MEDIUM, NO_DEFAULT_VALUE, STRING, ConfigDef
from ottla.connect.api.connector import TopicPartition
from ottla.connect.api.errors import ConnectError, DataError, RetriableError
from ottla.connect.api.task import SinkTask
from ottla.connect.api.validators import CaseInsensitiveValidString, NonEmptyString, Range
from ottla.connect.connectors.arrow import arrow_table
from ottla.connect.connectors.jdbc.rows import Action, Batch, Row, RowMaker, Shape, alike, merged
from ottla.connect.connectors.jdbc.sink_config import (
    AUTO_CREATE,
    AUTO_EVOLVE,
    DELETE_ENABLED,
    FIELDS_WHITELIST,
    INSERT,
    INSERT_MODE,
    KAFKA,
    MAX_RETRIES,
    NONE,
    PK_FIELDS,
    PK_MODE,
    RECORD_KEY,
    RECORD_VALUE,
    RETRY_BACKOFF_MS,
    TABLE_NAME_FORMAT,
    UPDATE,
    UPSERT,
    key_problems,
)
from ottla.connect.connectors.library import load
from ottla.connect.connectors.rejects import reject
from ottla.connect.connectors.simple import SimpleSink, parse
from ottla.connect.data.schema import OPTIONAL_STRING_SCHEMA
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ottla.connect.api.record import SinkRecord
    from ottla.connect.connectors.jdbc.tables import TableName

_log = logging.getLogger("ottla.connect.duckdb")
PATH: Final = "duckdb.path"
OFFSETS: Final = "ottla_connect_offsets"
STAGED: Final = "ottla_staged"
_MAKE_OFFSETS: Final = (
    f"CREATE TABLE IF NOT EXISTS {OFFSETS} (connector VARCHAR, topic VARCHAR, kafka_partition INTEGER, "
    "next_offset BIGINT)"
)

CONFIG: Final = (
    ConfigDef()
    .define(PATH, STRING, NO_DEFAULT_VALUE, HIGH, "The file of the database.", validator=NonEmptyString())
    .define(
        TABLE_NAME_FORMAT,
        STRING,
        "${topic}",
        MEDIUM,
        "What the table is called; may have a schema before a point.",
        validator=NonEmptyString(),
    )
    .define(
        INSERT_MODE,
        STRING,
        INSERT,
        HIGH,
        "Whether a record is a new row, the one of its key, or changes the one of its key.",
        validator=CaseInsensitiveValidString(INSERT, UPSERT, UPDATE),
    )
    .define(
        PK_MODE,
        STRING,
        NONE,
        HIGH,
        "What the key of a row is: nothing, where the record stands in Kafka, its key, or fields of its value.",
        validator=CaseInsensitiveValidString(NONE, KAFKA, RECORD_KEY, RECORD_VALUE),
    )
    .define(PK_FIELDS, LIST, [], MEDIUM, "The columns of the key; by default all there are.")
    .define(DELETE_ENABLED, BOOLEAN, False, MEDIUM, "Whether a record without a value deletes the row of its key.")
    .define(FIELDS_WHITELIST, LIST, [], MEDIUM, "The fields of the value that are written; none: all.")
    .define(AUTO_CREATE, BOOLEAN, True, MEDIUM, "Whether a table that is missing is created.")
    .define(AUTO_EVOLVE, BOOLEAN, True, MEDIUM, "Whether a column that is missing is added.")
    .define(MAX_RETRIES, INT, 10, MEDIUM, "How often the file is tried to be opened again.", validator=Range(0))
    .define(RETRY_BACKOFF_MS, INT, 3000, MEDIUM, "The pause before another try, in ms.", validator=Range(0))
)


class DuckDbSinkTask(SinkTask):
    _connection: Any = None

    def start(self, props: Mapping[str, str]) -> None:
        self._config = parse(CONFIG, props, DuckDbSinkConnector.problems)
        self._connector = props.get("name", "")
        self._rows = RowMaker(self._config)
        self._duckdb = load("duckdb", "[sql]")
        self._next: dict[TopicPartition, int] = {}
        """The first offset of each partition that is not in the file."""
        self._left: int = self._config[MAX_RETRIES]

    def _open(self) -> Any:
        if self._connection is None:
            try:
                self._connection = self._duckdb.connect(self._config[PATH])
            except self._duckdb.Error as error:
                text = f"{self._config[PATH]} cannot be opened: {error}"
                if self._left <= 0:
                    raise ConnectError(text) from error
                self._left -= 1
                self.context.timeout(self._config[RETRY_BACKOFF_MS])
                raise RetriableError(text) from error
            self._left = self._config[MAX_RETRIES]
            self._connection.execute(_MAKE_OFFSETS)
            query = f"SELECT topic, kafka_partition, next_offset FROM {OFFSETS} WHERE connector = ?"
            for topic, partition, offset in self._connection.execute(query, [self._connector]).fetchall():
                self._next[TopicPartition(topic, partition)] = offset
        return self._connection

    def put(self, records: Sequence[SinkRecord]) -> None:
        if not records:
            return
        self._open()
        rows: list[Row] = []
        rejected: list[tuple[SinkRecord, ConnectError]] = []
        reached = dict(self._next)
        for record in records:
            where = TopicPartition(record.original_topic, record.original_kafka_partition or 0)
            if record.original_kafka_offset < reached.get(where, 0):
                continue
            reached[where] = record.original_kafka_offset + 1
            try:
                rows.append(self._rows.row(record))
            except DataError as error:
                rejected.append((record, error))
        if rejected and self.context.errant_record_reporter is None:
            raise rejected[0][1]
        try:
            self._in_transaction(lambda: self._write(rows, reached))
        except (DataError, self._duckdb.Error) as error:
            rejected += self._one_by_one(rows, reached, error)
        self._next = reached
        for record, why in rejected:
            reject(self.context, record, why)

    def _in_transaction(self, work: Any) -> None:
        connection = self._open()
        connection.execute("BEGIN")
        try:
            work()
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise

    def _one_by_one(
        self, rows: Sequence[Row], reached: Mapping[TopicPartition, int], error: Exception
    ) -> list[tuple[SinkRecord, ConnectError]]:
        """What is refused, where that is to be reported; the rest is written."""
        if self.context.errant_record_reporter is None:
            raise ConnectError(f"rows are refused: {error}") from error
        good: list[Row] = []
        refused: list[tuple[SinkRecord, ConnectError]] = []
        for row in rows:
            try:
                # What a row does depends on those before it, so they are tried together.
                self._in_transaction(lambda row=row: self._try([*good, row]))
            except _Undone:
                good.append(row)
            except (DataError, self._duckdb.Error) as why:
                refused.append((row.record, ConnectError(f"{row.shape.table} refuses a row: {why}")))
        self._in_transaction(lambda: self._write(good, reached))
        return refused

    def _try(self, rows: Sequence[Row]) -> None:
        self._write(rows, {})
        raise _Undone

    def _write(self, rows: Sequence[Row], reached: Mapping[TopicPartition, int]) -> None:
        for each in _of_one_schema(alike(rows)):
            self._write_alike(each)
        connection = self._open()
        for where, offset in reached.items():
            if self._next.get(where) != offset:
                place = [self._connector, where.topic, where.partition]
                connection.execute(
                    f"DELETE FROM {OFFSETS} WHERE connector = ? AND topic = ? AND kafka_partition = ?", place
                )
                connection.execute(f"INSERT INTO {OFFSETS} VALUES (?, ?, ?, ?)", [*place, offset])

    def _write_alike(self, batch: Batch) -> None:
        connection, shape = self._open(), batch.shape
        table = _quoted(shape.table)
        known = self._columns(connection, shape.table)
        names = [name for name, schema in shape.schemas.items() if schema is not None or self._keeps(name, known)]
        if not names:
            raise shape.without_columns()
        connection.register(STAGED, _staged(batch, names))
        try:
            if not self._make_ready(connection, shape, table, names, known):
                return
            is_row = " AND ".join(f"{table}.{_name(key)} = s.{_name(key)}" for key in shape.key)
            rest = [name for name in names if name not in shape.key]
            if shape.action is Action.UPDATE:
                changes = ", ".join(f"{_name(name)} = s.{_name(name)}" for name in rest)
                if changes:
                    connection.execute(f"UPDATE {table} SET {changes} FROM {STAGED} s WHERE {is_row}")
                return
            if shape.action is not Action.INSERT:
                connection.execute(f"DELETE FROM {table} USING {STAGED} s WHERE {is_row}")
            if shape.action is not Action.DELETE:
                connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM {STAGED}")
        finally:
            with contextlib.suppress(self._duckdb.Error):  # a transaction that failed takes it along
                connection.unregister(STAGED)

    def _keeps(self, name: str, known: set[str] | None) -> bool:
        """Whether there is a column for what is only null so far, or has to be."""
        return not self._config[AUTO_EVOLVE] or (known is not None and name.lower() in known)

    def _make_ready(
        self, connection: Any, shape: Shape, table: str, names: Sequence[str], known: set[str] | None
    ) -> bool:
        """Whether there is a table with every column. `ConnectError` where there should be and is not."""
        if known is None:
            if shape.action is Action.DELETE:
                return False
            if not self._config[AUTO_CREATE]:
                raise ConnectError(f"There is no table {shape.table}; create it, or set {AUTO_CREATE}=true")
            if shape.table.schema:
                connection.execute(f"CREATE SCHEMA IF NOT EXISTS {_name(shape.table.schema)}")
            connection.execute(f"CREATE TABLE {table} AS SELECT * FROM {STAGED} LIMIT 0")
            return True
        missing = [name for name in names if name.lower() not in known]
        if missing and not self._config[AUTO_EVOLVE]:
            text = f"The table {shape.table} has no columns {', '.join(missing)}; add them, or set {AUTO_EVOLVE}=true"
            raise ConnectError(text)
        if missing:
            kinds = {row[0]: row[1] for row in connection.execute(f"DESCRIBE SELECT * FROM {STAGED}").fetchall()}
            for name in missing:
                connection.execute(f"ALTER TABLE {table} ADD COLUMN {_name(name)} {kinds[name]}")
        return True

    def _columns(self, connection: Any, table: TableName) -> set[str] | None:
        query = (
            "SELECT lower(column_name) FROM duckdb_columns() WHERE database_name = current_database() AND "
            "lower(schema_name) = lower(coalesce(?, current_schema())) AND lower(table_name) = lower(?)"
        )
        found = connection.execute(query, [table.schema, table.name]).fetchall()
        return {name for (name,) in found} or None

    def pre_commit(self, offsets: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, int]:
        return offsets  # what was put is in the file

    def stop(self) -> None:
        if self._connection is not None:
            self._connection.close()


class _Undone(Exception):  # noqa: N818
    """It could be done, and is not to be yet."""


def _of_one_schema(batches: Iterable[Batch]) -> Iterator[Batch]:
    """In the order of the rows; what is only null goes with any type."""
    for batch in batches:
        rows: list[Row] = []
        shape = batch.shape
        for row in batch.rows:
            if not rows:
                shape = row.shape
            elif row.shape is not rows[-1].shape:
                if _differ(shape, row.shape):
                    yield Batch(shape, rows)
                    shape, rows = row.shape, []
                else:
                    shape = merged([shape, row.shape])
            rows.append(row)
        yield Batch(shape, rows)


def _differ(one: Shape, other: Shape) -> bool:
    pairs = zip(one.schemas.values(), other.schemas.values(), strict=True)
    return any(first != second for first, second in pairs if first is not None and second is not None)


def _staged(batch: Batch, names: Sequence[str]) -> Any:
    """A table of Arrow; text for what nobody knows."""
    builder = SchemaBuilder.struct()
    for name in names:
        builder.field(name, batch.shape.schemas[name] or OPTIONAL_STRING_SCHEMA)
    schema = builder.build()
    places = [[*batch.shape.schemas].index(name) for name in names]
    structs = [Struct.of_values(schema, [row.values[place] for place in places]) for row in batch.rows]
    return arrow_table(schema, structs)


def _name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _quoted(table: TableName) -> str:
    return f"{_name(table.schema)}.{_name(table.name)}" if table.schema else _name(table.name)


class DuckDbSinkConnector(SimpleSink):
    definition = CONFIG
    task = DuckDbSinkTask

    def task_configs(self, _max_tasks: int) -> list[dict[str, str]]:
        return [dict(self._props)]

    @classmethod
    def problems(cls, config: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        return key_problems(config)
