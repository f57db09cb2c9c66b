"""An Airbyte source: where its program is, and what it answers to `spec`, `check` and `discover`."""

from __future__ import annotations

import json
import logging
import shutil
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ottla.connect.api.errors import ConfigError, ConnectError
from ottla.connect.bridges.airbyte.message import error_of, log_message, parse_message
from ottla.connect.bridges.installed import CONNECTOR_CLASS, PluginSettings, find_installed
from ottla.connect.bridges.plugin_process import ProgramError, run_to_end
from ottla.connect.catalogue.home import PluginHome
from ottla.connect.catalogue.manifest import CDK, DECLARATIVE_PROGRAM, read_manifest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ottla.connect.bridges.private_folder import PrivateFolder

_log = logging.getLogger("ottla.connect.plugin")
EXECUTABLE: Final = "airbyte.executable"
MANIFEST: Final = "airbyte.manifest"
SETTINGS: Final = "airbyte.config"
INJECTED: Final = "__injected_declarative_manifest"
SPEC_TIMEOUT_S: Final = 120.0
CHECK_TIMEOUT_S: Final = 300.0
DISCOVERY_TIMEOUT_S: Final = 600.0


class AirbyteProgram(NamedTuple):
    name: str
    path: str
    spec: Any
    """`connectionSpecification`: JSON Schema of the settings."""
    manifest: dict[str, Any] | None = None

    @property
    def settings(self) -> PluginSettings:
        return PluginSettings(SETTINGS, self.spec)

    def write_settings(self, files: PrivateFolder, settings: Mapping[str, Any]) -> str:
        """The path of a file that only this user reads."""
        injected = {} if self.manifest is None else {INJECTED: self.manifest}
        return files.write_json("config.json", {**settings, **injected})

    def check(self, settings_file: str, folder: Path) -> None:
        """`ConnectError` with what the source says is wrong."""
        command = [self.path, "check", "--config", settings_file]
        status = _ask(command, f"{self.name} check", "connectionStatus", CHECK_TIMEOUT_S, folder)
        if status.get("status") != "SUCCEEDED":
            raise ConnectError(f"{self.name} cannot connect: {status.get('message') or 'it does not say why'}")

    def discover(self, settings_file: str, folder: Path) -> list[dict[str, Any]]:
        """Its streams. `ConnectError`."""
        command = [self.path, "discover", "--config", settings_file]
        catalog = _ask(command, f"{self.name} discover", "catalog", DISCOVERY_TIMEOUT_S, folder)
        streams = catalog.get("streams")
        if not isinstance(streams, list) or not all(isinstance(each, dict) and "name" in each for each in streams):
            raise ConnectError(f"{self.name} discovered no list of streams")
        return streams


def find_program(props: Mapping[str, str | None]) -> AirbyteProgram:
    """`ConfigError` where there is none, `ConnectError` where it does not say what it takes."""
    path, manifest_path = props.get(EXECUTABLE), props.get(MANIFEST)
    if manifest_path:
        program = PluginHome().shared / CDK / "venv" / "bin" / DECLARATIVE_PROGRAM
        if not program.exists():
            raise ConfigError.of(
                MANIFEST, manifest_path, f"manifests need Airbyte's CDK: `ottla connectors install {CDK}`"
            )
        manifest = _manifest(manifest_path)
        return AirbyteProgram(Path(manifest_path).stem, str(program), spec_of_manifest(manifest), manifest)
    if path:
        found = shutil.which(path)
        if found is None:
            raise ConfigError.of(EXECUTABLE, path, "there is no such program")
        return AirbyteProgram(Path(found).name, found, _known_spec(found, Path(found).stat().st_mtime_ns))
    name = props.get(CONNECTOR_CLASS) or ""
    installed = find_installed("source", name)
    if installed is None:
        raise ConfigError.of(CONNECTOR_CLASS, name, f"it is not installed here: `ottla connectors install {name}`")
    plugin, connector = installed
    own = plugin.folder / "manifest.json"
    read = json.loads(own.read_text("utf-8")) if own.is_file() else None
    return AirbyteProgram(plugin.name, str(plugin.command), connector.spec, read)


def _manifest(path: str) -> dict[str, Any]:
    from ottla.connect.catalogue.home import PluginError

    try:
        return read_manifest(Path(path), PluginHome())
    except PluginError as error:
        raise ConfigError.of(MANIFEST, path, str(error)) from error


def spec_of_manifest(manifest: Mapping[str, Any]) -> Any:
    spec = manifest.get("spec")
    return spec.get("connection_specification") if isinstance(spec, dict) else None


@lru_cache(maxsize=32)
def _known_spec(path: str, _modified_ns: int) -> Any:
    return read_spec([path], Path(path).name)


def read_spec(command: Sequence[str], name: str) -> Any:
    """`ConnectError`."""
    spec = _ask([*command, "spec"], f"{name} spec", "spec", SPEC_TIMEOUT_S, None)
    return spec.get("connectionSpecification")


def _ask(command: Sequence[str], name: str, kind: str, timeout_s: float, folder: Path | None) -> dict[str, Any]:
    """The message of that kind, whatever the status: a failed check ends with 0 or 1 as it likes."""
    error: str | None = None
    found: dict[str, Any] | None = None
    failure = "it says nothing of it"
    try:
        lines = run_to_end(command, name, timeout_s, folder=folder)
    except ProgramError as ended:
        lines, failure = ended.lines, str(ended)
    for line in lines:
        message = parse_message(line, exact=False)
        if message is None:
            continue
        if isinstance(message.get(kind), dict):
            found = message[kind]
        elif message["type"] == "TRACE":
            error = error_of(message) or error
        elif message["type"] == "LOG":
            log_message(name, message)
    if found is None:
        raise ConnectError(f"{name} failed: {error or failure}")
    return found
