"""The twelve types of a schema (`Schema.Type`), and the numbers that tell their type without one.

A Python `int` is as long as it likes, and a `float` is Java's double. Where a value has no schema, a plain `int` stands
for Java's long and a plain `float` for its double; `Int8`, `Int16`, `Int32` and `Float32` stand for what is smaller.
They are ints and floats like any other, and need not be used where there is a schema.
"""

from __future__ import annotations

import struct
from enum import Enum
from typing import Final


class Type(Enum):
    """`Type.INT8.value` is the name in JSON, `Type.INT8.name` the one in messages."""

    INT8 = "int8"
    INT16 = "int16"
    INT32 = "int32"
    INT64 = "int64"
    FLOAT32 = "float32"
    FLOAT64 = "float64"
    BOOLEAN = "boolean"
    STRING = "string"
    BYTES = "bytes"
    ARRAY = "array"
    MAP = "map"
    STRUCT = "struct"

    __hash__ = object.__hash__

    @property
    def is_primitive(self) -> bool:
        return self not in _CONTAINERS

    def __str__(self) -> str:
        return self.name


_CONTAINERS: Final = frozenset({Type.ARRAY, Type.MAP, Type.STRUCT})
INTEGER_BITS: Final = {Type.INT8: 8, Type.INT16: 16, Type.INT32: 32, Type.INT64: 64}
INTEGER_HALF: Final = {kind: 1 << (bits - 1) for kind, bits in INTEGER_BITS.items()}
"""A value is at least -half and less than half."""


class Int8(int):
    """A byte where no schema says so."""

    __slots__ = ()


class Int16(int):
    """A short where no schema says so."""

    __slots__ = ()


class Int32(int):
    """An int of Java's where no schema says so."""

    __slots__ = ()


class Float32(float):
    """A float of Java's where no schema says so: rounded to 32 bits when it is made."""

    __slots__ = ()

    def __new__(cls, value: float | str) -> Float32:
        return super().__new__(cls, to_float32(float(value)))


NUMBERS: Final[dict[type, Type]] = {
    Int8: Type.INT8,
    Int16: Type.INT16,
    Int32: Type.INT32,
    int: Type.INT64,
    Float32: Type.FLOAT32,
    float: Type.FLOAT64,
}
_FLOAT: Final = struct.Struct(">f")


def to_float32(value: float) -> float:
    """The double that is the nearest float, or an infinity where there is none."""
    try:
        return float(_FLOAT.unpack(_FLOAT.pack(value))[0])
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def wrap(value: int, bits: int) -> int:
    """Java's narrowing: the low bits, with their sign."""
    half = 1 << (bits - 1)
    return ((value + half) & ((1 << bits) - 1)) - half
