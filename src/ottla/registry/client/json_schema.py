"""Values that a JSON Schema describes ─► bytes and back; what does not fit is refused on either way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ottla.registry.client.registry_client import RegistryClient, Schema
from ottla.registry.client.wire import read_frame
from ottla.registry.schema.json_schema.schema import JsonSchema
from ottla.registry.schema.parsed import JSON

if TYPE_CHECKING:
    from ottla.registry.client.framing import Framing, Headers


class InvalidValueError(ValueError):
    """The value is not what its schema describes; the text says where."""


class _Validators:
    def __init__(self, client: RegistryClient) -> None:
        self._client = client
        self._known: dict[Schema, Any] = {}

    def check(self, schema: Schema, value: Any) -> None:
        import jsonschema_rs

        validator = self._known.get(schema)
        if validator is None:
            validator = self._known[schema] = self._make(schema)
        try:
            validator.validate(value)
        except jsonschema_rs.ValidationError as error:
            raise InvalidValueError(str(error)) from None

    def _make(self, schema: Schema) -> Any:
        import jsonschema_rs

        texts = self._client.texts(schema.references)
        main = json.loads(schema.text)
        base = "ottla:/" if not isinstance(main, dict) or "$id" not in main else ""
        resources = {name if ":" in name else f"ottla:/{name}": json.loads(text) for name, text in texts.items()}
        if not resources:
            return jsonschema_rs.validator_for(main)
        registry = jsonschema_rs.Registry(list(resources.items()))
        if base:
            return jsonschema_rs.validator_for(main, registry=registry, base_uri=f"{base}main")
        return jsonschema_rs.validator_for(main, registry=registry)


class JsonSerializer:
    """`JsonSerializer(Framing(client), schema)`; a value is what `json.dumps` takes."""

    def __init__(self, framing: Framing, schema: Schema | str, *, validates: bool = True) -> None:
        self._framing = framing
        self._schema = schema if isinstance(schema, Schema) else Schema(schema, JSON)
        self._name = JsonSchema(self._schema.text).name
        self._validators = _Validators(framing.client) if validates else None

    def __call__(self, topic: str, data: Any, headers: Headers = (), /) -> bytes | None:
        if data is None:
            return None
        found = self._framing.find(topic, self._schema, self._name)
        return self._framing.before(found) + self._encode(found.schema, data)

    def with_header(self, topic: str, data: Any) -> tuple[bytes, tuple[str, bytes]]:
        found = self._framing.find(topic, self._schema, self._name)
        return self._encode(found.schema, data), self._framing.header(found)

    def _encode(self, schema: Schema, data: Any) -> bytes:
        if self._validators is not None:
            self._validators.check(schema, data)
        return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()


class JsonDeserializer:
    def __init__(self, client: RegistryClient, *, is_key: bool = False, validates: bool = True) -> None:
        self._client = client
        self._is_key = is_key
        self._validators = _Validators(client) if validates else None

    def __call__(self, topic: str, data: bytes | None, headers: Headers = (), /) -> Any:
        if data is None:
            return None
        frame = read_frame(data, headers, is_key=self._is_key)
        value = json.loads(frame.data)
        if self._validators is not None:
            self._validators.check(self._client.schema(frame.schema_id), value)
        return value
