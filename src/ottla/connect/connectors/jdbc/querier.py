"""Reads one table, or one query, from where it was left: what is new, in order, and how far each record is.

    mode                     where                                        order
    bulk                     -                                            as it comes; again and again
    incrementing             id > last                                    id
    timestamp                last < ts < now - delay                      ts
    timestamp+incrementing   (ts = last and id > last id or ts > last)
                             and ts < now - delay                         ts, id

But for bulk, rows are taken in windows of `WINDOW_ROWS` at most: no cursor stays open, and no lock is held, while they
are written. A record of mode timestamp counts for its timestamp only when it is the last that has it: else one that is
read later could be passed over. Partition and offset are Confluent's (`protocol` 1).
"""

from __future__ import annotations

import datetime
import re
import time
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import ConnectError, DataError
from ottla.connect.api.record import SourceRecord
from ottla.connect.connectors.jdbc.columns import (
    ColumnSettings,
    Field,
    converter_of,
    field_of,
    in_utc,
    schema_of_value,
)
from ottla.connect.connectors.jdbc.database import sqlalchemy
from ottla.connect.connectors.jdbc.source_config import (
    BOTH,
    BULK,
    DELAY_MS,
    GRANULARITY,
    INCREMENTING,
    INCREMENTING_COLUMN,
    MODE,
    NUMERIC_MAPPING,
    POLL_MS,
    QUERY,
    QUERY_SUFFIX,
    TIMESTAMP,
    TIMESTAMP_COLUMN,
    TIMESTAMP_INITIAL,
    TOPIC_PREFIX,
    VALIDATE_NON_NULL,
)
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ottla.connect.connectors.jdbc.database import Database
    from ottla.connect.connectors.jdbc.tables import TableName
    from ottla.connect.data.schema import Schema

WINDOW_ROWS: Final = 5000
FETCHED_ROWS: Final = 500
_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MS: Final = datetime.timedelta(milliseconds=1)
_TIMESTAMP_LABEL: Final = "ottla_timestamp"
_PARAMETER: Final = re.compile(r"(?<![:\w\\]):(?=\w)")
"""What SQLAlchemy would take for a parameter of a text."""
_SQLITE_FORMAT: Final = "%Y-%m-%d %H:%M:%f"


class Querier:
    """`records(connection, n)` are the next n; `is_done` until it is due again: then there are no more now."""

    def __init__(
        self, config: Mapping[str, Any], database: Database, table: TableName | None, offset: Mapping[str, Any] | None
    ) -> None:
        self._config = config
        self._database = database
        self._table = table
        self._query = _PARAMETER.sub(r"\\:", config[QUERY])
        self._mode: str = config[MODE]
        self._is_timed = self._mode in (TIMESTAMP, BOTH)
        self.topic: str = config[TOPIC_PREFIX] + (table.name if table is not None else "")
        self.partition = partition_of(table)
        self._settings = ColumnSettings(
            database.dialect, database.zone, config[NUMERIC_MAPPING].lower(), config[GRANULARITY].lower()
        )
        self._is_sqlite = database.dialect == "sqlite"
        stored = offset or {}
        self._last_id: int | None = stored.get("incrementing")
        self._last_at = _stored_time(stored)
        self._source: Any = None
        self._window: Sequence[Sequence[Any]] | None = None
        """Rows that were read; those before `_at` are records."""
        self._at = 0
        self._window_is_last = True
        self._cursor: Any = None
        """What the next rows come from without another query."""
        self.due = 0.0

    @property
    def shown(self) -> str:
        return f"table {self._table}" if self._table is not None else "the query"

    # What it reads

    def _prepare(self, connection: Any) -> None:
        library = sqlalchemy()
        self._id_name = self._config[INCREMENTING_COLUMN]
        self._time_names: list[str] = self._config[TIMESTAMP_COLUMN]
        if self._table is not None:
            self._prepare_table(library, connection)
        else:
            self._source = library.text(f"({self._query}) ottla_query")
            self._fields: list[Field] | None = None
            self._kinds: dict[str, Schema] = {}
            self._by_name: dict[str, Any] = {}
        if self._last_at is None and self._mode in (TIMESTAMP, BOTH):
            initial = self._config[TIMESTAMP_INITIAL]
            self._last_at = self._now(connection) if initial == -1 else _EPOCH + (initial or 0) * _MS
        self._is_aware = self._is_aware_of(connection)

    def _prepare_table(self, library: Any, connection: Any) -> None:
        assert self._table is not None
        columns = library.inspect(connection).get_columns(self._table.name, schema=self._table.schema)
        if not columns:
            raise ConnectError(f"{self.shown} has no columns")
        self._columns = {column["name"]: column for column in columns}
        selected = [library.column(name, self._read_as(column["type"])) for name, column in self._columns.items()]
        self._source = library.table(self._table.name, *selected, schema=self._table.schema)
        self._by_name = {column.name: column for column in self._source.c}
        if self._mode in (INCREMENTING, BOTH) and not self._id_name:
            self._id_name = self._only_key(library, connection)
        for name in self._named_columns():
            if name not in self._columns:
                raise ConnectError(f"{self.shown} has no column {name}; it has {', '.join(self._columns)}")
        self._check_not_null()
        fields = [
            field_of(name, column["type"], self._is_nullable(name), self._settings)
            for name, column in self._columns.items()
        ]
        self._use(fields, self._table.name)

    def _read_as(self, type_: Any) -> Any:
        """SQLite keeps numbers as they came, and SQLAlchemy would round them to their column's scale."""
        types = sqlalchemy().types
        is_exact = isinstance(type_, types.Numeric) and not isinstance(type_, types.Float)
        return types.NullType() if self._is_sqlite and is_exact else type_

    def _is_nullable(self, name: str) -> bool:
        return bool(self._columns[name]["nullable"])

    def _named_columns(self) -> list[str]:
        ids = [self._id_name] if self._mode in (INCREMENTING, BOTH) else []
        return ids + (self._time_names if self._is_timed else [])

    def _only_key(self, library: Any, connection: Any) -> str:
        assert self._table is not None
        key = library.inspect(connection).get_pk_constraint(self._table.name, schema=self._table.schema)
        names: list[str] = (key or {}).get("constrained_columns") or []
        if len(names) != 1:
            text = f"{self.shown} has no primary key of one column; set {INCREMENTING_COLUMN}"
            raise ConnectError(text)
        self._columns[names[0]]["nullable"] = False
        return names[0]

    def _check_not_null(self) -> None:
        if not self._config[VALIDATE_NON_NULL] or self._mode == BULK:
            return
        if self._mode in (INCREMENTING, BOTH) and self._is_nullable(self._id_name):
            self._refuse_null(self._id_name)
        if self._is_timed and all(self._is_nullable(name) for name in self._time_names):
            self._refuse_null(self._time_names[0])

    def _refuse_null(self, name: str) -> None:
        raise ConnectError(
            f"The column {name} of {self.shown} may be null: such rows would never be read; make it NOT NULL, or set "
            f"{VALIDATE_NON_NULL}=false"
        )

    def _is_aware_of(self, connection: Any) -> bool:
        """Whether timestamps of the database have a time zone."""
        if self._is_sqlite or not self._is_timed:
            return False
        if self._table is not None:
            return bool(getattr(self._columns[self._time_names[0]]["type"], "timezone", False))
        library = sqlalchemy()
        first = connection.execute(library.select(self._time()).select_from(self._source).limit(1)).scalar()
        return isinstance(first, datetime.datetime) and first.tzinfo is not None

    # Statements

    def _column(self, name: str) -> Any:
        found = self._by_name.get(name)
        return found if found is not None else sqlalchemy().column(name)

    def _time(self) -> Any:
        library = sqlalchemy()
        columns = [self._column(name) for name in self._time_names]
        if self._is_sqlite:
            columns = [library.func.strftime(_SQLITE_FORMAT, each, type_=library.types.String()) for each in columns]
        return columns[0] if len(columns) == 1 else library.func.coalesce(*columns)

    def _bound(self, at: datetime.datetime) -> Any:
        if self._is_sqlite:
            return at.astimezone(self._settings.zone).strftime("%Y-%m-%d %H:%M:%S.") + f"{at.microsecond // 1000:03}"
        return at if self._is_aware else at.astimezone(self._settings.zone).replace(tzinfo=None)

    def _select(self, connection: Any) -> Any:
        library = sqlalchemy()
        columns = list(self._source.c) if self._table is not None else [library.text("*")]
        if self._is_timed:
            # First, as a query's own columns have no known number and may have any names.
            columns = [self._time().label(_TIMESTAMP_LABEL), *columns]
            if self._table is None:
                columns[1] = library.text("ottla_query.*")
        statement = library.select(*columns).select_from(self._source)
        if self._mode == BULK:
            return statement
        order = []
        number: Any = self._column(self._id_name) if self._mode in (INCREMENTING, BOTH) else None
        if self._mode == INCREMENTING:
            if self._last_id is not None:
                statement = statement.where(number > self._last_id)
        else:
            at, start = self._time(), self._last_at
            assert start is not None
            end = self._now(connection) - self._config[DELAY_MS] * _MS
            later = at > self._bound(start)
            if number is not None and self._last_id is not None:
                later = library.or_(library.and_(at == self._bound(start), number > self._last_id), later)
            statement = statement.where(later, at < self._bound(end))
            order.append(at)
        if number is not None:
            order.append(number)
        return statement.order_by(*order)

    def _now(self, connection: Any) -> datetime.datetime:
        library = sqlalchemy()
        value = connection.execute(library.select(library.func.current_timestamp())).scalar()
        zone = datetime.UTC if self._is_sqlite else None
        if zone is not None and isinstance(value, datetime.datetime):
            value = value.replace(tzinfo=zone)
        return in_utc(value, self._settings.zone)

    # Rows

    def records(self, connection: Any, count: int) -> list[SourceRecord]:
        """At most `count`; fewer: there are no more now, and `due` says when it is to be asked again."""
        if self._source is None:
            self._prepare(connection)
        found: list[SourceRecord] = []
        while len(found) < count:
            if self._window is None:
                self._open(connection)
            assert self._window is not None
            end = min(self._at + count - len(found), len(self._window))
            if self._at < end:
                found += self._records(self._window, self._at, end)
                self._at = end
            elif self._cursor is not None:
                self._fetch()
            else:
                self._window = None
                if self._window_is_last:
                    self.due = time.monotonic() + self._config[POLL_MS] / 1000
                    break
        return found

    def _open(self, connection: Any) -> None:
        library = sqlalchemy()
        if self._mode == BULK and self._table is None:
            statement = library.text(f"{self._query} {self._config[QUERY_SUFFIX]}".strip())
        else:
            statement = self._select(connection)
            suffix = self._config[QUERY_SUFFIX]
            if suffix:
                statement = statement.suffix_with(library.text(suffix))
        if self._mode == BULK:
            result = connection.execution_options(stream_results=True).execute(statement)
            self._learn(result.keys())
            self._cursor, self._window_is_last = result, True
            self._fetch()
            return
        self._window, self._at = self._read_window(connection, statement), 0

    def _fetch(self) -> None:
        self._window, self._at = self._cursor.fetchmany(FETCHED_ROWS), 0
        if not self._window:
            self._cursor = None

    def _read_window(self, connection: Any, statement: Any) -> list[Sequence[Any]]:
        size = WINDOW_ROWS
        while True:
            result = connection.execute(statement.limit(size))
            self._learn(result.keys())
            rows: list[Sequence[Any]] = result.all()
            self._window_is_last = len(rows) < size
            connection.rollback()  # nothing was changed; it ends what was begun
            if self._window_is_last or self._mode != TIMESTAMP:
                return rows
            last = rows[-1][0]
            whole = [row for row in rows if row[0] != last]
            if whole:
                return whole
            size *= 2  # so many at one time

    def forget(self) -> None:
        """The connection is gone: what was read of it and is no record yet is read again."""
        self._window = self._cursor = None

    # Records

    def _learn(self, names: Any) -> None:
        """The names of a query's columns."""
        if self._table is None:
            self._names = [str(name) for name in names][1 if self._is_timed else 0 :]

    def _records(self, window: Sequence[Sequence[Any]], start: int, end: int) -> list[SourceRecord]:
        if self._table is not None or len(self._kinds) == len(self._names):
            return self._records_alike(window, start, end)
        # A column whose type is not known yet: each row may change the schema.
        return [each for at in range(start, end) for each in self._records_alike(window, at, at + 1)]

    def _records_alike(self, window: Sequence[Sequence[Any]], start: int, end: int) -> list[SourceRecord]:
        columns: list[Sequence[Any]] = list(zip(*window[start:end], strict=True))
        if self._is_timed:
            del columns[0]
        if self._table is None:
            self._fit_query([column[0] for column in columns])
        assert self._fields is not None
        try:
            converted = [field.values(column) for field, column in zip(self._fields, columns, strict=True)]
        except DataError as error:
            raise ConnectError(f"A row of {self.shown} is no record: {error} ({self._culprit(columns)})") from error
        offsets = self._offsets(window, columns, start, end)
        now_ms = int(time.time() * 1000)
        topic, partition, schema, struct = self.topic, self.partition, self._schema, Struct.of_values
        return [
            SourceRecord(partition, offset, topic, None, None, None, schema, struct(schema, [*values]), now_ms)
            for offset, values in zip(offsets, zip(*converted, strict=True), strict=True)
        ]

    def _culprit(self, columns: Sequence[Sequence[Any]]) -> str:
        assert self._fields is not None
        for values in zip(*columns, strict=True):
            try:
                for field, value in zip(self._fields, values, strict=True):
                    field.value(value)
            except DataError:
                return _short(values)
        return ""

    def _offsets(
        self, window: Sequence[Sequence[Any]], columns: Sequence[Sequence[Any]], start: int, end: int
    ) -> Sequence[dict[str, Any] | None]:
        if self._mode == BULK:
            return [None] * (end - start)
        offsets: list[dict[str, Any]]
        if self._mode == TIMESTAMP:
            offsets = [{} for _ in range(start, end)]
        else:
            offsets = [{"incrementing": number} for number in self._numbers(columns)]
            self._last_id = offsets[-1]["incrementing"]
        if self._is_timed:
            for at, offset in enumerate(offsets, start):
                time_ = window[at][0]
                when = in_utc(time_, self._settings.zone)
                if self._mode == BOTH or at + 1 == len(window) or window[at + 1][0] != time_:
                    self._last_at = when
                assert self._last_at is not None
                micros = (self._last_at - _EPOCH) // (_MS / 1000)
                offset["timestamp"] = micros // 1000
                offset["timestamp_nanos"] = micros % 1_000_000 * 1000
        return offsets

    def _numbers(self, columns: Sequence[Sequence[Any]]) -> Sequence[int]:
        assert self._fields is not None
        place = next((index for index, each in enumerate(self._fields) if each.name == self._id_name), None)
        column: Sequence[Any] = () if place is None else columns[place]
        if column and set(map(type, column)) == {int}:
            return column
        for number in column or (None,):
            if number is None or number != int(number):
                raise ConnectError(f"The column {self._id_name} of {self.shown} is no integer: {number!r}")
        return [int(number) for number in column]

    def _fit_query(self, values: Sequence[Any]) -> None:
        """A column's type is that of its first value; until there is one, it is text."""
        changed = self._fields is None
        for name, value in zip(self._names, values, strict=True):
            if value is not None and name not in self._kinds:
                self._kinds[name] = schema_of_value(value).optional().build()
                changed = True
        if not changed:
            return
        text = SchemaBuilder.string().optional().build()
        fields = []
        for name in self._names:
            schema = self._kinds.get(name, text)
            fields.append(Field(name, schema, converter_of(schema, self._settings.zone)))
        self._use(fields, None)

    def _use(self, fields: list[Field], name: str | None) -> None:
        builder = SchemaBuilder.struct()
        if name is not None:
            builder.name(name)
        for field in fields:
            builder.field(field.name, field.schema)
        self._fields = fields
        self._schema = builder.build()


def partition_of(table: TableName | None) -> dict[str, Any]:
    return {"query": "query"} if table is None else {"protocol": "1", "table": str(table)}


def _stored_time(stored: Mapping[str, Any]) -> datetime.datetime | None:
    ms: int | None = stored.get("timestamp")
    if ms is None:
        return None
    micros: int = stored.get("timestamp_nanos", 0) // 1000 % 1000
    return _EPOCH + ms * _MS + micros * (_MS / 1000)


def _short(values: Sequence[Any]) -> str:
    text = repr(tuple(values))
    return text if len(text) <= 200 else text[:200] + "…"
