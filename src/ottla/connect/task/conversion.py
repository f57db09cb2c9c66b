"""The converters of a task: those that its connector names, else the worker's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ottla.connect.runtime.connector_config import CONVERTERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.api.converter import Converter, HeaderConverter
    from ottla.connect.runtime.plugins import Plugins
    from ottla.connect.runtime.task_spec import TaskSpec


@dataclass(frozen=True, slots=True)
class Converters:
    """The names are those of their classes, for who reports an error."""

    key: Converter
    value: Converter
    header: HeaderConverter
    key_name: str
    value_name: str
    header_name: str


def make_converters(spec: TaskSpec, plugins: Plugins) -> Converters:
    """`ConnectError`."""
    key, key_name = _make(spec, plugins, "key.converter")
    value, value_name = _make(spec, plugins, "value.converter")
    header, header_name = _make(spec, plugins, "header.converter")
    return Converters(key, value, header, key_name, value_name, header_name)


def _make(spec: TaskSpec, plugins: Plugins, key: str) -> tuple[Any, str]:
    source: Mapping[str, str] = spec.connector_config if spec.connector_config.get(key) else spec.converters
    plugin = plugins.load(CONVERTERS[key], source[key])
    prefix = f"{key}."
    config = {name.removeprefix(prefix): text for name, text in source.items() if name.startswith(prefix)}
    converter = plugin.cls()
    converter.configure(config | {"converter.type": key.removesuffix(".converter")})
    return converter, plugin.name
