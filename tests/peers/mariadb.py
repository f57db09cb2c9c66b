"""A real MariaDB server of a test, where one is installed (apt install mariadb-server)."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Final

from tests.peers.mysql_family import MysqlFamilyServer

if TYPE_CHECKING:
    from collections.abc import Mapping

SETTINGS: Final = {
    "innodb_flush_log_at_trx_commit": "0",
    "innodb_buffer_pool_size": "32M",
    "default_time_zone": "+00:00",
}


class MariaDbServer(MysqlFamilyServer):
    name = "MariaDB"

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        super().__init__(SETTINGS | dict(settings or {}))

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
        self._serve(["mariadbd", "--no-defaults", *user, f"--datadir={self.data}"])
