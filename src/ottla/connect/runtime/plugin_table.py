"""Every plugin of our own, under the name that Kafka Connect knows it by; nothing is loaded before it is asked for."""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple


class PluginKind(Enum):
    SINK = "sink"
    SOURCE = "source"
    TRANSFORMATION = "transformation"
    PREDICATE = "predicate"
    CONVERTER = "converter"
    HEADER_CONVERTER = "header_converter"


class PluginEntry(NamedTuple):
    kind: PluginKind
    name: str
    """Java's name of the class, or `module:Class` where there is none."""
    location: str
    """`module:Class`."""


_KAFKA: Final = "org.apache.kafka.connect."
_OTTLA: Final = "ottla.connect."


def _entries(kind: PluginKind, package: str, module: str, *names: str) -> list[PluginEntry]:
    return [PluginEntry(kind, f"{_KAFKA}{package}.{name}", f"{_OTTLA}{module}:{name}") for name in names]


def _converters(kind: PluginKind) -> list[PluginEntry]:
    """Each converter of keys and values converts headers, too."""
    numbers = ("Double", "Float", "Integer", "Long", "Short")
    return [
        *_entries(kind, "converters", "converters.primitive", "BooleanConverter", "ByteArrayConverter"),
        *_entries(kind, "converters", "converters.primitive", *(f"{name}Converter" for name in numbers)),
        *_entries(kind, "json", "converters.json_converter", "JsonConverter"),
        *_entries(kind, "storage", "converters.text", "StringConverter"),
    ]


PLUGINS: Final = (
    *_converters(PluginKind.CONVERTER),
    *_converters(PluginKind.HEADER_CONVERTER),
    *_entries(PluginKind.HEADER_CONVERTER, "storage", "converters.text", "SimpleHeaderConverter"),
    *_entries(PluginKind.SINK, "file", "connectors.file_stream_sink", "FileStreamSinkConnector"),
    *_entries(PluginKind.SOURCE, "file", "connectors.file_stream_source", "FileStreamSourceConnector"),
)

TASKS: Final = {
    f"{_KAFKA}file.FileStreamSourceTask": f"{_OTTLA}connectors.file_stream_source:FileStreamSourceTask",
    f"{_KAFKA}file.FileStreamSinkTask": f"{_OTTLA}connectors.file_stream_sink:FileStreamSinkTask",
}
"""What stands as `task.class` in a task's configuration, so that a worker of either kind can start it."""
