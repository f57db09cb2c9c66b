"""Finds plugins by name and loads them: our own, those of installed packages, and any class that can be imported.

connector.class=FileStreamSource                     an alias: without package, and without "Connector"
connector.class=org.apache.….FileStreamSourceConnector   Java's name of one that we have
connector.class=my_package.my_module:MyConnector     a class of Python; or my_package.my_module.MyConnector

connector.class=tap-csv                      a plugin of others that is installed here (`ottla connectors install`)

Packages say what they bring by entry points of the group `ottla.connect`: the name is the alias, the object the class.
"""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from ottla import __version__
from ottla.connect.api.connector import Connector, SinkConnector, SourceConnector
from ottla.connect.api.converter import Converter, HeaderConverter
from ottla.connect.api.errors import ConnectError
from ottla.connect.api.transformation import Predicate, Transformation
from ottla.connect.runtime.plugin_table import PLUGINS, TASKS, PluginEntry, PluginKind

if TYPE_CHECKING:
    from collections.abc import Iterable

ENTRY_POINTS: Final = "ottla.connect"
CONNECTORS: Final = (PluginKind.SINK, PluginKind.SOURCE)
_SUFFIXES: Final = {
    PluginKind.SINK: "Connector",
    PluginKind.SOURCE: "Connector",
    PluginKind.TRANSFORMATION: "Transformation",
    PluginKind.PREDICATE: "Predicate",
    PluginKind.CONVERTER: "Converter",
    PluginKind.HEADER_CONVERTER: "HeaderConverter",
}
_DOTTED: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*[.:][A-Za-z_]\w*(\$[A-Za-z_]\w*)?")


class PluginNotFoundError(ConnectError):
    """No plugin has that name; the message says what there is."""


@dataclass(frozen=True, slots=True)
class Plugin:
    kind: PluginKind
    name: str
    cls: type[Any]

    @property
    def version(self) -> str:
        return str(getattr(self.cls, "version", None) or __version__)


class Plugins:
    """`load` gives a class and what it is; what was loaded stays loaded."""

    def __init__(self) -> None:
        self._loaded: dict[tuple[PluginKind, str], Plugin] = {}

    @cached_property
    def installed(self) -> tuple[PluginEntry, ...]:
        """What packages bring. Looked at only for names that are none of ours: it takes long."""
        return tuple(self._installed())

    def _installed(self) -> Iterable[PluginEntry]:
        from importlib.metadata import entry_points

        for point in entry_points(group=ENTRY_POINTS):
            try:
                cls = point.load()
            except Exception:  # a package that is broken is nobody else's concern
                continue
            kind = kind_of(cls)
            if kind is not None:
                yield PluginEntry(kind, point.value, point.value)

    def listed(self, *kinds: PluginKind) -> list[PluginEntry]:
        known = (*PLUGINS, *self.installed, *_bridged())
        return [entry for kind in kinds or PluginKind for entry in known if entry.kind is kind]

    def connector(self, name: str) -> Plugin:
        """`PluginNotFoundError`."""
        for kind in CONNECTORS:
            found = self.find(kind, name)
            if found is not None:
                return found
        known = ", ".join(entry.name for entry in self.listed(*CONNECTORS))
        raise PluginNotFoundError(
            f"Failed to find any class that implements Connector and which name matches {name}, available connectors "
            f"are: {known}"
        )

    def plugin(self, name: str) -> Plugin | None:
        """Of whatever kind."""
        return next((found for kind in PluginKind if (found := self.find(kind, name)) is not None), None)

    def load(self, kind: PluginKind, name: str) -> Plugin:
        """`PluginNotFoundError`."""
        found = self.find(kind, name)
        if found is None:
            raise PluginNotFoundError(f"Class {name} could not be found.")
        return found

    def find(self, kind: PluginKind, name: str) -> Plugin | None:
        """`ConnectError` where it is known and cannot be loaded."""
        found = self._loaded.get((kind, name))
        if found is None:
            found = self._find(kind, name)
            if found is not None and not hasattr(found.cls, "installed"):
                self._loaded[kind, name] = found
        return found

    def _find(self, kind: PluginKind, name: str) -> Plugin | None:
        found = _named(PLUGINS, kind, name)
        if found is not None:
            return found
        cls = _import(name) if _DOTTED.fullmatch(name) else None
        if cls is not None and kind_of(cls) is kind:
            return Plugin(kind, f"{cls.__module__}:{cls.__qualname__}", cls)
        return _named(self.installed, kind, name) or _bridge(kind, name)


def _bridged() -> Iterable[PluginEntry]:
    """Plugins of others that are installed beside Ottla (`ottla connectors install`)."""
    from ottla.connect.bridges.classes import installed_connectors

    return [PluginEntry(PluginKind(kind), name, "") for kind, name in installed_connectors()]


def _bridge(kind: PluginKind, name: str) -> Plugin | None:
    """One of them. It may be installed, updated and removed while the worker runs, so it is looked for each time."""
    from ottla.connect.bridges.classes import connector_class

    found = connector_class(kind.value, name) if kind in CONNECTORS else None
    return None if found is None else Plugin(kind, *found)


def _named(entries: Iterable[PluginEntry], kind: PluginKind, name: str) -> Plugin | None:
    """By its whole name, or by its alias: without the package, with or without what it is."""
    suffix = _SUFFIXES[kind]
    for entry in entries:
        if entry.kind is kind:
            short = re.split("[.:]", entry.name)[-1]
            if name in (entry.name, entry.location, short) or name + suffix == short:
                return Plugin(kind, entry.name, load_class(entry.location))
    return None


def kind_of(cls: object) -> PluginKind | None:
    if not isinstance(cls, type):
        return None
    if issubclass(cls, SourceConnector):
        return PluginKind.SOURCE
    if issubclass(cls, SinkConnector):
        return PluginKind.SINK
    if issubclass(cls, Converter):
        return PluginKind.CONVERTER
    if issubclass(cls, HeaderConverter):
        return PluginKind.HEADER_CONVERTER
    if issubclass(cls, Transformation):
        return PluginKind.TRANSFORMATION
    return PluginKind.PREDICATE if issubclass(cls, Predicate) else None


def new_connector(plugin: Plugin) -> Connector:
    """`ConnectError`."""
    try:
        connector = plugin.cls()
    except Exception as error:
        raise ConnectError(f"{plugin.name} cannot be made: {error!r}") from error
    assert isinstance(connector, Connector)
    return connector


def task_class_name(cls: type[Any]) -> str:
    """What stands as `task.class`: Java's name where it has one."""
    location = f"{cls.__module__}:{cls.__qualname__}"
    return next((name for name, where in TASKS.items() if where == location), location)


def load_task_class(name: str) -> type[Any]:
    """`ConnectError`."""
    return load_class(TASKS.get(name, name))


def load_class(location: str) -> type[Any]:
    """`module:Class` or `module.Class`. `ConnectError`."""
    cls = _import(location)
    if cls is None:
        raise ConnectError(f"Class {location} could not be found.")
    return cls


def _import(location: str) -> type[Any] | None:
    module, colon, name = location.partition(":")
    if not colon:
        module, _, name = location.rpartition(".")
    if not module:
        return None
    try:
        found: object = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and (module == error.name or module.startswith(error.name + ".")):
            return None
        raise ConnectError(f"{location} needs {error.name}, which is not installed") from error
    except Exception as error:
        raise ConnectError(f"{location} cannot be imported: {error!r}") from error
    for part in name.split("."):
        found = getattr(found, part, None)
    return found if isinstance(found, type) else None
