"""`SetSchemaMetadata`: the schema of a struct gets another name or version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from ottla.connect.api.config_def import HIGH, INT, STRING, ConfigDef
from ottla.connect.api.errors import ConfigError, DataError
from ottla.connect.data.schema import Schema
from ottla.connect.data.struct import Struct
from ottla.connect.transforms.side import (
    REPLACE_NULL_WITH_DEFAULT,
    OneSided,
    Schemas,
    Side,
    define_replace_null,
    field_value,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.api.record import ConnectRecord

RecordT = TypeVar("RecordT", bound="ConnectRecord")

SCHEMA_NAME: Final = "schema.name"
SCHEMA_VERSION: Final = "schema.version"


class SetSchemaMetadata(OneSided):
    def config(self) -> ConfigDef:
        definition = ConfigDef()
        definition.define(SCHEMA_NAME, STRING, None, HIGH, "The schema's name.")
        definition.define(SCHEMA_VERSION, INT, None, HIGH, "The schema's version.")
        return define_replace_null(definition)

    def configure(self, props: Mapping[str, Any]) -> None:
        settings = self.config().parse(props)
        self._name: str | None = settings[SCHEMA_NAME]
        self._version: int | None = settings[SCHEMA_VERSION]
        self._with_default: bool = settings[REPLACE_NULL_WITH_DEFAULT]
        if self._name is None and self._version is None:
            raise ConfigError("Neither schema name nor version configured")
        self._schemas = Schemas(self._named)

    def apply(self, record: RecordT) -> RecordT | None:
        schema, value = self.operating(record)
        if value is None and schema is None:
            return record
        if schema is None:
            raise DataError("Without a schema there is none whose name or version could be set")
        made = self._schemas.get(schema)
        if not isinstance(value, Struct):
            return self.updated(record, made, value)
        changed = Struct(made)
        for field in made.fields:
            changed.put(field, field_value(value, field, self._with_default))
        return self.updated(record, made, changed)

    def _named(self, schema: Schema) -> Schema:
        """Raises `DataError` for what is no struct, as Java does."""
        return Schema(
            schema.type,
            optional=schema.optional,
            default_value=schema.default_value,
            name=self._name if self._name is not None else schema.name,
            version=self._version if self._version is not None else schema.version,
            doc=schema.doc,
            parameters=schema.parameters,
            fields=schema.fields,
        )


class SetSchemaMetadataKey(SetSchemaMetadata):
    side = Side.KEY


class SetSchemaMetadataValue(SetSchemaMetadata):
    side = Side.VALUE
