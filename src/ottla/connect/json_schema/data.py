"""Data under a JSON Schema: JSON as `JsonConverter` has it, but maps without text for keys, and unions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import DataError
from ottla.connect.converters.json_reader import JsonReader, Reader
from ottla.connect.converters.json_writer import JsonWriter, Writer
from ottla.connect.data.java_hash import ordered
from ottla.connect.data.struct import Struct, as_key
from ottla.connect.data.type import INTEGER_BITS, Type
from ottla.connect.json_schema import names

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.connect.data.schema import Schema


class JsonSchemaWriter(JsonWriter):
    """A map without text for keys is `[{"key": …, "value": …}]`, a union the field of it that is not null."""

    def _map(self, schema: Schema) -> Writer:
        if names.has_text_keys(schema):
            return super()._map(schema)
        keys, values = self.writer(schema.key_schema), self.writer(schema.value_schema)

        def write(value: object) -> str:
            if not isinstance(value, dict):
                raise DataError(f"Invalid value for {schema}: {type(value).__name__}")
            return "[" + ",".join(f'{{"key":{keys(key)},"value":{values(each)}}}' for key, each in value.items()) + "]"

        return write

    def _struct(self, schema: Schema) -> Writer:
        if not names.is_union(schema):
            return super()._struct(schema)
        writers = [self.writer(field.schema) for field in schema.fields]

        def write(value: object) -> str:
            if not isinstance(value, Struct):
                raise DataError(f"Invalid value for {schema}: {type(value).__name__}")
            found = ((part, each) for part, each in zip(writers, value.values, strict=True) if each is not None)
            for part, each in found:
                return part(each)
            return "null"

        return write


class JsonSchemaReader(JsonReader):
    def _map(self, schema: Schema) -> Reader:
        if names.has_text_keys(schema):
            return super()._map(schema)
        keys, values = self.reader(schema.key_schema), self.reader(schema.value_schema)

        def read(node: Any) -> object:
            if not isinstance(node, list) or not all(isinstance(each, dict) and len(each) == 2 for each in node):
                raise DataError("A map without text for keys is a list of objects of key and value")
            found = {as_key(keys(each.get(names.KEY))): values(each.get(names.VALUE)) for each in node}
            return ordered(found, key_schema=schema.key_schema)

        return read

    def _struct(self, schema: Schema) -> Reader:
        if not names.is_union(schema):
            return super()._struct(schema)
        readers = [(field, self.reader(field.schema)) for field in schema.fields]

        def read(node: Any) -> object:
            best, most = None, 0
            for field, read_field in readers:
                if field.schema.type in _FITS and _FITS[field.schema.type](node):
                    return Struct(schema).put(field, read_field(node))
                common = _common_fields(field.schema, node)
                if common > most:
                    best, most = (field, read_field), common
            if best is None:
                raise DataError(f"None of the branches of a oneOf is like {str(node)[:100]}")
            return Struct(schema).put(best[0], best[1](node))

        return read


def _is_integer(node: Any) -> bool:
    return isinstance(node, int) and not isinstance(node, bool)


_FITS: Final[dict[Type, Callable[[Any], bool]]] = {
    **dict.fromkeys(INTEGER_BITS, _is_integer),
    Type.FLOAT32: lambda node: not isinstance(node, bool | str | list | dict),
    Type.FLOAT64: lambda node: not isinstance(node, bool | str | list | dict),
    Type.BOOLEAN: lambda node: isinstance(node, bool),
    Type.STRING: lambda node: isinstance(node, str),
    Type.ARRAY: lambda node: isinstance(node, list),
    Type.MAP: lambda node: isinstance(node, list | dict),
}


def _common_fields(schema: Schema, node: Any) -> int:
    """How many fields an object has in common with a struct, those of structs within it, too."""
    if schema.type is not Type.STRUCT or not isinstance(node, dict):
        return 0
    common = [field for field in schema.fields if field.name in node]
    return len(common) + sum(_common_fields(field.schema, node[field.name]) for field in common)
