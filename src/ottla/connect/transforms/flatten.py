"""`Flatten`: fields within fields become fields beside each other, their names joined by a delimiter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from ottla.connect.api.config_def import MEDIUM, STRING, ConfigDef
from ottla.connect.api.errors import DataError
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct
from ottla.connect.data.type import Type
from ottla.connect.data.values import type_of
from ottla.connect.transforms.side import OneSided, Schemas, Side, copy_basics, require_map, require_struct

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.api.record import ConnectRecord
    from ottla.connect.data.schema import Schema

RecordT = TypeVar("RecordT", bound="ConnectRecord")

DELIMITER: Final = "delimiter"
_PURPOSE: Final = "flattening"


class Flatten(OneSided):
    def config(self) -> ConfigDef:
        return ConfigDef().define(DELIMITER, STRING, ".", MEDIUM, "What stands between the names of fields.")

    def configure(self, props: Mapping[str, Any]) -> None:
        self._delimiter: str = self.config().parse(props)[DELIMITER]
        self._schemas = Schemas(self._flat_schema)

    def apply(self, record: RecordT) -> RecordT | None:
        schema, value = self.operating(record)
        if value is None:
            return record
        if schema is None:
            flat: dict[Any, Any] = {}
            self._flatten_map(require_map(value, _PURPOSE), "", flat)
            return self.updated(record, None, flat)
        struct = require_struct(value, _PURPOSE)
        made = self._schemas.get(schema)
        changed = Struct(made)
        self._flatten_struct(struct, "", changed)
        return self.updated(record, made, changed)

    def _flatten_map(self, value: dict[Any, Any], prefix: str, flat: dict[Any, Any]) -> None:
        for key, each in value.items():
            if not isinstance(key, str):
                raise DataError(f"Only a map with text for keys can be flattened, not with {key!r}")
            name = self._joined(prefix, key)
            kind = type_of(each)
            if kind is Type.MAP:
                self._flatten_map(each, name, flat)
            elif each is not None and kind in (None, Type.STRUCT):
                raise DataError(f"The field {name} of type {type(each).__name__} cannot be flattened without a schema")
            else:
                flat[name] = each

    def _flatten_struct(self, struct: Struct, prefix: str, changed: Struct) -> None:
        for field in struct.schema.fields:
            name = self._joined(prefix, field.name)
            if field.schema.type is not Type.STRUCT:
                changed.put(name, struct.get(field))
            elif isinstance(inner := struct.values[field.index], Struct):
                self._flatten_struct(inner, name, changed)

    def _flat_schema(self, schema: Schema) -> Schema:
        builder = copy_basics(schema, SchemaBuilder.struct())
        self._add_fields(schema, "", builder, schema.optional, schema.default_value)
        return builder.build()

    def _add_fields(self, schema: Schema, prefix: str, builder: SchemaBuilder, optional: bool, parent: object) -> None:
        """`parent` is the default of the struct, which holds defaults of its fields."""
        for field in schema.fields:
            name = self._joined(prefix, field.name)
            may_miss = optional or field.schema.optional
            default = field.schema.default_value
            if default is None and isinstance(parent, Struct):
                default = parent.get(field)
            if field.schema.type is Type.STRUCT:
                self._add_fields(field.schema, name, builder, may_miss, default)
            elif field.schema.type is Type.MAP:
                raise DataError(f"The field {name} of type MAP cannot be flattened where there is a schema")
            else:
                builder.field(name, _leaf(field.schema, may_miss, default))

    def _joined(self, prefix: str, name: str) -> str:
        return prefix + self._delimiter + name if prefix else name


class FlattenKey(Flatten):
    side = Side.KEY


class FlattenValue(Flatten):
    side = Side.VALUE


def _leaf(schema: Schema, optional: bool, default: object) -> Schema:
    builder = SchemaBuilder.like(schema)
    if optional:
        builder.optional()
    if default is not None:
        builder.default(default)
    return builder.build()
