"""Avro's binary encoding ─► Connect's data: one function a schema, without a detour; `encoder.py` the other way."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import DataError
from ottla.connect.avro import names
from ottla.connect.avro.binary import ANYTHING, DOUBLE, FLOAT, read_bytes, read_long, read_text
from ottla.connect.avro.from_connect import is_union
from ottla.connect.data import logical
from ottla.connect.data.java_hash import ordered, table_size
from ottla.connect.data.struct import Struct, as_key
from ottla.connect.data.type import Float32, Int32, Type
from ottla.registry.schema.avro.types import Array, AvroType, Enum, Fixed, Map, Record, Union

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.connect.avro.binary import Read
    from ottla.connect.avro.names import AvroSettings
    from ottla.connect.data.schema import Schema


def decode(type_: AvroType, schema: Schema | None, settings: AvroSettings) -> Callable[[bytes], Any]:
    """What reads a value; raises `DataError` for bytes that are not of that type."""
    read = reader_of(type_, schema, settings)
    return lambda data: read(data, 0)[0]


def reader_of(type_: AvroType, schema: Schema | None, settings: AvroSettings) -> Read:
    """What reads one value amid others: (bytes, where it begins) → (value, where the next does). `DataError`."""
    read = _Reader(settings).anything() if schema is None else _Reader(settings).reader(type_, schema)

    def run(data: bytes, at: int) -> tuple[Any, int]:
        try:
            return read(data, at)
        except (IndexError, struct.error, UnicodeDecodeError, RecursionError, OverflowError) as error:
            raise DataError(f"The bytes are not those of {type_.kind} in Avro: {error}") from error

    return run


_READERS: Final[dict[str, Read]] = {
    "null": lambda _data, at: (None, at),
    "boolean": lambda data, at: (data[at] != 0, at + 1),
    "int": read_long,
    "long": read_long,
    "float": lambda data, at: (Float32(FLOAT.unpack_from(data, at)[0]), at + 4),
    "double": lambda data, at: (DOUBLE.unpack_from(data, at)[0], at + 8),
    "bytes": read_bytes,
    "string": read_text,
}


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
            return _blocks(_pairs(read_text, self.reader(type_.values, schema.value_schema)), ordered_pairs)
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
        kinds = [readers[kind] for kind in ANYTHING]

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
