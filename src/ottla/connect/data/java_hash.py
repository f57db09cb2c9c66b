"""The order of Java's `HashMap`, which decides the order of what the JSON converter writes of a map.

A map that Java's converters or transformations make is a `HashMap`: it is walked from bucket to bucket, and within one
in the order in which the keys came. `ordered(map, capacity)` puts a dict into that order. Buckets of so many keys that
Java makes a tree of them (eight with the same low bits) are left in the order in which they came.
"""

from __future__ import annotations

import datetime
import struct
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeVar

from ottla.connect.data.logical import epoch_ms, scale, unscaled
from ottla.connect.data.type import Float32, Int8, Int16, Int32, Type, to_float32

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.data.schema import Schema

DEFAULT_CAPACITY: Final = 16
MAX_CACHED_NAMES: Final = 10_000
"""Names of fields whose hashes are kept."""
_LOAD: Final = 0.75
_MASK: Final = 0xFFFFFFFF
_TRUE, _FALSE = 1231, 1237
_SMALL: Final = (Type.INT8, Type.INT16, Type.INT32)

K = TypeVar("K")
V = TypeVar("V")


def ordered(items: Mapping[K, V], capacity: int = DEFAULT_CAPACITY, key_schema: Schema | None = None) -> dict[K, V]:
    """The items as a HashMap that began with that capacity would give them; they came in the order of the mapping."""
    count = len(items)
    if count <= 1:
        return dict(items)
    while count > capacity * _LOAD:
        capacity *= 2
    mask = capacity - 1

    def bucket(item: tuple[K, V]) -> int:
        key = item[0]
        code = string_hash(key) if key.__class__ is str else hash_code(key, key_schema)
        return (code ^ (code >> 16)) & mask

    return dict(sorted(items.items(), key=bucket))


def capacity_of_copy(count: int) -> int:
    """The capacity of `new HashMap<>(other)`."""
    return table_size(int(count / _LOAD + 1.0)) if count else DEFAULT_CAPACITY


def table_size(wanted: int) -> int:
    """The capacity of `new HashMap<>(wanted)`: a power of two."""
    return 1 << max(wanted - 1, 0).bit_length() if wanted > 0 else 1


@lru_cache(MAX_CACHED_NAMES)
def string_hash(text: str) -> int:
    """`String.hashCode()` as 32 bits without a sign."""
    code = 0
    if text.isascii():
        for unit in text.encode():
            code = (code * 31 + unit) & _MASK
        return code
    data = text.encode("utf-16-be", "surrogatepass")
    for (unit,) in struct.iter_unpack(">H", data):
        code = (code * 31 + unit) & _MASK
    return code


def hash_code(value: object, schema: Schema | None = None) -> int:
    """`hashCode()` as 32 bits without a sign; 0 where Java's depends on where an object lies."""
    if isinstance(value, str):
        return string_hash(value)
    if isinstance(value, bool):
        return _TRUE if value else _FALSE
    if isinstance(value, int):
        if isinstance(value, Int8 | Int16 | Int32) or (schema is not None and schema.type in _SMALL):
            return value & _MASK
        return (value ^ (value >> 32)) & _MASK
    if isinstance(value, float):
        if isinstance(value, Float32) or (schema is not None and schema.type is Type.FLOAT32):
            return int(struct.unpack(">I", struct.pack(">f", to_float32(value)))[0])
        bits = int(struct.unpack(">Q", struct.pack(">d", value))[0])
        return (bits ^ (bits >> 32)) & _MASK
    if isinstance(value, Decimal):
        return (31 * _integer_hash(unscaled(value)) + scale(value)) & _MASK
    if isinstance(value, datetime.date | datetime.time):
        ms = epoch_ms(value)
        return (ms ^ (ms >> 32)) & _MASK
    if isinstance(value, list | tuple):
        element = schema.value_schema if schema is not None and schema.type is Type.ARRAY else None
        code = 1
        for each in value:
            code = (31 * code + hash_code(each, element)) & _MASK
        return code
    return 0


def _integer_hash(value: int) -> int:
    """`BigInteger.hashCode()`."""
    size = abs(value)
    code = 0
    for word in struct.iter_unpack(">I", size.to_bytes((size.bit_length() + 31) // 32 * 4, "big")):
        code = (31 * code + word[0]) & _MASK
    return code if value >= 0 else -code
