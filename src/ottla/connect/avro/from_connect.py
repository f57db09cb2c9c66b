"""The Avro schema of a Connect schema (`AvroData.fromConnectSchema`).

What Avro cannot say stands in properties (`connect.name`, `connect.version`, …). Structs are records, optional schemas
unions with null; a map without text for keys is a list of entries. Data without a schema is a record that can hold
anything.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ottla.connect.api.errors import DataError
from ottla.connect.avro import names
from ottla.connect.data import logical
from ottla.connect.data.struct import Struct
from ottla.connect.data.type import Float32, Type
from ottla.registry.schema.avro.canonical import canonical_json
from ottla.registry.schema.avro.defaults import is_valid_default
from ottla.registry.schema.avro.types import (
    MISSING,
    Array,
    AvroType,
    Enum,
    Field,
    Fixed,
    Map,
    Name,
    Primitive,
    Record,
    Union,
)
from ottla.registry.schema.compact_json import compact_json

if TYPE_CHECKING:
    from ottla.connect.avro.names import AvroSettings
    from ottla.connect.data.schema import Schema

PRIMITIVES = {
    Type.INT8: "int",
    Type.INT16: "int",
    Type.INT32: "int",
    Type.INT64: "long",
    Type.FLOAT32: "float",
    Type.FLOAT64: "double",
    Type.BOOLEAN: "boolean",
    Type.STRING: "string",
    Type.BYTES: "bytes",
}


def anything() -> Record:
    """The record that holds a value without a schema: one of its fields is not null."""
    record = Record(Name(names.ANYTHING, names.NAMESPACE))
    entry = Record(Name(names.MAP_ENTRY, names.NAMESPACE), [Field(names.KEY, record), Field(names.VALUE, record)])
    branches: dict[str, AvroType] = {
        kind: Primitive(kind) for kind in ("boolean", "bytes", "double", "float", "int", "long", "string")
    }
    branches |= {"array": Array(record), "map": Array(entry)}
    record.fields = [Field(name, Union([Primitive("null"), type_]), None) for name, type_ in branches.items()]
    return record


def avro_of(schema: Schema | None, settings: AvroSettings) -> AvroType:
    """Raises `DataError` for names that Avro does not take, and for two structs of the same name that differ."""
    if schema is None:
        return anything()
    return _FromConnect(settings).convert(schema)


class _FromConnect:
    def __init__(self, settings: AvroSettings) -> None:
        self._settings = settings
        self._made: dict[Schema, AvroType] = {}
        self._named: dict[str, Record | Enum | Fixed] = {}
        self._unnamed = 0

    def convert(self, schema: Schema) -> AvroType:
        if not schema.optional:
            found = self._made.get(schema)
            if found is None:
                found = self._made[schema] = self._required(schema)
            return found
        if is_union(schema):
            return self._union(schema)
        base = self._required(schema)
        null = Primitive("null")
        if schema.default_value is not None and schema.type is not Type.STRUCT:
            return Union([base, null])
        return Union([null, base])

    def _required(self, schema: Schema) -> AvroType:
        """As if it were not optional."""
        if is_union(schema):
            return self._union(schema)
        base = self._base(schema)
        if isinstance(base, Record | Enum | Fixed):
            return self._once(base)
        return base

    def _once(self, base: Record | Enum | Fixed) -> Record | Enum | Fixed:
        known = self._named.setdefault(base.name.full, base)
        if known is not base and canonical_json(known) != canonical_json(base):
            raise DataError(f"Two schemas have the name {base.name.full}, and are not the same")
        return known

    def _base(self, schema: Schema) -> AvroType:
        properties: dict[str, object] = {}
        if schema.name == logical.DECIMAL:
            properties["scale"] = logical.scale_of(schema)
            properties["precision"] = _precision(schema)
        base = self._shape(schema, properties)
        if self._settings.connect_meta_data:
            properties |= self._meta_data(schema)
        self._add_logical(schema, properties)
        for name, value in (schema.parameters or {}).items():
            if name.startswith("avro"):
                properties[name] = value
        return base

    def _shape(self, schema: Schema, properties: dict[str, object]) -> AvroType:
        if schema.type is Type.STRUCT:
            return self._record(schema, properties)
        if schema.type is Type.ARRAY:
            return Array(self.convert(_part(schema.value_schema)), properties)
        if schema.type is Type.MAP:
            return self._map(schema, properties)
        parameters = schema.parameters or {}
        if schema.type is Type.BYTES and names.FIXED_SIZE in parameters:
            return Fixed(self._name(schema.name), int(parameters[names.FIXED_SIZE]), properties=properties)
        if schema.type is Type.STRING and self._settings.enhanced and names.ENUM in parameters:
            return self._enum(schema, properties)
        return Primitive(PRIMITIVES[schema.type], properties)

    def _record(self, schema: Schema, properties: dict[str, object]) -> Record:
        parameters = schema.parameters or {}
        record = Record(self._name(schema.name), doc=parameters.get(names.RECORD_DOC), properties=properties)
        for field in schema.fields:
            doc = parameters.get(names.FIELD_DOC + field.name)
            record.fields.append(self._field(self.field_name(field.name), field.schema, doc))
        return record

    def _field(self, name: str, schema: Schema, doc: str | None = None) -> Field:
        default: object = MISSING
        if schema.default_value is not None:
            default = default_json(schema, schema.default_value, self._settings)
        elif schema.optional:
            default = None
        type_ = self.convert(schema)
        if default is not MISSING and not is_valid_default(type_, json.loads(compact_json(default))):
            default = MISSING  # `connect.default` still says it
        return Field(name, type_, default, doc)

    def field_name(self, name: str) -> str:
        if self._settings.scrub_names:
            return names.scrubbed(name)
        if not names.is_valid_name(name):
            raise DataError(f"Avro takes no field of the name {name!r}; set scrub.invalid.names=true, or rename it")
        return name

    def _map(self, schema: Schema, properties: dict[str, object]) -> AvroType:
        keys, values = _part(schema.key_schema), _part(schema.value_schema)
        if has_text_keys(schema, self._settings):
            return Map(self.convert(values), properties)
        entry = Record(Name(names.MAP_ENTRY, names.NAMESPACE))
        if schema.name is not None:
            entry = Record(self._name(schema.name), properties={names.INTERNAL_TYPE: names.MAP_ENTRY})
        entry.fields = [self._field(names.KEY, keys), self._field(names.VALUE, values)]
        return Array(self._once(entry), properties)

    def _enum(self, schema: Schema, properties: dict[str, object]) -> Enum:
        parameters = schema.parameters or {}
        prefix = names.ENUM + "."
        symbols = [name.removeprefix(prefix) for name in parameters if name.startswith(prefix)]
        simple = self._name(schema.name).simple
        doc, default = parameters.get(names.ENUM_DOC + simple), parameters.get(names.ENUM_DEFAULT + simple)
        return Enum(names.split_name(parameters[names.ENUM]), symbols, default, doc, properties=properties)

    def _union(self, schema: Schema) -> Union:
        branches: list[AvroType] = [Primitive("null")] if schema.optional else []
        return Union(branches + [self._required(field.schema) for field in schema.fields])

    def _name(self, name: str | None) -> Name:
        if name is None:
            self._unnamed += 1
            return Name(names.DEFAULT_NAME + (str(self._unnamed) if self._unnamed > 1 else ""), names.NAMESPACE)
        if self._settings.scrub_names:
            name = ".".join(names.scrubbed(part) for part in name.split("."))
        if not all(names.is_valid_name(part) for part in name.split(".")):
            raise DataError(f"Avro takes no schema of the name {name!r}; set scrub.invalid.names=true, or rename it")
        return names.split_name(name)

    def _meta_data(self, schema: Schema) -> dict[str, object]:
        found: dict[str, object] = {}
        parameters = dict(schema.parameters or {})
        has_flag = parameters.pop(names.FIELD_DEFAULT_FLAG, None) is not None
        if schema.doc is not None:
            found[names.CONNECT_DOC] = schema.doc
        if schema.version is not None:
            found[names.CONNECT_VERSION] = schema.version
        if parameters:
            found[names.CONNECT_PARAMETERS] = parameters
        if schema.default_value is not None and not has_flag:
            found[names.CONNECT_DEFAULT] = default_json(schema, schema.default_value, self._settings)
        if schema.name is not None:
            found[names.CONNECT_NAME] = schema.name
        if schema.type in (Type.INT8, Type.INT16):
            found[names.CONNECT_TYPE] = schema.type.value
        return found

    def _add_logical(self, schema: Schema, properties: dict[str, object]) -> None:
        if schema.name in names.AVRO_LOGICAL:
            properties[names.LOGICAL_TYPE] = names.AVRO_LOGICAL[schema.name]


def is_union(schema: Schema) -> bool:
    """A struct that stands for a union: one of its fields is not null."""
    return schema.type is Type.STRUCT and schema.name == names.UNION


def has_text_keys(schema: Schema, settings: AvroSettings) -> bool:
    keys = _part(schema.key_schema)
    return keys.type is Type.STRING and (not keys.optional or settings.allow_optional_map_keys)


def default_json(schema: Schema, value: Any, settings: AvroSettings) -> object:
    """A default as Avro's JSON has it: bytes are text of as many characters."""
    if value is None:
        return None
    if schema.name == logical.DECIMAL:
        return logical.decimal_from_logical(schema, value).decode("latin-1")
    if schema.name in INSTANTS:
        return INSTANTS[schema.name](schema, value)
    if schema.type is Type.BYTES:
        return bytes(value).decode("latin-1")
    if schema.type is Type.FLOAT32:
        return float(Float32(value))
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    if schema.type is Type.ARRAY:
        return [default_json(_part(schema.value_schema), each, settings) for each in value]
    if schema.type is Type.MAP:
        keys, values = _part(schema.key_schema), _part(schema.value_schema)
        if has_text_keys(schema, settings):
            return {key: default_json(values, each, settings) for key, each in value.items()}
        return [
            [default_json(keys, key, settings), default_json(values, each, settings)] for key, each in value.items()
        ]
    if isinstance(value, Struct):
        fields = {field.name: default_json(field.schema, each, settings) for field, each in value}
        return next(iter(fields.values()), None) if is_union(schema) else fields
    return value


INSTANTS = {
    logical.DATE: logical.date_from_logical,
    logical.TIME: logical.time_from_logical,
    logical.TIMESTAMP: logical.timestamp_from_logical,
}


def _precision(schema: Schema) -> int:
    text = (schema.parameters or {}).get(names.PRECISION)
    if text is None:
        return names.DEFAULT_PRECISION
    if not text.isdecimal():
        raise DataError(f"The parameter {names.PRECISION} of {schema} is no number: {text!r}")
    return int(text)


def _part(schema: Schema | None) -> Schema:
    if schema is None:
        raise DataError("A list or map whose elements have no schema has no Avro schema")
    return schema
