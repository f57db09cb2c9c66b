"""JSON ─► what a JSON Schema says (`model`), of drafts 4, 6, 7, 2019-09, 2020-12; without `$schema` of draft 7."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from ottla.registry.schema.compact_json import compact_json
from ottla.registry.schema.errors import SchemaError
from ottla.registry.schema.json_schema.model import (
    ALL_OF,
    ANY_OF,
    NOTHING,
    ONE_OF,
    Anything,
    ArraySchema,
    BooleanSchema,
    Combined,
    Conditional,
    ConstSchema,
    EnumSchema,
    Never,
    Notes,
    NotSchema,
    NullSchema,
    NumberSchema,
    ObjectSchema,
    Reference,
    Schema,
    StringSchema,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.registry.schema.json_schema.documents import Documents

_REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef")
_OF_ARRAYS: Final = (
    "items",
    "prefixItems",
    "additionalItems",
    "unevaluatedItems",
    "minItems",
    "maxItems",
    "uniqueItems",
    "contains",
    "minContains",
    "maxContains",
)
_OF_OBJECTS: Final = (
    "properties",
    "required",
    "minProperties",
    "maxProperties",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
    "patternProperties",
    "additionalProperties",
    "unevaluatedProperties",
    "propertyNames",
)
_OF_NUMBERS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_OF_STRINGS: Final = ("minLength", "maxLength", "pattern", "format")
_TYPES: Final = ("array", "boolean", "integer", "null", "number", "object", "string")


class Loader:
    def __init__(self, documents: Documents, *, prefix_items: bool) -> None:
        self._documents = documents
        self._prefix_items = prefix_items
        """Whether `items` beside `prefixItems` speaks of the rest, as from 2020-12 on."""
        self._loaded: dict[int, Schema] = {}

    def load(self, value: object, base: str = "") -> Schema:
        """`SchemaError`. A part of a document is loaded once, however many ways lead to it."""
        if isinstance(value, bool):
            return Anything() if value else Never()
        if not isinstance(value, dict):
            raise SchemaError(f"a schema is an object or a boolean, not {compact_json(value)[:100]}")
        found = self._loaded.get(id(value))
        if found is None:
            found = self._loaded[id(value)] = self._load(value, self._documents.base_of(value, base))
        return found

    def _load(self, value: dict[str, object], base: str) -> Schema:
        for key in _REFERENCES:
            reference = value.get(key)
            if isinstance(reference, str):
                return Reference(reference, self._following(reference, base), _notes(value))
        parts: list[Schema] = [
            self._combined(key, value[key], base) for key in (ALL_OF, ANY_OF, ONE_OF) if key in value
        ]
        if "not" in value:
            parts.append(NotSchema(self.load(value["not"], base)))
        if "if" in value:
            parts.append(Conditional())
        if "const" in value:
            parts.append(ConstSchema(compact_json(in_order(value["const"]))))
        if "enum" in value:
            parts.append(_enum(value["enum"]))
        if "type" in value:
            parts.append(self._of_type(value["type"], value, base))
        else:
            parts += self._sniffed(value, base)
        if not parts:
            return Anything(_notes(value))
        if len(parts) > 1:
            return Combined(ALL_OF, parts, [str(index) for index in range(len(parts))], _notes(value))
        parts[0].notes = _notes(value)
        return parts[0]

    def _following(self, reference: str, base: str) -> Callable[[], Schema]:
        def load() -> Schema:
            found, home = self._documents.find(reference, base)
            return self.load(found, home)

        return load

    def _combined(self, criterion: str, value: object, base: str) -> Combined:
        if not isinstance(value, list):
            raise SchemaError(f"'{criterion}' is an array of schemas")
        keys = [compact_json(in_order(each)) for each in value]
        return Combined(criterion, [self.load(each, base) for each in value], keys)

    def _of_type(self, names: object, value: dict[str, object], base: str) -> Schema:
        if isinstance(names, list):
            parts = [self._of_type(name, value, base) for name in names]
            return Combined(ANY_OF, parts, [str(name) for name in names])
        match names:
            case "array":
                return self._array(value, base)
            case "object":
                return self._object(value, base)
            case "string":
                return _string(value)
            case "integer" | "number":
                return _number(value, whole=names == "integer")
            case "boolean":
                return BooleanSchema()
            case "null":
                return NullSchema()
        raise SchemaError(f"there is no type {compact_json(names)}; there are {', '.join(_TYPES)}")

    def _sniffed(self, value: dict[str, object], base: str) -> list[Schema]:
        """Without a type: by the keywords that only speak of one kind."""
        found: list[Schema] = []
        if not value.keys().isdisjoint(_OF_ARRAYS):
            found.append(self._array(value, base))
        if not value.keys().isdisjoint(_OF_OBJECTS):
            found.append(self._object(value, base))
        if not value.keys().isdisjoint(_OF_NUMBERS):
            found.append(_number(value, whole=False))
        if not value.keys().isdisjoint(_OF_STRINGS):
            found.append(_string(value))
        return found

    def _object(self, value: dict[str, object], base: str) -> ObjectSchema:
        schema = ObjectSchema(limits=_limits(value, "minProperties", "maxProperties"))
        schema.properties = self._schemas(value, "properties", base)
        schema.patterns = self._schemas(value, "patternProperties", base)
        schema.required = _names(value.get("required", []), "required")
        schema.permits_additional, schema.additional = self._rest(value.get("additionalProperties"), base)
        if "unevaluatedProperties" in value:
            schema.unevaluated = self.load(value["unevaluatedProperties"], base)
        for key in ("dependencies", "dependentRequired", "dependentSchemas"):
            for name, each in _object_of(value, key).items():
                if isinstance(each, list):
                    schema.needs[name] = _names(each, key)
                else:
                    schema.demands[name] = self.load(each, base)
        return schema

    def _array(self, value: dict[str, object], base: str) -> ArraySchema:
        limits = _limits(value, "minItems", "maxItems", "minContains", "maxContains")
        schema = ArraySchema(unique=value.get("uniqueItems") is True, limits=limits)
        items, rest = value.get("items"), value.get("additionalItems")
        if self._prefix_items:
            prefix = value.get("prefixItems")
            if isinstance(prefix, list):
                items, rest = prefix, items
            else:
                items, rest = (None, items) if isinstance(items, bool) else (items, None)
        if isinstance(items, list):
            schema.items = [self.load(each, base) for each in items]
        elif items is not None:
            schema.all_items = self.load(items, base)
        schema.permits_additional, schema.additional = self._rest(rest, base)
        if "unevaluatedItems" in value:
            schema.unevaluated = self.load(value["unevaluatedItems"], base)
        return schema

    def _rest(self, value: object, base: str) -> tuple[bool, Schema | None]:
        """Of what is beyond that which is named: whether it may be there, and what it must be."""
        if value is None or isinstance(value, bool):
            return value is not False, None
        return True, self.load(value, base)

    def _schemas(self, value: dict[str, object], key: str, base: str) -> dict[str, Schema]:
        return {name: self.load(each, base) for name, each in _object_of(value, key).items()}


def _notes(value: dict[str, object]) -> Notes:
    return Notes(
        value.get("$id", value.get("id")),
        value.get("title"),
        value.get("description"),
        value.get("default", NOTHING),
        value.get("connect.type"),
    )


def _string(value: dict[str, object]) -> StringSchema:
    pattern = value.get("pattern")
    if pattern is not None and not isinstance(pattern, str):
        raise SchemaError("'pattern' is a string")
    return StringSchema(_limits(value, "minLength", "maxLength"), pattern)


def _number(value: dict[str, object], *, whole: bool) -> NumberSchema:
    limits = {key: _decimal(value[key], key) for key in _OF_NUMBERS[:4] if not isinstance(value.get(key, True), bool)}
    for key, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if value.get(key) is True and limit in limits:  # draft 4
            limits[key] = limits.pop(limit)
    multiple = _decimal(value["multipleOf"], "multipleOf") if "multipleOf" in value else None
    return NumberSchema(limits, multiple, whole)


def _decimal(value: object, key: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise SchemaError(f"'{key}' is a number")
    return Decimal(value)


def _limits(value: dict[str, object], *keys: str) -> dict[str, int]:
    return {key: int(_decimal(value[key], key)) for key in keys if key in value}


def _enum(value: object) -> EnumSchema:
    if not isinstance(value, list):
        raise SchemaError("'enum' is an array of values")
    return EnumSchema(tuple(dict.fromkeys(compact_json(in_order(each)) for each in value)))


def _names(value: object, key: str) -> frozenset[str]:
    if isinstance(value, bool):  # draft 3 said it so
        return frozenset()
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise SchemaError(f"'{key}' is an array of names")
    return frozenset(value)


def _object_of(value: dict[str, object], key: str) -> dict[str, object]:
    found = value.get(key, {})
    if not isinstance(found, dict):
        raise SchemaError(f"'{key}' is an object")
    return found


def in_order(value: object) -> object:
    """Members by name, all the way down."""
    if isinstance(value, dict):
        return {key: in_order(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [in_order(each) for each in value]
    return value
