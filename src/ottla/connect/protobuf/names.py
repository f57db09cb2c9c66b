"""The names under which schemas keep what only Protobuf knows, and the settings of the conversion."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote_plus

from ottla.connect.data.type import Type

if TYPE_CHECKING:
    from ottla.connect.data.schema import Schema

NAMESPACE: Final = "io.confluent.connect.protobuf"
DEFAULT_NAME: Final = "ConnectDefault"
ENUM: Final = f"{NAMESPACE}.Enum"
UNION: Final = f"{NAMESPACE}.Union"
TAG: Final = f"{NAMESPACE}.Tag"
TYPE: Final = f"{NAMESPACE}.Type"
WRAPPER: Final = f"{NAMESPACE}.Wrapper"
"""Marks the field of a oneof whose type is a wrapper: all fields of oneofs are optional, so that does not tell."""
CONNECT_TYPE: Final = "connect.type"
PRECISION: Final = "connect.decimal.precision"
META_PRECISION: Final = "precision"
META_SCALE: Final = "scale"
ENTRY: Final = "Entry"
KEY: Final = "key"
VALUE: Final = "value"

DECIMAL: Final = "confluent.type.Decimal"
DATE: Final = "google.type.Date"
TIME: Final = "google.type.TimeOfDay"
TIMESTAMP: Final = "google.protobuf.Timestamp"
WRAPPERS_FILE: Final = "google/protobuf/wrappers.proto"
FILES: Final = {
    DECIMAL: "confluent/type/decimal.proto",
    DATE: "google/type/date.proto",
    TIME: "google/type/timeofday.proto",
    TIMESTAMP: "google/protobuf/timestamp.proto",
}
_WRAPPED: Final = {
    "double": "DoubleValue",
    "float": "FloatValue",
    "int64": "Int64Value",
    "sint64": "Int64Value",
    "sfixed64": "Int64Value",
    "uint64": "UInt64Value",
    "fixed64": "UInt64Value",
    "int32": "Int32Value",
    "sint32": "Int32Value",
    "sfixed32": "Int32Value",
    "uint32": "UInt32Value",
    "fixed32": "UInt32Value",
    "bool": "BoolValue",
    "string": "StringValue",
    "bytes": "BytesValue",
}
UNWRAPPED: Final = {
    "google.protobuf.DoubleValue": Type.FLOAT64,
    "google.protobuf.FloatValue": Type.FLOAT32,
    "google.protobuf.Int64Value": Type.INT64,
    "google.protobuf.UInt64Value": Type.INT64,
    "google.protobuf.Int32Value": Type.INT32,
    "google.protobuf.UInt32Value": Type.INT64,
    "google.protobuf.BoolValue": Type.BOOLEAN,
    "google.protobuf.StringValue": Type.STRING,
    "google.protobuf.BytesValue": Type.BYTES,
}
_INVALID: Final = re.compile(r"[^A-Za-z0-9_]")
_VALID: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class ProtobufSettings:
    """`ProtobufDataConfig`."""

    enhanced: bool = False
    """enhanced.protobuf.schema.support: names with their packages."""
    scrub_names: bool = False
    int_for_enums: bool = False
    optional_for_nullables: bool = False
    optional_for_proto2: bool = True
    wrapper_for_nullables: bool = False
    wrapper_for_raw_primitives: bool = True
    struct_for_nulls: bool = False
    index_for_unions: bool = True
    flatten_unions: bool = False
    ignore_default_for_nullables: bool = False


def wrapper_of(scalar: str) -> str:
    return f"google.protobuf.{_WRAPPED[scalar]}"


def scrubbed(name: str) -> str:
    """A name that Protobuf takes, of any."""
    if not name or _VALID.fullmatch(name):
        return name
    encoded = quote_plus(name, safe="*").replace("~", "%7E")
    if encoded[0].isdigit() or encoded[0] == "_":
        encoded = "x" + encoded
    return _INVALID.sub("_", encoded)


def entry_name(field: str) -> str:
    """Of the message that stands for an entry of a map."""
    camel = "".join(part[:1].upper() + part[1:].lower() for part in field.split("_")) if "_" in field else field
    return camel + ENTRY


def map_name(entry: str) -> str:
    """What the map of such entries is called; a package stays before it."""
    package, dot, last = entry.rpartition(".")
    if last.endswith(ENTRY):
        last = re.sub(r"(?<!^)(?=[A-Z])", "_", last.removesuffix(ENTRY)).lower()
    return package + dot + last


def is_union(schema: Schema) -> bool:
    """A struct that stands for a oneof: one of its fields is not null."""
    return schema.type is Type.STRUCT and (schema.name or "").startswith(UNION)


def parameter(schema: Schema, name: str) -> str | None:
    return None if schema.parameters is None else schema.parameters.get(name)
