"""A real MariaDB server of a test, where one is installed (apt install mariadb-server)."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.peers.process import NodeProcess, free_port, wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping

SETTINGS: Final = {
    "innodb_flush_log_at_trx_commit": "0",
    "innodb_buffer_pool_size": "32M",
    "default_time_zone": "+00:00",
}


class MariaDbServer(NodeProcess):
    """On the loopback, with the database `test`; root needs no password."""

    name = "MariaDB"

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        super().__init__(Path(tempfile.mkdtemp(prefix="ottla-mariadb-")))
        self.port = free_port()
        self.data = self.directory / "data"
        self._settings = SETTINGS | dict(settings or {})

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        user = ["--user=root"] if os.geteuid() == 0 else []
        if not self.data.exists():
            command = [
                "mariadb-install-db",
                "--no-defaults",
                f"--datadir={self.data}",
                "--auth-root-authentication-method=normal",
            ]
            subprocess.run([*command, *user], check=True, capture_output=True)
        command = ["mariadbd", "--no-defaults", *user, f"--datadir={self.data}", f"--port={self.port}"]
        command += ["--bind-address=127.0.0.1", f"--socket={self.directory}/socket"]
        self._spawn([*command, *(f"--{name}={text}" for name, text in self._settings.items())])
        wait_for(self._answers, "MariaDB answers", 60)

    def _answers(self) -> bool:
        import pymysql

        if not self.is_running:
            raise self.died("ended before it answered")
        try:
            with (
                pymysql.connect(host="127.0.0.1", port=self.port, user="root") as connection,
                connection.cursor() as cursor,
            ):
                cursor.execute("CREATE DATABASE IF NOT EXISTS test")
        except pymysql.err.OperationalError:
            return False
        return True

    def close(self) -> None:
        try:
            super().close()
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)
