"""A schema (`Schema`, `ConnectSchema`, `Field`): the type of a value, and what is said of it; immutable, hashable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.connect.api.errors import DataError
from ottla.connect.data.type import Type

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Field:
    """A field of a struct: its name, its place, and its schema."""

    __slots__ = ("index", "name", "schema")

    def __init__(self, name: str, index: int, schema: Schema) -> None:
        self.name = name
        self.index = index
        self.schema = schema

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Field):
            return NotImplemented
        return self.index == other.index and self.name == other.name and self.schema == other.schema

    def __hash__(self) -> int:
        return hash((self.name, self.index, self.schema))

    def __repr__(self) -> str:
        return f"Field{{name={self.name}, index={self.index}, schema={self.schema}}}"


class Schema:
    """What `SchemaBuilder.build()` makes. Two schemas are equal when all that they say is, as in Java.

    `fields`, `key_schema` and `value_schema` raise `DataError` where the type has none; of an array or map without any
    element that is not null, `Values` may leave them `None`. `parameters` is `None` rather than empty.
    """

    __slots__ = (
        "_by_name",
        "_fields",
        "_hash",
        "_key_schema",
        "_value_schema",
        "default_value",
        "doc",
        "name",
        "optional",
        "parameters",
        "type",
        "version",
    )

    def __init__(
        self,
        kind: Type,
        *,
        optional: bool = False,
        default_value: object = None,
        name: str | None = None,
        version: int | None = None,
        doc: str | None = None,
        parameters: Mapping[str, str] | None = None,
        fields: Sequence[Field] = (),
        key_schema: Schema | None = None,
        value_schema: Schema | None = None,
    ) -> None:
        self.type = kind
        self.optional = optional
        self.default_value = default_value
        self.name = name
        self.version = version
        self.doc = doc
        self.parameters = parameters
        self._fields = tuple(fields)
        self._by_name = {field.name: field for field in self._fields}
        self._key_schema = key_schema
        self._value_schema = value_schema
        self._hash: int | None = None

    @property
    def fields(self) -> tuple[Field, ...]:
        if self.type is not Type.STRUCT:
            raise DataError(f"A schema of type {self.type} has no fields; only a STRUCT has")
        return self._fields

    def field(self, name: str) -> Field | None:
        """The field of that name, if there is one."""
        if self.type is not Type.STRUCT:
            raise DataError(f"A schema of type {self.type} has no field {name}; only a STRUCT has fields")
        return self._by_name.get(name)

    @property
    def key_schema(self) -> Schema | None:
        if self.type is not Type.MAP:
            raise DataError(f"A schema of type {self.type} has no key schema; only a MAP has")
        return self._key_schema

    @property
    def value_schema(self) -> Schema | None:
        if self.type is not Type.MAP and self.type is not Type.ARRAY:
            raise DataError(f"A schema of type {self.type} has no value schema; only an ARRAY or a MAP has")
        return self._value_schema

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Schema):
            return NotImplemented
        return (
            self.type is other.type
            and self.optional == other.optional
            and self.version == other.version
            and self.name == other.name
            and self.doc == other.doc
            and self._fields == other._fields
            and self._key_schema == other._key_schema
            and self._value_schema == other._value_schema
            and self.parameters == other.parameters
            and self.default_value == other.default_value
        )

    def __hash__(self) -> int:
        if self._hash is None:
            names = tuple(self._by_name)
            self._hash = hash((self.type, self.optional, self.name, self.version, self.doc, names, self._value_schema))
        return self._hash

    def __repr__(self) -> str:
        return f"Schema{{{self.name}:{self.type}}}" if self.name is not None else f"Schema{{{self.type}}}"


INT8_SCHEMA = Schema(Type.INT8)
INT16_SCHEMA = Schema(Type.INT16)
INT32_SCHEMA = Schema(Type.INT32)
INT64_SCHEMA = Schema(Type.INT64)
FLOAT32_SCHEMA = Schema(Type.FLOAT32)
FLOAT64_SCHEMA = Schema(Type.FLOAT64)
BOOLEAN_SCHEMA = Schema(Type.BOOLEAN)
STRING_SCHEMA = Schema(Type.STRING)
BYTES_SCHEMA = Schema(Type.BYTES)

OPTIONAL_INT8_SCHEMA = Schema(Type.INT8, optional=True)
OPTIONAL_INT16_SCHEMA = Schema(Type.INT16, optional=True)
OPTIONAL_INT32_SCHEMA = Schema(Type.INT32, optional=True)
OPTIONAL_INT64_SCHEMA = Schema(Type.INT64, optional=True)
OPTIONAL_FLOAT32_SCHEMA = Schema(Type.FLOAT32, optional=True)
OPTIONAL_FLOAT64_SCHEMA = Schema(Type.FLOAT64, optional=True)
OPTIONAL_BOOLEAN_SCHEMA = Schema(Type.BOOLEAN, optional=True)
OPTIONAL_STRING_SCHEMA = Schema(Type.STRING, optional=True)
OPTIONAL_BYTES_SCHEMA = Schema(Type.BYTES, optional=True)
