"""The Connect schema of a JSON Schema (`JsonSchemaData`). One that refers to itself is a `DataError`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import DataError
from ottla.connect.data.schema import STRING_SCHEMA
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.type import Type
from ottla.connect.json_schema import names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ottla.connect.data.schema import Schema

_NUMBERS: Final = {
    kind.value: kind for kind in (Type.INT8, Type.INT16, Type.INT32, Type.INT64, Type.FLOAT32, Type.FLOAT64, Type.BYTES)
}
_PLAIN: Final = {"integer": Type.INT64, "number": Type.FLOAT64, "boolean": Type.BOOLEAN}


class ConnectOf:
    """`read` is how a default is read; `texts` what references stand for, by name; `optional_unless_required`: a
    property that need not be there is optional (use.optional.for.nonrequired)."""

    def __init__(
        self,
        root: Any,
        texts: Mapping[str, str],
        read: Callable[[Schema, Any], object],
        *,
        optional_unless_required: bool = False,
        flattens: bool = True,
    ) -> None:
        self._root = root
        self._documents = {name: json.loads(text) for name, text in texts.items()}
        self._read = read
        self._optional_unless_required = optional_unless_required
        self._flattens = flattens
        self._open: list[str] = []

    def convert(self, version: int | None = None) -> Schema:
        return self._schema(self._root, self._root, version=version)

    def _schema(self, node: Any, document: Any, *, version: int | None = None, optional: bool = False) -> Schema:
        if not isinstance(node, dict):
            raise DataError(f"A JSON Schema that is {json.dumps(node)} has no schema of Connect")
        if isinstance(reference := node.get("$ref"), str):
            return self._referred(reference, document, version, optional)
        branches = self._branches(node)
        if branches is not None:
            present = [each for each in branches if each != {"type": "null"}]
            has_null = len(present) < len(branches)
            if len(branches) == 1 and self._flattens:
                return self._schema(branches[0], document)
            if len(branches) == 2 and has_null and present:
                return self._schema(present[0], document, version=version, optional=True)
            builder = self._one_of(present, document)
            return builder.optional().build() if has_null or optional else builder.build()
        if "allOf" in node:
            node = _merged(self._resolved_all(node, document), node)
        builder = self._shape(node, document)
        self._describe(builder, node, version)
        if optional:
            builder.optional()
        return builder.build()

    def _branches(self, node: dict[str, Any]) -> list[Any] | None:
        found = node.get("oneOf", node.get("anyOf"))
        if isinstance(found, list) and found:
            return found
        if isinstance(kinds := node.get("type"), list):
            return [{"type": "null"} if kind == "null" else node | {"type": kind} for kind in kinds]
        return None

    def _referred(self, reference: str, document: Any, version: int | None, optional: bool) -> Schema:
        if reference in self._open:
            raise DataError(f"The JSON Schema {reference} refers to itself, which a schema of Connect cannot")
        self._open.append(reference)
        try:
            node, document = self._resolve(reference, document)
            return self._schema(node, document, version=version, optional=optional)
        finally:
            self._open.pop()

    def _resolve(self, reference: str, document: Any) -> tuple[Any, Any]:
        name, _, pointer = reference.partition("#")
        if name:
            if name not in self._documents:
                raise DataError(f"The reference {reference} of a JSON Schema stands for nothing")
            document = self._documents[name]
        node = document
        for step in (each for each in pointer.split("/") if each):
            step = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(node, dict) or step not in node:
                raise DataError(f"The reference {reference} of a JSON Schema stands for nothing")
            node = node[step]
        return node, document

    def _resolved_all(self, node: dict[str, Any], document: Any) -> list[Any]:
        parts = []
        for each in node["allOf"]:
            while isinstance(each, dict) and isinstance(reference := each.get("$ref"), str):
                each, document = self._resolve(reference, document)
            parts.append(each)
        return parts

    def _one_of(self, branches: list[Any], document: Any) -> SchemaBuilder:
        builder = SchemaBuilder.struct().name(names.ONE_OF)
        for place, branch in enumerate(branches):
            builder.field(f"{names.ONE_OF}.field.{place}", self._schema(branch, document, optional=True))
        return builder

    def _shape(self, node: dict[str, Any], document: Any) -> SchemaBuilder:
        kind, connect = node.get("type"), node.get(names.CONNECT_TYPE)
        if "enum" in node or "const" in node:
            return _enum(node["enum"] if "enum" in node else [node["const"]])
        if kind in ("integer", "number") and connect is not None:
            if connect not in _NUMBERS:
                raise DataError(f"{names.CONNECT_TYPE} of a number is not {connect!r}")
            return SchemaBuilder(_NUMBERS[connect])
        if kind in _PLAIN:
            return SchemaBuilder(_PLAIN[kind])
        if kind == "string":
            return SchemaBuilder(Type.BYTES if connect == names.BYTES else Type.STRING)
        if kind == "array":
            return self._array(node, document)
        if kind == "object" or "properties" in node:
            if connect == names.MAP:
                values = self._schema(node.get("additionalProperties"), document)
                return SchemaBuilder.map(STRING_SCHEMA, values)
            return self._struct(node, document)
        raise DataError(f"The JSON Schema {json.dumps(node)[:200]} has no schema of Connect")

    def _array(self, node: dict[str, Any], document: Any) -> SchemaBuilder:
        items = node.get("items")
        if not isinstance(items, dict):
            raise DataError("The JSON Schema of an array says what its items are")
        if node.get(names.CONNECT_TYPE) == names.MAP and items.get("type") == "object":
            properties = items.get("properties") or {}
            key, value = (self._schema(properties.get(name), document) for name in (names.KEY, names.VALUE))
            return SchemaBuilder.map(key, value)
        return SchemaBuilder.array(self._schema(items, document))

    def _struct(self, node: dict[str, Any], document: Any) -> SchemaBuilder:
        placed: dict[int, tuple[str, Any]] = {}
        for name, each in (node.get("properties") or {}).items():
            place: Any = each.get(names.CONNECT_INDEX) if isinstance(each, dict) else None
            is_free = isinstance(place, int) and place not in placed
            placed[place if is_free else _free(placed)] = (name, each)
        builder = SchemaBuilder.struct()
        required = node.get("required") or ()
        for _, (name, each) in sorted(placed.items()):
            optional = self._optional_unless_required and name not in required
            builder.field(name, self._schema(each, document, optional=optional))
        return builder

    def _describe(self, builder: SchemaBuilder, node: dict[str, Any], version: int | None) -> None:
        if isinstance(title := node.get("title"), str):
            builder.name(title)
        said = node.get(names.CONNECT_VERSION, version)
        if isinstance(said, int):
            builder.version(said)
        if isinstance(description := node.get("description"), str):
            builder.doc(description)
        parameters = node.get(names.CONNECT_PARAMETERS)
        if isinstance(parameters, dict):
            builder.parameters({str(name): str(value) for name, value in parameters.items()})
        if node.get("default") is not None:
            builder.default(self._read(builder.build(), node["default"]))


def _free(placed: Mapping[int, object]) -> int:
    place = len(placed)
    while place in placed:
        place += 1
    return place


def _merged(parts: list[Any], node: dict[str, Any]) -> dict[str, Any]:
    """All that the parts of an allOf say; properties and what is required come together."""
    merged: dict[str, Any] = {}
    for part in (*parts, {key: value for key, value in node.items() if key != "allOf"}):
        if not isinstance(part, dict):
            continue
        properties = {**merged.get("properties", {}), **part.get("properties", {})}
        required = [*merged.get("required", ()), *part.get("required", ())]
        merged |= part
        if properties:
            merged["properties"] = properties
        if required:
            merged["required"] = required
    return merged


def _enum(symbols: list[Any]) -> SchemaBuilder:
    builder = SchemaBuilder.string().parameter(names.ENUM, "")
    for symbol in symbols:
        text = names.NULL_MARKER if symbol is None else str(symbol)
        builder.parameter(f"{names.ENUM}.{text}", text)
    return builder
