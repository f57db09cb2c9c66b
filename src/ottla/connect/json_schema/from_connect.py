"""The JSON Schema of a Connect schema (`JsonSchemaData.fromConnectSchema`): draft 7, as plain JSON.

What JSON Schema cannot say stands in `connect.type`, `connect.index`, `connect.version`, `connect.parameters`; the name
is the title. An optional schema is a oneOf with null.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import DataError
from ottla.connect.data import logical
from ottla.connect.data.java_hash import ordered
from ottla.connect.data.type import Type
from ottla.connect.json_schema import names

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.connect.data.schema import Schema

_NULL: Final = {"type": "null"}
_INTEGERS: Final = (Type.INT8, Type.INT16, Type.INT32, Type.INT64)
_FLOATS: Final = (Type.FLOAT32, Type.FLOAT64)


class JsonSchemaOf:
    """`write` is how a default is said; `numeric_decimals`: a Decimal is a number."""

    def __init__(
        self, write: Callable[[Schema, Any], str], *, numeric_decimals: bool, allows_additional: bool = True
    ) -> None:
        self._write = write
        self._numeric_decimals = numeric_decimals
        self._allows_additional = allows_additional

    def convert(self, schema: Schema, index: int | None = None, *, required: bool = False) -> dict[str, Any]:
        """`index`: its place among the fields of a struct; `required`: as if it were not optional."""
        if names.is_union(schema):
            said = self._union(schema, required)
        elif schema.optional and not required:
            said = {"oneOf": [_NULL, self._plain(schema)]}
        else:
            return self._plain(schema, index)
        return said if index is None else said | {names.CONNECT_INDEX: index}

    def _plain(self, schema: Schema, index: int | None = None) -> dict[str, Any]:
        said: dict[str, Any] = {}
        if schema.name is not None:
            said["title"] = schema.name
        if schema.doc is not None:
            said["description"] = schema.doc
        if schema.default_value is not None:
            said["default"] = json.loads(self._write(schema, schema.default_value))
        shape, extra = self._shape(schema)
        if schema.version is not None:
            extra[names.CONNECT_VERSION] = schema.version
        parameters = {
            name: value for name, value in (schema.parameters or {}).items() if not name.startswith(names.NAMESPACE)
        }
        if parameters:
            extra[names.CONNECT_PARAMETERS] = ordered(parameters)
        if index is not None:
            extra[names.CONNECT_INDEX] = index
        return said | shape | ordered(extra)

    def _shape(self, schema: Schema) -> tuple[dict[str, Any], dict[str, Any]]:
        """What JSON Schema says of it, and what Connect adds."""
        kind = schema.type
        if kind in _INTEGERS or kind in _FLOATS:
            return {"type": "integer" if kind in _INTEGERS else "number"}, {names.CONNECT_TYPE: kind.value}
        if kind is Type.BOOLEAN:
            return {"type": "boolean"}, {}
        if kind is Type.STRING:
            return self._text(schema), {}
        if kind is Type.BYTES:
            is_number = schema.name == logical.DECIMAL and self._numeric_decimals
            return {"type": "number" if is_number else "string"}, {names.CONNECT_TYPE: names.BYTES}
        if kind is Type.ARRAY:
            return {"type": "array", "items": self.convert(_part(schema.value_schema))}, {}
        if kind is Type.MAP:
            return self._map(schema), {names.CONNECT_TYPE: names.MAP}
        fields = {field.name: self.convert(field.schema, field.index) for field in schema.fields}
        said: dict[str, Any] = {"type": "object", "properties": fields}
        return said if self._allows_additional else said | {"additionalProperties": False}, {}

    def _text(self, schema: Schema) -> dict[str, Any]:
        parameters = schema.parameters or {}
        if names.ENUM not in parameters:
            return {"type": "string"}
        symbols = [name.removeprefix(f"{names.ENUM}.") for name in parameters if name.startswith(f"{names.ENUM}.")]
        return {"enum": [None if symbol == names.NULL_MARKER else symbol for symbol in symbols]}

    def _map(self, schema: Schema) -> dict[str, Any]:
        values = _part(schema.value_schema)
        if names.has_text_keys(schema):
            return {"type": "object", "additionalProperties": self.convert(values)}
        key, value = self.convert(_part(schema.key_schema), 0), self.convert(values, 1)
        return {"type": "array", "items": {"type": "object", "properties": {names.KEY: key, names.VALUE: value}}}

    def _union(self, schema: Schema, required: bool) -> dict[str, Any]:
        branches: list[Any] = [_NULL] if schema.optional and not required else []
        branches += [self.convert(field.schema, field.index, required=True) for field in schema.fields]
        return {"oneOf": branches}


def _part(schema: Schema | None) -> Schema:
    if schema is None:
        raise DataError("A list or map whose elements have no schema has no JSON Schema")
    return schema
