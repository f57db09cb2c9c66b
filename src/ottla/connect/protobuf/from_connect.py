"""The `.proto` file of a Connect schema (`ProtobufData.fromConnectSchema`): proto3, one message, all others within it.

Defaults are left out, which proto3 does not take (Confluent's converter writes them all the same).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla.connect.api.errors import DataError
from ottla.connect.data import logical
from ottla.connect.data.type import Type
from ottla.connect.protobuf import names
from ottla.connect.protobuf.names import parameter
from ottla.registry.schema.protobuf.elements import Enum, EnumConstant, Field, Message, OneOf, Option, ProtoFile
from ottla.registry.schema.protobuf.lexer import quoted

if TYPE_CHECKING:
    from ottla.connect.data.schema import Field as SchemaField
    from ottla.connect.data.schema import Schema
    from ottla.connect.protobuf.names import ProtobufSettings

_SCALARS: Final = {
    Type.INT8: "int32",
    Type.INT16: "int32",
    Type.INT32: "int32",
    Type.INT64: "int64",
    Type.FLOAT32: "float",
    Type.FLOAT64: "double",
    Type.BOOLEAN: "bool",
    Type.STRING: "string",
    Type.BYTES: "bytes",
}
_LOGICAL: Final = {
    logical.DECIMAL: names.DECIMAL,
    logical.DATE: names.DATE,
    logical.TIME: names.TIME,
    logical.TIMESTAMP: names.TIMESTAMP,
}
_TOO_DEEP: Final = "Lists and maps are nested too deeply"


def root_name(schema: Schema, settings: ProtobufSettings) -> tuple[str | None, str]:
    """Package and name of the message."""
    parts = (schema.name or f"{names.DEFAULT_NAME}1").split(".")
    if settings.scrub_names:
        parts = [names.scrubbed(part) for part in parts]
    return ".".join(parts[:-1]) or None, parts[-1]


def proto_of(schema: Schema, settings: ProtobufSettings) -> ProtoFile:
    """Of a struct. `DataError`."""
    if schema.type is not Type.STRUCT or names.is_union(schema):
        raise DataError(f"{schema} is no struct, and so no message of Protobuf")
    package, name = root_name(schema, settings)
    converting = _Converting(settings, used=0 if schema.name else 1)
    message = Message(name)
    try:
        converting.fill(message, schema)
    except RecursionError:
        raise DataError(_TOO_DEEP) from None
    return ProtoFile(syntax="proto3", package=package, imports=converting.imports, types=[message])


class _Converting:
    def __init__(self, settings: ProtobufSettings, used: int) -> None:
        self._settings = settings
        self._unnamed = used
        """How many schemas without a name have been given one."""
        self.imports: list[str] = []

    def fill(self, message: Message, schema: Schema) -> None:
        number = 1
        for field in schema.fields:
            tag = parameter(field.schema, names.TAG)
            if tag is None:
                tag, number = str(number), number + 1
            self._add(message, field, int(tag))

    def _add(self, message: Message, field: SchemaField, tag: int) -> None:
        schema = field.schema
        if names.is_union(schema):
            self._add_one_of(message, schema)
            return
        label = _repeated(schema)
        if label is None and self._settings.optional_for_nullables and schema.optional:
            label = "optional"
        message.fields.append(self._field(message, schema, self._scrub(field.name), tag, label=label))

    def _add_one_of(self, message: Message, schema: Schema) -> None:
        one_of = OneOf(self._unqualified((schema.name or "").removeprefix(f"{names.UNION}.")))
        for field in schema.fields:
            tag = parameter(field.schema, names.TAG)
            if tag is None:
                raise DataError(f"The field {field.name} of the union {schema.name} has no parameter {names.TAG}")
            name = self._scrub(field.name)
            one_of.fields.append(self._field(message, field.schema, name, int(tag), is_member=True))
        message.one_ofs.append(one_of)

    def _field(
        self,
        message: Message,
        schema: Schema,
        name: str,
        tag: int,
        *,
        label: str | None = None,
        is_member: bool = False,
    ) -> Field:
        if schema.type is Type.ARRAY:
            schema = _part(schema.value_schema)
            if schema.type is Type.ARRAY:
                raise DataError(f"The list {name} of lists has no schema of Protobuf: Array cannot be nested")
        params: dict[str, str] = {}
        type_ = self._type(schema, name, params, is_member)
        if type_ in names.FILES:
            self._import(names.FILES[type_])
        elif type_.startswith("google.protobuf."):
            self._import(names.WRAPPERS_FILE)
        elif schema.type is Type.STRUCT:
            # A message within one of the same name is that one.
            if type_ != message.name and all(each.name != type_ for each in message.types):
                nested = Message(type_)
                message.types.append(nested)
                self.fill(nested, schema)
        elif schema.type is Type.MAP:
            entry = Message(type_)
            parts = ((names.KEY, _part(schema.key_schema)), (names.VALUE, _part(schema.value_schema)))
            for number, (word, part) in enumerate(parts, 1):
                entry.fields.append(self._field(entry, part, word, number, label=_repeated(part)))
            message.types.append(entry)
        elif parameter(schema, names.ENUM) is not None:
            self._add_enum(message, schema)
        return Field(name, type_, tag, label, options=_meta(params))

    def _type(self, schema: Schema, field: str, params: dict[str, str], is_member: bool) -> str:
        if schema.name in _LOGICAL:
            if schema.name == logical.DECIMAL:
                for source, target in ((names.PRECISION, names.META_PRECISION), (logical.SCALE, names.META_SCALE)):
                    text = parameter(schema, source)
                    if text is not None:
                        params[target] = text
            return _LOGICAL[schema.name]
        if schema.type is Type.MAP:
            return names.entry_name(self._unqualified(schema.name))
        if schema.type is Type.STRUCT:
            name = self._unqualified(schema.name)
            return f"{name}Message" if name == field else name
        enum = parameter(schema, names.ENUM)
        if enum is not None and schema.type in (Type.STRING, Type.INT32):
            return enum
        scalar = _SCALARS[schema.type]
        if schema.type in (Type.INT8, Type.INT16):
            params[names.CONNECT_TYPE] = schema.type.value
        elif schema.type in (Type.INT32, Type.INT64):
            scalar = parameter(schema, names.TYPE) or scalar
        return names.wrapper_of(scalar) if self._is_wrapped(schema, is_member) else scalar

    def _is_wrapped(self, schema: Schema, is_member: bool) -> bool:
        if not self._settings.wrapper_for_nullables or not schema.optional:
            return False
        return not is_member or parameter(schema, names.WRAPPER) == "true"

    def _add_enum(self, message: Message, schema: Schema) -> None:
        name = self._unqualified(schema.name)
        if any(each.name == name for each in message.types):
            return
        prefix = f"{names.ENUM}."
        constants = [
            EnumConstant(key.removeprefix(prefix), int(number))
            for key, number in (schema.parameters or {}).items()
            if key.startswith(prefix)
        ]
        message.types.append(Enum(name, constants))

    def _unqualified(self, name: str | None) -> str:
        if not name:
            self._unnamed += 1
            return f"{names.DEFAULT_NAME}{self._unnamed}"
        return self._scrub(name.rpartition(".")[2])

    def _scrub(self, name: str) -> str:
        return names.scrubbed(name) if self._settings.scrub_names else name

    def _import(self, file: str) -> None:
        if file not in self.imports:
            self.imports.append(file)


def _repeated(schema: Schema) -> str | None:
    return "repeated" if schema.type in (Type.ARRAY, Type.MAP) else None


def _part(schema: Schema | None) -> Schema:
    if schema is None:
        raise DataError("A list or map whose elements have no schema has no schema of Protobuf")
    return schema


def _meta(params: dict[str, str]) -> list[Option]:
    if not params:
        return []
    pairs = ", ".join(f"{{key: {quoted(key)}, value: {quoted(value)}}}" for key, value in params.items())
    return [Option("(confluent.field_meta)", f"{{params: [{pairs}]}}")]
