"""A struct (`Struct`), and which values fit to a schema (`ConnectSchema.validateValue`).

| type | values |
|---|---|
| INT8 … INT64 | `int` within the range |
| FLOAT32, FLOAT64 | `float`, or an `int` |
| BOOLEAN, STRING | `bool`, `str` |
| BYTES | `bytes`, `bytearray`, `memoryview` |
| ARRAY, MAP, STRUCT | `list` (`tuple` as a key of a map), `dict`, `Struct` |
| Decimal | `decimal.Decimal` |
| Date, Time, Timestamp | `date`, `time`, `datetime` with a time zone; each for each, as Java has one class for all |
"""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Self

from ottla.connect.api.errors import DataError
from ottla.connect.data.type import INTEGER_BITS, Type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ottla.connect.data.schema import Field, Schema

_PACKAGE: Final = "org.apache.kafka.connect.data."
_INSTANT: Final = (datetime.date, datetime.time)
_LOGICAL: Final[dict[str, tuple[type, ...]]] = {
    _PACKAGE + "Decimal": (Decimal,),
    _PACKAGE + "Date": _INSTANT,
    _PACKAGE + "Time": _INSTANT,
    _PACKAGE + "Timestamp": _INSTANT,
}
_EXACT: Final[dict[type, Type]] = {
    str: Type.STRING,
    bool: Type.BOOLEAN,
    float: Type.FLOAT64,
    bytes: Type.BYTES,
}
"""Classes all of whose values fit to a type: nothing more is looked at."""
_BYTES: Final = (bytes, bytearray, memoryview)
_HALVES: Final = {kind: 1 << (bits - 1) for kind, bits in INTEGER_BITS.items()}


class Struct:
    """Values of the fields of one schema: `Struct(schema).put("id", 1).put("name", "x")`; `struct["id"]`.

    A value that does not fit, or a field that is not there, is a `DataError`.
    """

    __slots__ = ("schema", "values")

    def __init__(self, schema: Schema, **fields: object) -> None:
        if schema.type is not Type.STRUCT:
            raise DataError(f"A struct needs a schema of type STRUCT, not {schema}")
        self.schema = schema
        self.values: list[object] = [None] * len(schema.fields)
        for name, value in fields.items():
            self.put(name, value)

    @classmethod
    def of_values(cls, schema: Schema, values: list[object]) -> Self:
        """Values that are known to fit, one for each field in the order of the schema."""
        struct = cls.__new__(cls)
        struct.schema = schema
        struct.values = values
        return struct

    def get(self, field: str | Field) -> object:
        """The value, or the default of the field where there is none."""
        found = self._field(field) if isinstance(field, str) else field
        value = self.values[found.index]
        return found.schema.default_value if value is None else value

    def get_without_default(self, name: str) -> object:
        return self.values[self._field(name).index]

    def put(self, field: str | Field, value: object) -> Struct:
        """Set one field, and return this struct."""
        found = self._field(field) if isinstance(field, str) else field
        schema = found.schema
        if schema.type is not _EXACT.get(value.__class__) or schema.name in _LOGICAL:
            validate_value(schema, value, f'field "{found.name}"')
        self.values[found.index] = value
        return self

    def validate(self) -> None:
        """Every required field without a default has a value, and each fits."""
        for field, value in zip(self.schema.fields, self.values, strict=True):
            if value is None and (field.schema.optional or field.schema.default_value is not None):
                continue
            validate_value(field.schema, value, f'field "{field.name}"')

    def _field(self, name: str) -> Field:
        found = self.schema.field(name)
        if found is None:
            known = ", ".join(field.name for field in self.schema.fields)
            raise DataError(f"{name} is not a field of {self.schema}, which has: {known or 'none'}")
        return found

    def __getitem__(self, name: str) -> object:
        return self.get(name)

    def __setitem__(self, name: str, value: object) -> None:
        self.put(name, value)

    def __iter__(self) -> Iterator[tuple[Field, object]]:
        """(field, value or its default), in the order of the schema."""
        return ((field, self.get(field)) for field in self.schema.fields)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Struct):
            return NotImplemented
        return self.schema == other.schema and self.values == other.values

    def __hash__(self) -> int:
        return hash((self.schema, tuple(as_key(value) for value in self.values)))

    def __repr__(self) -> str:
        pairs = zip(self.schema.fields, self.values, strict=True)
        return "Struct{" + ",".join(f"{field.name}={value}" for field, value in pairs if value is not None) + "}"


def as_key(value: object) -> object:
    """The value as a dict can have it for a key: a list as a tuple. A map as a key is a `DataError`."""
    if isinstance(value, list | tuple):
        return tuple(as_key(each) for each in value)
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    if isinstance(value, dict):
        raise DataError("A map cannot be the key of a map")
    return value


def validate_value(schema: Schema, value: object, location: str = "value") -> None:
    """Raise `DataError` where the value does not fit to the schema; `location` names it in the message."""
    if value is None:
        if not schema.optional:
            raise DataError(f"Invalid value: null for the required {location} of type {schema.type}")
        return
    kind = schema.type
    logical = _LOGICAL.get(schema.name) if schema.name is not None else None
    if logical is not None:
        if not isinstance(value, logical):
            raise _misfit(schema, value, location)
        _refuse_local_time(value, location)
        return
    if not _CHECKS[kind](schema, value):
        raise _misfit(schema, value, location)
    if kind is Type.STRUCT:
        assert isinstance(value, Struct)
        if value.schema is not schema and value.schema != schema:
            raise DataError(f"The struct of {location} has another schema than {schema}")
        value.validate()
    elif kind is Type.ARRAY:
        _validate_elements(schema.value_schema, value, f"element of array {location}")
    elif kind is Type.MAP:
        assert isinstance(value, dict)
        _validate_elements(schema.key_schema, value.keys(), f"key of map {location}")
        _validate_elements(schema.value_schema, value.values(), f"value of map {location}")


def _validate_elements(schema: Schema | None, elements: object, location: str) -> None:
    if schema is None:
        raise DataError(f"No schema for {location}")
    for each in elements:  # type: ignore[attr-defined]
        validate_value(schema, each, location)


def _is_integer(schema: Schema, value: object) -> bool:
    half = _HALVES[schema.type]
    return isinstance(value, int) and not isinstance(value, bool) and -half <= value < half


def _is_float(_schema: Schema, value: object) -> bool:
    return isinstance(value, float | int) and not isinstance(value, bool)


_CHECKS: Final[dict[Type, Callable[[Schema, object], bool]]] = {
    **dict.fromkeys(INTEGER_BITS, _is_integer),
    Type.FLOAT32: _is_float,
    Type.FLOAT64: _is_float,
    Type.BOOLEAN: lambda _schema, value: isinstance(value, bool),
    Type.STRING: lambda _schema, value: isinstance(value, str),
    Type.BYTES: lambda _schema, value: isinstance(value, _BYTES),
    Type.ARRAY: lambda _schema, value: isinstance(value, list | tuple),
    Type.MAP: lambda _schema, value: isinstance(value, dict),
    Type.STRUCT: lambda _schema, value: isinstance(value, Struct),
}


def _refuse_local_time(value: object, location: str) -> None:
    if isinstance(value, datetime.datetime) and value.tzinfo is None:
        raise DataError(f"The datetime {value} of {location} has no time zone; give it one (datetime.UTC)")


def _misfit(schema: Schema, value: object, location: str) -> DataError:
    name = f' "{schema.name}"' if schema.name is not None else ""
    shown = repr(value)
    shown = shown if len(shown) <= 100 else shown[:100] + "…"
    return DataError(
        f"Invalid object for schema{name} with type {schema.type}: {type(value).__name__} {shown} for {location}"
    )
