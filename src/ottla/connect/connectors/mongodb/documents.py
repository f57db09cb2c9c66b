"""Records as documents of BSON, as MongoDB's own connector makes them (`sink/converter/`).

| value | document |
|---|---|
| a struct | its fields; dates, times and timestamps a BSON date, decimals a Decimal128 |
| a map | its entries; integers an int64, as they come from JSON without a schema |
| a text | what it says in (extended) JSON |
| bytes | BSON |

A key or a value is converted when it is looked at first, so a key that nobody needs may be anything.
"""

from __future__ import annotations

import datetime
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ottla.connect.api.errors import DataError
from ottla.connect.connectors.mongodb.driver import BSONError, DatetimeMS, Decimal128, Int64, bson
from ottla.connect.connectors.mongodb.json_text import CODEC, parse_json
from ottla.connect.connectors.record_place import where
from ottla.connect.data.logical import DECIMAL, INSTANT, epoch_ms
from ottla.connect.data.struct import Struct
from ottla.connect.data.type import Int8, Int16, Int32, Type, to_float32

if TYPE_CHECKING:
    from ottla.connect.api.record import SinkRecord
    from ottla.connect.data.schema import Schema

Document = dict[str, Any]


class SinkDocument:
    """What is to be written of one record: the documents of its key and value, which those that write may change."""

    def __init__(self, record: SinkRecord) -> None:
        self.record = record

    @cached_property
    def key(self) -> Document | None:
        return self._converted("key", self.record.key)

    @cached_property
    def value(self) -> Document | None:
        return self._converted("value", self.record.value)

    @property
    def has_value(self) -> bool:
        return self.record.value is not None

    @property
    def has_key(self) -> bool:
        return self.record.key is not None

    def needed_key(self) -> Document:
        if self.key is None:
            raise DataError(f"{where(self.record)} has no key, which is needed to find its document")
        return self.key

    def needed_value(self) -> Document:
        if self.value is None:
            raise DataError(f"{where(self.record)} has no value to make a document of")
        return self.value

    def _converted(self, part: str, data: Any) -> Document | None:
        if data is None:
            return None
        try:
            return document_of(data)
        except DataError as error:
            raise DataError(f"The {part} of {where(self.record)} cannot become a document: {error}") from error


def document_of(data: Any) -> Document:
    if isinstance(data, Struct):
        return _struct(data)
    if isinstance(data, dict):
        return {str(name): plain_value(each) for name, each in data.items()}
    if isinstance(data, str):
        return parse_json(data)
    if isinstance(data, bytes | bytearray | memoryview):
        try:
            return bson.decode(bytes(data), CODEC)
        except BSONError as error:
            raise DataError(f"It is no BSON: {error}") from error
    raise DataError(f"It is a {type(data).__name__}, neither a struct, a map, JSON nor BSON")


def _struct(value: Struct) -> Document:
    return {field.name: schema_value(field.schema, value.get(field)) for field in value.schema.fields}


def schema_value(schema: Schema, value: Any) -> Any:
    """The value of BSON for a value of Connect with that schema."""
    if value is None:
        return None
    kind = schema.type
    if kind is Type.STRUCT:
        return _struct(value)
    if kind is Type.ARRAY:
        inner = schema.value_schema
        return [schema_value(inner, each) if inner is not None else plain_value(each) for each in value]
    if kind is Type.MAP:
        inner = schema.value_schema
        return {
            str(name): schema_value(inner, each) if inner is not None else plain_value(each)
            for name, each in value.items()
        }
    if schema.name == DECIMAL or isinstance(value, Decimal):
        return decimal_value(value)
    if isinstance(value, INSTANT):
        return DatetimeMS(epoch_ms(value))
    if kind is Type.INT64:
        return Int64(value)
    if kind is Type.FLOAT32:
        return to_float32(value)
    if kind is Type.FLOAT64:
        return float(value)
    if kind is Type.BYTES:
        return bytes(value)
    return bool(value) if kind is Type.BOOLEAN else str(value) if kind is Type.STRING else int(value)


def plain_value(value: Any) -> Any:
    """The value of BSON for one without a schema."""
    if isinstance(value, dict):
        return {str(name): plain_value(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain_value(each) for each in value]
    if isinstance(value, Struct):
        return _struct(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if isinstance(value, Int8 | Int16 | Int32) else Int64(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, Decimal):
        return decimal_value(value)
    if isinstance(value, datetime.date | datetime.time):
        return DatetimeMS(epoch_ms(value))
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    return value


def decimal_value(value: Decimal) -> Decimal128:
    try:
        return Decimal128(value)
    except (ArithmeticError, ValueError, TypeError) as error:
        raise DataError(f"The decimal {value} does not fit into a Decimal128, which has 34 digits") from error


def without_nulls(document: Document) -> None:
    """Fields that are null are taken away, in documents within it and in its lists, too."""
    for name, value in list(document.items()):
        if value is None:
            del document[name]
        elif isinstance(value, dict):
            without_nulls(value)
        elif isinstance(value, list):
            for each in value:
                if isinstance(each, dict):
                    without_nulls(each)


def field_at(document: Document, path: str) -> tuple[bool, Any]:
    """Whether there is a field of that name, or at that path (`a.b`), and what it is."""
    if path in document:
        return True, document[path]
    first, point, rest = path.partition(".")
    inner = document.get(first)
    if point and rest and isinstance(inner, dict):
        return field_at(inner, rest)
    return False, None
