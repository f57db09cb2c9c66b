"""`ValueToKey`: fields of the value become the key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from ottla.connect.api.config_def import HIGH, LIST, NO_DEFAULT_VALUE, ConfigDef
from ottla.connect.api.errors import DataError
from ottla.connect.api.transformation import Transformation
from ottla.connect.api.validators import ValidList
from ottla.connect.data.java_hash import ordered, table_size
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct
from ottla.connect.transforms.side import (
    REPLACE_NULL_WITH_DEFAULT,
    Schemas,
    define_replace_null,
    require_map,
    require_struct,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.api.record import ConnectRecord
    from ottla.connect.data.schema import Schema

RecordT = TypeVar("RecordT", bound="ConnectRecord")

FIELDS: Final = "fields"
_PURPOSE: Final = "copying fields from value to key"


class ValueToKey(Transformation):
    def config(self) -> ConfigDef:
        definition = ConfigDef().define(
            FIELDS,
            LIST,
            NO_DEFAULT_VALUE,
            HIGH,
            "Fields of the value that become the key.",
            validator=ValidList(empty_allowed=False),
        )
        return define_replace_null(definition)

    def configure(self, props: Mapping[str, Any]) -> None:
        settings = self.config().parse(props)
        self._fields: list[str] = settings[FIELDS]
        self._with_default: bool = settings[REPLACE_NULL_WITH_DEFAULT]
        self._schemas = Schemas(self._key_schema)

    def apply(self, record: RecordT) -> RecordT | None:
        if record.value_schema is None:
            value = require_map(record.value, _PURPOSE)
            fields = {name: value.get(name) for name in self._fields}
            return record.with_key(None, ordered(fields, table_size(len(self._fields))))
        struct = require_struct(record.value, _PURPOSE)
        schema = self._schemas.get(struct.schema)
        key = Struct(schema)
        for name in self._fields:
            key.put(name, struct.get(name) if self._with_default else struct.get_without_default(name))
        return record.with_key(schema, key)

    def _key_schema(self, schema: Schema) -> Schema:
        builder = SchemaBuilder.struct()
        for name in self._fields:
            field = schema.field(name)
            if field is None:
                raise DataError(f"Field does not exist: {name}")
            builder.field(name, field.schema)
        return builder.build()
