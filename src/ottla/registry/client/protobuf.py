"""Messages of Protobuf ─► bytes and back. A message's file and all that it imports are registered with it."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from ottla.registry.client.registry_client import Registered, RegistryClient, Schema
from ottla.registry.client.wire import read_frame
from ottla.registry.schema.parsed import PROTOBUF
from ottla.registry.schema.protobuf.names import WELL_KNOWN
from ottla.registry.schema.protobuf.schema import SERIALIZED
from ottla.registry.schema.reference import Reference

if TYPE_CHECKING:
    from ottla.registry.client.framing import Framing, Headers


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
                message = self._classes[key] = self._make(frame.schema_id, frame.indexes)
        return message.FromString(frame.data)

    def _make(self, schema_id: int | str, indexes: tuple[int, ...]) -> type[Any]:
        from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

        schema = self._client.schema(schema_id, form=SERIALIZED)
        pool = descriptor_pool.DescriptorPool()
        added: set[str] = set()

        def add(name: str, text: str) -> Any:
            file = descriptor_pb2.FileDescriptorProto.FromString(base64.b64decode(text))
            file.name = name
            for each in file.dependency:
                if each.startswith(WELL_KNOWN) and each not in added:
                    added.add(each)
                    pool.AddSerializedFile(descriptor_pool.Default().FindFileByName(each).serialized_pb)
            added.add(name)
            pool.Add(file)
            return pool.FindFileByName(name)

        for name, text in self._client.texts(schema.references, form=SERIALIZED).items():
            add(name, text)
        file = add(f"schema-{schema_id}.proto", schema.text)
        messages = list(file.message_types_by_name.values())
        descriptor = messages[indexes[0]]
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
