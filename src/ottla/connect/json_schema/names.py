"""The names under which a JSON Schema keeps what only Connect knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla.connect.data.type import Type

if TYPE_CHECKING:
    from ottla.connect.data.schema import Schema

NAMESPACE: Final = "io.confluent.connect.json"
ENUM: Final = f"{NAMESPACE}.Enum"
ONE_OF: Final = f"{NAMESPACE}.OneOf"
NULL_MARKER: Final = "<NULL>"
CONNECT_TYPE: Final = "connect.type"
CONNECT_VERSION: Final = "connect.version"
CONNECT_PARAMETERS: Final = "connect.parameters"
CONNECT_INDEX: Final = "connect.index"
MAP: Final = "map"
BYTES: Final = "bytes"
KEY: Final = "key"
VALUE: Final = "value"


def is_union(schema: Schema) -> bool:
    """A struct that stands for a oneOf: one of its fields is not null."""
    return schema.type is Type.STRUCT and schema.name == ONE_OF


def has_text_keys(schema: Schema) -> bool:
    keys = schema.key_schema
    return keys is not None and keys.type is Type.STRING and not keys.optional
