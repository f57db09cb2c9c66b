"""JSON Schema of a stream, as Singer and Airbyte say it, to Connect's schema and data. Pure.

| JSON Schema | Connect |
|---|---|
| integer | INT64 |
| number; with `multipleOf` a power of ten | FLOAT64; Decimal of that scale |
| boolean, string | BOOLEAN, STRING |
| string of format date-time, date, time | Timestamp, Date, Time; or STRING, where `dates_as_text` |
| object with properties; with `additionalProperties` alone | STRUCT; MAP from STRING |
| array with `items` | ARRAY |
| what has several types, or says nothing | STRING: text as it is, all else as JSON |

A field is optional where it may be null or need not be there. A record with a field that its schema does not know makes
the schema wider: nothing is dropped.
"""

from __future__ import annotations

import datetime
import json
import re
from decimal import Context, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ottla.connect.api.errors import DataError
from ottla.connect.data.logical import date_builder, decimal_builder, time_builder, timestamp_builder
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ottla.connect.data.schema import Schema

JsonSchema: TypeAlias = "Mapping[str, Any]"
Convert: TypeAlias = "Callable[[Any, str], object]"

FIELDS_MAX: Final = 10_000
DEPTH_MAX: Final = 64
SCALE_MAX: Final = 100
_NAME: Final = re.compile(r"[^A-Za-z0-9_.]")
_EXACT: Final = Context(prec=1000)
_INT64: Final = 1 << 63
_TYPES: Final = {bool: "boolean", int: "integer", Decimal: "number", float: "number", str: "string"}


class UnknownFieldError(DataError):
    """A record has a field that its schema does not know."""


class StreamSchema:
    """Of one stream: `schema` and `key_schema` (`None` without key), and a record's value and key by them.

    `name` is what the schemas are called: `NAME.Value`, `NAME.Key`. `DataError` for what cannot be a schema.
    """

    def __init__(
        self, name: str, json_schema: JsonSchema, key_properties: Sequence[str], *, dates_as_text: bool = False
    ) -> None:
        self._name = _NAME.sub("_", name)
        self._compiler = _Compiler(dates_as_text)
        self.key_properties = tuple(key_properties)
        self._set(json_schema)

    def _set(self, json_schema: JsonSchema) -> None:
        if json_schema.get("properties") is not None and not isinstance(json_schema["properties"], dict):
            raise DataError(f"the schema of {self._name} has properties that are no object")
        self.json_schema = json_schema
        whole = {**json_schema, "type": "object", "properties": json_schema.get("properties") or {}}
        self._compiler.begin(json_schema)
        self.schema, self._convert = self._compiler.struct(whole, f"{self._name}.Value", optional=False, depth=0)
        self.key_schema: Schema | None = None
        if self.key_properties:
            missing = [each for each in self.key_properties if each not in whole["properties"]]
            if missing:
                raise DataError(f"{self._name} has no property {missing[0]!r}, which is said to be in its key")
            parts = {each: whole["properties"][each] for each in self.key_properties}
            key = {"type": "object", "properties": parts, "required": list(self.key_properties)}
            self.key_schema, self._convert_key = self._compiler.struct(
                key, f"{self._name}.Key", optional=False, depth=0
            )

    def value(self, record: Mapping[str, Any]) -> object:
        """A struct. `DataError` names the field that does not fit."""
        try:
            return self._convert(record, "")
        except UnknownFieldError:
            self._set(widened(self.json_schema, record))
            return self._convert(record, "")

    def key(self, record: Mapping[str, Any]) -> object:
        """A struct, or `None` where the stream has no key. After `value`."""
        if self.key_schema is None:
            return None
        return self._convert_key({each: record.get(each) for each in self.key_properties}, "")


class _Compiler:
    def __init__(self, dates_as_text: bool) -> None:
        self._dates_as_text = dates_as_text
        self._root: JsonSchema = {}
        self._fields = 0

    def begin(self, root: JsonSchema) -> None:
        self._root = root
        self._fields = 0

    def any(self, node: Any, name: str, *, optional: bool, depth: int) -> tuple[Schema, Convert]:
        node = self._resolved(node)
        kinds, node = _kinds_of(node, self._resolved)
        optional = optional or "null" in kinds or not kinds
        kinds = kinds - {"null"}
        if kinds == {"integer", "number"}:
            kinds = {"number"}
        if len(kinds) != 1 or depth > DEPTH_MAX:
            return _built(SchemaBuilder.string(), optional), _optional(_json_text)
        kind = next(iter(kinds))
        if kind == "object":
            if isinstance(node.get("properties"), dict) and node["properties"]:
                return self.struct(node, name, optional=optional, depth=depth)
            return self._map(node, name, optional, depth)
        if kind == "array":
            return self._array(node, name, optional, depth)
        builder, convert = self._scalar(kind, node)
        return _built(builder, optional), _optional(convert)

    def struct(self, node: Any, name: str, *, optional: bool, depth: int) -> tuple[Schema, Convert]:
        builder = SchemaBuilder.struct().name(name)
        required = node.get("required")
        needed = set(required) if isinstance(required, list) else set()
        converts: dict[str, tuple[int, Convert]] = {}
        for index, (field, of_field) in enumerate(node["properties"].items()):
            self._fields += 1
            if self._fields > FIELDS_MAX:
                raise DataError(f"{name} has more than {FIELDS_MAX} fields")
            inner = f"{name}.{_NAME.sub('_', field)}"
            schema, convert = self.any(of_field, inner, optional=field not in needed, depth=depth + 1)
            builder.field(field, schema)
            converts[field] = index, convert
        if optional:
            builder.optional()
        schema = builder.build()
        return schema, _optional(_struct_convert(schema, converts))

    def _map(self, node: Any, name: str, optional: bool, depth: int) -> tuple[Schema, Convert]:
        values = node.get("additionalProperties")
        if not isinstance(values, dict) or not values:
            return _built(SchemaBuilder.string(), optional), _optional(_json_text)
        schema, convert = self.any(values, name, optional=True, depth=depth + 1)

        def to_map(value: Any, where: str) -> object:
            if not isinstance(value, dict):
                raise _misfit(where, "an object", value)
            return {key: convert(each, f"{where}.{key}") for key, each in value.items()}

        return _built(SchemaBuilder.map(SchemaBuilder.string().build(), schema), optional), _optional(to_map)

    def _array(self, node: Any, name: str, optional: bool, depth: int) -> tuple[Schema, Convert]:
        items = node.get("items")
        if not isinstance(items, dict) or not items:
            return _built(SchemaBuilder.string(), optional), _optional(_json_text)
        schema, convert = self.any(items, name, optional=True, depth=depth + 1)

        def to_list(value: Any, where: str) -> object:
            if not isinstance(value, list):
                raise _misfit(where, "an array", value)
            return [convert(each, f"{where}[{place}]") for place, each in enumerate(value)]

        return _built(SchemaBuilder.array(schema), optional), _optional(to_list)

    def _scalar(self, kind: str, node: Any) -> tuple[SchemaBuilder, Convert]:
        if kind == "integer":
            return SchemaBuilder.int64(), _integer
        if kind == "boolean":
            return SchemaBuilder.bool(), _boolean
        if kind == "number":
            scale = _scale(node.get("multipleOf"))
            return (SchemaBuilder.float64(), _double) if scale is None else (decimal_builder(scale), _decimal(scale))
        if kind != "string":
            return SchemaBuilder.string(), _json_text
        if not self._dates_as_text:
            match node.get("format"):
                case "date-time":
                    return timestamp_builder(), _timestamp
                case "date":
                    return date_builder(), _date
                case "time":
                    return time_builder(), _time
        return SchemaBuilder.string(), _text

    def _resolved(self, node: Any) -> Any:
        """A `$ref` within the same schema is followed, once for each level."""
        reference = node.get("$ref") if isinstance(node, dict) else None
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return node
        found: Any = self._root
        for part in reference[2:].split("/"):
            part = part.replace("~1", "/").replace("~0", "~")
            found = found.get(part) if isinstance(found, dict) else None
        return found if isinstance(found, dict) else {}


def _kinds_of(node: Any, resolve: Callable[[Any], Any]) -> tuple[set[str], Any]:
    """The types that a value may have, and the schema that says more of the only one that is not null."""
    if not isinstance(node, dict):
        return set(), {}
    kinds = node.get("type")
    if isinstance(kinds, str):
        return {kinds}, node
    if isinstance(kinds, list):
        return {each for each in kinds if isinstance(each, str)}, node
    choices = node.get("anyOf") or node.get("oneOf")
    if isinstance(choices, list):
        found: set[str] = set()
        detail: Any = {}
        structured = 0
        for choice in choices:
            kinds_of_one, of_one = _kinds_of(resolve(choice), resolve)
            found |= kinds_of_one or {"any", "null"}
            if kinds_of_one - {"null"}:
                detail, structured = of_one, structured + 1
        if structured > 1 and found - {"null"} & {"object", "array", "string"}:
            return _several(found), {}
        return found, detail
    if isinstance(node.get("properties"), dict):
        return {"object"}, node
    if "enum" in node and isinstance(node["enum"], list):
        return {_TYPES.get(type(each), "null" if each is None else "any") for each in node["enum"]}, node
    return set(), node


def _several(kinds: set[str]) -> set[str]:
    """Choices of one type that differ in what they say beside it: text, or JSON."""
    return kinds if kinds - {"null"} == {"string"} else {"any", "null"} if "null" in kinds else {"any"}


def _built(builder: SchemaBuilder, optional: bool) -> Schema:
    return builder.optional().build() if optional else builder.build()


def _optional(convert: Convert) -> Convert:
    """Null is nobody's but the schema's, which says whether it may be."""
    return lambda value, where: None if value is None else convert(value, where)


def _struct_convert(schema: Schema, converts: Mapping[str, tuple[int, Convert]]) -> Convert:
    required = [field for field in schema.fields if not field.schema.optional]

    def to_struct(value: Any, where: str) -> object:
        if not isinstance(value, dict):
            raise _misfit(where, "an object", value)
        struct = Struct(schema)
        values = struct.values
        for name, each in value.items():
            found = converts.get(name)
            if found is not None:
                index, convert = found
                values[index] = convert(each, f"{where}.{name}" if where else name)
            elif each is not None:
                raise UnknownFieldError(f"{f'{where}.{name}' if where else name} is no field of {schema.name}")
        for field in required:
            if values[field.index] is None:
                raise DataError(f"{f'{where}.' if where else ''}{field.name} is required, and not there")
        return struct

    return to_struct


def _misfit(where: str, wanted: str, value: object) -> DataError:
    shown = repr(value)
    return DataError(f"{where or 'the record'} is not {wanted}: {shown if len(shown) <= 100 else shown[:100] + '…'}")


def _json_text(value: Any, _where: str) -> object:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), default=_plain)


def _plain(value: object) -> object:
    """`Decimal`, as numbers with a point are read."""
    return float(value) if isinstance(value, Decimal) else str(value)


def _text(value: Any, where: str) -> object:
    if isinstance(value, str):
        return value
    raise _misfit(where, "text", value)


def _boolean(value: Any, where: str) -> object:
    if isinstance(value, bool):
        return value
    raise _misfit(where, "a boolean", value)


def _integer(value: Any, where: str) -> object:
    if isinstance(value, Decimal | float) and value == int(value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and -_INT64 <= value < _INT64:
        return value
    raise _misfit(where, "an integer of 64 bits", value)


def _double(value: Any, where: str) -> object:
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return float(value)
    raise _misfit(where, "a number", value)


def _decimal(scale: int) -> Convert:
    step = Decimal(1).scaleb(-scale)

    def to_decimal(value: Any, where: str) -> object:
        if not isinstance(value, int | float | Decimal) or isinstance(value, bool):
            raise _misfit(where, "a number", value)
        exact = value if isinstance(value, Decimal) else Decimal(str(value))
        try:
            rounded = exact.quantize(step, context=_EXACT)
        except InvalidOperation:
            raise _misfit(where, f"a decimal with {scale} digits behind the point", value) from None
        if rounded != exact:
            raise _misfit(where, f"a decimal with {scale} digits behind the point", value)
        return rounded

    return to_decimal


def _scale(multiple: Any) -> int | None:
    """Of 0.01 and its like; `None` where it is no power of ten below one."""
    if not isinstance(multiple, int | float | Decimal) or isinstance(multiple, bool) or not 0 < multiple <= 1:
        return None
    exact = Decimal(str(multiple)).normalize()
    digits = exact.as_tuple()
    scale = -digits.exponent if isinstance(digits.exponent, int) else -1
    return scale if digits.digits == (1,) and 0 <= scale <= SCALE_MAX else None


def _timestamp(value: Any, where: str) -> object:
    try:
        found = datetime.datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise _misfit(where, "a time with its date (RFC 3339)", value) from None
    return found if found.tzinfo is not None else found.replace(tzinfo=datetime.UTC)


def _date(value: Any, where: str) -> object:
    try:
        return datetime.date.fromisoformat(
            value[:10] if isinstance(value, str) and value[10:11] in ("T", " ") else value
        )
    except (TypeError, ValueError):
        raise _misfit(where, "a date (RFC 3339)", value) from None


def _time(value: Any, where: str) -> object:
    try:
        return datetime.time.fromisoformat(value).replace(tzinfo=None)
    except (TypeError, ValueError):
        raise _misfit(where, "a time of day (RFC 3339)", value) from None


def widened(json_schema: JsonSchema, record: Mapping[str, Any]) -> dict[str, Any]:
    """The schema with what else the record has; of a new field the type is that of its value."""
    properties = dict(json_schema.get("properties") or {})
    for name, value in record.items():
        if value is None:
            continue
        known = properties.get(name)
        if known is None:
            properties[name] = inferred(value)
        elif isinstance(value, dict) and isinstance(known, dict) and isinstance(known.get("properties"), dict):
            properties[name] = widened(known, value)
        elif isinstance(value, list) and isinstance(known, dict) and isinstance(known.get("items"), dict):
            items = known["items"]
            if isinstance(items.get("properties"), dict):
                for each in value:
                    items = widened(items, each) if isinstance(each, dict) else items
                properties[name] = {**known, "items": items}
    return {**json_schema, "properties": properties}


def inferred(value: object) -> dict[str, Any]:
    kind = _TYPES.get(type(value))
    return {} if kind is None else {"type": ["null", kind]}
