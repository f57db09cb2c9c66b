"""Connect's data as JSON, as `JsonConverter` has Jackson write it, byte for byte.

One function a schema is put together from those of its parts, and kept: `JsonWriter.writer(schema)(value)` is the text.
"""

from __future__ import annotations

import base64
import re
from collections import OrderedDict
from decimal import Decimal
from json.encoder import encode_basestring
from math import isfinite
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ottla.connect.api.errors import DataError
from ottla.connect.data import logical
from ottla.connect.data.java_numbers import double_text, float_text
from ottla.connect.data.struct import Struct
from ottla.connect.data.type import INTEGER_BITS, INTEGER_HALF, Float32, Type

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.connect.data.schema import Schema

Writer: TypeAlias = "Callable[[Any], str]"

_NAMES: Final = {Type.FLOAT32: "float", Type.FLOAT64: "double"}
_LOW_ESCAPE: Final = re.compile(r"\\u00[01][0-9a-f]|\\\\")
_SURROGATES: Final = re.compile(r"[\ud800-\udfff\U00010000-\U0010ffff]")
_LONG: Final = 1 << 63


class _Kept:
    __slots__ = ("schema_text", "write")

    def __init__(self, write: Writer) -> None:
        self.write = write
        self.schema_text: str | None = None


class JsonWriter:
    """`base64` for decimals as bytes, else as numbers; at most `max_schemas` schemas are kept."""

    def __init__(self, *, decimals_as_base64: bool, replace_null: bool, max_schemas: int) -> None:
        self._decimals_as_base64 = decimals_as_base64
        self._replace_null = replace_null
        self._max_schemas = max_schemas
        self._writers: OrderedDict[Schema, _Kept] = OrderedDict()
        self._last: tuple[Schema | None, _Kept] = None, _Kept(write_plain)

    def write(self, schema: Schema | None, value: object) -> str:
        """The text of a value."""
        return write_plain(value) if schema is None else self._kept(schema).write(value)

    def write_schema(self, schema: Schema | None) -> str:
        """The text of the schema itself (`asJsonSchema`)."""
        if schema is None:
            return "null"
        kept = self._kept(schema)
        if kept.schema_text is None:
            kept.schema_text = self._schema_text(schema)
        return kept.schema_text

    def _kept(self, schema: Schema) -> _Kept:
        last, found = self._last
        if schema is last:
            return found
        known = self._writers.get(schema)
        if known is None:
            known = self._writers[schema] = _Kept(self.writer(schema))
            if len(self._writers) > self._max_schemas:
                self._writers.popitem(last=False)
        self._last = schema, known
        return known

    def writer(self, schema: Schema | None) -> Writer:
        if schema is None:
            return write_plain
        write_present = self._present(schema)
        write_null = self._null(schema, write_present)

        def write(value: object) -> str:
            return write_null() if value is None else write_present(value)

        return write

    def _null(self, schema: Schema, write_present: Writer) -> Callable[[], str]:
        default = schema.default_value
        if default is not None and self._replace_null:
            return lambda: write_present(default)
        if schema.optional:
            return lambda: "null"

        def refuse() -> str:
            raise DataError(f"null for {schema}, which is required and has no default")

        return refuse

    def _present(self, schema: Schema) -> Writer:
        """Of a value that is not null."""
        if schema.name == logical.DECIMAL:
            return self._decimal(schema)
        if schema.name in _INSTANTS:
            from_logical = _INSTANTS[schema.name]
            return lambda value: str(from_logical(schema, _instant(schema, value)))
        if schema.type in INTEGER_BITS:
            return _integer(schema)
        if schema.type is Type.ARRAY:
            return self._array(schema)
        if schema.type is Type.MAP:
            return self._map(schema)
        if schema.type is Type.STRUCT:
            return self._struct(schema)
        write, kinds = _PRIMITIVES[schema.type]

        def write_primitive(value: object) -> str:
            if not isinstance(value, kinds) or (isinstance(value, bool) and kinds is not bool):
                raise _misfit(schema, value)
            return write(value)

        return write_primitive

    def _decimal(self, schema: Schema) -> Writer:
        def write(value: object) -> str:
            if not isinstance(value, Decimal):
                raise _misfit(schema, value)
            if self._decimals_as_base64:
                return _base64(logical.decimal_from_logical(schema, value))
            logical.scale(value)
            return str(value.copy_abs() if value.is_zero() else value)

        return write

    def _array(self, schema: Schema) -> Writer:
        element = self.writer(schema.value_schema)

        def write(value: object) -> str:
            if not isinstance(value, list | tuple):
                raise _misfit(schema, value)
            return "[" + ",".join([element(each) for each in value]) + "]"

        return write

    def _map(self, schema: Schema) -> Writer:
        keys, values = self.writer(schema.key_schema), self.writer(schema.value_schema)
        as_object = schema.key_schema is not None and schema.key_schema.type is Type.STRING

        def write(value: object) -> str:
            if not isinstance(value, dict):
                raise _misfit(schema, value)
            if not as_object:
                return "[" + ",".join([f"[{keys(key)},{values(each)}]" for key, each in value.items()]) + "]"
            texts = {keys(key): values(each) for key, each in value.items()}
            return "{" + ",".join([f"{_named(key)}:{text}" for key, text in texts.items()]) + "}"

        return write

    def _struct(self, schema: Schema) -> Writer:
        parts = [(f"{quote(field.name)}:", self.writer(field.schema)) for field in schema.fields]

        def write(value: object) -> str:
            if not isinstance(value, Struct):
                raise _misfit(schema, value)
            if value.schema is not schema and value.schema != schema:
                raise DataError(f"The struct has another schema than {schema}")
            texts = [name + part(each) for (name, part), each in zip(parts, value.values, strict=True)]
            return "{" + ",".join(texts) + "}"

        return write

    def _schema_text(self, schema: Schema, field: str | None = None) -> str:
        parts = [f'"type":"{_NAMES.get(schema.type, schema.type.value)}"']
        if schema.type is Type.ARRAY:
            parts.append(f'"items":{self._part_text(schema.value_schema)}')
        elif schema.type is Type.MAP:
            parts.append(f'"keys":{self._part_text(schema.key_schema)}')
            parts.append(f'"values":{self._part_text(schema.value_schema)}')
        elif schema.type is Type.STRUCT:
            fields = ",".join(self._schema_text(each.schema, each.name) for each in schema.fields)
            parts.append(f'"fields":[{fields}]')
        parts.append(f'"optional":{"true" if schema.optional else "false"}')
        if schema.name is not None:
            parts.append(f'"name":{quote(schema.name)}')
        if schema.version is not None:
            parts.append(f'"version":{schema.version}')
        if schema.doc is not None:
            parts.append(f'"doc":{quote(schema.doc)}')
        if schema.parameters is not None:
            pairs = ",".join(f"{quote(name)}:{quote(value)}" for name, value in schema.parameters.items())
            parts.append(f'"parameters":{{{pairs}}}')
        if schema.default_value is not None:
            parts.append(f'"default":{self.writer(schema)(schema.default_value)}')
        if field is not None:
            parts.append(f'"field":{quote(field)}')
        return "{" + ",".join(parts) + "}"

    def _part_text(self, schema: Schema | None) -> str:
        return "null" if schema is None else self._schema_text(schema)


def quote(text: str) -> str:
    """A JSON string as Jackson writes it: escapes are in capitals, surrogate pairs are escaped."""
    quoted: str = encode_basestring(text)
    if not quoted.isascii():
        quoted = _SURROGATES.sub(_escaped, quoted)
    if "\\u00" in quoted:
        return _LOW_ESCAPE.sub(lambda found: "\\u" + found[0][2:].upper() if found[0] != "\\\\" else found[0], quoted)
    return quoted


def _escaped(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{high:02X}{low:02X}" for high, low in zip(units[::2], units[1::2], strict=True))


def write_plain(value: object) -> str:
    """A value without a schema."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        if not -_LONG <= value < _LONG:
            raise DataError(f"An integer without a schema has at most 64 bits: {value}")
        return str(int(value))
    if isinstance(value, float):
        return _write_float(value) if isinstance(value, Float32) else _write_double(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return _base64(bytes(value))
    if isinstance(value, list | tuple):
        return "[" + ",".join([write_plain(each) for each in value]) + "]"
    if isinstance(value, dict):
        if all(isinstance(key, str) for key in value):
            return "{" + ",".join([f"{quote(key)}:{write_plain(each)}" for key, each in value.items()]) + "}"
        return "[" + ",".join([f"[{write_plain(key)},{write_plain(each)}]" for key, each in value.items()]) + "]"
    if isinstance(value, Struct):
        raise DataError("A struct cannot be written without its schema")
    raise DataError(f"A value of type {type(value).__name__} needs a schema")


def _write_float(value: float) -> str:
    return float_text(value) if isfinite(value) else f'"{float_text(value)}"'


def _write_double(value: float) -> str:
    return double_text(value) if isfinite(value) else f'"{double_text(value)}"'


def _base64(data: bytes) -> str:
    return f'"{base64.b64encode(data).decode()}"'


def _named(key: str) -> str:
    """A key that is null becomes the name "null"."""
    return key if key.startswith('"') else f'"{key}"'


def _integer(schema: Schema) -> Writer:
    half = INTEGER_HALF[schema.type]

    def write(value: object) -> str:
        if not isinstance(value, int) or isinstance(value, bool) or not -half <= value < half:
            raise _misfit(schema, value)
        return str(int(value))

    return write


def _instant(schema: Schema, value: object) -> logical.Instant:
    if not isinstance(value, logical.INSTANT):
        raise _misfit(schema, value)
    return value


def _misfit(schema: Schema, value: object) -> DataError:
    return DataError(f"Invalid value for {schema}: {type(value).__name__} {value!r}"[:300])


_INSTANTS: Final = {
    logical.DATE: logical.date_from_logical,
    logical.TIME: logical.time_from_logical,
    logical.TIMESTAMP: logical.timestamp_from_logical,
}
_PRIMITIVES: Final[dict[Type, tuple[Writer, Any]]] = {
    Type.FLOAT32: (lambda value: _write_float(float(value)), (float, int)),
    Type.FLOAT64: (lambda value: _write_double(float(value)), (float, int)),
    Type.BOOLEAN: (lambda value: "true" if value else "false", bool),
    Type.STRING: (quote, str),
    Type.BYTES: (lambda value: _base64(bytes(value)), (bytes, bytearray, memoryview)),
}
