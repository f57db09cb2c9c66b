"""What most transformations share: they change the key or the value, keep schemas, need a map or a struct."""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

from ottla.connect.api.config_def import BOOLEAN, MEDIUM, ConfigDef
from ottla.connect.api.errors import ConfigError, DataError
from ottla.connect.api.transformation import Transformation
from ottla.connect.data.java_hash import capacity_of_copy, ordered
from ottla.connect.data.struct import Struct

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.connect.api.record import ConnectRecord
    from ottla.connect.data.schema import Field, Schema
    from ottla.connect.data.schema_builder import SchemaBuilder

RecordT = TypeVar("RecordT", bound="ConnectRecord")

REPLACE_NULL_WITH_DEFAULT: Final = "replace.null.with.default"
MAX_SCHEMAS: Final = 16
"""How many changed schemas a transformation keeps."""


class Side(Enum):
    KEY = "key"
    VALUE = "value"


class OneSided(Transformation):
    """Of the key or of the value; `side` says of which."""

    side: ClassVar[Side] = Side.VALUE

    def operating(self, record: ConnectRecord) -> tuple[Schema | None, Any]:
        if self.side is Side.KEY:
            return record.key_schema, record.key
        return record.value_schema, record.value

    def updated(self, record: RecordT, schema: Schema | None, value: object) -> RecordT:
        return record.with_key(schema, value) if self.side is Side.KEY else record.with_value(schema, value)


class Schemas:
    """The schemas that were last made of others."""

    def __init__(self, make: Callable[[Schema], Schema]) -> None:
        self._make = make
        self._made: OrderedDict[Schema, Schema] = OrderedDict()

    def get(self, schema: Schema) -> Schema:
        made = self._made.get(schema)
        if made is None:
            made = self._made[schema] = self._make(schema)
            if len(self._made) > MAX_SCHEMAS:
                self._made.popitem(last=False)
        return made


class NonEmptyList:
    """A validator: at least one element."""

    def ensure_valid(self, name: str, value: Any) -> None:
        if not value:
            raise ConfigError.of(name, value, "Empty list")

    def __str__(self) -> str:
        return "non-empty list"


def define_replace_null(definition: ConfigDef) -> ConfigDef:
    return definition.define(
        REPLACE_NULL_WITH_DEFAULT,
        BOOLEAN,
        True,
        MEDIUM,
        "Whether the default of a field stands for its null.",
    )


def field_value(struct: Struct, field: Field, with_default: bool) -> Any:
    return struct.get(field) if with_default else struct.values[field.index]


def require_map(value: object, purpose: str) -> dict[Any, Any]:
    if not isinstance(value, dict):
        raise DataError(f"Without a schema only a map will do for {purpose}, not {type(value).__name__}")
    return value


def require_struct(value: object, purpose: str) -> Struct:
    if not isinstance(value, Struct):
        raise DataError(f"With a schema only a struct will do for {purpose}, not {type(value).__name__}")
    return value


def copy_basics(source: Schema, builder: SchemaBuilder) -> SchemaBuilder:
    """The builder with the source's name, version, doc and parameters (`SchemaUtil.copySchemaBasics`)."""
    builder.name(source.name).version(source.version).doc(source.doc)
    return builder.parameters(source.parameters) if source.parameters is not None else builder


def with_entries(value: dict[Any, Any], entries: dict[Any, Any]) -> dict[Any, Any]:
    """A copy with other entries, in the order of a HashMap that was copied."""
    return ordered(value | entries, capacity_of_copy(len(value)))


def java_split(text: str, separator: str) -> list[str]:
    """`String.split`: without the empty texts at the end."""
    parts = text.split(separator)
    while len(parts) > 1 and not parts[-1]:
        parts.pop()
    return parts
