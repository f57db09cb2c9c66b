"""Converters of numbers, booleans and bytes (`org.apache.kafka.connect.converters`): Kafka's serializers' bytes."""

from __future__ import annotations

import struct
from typing import ClassVar, Final

from ottla.connect.api.converter import Converter
from ottla.connect.api.errors import DataError
from ottla.connect.data.schema import (
    OPTIONAL_BOOLEAN_SCHEMA,
    OPTIONAL_BYTES_SCHEMA,
    OPTIONAL_FLOAT32_SCHEMA,
    OPTIONAL_FLOAT64_SCHEMA,
    OPTIONAL_INT16_SCHEMA,
    OPTIONAL_INT32_SCHEMA,
    OPTIONAL_INT64_SCHEMA,
    Schema,
)
from ottla.connect.data.schema_and_value import SchemaAndValue
from ottla.connect.data.type import NUMBERS, Type, to_float32

_FORMATS: Final = {
    Type.INT16: struct.Struct(">h"),
    Type.INT32: struct.Struct(">i"),
    Type.INT64: struct.Struct(">q"),
    Type.FLOAT32: struct.Struct(">f"),
    Type.FLOAT64: struct.Struct(">d"),
}


class _NumberConverter(Converter):
    _schema: ClassVar[Schema]

    def from_connect_data(self, topic: str, schema: Schema | None, value: object) -> bytes | None:
        if value is None:
            return None
        kind = self._schema.type
        if not isinstance(value, int | float) or isinstance(value, bool) or not self._fits(schema, value):
            of = schema.type if schema is not None else NUMBERS.get(type(value), type(value).__name__)
            raise DataError(f"{type(self).__name__} cannot write {value!r} of type {of}, only {kind}")
        if kind is Type.FLOAT32:
            value = to_float32(float(value))
        try:
            return _FORMATS[kind].pack(value)
        except (struct.error, OverflowError):
            raise DataError(f"{type(self).__name__}: {value} is no {kind}") from None

    def _fits(self, schema: Schema | None, value: int | float) -> bool:
        kind = self._schema.type
        if schema is not None:
            return schema.type is kind
        return NUMBERS.get(type(value)) is kind

    def to_connect_data(self, topic: str, value: bytes | None) -> SchemaAndValue:
        if value is None:
            return SchemaAndValue(self._schema, None)
        form = _FORMATS[self._schema.type]
        if len(value) != form.size:
            raise DataError(f"{type(self).__name__} reads {form.size} bytes, not {len(value)} (topic {topic})")
        return SchemaAndValue(self._schema, form.unpack(value)[0])


class ShortConverter(_NumberConverter):
    _schema = OPTIONAL_INT16_SCHEMA


class IntegerConverter(_NumberConverter):
    _schema = OPTIONAL_INT32_SCHEMA


class LongConverter(_NumberConverter):
    _schema = OPTIONAL_INT64_SCHEMA


class FloatConverter(_NumberConverter):
    _schema = OPTIONAL_FLOAT32_SCHEMA


class DoubleConverter(_NumberConverter):
    _schema = OPTIONAL_FLOAT64_SCHEMA


class BooleanConverter(Converter):
    """One byte: 1 or 0."""

    def from_connect_data(self, topic: str, schema: Schema | None, value: object) -> bytes | None:
        if schema is not None and schema.type is not Type.BOOLEAN:
            raise DataError(f"BooleanConverter cannot write a schema of type {schema.type}")
        if value is None:
            return None
        if not isinstance(value, bool):
            raise DataError(f"BooleanConverter cannot write {value!r} of type {type(value).__name__}")
        return b"\1" if value else b"\0"

    def to_connect_data(self, topic: str, value: bytes | None) -> SchemaAndValue:
        if value not in (None, b"\0", b"\1"):
            raise DataError(f"BooleanConverter reads one byte, 0 or 1 (topic {topic})")
        return SchemaAndValue(OPTIONAL_BOOLEAN_SCHEMA, None if value is None else value == b"\1")


class ByteArrayConverter(Converter):
    """The bytes as they are."""

    def from_connect_data(self, topic: str, schema: Schema | None, value: object) -> bytes | None:
        if schema is not None and schema.type is not Type.BYTES:
            raise DataError(f"ByteArrayConverter cannot write a schema of type {schema.type}")
        if value is None or isinstance(value, bytes):
            return value
        if isinstance(value, bytearray | memoryview):
            return bytes(value)
        raise DataError(f"ByteArrayConverter cannot write {value!r} of type {type(value).__name__}")

    def to_connect_data(self, topic: str, value: bytes | None) -> SchemaAndValue:
        return SchemaAndValue(OPTIONAL_BYTES_SCHEMA, value)
