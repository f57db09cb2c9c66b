"""`JsonSchemaConverter` (`io.confluent.connect.json`): JSON with the id of a JSON Schema in a registry before it."""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.config_def import BOOLEAN, INT, LOW, MEDIUM, STRING, ConfigDef
from ottla.connect.api.converter import KEY, TYPE_CONFIG, Converter
from ottla.connect.api.errors import DataError
from ottla.connect.api.validators import CaseInsensitiveValidString
from ottla.connect.converters.json_reader import EXACT, MISSING, Reader, decode_text, parse_json
from ottla.connect.data.schema_and_value import NULL, SchemaAndValue
from ottla.connect.json_schema.data import JsonSchemaReader, JsonSchemaWriter
from ottla.connect.json_schema.from_connect import JsonSchemaOf
from ottla.connect.json_schema.to_connect import ConnectOf
from ottla.connect.registered.registry_config import keep, make_framing, refused, registry_converter_config, version_of
from ottla.registry.client.registry_client import RegistryClientError
from ottla.registry.client.registry_client import Schema as RegisteredSchema
from ottla.registry.client.wire import WireError, read_frame
from ottla.registry.schema.compact_json import compact_json
from ottla.registry.schema.parsed import JSON

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.converters.json_writer import Writer
    from ottla.connect.data.schema import Schema

ADDITIONAL: Final = "object.additional.properties"
OPTIONAL: Final = "use.optional.for.nonrequired"
DECIMAL_FORMAT: Final = "decimal.format"
FLATTEN: Final = "flatten.singleton.unions"
IGNORE_DEFAULT: Final = "ignore.default.for.nullables"
MAX_SCHEMAS: Final = "schemas.cache.config"
BASE64: Final = "BASE64"
NUMERIC: Final = "NUMERIC"
_TOO_DEEP: Final = "Lists and maps are nested too deeply"


class JsonSchemaConverter(Converter):
    def config(self) -> ConfigDef:
        definition = registry_converter_config()
        definition.define(ADDITIONAL, BOOLEAN, True, MEDIUM, "Whether objects may have other properties.")
        definition.define(OPTIONAL, BOOLEAN, False, MEDIUM, "Whether properties that are not required are optional.")
        formats = CaseInsensitiveValidString(BASE64, NUMERIC)
        definition.define(DECIMAL_FORMAT, STRING, BASE64, LOW, "How a Decimal is written.", validator=formats)
        definition.define(FLATTEN, BOOLEAN, True, LOW, "Whether a oneOf of one schema is that schema.")
        definition.define(IGNORE_DEFAULT, BOOLEAN, False, MEDIUM, "Whether a null stays one where there is a default.")
        return definition.define(MAX_SCHEMAS, INT, 1000, LOW, "How many schemas are kept ready at most.")

    def configure(self, configs: Mapping[str, Any]) -> None:
        settings = self.config().parse(configs)
        is_base64 = settings[DECIMAL_FORMAT].upper() == BASE64
        replace_null = not settings[IGNORE_DEFAULT]
        self._max_schemas: int = max(settings[MAX_SCHEMAS], 1)
        self._optional: bool = settings[OPTIONAL]
        self._flattens: bool = settings[FLATTEN]
        self._is_key = settings[TYPE_CONFIG] == KEY
        self._framing = make_framing(settings, is_key=self._is_key)
        self._writer = JsonSchemaWriter(
            decimals_as_base64=is_base64, replace_null=replace_null, max_schemas=self._max_schemas
        )
        self._reader = JsonSchemaReader(replace_null=replace_null)
        self._schema_of = JsonSchemaOf(
            self._writer.write, numeric_decimals=not is_base64, allows_additional=settings[ADDITIONAL]
        )
        self._writers: OrderedDict[tuple[str, Schema], tuple[bytes, Writer]] = OrderedDict()
        self._readers: OrderedDict[tuple[str, int | str], tuple[Schema, Reader]] = OrderedDict()

    def from_connect_data(self, topic: str, schema: Schema | None, value: object) -> bytes | None:
        if value is None and (schema is None or schema.optional):
            return None
        if schema is None:
            raise DataError(f"Data of topic {topic} without a schema cannot be written with a JSON Schema")
        found = self._writers.get((topic, schema))
        if found is None:
            found = self._prefix(topic, schema), self._writer.writer(schema)
            keep(self._writers, (topic, schema), found, self._max_schemas)
        prefix, write = found
        try:
            return prefix + write(value).encode()
        except RecursionError:
            raise DataError(f"{_TOO_DEEP} (topic {topic})") from None

    def _prefix(self, topic: str, schema: Schema) -> bytes:
        text = compact_json(self._schema_of.convert(schema))
        try:
            return self._framing.before(self._framing.find(topic, RegisteredSchema(text, JSON), schema.name))
        except RegistryClientError as error:
            raise refused(error, topic) from error
        except ValueError as error:
            raise DataError(f"Topic {topic}: {error}") from error

    def to_connect_data(self, topic: str, value: bytes | None) -> SchemaAndValue:
        if value is None:
            return NULL
        try:
            frame = read_frame(value, (), is_key=self._is_key)
        except WireError as error:
            raise DataError(f"Topic {topic}: {error}") from error
        found = self._readers.get((topic, frame.schema_id))
        if found is None:
            schema = self._schema(topic, frame.schema_id)
            found = schema, self._reader.reader(schema)
            keep(self._readers, (topic, frame.schema_id), found, self._max_schemas)
        schema, read = found
        node = parse_json(decode_text(frame.data), EXACT)
        return SchemaAndValue(schema, read(None if node is MISSING else node))

    def _schema(self, topic: str, schema_id: int | str) -> Schema:
        try:
            registered = self._framing.client.schema(schema_id)
            texts = self._framing.client.texts(registered.references)
            node = json.loads(registered.text)
        except RegistryClientError as error:
            raise refused(error, topic) from error
        except ValueError as error:
            raise DataError(f"The schema {schema_id} of topic {topic} is no JSON: {error}") from error
        title = node.get("title") if isinstance(node, dict) else None
        convert = ConnectOf(
            node,
            texts,
            lambda schema, default: self._reader.reader(schema)(default),
            optional_unless_required=self._optional,
            flattens=self._flattens,
        )
        return convert.convert(version_of(self._framing, topic, registered, title))
