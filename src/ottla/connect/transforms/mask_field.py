"""`MaskField`: fields become 0, false, "", empty, or a replacement of their type."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ottla.connect.api.config_def import HIGH, LIST, LOW, NO_DEFAULT_VALUE, STRING, ConfigDef
from ottla.connect.api.errors import DataError
from ottla.connect.api.validators import NonEmptyString, ValidList
from ottla.connect.data.java_hash import ordered, table_size
from ottla.connect.data.java_numbers import parse_decimal
from ottla.connect.data.logical import instant
from ottla.connect.data.struct import Struct
from ottla.connect.data.type import INTEGER_BITS, NUMBERS, Float32, Int8, Int16, Int32, Type
from ottla.connect.data.values import convert_to_double, convert_to_float, convert_to_integer
from ottla.connect.transforms.side import (
    REPLACE_NULL_WITH_DEFAULT,
    OneSided,
    Side,
    define_replace_null,
    field_value,
    require_map,
    require_struct,
    with_entries,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.api.record import ConnectRecord
    from ottla.connect.data.schema import Schema

RecordT = TypeVar("RecordT", bound="ConnectRecord")

FIELDS: Final = "fields"
REPLACEMENT: Final = "replacement"
_PURPOSE: Final = "mask fields"
_CLASSES: Final[dict[Type, type[int]]] = {Type.INT8: Int8, Type.INT16: Int16, Type.INT32: Int32, Type.INT64: int}
_EPOCH: Final = instant(0)


class MaskField(OneSided):
    def config(self) -> ConfigDef:
        definition = ConfigDef()
        definition.define(
            FIELDS, LIST, NO_DEFAULT_VALUE, HIGH, "Fields to mask.", validator=ValidList(empty_allowed=False)
        )
        definition.define(
            REPLACEMENT,
            STRING,
            None,
            LOW,
            "What stands in numbers and texts instead of 0 and nothing.",
            validator=NonEmptyString(),
        )
        return define_replace_null(definition)

    def configure(self, props: Mapping[str, Any]) -> None:
        settings = self.config().parse(props)
        names = dict.fromkeys(settings[FIELDS])
        self._fields = list(ordered(names, table_size(max(int(len(names) / 0.75) + 1, 16))))
        self._replacement: str | None = settings[REPLACEMENT]
        self._with_default: bool = settings[REPLACE_NULL_WITH_DEFAULT]

    def apply(self, record: RecordT) -> RecordT | None:
        schema, value = self.operating(record)
        if schema is None:
            value = require_map(value, _PURPOSE)
            masked = {name: self._masked(None, value.get(name)) for name in self._fields}
            return self.updated(record, None, with_entries(value, masked))
        struct = require_struct(value, _PURPOSE)
        changed = Struct(struct.schema)
        for field in struct.schema.fields:
            each = field_value(struct, field, self._with_default)
            changed.put(field, self._masked(field.schema, each) if field.name in self._fields else each)
        return self.updated(record, schema, changed)

    def _masked(self, schema: Schema | None, value: Any) -> Any:
        if value is None:
            return None
        return _nothing(schema, value) if self._replacement is None else _replaced(schema, value, self._replacement)


class MaskFieldKey(MaskField):
    side = Side.KEY


class MaskFieldValue(MaskField):
    side = Side.VALUE


def _nothing(schema: Schema | None, value: Any) -> Any:
    """Of the same class as the value."""
    if isinstance(value, bool):
        return False
    if isinstance(value, str):
        return ""
    if isinstance(value, Decimal):
        return Decimal(0)
    if isinstance(value, int | float):
        return _number_class(schema, value)(0)
    if isinstance(value, datetime.datetime):
        return _EPOCH
    if isinstance(value, datetime.date):
        return _EPOCH.date()
    if isinstance(value, datetime.time):
        return _EPOCH.time()
    if isinstance(value, list | tuple):
        return []
    if isinstance(value, dict):
        return {}
    raise DataError(f"A value of type {type(value).__name__} cannot be masked")


def _replaced(schema: Schema | None, value: Any, replacement: str) -> Any:
    if isinstance(value, str):
        return replacement
    if isinstance(value, Decimal):
        parsed = parse_decimal(replacement)
        if parsed is None:
            raise DataError(f"The replacement {replacement} is no number")
        return parsed
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = _number_class(schema, value)
        if number is Float32:
            return convert_to_float(None, replacement)
        if number is float:
            return convert_to_double(None, replacement)
        return number(convert_to_integer(None, replacement, INTEGER_BITS[NUMBERS[number]]))
    raise DataError(f"A value of type {type(value).__name__} cannot be masked with a replacement")


def _number_class(schema: Schema | None, value: Any) -> Any:
    if schema is None:
        return type(value)
    if schema.type in _CLASSES:
        return _CLASSES[schema.type]
    return Float32 if schema.type is Type.FLOAT32 else float
