"""A record as what is to be done with a row: columns and values, which of them are the key, or a deletion."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

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
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ottla.connect.api.record import SinkRecord

PLANS_MAX: Final = 1000
"""How many kinds of records are kept in mind."""

Schemas: TypeAlias = "Mapping[str, Schema | None]"


class Action(Enum):
    INSERT = "insert"
    UPSERT = "upsert"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """What the rows of one kind of record have alike; one object for all of them."""

    table: TableName
    action: Action
    schemas: Schemas
    """By column, the key's first. `None`: there was only null so far, and nobody says of what."""
    key: tuple[str, ...]

    def goes_with(self, other: Shape) -> bool:
        return self.action is other.action and self.key == other.key and [*self.schemas] == [*other.schemas]

    def without_columns(self) -> DataError:
        return DataError(
            f"All fields of a record for {self.table} are null, and nobody says of what: there is no column"
        )


class Row(NamedTuple):
    shape: Shape
    values: Sequence[Any]
    """In the order of the shape's columns."""
    record: SinkRecord


class Batch(NamedTuple):
    """Rows that may go at once. A column's schema is that of its first row that has one."""

    shape: Shape
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True, eq=False)
class _Kind:
    """Fields by name, as columns are made of them; one object for all records that have them."""

    schemas: tuple[tuple[str, Schema | None], ...]
    has_defaults: bool = False


class _Fields(NamedTuple):
    """A struct, or where a record stood, or the one value of a key without fields."""

    kind: _Kind
    values: Sequence[Any]


class _Plan(NamedTuple):
    """How a row comes of a record: which of the key's fields, then which of the value's."""

    shape: Shape
    key: tuple[int, ...]
    rest: tuple[int, ...]
    is_whole: bool
    """The value's fields are the columns, one for one."""


class RowMaker:
    """`row(record)`; a record that is none is a `DataError`."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._action = Action(config[INSERT_MODE].lower())
        self._deletes: bool = config[DELETE_ENABLED]
        self._format: str = config[TABLE_NAME_FORMAT]
        self._key_mode: str = config[PK_MODE].lower()
        self._key_fields: list[str] = config[PK_FIELDS]
        self._wanted = set(config[FIELDS_WHITELIST])
        self._plans: dict[tuple[str, _Kind, _Kind, bool], _Plan] = {}
        self._kinds: dict[Any, _Kind] = {}

    def row(self, record: SinkRecord) -> Row:
        value = record.value
        if value is None:
            if not self._deletes:
                raise DataError(
                    f"{where(record)} has no value; a row needs one (or set {DELETE_ENABLED}=true to delete it)"
                )
            fields = _NOTHING
        else:
            fields = self._fields_of(record.value_schema, value, record, "value")
        key = self._key_of(record, fields)
        identity = record.topic, fields.kind, key.kind, value is None
        plan = self._plans.get(identity)
        if plan is None:
            plan = self._plan(record, fields, key)
            if len(self._plans) >= PLANS_MAX:
                self._plans.clear()
            self._plans[identity] = plan
        values, found = fields.values, key.values
        for index in plan.key:
            if found[index] is None:
                self._refuse_null(record, plan, key)
        if not plan.is_whole:
            values = [*[found[index] for index in plan.key], *[values[index] for index in plan.rest]]
        return Row(plan.shape, values, record)

    def _fields_of(self, schema: Schema | None, value: Any, record: SinkRecord, part: str) -> _Fields:
        if isinstance(value, Struct):
            kind = self._kinds.get(value.schema)
            if kind is None:
                names = tuple((field.name, field.schema) for field in value.schema.fields)
                has_defaults = any(field.schema.default_value is not None for field in value.schema.fields)
                kind = self._keep(value.schema, _Kind(names, has_defaults))
            return _Fields(kind, [each for _, each in value] if kind.has_defaults else value.values)
        if schema is None and isinstance(value, dict):
            struct = struct_of(value, f"The {part} of {where(record)}")
            return _Fields(
                self._kind(tuple((field.name, field.schema if each is not None else None) for field, each in struct)),
                struct.values,
            )
        type_name = schema.type.name if schema is not None else type(value).__name__
        raise DataError(f"The {part} of {where(record)} is no struct but a {type_name}: it has no columns")

    def _kind(self, schemas: tuple[tuple[str, Schema | None], ...]) -> _Kind:
        kind = self._kinds.get(schemas)
        if kind is None:
            kind = self._keep(schemas, _Kind(schemas))
        return kind

    def _keep(self, identity: Schema | tuple[tuple[str, Schema | None], ...], kind: _Kind) -> _Kind:
        if len(self._kinds) >= PLANS_MAX:
            self._kinds.clear()
            self._plans.clear()
        self._kinds[identity] = kind
        return kind

    def _key_of(self, record: SinkRecord, fields: _Fields) -> _Fields:
        """What the key's columns are made of."""
        if self._key_mode == NONE:
            return _NOTHING
        if self._key_mode == KAFKA:
            names = self._key_fields or KAFKA_FIELDS
            return _Fields(self._kind(tuple(zip(names, _PLACE_SCHEMAS, strict=True))), place_of(record))
        if self._key_mode != RECORD_KEY:
            return fields
        if record.key is None:
            raise DataError(f"{where(record)} has no key; with {PK_MODE}={RECORD_KEY} it needs one")
        if isinstance(record.key, Struct | dict):
            return self._fields_of(record.key_schema, record.key, record, "key")
        if len(self._key_fields) != 1:
            raise DataError(f"The key of {where(record)} is one value; {PK_FIELDS} must name one column for it")
        schema = record.key_schema or infer_schema(record.key)
        if schema is None:
            raise DataError(f"The key of {where(record)} is of no known type")
        return _Fields(self._kind(((self._key_fields[0], schema),)), (record.key,))

    def _plan(self, record: SinkRecord, fields: _Fields, key: _Fields) -> _Plan:
        places = {name: index for index, (name, _) in enumerate(key.kind.schemas)}
        names = (self._key_fields or [*places]) if self._key_mode != NONE else []
        for name in names:
            if name not in places:
                self._refuse(record, name, "is not there")
        schemas = {name: key.kind.schemas[places[name]][1] for name in names}
        rest = []
        for index, (name, schema) in enumerate(fields.kind.schemas):
            if name not in schemas and (not self._wanted or name in self._wanted):
                schemas[name] = schema
                rest.append(index)
        if not schemas:
            raise DataError(f"{where(record)} has no fields to write")
        action = self._action if record.value is not None else Action.DELETE
        if action is Action.DELETE:
            schemas, rest = {name: schemas[name] for name in names}, []
        shape = Shape(TableName.parse(self._format.replace("${topic}", record.topic)), action, schemas, tuple(names))
        order = tuple(places[name] for name in names)
        is_whole = (key is fields or not order) and [*order, *rest] == [*range(len(fields.kind.schemas))]
        return _Plan(shape, order, tuple(rest), is_whole)

    def _refuse_null(self, record: SinkRecord, plan: _Plan, key: _Fields) -> None:
        for name, index in zip(plan.shape.key, plan.key, strict=True):
            if key.values[index] is None and self._key_mode != KAFKA:
                self._refuse(record, name, "is null")

    def _refuse(self, record: SinkRecord, name: str, why: str) -> None:
        part = "key" if self._key_mode == RECORD_KEY else "value"
        raise DataError(f"The field {name} of the {part} of {where(record)} {why}; it is the primary key's")


_NOTHING: Final = _Fields(_Kind(()), ())
_PLACE_SCHEMAS: Final = (STRING_SCHEMA, INT32_SCHEMA, INT64_SCHEMA)


def alike(rows: Iterable[Row]) -> Iterator[Batch]:
    """Rows of one table, action and set of columns that may go at once, in an order that changes nothing."""
    open_: dict[TableName, list[Row]] = {}
    last: Shape | None = None
    found: list[Row] = []
    for row in rows:
        shape = row.shape
        if shape is not last:
            last = shape
            found = open_.setdefault(shape.table, [])
            if found and not shape.goes_with(found[0].shape):
                yield _batch(found)
                found = open_[shape.table] = []
        found.append(row)
    for found in open_.values():
        yield _batch(found)


def _batch(rows: list[Row]) -> Batch:
    shape = merged([row.shape for row in rows])
    if shape.action in (Action.INSERT, Action.UPDATE) or not shape.key:
        return Batch(shape, rows)
    width = len(shape.key)
    last = {tuple(row.values[:width]): row for row in rows}
    return Batch(shape, list(last.values()))


def merged(shapes: Iterable[Shape]) -> Shape:
    """One for all, whose columns are the same: of each the first schema that is known."""
    first, *others = dict.fromkeys(shapes)
    if not others:
        return first
    schemas = dict(first.schemas)
    for shape in others:
        for name, schema in shape.schemas.items():
            if schemas[name] is None:
                schemas[name] = schema
    return Shape(first.table, first.action, schemas, first.key)
