"""A record as what is to be done with a row: columns and values, which of them are the key, or a deletion."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from ottla.connect.api.errors import DataError
from ottla.connect.connectors.jdbc.sink_config import (
    DELETE_ENABLED,
    FIELDS_WHITELIST,
    INSERT_MODE,
    KAFKA,
    KAFKA_FIELDS,
    NONE,
    PK_FIELDS,
    PK_MODE,
    RECORD_KEY,
    TABLE_NAME_FORMAT,
)
from ottla.connect.connectors.jdbc.tables import TableName
from ottla.connect.connectors.record_place import place_of, where
from ottla.connect.connectors.shapes import struct_of
from ottla.connect.data.schema import INT32_SCHEMA, INT64_SCHEMA, STRING_SCHEMA, Schema
from ottla.connect.data.struct import Struct
from ottla.connect.data.values import infer_schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ottla.connect.api.record import SinkRecord


class Action(Enum):
    INSERT = "insert"
    UPSERT = "upsert"
    UPDATE = "update"
    DELETE = "delete"


class Row(NamedTuple):
    table: TableName
    action: Action
    values: dict[str, Any]
    """By column, the key's first."""
    schemas: dict[str, Schema]
    key: tuple[str, ...]
    record: SinkRecord


class RowMaker:
    """`row(record)`; a record that is none is a `DataError`."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._action = Action(config[INSERT_MODE].lower())
        self._deletes: bool = config[DELETE_ENABLED]
        self._format: str = config[TABLE_NAME_FORMAT]
        self._key_mode: str = config[PK_MODE].lower()
        self._key_fields: list[str] = config[PK_FIELDS]
        self._wanted = set(config[FIELDS_WHITELIST])
        self._tables: dict[str, TableName] = {}

    def row(self, record: SinkRecord) -> Row:
        table = self._table(record.topic)
        values: dict[str, Any] = {}
        schemas: dict[str, Schema] = {}
        if record.value is None:
            if not self._deletes:
                raise DataError(
                    f"{where(record)} has no value; a row needs one (or set {DELETE_ENABLED}=true to delete it)"
                )
            self._add_key(record, {}, {}, values, schemas)
            return Row(table, Action.DELETE, values, schemas, tuple(values), record)
        fields, kinds = _fields_of(record.value_schema, record.value, f"The value of {where(record)}")
        self._add_key(record, fields, kinds, values, schemas)
        key = tuple(values)
        for name, value in fields.items():
            if name not in values and (not self._wanted or name in self._wanted):
                values[name] = value
                schemas[name] = kinds[name]
        if not values:
            raise DataError(f"{where(record)} has no fields to write")
        return Row(table, self._action, values, schemas, key, record)

    def _table(self, topic: str) -> TableName:
        found = self._tables.get(topic)
        if found is None:
            found = self._tables[topic] = TableName.parse(self._format.replace("${topic}", topic))
        return found

    def _add_key(
        self,
        record: SinkRecord,
        fields: Mapping[str, Any],
        kinds: Mapping[str, Schema],
        values: dict[str, Any],
        schemas: dict[str, Schema],
    ) -> None:
        if self._key_mode == NONE:
            return
        if self._key_mode == KAFKA:
            names = self._key_fields or KAFKA_FIELDS
            values |= zip(names, place_of(record), strict=True)
            schemas |= zip(names, (STRING_SCHEMA, INT32_SCHEMA, INT64_SCHEMA), strict=True)
            return
        if self._key_mode == RECORD_KEY:
            fields, kinds = self._key_of(record)
            part = "key"
        else:
            part = "value"
        for name in self._key_fields or fields:
            if fields.get(name) is None:
                why = "is null" if name in fields else "is not there"
                raise DataError(f"The field {name} of the {part} of {where(record)} {why}; it is the primary key's")
            values[name] = fields[name]
            schemas[name] = kinds[name]

    def _key_of(self, record: SinkRecord) -> tuple[Mapping[str, Any], Mapping[str, Schema]]:
        if record.key is None:
            raise DataError(f"{where(record)} has no key; with {PK_MODE}={RECORD_KEY} it needs one")
        if isinstance(record.key, Struct | dict):
            return _fields_of(record.key_schema, record.key, f"The key of {where(record)}")
        if len(self._key_fields) != 1:
            raise DataError(f"The key of {where(record)} is one value; {PK_FIELDS} must name one column for it")
        schema = record.key_schema or infer_schema(record.key)
        if schema is None:
            raise DataError(f"The key of {where(record)} is of no known type")
        name = self._key_fields[0]
        return {name: record.key}, {name: schema}


def _fields_of(schema: Schema | None, value: Any, what: str) -> tuple[dict[str, Any], dict[str, Schema]]:
    if isinstance(value, Struct) or (schema is None and isinstance(value, dict)):
        struct = struct_of(value, what)
        fields = struct.schema.fields
        return {each.name: struct.get(each) for each in fields}, {each.name: each.schema for each in fields}
    kind = schema.type.name if schema is not None else type(value).__name__
    raise DataError(f"{what} is no struct but a {kind}: it has no columns")


def alike(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Rows of one table, action and set of columns that may go at once, in an order that changes nothing."""
    open_: dict[Any, list[Row]] = {}
    for row in rows:
        found = open_.get(row.table)
        if found is not None and (found[0].action is not row.action or found[0].values.keys() != row.values.keys()):
            yield _last_of_each_key(found)
            found = None
        if found is None:
            open_[row.table] = [row]
        else:
            found.append(row)
    for found in open_.values():
        yield _last_of_each_key(found)


def _last_of_each_key(rows: list[Row]) -> list[Row]:
    if rows[0].action in (Action.INSERT, Action.UPDATE) or not rows[0].key:
        return rows
    last = {tuple(row.values[name] for name in row.key): row for row in rows}
    return list(last.values())
