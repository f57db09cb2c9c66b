"""Connect's data as JSON and JSON Schema, for programs that know nothing of Connect. Pure.

A Timestamp is text of RFC 3339 in UTC, bytes are text in base64, a Decimal is text (a JSON number would be rounded by
most readers), a map whose keys are no text is a list of `{"key": …, "value": …}`. Without a schema the types are those
of the values that came so far.
"""

from __future__ import annotations

import base64
import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.data.logical import DATE, DECIMAL, TIME, TIMESTAMP
from ottla.connect.data.struct import Struct
from ottla.connect.data.type import INTEGER_BITS, Type

if TYPE_CHECKING:
    from ottla.connect.data.schema import Schema

_LOGICAL: Final[dict[str | None, dict[str, Any]]] = {
    DECIMAL: {"type": "string", "format": "singer.decimal"},
    DATE: {"type": "string", "format": "date"},
    TIME: {"type": "string", "format": "time"},
    TIMESTAMP: {"type": "string", "format": "date-time"},
}
DEPTH_MAX: Final = 50


def json_schema_of(schema: Schema) -> dict[str, Any]:
    found = dict(_LOGICAL.get(schema.name) or _plain_schema(schema))
    if schema.optional and "type" in found:
        found["type"] = ["null", found["type"]]
    return found


def _plain_schema(schema: Schema) -> dict[str, Any]:
    kind = schema.type
    if kind in INTEGER_BITS:
        return {"type": "integer"}
    if kind in (Type.FLOAT32, Type.FLOAT64):
        return {"type": "number"}
    if kind is Type.BOOLEAN:
        return {"type": "boolean"}
    if kind is Type.STRING:
        return {"type": "string"}
    if kind is Type.BYTES:
        return {"type": "string", "contentEncoding": "base64"}
    if kind is Type.STRUCT:
        return {"type": "object", "properties": {each.name: json_schema_of(each.schema) for each in schema.fields}}
    values = {} if schema.value_schema is None else json_schema_of(schema.value_schema)
    if kind is Type.ARRAY:
        return {"type": "array", "items": values}
    if schema.key_schema is None or schema.key_schema.type is Type.STRING:
        return {"type": "object", "additionalProperties": values}
    pair = {"key": json_schema_of(schema.key_schema), "value": values}
    return {"type": "array", "items": {"type": "object", "properties": pair}}


def json_of(value: object) -> Any:
    """What `json.dumps` takes."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Struct):
        return {field.name: json_of(each) for field, each in value}
    if isinstance(value, dict):
        if all(isinstance(key, str) for key in value):
            return {key: json_of(each) for key, each in value.items()}
        return [{"key": json_of(key), "value": json_of(each)} for key, each in value.items()]
    if isinstance(value, list | tuple):
        return [json_of(each) for each in value]
    if isinstance(value, datetime.datetime):
        text = value.astimezone(datetime.UTC).isoformat(timespec="milliseconds")
        return text.replace("+00:00", "Z")
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode("ascii")
    return str(value)


def inferred_schema(value: Any, depth: int = 0) -> dict[str, Any]:
    """Of JSON; everything may be null."""
    if isinstance(value, bool):
        return {"type": ["null", "boolean"]}
    if isinstance(value, int):
        return {"type": ["null", "integer"]}
    if isinstance(value, float):
        return {"type": ["null", "number"]}
    if isinstance(value, str):
        return {"type": ["null", "string"]}
    if isinstance(value, dict) and depth < DEPTH_MAX:
        properties = {key: inferred_schema(each, depth + 1) for key, each in value.items() if each is not None}
        return {"type": ["null", "object"], "properties": properties}
    if isinstance(value, list) and depth < DEPTH_MAX:
        items: dict[str, Any] = {}
        for each in value:
            if each is not None:
                items = merged_schema(items, inferred_schema(each, depth + 1))
        return {"type": ["null", "array"], "items": items}
    return {}


def merged_schema(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """What takes the values of both."""
    if not one or one == other:
        return other or one
    if not other:
        return one
    kinds = _kinds(one) | _kinds(other)
    if "number" in kinds:
        kinds -= {"integer"}
    found = {**one, **other, "type": sorted(kinds, key=lambda kind: (kind != "null", kind))}
    if "format" in found and one.get("format") != other.get("format"):
        del found["format"]
    if "properties" in one or "properties" in other:
        first, second = one.get("properties", {}), other.get("properties", {})
        found["properties"] = {
            **first,
            **{name: merged_schema(first.get(name, {}), each) for name, each in second.items()},
        }
    if "items" in one and "items" in other:
        found["items"] = merged_schema(one["items"], other["items"])
    return found


def _kinds(schema: dict[str, Any]) -> set[str]:
    kinds = schema.get("type")
    return {kinds} if isinstance(kinds, str) else set(kinds or ())
