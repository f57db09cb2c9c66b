"""The names under which Avro schemas keep what only Connect knows, and the settings of the conversion."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote_plus

from ottla.connect.data import logical
from ottla.registry.schema.avro.types import Array, AvroType, Enum, Fixed, Map, Name, Primitive, Record

NAMESPACE: Final = "io.confluent.connect.avro"
DEFAULT_NAME: Final = "ConnectDefault"
DEFAULT_FULL_NAME: Final = f"{NAMESPACE}.{DEFAULT_NAME}"
MAP_ENTRY: Final = "MapEntry"
KEY: Final = "key"
VALUE: Final = "value"
UNION: Final = f"{NAMESPACE}.Union"
ENUM: Final = f"{NAMESPACE}.Enum"
ANYTHING: Final = "Anything"
FIELD_DEFAULT_FLAG: Final = f"{NAMESPACE}.field.default"
RECORD_DOC: Final = f"{NAMESPACE}.record.doc"
FIELD_DOC: Final = f"{NAMESPACE}.field.doc."
ENUM_DOC: Final = f"{NAMESPACE}.enum.doc."
ENUM_DEFAULT: Final = f"{NAMESPACE}.enum.default."
CONNECT_NAME: Final = "connect.name"
CONNECT_DOC: Final = "connect.doc"
CONNECT_VERSION: Final = "connect.version"
CONNECT_DEFAULT: Final = "connect.default"
CONNECT_PARAMETERS: Final = "connect.parameters"
CONNECT_TYPE: Final = "connect.type"
INTERNAL_TYPE: Final = "connect.internal.type"
FIXED_SIZE: Final = "connect.fixed.size"
PRECISION: Final = "connect.decimal.precision"
DEFAULT_PRECISION: Final = 64
LOGICAL_TYPE: Final = "logicalType"
AVRO_LOGICAL: Final = {
    logical.DATE: "date",
    logical.TIME: "time-millis",
    logical.TIMESTAMP: "timestamp-millis",
    logical.DECIMAL: "decimal",
}
_VALID: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_INVALID: Final = re.compile(r"[^A-Za-z0-9_]")


@dataclass(frozen=True, slots=True)
class AvroSettings:
    """`AvroDataConfig`."""

    enhanced: bool = False
    """enhanced.avro.schema.support: enums stay enums."""
    connect_meta_data: bool = True
    scrub_names: bool = False
    allow_optional_map_keys: bool = False
    flatten_singleton_unions: bool = True
    ignore_default_for_nullables: bool = False


def is_valid_name(name: str) -> bool:
    return _VALID.fullmatch(name) is not None


def scrubbed(name: str) -> str:
    """A name that Avro takes, of any."""
    if not name or is_valid_name(name):
        return name
    encoded = quote_plus(name, safe="*")
    if encoded[0].isdigit():
        encoded = "x" + encoded
    return _INVALID.sub("_", encoded)


def split_name(name: str) -> Name:
    namespace, _, simple = name.rpartition(".")
    return Name(simple, namespace or None)


def member_name(type_: AvroType, enhanced: bool) -> str:
    """What a branch of a union is called as a field of Connect's struct."""
    if isinstance(type_, Record | Enum | Fixed):
        return type_.name.full if enhanced else type_.name.simple
    return type_.kind


def is_map_entry(type_: AvroType) -> bool:
    """A map without text for keys is a list of such records."""
    return isinstance(type_, Record) and (
        type_.name.full == f"{NAMESPACE}.{MAP_ENTRY}" or type_.properties.get(INTERNAL_TYPE) == MAP_ENTRY
    )


def is_anything(type_: AvroType) -> bool:
    return isinstance(type_, Record) and type_.name.full == f"{NAMESPACE}.{ANYTHING}"


def properties_of(type_: AvroType) -> dict[str, object]:
    if isinstance(type_, Primitive | Array | Map | Record | Enum | Fixed):
        return type_.properties
    return {}
