"""Avro's binary encoding of Connect's data, without a detour: one function a schema writes, one reads.

int, long zigzag varints · float, double little-endian · bytes, string a length before · array, map blocks of a count
and elements, 0 ends · union the branch's number before · record its fields · enum its symbol's number · fixed its bytes
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ottla.connect.api.errors import DataError
from ottla.connect.avro import names
from ottla.connect.avro.from_connect import INSTANTS, is_union
from ottla.connect.data import logical
from ottla.connect.data.java_hash import ordered, table_size
from ottla.connect.data.struct import Struct, as_key, validate_value
from ottla.connect.data.type import Float32, Int32, Type
from ottla.connect.data.values import type_of
from ottla.registry.schema.avro.types import Array, AvroType, Enum, Fixed, Map, Record, Union

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.connect.avro.names import AvroSettings
    from ottla.connect.data.schema import Schema

Write: TypeAlias = "Callable[[bytearray, Any], None]"
Read: TypeAlias = "Callable[[bytes, int], tuple[Any, int]]"

MAX_VARINT_BYTES: Final = 10
MAX_NESTING: Final = 200
"""Lists within lists without a schema."""
_FLOAT: Final = struct.Struct("<f")
_DOUBLE: Final = struct.Struct("<d")


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


def decode(type_: AvroType, schema: Schema | None, settings: AvroSettings) -> Callable[[bytes], Any]:
    """What reads a value; raises `DataError` for bytes that are not of that type."""
    read = _Reader(settings).anything() if schema is None else _Reader(settings).reader(type_, schema)

    def run(data: bytes) -> Any:
        try:
            return read(data, 0)[0]
        except (IndexError, struct.error, UnicodeDecodeError, RecursionError, OverflowError) as error:
            raise DataError(f"The bytes are not those of {type_.kind} in Avro: {error}") from error

    return run


def reader_of(type_: AvroType, schema: Schema | None, settings: AvroSettings) -> Read:
    """What reads one value amid others: (bytes, where it begins) → (value, where the next does). `DataError`."""
    read = _Reader(settings).anything() if schema is None else _Reader(settings).reader(type_, schema)

    def run(data: bytes, at: int) -> tuple[Any, int]:
        try:
            return read(data, at)
        except (IndexError, struct.error, UnicodeDecodeError, RecursionError, OverflowError) as error:
            raise DataError(f"The bytes are not those of {type_.kind} in Avro: {error}") from error

    return run


def write_long(out: bytearray, value: int) -> None:
    rest = (value << 1) ^ (value >> 63)
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)


def read_long(data: bytes, at: int) -> tuple[int, int]:
    byte = data[at]
    at += 1
    value = byte & 0x7F
    shift = 7
    while byte > 0x7F:
        if shift >= 7 * MAX_VARINT_BYTES:
            raise DataError("A number of Avro's has at most ten bytes")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
    return (value >> 1) ^ -(value & 1), at


def write_bytes(out: bytearray, value: Any) -> None:
    data = bytes(value)
    write_long(out, len(data))
    out += data


def _read_bytes(data: bytes, at: int) -> tuple[bytes, int]:
    length, at = read_long(data, at)
    if not 0 <= length <= len(data) - at:
        raise DataError(f"{length} bytes were announced, and {len(data) - at} are there")
    return data[at : at + length], at + length


def _write_text(out: bytearray, value: Any) -> None:
    write_bytes(out, value.encode("utf-8", "replace"))


def _read_text(data: bytes, at: int) -> tuple[str, int]:
    found, at = _read_bytes(data, at)
    return found.decode(), at


_WRITERS: Final[dict[str, Write]] = {
    "boolean": lambda out, value: out.append(1 if value else 0),
    "int": write_long,
    "long": write_long,
    "float": lambda out, value: out.extend(_FLOAT.pack(Float32(value))),
    "double": lambda out, value: out.extend(_DOUBLE.pack(value)),
    "bytes": write_bytes,
    "string": _write_text,
}
_READERS: Final[dict[str, Read]] = {
    "null": lambda _data, at: (None, at),
    "boolean": lambda data, at: (data[at] != 0, at + 1),
    "int": read_long,
    "long": read_long,
    "float": lambda data, at: (Float32(_FLOAT.unpack_from(data, at)[0]), at + 4),
    "double": lambda data, at: (_DOUBLE.unpack_from(data, at)[0], at + 8),
    "bytes": _read_bytes,
    "string": _read_text,
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
                    _write_text(out, key)
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


_ANYTHING: Final = ("boolean", "bytes", "double", "float", "int", "long", "string", "array", "map")
_FIELD_OF: Final = {
    Type.BOOLEAN: "boolean",
    Type.INT8: "int",
    Type.INT16: "int",
    Type.INT32: "int",
    Type.INT64: "long",
    Type.FLOAT32: "float",
    Type.FLOAT64: "double",
    Type.STRING: "string",
    Type.ARRAY: "array",
    Type.MAP: "map",
}
_NULLS: Final = {kind: (b"\0" * place, b"\0" * (len(_ANYTHING) - place - 1)) for place, kind in enumerate(_ANYTHING)}


def _write_anything(out: bytearray, value: Any, depth: int = 0) -> None:
    """A value without a schema: a record of nine fields, of which at most one is not null."""
    if value is None:
        out.extend(b"\0" * len(_ANYTHING))
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


class _Reader:
    def __init__(self, settings: AvroSettings) -> None:
        self._settings = settings

    def reader(self, type_: AvroType, schema: Schema) -> Read:
        if isinstance(type_, Union):
            return self._union(type_, schema)
        if schema.name in _LOGICAL:
            read, convert = self._plain(type_), _LOGICAL[schema.name]

            def run(data: bytes, at: int) -> tuple[Any, int]:
                value, at = read(data, at)
                return convert(schema, value), at

            return run
        if isinstance(type_, Record):
            return self._record(type_, schema)
        if isinstance(type_, Array) and schema.type is Type.MAP:
            return self._entries(type_, schema)
        if isinstance(type_, Array):
            assert schema.value_schema is not None
            return _blocks(self.reader(type_.items, schema.value_schema), list)
        if isinstance(type_, Map):
            assert schema.value_schema is not None
            return _blocks(_pairs(_read_text, self.reader(type_.values, schema.value_schema)), ordered_pairs)
        return self._plain(type_)

    def _plain(self, type_: AvroType) -> Read:
        if isinstance(type_, Enum):
            symbols = type_.symbols

            def symbol(data: bytes, at: int) -> tuple[Any, int]:
                place, at = read_long(data, at)
                if not 0 <= place < len(symbols):
                    raise DataError(f"{type_.name.full} has {len(symbols)} symbols, not a {place + 1}th")
                return symbols[place], at

            return symbol
        if isinstance(type_, Fixed):
            size = type_.size

            def fixed(data: bytes, at: int) -> tuple[Any, int]:
                if len(data) - at < size:
                    raise DataError(f"{type_.name.full} has {size} bytes, and {len(data) - at} are there")
                return data[at : at + size], at + size

            return fixed
        return _READERS[type_.kind]

    def _record(self, type_: Record, schema: Schema) -> Read:
        pairs = zip(type_.fields, schema.fields, strict=True)
        readers = [(field, self.reader(avro.type, field.schema)) for avro, field in pairs]

        def run(data: bytes, at: int) -> tuple[Any, int]:
            struct_ = Struct(schema)
            for field, read in readers:
                struct_.values[field.index], at = read(data, at)
            return struct_, at

        return run

    def _entries(self, type_: Array, schema: Schema) -> Read:
        assert isinstance(type_.items, Record)
        assert schema.key_schema is not None
        assert schema.value_schema is not None
        keys, values = schema.key_schema, schema.value_schema
        types = {field.name: field.type for field in type_.items.fields}
        pair = _pairs(self.reader(types[names.KEY], keys), self.reader(types[names.VALUE], values))
        return _blocks(pair, lambda found: _as_map(found, keys))

    def _union(self, type_: Union, schema: Schema) -> Read:
        readers: list[Read] = []
        is_struct = is_union(schema)
        for branch in type_.branches:
            if branch.kind == "null":
                readers.append(_READERS["null"])
            elif is_struct:
                readers.append(self._member(branch, schema))
            else:
                readers.append(self.reader(branch, schema))

        def run(data: bytes, at: int) -> tuple[Any, int]:
            place, at = read_long(data, at)
            if not 0 <= place < len(readers):
                raise DataError(f"A union of {len(readers)} branches has no {place + 1}th")
            return readers[place](data, at)

        return run

    def _member(self, branch: AvroType, schema: Schema) -> Read:
        field = schema.field(names.member_name(branch, self._settings.enhanced))
        assert field is not None
        read = self.reader(branch, field.schema)

        def run(data: bytes, at: int) -> tuple[Any, int]:
            value, at = read(data, at)
            return Struct(schema).put(field, value), at

        return run

    def anything(self) -> Read:
        def element(data: bytes, at: int) -> tuple[Any, int]:
            return run(data, at)

        pairs = _blocks(_pairs(element, element), lambda found: ordered({as_key(key): each for key, each in found}))
        readers = {**_READERS, "int": _read_int, "array": _blocks(element, list), "map": pairs}
        kinds = [readers[kind] for kind in _ANYTHING]

        def run(data: bytes, at: int) -> tuple[Any, int]:
            value = None
            for read in kinds:
                branch, at = read_long(data, at)
                if branch:
                    value, at = read(data, at)
            return value, at

        return run


def _read_int(data: bytes, at: int) -> tuple[Int32, int]:
    value, at = read_long(data, at)
    return Int32(value), at


def _pairs(read_key: Read, read_value: Read) -> Read:
    def run(data: bytes, at: int) -> tuple[Any, int]:
        key, at = read_key(data, at)
        value, at = read_value(data, at)
        return (key, value), at

    return run


def ordered_pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
    return ordered(dict(found), table_size(len(found)))


def _as_map(found: list[tuple[Any, Any]], keys: Schema) -> dict[Any, Any]:
    return ordered({as_key(key): each for key, each in found}, table_size(len(found)), keys)


def _blocks(read: Read, finish: Callable[[list[Any]], Any]) -> Read:
    """Counts of elements and the elements; a negative count has the block's size behind it."""

    def run(data: bytes, at: int) -> tuple[Any, int]:
        found: list[Any] = []
        while True:
            count, at = read_long(data, at)
            if count == 0:
                return finish(found), at
            if count < 0:
                count = -count
                _, at = read_long(data, at)
            if count > len(data) + 1:
                raise DataError(f"{count} elements were announced, and {len(data) - at} bytes are there")
            for _ in range(count):
                each, at = read(data, at)
                found.append(each)

    return run


_LOGICAL: Final[dict[str | None, Callable[[Schema, Any], object]]] = {
    logical.DECIMAL: logical.decimal_to_logical,
    logical.DATE: logical.date_to_logical,
    logical.TIME: logical.time_to_logical,
    logical.TIMESTAMP: logical.timestamp_to_logical,
}
