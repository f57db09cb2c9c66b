"""`DropHeaders`, `InsertHeader` and `HeaderFrom`: headers go, come, or take fields of the key or the value. KIP-145"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from ottla.connect.api.config_def import HIGH, LIST, NO_DEFAULT_VALUE, STRING, ConfigDef
from ottla.connect.api.errors import ConfigError, DataError
from ottla.connect.api.header import Header, Headers
from ottla.connect.api.transformation import Transformation
from ottla.connect.api.validators import NonNullValidator, ValidList, ValidString
from ottla.connect.data.java_hash import capacity_of_copy, ordered
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct
from ottla.connect.data.value_parser import parse_string
from ottla.connect.transforms.side import (
    REPLACE_NULL_WITH_DEFAULT,
    NonEmptyList,
    OneSided,
    Schemas,
    Side,
    copy_basics,
    define_replace_null,
    field_value,
    require_map,
    require_struct,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.api.record import ConnectRecord
    from ottla.connect.data.schema import Schema

RecordT = TypeVar("RecordT", bound="ConnectRecord")

HEADERS: Final = "headers"
HEADER: Final = "header"
VALUE_LITERAL: Final = "value.literal"
FIELDS: Final = "fields"
OPERATION: Final = "operation"
MOVE: Final = "move"
COPY: Final = "copy"


class DropHeaders(Transformation):
    def config(self) -> ConfigDef:
        return ConfigDef().define(
            HEADERS,
            LIST,
            NO_DEFAULT_VALUE,
            HIGH,
            "The names of headers that go.",
            validator=ValidList(empty_allowed=False),
        )

    def configure(self, props: Mapping[str, Any]) -> None:
        self._names = frozenset(self.config().parse(props)[HEADERS])

    def apply(self, record: RecordT) -> RecordT | None:
        return record.with_headers(Headers(header for header in record.headers if header.key not in self._names))


class InsertHeader(Transformation):
    def config(self) -> ConfigDef:
        definition = ConfigDef()
        definition.define(HEADER, STRING, NO_DEFAULT_VALUE, HIGH, "The header's name.", validator=NonNullValidator())
        return definition.define(
            VALUE_LITERAL,
            STRING,
            NO_DEFAULT_VALUE,
            HIGH,
            "The header's value: a number, true, a date, a list… or text.",
            validator=NonNullValidator(),
        )

    def configure(self, props: Mapping[str, Any]) -> None:
        settings = self.config().parse(props)
        schema, value = parse_string(settings[VALUE_LITERAL])
        self._header = Header(settings[HEADER], value, schema)

    def apply(self, record: RecordT) -> RecordT | None:
        return record.with_headers(record.headers.duplicate().add_header(self._header))


class HeaderFrom(OneSided):
    def config(self) -> ConfigDef:
        definition = ConfigDef()
        definition.define(FIELDS, LIST, NO_DEFAULT_VALUE, HIGH, "Fields that become headers.", validator=NonEmptyList())
        definition.define(
            HEADERS, LIST, NO_DEFAULT_VALUE, HIGH, "The headers' names, one a field.", validator=NonEmptyList()
        )
        definition.define(
            OPERATION,
            STRING,
            NO_DEFAULT_VALUE,
            HIGH,
            "Whether the fields go (move) or stay (copy).",
            validator=ValidString(MOVE, COPY),
        )
        return define_replace_null(definition)

    def configure(self, props: Mapping[str, Any]) -> None:
        settings = self.config().parse(props)
        self._fields: list[str] = settings[FIELDS]
        self._headers: list[str] = settings[HEADERS]
        if len(self._fields) != len(self._headers):
            raise ConfigError(f"'{FIELDS}' config must have the same number of elements as '{HEADERS}' config.")
        self._moves = settings[OPERATION] == MOVE
        self._purpose = f"header {settings[OPERATION]}"
        self._with_default: bool = settings[REPLACE_NULL_WITH_DEFAULT]
        self._schemas = Schemas(self._without_fields)

    def apply(self, record: RecordT) -> RecordT | None:
        schema, value = self.operating(record)
        headers = record.headers.duplicate()
        if schema is None:
            rest: object = self._from_map(require_map(value, self._purpose), headers)
        else:
            schema, rest = self._from_struct(schema, require_struct(value, self._purpose), headers)
        return self.updated(record, schema, rest).with_headers(headers)

    def _from_map(self, value: dict[Any, Any], headers: Headers) -> dict[Any, Any]:
        rest = ordered(value, capacity_of_copy(len(value)))
        for field, header in zip(self._fields, self._headers, strict=True):
            if self._moves:
                rest.pop(field, None)
            headers.add(header, value.get(field))
        return rest

    def _from_struct(self, schema: Schema, value: Struct, headers: Headers) -> tuple[Schema, Struct]:
        made, rest = schema, value
        if self._moves:
            made = self._schemas.get(schema)
            rest = Struct(made)
            for field in made.fields:
                rest.put(field, value.get(field.name) if self._with_default else value.get_without_default(field.name))
        for name, header in zip(self._fields, self._headers, strict=True):
            found = schema.field(name)
            if found is None:
                raise DataError(f"There is no field {name} for the header {header}")
            headers.add(header, field_value(value, found, self._with_default), found.schema)
        return made, rest

    def _without_fields(self, schema: Schema) -> Schema:
        builder = copy_basics(schema, SchemaBuilder.struct())
        for field in schema.fields:
            if field.name not in self._fields:
                builder.field(field.name, field.schema)
        return builder.build()


class HeaderFromKey(HeaderFrom):
    side = Side.KEY


class HeaderFromValue(HeaderFrom):
    side = Side.VALUE
