"""The errors of Kafka Connect (`org.apache.kafka.connect.errors`) and of configurations, with Java's names.

What a task fails with stands in its status under Java's name of the class, so that tools know it: `java_name`.
"""

from __future__ import annotations

from typing import ClassVar, Final

_PACKAGE: Final = "org.apache.kafka.connect.errors."


class ConnectError(Exception):
    """Whatever Connect, or one of its plugins, cannot do; the message says what, where and what to do."""

    java_name: ClassVar[str] = _PACKAGE + "ConnectException"

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class DataError(ConnectError):
    """A value, or bytes, that do not fit their schema or cannot be converted."""

    java_name = _PACKAGE + "DataException"


class SchemaBuilderError(DataError):
    """A schema that cannot be built so."""

    java_name = _PACKAGE + "SchemaBuilderException"


class SchemaProjectorError(DataError):
    """A value of one schema that another schema cannot hold."""

    java_name = _PACKAGE + "SchemaProjectorException"


class RetriableError(ConnectError):
    """It may work when it is tried again."""

    java_name = _PACKAGE + "RetriableException"


class IllegalWorkerStateError(ConnectError):
    """Asked at a time at which the worker cannot do it."""

    java_name = _PACKAGE + "IllegalWorkerStateException"


class AlreadyExistsError(ConnectError):
    """The connector is there already (409)."""

    java_name = _PACKAGE + "AlreadyExistsException"


class NotFoundError(ConnectError):
    """No such connector or task (404)."""

    java_name = _PACKAGE + "NotFoundException"


class SerializationError(ConnectError):
    """Bytes that a serializer cannot write or read (`org.apache.kafka.common.errors.SerializationException`)."""

    java_name = "org.apache.kafka.common.errors.SerializationException"


class ConfigError(ConnectError):
    """`org.apache.kafka.common.config.ConfigException`: a setting that cannot be.

    `ConfigError(message)`, or `ConfigError.of(name, value, why)`, which says all three in Kafka's way.
    """

    java_name = "org.apache.kafka.common.config.ConfigException"

    @classmethod
    def of(cls, name: str, value: object, why: str | None = None) -> ConfigError:
        text = "null" if value is None else _text(value)
        return cls(f"Invalid value {text} for configuration {name}" + (f": {why}" if why is not None else ""))


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_text(each) for each in value) + "]"
    return str(value)
