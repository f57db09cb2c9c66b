"""Structs of plain fields from JSON, quickly: what nearly all records are.

Where a value is not just what its field is to be (a number with a point for an integer, a null that stands for a
default) there is no answer here: `JsonReader` looks at it, as leniently as Java's converter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ottla.connect.data import logical
from ottla.connect.data.struct import Struct
from ottla.connect.data.type import INTEGER_BITS, INTEGER_HALF, Type

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.connect.converters.json_reader import JsonReader, Reader
    from ottla.connect.data.schema import Field, Schema

_INSTANTS: Final = (logical.DATE, logical.TIME, logical.TIMESTAMP)
_CLASSES: Final[dict[Type, type]] = {
    **dict.fromkeys(INTEGER_BITS, int),
    Type.FLOAT32: float,
    Type.FLOAT64: float,
    Type.BOOLEAN: bool,
    Type.STRING: str,
    Type.BYTES: str,
}
_READ_ON: Final = (Type.FLOAT32, Type.BYTES)
"""What JSON has in another form than the field."""


class _Part(NamedTuple):
    name: str
    kind: type
    half: int
    """Integers are within it; 0: whatever there is."""
    may_be_null: bool
    read: Reader | None


class PlainStruct:
    def __init__(self, schema: Schema, parts: list[_Part]) -> None:
        self._schema = schema
        self._parts = parts

    @classmethod
    def of(cls, schema: Schema | None, reader: JsonReader) -> PlainStruct | None:
        """`None` for what is no struct, or has fields that are not plain."""
        if schema is None or schema.type is not Type.STRUCT:
            return None
        parts = [_part(field, reader) for field in schema.fields]
        plain = [part for part in parts if part is not None]
        return cls(schema, plain) if len(plain) == len(parts) else None

    def read(self, node: Any) -> Struct | None:
        """Of what `DOUBLES` decoded. `DataError`, or `None`, where the reader has to look at it."""
        if node.__class__ is not dict:
            return None
        find: Callable[[str], Any] = node.get
        values: list[Any] = []
        for name, kind, half, may_be_null, read in self._parts:
            value = find(name)
            found: type = value.__class__
            if found is not kind:
                if value is not None or not may_be_null:
                    return None
            elif half:
                if not -half <= value < half:
                    return None
            elif read is not None:
                value = read(value)
            values.append(value)
        return Struct.of_values(self._schema, values)


def _part(field: Field, reader: JsonReader) -> _Part | None:
    schema = field.schema
    kind = _CLASSES.get(schema.type)
    if kind is None or schema.name == logical.DECIMAL:
        return None
    may_be_null = schema.optional and schema.default_value is None
    if schema.name in _INSTANTS or schema.type in _READ_ON:
        return _Part(field.name, kind, 0, may_be_null, reader.reader(schema))
    half = INTEGER_HALF[schema.type] if kind is int else 0
    return _Part(field.name, kind, half, may_be_null, None)
