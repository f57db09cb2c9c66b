"""Builds a schema (`SchemaBuilder`): `SchemaBuilder.struct().name("order").field("id", INT64_SCHEMA).build()`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.connect.api.errors import DataError, SchemaBuilderError
from ottla.connect.data.schema import Field, Schema
from ottla.connect.data.struct import validate_value
from ottla.connect.data.type import Type

if TYPE_CHECKING:
    from collections.abc import Mapping


class SchemaBuilder:
    """Each call returns the builder. Setting something anew, or what does not fit, is a `SchemaBuilderError`."""

    def __init__(self, kind: Type) -> None:
        self._type = kind
        self._optional: bool | None = None
        self._default: object = None
        self._name: str | None = None
        self._version: int | None = None
        self._doc: str | None = None
        self._parameters: dict[str, str] | None = None
        self._fields: dict[str, Field] = {}
        self._key_schema: Schema | None = None
        self._value_schema: Schema | None = None

    @classmethod
    def int8(cls) -> SchemaBuilder:
        return cls(Type.INT8)

    @classmethod
    def int16(cls) -> SchemaBuilder:
        return cls(Type.INT16)

    @classmethod
    def int32(cls) -> SchemaBuilder:
        return cls(Type.INT32)

    @classmethod
    def int64(cls) -> SchemaBuilder:
        return cls(Type.INT64)

    @classmethod
    def float32(cls) -> SchemaBuilder:
        return cls(Type.FLOAT32)

    @classmethod
    def float64(cls) -> SchemaBuilder:
        return cls(Type.FLOAT64)

    @classmethod
    def bool(cls) -> SchemaBuilder:
        return cls(Type.BOOLEAN)

    @classmethod
    def string(cls) -> SchemaBuilder:
        return cls(Type.STRING)

    @classmethod
    def bytes(cls) -> SchemaBuilder:
        return cls(Type.BYTES)

    @classmethod
    def struct(cls) -> SchemaBuilder:
        return cls(Type.STRUCT)

    @classmethod
    def array(cls, value_schema: Schema) -> SchemaBuilder:
        builder = cls(Type.ARRAY)
        builder._value_schema = value_schema
        return builder

    @classmethod
    def map(cls, key_schema: Schema, value_schema: Schema) -> SchemaBuilder:
        builder = cls(Type.MAP)
        builder._key_schema = key_schema
        builder._value_schema = value_schema
        return builder

    @classmethod
    def like(cls, schema: Schema) -> SchemaBuilder:
        """Name, version, doc, parameters of that schema; of a container its elements, but not a struct's fields."""
        builder = cls(schema.type)
        builder._name, builder._version, builder._doc = schema.name, schema.version, schema.doc
        builder._parameters = dict(schema.parameters) if schema.parameters is not None else None
        if schema.type is Type.MAP:
            builder._key_schema = schema.key_schema
        if schema.type is Type.MAP or schema.type is Type.ARRAY:
            builder._value_schema = schema.value_schema
        return builder

    def optional(self) -> SchemaBuilder:
        self._check_can_set("optional", self._optional, True)
        self._optional = True
        return self

    def required(self) -> SchemaBuilder:
        self._check_can_set("optional", self._optional, False)
        self._optional = False
        return self

    def default(self, value: object) -> SchemaBuilder:
        self._check_can_set("default", self._default, value)
        try:
            validate_value(self.build(), value, "default value")
        except DataError as error:
            raise SchemaBuilderError(f"Invalid default value: {error}") from error
        self._default = value
        return self

    def name(self, name: str | None) -> SchemaBuilder:
        self._check_can_set("name", self._name, name)
        self._name = name
        return self

    def version(self, version: int | None) -> SchemaBuilder:
        self._check_can_set("version", self._version, version)
        self._version = version
        return self

    def doc(self, doc: str | None) -> SchemaBuilder:
        self._check_can_set("doc", self._doc, doc)
        self._doc = doc
        return self

    def parameter(self, name: str, value: str) -> SchemaBuilder:
        return self.parameters({name: value})

    def parameters(self, parameters: Mapping[str, str]) -> SchemaBuilder:
        if parameters:
            self._parameters = (self._parameters or {}) | dict(parameters)
        return self

    def field(self, name: str, schema: Schema) -> SchemaBuilder:
        if self._type is not Type.STRUCT:
            raise SchemaBuilderError(f"A schema of type {self._type} cannot have the field {name}; only a STRUCT can")
        if not name:
            raise SchemaBuilderError("The name of a field cannot be empty")
        if name in self._fields:
            raise SchemaBuilderError(f"There is a field {name} already")
        self._fields[name] = Field(name, len(self._fields), schema)
        return self

    def build(self) -> Schema:
        return Schema(
            self._type,
            optional=bool(self._optional),
            default_value=self._default,
            name=self._name,
            version=self._version,
            doc=self._doc,
            parameters=dict(self._parameters) if self._parameters is not None else None,
            fields=tuple(self._fields.values()),
            key_schema=self._key_schema,
            value_schema=self._value_schema,
        )

    @staticmethod
    def _check_can_set(what: str, old: object, new: object) -> None:
        if old is not None and old is not new and old != new:
            raise SchemaBuilderError(f"{what} of a schema is set already: it is {old!r}, and cannot become {new!r}")
