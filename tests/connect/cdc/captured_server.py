"""Servers of MariaDB and of MySQL whose binary log can be captured, with a user who may."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pytest
from tests.peers.mariadb import MariaDbServer
from tests.peers.mysql import MysqlServer

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
    connector: ClassVar[str] = "io.debezium.connector.mariadb.MariaDbConnector"

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        if shutil.which("mariadbd") is None or shutil.which("mariadb-install-db") is None:
            pytest.skip("no MariaDB: apt install mariadb-server")
        super().__init__(SETTINGS | dict(settings or {}))

    def start(self) -> None:
        super().start()
        with connected(self) as connection, connection.cursor() as cursor:
            make_user(cursor, "%", "localhost")  # the anonymous user of localhost would come first


class CapturedMysql(MysqlServer):
    """With GTIDs; the user signs in by caching_sha2_password."""

    connector: ClassVar[str] = "io.debezium.connector.mysql.MySqlConnector"

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        gtids = {"gtid-mode": "ON", "enforce-gtid-consistency": "ON"}
        super().__init__(
            {name: text for name, text in (SETTINGS | gtids).items() if name != "binlog-format"} | dict(settings or {})
        )

    def start(self) -> None:
        super().start()
        with connected(self) as connection, connection.cursor() as cursor:
            make_user(cursor, "%")


Captured = CapturedMariaDb | CapturedMysql


def make_user(cursor: Any, *hosts: str) -> None:
    for host in hosts:
        cursor.execute(f"CREATE USER IF NOT EXISTS '{USER}'@'{host}' IDENTIFIED BY '{PASSWORD}'")
        cursor.execute(f"GRANT ALL ON *.* TO '{USER}'@'{host}'")


def connected(server: Captured, database: str = "test") -> Any:
    """As root, autocommit."""
    import pymysql

    settings: dict[str, Any] = {"host": "127.0.0.1", "port": server.port, "user": "root", "autocommit": True}
    return pymysql.connect(**settings, charset="utf8mb4", database=database)


def new_database(server: Captured, name: str) -> Any:
    """A connection to it."""
    with connected(server) as admin, admin.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE `{name}`")
    return connected(server, name)


def capture_config(server: Captured, database: str, **others: str) -> dict[str, str]:
    """That of a connector; `table_include_list` is `table.include.list`."""
    return {
        "connector.class": server.connector,
        "database.hostname": "127.0.0.1",
        "database.port": str(server.port),
        "database.user": USER,
        "database.password": PASSWORD,
        "database.include.list": database,
        "topic.prefix": database,
    } | {key.replace("_", "."): value for key, value in others.items()}


def ask(connection: Any, sql: str, parameters: Any = None) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def numbered(count: int, what: str) -> str:
    """A query of so many rows, of what is said of the number `n`."""
    return (
        f"WITH RECURSIVE seq (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM seq WHERE n < {count}) SELECT {what} FROM seq"
    )
