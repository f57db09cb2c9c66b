"""A plugin's own Python: made, filled by pip from the index that pip is set up for, and asked what is in it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import Distribution, distributions
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ottla.connect.catalogue.home import PluginError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PIP_TIMEOUT_S: Final = 1800.0
ERROR_LINES_SHOWN: Final = 12
_QUIET: Final = ("--disable-pip-version-check", "--no-input", "-q")
OLD_SETUPTOOLS: Final = "setuptools<81"
"""Older plugins import `pkg_resources`, which later ones no longer have."""
_LICENCE: Final = "License :: "


class PackageInfo(NamedTuple):
    name: str
    version: str
    licence: str
    summary: str


def look_up(package: str) -> PackageInfo:
    """What pip would install, without doing so. `PluginError`."""
    command = [*_pip(), "install", "--dry-run", "--no-deps", "--ignore-installed", *_QUIET, "--report", "-", package]
    result = _run(command, f"{package} cannot be had")
    try:
        found = json.loads(result)["install"][0]["metadata"]
        return PackageInfo(found["name"], found["version"], licence_of(found), str(found.get("summary") or ""))
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise PluginError(f"pip does not say what {package} is: {error!r}") from None


def licence_of(metadata: Any) -> str:
    """In one line; "not said" where it is not."""
    expression = metadata.get("license_expression")
    if expression:
        return str(expression)
    classifiers = [each for each in metadata.get("classifier") or () if each.startswith(_LICENCE)]
    if classifiers:
        return ", ".join(each.rpartition(" :: ")[2] for each in classifiers)
    text = str(metadata.get("license") or "").strip()
    return " ".join(text.split())[:100] or "not said"


def make_environment(folder: Path, packages: Sequence[str]) -> None:
    """`PluginError` with the end of what pip says."""
    _run([sys.executable, "-m", "venv", "--without-pip", str(folder)], f"{folder} cannot be made")
    python = str(folder / "bin" / "python")
    command = [*_pip(), "--python", python, "install", "--no-compile", *_QUIET, OLD_SETUPTOOLS, *packages]
    _run(command, f"{' '.join(packages)} cannot be installed")


def scripts_of(folder: Path, package: str) -> list[str]:
    """Programs that the package brings. `PluginError` where it is not there."""
    return [point.name for point in distribution(folder, package).entry_points if point.group == "console_scripts"]


def distribution(folder: Path, package: str) -> Distribution:
    wanted = _normal(package)
    for each in distributions(path=[str(path) for path in folder.glob("lib*/python*/site-packages")]):
        if _normal(each.metadata["Name"] or "") == wanted:
            return each
    raise PluginError(f"{package} is not in {folder}")


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _has_pip() -> bool:
    return find_spec("pip") is not None


def _pip() -> list[str]:
    if not _has_pip():
        raise PluginError(f"{sys.executable} has no pip, which installs plugins: python -m ensurepip")
    return [sys.executable, "-m", "pip"]


def _run(command: Sequence[str], what: str) -> str:
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, timeout=PIP_TIMEOUT_S, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        raise PluginError(f"{what}: not done within {PIP_TIMEOUT_S:g} s") from None
    if result.returncode:
        last = "\n".join(result.stderr.strip().splitlines()[-ERROR_LINES_SHOWN:])
        raise PluginError(f"{what}:\n{last}")
    return result.stdout
