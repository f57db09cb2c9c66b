"""`ExtractField` and `HoistField`: one field stands for the whole, or the whole becomes one field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from ottla.connect.api.config_def import MEDIUM, NO_DEFAULT_VALUE, STRING, ConfigDef
from ottla.connect.api.errors import DataError
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct
from ottla.connect.transforms.field_path import FIELD_SYNTAX_VERSION, FieldPath, define_field_syntax
from ottla.connect.transforms.side import (
    REPLACE_NULL_WITH_DEFAULT,
    OneSided,
    Schemas,
    Side,
    define_replace_null,
    require_map,
    require_struct,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.api.record import ConnectRecord

RecordT = TypeVar("RecordT", bound="ConnectRecord")

FIELD: Final = "field"
_PURPOSE: Final = "field extraction"


class ExtractField(OneSided):
    def config(self) -> ConfigDef:
        definition = ConfigDef().define(FIELD, STRING, NO_DEFAULT_VALUE, MEDIUM, "The field that stands for the whole.")
        return define_field_syntax(define_replace_null(definition))

    def configure(self, props: Mapping[str, Any]) -> None:
        settings = self.config().parse(props)
        self._path = FieldPath(settings[FIELD], settings[FIELD_SYNTAX_VERSION])
        self._with_default: bool = settings[REPLACE_NULL_WITH_DEFAULT]

    def apply(self, record: RecordT) -> RecordT | None:
        schema, value = self.operating(record)
        if schema is None:
            found = None if value is None else self._path.value_in(require_map(value, _PURPOSE))
            return self.updated(record, None, found)
        struct = None if value is None else require_struct(value, _PURPOSE)
        field = self._path.field_of(schema)
        if field is None:
            raise DataError(f"Unknown field: {self._path.text}")
        found = None if struct is None else self._path.value_of(struct, self._with_default)
        return self.updated(record, field.schema, found)


class ExtractFieldKey(ExtractField):
    side = Side.KEY


class ExtractFieldValue(ExtractField):
    side = Side.VALUE


class HoistField(OneSided):
    def config(self) -> ConfigDef:
        return ConfigDef().define(FIELD, STRING, NO_DEFAULT_VALUE, MEDIUM, "The field that the whole becomes.")

    def configure(self, props: Mapping[str, Any]) -> None:
        field: str = self.config().parse(props)[FIELD]
        self._field = field
        self._schemas = Schemas(lambda schema: SchemaBuilder.struct().field(field, schema).build())

    def apply(self, record: RecordT) -> RecordT | None:
        schema, value = self.operating(record)
        if schema is None:
            return self.updated(record, None, {self._field: value})
        made = self._schemas.get(schema)
        return self.updated(record, made, Struct(made).put(self._field, value))


class HoistFieldKey(HoistField):
    side = Side.KEY


class HoistFieldValue(HoistField):
    side = Side.VALUE
