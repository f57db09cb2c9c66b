"""A tap or target: where its program is, what it can, and the settings that both kinds have."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ottla.connect.api.config_def import HIGH, NO_DEFAULT_VALUE, STRING, ConfigDef
from ottla.connect.api.errors import ConfigError, ConnectError
from ottla.connect.api.validators import NonEmptyString
from ottla.connect.bridges.batch_config import define_idle_timeout
from ottla.connect.bridges.installed import CONNECTOR_CLASS, PluginSettings, define_whole, find_installed
from ottla.connect.bridges.plugin_process import ProgramError, run_to_end

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ottla.connect.bridges.installed import Installed

EXECUTABLE: Final = "singer.executable"
SETTINGS: Final = "singer.config"
ASK_TIMEOUT_S: Final = 120.0
KNOWN_OPTIONS: Final = ("--catalog", "--properties", "--discover", "--state", "--about")


class SingerProgram(NamedTuple):
    name: str
    path: str
    options: tuple[str, ...]
    spec: Any = None

    @property
    def settings(self) -> PluginSettings:
        return PluginSettings(SETTINGS, self.spec)


def base_config(installed: Installed | None) -> ConfigDef:
    """Without `installed` the program must be named."""
    definition = ConfigDef()
    if installed is None:
        definition.define(
            EXECUTABLE,
            STRING,
            NO_DEFAULT_VALUE,
            HIGH,
            "The program: a path, or a name on the PATH. It is best in a virtual environment of its own.",
            validator=NonEmptyString(),
            group="Plugin",
        )
    define_whole(
        definition,
        SETTINGS,
        HIGH,
        f"The plugin's own settings as a JSON object. `{SETTINGS}.NAME` sets one of them, as text unless the plugin "
        "says what it is.",
    )
    return define_idle_timeout(definition)


def find_program(kind: str, props: Mapping[str, str]) -> SingerProgram:
    """`ConfigError` where there is none."""
    path = props.get(EXECUTABLE)
    if path:
        found = shutil.which(path)
        if found is None:
            raise ConfigError.of(EXECUTABLE, path, "there is no such program")
        return SingerProgram(path.rpartition("/")[2], found, find_options(found))
    name = props.get(CONNECTOR_CLASS, "")
    installed = find_installed(kind, name)
    if installed is None:
        raise ConfigError.of(CONNECTOR_CLASS, name, f"it is not installed here: `ottla connectors install {name}`")
    plugin, connector = installed
    return SingerProgram(plugin.name, str(plugin.command), plugin.options, connector.spec)


def find_options(path: str) -> tuple[str, ...]:
    """Which of `KNOWN_OPTIONS` its help names. `ConnectError` where it cannot even do that."""
    try:
        lines = run_to_end([path, "--help"], f"{path} --help", ASK_TIMEOUT_S)
    except ProgramError as error:
        if not error.lines:
            raise
        lines = error.lines
    text = b"\n".join(lines).decode("utf-8", "replace")
    if not text.strip():
        raise ConnectError(f"{path} --help says nothing: is it a Singer tap or target?")
    return tuple(each for each in KNOWN_OPTIONS if each in text)


def read_about(path: str, options: Sequence[str]) -> dict[str, Any] | None:
    """What a plugin of Singer's SDK tells of itself; its `settings` are JSON Schema. `None`: it tells nothing."""
    if "--about" not in options:
        return None
    try:
        lines = run_to_end([path, "--about", "--format=json"], f"{path} --about", ASK_TIMEOUT_S)
        found = json.loads(b"\n".join(lines))
    except (ConnectError, ValueError):
        return None
    return found if isinstance(found, dict) else None
