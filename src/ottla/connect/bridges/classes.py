"""The classes of plugins that are installed: of each connector one, which knows what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.connect.bridges.installed import find_installed
from ottla.connect.catalogue.home import AIRBYTE, JAVA, MANIFEST, SINGER, SINK, SOURCE, PluginHome

if TYPE_CHECKING:
    from collections.abc import Iterator

_MODULE: Final = "ottla.connect.bridges"


def installed_connectors() -> Iterator[tuple[str, str]]:
    """(kind, name) of each."""
    for plugin in PluginHome().installed():
        for connector in plugin.connectors:
            yield connector.kind, connector.name


def connector_class(kind: str, name: str) -> tuple[str, type[Any]] | None:
    """The whole name and the class. `ConfigError` where it is there and cannot be read."""
    found = find_installed(kind, name)
    if found is None:
        return None
    base = _base(found.plugin.route, kind)
    if base is None:
        return None
    content = {"installed": found, "version": found.plugin.version, "__module__": _MODULE, "__doc__": base.__doc__}
    return found.connector.name, type(base.__name__, (base,), content)


def _base(route: str, kind: str) -> type[Any] | None:
    if (route, kind) == (SINGER, SOURCE):
        from ottla.connect.bridges.singer.source import SingerSourceConnector

        return SingerSourceConnector
    if (route, kind) == (SINGER, SINK):
        from ottla.connect.bridges.singer.sink import SingerSinkConnector

        return SingerSinkConnector
    if route in (AIRBYTE, MANIFEST) and kind == SOURCE:
        from ottla.connect.bridges.airbyte.source import AirbyteSourceConnector

        return AirbyteSourceConnector
    if route == JAVA:
        from ottla.connect.bridges.java.connector import JavaSinkConnector, JavaSourceConnector

        return JavaSourceConnector if kind == SOURCE else JavaSinkConnector
    return None
