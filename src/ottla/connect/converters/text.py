"""`StringConverter`: text in any encoding; and `SimpleHeaderConverter`: headers as text that says what it is."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.config_def import HIGH, STRING, ConfigDef, Width
from ottla.connect.api.converter import Converter, HeaderConverter, converter_config
from ottla.connect.api.errors import SerializationError
from ottla.connect.data.java_text import java_text
from ottla.connect.data.schema import OPTIONAL_STRING_SCHEMA
from ottla.connect.data.schema_and_value import NULL, SchemaAndValue
from ottla.connect.data.value_parser import parse_string
from ottla.connect.data.values import convert_to_string

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.data.schema import Schema

ENCODING: Final = "converter.encoding"
_SURROGATE: Final = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]?")
_REPLACEMENT: Final = "\ufffd".encode()
_UTF_16: Final = "utf-16"
_BIG_ENDIAN: Final = "utf-16-be"


def decode_utf8(data: bytes) -> str:
    """As Java reads UTF-8: what cannot be read is U+FFFD, half a surrogate pair a single one."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return _SURROGATE.sub(_REPLACEMENT, data).decode("utf-8", "replace")


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
        name = self.config().parse(configs)[ENCODING]
        try:
            self._encoding = codecs.lookup(name).name
        except LookupError:
            raise SerializationError(f"{ENCODING}: there is no character set {name!r}") from None

    def from_connect_data(self, topic: str, schema: Schema | None, value: object) -> bytes | None:
        if value is None:
            return None
        text = java_text(value, schema)
        if self._encoding == _UTF_16 and text:
            return codecs.BOM_UTF16_BE + text.encode(_BIG_ENDIAN, "replace")
        return text.encode(self._encoding if text else "utf-8", "replace")

    def to_connect_data(self, topic: str, value: bytes | None) -> SchemaAndValue:
        if value is None:
            return SchemaAndValue(OPTIONAL_STRING_SCHEMA, None)
        name = self._encoding
        if name == _UTF_16 and value[:2] not in (codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE):
            name = _BIG_ENDIAN
        text = decode_utf8(value) if name == "utf-8" else value.decode(name, "replace")
        return SchemaAndValue(OPTIONAL_STRING_SCHEMA, text)


class SimpleHeaderConverter(HeaderConverter):
    """Writes JSON, dates of ISO 8601, or the text itself; reads what `Values.parseString` finds in it."""

    def from_connect_header(self, topic: str, key: str, schema: Schema | None, value: object) -> bytes | None:
        text = convert_to_string(schema, value)
        return None if text is None else text.encode("utf-8", "replace")

    def to_connect_header(self, topic: str, key: str, value: bytes | None) -> SchemaAndValue:
        return NULL if value is None else parse_string(decode_utf8(value))
