"""Connect's data from JSON, as lenient as `JsonConverter`: what has another type than its schema is 0, null or empty.

`parse_json` reads text into plain Python (numbers with a point as `Decimal`); `JsonReader.reader(schema)` turns that
into data of a schema, `read_schema` into a schema.
"""

from __future__ import annotations

import base64
import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias

from ottla.connect.api.errors import DataError, SchemaBuilderError
from ottla.connect.data import logical
from ottla.connect.data.java_hash import ordered
from ottla.connect.data.java_numbers import narrow, parse_decimal, to_long
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct, as_key
from ottla.connect.data.type import Float32, Type, wrap

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.connect.data.schema import Schema

Reader: TypeAlias = "Callable[[Any], object]"

MISSING: Final = object()
"""What stands in bytes that hold nothing."""
_LEADING_ZEROS: Final = re.compile(r'"(?:[^"\\]|\\.)*"|(?<![0-9.eE+-])(-?)0+(?=[0-9])', re.DOTALL)
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_INT: Final = 1 << 31
_BYTE_ORDER_MARK: Final = "\ufeff"
_TYPES: Final = {kind.value: kind for kind in Type if kind not in (Type.FLOAT32, Type.FLOAT64)} | {
    "float": Type.FLOAT32,
    "double": Type.FLOAT64,
}


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _number(text: str) -> Decimal:
    number = parse_decimal(text)
    if number is None:
        raise ValueError(f"{text[:50]} has too large an exponent")
    return number


def _double_of(text: str) -> float:
    value = float(text)
    if value == 0 or value - value != 0:
        _number(text)
        return value or 0.0
    return value


EXACT: Final = json.JSONDecoder(parse_float=_number, parse_constant=_refuse)
DOUBLES: Final = json.JSONDecoder(parse_float=_double_of, parse_constant=_refuse)
"""Where there is no schema every number with a point becomes a double."""


def decode_text(data: bytes) -> str:
    """UTF-8, or UTF-16 or 32 as JSON begins in it. Raises `DataError`."""
    encoding = json.detect_encoding(data)
    try:
        return data.decode("utf-8" if encoding.startswith("utf-8") else encoding).removeprefix(_BYTE_ORDER_MARK)
    except UnicodeDecodeError as error:
        raise DataError(f"The bytes are no JSON: {error}") from error


def parse_json(text: str, decoder: json.JSONDecoder) -> Any:
    """The first value in the text, or `MISSING`; what comes behind it is not looked at. Raises `DataError`."""
    start = _space_end(text, 0)
    if start == len(text):
        return MISSING
    try:
        value, behind = _decode(text, start, decoder)
    except (ValueError, RecursionError) as error:
        raise DataError(f"The bytes are no JSON: {error}") from error
    if isinstance(value, int | float | Decimal) and behind.strip(" \t\r\n") != "":
        raise DataError(f"The bytes are no JSON: behind the number stands {behind!r}")
    return value


def _decode(text: str, start: int, decoder: json.JSONDecoder) -> tuple[Any, str]:
    """The value and the character behind it. Numbers may begin with zeros."""
    try:
        value, end = decoder.raw_decode(text, start)
        if not (value == 0 and text[end : end + 1].isdigit()):
            return value, text[end : end + 1]
        raise ValueError("behind a zero stands a digit")
    except ValueError:
        without = _LEADING_ZEROS.sub(lambda found: found[0] if found[1] is None else found[1], text)
        if without == text:
            raise
        value, end = decoder.raw_decode(without, _space_end(without, 0))
        return value, without[end : end + 1]


def _space_end(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


class JsonReader:
    def __init__(self, *, replace_null: bool) -> None:
        self._replace_null = replace_null

    def reader(self, schema: Schema | None) -> Reader:
        if schema is None:
            return read_plain
        read_present = self._present(schema)

        def read(node: Any) -> object:
            if node is not None:
                return read_present(node)
            if schema.default_value is not None and self._replace_null:
                return schema.default_value
            if schema.optional:
                return None
            raise DataError(f"null for {schema}, which is required")

        return read

    def _present(self, schema: Schema) -> Reader:
        if schema.name in _LOGICAL:
            convert = _LOGICAL[schema.name]
            return lambda node: convert(schema, node)
        if schema.type is Type.ARRAY:
            element = self.reader(schema.value_schema)
            return lambda node: [element(each) for each in _elements(node)]
        if schema.type is Type.MAP:
            return self._map(schema)
        if schema.type is Type.STRUCT:
            return self._struct(schema)
        return _PRIMITIVES[schema.type]

    def _map(self, schema: Schema) -> Reader:
        keys, values = self.reader(schema.key_schema), self.reader(schema.value_schema)

        def read_object(node: Any) -> object:
            if not isinstance(node, dict):
                raise DataError(f"A map with text for keys is a JSON object, not {type(node).__name__}")
            return ordered({name: values(each) for name, each in node.items()})

        def read_pairs(node: Any) -> object:
            if not isinstance(node, list):
                raise DataError(f"A map without text for keys is a list of pairs, not {type(node).__name__}")
            for pair in node:
                if not isinstance(pair, list) or len(pair) != 2:
                    raise DataError(f"An entry of a map is a list of two, not {str(pair)[:50]}")
            return ordered({as_key(keys(key)): values(each) for key, each in node}, key_schema=schema.key_schema)

        by_name = schema.key_schema is not None and schema.key_schema.type is Type.STRING
        return read_object if by_name else read_pairs

    def _struct(self, schema: Schema) -> Reader:
        # What is read of a number, a boolean, text or bytes fits to its schema, unless it is null.
        fields = [(field, self.reader(field.schema), field.schema.type in _PRIMITIVES) for field in schema.fields]

        def read(node: Any) -> object:
            if not isinstance(node, dict):
                raise DataError(f"A struct is a JSON object, not {type(node).__name__}")
            struct = Struct(schema)
            for field, read_field, is_checked in fields:
                value = read_field(node.get(field.name))
                if is_checked and value is not None:
                    struct.values[field.index] = value
                else:
                    struct.put(field, value)
            return struct

        return read

    def read_schema(self, node: Any) -> Schema | None:
        """`asConnectSchema`. Raises `DataError` where the JSON says no schema."""
        if node is None:
            return None
        kind = node.get("type") if isinstance(node, dict) else None
        if not isinstance(kind, str):
            raise DataError("A schema has a field 'type' with its name")
        if kind not in _TYPES:
            raise DataError(f"Unknown type of a schema: {kind}")
        builder = self._schema_builder(_TYPES[kind], node)
        if node.get("optional") is True:
            builder.optional()
        else:
            builder.required()
        if isinstance(name := node.get("name"), str):
            builder.name(name)
        if isinstance(version := node.get("version"), int) and not isinstance(version, bool):
            builder.version(wrap(version, 32))
        if isinstance(doc := node.get("doc"), str):
            builder.doc(doc)
        if isinstance(parameters := node.get("parameters"), dict):
            for parameter, value in parameters.items():
                if not isinstance(value, str):
                    raise DataError(f"The parameter {parameter} of a schema is text, not {type(value).__name__}")
                builder.parameter(parameter, value)
        if "default" in node:
            builder.default(self.reader(builder.build())(node["default"]))
        return builder.build()

    def _schema_builder(self, kind: Type, node: dict[str, Any]) -> SchemaBuilder:
        if kind is Type.ARRAY:
            return SchemaBuilder.array(self._part(node, "items"))
        if kind is Type.MAP:
            return SchemaBuilder.map(self._part(node, "keys"), self._part(node, "values"))
        builder = SchemaBuilder(kind)
        if kind is Type.STRUCT:
            fields = node.get("fields")
            if not isinstance(fields, list):
                raise DataError('"fields" of a struct\'s schema is a list')
            for field in fields:
                name = field.get("field") if isinstance(field, dict) else None
                if not isinstance(name, str):
                    raise DataError('A field of a struct\'s schema has its name in "field"')
                schema = self.read_schema(field)
                assert schema is not None
                builder.field(name, schema)
        return builder

    def _part(self, node: dict[str, Any], name: str) -> Schema:
        schema = self.read_schema(node.get(name))
        if schema is None:
            kind = SchemaBuilderError if name in node and name != "items" else DataError
            raise kind(f'A schema of type {node.get("type")} has the schema of its parts in "{name}"')
        return schema


def read_plain(node: Any) -> object:
    """Data without a schema: integers of 64 bits, doubles, lists, maps."""
    if node is None or isinstance(node, bool | str):
        return node
    if isinstance(node, int):
        return wrap(node, 64)
    if isinstance(node, float | Decimal):
        return float(node)
    if isinstance(node, list):
        return [read_plain(each) for each in node]
    return ordered({name: read_plain(each) for name, each in node.items()})


def _elements(node: Any) -> list[Any]:
    if isinstance(node, list):
        return node
    return list(node.values()) if isinstance(node, dict) else []


def _is_number(node: Any) -> bool:
    return isinstance(node, int | float | Decimal) and not isinstance(node, bool)


def _integer(bits: int) -> Reader:
    return lambda node: narrow(node, bits) if _is_number(node) else 0


def _double(node: Any) -> float:
    try:
        return float(node) if _is_number(node) else 0.0
    except OverflowError:
        return float("inf") if node > 0 else float("-inf")


def _bytes(node: Any) -> bytes | None:
    if not isinstance(node, str):
        return None
    try:
        return base64.b64decode("".join(node.split()), validate=True)
    except ValueError as error:
        raise DataError(f"The text is no base64: {error}") from error


_PRIMITIVES: Final[dict[Type, Reader]] = {
    Type.BOOLEAN: lambda node: node is True,
    Type.INT8: _integer(8),
    Type.INT16: _integer(16),
    Type.INT32: _integer(32),
    Type.INT64: lambda node: to_long(node) if _is_number(node) else 0,
    Type.FLOAT32: lambda node: Float32(_double(node)),
    Type.FLOAT64: _double,
    Type.STRING: lambda node: node if isinstance(node, str) else None,
    Type.BYTES: _bytes,
}


def _decimal(schema: Schema, node: Any) -> object:
    if _is_number(node):
        return Decimal(node)
    data = _bytes(node)
    if data is None:
        raise DataError(f"A Decimal is a number or base64, not {type(node).__name__}")
    return logical.decimal_to_logical(schema, data)


def _int(node: Any, what: str) -> int:
    if not isinstance(node, int) or isinstance(node, bool) or not -_INT <= node < _INT:
        raise DataError(f"A {what} is an integer of 32 bits, not {str(node)[:50]}")
    return node


def _timestamp(schema: Schema, node: Any) -> object:
    if not isinstance(node, int) or isinstance(node, bool):
        raise DataError(f"A Timestamp is an integer, not {str(node)[:50]}")
    return logical.timestamp_to_logical(schema, wrap(node, 64))


_LOGICAL: Final[dict[str | None, Callable[[Schema, Any], object]]] = {
    logical.DECIMAL: _decimal,
    logical.DATE: lambda schema, node: logical.date_to_logical(schema, _int(node, "Date")),
    logical.TIME: lambda schema, node: logical.time_to_logical(schema, _int(node, "Time")),
    logical.TIMESTAMP: _timestamp,
}
