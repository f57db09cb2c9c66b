"""Keys and values that begin with the id of a schema, read by that schema: Avro, JSON Schema, Protobuf."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ottla.console.operations.schemas import SCHEMA_NOT_FOUND
from ottla.registry.client.registry_client import RegistryClientError
from ottla.registry.client.wire import ID_MAGIC, prefix
from ottla.registry.schema.parsed import AVRO, JSON, PROTOBUF

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.registry.client.registry_client import RegistryClient

MAGIC: Final = bytes((ID_MAGIC,))
PREFIX_SIZE: Final = len(prefix(0))
MAX_SCHEMAS: Final = 10_000
UNKNOWN_AGAIN_S: Final = 30.0
"""For so long an id that the registry does not know is not asked for again."""


class ValueReader(NamedTuple):
    kind: str
    """`AVRO`, `JSON` or `PROTOBUF`."""
    read: Callable[[str, bytes], Any]
    """Of a topic and the bytes; raises what the library of that format raises."""


class RegisteredValues:
    """Blocking, as the client is; safe from several threads."""

    def __init__(self, registry: RegistryClient, *, is_key: bool) -> None:
        self._registry = registry
        self._is_key = is_key
        self._readers: dict[int, ValueReader] = {}
        self._unknown: dict[int, float] = {}

    def reader(self, schema_id: int) -> ValueReader | None:
        """`None`: the registry does not know it. `RegistryClientError`: it does not answer, or refuses."""
        found = self._readers.get(schema_id)
        if found is not None:
            return found
        if self._unknown.get(schema_id, 0.0) > time.monotonic():
            return None
        try:
            kind = self._registry.schema(schema_id).schema_type
        except RegistryClientError as error:
            if error.code != SCHEMA_NOT_FOUND:
                raise
            _make_room(self._unknown)
            self._unknown[schema_id] = time.monotonic() + UNKNOWN_AGAIN_S
            return None
        _make_room(self._readers)
        found = self._readers[schema_id] = ValueReader(kind, self._read_by(kind, schema_id))
        return found

    def _read_by(self, kind: str, schema_id: int) -> Callable[[str, bytes], Any]:
        if kind == AVRO:
            from ottla.registry.client.avro import AvroDeserializer

            read_avro = AvroDeserializer(self._registry, is_key=self._is_key).of_schema(schema_id)
            return lambda _, data: read_avro(data[PREFIX_SIZE:])
        if kind == JSON:
            from ottla.registry.client.json_schema import JsonDeserializer

            return JsonDeserializer(self._registry, is_key=self._is_key, validates=False)
        if kind != PROTOBUF:
            raise RegistryClientError(0, f"schemas of type {kind} are not read here")
        from ottla.console.operations.protobuf_values import as_values
        from ottla.registry.client.protobuf import ProtobufDeserializer

        read = ProtobufDeserializer(self._registry, is_key=self._is_key)
        return lambda topic, data: as_values(read(topic, data))


def schema_id_of(data: bytes) -> int | None:
    """What the bytes begin with, where that can be one."""
    return int.from_bytes(data[1:PREFIX_SIZE], "big") if data[:1] == MAGIC and len(data) >= PREFIX_SIZE else None


def _make_room(known: dict[int, Any]) -> None:
    if len(known) >= MAX_SCHEMAS:
        known.clear()
