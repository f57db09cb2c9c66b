"""Records as rows of a table: columns of the value, of the key, and of where the record stood.

`RowMaker.row` says what a record is; rows of one `Layout` go together into a table of Arrow (`laid_out`).
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ottla.connect.api.errors import ConnectError, DataError
from ottla.connect.connectors.arrow import arrow_table, pyarrow
from ottla.connect.connectors.iceberg.config import ID_COLUMNS, RECORD_COLUMNS, UPSERT
from ottla.connect.connectors.record_place import where
from ottla.connect.connectors.shapes import optional, plain, schema_of, struct_of
from ottla.connect.data.schema import STRING_SCHEMA, Schema
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct, validate_value
from ottla.connect.data.type import Type

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ottla.connect.api.record import SinkRecord

PARTITION: Final = "kafka_partition"
OFFSET: Final = "kafka_offset"
TIMESTAMP: Final = "kafka_timestamp"
KEY: Final = "kafka_key"
VALUE: Final = "kafka_value"
TOMBSTONE: Final = "kafka_tombstone"
HEADERS: Final = "kafka_headers"
# Iceberg has `_partition` and `_deleted` for itself, and Hive takes no name that begins so.
OWN: Final = (PARTITION, OFFSET, TIMESTAMP, KEY, TOMBSTONE, HEADERS, VALUE)


class Layout(NamedTuple):
    """What rows that go together have alike."""

    value: Schema | None
    """A struct's; or that of `kafka_value`; `None`: the record has no value."""
    key: Schema | None
    """A struct's: the columns of the record's key, which come first."""
    id_columns: tuple[str, ...]
    """What tells rows apart; none where all are kept."""
    deletes: bool
    has_place: bool


class Row(NamedTuple):
    layout: Layout
    record: SinkRecord
    value: Any
    """As the layout says."""
    key: Struct | None
    order: int
    """Of two rows with one key the one with more comes later."""


class RowMaker:
    """`row(record)`; a record that is none is a `DataError`."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._upserts: bool = config[UPSERT]
        self._id_columns: tuple[str, ...] = tuple(config[ID_COLUMNS])
        self._has_place: bool = config[RECORD_COLUMNS]
        self._order = 0

    def row(self, record: SinkRecord) -> Row:
        self._order += 1
        value, schema = self._value(record)
        deletes = self._upserts and record.value is None
        key = self._key(record, value) if self._upserts or self._has_place else None
        ids = (self._id_columns or _names(key)) if self._upserts else ()
        key_schema = key.schema if key is not None else None
        return Row(Layout(schema, key_schema, ids, deletes, self._has_place), record, value, key, self._order)

    def _value(self, record: SinkRecord) -> tuple[Any, Schema | None]:
        value = record.value
        if value is None and (self._upserts or self._has_place):
            return None, None
        if self._has_place and not isinstance(value, Struct | dict):
            schema = record.value_schema or schema_of(value)
            validate_value(schema, value, f"value of {where(record)}")
            return value, schema
        struct = struct_of(_told(value), f"The value of {where(record)}")
        validate_value(struct.schema, struct, f"value of {where(record)}")
        return struct, struct.schema

    def _key(self, record: SinkRecord, value: Any) -> Struct | None:
        """The columns that come of the record's key; with the place of a record that is `kafka_key`."""
        if self._has_place:
            key, schema = _own_key(record)
            if not self._upserts:
                return _struct({KEY: (optional(schema), key)})
            if self._id_columns == (KEY,) and key is not None:
                return _struct({KEY: (schema, key)})
        columns = _fields(record.key, record.key_schema, self._id_columns)
        found: dict[str, tuple[Schema, Any]] = {}
        for name in self._id_columns or columns:
            if name in columns:
                found[name] = columns[name]
            elif isinstance(value, Struct) and (field := value.schema.field(name)) is not None:
                found[name] = field.schema, value.get(field)
            if found.get(name, (None, None))[1] is None:
                raise DataError(
                    f"{where(record)} has no {name}, neither in its key nor in its value: it tells rows apart"
                )
        if not found:
            raise DataError(f"{where(record)} has no key; rows that take each other's place need one")
        return _struct(found)


def _told(value: Any) -> Any:
    """Of maps what says something: of a null, and of a map without fields, nobody knows the type."""
    if isinstance(value, dict):
        told = {name: _told(each) for name, each in value.items()}
        return {name: each for name, each in told.items() if each is not None and each != {}}
    return [_told(each) for each in value] if isinstance(value, list) else value


def _names(struct: Struct | None) -> tuple[str, ...]:
    return () if struct is None else tuple(field.name for field in struct.schema.fields)


def _struct(columns: Mapping[str, tuple[Schema, Any]]) -> Struct:
    struct = Struct(_schema(tuple((name, schema) for name, (schema, _) in columns.items())))
    struct.values = [value for _, value in columns.values()]
    return struct


@lru_cache(maxsize=256)
def _schema(fields: tuple[tuple[str, Schema], ...]) -> Schema:
    """Of a struct; nearly always one that was asked for just before."""
    builder = SchemaBuilder.struct()
    for name, schema in fields:
        builder.field(name, schema)
    return builder.build()


def _own_key(record: SinkRecord) -> tuple[Any, Schema]:
    """Structs, maps and lists as JSON."""
    key = record.key
    if key is None:
        return None, STRING_SCHEMA
    if isinstance(key, Struct | dict | list):
        text = json.dumps(plain(key), ensure_ascii=False, separators=(",", ":"), default=str)
        return text, STRING_SCHEMA
    return key, record.key_schema or schema_of(key)


def _fields(key: Any, schema: Schema | None, names: tuple[str, ...]) -> dict[str, tuple[Schema, Any]]:
    """What the record's key has, by column; one value is that of the one column."""
    if isinstance(key, Struct | dict):
        struct = struct_of(key, "The key")
        return {field.name: (field.schema, struct.get(field)) for field in struct.schema.fields}
    if key is None or len(names) != 1:
        return {}
    return {names[0]: (schema or schema_of(key), key)}


def laid_out(layout: Layout, rows: Sequence[Row]) -> tuple[Any, list[Row], list[tuple[SinkRecord, ConnectError]]]:
    """A table of Arrow, the rows that are in it, and what is no row of it."""
    try:
        return _arrow_rows(layout, rows), list(rows), []
    except DataError:
        good: list[Row] = []
        refused: list[tuple[SinkRecord, ConnectError]] = []
        for row in rows:
            try:
                _arrow_rows(layout, [row])
                good.append(row)
            except DataError as error:
                refused.append((row.record, error))
        return _arrow_rows(layout, good), good, refused


def _arrow_rows(layout: Layout, rows: Sequence[Row]) -> Any:
    arrow = pyarrow()
    columns: dict[str, Any] = {}
    if layout.has_place and not layout.deletes:
        _add_place(columns, layout, [row.record for row in rows])
    if layout.key is not None:
        _add(columns, arrow_table(layout.key, [row.key for row in rows if row.key is not None]))
    if layout.deletes:
        return arrow.table({name: columns[name] for name in layout.id_columns})
    if layout.value is not None and layout.value.type is Type.STRUCT:
        _add(columns, arrow_table(layout.value, [row.value for row in rows]))
    elif layout.value is not None:
        structs = [_struct({VALUE: (layout.value, row.value)}) for row in rows]
        _add(columns, arrow_table(_schema(((VALUE, layout.value),)), structs))
    return arrow.table({name: columns[name] for name in sorted(columns, key=_rank)} if layout.has_place else columns)


def _rank(name: str) -> int:
    return OWN.index(name) if name in OWN else len(OWN)


def _add(columns: dict[str, Any], table: Any) -> None:
    """What comes first stays: where a record stood and its key, before a field of its value with that name."""
    for name in table.column_names:
        columns.setdefault(name, table.column(name))


def _add_place(columns: dict[str, Any], layout: Layout, records: Sequence[SinkRecord]) -> None:
    arrow = pyarrow()
    header = arrow.list_(arrow.struct([("name", arrow.string()), ("value", arrow.binary())]))
    columns[PARTITION] = arrow.array([each.original_kafka_partition for each in records], arrow.int32())
    columns[OFFSET] = arrow.array([each.original_kafka_offset for each in records], arrow.int64())
    columns[TIMESTAMP] = arrow.array([each.timestamp for each in records], arrow.timestamp("ms", "UTC"))
    if not layout.id_columns:
        columns[TOMBSTONE] = arrow.array([layout.value is None] * len(records), arrow.bool_())
    columns[HEADERS] = arrow.array([_headers(each) for each in records], header)


def _headers(record: SinkRecord) -> list[dict[str, Any]]:
    return [{"name": each.key, "value": _header_bytes(each.value)} for each in record.headers]


def _header_bytes(value: Any) -> bytes | None:
    if value is None or isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    return json.dumps(plain(value), ensure_ascii=False, default=str).encode()
