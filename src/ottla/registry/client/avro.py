"""Avro values ─► bytes and back, by fastavro."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

from ottla.registry.client.registry_client import Registered, RegistryClient, Schema
from ottla.registry.client.wire import read_frame
from ottla.registry.schema.avro.schema import AvroSchema

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ottla.registry.client.framing import Framing, Headers


class AvroSerializer:
    """`AvroSerializer(Framing(client), schema)`; a value is what fastavro takes: a dict for a record."""

    def __init__(self, framing: Framing, schema: Schema | str) -> None:
        self._framing = framing
        self._schema = schema if isinstance(schema, Schema) else Schema(schema)
        self._name = AvroSchema(self._schema.text, (), self._texts(self._schema)).name
        self._parsed: dict[Schema, Any] = {}

    def __call__(self, topic: str, data: Any, headers: Headers = (), /) -> bytes | None:
        if data is None:
            return None
        found = self._framing.find(topic, self._schema, self._name)
        return self._framing.before(found) + self._encode(found, data)

    def with_header(self, topic: str, data: Any) -> tuple[bytes, tuple[str, bytes]]:
        found = self._framing.find(topic, self._schema, self._name)
        return self._encode(found, data), self._framing.header(found)

    def _encode(self, found: Registered, data: Any) -> bytes:
        import fastavro

        parsed = self._parsed.get(found.schema)
        if parsed is None:
            parsed = self._parsed[found.schema] = parse(found.schema.text, self._texts(found.schema))
        out = io.BytesIO()
        fastavro.schemaless_writer(out, parsed, data)
        return out.getvalue()

    def _texts(self, schema: Schema) -> dict[str, str]:
        return self._framing.client.texts(schema.references)


class AvroDeserializer:
    """With a `reader` schema values come as that one has them, whatever they were written with."""

    def __init__(self, client: RegistryClient, reader: Schema | str | None = None, *, is_key: bool = False) -> None:
        self._client = client
        self._is_key = is_key
        self._parsed: dict[Schema, Any] = {}
        self._reader: Any = None
        if reader is not None:
            self._reader = self._parse(reader if isinstance(reader, Schema) else Schema(reader))

    def __call__(self, topic: str, data: bytes | None, headers: Headers = (), /) -> Any:
        if data is None:
            return None
        import fastavro

        frame = read_frame(data, headers, is_key=self._is_key)
        writer = self._parse(self._client.schema(frame.schema_id))
        return fastavro.schemaless_reader(io.BytesIO(frame.data), writer, self._reader)

    def of_schema(self, schema_id: int | str) -> Callable[[bytes], Any]:
        """Reads what stands behind the id, where many values have the same."""
        import fastavro

        read, writer, reader = fastavro.schemaless_reader, self._parse(self._client.schema(schema_id)), self._reader
        return lambda data: read(io.BytesIO(data), writer, reader)

    def _parse(self, schema: Schema) -> Any:
        found = self._parsed.get(schema)
        if found is None:
            found = self._parsed[schema] = parse(schema.text, self._client.texts(schema.references))
        return found


def parse(text: str, texts: Mapping[str, str]) -> Any:
    import fastavro

    named: dict[str, Any] = {}
    for each in texts.values():
        fastavro.parse_schema(json.loads(each), named_schemas=named)
    return fastavro.parse_schema(json.loads(text), named_schemas=named)
