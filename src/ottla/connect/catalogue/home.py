"""Plugins of others that are installed on this machine: a folder each, with what was installed in `plugin.json`.

    HOME/tap-csv/plugin.json     what it is, at which version, under which licence
    HOME/tap-csv/venv/           its own Python, with its own packages
    HOME/debezium/lib/*.jar      or its jars
    HOME/.shared/…               what several share: Airbyte's CDK, the program that hosts Java's plugins

HOME is `$OTTLA_PLUGINS`, else `$XDG_DATA_HOME/ottla/plugins`, else `~/.local/share/ottla/plugins`.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

HOME_VARIABLE: Final = "OTTLA_PLUGINS"
DESCRIPTION: Final = "plugin.json"
SHARED: Final = ".shared"
DESCRIPTIONS_KEPT: Final = 256

SINGER: Final = "singer"
AIRBYTE: Final = "airbyte"
MANIFEST: Final = "manifest"
JAVA: Final = "java"
ROUTES: Final = (SINGER, AIRBYTE, MANIFEST, JAVA)
SOURCE: Final = "source"
SINK: Final = "sink"


class PluginError(Exception):
    """What cannot be found, read or installed; the message says what, where and what to do."""


@dataclass(frozen=True, slots=True)
class InstalledConnector:
    """`name` is what stands as `connector.class`; `spec` is what it takes: JSON Schema, or of Java the keys."""

    name: str
    kind: str
    spec: Any = None


@dataclass(frozen=True, slots=True)
class InstalledPlugin:
    name: str
    route: str
    package: str
    """The package of PyPI, `group:artifact`, or the file of a manifest."""
    version: str
    licence: str
    installed_at: str
    connectors: tuple[InstalledConnector, ...]
    folder: Path = field(default=Path(), compare=False)
    executable: str = ""
    """Relative to the folder."""
    options: tuple[str, ...] = ()
    """Options of a tap that its `--help` names."""

    @property
    def command(self) -> Path:
        return self.folder / self.executable


class PluginHome:
    def __init__(self, path: Path | None = None) -> None:
        self.path = path if path is not None else default_path()

    @property
    def shared(self) -> Path:
        return self.path / SHARED

    def installed(self) -> list[InstalledPlugin]:
        """By name. A folder that cannot be read as a plugin is left out."""
        found = []
        try:
            folders = sorted(self.path.iterdir())
        except OSError:
            return []
        for folder in folders:
            if (folder / DESCRIPTION).is_file():
                try:
                    found.append(read_plugin(folder))
                except PluginError:
                    continue
        return found

    def get(self, name: str) -> InstalledPlugin | None:
        """`PluginError` where it is there and cannot be read."""
        folder = self.folder(name)
        return read_plugin(folder) if (folder / DESCRIPTION).is_file() else None

    def connector(self, kind: str, name: str) -> tuple[InstalledPlugin, InstalledConnector] | None:
        """Whose `connector.class` is that, or ends with `.` and that, with or without "Connector"."""
        for plugin in self.installed():
            for each in plugin.connectors:
                short = each.name.rpartition(".")[2]
                if each.kind == kind and name in (each.name, short, short.removesuffix("Connector")):
                    return plugin, each
        return None

    def folder(self, name: str) -> Path:
        if not name or "/" in name or name.startswith("."):
            raise PluginError(f"{name!r} cannot be the name of a plugin")
        return self.path / name

    def write(self, plugin: InstalledPlugin) -> None:
        """What was installed is there from now on."""
        description = asdict(plugin)
        del description["folder"]
        partial = plugin.folder / f"{DESCRIPTION}.partial"
        partial.write_text(json.dumps(description, indent=1) + "\n", "utf-8")
        partial.replace(plugin.folder / DESCRIPTION)

    def remove(self, name: str) -> bool:
        """Whether it was there."""
        folder = self.folder(name)
        if not folder.is_dir():
            return False
        (folder / DESCRIPTION).unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        return True


def default_path() -> Path:
    own = os.environ.get(HOME_VARIABLE)
    if own:
        return Path(own)
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "ottla" / "plugins"


def read_plugin(folder: Path) -> InstalledPlugin:
    """`PluginError` names the file."""
    path = folder / DESCRIPTION
    try:
        return _read(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise PluginError(f"{path}: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise PluginError(f"{path} is no description of a plugin: {error}") from error


@lru_cache(maxsize=DESCRIPTIONS_KEPT)
def _read(path: Path, _modified_ns: int) -> InstalledPlugin:
    found = json.loads(path.read_text("utf-8"))
    connectors = tuple(InstalledConnector(**each) for each in found.pop("connectors"))
    options = tuple(found.pop("options", ()))
    return InstalledPlugin(**found, connectors=connectors, options=options, folder=path.parent)
