"""What servers of MySQL and MariaDB have in common as peers of tests."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.peers.process import NodeProcess, free_port, wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

READY_S = 60.0


class MysqlFamilyServer(NodeProcess):
    """On the loopback, with the database `test`; root needs no password."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        super().__init__(Path(tempfile.mkdtemp(prefix=f"ottla-{self.name.lower()}-")))
        self.port = free_port()
        self.data = self.directory / "data"
        self._settings = settings

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def _serve(self, command: Sequence[str]) -> None:
        """`command` is the server's, over its data; returns when it answers."""
        where = [f"--port={self.port}", "--bind-address=127.0.0.1", f"--socket={self.directory}/socket"]
        self._spawn([*command, *where, *(f"--{name}={text}" for name, text in self._settings.items())])
        wait_for(self._answers, f"{self.name} answers", READY_S)

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
