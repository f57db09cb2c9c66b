"""`JsonConverter`: JSON, with its schema beside it (`{"schema": …, "payload": …}`) or without.

schemas.enable, schemas.cache.size, schema.content (KIP-1054), decimal.format (KIP-481), replace.null.with.default
(KIP-581).
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.config_def import BOOLEAN, HIGH, INT, LOW, STRING, ConfigDef, Width
from ottla.connect.api.converter import Converter, converter_config
from ottla.connect.api.errors import DataError
from ottla.connect.api.validators import CaseInsensitiveValidString
from ottla.connect.converters.json_reader import (
    DOUBLES,
    EXACT,
    MISSING,
    JsonReader,
    Reader,
    decode_text,
    parse_json,
    read_plain,
)
from ottla.connect.converters.json_writer import JsonWriter
from ottla.connect.converters.plain_struct import PlainStruct
from ottla.connect.data.schema_and_value import NULL, SchemaAndValue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.data.schema import Schema

SCHEMAS_ENABLE: Final = "schemas.enable"
SCHEMAS_CACHE_SIZE: Final = "schemas.cache.size"
SCHEMA_CONTENT: Final = "schema.content"
DECIMAL_FORMAT: Final = "decimal.format"
REPLACE_NULL_WITH_DEFAULT: Final = "replace.null.with.default"
BASE64: Final = "BASE64"
NUMERIC: Final = "NUMERIC"
_SCHEMA: Final = '{"schema":'
_TOO_DEEP: Final = "Lists and maps are nested too deeply"
_PAYLOAD: Final = ',"payload":'


def json_converter_config() -> ConfigDef:
    schemas, serialization = "Schemas", "Serialization"
    return (
        converter_config()
        .define(
            SCHEMAS_ENABLE,
            BOOLEAN,
            True,
            HIGH,
            "Whether the schema stands beside each key and value.",
            group=schemas,
            order_in_group=0,
            width=Width.MEDIUM,
            display_name="Enable Schemas",
        )
        .define(
            SCHEMAS_CACHE_SIZE,
            INT,
            1000,
            HIGH,
            "How many schemas are kept ready at most.",
            group=schemas,
            order_in_group=1,
            width=Width.MEDIUM,
            display_name="Schema Cache Size",
        )
        .define(
            SCHEMA_CONTENT,
            STRING,
            None,
            HIGH,
            "The schema of all that is read, as JSON; the bytes then hold the data alone.",
            group=schemas,
            order_in_group=2,
            width=Width.MEDIUM,
            display_name="Schema Content",
        )
        .define(
            DECIMAL_FORMAT,
            STRING,
            BASE64,
            LOW,
            "How a Decimal is written: BASE64 (its bytes) or NUMERIC (a number).",
            validator=CaseInsensitiveValidString(NUMERIC, BASE64),
            group=serialization,
            order_in_group=0,
            width=Width.MEDIUM,
            display_name="Decimal Format",
        )
        .define(
            REPLACE_NULL_WITH_DEFAULT,
            BOOLEAN,
            True,
            LOW,
            "Whether the default of a field stands for its null.",
            group=serialization,
            order_in_group=1,
            width=Width.MEDIUM,
            display_name="Replace null with default",
        )
    )


class JsonConverter(Converter):
    def config(self) -> ConfigDef:
        return json_converter_config()

    def configure(self, configs: Mapping[str, Any]) -> None:
        settings = self.config().parse(configs)
        replace_null = settings[REPLACE_NULL_WITH_DEFAULT]
        self._schemas_enabled: bool = settings[SCHEMAS_ENABLE]
        self._max_schemas: int = max(settings[SCHEMAS_CACHE_SIZE], 1)
        self._writer = JsonWriter(
            decimals_as_base64=settings[DECIMAL_FORMAT].upper() == BASE64,
            replace_null=replace_null,
            max_schemas=self._max_schemas,
        )
        self._reader = JsonReader(replace_null=replace_null)
        self._schemas: OrderedDict[str, tuple[Schema | None, Reader, PlainStruct | None]] = OrderedDict()
        self._last = ""
        """Up to the payload: what the last record with a schema began with."""
        self._last_bytes = b""
        self._last_plain: PlainStruct | None = None
        content = settings[SCHEMA_CONTENT]
        self._fixed = self._read_schema(parse_json(content, EXACT)) if content else None

    def from_connect_data(self, topic: str, schema: Schema | None, value: object) -> bytes | None:
        if schema is None and value is None:
            return None
        try:
            text = self._writer.write(schema, value)
        except RecursionError:
            raise DataError(f"{_TOO_DEEP} (topic {topic})") from None
        if self._schemas_enabled:
            text = f"{_SCHEMA}{self._writer.write_schema(schema)}{_PAYLOAD}{text}}}"
        return text.encode()

    def to_connect_data(self, topic: str, value: bytes | None) -> SchemaAndValue:
        if value is None:
            return NULL
        if self._last_plain is not None and value.startswith(self._last_bytes):
            found = self._read_plain(self._last_plain, value)
            if found is not None:
                return found
        try:
            return self._read(topic, decode_text(value))
        except RecursionError:
            raise DataError(f"{_TOO_DEEP} (topic {topic})") from None

    def _read(self, topic: str, text: str) -> SchemaAndValue:
        if not self._schemas_enabled:
            node = parse_json(text, DOUBLES)
            return SchemaAndValue(None, None if node is MISSING else read_plain(node))
        if self._fixed is not None:
            schema, read = self._fixed
            node = parse_json(text, EXACT)
            return SchemaAndValue(schema, read(node))
        found = self._read_quickly(text)
        if found is not None:
            return found
        node = parse_json(text, EXACT)
        if not isinstance(node, dict) or node.keys() != {"schema", "payload"}:
            raise DataError(
                f'With {SCHEMAS_ENABLE} the data is {{"schema": …, "payload": …}} and nothing else (topic {topic}); '
                f"set {SCHEMAS_ENABLE}=false for plain JSON"
            )
        schema, read = self._read_schema(node["schema"])
        return SchemaAndValue(schema, read(node["payload"]))

    def _read_plain(self, plain: PlainStruct, value: bytes) -> SchemaAndValue | None:
        try:
            text = value[len(self._last_bytes) :].decode()
            node, end = DOUBLES.raw_decode(text)
            struct = plain.read(node) if text[end:] == "}" else None
        except (ValueError, RecursionError, DataError):
            return None
        return None if struct is None else SchemaAndValue(struct.schema, struct)

    def _read_quickly(self, text: str) -> SchemaAndValue | None:
        """What begins with a schema that was read before, to the letter: only the payload is parsed."""
        if not (self._last and text.startswith(self._last)):
            self._last = self._beginning(text)
            self._last_bytes, self._last_plain = self._last.encode(), None
            if not self._last:
                return None
            self._last_plain = self._schemas[self._last][2]
        try:
            node, end = EXACT.raw_decode(text, len(self._last))
        except (ValueError, RecursionError):
            return None
        if text[end:] != "}":
            return None
        schema, read, _ = self._schemas[self._last]
        return SchemaAndValue(schema, read(node))

    def _beginning(self, text: str) -> str:
        """`{"schema":…,"payload":`, with its schema among those that are kept; "" where the text begins otherwise."""
        if not text.startswith(_SCHEMA):
            return ""
        try:
            node, end = EXACT.raw_decode(text, len(_SCHEMA))
        except (ValueError, RecursionError):
            return ""
        if not text.startswith(_PAYLOAD, end):
            return ""
        beginning = text[: end + len(_PAYLOAD)]
        if beginning in self._schemas:
            self._schemas.move_to_end(beginning)
        else:
            schema, read = self._read_schema(node)
            self._schemas[beginning] = schema, read, PlainStruct.of(schema, self._reader)
            if len(self._schemas) > self._max_schemas:
                self._schemas.popitem(last=False)
        return beginning

    def _read_schema(self, node: Any) -> tuple[Schema | None, Reader]:
        schema = self._reader.read_schema(node)
        return schema, self._reader.reader(schema)
