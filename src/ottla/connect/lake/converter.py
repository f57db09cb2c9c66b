"""Keys and values of any topic as Connect's data: by the schema registry, as JSON, as text, or as they are.

`auto` looks at each value: what begins with an id that the registry knows is read by that schema, an object of JSON as
its fields, all else as text. Keys are never read as JSON: what tells rows apart is what tells records apart.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NoReturn

from ottla.connect.api.config_def import HIGH, STRING, ConfigDef
from ottla.connect.api.converter import KEY, TYPE_CONFIG, Converter, converter_config
from ottla.connect.api.errors import ConfigError, DataError, RetriableError
from ottla.connect.api.validators import ValidString
from ottla.connect.data.schema import OPTIONAL_BYTES_SCHEMA, OPTIONAL_STRING_SCHEMA
from ottla.connect.data.schema_and_value import NULL, SchemaAndValue
from ottla.registry.client.registry_client import RegistryClient, RegistryClientError
from ottla.registry.client.wire import WireError, read_frame
from ottla.registry.schema.parsed import AVRO, JSON, PROTOBUF

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.data.schema import Schema

AUTO: Final = "auto"
JSON_FORMAT: Final = "json"
TEXT: Final = "text"
BYTES: Final = "bytes"
REGISTRY: Final = "registry"
FORMATS: Final = (AUTO, JSON_FORMAT, TEXT, BYTES, REGISTRY)
FORMAT: Final = "format"
URL: Final = "schema.registry.url"
MAX_SCHEMAS: Final = 1000
_NOT_FOUND: Final = 40403
_SERVER_ERROR: Final = 50_000


class LakeConverter(Converter):
    """Reads alone. `DataError` for bytes that are not what the format says."""

    def config(self) -> ConfigDef:
        definition = converter_config()
        definition.define(FORMAT, STRING, AUTO, HIGH, "How the bytes are read.", validator=ValidString(*FORMATS))
        return definition.define(URL, STRING, "", HIGH, "Where schemas are.")

    def configure(self, configs: Mapping[str, Any]) -> None:
        settings = self.config().parse(configs)
        self._is_key = settings[TYPE_CONFIG] == KEY
        self._type: str = settings[TYPE_CONFIG]
        self._format: str = settings[FORMAT]
        self._url: str = settings[URL]
        if self._format == REGISTRY and not self._url:
            raise ConfigError.of(FORMAT, REGISTRY, "it needs to know where a registry is")
        try:
            self._registry = RegistryClient(self._url) if self._url else None
        except RegistryClientError as error:
            raise ConfigError.of(URL, self._url, str(error)) from error
        self._by_kind: dict[str, Converter] = {}
        self._kinds: dict[int, str | None] = {}
        """Of schemas by id; `None`: the registry does not know it."""

    def from_connect_data(self, _topic: str, _schema: Schema | None, kafka_value: object) -> NoReturn:
        raise DataError(f"{type(self).__name__} only reads")

    def to_connect_data(self, topic: str, value: bytes | None) -> SchemaAndValue:
        if value is None:
            return NULL
        if self._format == BYTES:
            return SchemaAndValue(OPTIONAL_BYTES_SCHEMA, value)
        if self._format == JSON_FORMAT:
            return _json(value)
        if self._format in (REGISTRY, AUTO) and self._registry is not None:
            converter = self._registered(topic, value)
            if converter is not None:
                return converter.to_connect_data(topic, value)
        if self._format == REGISTRY:
            raise DataError("it does not begin with the id of a schema that the registry knows")
        if self._format == AUTO and not self._is_key and value[:1] == b"{":
            try:
                return _json(value)
            except DataError:
                pass  # as text, then
        try:
            return SchemaAndValue(OPTIONAL_STRING_SCHEMA, value.decode())
        except UnicodeDecodeError as error:
            raise DataError(
                f"the {self._type} is no text: {error}; --{self._type}-format bytes takes it as it is"
            ) from error

    def _registered(self, topic: str, data: bytes) -> Converter | None:
        try:
            schema_id = read_frame(data, (), is_key=self._is_key).schema_id
        except WireError:
            return None
        if not isinstance(schema_id, int):
            return None
        if schema_id not in self._kinds:
            if len(self._kinds) >= MAX_SCHEMAS:
                self._kinds.clear()
            self._kinds[schema_id] = self._kind(topic, schema_id)
        kind = self._kinds[schema_id]
        if kind is None:
            return None
        if kind not in self._by_kind:
            converter = _converter(kind)
            converter.configure({TYPE_CONFIG: self._type, URL: self._url})
            self._by_kind[kind] = converter
        return self._by_kind[kind]

    def _kind(self, topic: str, schema_id: int) -> str | None:
        assert self._registry is not None
        try:
            return self._registry.schema(schema_id).schema_type
        except RegistryClientError as error:
            if error.code == _NOT_FOUND:
                return None
            if error.code == 0 or error.code >= _SERVER_ERROR:
                raise RetriableError(f"The schema registry cannot be asked about topic {topic}: {error}") from error
            raise DataError(f"The schema registry refused what topic {topic} needs: {error}") from error


def _json(data: bytes) -> SchemaAndValue:
    """With fields in the order in which they stand there, which is the columns' then."""
    try:
        return SchemaAndValue(None, json.loads(data))
    except (ValueError, RecursionError) as error:
        raise DataError(f"it is no JSON: {error}") from error


def _converter(kind: str) -> Converter:
    if kind == AVRO:
        from ottla.connect.registered.avro_converter import AvroConverter

        return AvroConverter()
    if kind == JSON:
        from ottla.connect.registered.json_schema_converter import JsonSchemaConverter

        return JsonSchemaConverter()
    if kind == PROTOBUF:
        from ottla.connect.registered.protobuf_converter import ProtobufConverter

        return ProtobufConverter()
    raise DataError(f"schemas of type {kind} are not read here")
