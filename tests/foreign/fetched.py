"""Where foreign suites are kept: `${XDG_CACHE_HOME:-~/.cache}/ottla/foreign/NAME-VERSION`, fetched by npm and pip.

Nothing of it is ever committed. A suite that cannot be fetched or built says so and what is missing (`SuiteError`).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

FETCH_TIMEOUT_S: Final = 300


class SuiteError(Exception):
    """The suite is not to be had here; the text says what to install or what went wrong."""


def folder(name: str, version: str) -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "ottla" / "foreign" / f"{name}-{version}"


def need(*programs: str, hint: str = "") -> None:
    """SuiteError where one of `programs` is not there; `hint` says how to get them."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        raise SuiteError(f"not installed: {', '.join(missing)}" + (f" ({hint})" if hint else ""))


def prepared(name: str, version: str, prepare: Callable[[Path], None]) -> Path:
    """The folder of the suite; `prepare` fills it once, and what it left half done is begun anew the next time."""
    place = folder(name, version)
    if not (place / "complete").exists():
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        prepare(place)
        (place / "complete").touch()
    return place


def npm_package(package: str, version: str, place: Path) -> Path:
    """The unpacked package below `place`."""
    need("npm", hint="apt install npm")
    call(["npm", "pack", "--silent", f"{package}@{version}"], place)
    return _unpack(place, "*.tgz")


def python_source(package: str, version: str, place: Path) -> Path:
    """The unpacked source distribution below `place`; nothing of it is built or installed."""
    with tempfile.TemporaryDirectory() as scratch:
        wanted = ["--no-deps", "--no-binary", ":all:", f"{package}=={version}"]
        call([sys.executable, "-m", "pip", "download", "-q", "-d", scratch, *wanted], place)
        for archive in Path(scratch).iterdir():
            shutil.copy(archive, place)
    return _unpack(place, "*.tar.gz")


def call(
    command: Sequence[str],
    place: Path,
    timeout_s: float = FETCH_TIMEOUT_S,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run a step of the preparation in `place`, its output in `place/prepare.log`."""
    with (place / "prepare.log").open("ab") as log:
        done = subprocess.run(
            list(command), cwd=place, stdout=log, stderr=subprocess.STDOUT, timeout=timeout_s, check=False,
            env={**os.environ, **(environment or {})},
        )  # fmt: skip
    if done.returncode:
        end = (place / "prepare.log").read_text(errors="replace")[-800:]
        raise SuiteError(f"{' '.join(command)} ended with {done.returncode}:\n{end}")


def _unpack(place: Path, pattern: str) -> Path:
    (archive,) = place.glob(pattern)
    before = set(place.iterdir())
    with tarfile.open(archive) as opened:
        opened.extractall(place, filter="data")
    (unpacked,) = set(place.iterdir()) - before
    return unpacked
