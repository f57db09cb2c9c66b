"""What a converter does (`Converter`, `HeaderConverter`): data to the bytes of a key, a value or a header, and back.

Bytes or data that it cannot convert are a `DataError`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.config_def import LOW, NO_DEFAULT_VALUE, STRING, ConfigDef
from ottla.connect.api.validators import ValidString

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.data.schema import Schema
    from ottla.connect.data.schema_and_value import SchemaAndValue

TYPE_CONFIG: Final = "converter.type"
KEY: Final = "key"
VALUE: Final = "value"
HEADER: Final = "header"


def converter_config() -> ConfigDef:
    """What every converter can be told (`ConverterConfig`)."""
    return ConfigDef().define(
        TYPE_CONFIG,
        STRING,
        NO_DEFAULT_VALUE,
        LOW,
        "Whether it converts keys, values or headers.",
        validator=ValidString(KEY, VALUE, HEADER),
    )


class HeaderConverter(ABC):
    """Configured once with `configure`, before anything else."""

    def config(self) -> ConfigDef:
        """What may be configured."""
        return ConfigDef()

    def configure(self, configs: Mapping[str, Any]) -> None:  # noqa: B027  # most have nothing to configure
        """Raises `ConfigError` for what may not be. `converter.type` says what for."""

    @abstractmethod
    def from_connect_header(self, topic: str, key: str, schema: Schema | None, value: object) -> bytes | None: ...

    @abstractmethod
    def to_connect_header(self, topic: str, key: str, value: bytes | None) -> SchemaAndValue: ...

    def close(self) -> None:  # noqa: B027
        """It is used no more."""


class Converter(HeaderConverter):
    """Every converter of keys and values can convert headers in the same way."""

    def config(self) -> ConfigDef:
        return converter_config()

    @abstractmethod
    def from_connect_data(self, topic: str, schema: Schema | None, value: object) -> bytes | None:
        """`None` is a tombstone."""

    @abstractmethod
    def to_connect_data(self, topic: str, value: bytes | None) -> SchemaAndValue: ...

    def from_connect_header(self, topic: str, key: str, schema: Schema | None, value: object) -> bytes | None:
        return self.from_connect_data(topic, schema, value)

    def to_connect_header(self, topic: str, key: str, value: bytes | None) -> SchemaAndValue:
        return self.to_connect_data(topic, value)
