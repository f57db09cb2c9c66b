"""A table as it is captured: the schemas of its keys, rows and envelopes, and what makes these of rows of the database.

One object is one version of the table; another version is another object. Names are Debezium's:
`prefix.schema.table.Key`, `….Value`, `….Envelope`, in the topic `prefix.schema.table` (`topic.naming.strategy`).
"""

from __future__ import annotations

import logging
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ottla.connect.api.errors import DataError
from ottla.connect.connectors.cdc.column_rules import SourceType
from ottla.connect.connectors.cdc.envelope import envelope_schema
from ottla.connect.connectors.cdc.field_type import UNAVAILABLE, ConversionError, FieldType
from ottla.connect.connectors.cdc.names import field_namer, schema_namer
from ottla.connect.data import logical
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct
from ottla.connect.data.type import Type

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ottla.connect.connectors.cdc.column_rules import ColumnRules
    from ottla.connect.connectors.cdc.message_key import MessageKeys
    from ottla.connect.connectors.cdc.topics import TopicNames
    from ottla.connect.data.schema import Schema

_log = logging.getLogger("ottla.connect.cdc")
FAILURE_MODES: Final = ("fail", "warn", "skip")


class Column(NamedTuple):
    name: str
    type: FieldType
    type_name: str
    """For messages."""
    optional: bool
    default: object = None
    """What stands in the schema as such: a value, converted."""
    doc: str | None = None
    source: SourceType | None = None
    """What the database calls it."""


class TableStyle(NamedTuple):
    """What the configuration says of all tables."""

    topics: TopicNames
    source: Schema
    rules: ColumnRules
    keys: MessageKeys
    schema_names: str = "none"
    field_names: str = "none"
    on_failure: str = "fail"
    fills_required: bool = False
    """Null in a required column (what a database made of a date that is none) becomes a neutral value."""


class _Plan(NamedTuple):
    """Which cells of a row stand in a struct, in the order of its schema."""

    schema: Schema
    cells: tuple[tuple[int, Callable[[Any], object]], ...]
    columns: tuple[Column, ...]
    masks: tuple[tuple[int, str], ...] = ()
    """(place in the struct, what stands there whatever the row says)."""
    changes: tuple[tuple[int, Callable[[Any], object]], ...] = ()
    """(place in the struct, what is made of the neutral value that stands there)."""


class CapturedTable:
    def __init__(
        self,
        name: tuple[str, str],
        columns: Sequence[Column],
        key: Sequence[int],
        style: TableStyle,
        included: Callable[[str], bool] = lambda _column: True,
    ) -> None:
        """`name` is (schema, table), or (database, table); `key` are the places of the columns that identify a row.

        `included` says of a column whether it is captured; those of the key are in any case part of the key.
        """
        self.path = (name[0], name[1])
        self.name = ".".join(name)
        self.topic = style.topics.table(self.path)
        self.columns = tuple(columns)
        own_key = style.keys.places(self.name, [column.name for column in columns], key)
        self.key_places = tuple(key) or own_key
        """Of the columns that identify a row: its primary key, if it has one."""
        self.has_whole_key = bool(self.key_places) and not any(columns[place].optional for place in self.key_places)
        """Rows can be read in the order of the key: there is one, and it is never null."""
        self.key_is_told = set(own_key) <= set(key)
        """Where the database tells only the primary key of a row, that of the record is known, too."""
        self._on_failure = style.on_failure
        self._fills_required = style.fills_required
        adjust, field = schema_namer(style.schema_names), field_namer(style.field_names)
        full = self.topic
        captured = [place for place, column in enumerate(columns) if included(column.name)]
        self._value = self._plan(adjust(full + ".Value"), captured, field, style.rules)
        self._key = self._plan(adjust(full + ".Key"), own_key, field, None) if own_key else None
        self.value_schema = self._value.schema
        self.key_schema = self._key.schema if self._key is not None else None
        self.envelope_schema = envelope_schema(adjust(full + ".Envelope"), self.value_schema, style.source)

    def _plan(self, name: str, places: Sequence[int], field: Callable[[str], str], rules: ColumnRules | None) -> _Plan:
        """Of a row, under `rules`; of a key, without any."""
        builder = SchemaBuilder.struct().name(name)
        columns: list[Column] = []
        masks: list[tuple[int, str]] = []
        changes: list[tuple[int, Callable[[Any], object]]] = []
        for place in places:
            column = self.columns[place]
            if rules is not None:
                source = column.source or SourceType(column.type_name)
                ruled = rules.column(self.name, column.name, column.type, source, column.doc)
                if ruled.mask is not None:
                    masks.append((len(columns), ruled.mask))
                if ruled.change is not None:
                    changes.append((len(columns), ruled.change))
                column = column._replace(type=ruled.type)
            columns.append(column)
            builder.field(field(column.name), _field_schema(column))
        schema = builder.optional().build() if rules is not None else builder.build()
        cells = tuple(
            (place, _of_schema(column.type.convert, field.schema))
            for place, column, field in zip(places, columns, schema.fields, strict=True)
        )
        return _Plan(schema, cells, tuple(columns), tuple(masks), tuple(changes))

    def value(self, row: Sequence[Any]) -> Struct:
        """The row as it is. Raises `ConversionError`, unless failures are to be left out."""
        return self._struct(self._value, row)

    def key(self, row: Sequence[Any]) -> Struct | None:
        """`None`: the table has no key."""
        return self._struct(self._key, row) if self._key is not None else None

    def key_value(self, row: Sequence[Any]) -> Struct:
        """A row of which only the key is known; what is required has a neutral value, the rest is null."""
        made = self._struct(self._value, row)
        _fill(made, self._value)
        return made

    def raw_key(self, row: Sequence[Any]) -> tuple[Any, ...]:
        """The key as the database tells it."""
        return tuple(row[place] for place in self.key_places)

    def _struct(self, plan: _Plan, row: Sequence[Any]) -> Struct:
        made = self._converted(plan, row)
        for place, mask in plan.masks:
            made.values[place] = mask
        if self._fills_required and None in made.values:
            _fill(made, plan)
        return made

    def _converted(self, plan: _Plan, row: Sequence[Any]) -> Struct:
        made = Struct(plan.schema)
        if UNAVAILABLE in row:
            made.values = self._carefully(plan, row)
            return made
        try:
            made.values = [None if (cell := row[place]) is None else convert(cell) for place, convert in plan.cells]
        except (ValueError, ArithmeticError, DataError):
            made.values = self._carefully(plan, row)
        return made

    def _carefully(self, plan: _Plan, row: Sequence[Any]) -> list[object]:
        values: list[object] = []
        for (place, convert), column in zip(plan.cells, plan.columns, strict=True):
            cell = row[place]
            try:
                values.append(
                    None if cell is None else self._unavailable(column) if cell is UNAVAILABLE else convert(cell)
                )
            except (ValueError, ArithmeticError, DataError) as error:
                self._failed(column, error)
                values.append(None)
        return values

    def _unavailable(self, column: Column) -> object:
        if column.type.unavailable is None:
            raise ConversionError(
                "the value did not change and was not sent (TOAST), and this type has no placeholder; "
                f"ALTER TABLE {self.name} REPLICA IDENTITY FULL makes the database send it"
            )
        return column.type.unavailable

    def _failed(self, column: Column, error: Exception) -> None:
        """Raises, unless null is to stand for it."""
        text = f"a value of the column {self.name}.{column.name} ({column.type_name}) cannot be converted: {error}"
        if self._on_failure == "fail" or not column.optional:
            raise ConversionError(
                f"{text}. With event.converting.failure.handling.mode=warn it is null where the column may be null"
            ) from error
        if self._on_failure == "warn":
            _log.warning("%s; it is null in the record", text)


def _of_schema(convert: Callable[[Any], object], schema: Schema) -> Callable[[Any], object]:
    """A struct has the very schema of its field, which may be optional."""
    if schema.type is Type.STRUCT:

        def of_struct(value: Any) -> object:
            made = convert(value)
            return Struct(schema, **dict(_named(made))) if isinstance(made, Struct) else made

        return of_struct
    if schema.type is Type.ARRAY and schema.value_schema is not None and schema.value_schema.type is Type.STRUCT:
        element = schema.value_schema

        def of_structs(value: Any) -> object:
            made = convert(value)
            if not isinstance(made, list):
                return made
            return [Struct(element, **dict(_named(each))) if isinstance(each, Struct) else each for each in made]

        return of_structs
    return convert


def _named(made: Struct) -> list[tuple[str, object]]:
    return [(field.name, value) for field, value in zip(made.schema.fields, made.values, strict=True)]


def _fill(made: Struct, plan: _Plan) -> None:
    for place, column in enumerate(plan.columns):
        if made.values[place] is None and not column.optional:
            value = neutral(made.schema.fields[place].schema)
            change = next((each for where, each in plan.changes if where == place), None)
            made.values[place] = value if change is None else change(value)


def _field_schema(column: Column) -> Schema:
    builder = column.type.builder()
    if column.optional:
        builder.optional()
    if column.default is not None:
        builder.default(column.default)
    return builder.doc(column.doc).build() if column.doc else builder.build()


_NEUTRAL: Final[dict[Type, object]] = {
    Type.INT8: 0,
    Type.INT16: 0,
    Type.INT32: 0,
    Type.INT64: 0,
    Type.FLOAT32: 0.0,
    Type.FLOAT64: 0.0,
    Type.BOOLEAN: False,
    Type.STRING: "",
    Type.BYTES: b"",
}


def neutral(schema: Schema) -> object:
    """What stands in a required field whose value nobody knows: zero, or nothing."""
    if schema.default_value is not None:
        return schema.default_value
    match schema.name:
        case logical.DECIMAL:
            return Decimal((0, (0,), -logical.scale_of(schema)))
        case logical.DATE:
            return logical.instant(0).date()
        case logical.TIME:
            return logical.instant(0).time()
        case logical.TIMESTAMP:
            return logical.instant(0)
    if schema.type is Type.STRUCT:
        made = Struct(schema)
        made.values = [None if field.schema.optional else neutral(field.schema) for field in schema.fields]
        return made
    if schema.type is Type.ARRAY:
        return []
    return {} if schema.type is Type.MAP else _NEUTRAL[schema.type]
