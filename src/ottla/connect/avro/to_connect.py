"""The Connect schema of an Avro schema (`AvroData.toConnectSchema`). One that refers to itself is a `DataError`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import DataError
from ottla.connect.avro import names
from ottla.connect.data import logical
from ottla.connect.data.schema import STRING_SCHEMA
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.struct import Struct, as_key
from ottla.connect.data.type import Float32, Type, wrap
from ottla.registry.schema.avro.types import MISSING, Array, AvroType, Enum, Fixed, Map, Primitive, Record, Union

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.avro.names import AvroSettings
    from ottla.connect.data.schema import Schema

_PRIMITIVES: Final = {
    "boolean": Type.BOOLEAN,
    "int": Type.INT32,
    "long": Type.INT64,
    "float": Type.FLOAT32,
    "double": Type.FLOAT64,
    "string": Type.STRING,
    "bytes": Type.BYTES,
}
_SMALL: Final = {"int8": Type.INT8, "int16": Type.INT16}


def connect_of(type_: AvroType, settings: AvroSettings, version: int | None = None) -> Schema | None:
    """`None` for the record that holds data without a schema; `version` is the registry's, where there is no other."""
    return None if names.is_anything(type_) else _ToConnect(settings).convert(type_, version=version)


class _ToConnect:
    def __init__(self, settings: AvroSettings) -> None:
        self._settings = settings
        self._open: list[Record] = []

    def convert(
        self, type_: AvroType, *, optional: bool = False, default: object = MISSING, version: int | None = None
    ) -> Schema:
        if isinstance(type_, Union):
            return self._union(type_)
        builder = self._shape(type_)
        properties = names.properties_of(type_)
        if self._settings.connect_meta_data and isinstance(doc := properties.get(names.CONNECT_DOC), str):
            builder.doc(doc)
        self._add_version(builder, properties, version)
        self._add_parameters(builder, properties)
        self._add_name(builder, type_, properties)
        self._add_default(builder, type_, properties, default)
        if optional:
            builder.optional()
        return builder.build()

    def _shape(self, type_: AvroType) -> SchemaBuilder:
        if isinstance(type_, Record):
            return self._struct(type_)
        if isinstance(type_, Array):
            return self._array(type_)
        if isinstance(type_, Map):
            return SchemaBuilder.map(STRING_SCHEMA, self.convert(type_.values))
        if isinstance(type_, Enum):
            return self._enum(type_)
        if isinstance(type_, Fixed):
            builder = _decimal(type_.properties) or SchemaBuilder.bytes()
            return builder.parameter(names.FIXED_SIZE, str(type_.size))
        assert isinstance(type_, Primitive)
        return _primitive(type_)

    def _struct(self, type_: Record) -> SchemaBuilder:
        if type_ in self._open:
            raise DataError(f"The Avro record {type_.name.full} refers to itself, which a schema of Connect cannot")
        self._open.append(type_)
        builder = SchemaBuilder.struct()
        keeps_docs = self._settings.connect_meta_data
        if keeps_docs and type_.doc is not None:
            builder.parameter(names.RECORD_DOC, type_.doc)
        for field in type_.fields:
            if keeps_docs and field.doc is not None:
                builder.parameter(names.FIELD_DOC + field.name, field.doc)
            builder.field(field.name, self.convert(field.type, default=field.default))
        self._open.pop()
        return builder

    def _array(self, type_: Array) -> SchemaBuilder:
        entry = type_.items
        if not names.is_map_entry(entry):
            return SchemaBuilder.array(self.convert(entry))
        assert isinstance(entry, Record)
        fields = {field.name: field.type for field in entry.fields}
        if fields.keys() != {names.KEY, names.VALUE}:
            raise DataError(f"The entries of a map, {entry.name.full}, have key and value, not {', '.join(fields)}")
        return SchemaBuilder.map(self.convert(fields[names.KEY]), self.convert(fields[names.VALUE]))

    def _enum(self, type_: Enum) -> SchemaBuilder:
        builder = SchemaBuilder.string()
        if self._settings.connect_meta_data:
            if type_.doc is not None:
                builder.parameter(names.ENUM_DOC + type_.name.simple, type_.doc)
            if type_.default is not None:
                builder.parameter(names.ENUM_DEFAULT + type_.name.simple, type_.default)
        builder.parameter(names.ENUM, type_.name.full)
        for symbol in type_.symbols:
            builder.parameter(f"{names.ENUM}.{symbol}", symbol)
        return builder

    def _union(self, type_: Union) -> Schema:
        present = [branch for branch in type_.branches if branch.kind != "null"]
        has_null = len(present) < len(type_.branches)
        if len(type_.branches) == 1 and present and self._settings.flatten_singleton_unions:
            return self.convert(present[0])
        if len(type_.branches) == 2 and len(present) == 1:
            return self.convert(present[0], optional=True)
        builder = SchemaBuilder.struct().name(names.UNION)
        for branch in present:
            builder.field(names.member_name(branch, self._settings.enhanced), self.convert(branch, optional=True))
        return builder.optional().build() if has_null else builder.build()

    def _add_version(self, builder: SchemaBuilder, properties: Mapping[str, object], version: int | None) -> None:
        said = properties.get(names.CONNECT_VERSION)
        if said is not None and (not isinstance(said, int) or isinstance(said, bool)):
            raise DataError(f"{names.CONNECT_VERSION} is an integer, not {said!r}")
        if isinstance(said, int) or version is not None:
            number = said if isinstance(said, int) else version
            if number is not None and number >= 0:
                builder.version(number)

    def _add_parameters(self, builder: SchemaBuilder, properties: Mapping[str, object]) -> None:
        parameters = properties.get(names.CONNECT_PARAMETERS)
        if self._settings.connect_meta_data and parameters is not None:
            if not isinstance(parameters, dict) or not all(isinstance(each, str) for each in parameters.values()):
                raise DataError(f"{names.CONNECT_PARAMETERS} is an object of texts, not {parameters!r}")
            builder.parameters(parameters)
        for name, value in properties.items():
            if name.startswith("avro"):
                builder.parameter(name, str(value))

    def _add_name(self, builder: SchemaBuilder, type_: AvroType, properties: Mapping[str, object]) -> None:
        name = properties.get(names.CONNECT_NAME)
        if name is not None and not isinstance(name, str):
            raise DataError(f"{names.CONNECT_NAME} is text, not {name!r}")
        is_decimal = properties.get(names.LOGICAL_TYPE) == "decimal"
        if name is None and isinstance(type_, Record | Enum | Fixed) and not (isinstance(type_, Fixed) and is_decimal):
            name = type_.name.full
        if name is not None and not name.startswith(names.DEFAULT_FULL_NAME):
            builder.name(name)

    def _add_default(
        self, builder: SchemaBuilder, type_: AvroType, properties: Mapping[str, object], default: object
    ) -> None:
        """One that does not fit is left out."""
        said = properties.get(names.CONNECT_DEFAULT)
        if default is MISSING or default is None:
            default = said
        elif self._settings.connect_meta_data and said is None:
            builder.parameter(names.FIELD_DEFAULT_FLAG, "true")
        if default is None:
            return
        try:
            builder.default(_default(builder.build(), default))
        except (DataError, ValueError, TypeError, AttributeError):
            return


def _primitive(type_: Primitive) -> SchemaBuilder:
    kind = type_.properties.get(names.LOGICAL_TYPE)
    if type_.kind == "null":
        raise DataError("An Avro schema of null alone has none of Connect's")
    if type_.kind == "bytes":
        return _decimal(type_.properties) or SchemaBuilder.bytes()
    if type_.kind == "int" and kind == "date":
        return logical.date_builder()
    if type_.kind == "int" and kind == "time-millis":
        return logical.time_builder()
    if type_.kind == "long" and kind == "timestamp-millis":
        return logical.timestamp_builder()
    small = type_.properties.get(names.CONNECT_TYPE)
    if type_.kind == "int" and kind is None and small is not None:
        if small not in _SMALL:
            raise DataError(f"{names.CONNECT_TYPE} of an Avro int is int8 or int16, not {small!r}")
        return SchemaBuilder(_SMALL[str(small)])
    return SchemaBuilder(_PRIMITIVES[type_.kind])


def _decimal(properties: Mapping[str, object]) -> SchemaBuilder | None:
    if properties.get(names.LOGICAL_TYPE) != "decimal":
        return None
    scale, precision = properties.get("scale", 0), properties.get("precision")
    builder = logical.decimal_builder(scale if isinstance(scale, int) else 0)
    if isinstance(precision, int) and precision != names.DEFAULT_PRECISION:
        builder.parameter(names.PRECISION, str(precision))
    return builder


def _default(schema: Schema, value: Any) -> object:
    """A default of Avro's JSON as data."""
    if value is None:
        return None
    if schema.name == logical.DECIMAL:
        return logical.decimal_to_logical(schema, value.encode("latin-1"))
    if schema.name == logical.DATE:
        return logical.date_to_logical(schema, value)
    if schema.name == logical.TIME:
        return logical.time_to_logical(schema, value)
    if schema.name == logical.TIMESTAMP:
        return logical.timestamp_to_logical(schema, value)
    if schema.type is Type.BYTES:
        return value.encode("latin-1")
    if schema.type in (Type.FLOAT32, Type.FLOAT64):
        return Float32(value) if schema.type is Type.FLOAT32 else float(value)
    if schema.type in (Type.INT8, Type.INT16):
        return wrap(value, 8 if schema.type is Type.INT8 else 16)
    if schema.type is Type.ARRAY:
        assert schema.value_schema is not None
        return [_default(schema.value_schema, each) for each in value]
    if schema.type is Type.MAP:
        assert schema.key_schema is not None
        assert schema.value_schema is not None
        pairs = value.items() if isinstance(value, dict) else value
        keys, values = schema.key_schema, schema.value_schema
        return {as_key(_default(keys, key)): _default(values, each) for key, each in pairs}
    if schema.type is Type.STRUCT:
        struct = Struct(schema)
        for field in schema.fields:
            struct.put(field, _default(field.schema, value.get(field.name)))
        return struct
    return value
