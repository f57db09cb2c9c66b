"""Which jars a Java connector is in, and how its JVM is started.

`java.plugin` is the name of an installed plugin, `group:artifact:version` of Maven Central (fetched on first use), or a
folder of jars. For a plugin that is installed `connector.class` alone says it.
"""

from __future__ import annotations

import fcntl
import logging
import shlex
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ottla.connect.api.config_def import LONG as LONG_TYPE
from ottla.connect.api.config_def import (
    LOW,
    NO_DEFAULT_VALUE,
    ConfigDef,
    ConfigKey,
    ConfigType,
    Importance,
    Width,
    parse_type,
)
from ottla.connect.api.config_def import STRING as STRING_TYPE
from ottla.connect.api.errors import ConfigError, ConnectError
from ottla.connect.api.validators import Range
from ottla.connect.bridges.installed import CONNECTOR_CLASS, find_installed
from ottla.connect.bridges.java.jvm import Jvm
from ottla.connect.catalogue.home import JAVA, PluginError, PluginHome
from ottla.connect.catalogue.java_host import host_command, make_host
from ottla.connect.catalogue.maven import Coordinates, fetch_jars, is_coordinates

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ottla.connect.bridges.java.jvm import Call

_log = logging.getLogger("ottla.connect.plugin")

PLUGIN: Final = "java.plugin"
CLASS: Final = "java.connector.class"
TASK_CLASS: Final = "java.task.class"
OPTIONS: Final = "java.options"
CALL_TIMEOUT: Final = "java.call.timeout.ms"
OPTIONS_DEFAULT: Final = "-Xmx512m -XX:+UseSerialGC"
_QUICK: Final = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
DESCRIBE_TIMEOUT_S: Final = 120.0
STOP_TIMEOUT_S: Final = 5.0
_OF_THE_WORKER: Final = ("key.converter", "value.converter", "header.converter", "transforms", "predicates")
OWN: Final = (PLUGIN, CLASS, TASK_CLASS, OPTIONS, CALL_TIMEOUT)


class JavaPlugin(NamedTuple):
    """`class_name` is Java's, of the connector; `keys` what it takes, where that is known already."""

    class_name: str
    jars: Path
    keys: Any = None


def define_own(definition: ConfigDef) -> ConfigDef:
    return definition.define(
        OPTIONS, STRING_TYPE, OPTIONS_DEFAULT, LOW, "Options of the JVM, of the connector's and of each task's."
    ).define(
        CALL_TIMEOUT,
        LONG_TYPE,
        1_800_000,
        LOW,
        "How long the plugin may take for one call, in ms; poll may take as long as it likes.",
        validator=Range(1),
    )


def find_plugin(kind: str, props: Mapping[str, str | None]) -> JavaPlugin:
    """`ConfigError` names the key."""
    named = props.get(PLUGIN)
    if not named:
        name = props.get(CONNECTOR_CLASS) or ""
        installed = find_installed(kind, name)
        if installed is None or installed.plugin.route != JAVA:
            raise ConfigError.of(CONNECTOR_CLASS, name, "it is no plugin in Java that is installed here")
        return JavaPlugin(installed.connector.name, installed.plugin.folder / "lib", installed.connector.spec)
    class_name = props.get(CLASS)
    if not class_name:
        raise ConfigError(f'Missing required configuration "{CLASS}" which has no default value.')
    try:
        return JavaPlugin(class_name, _jars(named))
    except PluginError as error:
        raise ConfigError.of(PLUGIN, named, str(error)) from error


def _jars(named: str) -> Path:
    home = PluginHome()
    if is_coordinates(named):
        return fetched(home, Coordinates.of(named))
    if "/" in named or named.startswith("."):
        folder = Path(named)
        if not any(folder.glob("*.jar")):
            raise PluginError("it is no folder with jars")
        return folder
    plugin = home.get(named)
    if plugin is None or plugin.route != JAVA:
        raise PluginError("no such plugin is installed: write its name, GROUP:ARTIFACT:VERSION or a folder of jars")
    return plugin.folder / "lib"


def fetched(home: PluginHome, artifact: Coordinates) -> Path:
    """`PluginError`."""
    folder = home.shared / "maven" / "-".join(artifact)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            fetch_jars(folder / "lib", [artifact])
            (folder / "complete").touch()
    return folder / "lib"


def start_jvm(
    plugin: JavaPlugin,
    name: str,
    options: str | None,
    on_call: Callable[[Call], Any],
    on_event: Callable[[str, str | None], None],
) -> Jvm:
    """`options` `None`: one that lives for a call or two. `ConnectError`."""
    try:
        host = make_host(PluginHome())
        words = _QUICK if options is None else shlex.split(options)
        command = host_command(host, [plugin.jars.absolute()], words)
    except (PluginError, ValueError) as error:
        raise ConnectError(f"{name} cannot be started: {error}") from error
    return Jvm(command, name, Path(tempfile.gettempdir()), on_call, on_event)


def stop_task(jvm: Jvm) -> None:
    """The JVM ends however its task does."""
    try:
        if jvm.is_running:
            jvm.ask("stop_task", STOP_TIMEOUT_S)
    except ConnectError as error:
        _log.warning("%s could not be stopped well: %s", jvm.name, error)
    finally:
        jvm.stop()


def no_call(call: Call) -> Any:
    raise ConnectError(f"nobody answers {call.get('type')} here")


def no_event(_event: str, _message: str | None) -> None:
    return


def describe(jars: Path, main_jars: list[str], name: str) -> list[dict[str, Any]]:
    """Connectors that the jars bring: `name`, `kind`, `version`, `keys`. `ConnectError`."""
    jvm = start_jvm(JavaPlugin("", jars), name, None, no_call, no_event)
    try:
        found: list[dict[str, Any]] = jvm.ask("scan", DESCRIBE_TIMEOUT_S, jars=main_jars).header["connectors"]
        return found
    finally:
        jvm.stop()


def config_def_of(keys: Any) -> ConfigDef:
    """Java's keys as ours; what is valid, Java says itself (`validate`)."""
    definition = ConfigDef()
    for key in keys or ():
        kind = ConfigType[key["type"]]
        default: object = NO_DEFAULT_VALUE if key["required"] else _default(key["name"], key["default"], kind)
        definition.define_key(
            ConfigKey(
                key["name"],
                kind,
                default,
                None,
                Importance[key["importance"]],
                key["documentation"] or "",
                key["group"],
                key["order"],
                Width[key["width"]],
                key["display_name"] or key["name"],
                tuple(each for each in key["dependents"]),
            )
        )
    return definition


def _default(name: str, text: str | None, kind: ConfigType) -> object:
    try:
        return parse_type(name, text, kind)
    except ConfigError:
        return text


def props_of_java(props: Mapping[str, str | None], plugin: JavaPlugin) -> dict[str, str]:
    """What the plugin is to see: what it would in a worker of Java, but for converters and transformations."""
    found = {
        key: text
        for key, text in props.items()
        if text is not None and key not in OWN and not key.startswith(_OF_THE_WORKER)
    }
    return {**found, CONNECTOR_CLASS: plugin.class_name}
