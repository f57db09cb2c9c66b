"""Messages of Protobuf ─► bytes and back. A message's file and all that it imports are registered with it."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from ottla.registry.client.registry_client import Registered, RegistryClient, Schema
from ottla.registry.client.wire import read_frame
from ottla.registry.schema.parsed import PROTOBUF
from ottla.registry.schema.protobuf.names import WELL_KNOWN, Names
from ottla.registry.schema.protobuf.schema import SERIALIZED
from ottla.registry.schema.protobuf.to_descriptor import to_descriptor
from ottla.registry.schema.protobuf.well_known import add_file
from ottla.registry.schema.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ottla.registry.client.framing import Framing, Headers
    from ottla.registry.schema.protobuf.elements import ProtoFile


class ProtobufSerializer:
    """`ProtobufSerializer(Framing(client), Order)`; a value is an instance of the generated class."""

    def __init__(self, framing: Framing, message: type[Any]) -> None:
        self._framing = framing
        self._descriptor = message.DESCRIPTOR
        self._indexes = _indexes_of(self._descriptor)
        self._schemas: dict[str, Schema] = {}

    def __call__(self, topic: str, data: Any, headers: Headers = (), /) -> bytes | None:
        if data is None:
            return None
        found = self._find(topic)
        encoded: bytes = data.SerializeToString()
        return self._framing.before(found, self._indexes) + encoded

    def with_header(self, topic: str, data: Any) -> tuple[bytes, tuple[str, bytes]]:
        return data.SerializeToString(), self._framing.header(self._find(topic), self._indexes)

    def _find(self, topic: str) -> Registered:
        return self._framing.find(topic, self._schema_of(self._descriptor.file), self._descriptor.full_name)

    def _schema_of(self, file: Any) -> Schema:
        """Each file that is imported becomes a subject of its own name."""
        found = self._schemas.get(file.name)
        if found is None:
            references = []
            for each in file.dependencies:
                if not each.name.startswith(WELL_KNOWN):
                    registered = self._framing.client.register(each.name, self._schema_of(each))
                    references.append(Reference(each.name, each.name, registered.version))
            text = base64.b64encode(file.serialized_pb).decode()
            found = self._schemas[file.name] = Schema(text, PROTOBUF, tuple(references))
        return found


class ProtobufDeserializer:
    """With a `message` class values are its instances, else those of a class that is made of the writer's schema."""

    def __init__(self, client: RegistryClient, message: type[Any] | None = None, *, is_key: bool = False) -> None:
        self._client = client
        self._message = message
        self._is_key = is_key
        self._classes: dict[tuple[int | str, tuple[int, ...]], type[Any]] = {}

    def __call__(self, topic: str, data: bytes | None, headers: Headers = (), /) -> Any:
        if data is None:
            return None
        frame = read_frame(data, headers, is_key=self._is_key, has_indexes=True)
        message = self._message
        if message is None:
            key = (frame.schema_id, frame.indexes)
            message = self._classes.get(key)
            if message is None:
                message = self._classes[key] = message_class(self._client, frame.schema_id, frame.indexes)
        return message.FromString(frame.data)


def message_class(client: RegistryClient, schema_id: int | str, indexes: Sequence[int]) -> type[Any]:
    """Of the message that a registered schema has at the end of that way. `RegistryClientError`, `SchemaError`."""
    from google.protobuf import descriptor_pb2, descriptor_pool

    schema = client.schema(schema_id, form=SERIALIZED)
    pool = descriptor_pool.DescriptorPool()
    added: set[str] = set()
    files = client.texts(schema.references, form=SERIALIZED) | {f"schema-{schema_id}.proto": schema.text}
    for name, text in files.items():
        file = descriptor_pb2.FileDescriptorProto.FromString(base64.b64decode(text))
        file.name = name
        add_file(pool, file, added)
    return _class_at(pool, name, indexes)


def message_class_of(file: ProtoFile, index: int) -> type[Any]:
    """Of a message of a file that imports nothing but what everybody has. `SchemaError`."""
    from google.protobuf import descriptor_pool

    pool = descriptor_pool.DescriptorPool()
    name = "schema.proto"
    add_file(pool, to_descriptor(file, Names(file, {}), name), set())
    return _class_at(pool, name, (index,))


def _class_at(pool: Any, name: str, indexes: Sequence[int]) -> type[Any]:
    from google.protobuf import message_factory

    descriptor = list(pool.FindFileByName(name).message_types_by_name.values())[indexes[0]]
    for index in indexes[1:]:
        descriptor = descriptor.nested_types[index]
    made: type[Any] = message_factory.GetMessageClass(descriptor)
    return made


def _indexes_of(descriptor: Any) -> tuple[int, ...]:
    """The way from the file to the message."""
    indexes: list[int] = []
    while descriptor is not None:
        parent = descriptor.containing_type
        siblings = parent.nested_types if parent is not None else descriptor.file.message_types_by_name.values()
        indexes.insert(0, [each.full_name for each in siblings].index(descriptor.full_name))
        descriptor = parent
    return tuple(indexes)
