"""A MariaDB server whose binary log can be captured, with a user who may."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any, Final

import pytest
from tests.peers.mariadb import MariaDbServer

if TYPE_CHECKING:
    from collections.abc import Mapping

USER: Final = "capture"
PASSWORD: Final = "secret"
SETTINGS: Final = {
    "server-id": "1",
    "log-bin": "binlog",
    "binlog-format": "ROW",
    "binlog-row-metadata": "FULL",
    "sync-binlog": "0",
    "character-set-server": "utf8mb4",
}


class CapturedMariaDb(MariaDbServer):
    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        if shutil.which("mariadbd") is None or shutil.which("mariadb-install-db") is None:
            pytest.skip("no MariaDB: apt install mariadb-server")
        super().__init__(SETTINGS | dict(settings or {}))

    def start(self) -> None:
        super().start()
        with self.connect("test") as connection, connection.cursor() as cursor:
            for host in ("%", "localhost"):  # the anonymous user of localhost would come first
                cursor.execute(f"CREATE USER IF NOT EXISTS '{USER}'@'{host}' IDENTIFIED BY '{PASSWORD}'")
                cursor.execute(f"GRANT ALL ON *.* TO '{USER}'@'{host}'")

    def connect(self, database: str) -> Any:
        """As root, autocommit."""
        import pymysql

        settings: dict[str, Any] = {"host": "127.0.0.1", "port": self.port, "user": "root", "autocommit": True}
        return pymysql.connect(**settings, charset="utf8mb4", database=database)

    def database(self, name: str) -> Any:
        """A new database, and a connection to it."""
        with self.connect("test") as admin, admin.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE `{name}`")
        return self.connect(name)

    def config(self, database: str, **others: str) -> dict[str, str]:
        """That of a connector; `table_include_list` is `table.include.list`."""
        return {
            "connector.class": "io.debezium.connector.mariadb.MariaDbConnector",
            "database.hostname": "127.0.0.1",
            "database.port": str(self.port),
            "database.user": USER,
            "database.password": PASSWORD,
            "database.include.list": database,
            "topic.prefix": database,
        } | {key.replace("_", "."): value for key, value in others.items()}
