"""`StringConverter`: text in any encoding; and `SimpleHeaderConverter`: headers as text that says what it is."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.config_def import HIGH, STRING, ConfigDef, Width
from ottla.connect.api.converter import Converter, HeaderConverter, converter_config
from ottla.connect.api.errors import DataError
from ottla.connect.data.java_text import java_text
from ottla.connect.data.schema import OPTIONAL_STRING_SCHEMA
from ottla.connect.data.schema_and_value import NULL, SchemaAndValue
from ottla.connect.data.value_parser import parse_string
from ottla.connect.data.values import convert_to_string

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.data.schema import Schema

ENCODING: Final = "converter.encoding"
_UTF_16: Final = "utf-16"
_BIG_ENDIAN: Final = "utf-16-be"


class StringConverter(Converter):
    """Writes anything as `toString()` has it in Java; reads text, in which what cannot be read becomes U+FFFD."""

    def __init__(self) -> None:
        self._encoding = "utf-8"

    def config(self) -> ConfigDef:
        return converter_config().define(
            ENCODING,
            STRING,
            "UTF-8",
            HIGH,
            "The character set of the bytes, by Java's name of it.",
            width=Width.MEDIUM,
            display_name="Encoding",
        )

    def configure(self, configs: Mapping[str, Any]) -> None:
        self._encoding = self.config().parse(configs)[ENCODING]

    def from_connect_data(self, topic: str, schema: Schema | None, value: object) -> bytes | None:
        if value is None:
            return None
        text = java_text(value, schema)
        name = self._codec()
        if name == _UTF_16:
            return codecs.BOM_UTF16_BE + text.encode(_BIG_ENDIAN, "replace")
        return text.encode(name, "replace")

    def to_connect_data(self, topic: str, value: bytes | None) -> SchemaAndValue:
        if value is None:
            return SchemaAndValue(OPTIONAL_STRING_SCHEMA, None)
        name = self._codec()
        if name == _UTF_16 and value[:2] not in (codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE):
            name = _BIG_ENDIAN
        return SchemaAndValue(OPTIONAL_STRING_SCHEMA, value.decode(name, "replace"))

    def _codec(self) -> str:
        try:
            found = codecs.lookup(self._encoding)
        except LookupError:
            raise DataError(f"{ENCODING}: there is no character set {self._encoding!r}") from None
        return found.name


class SimpleHeaderConverter(HeaderConverter):
    """Writes JSON, dates of ISO 8601, or the text itself; reads what `Values.parseString` finds in it."""

    def from_connect_header(self, topic: str, key: str, schema: Schema | None, value: object) -> bytes | None:
        text = convert_to_string(schema, value)
        return None if text is None else text.encode("utf-8", "replace")

    def to_connect_header(self, topic: str, key: str, value: bytes | None) -> SchemaAndValue:
        return NULL if value is None else parse_string(value.decode("utf-8", "replace"))
