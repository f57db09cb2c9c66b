"""`ProtobufConverter` (`io.confluent.connect.protobuf`): Protobuf with the id of a schema in a registry before it."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.config_def import BOOLEAN, INT, LOW, MEDIUM, ConfigDef
from ottla.connect.api.converter import KEY, TYPE_CONFIG, Converter
from ottla.connect.api.errors import DataError
from ottla.connect.data import logical
from ottla.connect.data.schema_and_value import NULL, SchemaAndValue
from ottla.connect.data.type import Type
from ottla.connect.protobuf import names
from ottla.connect.protobuf.from_connect import proto_of
from ottla.connect.protobuf.message_reader import MessageReader
from ottla.connect.protobuf.message_writer import MessageWriter
from ottla.connect.protobuf.names import ProtobufSettings
from ottla.connect.protobuf.to_connect import ConnectOf
from ottla.connect.registered.registry_config import keep, make_framing, refused, registry_converter_config, version_of
from ottla.registry.client.protobuf import message_class, message_class_of
from ottla.registry.client.registry_client import RegistryClientError
from ottla.registry.client.registry_client import Schema as RegisteredSchema
from ottla.registry.client.wire import WireError, read_frame
from ottla.registry.schema.errors import SchemaError
from ottla.registry.schema.parsed import PROTOBUF
from ottla.registry.schema.protobuf.from_descriptor import from_descriptor
from ottla.registry.schema.protobuf.well_known import well_known
from ottla.registry.schema.protobuf.writer import write_proto

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ottla.connect.data.schema import Schema
    from ottla.registry.schema.protobuf.elements import ProtoFile

_FLAGS: Final = {
    "enhanced.protobuf.schema.support": ("enhanced", False, "Whether names keep their packages."),
    "scrub.invalid.names": ("scrub_names", False, "Whether names that Protobuf does not take are changed."),
    "int.for.enums": ("int_for_enums", False, "Whether enums are numbers."),
    "optional.for.nullables": ("optional_for_nullables", False, "Whether what may be null is `optional`."),
    "optional.for.proto2": ("optional_for_proto2", True, "Whether `optional` of proto2 counts."),
    "wrapper.for.nullables": ("wrapper_for_nullables", False, "Whether what may be null is a wrapper message."),
    "wrapper.for.raw.primitives": ("wrapper_for_raw_primitives", True, "Whether a lone wrapper is a lone value."),
    "generate.struct.for.nulls": ("struct_for_nulls", False, "Whether a message that is missing is an empty struct."),
    "generate.index.for.unions": ("index_for_unions", True, "Whether the name of a union ends with its number."),
    "flatten.unions": ("flatten_unions", False, "Whether the fields of a oneof stand among the others."),
    "ignore.default.for.nullables": (
        "ignore_default_for_nullables",
        False,
        "Whether a null stays one where there is a default.",
    ),
}
_LOGICAL: Final = (logical.DECIMAL, logical.DATE, logical.TIME, logical.TIMESTAMP)
_MAX_SCHEMAS: Final = "schemas.cache.config"
_WRAPPERS: Final = {
    Type.INT8: "Int32Value",
    Type.INT16: "Int32Value",
    Type.INT32: "Int32Value",
    Type.INT64: "Int64Value",
    Type.FLOAT32: "FloatValue",
    Type.FLOAT64: "DoubleValue",
    Type.BOOLEAN: "BoolValue",
    Type.STRING: "StringValue",
    Type.BYTES: "BytesValue",
}


class ProtobufConverter(Converter):
    def config(self) -> ConfigDef:
        definition = registry_converter_config()
        for key, (_, default, text) in _FLAGS.items():
            definition.define(key, BOOLEAN, default, MEDIUM, text)
        return definition.define(_MAX_SCHEMAS, INT, 1000, LOW, "How many schemas are kept ready at most.")

    def configure(self, configs: Mapping[str, Any]) -> None:
        settings = self.config().parse(configs)
        self._settings = ProtobufSettings(**{name: settings[key] for key, (name, _, _) in _FLAGS.items()})
        self._is_key = settings[TYPE_CONFIG] == KEY
        self._framing = make_framing(settings, is_key=self._is_key)
        self._max_schemas = max(settings[_MAX_SCHEMAS], 1)
        self._writers: OrderedDict[tuple[str, Schema], Callable[[Any], bytes]] = OrderedDict()
        self._readers: OrderedDict[tuple[str, int | str, tuple[int, ...]], Callable[[bytes], SchemaAndValue]] = (
            OrderedDict()
        )

    def from_connect_data(self, topic: str, schema: Schema | None, value: object) -> bytes | None:
        if value is None:
            return None
        if schema is None:
            raise DataError(f"Data of topic {topic} without a schema cannot be written as Protobuf")
        found = self._writers.get((topic, schema))
        if found is None:
            found = self._make_writer(topic, schema)
            keep(self._writers, (topic, schema), found, self._max_schemas)
        return found(value)

    def _make_writer(self, topic: str, schema: Schema) -> Callable[[Any], bytes]:
        file, index = self._file(schema)
        text = write_proto(file)
        try:
            message = message_class_of(file, index)
            registered = self._framing.find(topic, RegisteredSchema(text, PROTOBUF), message.DESCRIPTOR.full_name)
        except RegistryClientError as error:
            raise refused(error, topic) from error
        except (SchemaError, ValueError, TypeError) as error:
            raise DataError(f"Topic {topic}: the schema has no form in Protobuf: {error}") from error
        if registered.schema.text != text:
            raise DataError(f"Topic {topic}: data cannot yet be written with another schema than its own")
        prefix = self._framing.before(registered, (index,))
        write = MessageWriter(self._settings).writer(schema, message.DESCRIPTOR)

        def to_bytes(value: Any) -> bytes:
            made = message()
            try:
                write(made, value)
                return prefix + bytes(made.SerializeToString())
            except (ValueError, TypeError, RecursionError) as error:
                raise DataError(f"Topic {topic}: {schema} cannot be written: {error}") from error

        return to_bytes

    def _file(self, schema: Schema) -> tuple[ProtoFile, int]:
        """A lone value is the message of Google's that wraps it."""
        if schema.type is Type.STRUCT:
            return proto_of(schema, self._settings), 0
        wrapper = _WRAPPERS.get(schema.type)
        if wrapper is None or schema.name in _LOGICAL:
            raise DataError(f"{schema} has no message of Protobuf: give it a struct")
        file = from_descriptor(well_known(names.WRAPPERS_FILE))
        return file, [each.name for each in file.messages].index(wrapper)

    def to_connect_data(self, topic: str, value: bytes | None) -> SchemaAndValue:
        if value is None:
            return NULL
        try:
            frame = read_frame(value, (), is_key=self._is_key, has_indexes=True)
        except WireError as error:
            raise DataError(f"Topic {topic}: {error}") from error
        key = (topic, frame.schema_id, frame.indexes)
        found = self._readers.get(key)
        if found is None:
            found = self._make_reader(topic, frame.schema_id, frame.indexes)
            keep(self._readers, key, found, self._max_schemas)
        return found(frame.data)

    def _make_reader(
        self, topic: str, schema_id: int | str, indexes: tuple[int, ...]
    ) -> Callable[[bytes], SchemaAndValue]:
        from google.protobuf.message import DecodeError

        client = self._framing.client
        try:
            message = message_class(client, schema_id, indexes)
            # Its version is that of the schema as it was registered, which `SERIALIZED` is not.
            version = version_of(self._framing, topic, client.schema(schema_id), message.DESCRIPTOR.full_name)
        except RegistryClientError as error:
            raise refused(error, topic) from error
        except (SchemaError, TypeError, ValueError, IndexError) as error:
            raise DataError(f"The schema {schema_id} of topic {topic} cannot be read as Protobuf: {error}") from error
        descriptor = message.DESCRIPTOR
        schema = ConnectOf(self._settings).convert(descriptor, version)
        read = MessageReader(self._settings).reader(schema, descriptor)

        def from_bytes(data: bytes) -> SchemaAndValue:
            try:
                return SchemaAndValue(schema, read(message.FromString(data)))
            except DecodeError as error:
                raise DataError(f"Topic {topic}: the data is no {descriptor.full_name}: {error}") from error

        return from_bytes
