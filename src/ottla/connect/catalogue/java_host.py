"""The program that hosts Java's plugins (`bridges/java/ConnectHost.java`): compiled once, with the jars that it needs.

HOME/.shared/java-4.3.1-<hash>/lib/*.jar    Kafka's clients and Connect's API and JSON, by Maven
HOME/.shared/java-4.3.1-<hash>/classes      the program
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ottla.connect.catalogue.home import PluginError
from ottla.connect.catalogue.maven import HOW_TO_GET, Coordinates, fetch_jars

if TYPE_CHECKING:
    from ottla.connect.catalogue.home import PluginHome

KAFKA_VERSION: Final = "4.3.1"
SOURCE: Final = Path(__file__).parents[1] / "bridges" / "java" / "ConnectHost.java"
MAIN_CLASS: Final = "ConnectHost"
COMPILE_TIMEOUT_S: Final = 300.0
_NEEDED: Final = (
    Coordinates("org.apache.kafka", "connect-json", KAFKA_VERSION),
    Coordinates("org.slf4j", "slf4j-simple", "1.7.36"),
)


def host_folder(home: PluginHome) -> Path:
    version = hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:12]
    return home.shared / f"java-{KAFKA_VERSION}-{version}"


def make_host(home: PluginHome) -> Path:
    """The folder, made on first use. `PluginError` says what is missing on this machine."""
    folder = host_folder(home)
    if (folder / "complete").exists():
        return folder
    for program in ("java", "javac"):
        if shutil.which(program) is None:
            raise PluginError(f"there is no {program} on the PATH: {HOW_TO_GET}")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            _make(folder)
    return folder


def _make(folder: Path) -> None:
    fetch_jars(folder / "lib", _NEEDED)
    classes = folder / "classes"
    shutil.rmtree(classes, ignore_errors=True)
    command = ["javac", "-nowarn", "-cp", f"{folder / 'lib'}/*", "-d", str(classes), str(SOURCE)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=COMPILE_TIMEOUT_S, check=False)
    if result.returncode:
        raise PluginError(f"{SOURCE.name} cannot be compiled:\n{result.stderr[-2000:]}")
    (folder / "complete").touch()


def host_command(host: Path, jars: list[Path], options: list[str]) -> list[str]:
    """`jars` are the folders of the plugin's."""
    java = shutil.which("java")
    if java is None:
        raise PluginError(f"there is no java on the PATH: {HOW_TO_GET}")
    logging = ["-Dorg.slf4j.simpleLogger.showThreadName=false", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
    class_path = f"{host / 'classes'}:{host / 'lib'}/*"
    return [java, *options, *logging, "-cp", class_path, MAIN_CLASS, *map(str, jars)]
