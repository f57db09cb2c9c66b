"""Installs a connector of others, so that a worker of this machine has it: its own Python and packages, or its jars.

NAME                    of the catalogue; NAME==VERSION for another version than the newest
tap-…, target-…, airbyte-source-…     a package of PyPI that the catalogue need not know
GROUP:ARTIFACT:VERSION  a plugin of Maven Central
FILE.yaml               a manifest of Airbyte's
FOLDER                  jars of a plugin
airbyte-cdk             what runs manifests; it is installed with the first
"""

from __future__ import annotations

import datetime
import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ottla.connect.catalogue.entries import read_catalogue
from ottla.connect.catalogue.home import (
    AIRBYTE,
    JAVA,
    MANIFEST,
    SINGER,
    SINK,
    SOURCE,
    InstalledConnector,
    InstalledPlugin,
    PluginError,
    PluginHome,
)
from ottla.connect.catalogue.manifest import CDK, DECLARATIVE_PROGRAM, SUFFIXES, cdk_python, read_manifest
from ottla.connect.catalogue.maven import Coordinates, fetch_jars, is_coordinates, licence_of_jars
from ottla.connect.catalogue.virtual_environment import look_up, make_environment, scripts_of

if TYPE_CHECKING:
    from collections.abc import Callable

_PYPI: Final = (
    (re.compile(r"airbyte-source-.+"), AIRBYTE, SOURCE),
    (re.compile(r"(.*-)?tap-.+"), SINGER, SOURCE),
    (re.compile(r"(.*-)?target-.+"), SINGER, SINK),
)
_PROGRAM: Final = {(SINGER, SOURCE): "tap", (SINGER, SINK): "target", (AIRBYTE, SOURCE): "source"}
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9_.-]")


class Wanted(NamedTuple):
    """What is to be installed: `package` as pip or Maven takes it, a file, or a folder."""

    name: str
    kind: str
    route: str
    package: str
    version: str
    licence: str


def resolve(text: str) -> Wanted:
    """Asks pip for the newest version and its licence. `PluginError` says what may be written."""
    path = Path(text)
    if path.suffix in SUFFIXES and path.is_file():
        return Wanted(path.stem, SOURCE, MANIFEST, str(path.absolute()), "1", "your own file")
    if path.is_dir() and any(path.glob("*.jar")):
        return Wanted(
            _NOT_IN_NAMES.sub("-", path.absolute().name), "", JAVA, str(path.absolute()), "1", "your own jars"
        )
    if is_coordinates(text):
        artifact = Coordinates.of(text)
        return Wanted(artifact.artifact, "", JAVA, f"{artifact.group}:{artifact.artifact}", artifact.version, "")
    name, _, version = text.partition("==")
    if name == CDK:
        found = look_up(_pinned(CDK, version))
        return Wanted(CDK, SOURCE, MANIFEST, CDK, found.version, found.licence)
    entry = next((each for each in read_catalogue() if name in (each.name, each.package)), None)
    if entry is not None and entry.route == JAVA:
        return Wanted(entry.name, entry.kind, JAVA, entry.package, version or entry.version, entry.licence)
    package, route, kind = (entry.package, entry.route, entry.kind) if entry is not None else _of_pypi(name)
    found = look_up(_pinned(package, version))
    return Wanted(entry.name if entry is not None else name, kind, route, package, found.version, found.licence)


def _of_pypi(name: str) -> tuple[str, str, str]:
    for pattern, route, kind in _PYPI:
        if pattern.fullmatch(name):
            return name, route, kind
    raise PluginError(
        f"{name!r} is no connector that is known (`ottla connectors available` lists them), no package named tap-…, "
        "target-… or airbyte-source-…, no GROUP:ARTIFACT:VERSION, no manifest and no folder of jars"
    )


def _pinned(package: str, version: str) -> str:
    return f"{package}=={version}" if version else package


def install(wanted: Wanted, home: PluginHome, say: Callable[[str], None]) -> InstalledPlugin | None:
    """What is there of that name is replaced when the new one is whole. `None` for what is no connector itself."""
    if wanted.name == CDK:
        ensure_cdk(home, wanted.version, say)
        return None
    home.path.mkdir(parents=True, exist_ok=True)
    folder = home.folder(wanted.name)
    old = folder.with_name(f".old-{wanted.name}")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)  # programs of an environment know its path: it is made where it stays
    try:
        folder.mkdir()
        plugin = _made(wanted, folder, home, say)
        home.write(plugin)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        if old.exists():
            old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)
    return plugin


def _made(wanted: Wanted, folder: Path, home: PluginHome, say: Callable[[str], None]) -> InstalledPlugin:
    if wanted.route == JAVA:
        return _java(wanted, folder, say)
    if wanted.route == MANIFEST:
        return _manifest(wanted, folder, home, say)
    say(f"Making a Python of its own for {wanted.package} {wanted.version}.")
    environment = folder / "venv"
    make_environment(environment, [_pinned(wanted.package, wanted.version)])
    program = _program(wanted, environment)
    executable = f"venv/bin/{program}"
    spec, options = _asked(wanted, str(folder / executable))
    return _plugin(wanted, folder, (InstalledConnector(wanted.name, wanted.kind, spec),), executable, options)


def _asked(wanted: Wanted, path: str) -> tuple[Any, tuple[str, ...]]:
    """What the program says of itself: that it can be started at all is part of it."""
    from ottla.connect.api.errors import ConnectError

    try:
        if wanted.route == SINGER:
            from ottla.connect.bridges.singer.program import find_options, read_about

            options = find_options(path)
            about = read_about(path, options)
            return (None if about is None else about.get("settings")), options
        from ottla.connect.bridges.airbyte.program import read_spec

        return read_spec([path], wanted.name), ()
    except ConnectError as error:
        text = f"{wanted.package} {wanted.version} was fetched, and does not run with this Python and its packages"
        raise PluginError(f"{text}: {error}") from error


def _program(wanted: Wanted, environment: Path) -> str:
    """Of the programs that the package brings, the one that is named as such programs are."""
    scripts = scripts_of(environment, wanted.package)
    prefix = _PROGRAM[wanted.route, wanted.kind]
    likely = sorted(scripts, key=lambda name: (name != wanted.name, not name.startswith(prefix), name))
    if not likely or not (environment / "bin" / likely[0]).exists():
        raise PluginError(f"{wanted.package} {wanted.version} brings no program: it is no plugin")
    return likely[0]


def _manifest(wanted: Wanted, folder: Path, home: PluginHome, say: Callable[[str], None]) -> InstalledPlugin:
    from ottla.connect.bridges.airbyte.program import spec_of_manifest

    ensure_cdk(home, "", say)
    manifest = read_manifest(Path(wanted.package), home)
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    connector = InstalledConnector(wanted.name, SOURCE, spec_of_manifest(manifest))
    program = cdk_python(home).with_name(DECLARATIVE_PROGRAM)
    version = str(manifest.get("version") or wanted.version)
    return _plugin(wanted._replace(version=version), folder, (connector,), str(program), ())


def ensure_cdk(home: PluginHome, version: str, say: Callable[[str], None]) -> None:
    """Airbyte's CDK is there; in that version, if one is given. `PluginError`."""
    folder = home.shared / CDK
    if (folder / "complete").exists() and not version:
        return
    say(f"Making a Python of its own for {CDK}, which runs manifests.")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    make_environment(folder / "venv", [_pinned(CDK, version)])
    (folder / "complete").touch()


def _java(wanted: Wanted, folder: Path, say: Callable[[str], None]) -> InstalledPlugin:
    from ottla.connect.api.errors import ConnectError
    from ottla.connect.bridges.java.plugin import describe

    jars = folder / "lib"
    if Path(wanted.package).is_absolute():
        shutil.copytree(wanted.package, jars)
        main_jars = [str(path) for path in sorted(jars.glob("*.jar"))]
        licence = wanted.licence
    else:
        artifact = Coordinates.of(f"{wanted.package}:{wanted.version}")
        say(f"Fetching {':'.join(artifact)} and all that it needs.")
        fetch_jars(jars, [artifact])
        main_jars = [str(path) for path in jars.glob(f"{artifact.artifact}-{artifact.version}*.jar")]
        licence = licence_of_jars(jars, artifact) or wanted.licence
    try:
        found = describe(jars, main_jars, wanted.name)
    except ConnectError as error:
        raise PluginError(f"{wanted.name}: {error}") from error
    if not found:
        raise PluginError(f"{wanted.package} brings no connector of Kafka Connect")
    connectors = tuple(InstalledConnector(each["name"], each["kind"], each["keys"]) for each in found)
    return _plugin(wanted._replace(licence=licence), folder, connectors, "", ())


def _plugin(
    wanted: Wanted,
    folder: Path,
    connectors: tuple[InstalledConnector, ...],
    executable: str,
    options: tuple[str, ...],
) -> InstalledPlugin:
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return InstalledPlugin(
        wanted.name,
        wanted.route,
        wanted.package,
        wanted.version,
        wanted.licence or "not said",
        now,
        connectors,
        folder,
        executable,
        options,
    )
