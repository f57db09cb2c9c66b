"""What the newest schema of a topic's values says of their fields, as types of Arrow: for fields no record has told of.

They are those that values of such a schema have when they are read (all integers have 64 bits). What has no one type
(unions, maps), and records within themselves, are text, as where values do not agree.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from ottla.registry.client.registry_client import RegistryClientError
from ottla.registry.client.subject_names import topic_name
from ottla.registry.schema.parsed import AVRO, JSON

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.registry.client.registry_client import RegistryClient, Schema

TYPES_MAX: Final = 10_000
"""In one schema, each counted wherever its name stands; what is named behind them is text."""
DEPTH_MAX: Final = 32
"""Of types within types in JSON Schema; deeper ones are text."""
_AVRO: Final = {
    "boolean": "bool_",
    "int": "int64",
    "long": "int64",
    "float": "float64",
    "double": "float64",
    "bytes": "binary",
    "fixed": "binary",
    "string": "string",
    "enum": "string",
}
_JSON: Final = {"boolean": "bool_", "integer": "int64", "number": "float64", "string": "string"}


def registered_fields(registry: RegistryClient, topic: str) -> dict[str, Any]:
    """Name -> type; none where there is no such schema, or the registry does not tell of it, or holds what is none."""
    try:
        schema = registry.latest(topic_name(topic, is_key=False, record=None)).schema
        return fields_of(schema, registry.texts(schema.references))
    except (RegistryClientError, ValueError, LookupError, TypeError, RecursionError):
        return {}


def fields_of(schema: Schema, texts: Mapping[str, str]) -> dict[str, Any]:
    """`texts`: of the schemas that it refers to. Nothing for what is no record, and for Protobuf."""
    if schema.schema_type == AVRO:
        named: dict[str, Any] = {}
        for each in (*texts.values(), schema.text):
            _name_types(json.loads(each), "", named)
        record = json.loads(schema.text)
        if isinstance(record, dict) and record.get("type") == "record":
            types = _AvroTypes(named)
            return {each["name"]: types.type_of(each["type"]) for each in record["fields"]}
    elif schema.schema_type == JSON:
        told = json.loads(schema.text)
        if isinstance(told, dict):
            return {name: _json_type(each, 0) for name, each in told.get("properties", {}).items()}
    return {}


def _name_types(schema: Any, namespace: str, named: dict[str, Any]) -> None:
    """Under their full names, and under the bare ones where these are not taken."""
    if isinstance(schema, list):
        for each in schema:
            _name_types(each, namespace, named)
    elif isinstance(schema, dict):
        name = schema.get("name")
        if name is not None and schema.get("type") in ("record", "enum", "fixed"):
            namespace = schema.get("namespace", name.rpartition(".")[0] or namespace)
            bare = name.rpartition(".")[2]
            named[f"{namespace}.{bare}" if namespace else bare] = schema
            named.setdefault(bare, schema)
        for each in (*schema.get("fields", ()), schema.get("items"), schema.get("values")):
            _name_types(each, namespace, named)
        _name_types(schema.get("type"), namespace, named)


class _AvroTypes:
    def __init__(self, named: Mapping[str, Any]) -> None:
        self._named = named
        self._within: list[str] = []
        self._left = TYPES_MAX

    def type_of(self, schema: Any) -> Any:
        import pyarrow as pa

        self._left -= 1
        if isinstance(schema, list):
            others = [each for each in schema if each != "null"]
            return self.type_of(others[0]) if len(others) == 1 else pa.string()
        if isinstance(schema, str):
            return self._of_name(schema)
        if "logicalType" in schema and (logical := _logical_type(schema)) is not None:
            return logical
        match schema["type"]:
            case "array":
                return pa.list_(self.type_of(schema["items"]))
            case "record":
                fields = [(each["name"], self.type_of(each["type"])) for each in schema["fields"]]
                return pa.struct(fields) if fields else pa.string()
            case "map":
                return pa.string()
        return self.type_of(schema["type"])

    def _of_name(self, name: str) -> Any:
        import pyarrow as pa

        if name in _AVRO or name not in self._named:
            return getattr(pa, _AVRO.get(name, "string"))()
        if name in self._within or self._left < 0:
            return pa.string()
        self._within.append(name)
        kind = self.type_of(self._named[name])
        self._within.pop()
        return kind


def _logical_type(schema: Mapping[str, Any]) -> Any:
    import pyarrow as pa

    match schema["logicalType"]:
        case "date":
            return pa.date32()
        case "time-millis" | "time-micros":
            return pa.time64("us")
        case "timestamp-millis" | "timestamp-micros":
            return pa.timestamp("us", "UTC")
        case "local-timestamp-millis" | "local-timestamp-micros":
            return pa.timestamp("us")
        case "decimal" if 1 <= schema["precision"] <= 38:
            return pa.decimal128(schema["precision"], schema.get("scale", 0))
        case "uuid":
            return pa.string()
    return None


def _json_type(schema: Any, depth: int) -> Any:
    import pyarrow as pa

    if not isinstance(schema, dict) or depth > DEPTH_MAX:
        return pa.string()
    kinds = schema.get("type")
    others = [each for each in (kinds if isinstance(kinds, list) else [kinds]) if each != "null"]
    kind = others[0] if len(others) == 1 else None
    if kind == "array" and "items" in schema:
        return pa.list_(_json_type(schema["items"], depth + 1))
    if kind == "object" and schema.get("properties"):
        return pa.struct([(name, _json_type(each, depth + 1)) for name, each in schema["properties"].items()])
    return getattr(pa, _JSON.get(kind or "", "string"))()
