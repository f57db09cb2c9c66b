"""`AvroConverter` (`io.confluent.connect.avro`): Avro with a schema's id before it, the schema in a registry."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.config_def import BOOLEAN, INT, LOW, MEDIUM, ConfigDef
from ottla.connect.api.converter import KEY, TYPE_CONFIG, Converter
from ottla.connect.api.errors import DataError
from ottla.connect.avro.decoder import decode
from ottla.connect.avro.encoder import encode
from ottla.connect.avro.from_connect import avro_of
from ottla.connect.avro.names import AvroSettings
from ottla.connect.avro.to_connect import connect_of
from ottla.connect.data.schema_and_value import NULL, SchemaAndValue
from ottla.connect.registered.registry_config import keep, make_framing, refused, registry_converter_config, version_of
from ottla.registry.client.registry_client import RegistryClientError
from ottla.registry.client.registry_client import Schema as RegisteredSchema
from ottla.registry.client.wire import WireError, read_frame
from ottla.registry.schema.avro.canonical import canonical_json
from ottla.registry.schema.avro.schema import AvroSchema
from ottla.registry.schema.avro.types import Enum, Fixed, Record
from ottla.registry.schema.compact_json import compact_json
from ottla.registry.schema.errors import SchemaError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ottla.connect.data.schema import Schema

ENHANCED: Final = "enhanced.avro.schema.support"
META_DATA: Final = "connect.meta.data"
SCRUB: Final = "scrub.invalid.names"
OPTIONAL_KEYS: Final = "allow.optional.map.keys"
FLATTEN: Final = "flatten.singleton.unions"
IGNORE_DEFAULT: Final = "ignore.default.for.nullables"
MAX_SCHEMAS: Final = "schemas.cache.config"


class AvroConverter(Converter):
    def config(self) -> ConfigDef:
        definition = registry_converter_config()
        definition.define(ENHANCED, BOOLEAN, False, MEDIUM, "Whether enums stay enums, and unions have full names.")
        definition.define(SCRUB, BOOLEAN, False, MEDIUM, "Whether names that Avro does not take are changed.")
        definition.define(META_DATA, BOOLEAN, True, LOW, "Whether the Avro schema says what only Connect knows.")
        definition.define(OPTIONAL_KEYS, BOOLEAN, False, LOW, "Whether a map whose keys may be null is an Avro map.")
        definition.define(FLATTEN, BOOLEAN, True, LOW, "Whether a union of one type is that type.")
        definition.define(IGNORE_DEFAULT, BOOLEAN, False, MEDIUM, "Whether a null stays one where there is a default.")
        return definition.define(MAX_SCHEMAS, INT, 1000, LOW, "How many schemas are kept ready at most.")

    def configure(self, configs: Mapping[str, Any]) -> None:
        settings = self.config().parse(configs)
        self._settings = AvroSettings(
            enhanced=settings[ENHANCED],
            connect_meta_data=settings[META_DATA],
            scrub_names=settings[SCRUB],
            allow_optional_map_keys=settings[OPTIONAL_KEYS],
            flatten_singleton_unions=settings[FLATTEN],
            ignore_default_for_nullables=settings[IGNORE_DEFAULT],
        )
        self._is_key = settings[TYPE_CONFIG] == KEY
        self._framing = make_framing(settings, is_key=self._is_key)
        self._max_schemas = max(settings[MAX_SCHEMAS], 1)
        self._writers: OrderedDict[tuple[str, Schema | None], tuple[bytes, Callable[[Any], bytes]]] = OrderedDict()
        self._readers: OrderedDict[tuple[str, int | str], tuple[Schema | None, Callable[[bytes], Any]]] = OrderedDict()

    def from_connect_data(self, topic: str, schema: Schema | None, value: object) -> bytes | None:
        if value is None and (schema is None or schema.optional):
            return None
        prefix, write = self._writer(topic, schema)
        return prefix + write(value)

    def _writer(self, topic: str, schema: Schema | None) -> tuple[bytes, Callable[[Any], bytes]]:
        found = self._writers.get((topic, schema))
        if found is None:
            type_ = avro_of(schema, self._settings)
            name = type_.name.full if isinstance(type_, Record | Enum | Fixed) else None
            text = compact_json(canonical_json(type_))
            try:
                registered = self._framing.find(topic, RegisteredSchema(text), name)
            except RegistryClientError as error:
                raise refused(error, topic) from error
            except ValueError as error:
                raise DataError(f"Topic {topic}: {error}") from error
            if registered.schema.text != text:
                raise DataError(f"Topic {topic}: data cannot yet be written with another schema than its own")
            found = self._framing.before(registered), encode(schema, type_, self._settings)
            keep(self._writers, (topic, schema), found, self._max_schemas)
        return found

    def to_connect_data(self, topic: str, value: bytes | None) -> SchemaAndValue:
        if value is None:
            return NULL
        try:
            frame = read_frame(value, (), is_key=self._is_key)
        except WireError as error:
            raise DataError(f"Topic {topic}: {error}") from error
        schema, read = self._reader(topic, frame.schema_id)
        return SchemaAndValue(schema, read(frame.data))

    def _reader(self, topic: str, schema_id: int | str) -> tuple[Schema | None, Callable[[bytes], Any]]:
        found = self._readers.get((topic, schema_id))
        if found is None:
            try:
                registered = self._framing.client.schema(schema_id)
                texts = self._framing.client.texts(registered.references)
                parsed = AvroSchema(registered.text, registered.references, texts)
            except RegistryClientError as error:
                raise refused(error, topic) from error
            except SchemaError as error:
                raise DataError(f"The schema {schema_id} of topic {topic} is none of Avro: {error}") from error
            schema = connect_of(parsed.type, self._settings, version_of(self._framing, topic, registered, parsed.name))
            found = schema, decode(parsed.type, schema, self._settings)
            keep(self._readers, (topic, schema_id), found, self._max_schemas)
        return found
