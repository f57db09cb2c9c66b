"""A real MySQL server of a test: Debian's own package of it, which only its unstable suite has, from the user's cache.

Owns the folder `${XDG_CACHE_HOME:-~/.cache}/ottla/mysql-9` (`root/` with MySQL and all that it needs down to the C
library, `data/` initialised, `complete` when both are there). apt fetches it in a world of its own, from the mirror
that the system's own configuration names: nothing of the system changes. Where that is not possible the test is skipped
with a reason, under `CI=true` it fails.
"""

from __future__ import annotations

import fcntl
import os
import platform
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import pytest
from tests.peers.apache_kafka import cache_folder
from tests.peers.mysql_family import MysqlFamilyServer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SUITE: Final = "sid"
PACKAGE: Final = "mysql-server-core=9.*"
HOW_TO_GET: Final = "Debian on amd64 with apt, and a mirror that is reached"
FETCH_TIMEOUT_S: Final = 240.0
FETCH_ATTEMPTS: Final = 3
INITIALISE_TIMEOUT_S: Final = 120.0
KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
NOT_NEEDED: Final = ("perl", "libperl")
"""Of tools beside the server."""
LIBRARIES: Final = "usr/lib/x86_64-linux-gnu"
SETTINGS: Final = {
    "mysqlx": "OFF",
    "secure-file-priv": "NULL",
    "performance-schema": "OFF",
    "innodb-flush-log-at-trx-commit": "0",
    "innodb-doublewrite": "OFF",
    "innodb-buffer-pool-size": "32M",
    "innodb-redo-log-capacity": "8M",
    "sync-binlog": "0",
    "default-time-zone": "+00:00",
}


class MysqlServer(MysqlFamilyServer):
    name = "MySQL"

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        self._root = mysql_root()
        super().__init__(SETTINGS | dict(settings or {}))

    def start(self) -> None:
        if not self.data.exists():
            shutil.copytree(self._root.parent / "data", self.data)
        self._serve([*_mysqld(self._root, self.data), f"--pid-file={self.directory}/pid"])


def mysql_root() -> Path:
    """The folder that is MySQL's `/`, fetched on first use."""
    folder = cache_folder().parent / "mysql-9"
    if not (folder / "complete").exists():
        if platform.machine() != "x86_64" or shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
            _unavailable("no MySQL")
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / "complete").exists():
                _fetch(folder)
    return folder / "root"


def _mysqld(root: Path, data: Path) -> list[str]:
    """By the C library that came with it: the system's may be older."""
    libraries = root / LIBRARIES
    command = [str(libraries / "ld-linux-x86-64.so.2"), "--library-path", str(libraries), str(root / "usr/sbin/mysqld")]
    command += ["--no-defaults", f"--datadir={data}", f"--lc-messages-dir={root}/usr/share/mysql"]
    command += [f"--character-sets-dir={root}/usr/share/mysql/charsets", f"--plugin-dir={root}/usr/lib/mysql/plugin"]
    return [*command, "--user=root"] if os.geteuid() == 0 else command


def _fetch(folder: Path) -> None:
    apt = folder / "apt"
    for name in ("lists/partial", "archives/partial", "sources"):
        (apt / name).mkdir(parents=True, exist_ok=True)
    (apt / "status").touch()  # nothing is installed: all that it needs is fetched
    signed = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
    (apt / "sources.list").write_text(f"deb {signed}{_mirror()} {SUITE} main\n")
    options = {
        "Dir::State": apt,
        "Dir::State::lists": apt / "lists",
        "Dir::State::status": apt / "status",
        "Dir::Cache": apt,
        "Dir::Cache::archives": apt / "archives",
        "Dir::Etc::sourcelist": apt / "sources.list",
        "Dir::Etc::sourceparts": apt / "sources",
        "Acquire::Languages": "none",
        "Acquire::Retries": FETCH_ATTEMPTS,
        "APT::Sandbox::User": "",
    }
    apt_get = ["apt-get", "-q", *(f"-o{name}={value}" for name, value in options.items())]
    _run([*apt_get, "update"])
    _run([*apt_get, "install", "--download-only", "--yes", "--no-install-recommends", PACKAGE])
    root, data = folder / "root", folder / "data"
    for each in (root, data):
        shutil.rmtree(each, ignore_errors=True)
    for package in sorted((apt / "archives").glob("*.deb")):
        if package.name.startswith(NOT_NEEDED):
            continue
        _run(["dpkg-deb", "--extract", str(package), str(root)])
    settings = [f"--{name}={SETTINGS[name]}" for name in ("innodb-redo-log-capacity", "innodb-doublewrite")]
    _run([*_mysqld(root, data), "--initialize-insecure", *settings], INITIALISE_TIMEOUT_S)
    (data / "auto.cnf").unlink(missing_ok=True)  # each server has a UUID of its own
    shutil.rmtree(apt)
    (folder / "complete").touch()


def _mirror() -> str:
    """Where the system gets its own packages."""
    codename = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    places = [line[1:].partition("/dists/") for line in _run(["apt-get", "--print-uris", "update"]).splitlines()]
    found = [base for base, _, rest in places if rest.startswith(f"{codename}/")]
    if not found:
        _unavailable("no mirror of Debian in apt's configuration")
    return found[0]


def _run(command: Sequence[str], timeout_s: float = FETCH_TIMEOUT_S) -> str:
    try:
        result = subprocess.run(list(command), capture_output=True, text=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired:
        _unavailable(f"MySQL cannot be had within {timeout_s:g} s: {command[0]} {command[-1]}")
    if result.returncode != 0:
        _unavailable(f"MySQL cannot be had: {command[0]} {command[-1]}: {(result.stdout + result.stderr)[-600:]}")
    return result.stdout


def _unavailable(reason: str) -> NoReturn:
    text = f"{reason} (to run this test: {HOW_TO_GET})"
    if os.environ.get("CI") == "true":
        pytest.fail(text)
    pytest.skip(text)
