"""Connect's data ─► Avro's binary encoding: one function a schema, without a detour.

array, map a block of a count and elements, 0 ends · union the branch's number before · record its fields · enum its
symbol's number · fixed its bytes
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import DataError
from ottla.connect.avro.binary import ANYTHING, DOUBLE, FLOAT, write_bytes, write_long, write_text
from ottla.connect.avro.from_connect import INSTANTS, PRIMITIVES, is_union
from ottla.connect.data import logical
from ottla.connect.data.java_hash import ordered
from ottla.connect.data.struct import validate_value
from ottla.connect.data.type import Float32, Type
from ottla.connect.data.values import type_of
from ottla.registry.schema.avro.types import Array, AvroType, Enum, Fixed, Map, Record, Union

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.connect.avro.binary import Write
    from ottla.connect.avro.names import AvroSettings
    from ottla.connect.data.schema import Schema

MAX_NESTING: Final = 200
"""Lists within lists without a schema."""


def encode(schema: Schema | None, type_: AvroType, settings: AvroSettings) -> Callable[[Any], bytes]:
    """What writes a value of that schema as that Avro type; raises `DataError` for one that does not fit."""
    write = _write_anything if schema is None else _Writer(settings).writer(schema, type_)

    def run(value: Any) -> bytes:
        if schema is not None:
            validate_value(schema, value)
        out = bytearray()
        write(out, value)
        return bytes(out)

    return run


_WRITERS: Final[dict[str, Write]] = {
    "boolean": lambda out, value: out.append(1 if value else 0),
    "int": write_long,
    "long": write_long,
    "float": lambda out, value: out.extend(FLOAT.pack(Float32(value))),
    "double": lambda out, value: out.extend(DOUBLE.pack(value)),
    "bytes": write_bytes,
    "string": write_text,
}


class _Writer:
    def __init__(self, settings: AvroSettings) -> None:
        self._settings = settings

    def writer(self, schema: Schema, type_: AvroType) -> Write:
        if isinstance(type_, Union):
            return self._branches(schema, type_)
        write = self._present(schema, type_)

        def run(out: bytearray, value: Any) -> None:
            if value is None:
                raise DataError(f"null for {schema}, which is required")
            write(out, value)

        return run

    def _branches(self, schema: Schema, type_: Union) -> Write:
        if is_union(schema):
            return self._union(schema, type_)
        kinds = [branch.kind for branch in type_.branches]
        null, place = kinds.index("null"), 1 - kinds.index("null")
        write = self._present(schema, type_.branches[place])

        def run(out: bytearray, value: Any) -> None:
            if value is None:
                write_long(out, null)
            else:
                write_long(out, place)
                write(out, value)

        return run

    def _union(self, schema: Schema, type_: Union) -> Write:
        first = 1 if type_.branches and type_.branches[0].kind == "null" else 0
        writers = [
            self._present(field.schema, branch)
            for field, branch in zip(schema.fields, type_.branches[first:], strict=True)
        ]

        def run(out: bytearray, value: Any) -> None:
            for place, each in enumerate(value.values if value is not None else ()):
                if each is not None:
                    write_long(out, place + first)
                    writers[place](out, each)
                    return
            if not first:
                raise DataError(f"None of the fields of {schema}, a union, has a value")
            write_long(out, 0)

        return run

    def _present(self, schema: Schema, type_: AvroType) -> Write:
        """Of a value that is not null."""
        if schema.name == logical.DECIMAL:
            return self._decimal(schema, type_)
        if schema.name in INSTANTS:
            convert = INSTANTS[schema.name]
            return lambda out, value: write_long(out, convert(schema, value))
        if isinstance(type_, Record):
            return self._record(schema, type_)
        if isinstance(type_, Array):
            return self._entries(schema, type_) if schema.type is Type.MAP else self._array(schema, type_)
        if isinstance(type_, Map):
            return self._map(schema, type_)
        if isinstance(type_, Enum):
            return _enum_writer(type_)
        if isinstance(type_, Fixed):
            return _fixed_writer(type_)
        return _WRITERS[type_.kind]

    def _decimal(self, schema: Schema, type_: AvroType) -> Write:
        if not isinstance(type_, Fixed):
            return lambda out, value: write_bytes(out, logical.decimal_from_logical(schema, value))
        size = type_.size

        def run(out: bytearray, value: Any) -> None:
            data = logical.decimal_from_logical(schema, value)
            if len(data) > size:
                raise DataError(f"The decimal {value} needs {len(data)} bytes, and {schema} has {size}")
            out.extend((b"\xff" if data[0] & 0x80 else b"\0") * (size - len(data)) + data)

        return run

    def _record(self, schema: Schema, type_: Record) -> Write:
        pairs = zip(schema.fields, type_.fields, strict=True)
        writers = [(field, self.writer(field.schema, avro.type)) for field, avro in pairs]
        with_default = not self._settings.ignore_default_for_nullables

        def run(out: bytearray, value: Any) -> None:
            for field, write in writers:
                write(out, value.get(field) if with_default else value.values[field.index])

        return run

    def _array(self, schema: Schema, type_: Array) -> Write:
        assert schema.value_schema is not None
        write = self.writer(schema.value_schema, type_.items)

        def run(out: bytearray, value: Any) -> None:
            if value:
                write_long(out, len(value))
                for each in value:
                    write(out, each)
            out.append(0)

        return run

    def _map(self, schema: Schema, type_: Map) -> Write:
        assert schema.value_schema is not None
        write = self.writer(schema.value_schema, type_.values)

        def run(out: bytearray, value: Any) -> None:
            if value:
                write_long(out, len(value))
                for key, each in ordered(value).items():
                    if key is None:
                        raise DataError("Avro has no map with null for a key")
                    write_text(out, key)
                    write(out, each)
            out.append(0)

        return run

    def _entries(self, schema: Schema, type_: Array) -> Write:
        assert isinstance(type_.items, Record)
        assert schema.key_schema is not None
        assert schema.value_schema is not None
        key_type, value_type = (field.type for field in type_.items.fields)
        write_key = self.writer(schema.key_schema, key_type)
        write_value = self.writer(schema.value_schema, value_type)

        def run(out: bytearray, value: Any) -> None:
            if value:
                write_long(out, len(value))
                for key, each in value.items():
                    write_key(out, key)
                    write_value(out, each)
            out.append(0)

        return run


def _enum_writer(type_: Enum) -> Write:
    places = {symbol: place for place, symbol in enumerate(type_.symbols)}

    def run(out: bytearray, value: Any) -> None:
        if value not in places:
            raise DataError(f"{value!r} is none of the symbols of {type_.name.full}: {', '.join(places)}")
        write_long(out, places[value])

    return run


def _fixed_writer(type_: Fixed) -> Write:
    def run(out: bytearray, value: Any) -> None:
        if len(value) != type_.size:
            raise DataError(f"{type_.name.full} has {type_.size} bytes, not {len(value)}")
        out.extend(value)

    return run


_FIELD_OF: Final = {type_: kind for type_, kind in PRIMITIVES.items() if kind != "bytes"} | {
    Type.ARRAY: "array",
    Type.MAP: "map",
}
"""Bytes need a schema, as in Java (`AvroData.schemaTypeForSchemalessJavaType`)."""
_NULLS: Final = {kind: (b"\0" * place, b"\0" * (len(ANYTHING) - place - 1)) for place, kind in enumerate(ANYTHING)}


def _write_anything(out: bytearray, value: Any, depth: int = 0) -> None:
    """A value without a schema: a record of nine fields, of which at most one is not null."""
    if value is None:
        out.extend(b"\0" * len(ANYTHING))
        return
    kind = _FIELD_OF.get(kind_of) if (kind_of := type_of(value)) is not None else None
    if kind is None or depth > MAX_NESTING:
        raise DataError(f"A value of type {type(value).__name__} needs a schema to be written as Avro")
    before, behind = _NULLS[kind]
    out.extend(before + b"\2")
    if kind in ("array", "map"):
        if value:
            write_long(out, len(value))
        for each in value:
            _write_anything(out, each, depth + 1)
            if kind == "map":
                _write_anything(out, value[each], depth + 1)
        out.append(0)
    else:
        _WRITERS[kind](out, value)
    out.extend(behind)
