"""`InsertField`: topic, partition, offset, timestamp, or a fixed text, as fields; `name?` may be null, `name!` not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from ottla.connect.api.config_def import MEDIUM, STRING, ConfigDef
from ottla.connect.api.errors import ConfigError, DataError
from ottla.connect.api.record import SinkRecord
from ottla.connect.data.logical import OPTIONAL_TIMESTAMP_SCHEMA, TIMESTAMP_SCHEMA, instant
from ottla.connect.data.schema import (
    INT32_SCHEMA,
    INT64_SCHEMA,
    OPTIONAL_INT32_SCHEMA,
    OPTIONAL_INT64_SCHEMA,
    OPTIONAL_STRING_SCHEMA,
    STRING_SCHEMA,
)
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct
from ottla.connect.data.type import Int32
from ottla.connect.transforms.side import (
    REPLACE_NULL_WITH_DEFAULT,
    OneSided,
    Schemas,
    Side,
    copy_basics,
    define_replace_null,
    field_value,
    require_map,
    require_struct,
    with_entries,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.api.record import ConnectRecord
    from ottla.connect.data.schema import Schema

RecordT = TypeVar("RecordT", bound="ConnectRecord")

TOPIC: Final = "topic.field"
PARTITION: Final = "partition.field"
OFFSET: Final = "offset.field"
TIMESTAMP: Final = "timestamp.field"
STATIC: Final = "static.field"
STATIC_VALUE: Final = "static.value"
_PURPOSE: Final = "field insertion"
_SCHEMAS: Final = {
    TOPIC: (STRING_SCHEMA, OPTIONAL_STRING_SCHEMA),
    PARTITION: (INT32_SCHEMA, OPTIONAL_INT32_SCHEMA),
    OFFSET: (INT64_SCHEMA, OPTIONAL_INT64_SCHEMA),
    TIMESTAMP: (TIMESTAMP_SCHEMA, OPTIONAL_TIMESTAMP_SCHEMA),
    STATIC: (STRING_SCHEMA, OPTIONAL_STRING_SCHEMA),
}
"""Required and optional, in the order in which the fields come."""
_WHAT: Final = {TOPIC: "the topic", PARTITION: "the partition", OFFSET: "the offset (of a sink's record)"}


class _Inserted(NamedTuple):
    name: str
    schema: Schema


class InsertField(OneSided):
    def config(self) -> ConfigDef:
        definition = ConfigDef()
        for key in _SCHEMAS:
            what = _WHAT.get(key, key.removesuffix(".field"))
            definition.define(
                key, STRING, None, MEDIUM, f"The field for {what}; `name!` must not be null, `name?` may."
            )
        definition.define(STATIC_VALUE, STRING, None, MEDIUM, f"The text that stands in {STATIC}.")
        return define_replace_null(definition)

    def configure(self, props: Mapping[str, Any]) -> None:
        settings = self.config().parse(props)
        self._inserted = {key: _inserted(key, settings[key]) for key in _SCHEMAS if settings[key] is not None}
        self._static: str | None = settings[STATIC_VALUE]
        self._with_default: bool = settings[REPLACE_NULL_WITH_DEFAULT]
        if not self._inserted:
            raise ConfigError("No field insertion configured")
        if STATIC in self._inserted and self._static is None:
            raise ConfigError.of(STATIC_VALUE, None, f"No value specified for static field: {settings[STATIC]}")
        self._schemas = Schemas(self._with_fields)

    def apply(self, record: RecordT) -> RecordT | None:
        schema, value = self.operating(record)
        if value is None:
            return record
        if schema is None:
            value = require_map(value, _PURPOSE)
            return self.updated(record, None, with_entries(value, self._found(record, with_schema=False)))
        struct = require_struct(value, _PURPOSE)
        made = self._schemas.get(struct.schema)
        changed = Struct(made)
        for field in struct.schema.fields:
            changed.put(field.name, field_value(struct, field, self._with_default))
        for name, each in self._found(record, with_schema=True).items():
            changed.put(name, each)
        return self.updated(record, made, changed)

    def _found(self, record: ConnectRecord, *, with_schema: bool) -> dict[str, object]:
        found: dict[str, object] = {}
        for key, inserted in self._inserted.items():
            if key == TOPIC:
                found[inserted.name] = record.topic
            elif key == PARTITION and record.kafka_partition is not None:
                found[inserted.name] = Int32(record.kafka_partition)
            elif key == OFFSET:
                if not isinstance(record, SinkRecord):
                    raise DataError(f"{OFFSET}: only a sink's record has an offset")
                found[inserted.name] = record.kafka_offset
            elif key == TIMESTAMP and record.timestamp is not None:
                found[inserted.name] = instant(record.timestamp) if with_schema else record.timestamp
            elif key == STATIC:
                found[inserted.name] = self._static
        return found

    def _with_fields(self, schema: Schema) -> Schema:
        builder = copy_basics(schema, SchemaBuilder.struct())
        for field in schema.fields:
            builder.field(field.name, field.schema)
        for inserted in self._inserted.values():
            builder.field(inserted.name, inserted.schema)
        return builder.build()


class InsertFieldKey(InsertField):
    side = Side.KEY


class InsertFieldValue(InsertField):
    side = Side.VALUE


def _inserted(key: str, spec: str) -> _Inserted:
    required, optional = _SCHEMAS[key]
    if spec.endswith("!"):
        return _Inserted(spec[:-1], required)
    return _Inserted(spec.removesuffix("?"), optional)
