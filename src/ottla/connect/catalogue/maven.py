"""Jars of a plugin with all that they need, fetched by Maven, from where Maven is set up to fetch them."""

from __future__ import annotations

import re
import shutil
import subprocess
import zipfile
from typing import TYPE_CHECKING, Final, NamedTuple
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from ottla.connect.catalogue.home import PluginError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_COPY: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
ATTEMPTS: Final = 3
TIMEOUT_S: Final = 1800.0
HOW_TO_GET: Final = "install a JDK of version 17 or later and Maven"
_COORDINATES: Final = re.compile(r"[A-Za-z0-9_.-]+:[A-Za-z0-9_.-]+:[A-Za-z0-9_.-]+")
_LICENCES: Final = (("apache license", "Apache-2.0"), ("mit license", "MIT"), ("eclipse public license", "EPL"))


class Coordinates(NamedTuple):
    group: str
    artifact: str
    version: str

    @classmethod
    def of(cls, text: str) -> Coordinates:
        """`group:artifact:version`. `PluginError`."""
        if not _COORDINATES.fullmatch(text):
            raise PluginError(f"{text!r} is no plugin of Maven Central: write GROUP:ARTIFACT:VERSION")
        return cls(*text.split(":"))


def is_coordinates(text: str) -> bool:
    return _COORDINATES.fullmatch(text) is not None


def fetch_jars(folder: Path, artifacts: Sequence[Coordinates], exclusions: Sequence[tuple[str, str]] = ()) -> None:
    """Into `folder`, which is made. `PluginError` with the end of what Maven says."""
    if shutil.which("mvn") is None:
        raise PluginError(f"there is no mvn on the PATH: {HOW_TO_GET}")
    folder.mkdir(parents=True, exist_ok=True)
    pom = folder.parent / f"{folder.name}.pom.xml"
    pom.write_text(_pom(artifacts, exclusions), "utf-8")
    command = ["mvn", "-q", "-B", "-f", str(pom), _COPY, f"-DoutputDirectory={folder}", "-DincludeScope=runtime"]
    said = ""
    for _ in range(ATTEMPTS):  # Maven keeps what it has, and goes on from there
        try:
            result = subprocess.run(
                command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, stdin=subprocess.DEVNULL
            )
        except subprocess.TimeoutExpired:
            raise PluginError(f"Maven was not done within {TIMEOUT_S:g} s") from None
        if result.returncode == 0:
            pom.unlink()
            return
        said = "\n".join((result.stdout + result.stderr).strip().splitlines()[:6])
    names = ", ".join(":".join(each) for each in artifacts)
    raise PluginError(f"{names} cannot be fetched:\n{said}")


def licence_of_jars(folder: Path, artifact: Coordinates) -> str:
    """What the jar itself says: its manifest, its pom, or the file of its licence; "" where none does."""
    path = folder / f"{artifact.artifact}-{artifact.version}.jar"
    try:
        with zipfile.ZipFile(path) as jar:
            names = jar.namelist()
            pom = f"META-INF/maven/{artifact.group}/{artifact.artifact}/pom.xml"
            if pom in names and (said := _licence_of_pom(jar.read(pom))):
                return said
            for name in names:
                if re.fullmatch(r"META-INF/LICENSE(\.txt|\.md)?|LICENSE(\.txt|\.md)?", name):
                    text = " ".join(jar.read(name)[:400].decode("utf-8", "replace").lower().split())
                    return next((short for long, short in _LICENCES if long in text), f"see {name} of {path.name}")
            manifest = jar.read("META-INF/MANIFEST.MF").decode("utf-8", "replace") if names else ""
            found = re.search(r"^Bundle-License: *(.+)$", manifest, re.MULTILINE)
            return found[1].strip() if found else ""
    except (OSError, KeyError, zipfile.BadZipFile):
        return ""


def _licence_of_pom(pom: bytes) -> str:
    try:
        root = ElementTree.fromstring(pom)
    except ElementTree.ParseError:
        return ""
    return ", ".join(each.text.strip() for each in root.findall(".//{*}licenses/{*}license/{*}name") if each.text)


def _pom(artifacts: Sequence[Coordinates], exclusions: Sequence[tuple[str, str]]) -> str:
    left_out = "".join(
        f"<exclusion><groupId>{escape(group)}</groupId><artifactId>{escape(name)}</artifactId></exclusion>"
        for group, name in exclusions
    )
    wanted = "".join(
        f"<dependency><groupId>{escape(each.group)}</groupId><artifactId>{escape(each.artifact)}</artifactId>"
        f"<version>{escape(each.version)}</version><exclusions>{left_out}</exclusions></dependency>"
        for each in artifacts
    )
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>ottla</groupId>'
        f"<artifactId>plugin</artifactId><version>1</version><dependencies>{wanted}</dependencies></project>\n"
    )
