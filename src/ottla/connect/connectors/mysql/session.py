"""A connection for queries (PyMySQL), in UTC."""

from __future__ import annotations

import logging
import ssl
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import ConnectError
from ottla.connect.connectors.mysql.failures import ConnectionLostError, explained

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ottla.connect.connectors.mysql.config import MysqlConfig

_log = logging.getLogger("ottla.connect.cdc.mysql")
CONNECT_TIMEOUT_S: Final = 10
READ_TIMEOUT_S: Final = 600
_WANTED: Final = {"log_bin": "ON", "binlog_format": "ROW", "binlog_row_image": "FULL", "binlog_row_metadata": "FULL"}
_COLLATIONS: Final = (
    # From MariaDB 10.10 on only this tells all of them.
    "SELECT id, character_set_name FROM information_schema.collation_character_set_applicability WHERE id IS NOT NULL",
    "SELECT id, character_set_name FROM information_schema.collations WHERE id IS NOT NULL",
)


def import_pymysql() -> Any:
    try:
        import pymysql
        import pymysql.cursors
    except ImportError as error:
        raise ConnectError(
            f"the connectors for MySQL and MariaDB need PyMySQL: pip install 'ottla[cdc-mysql]' ({error})"
        ) from error
    return pymysql


def connection_settings(config: MysqlConfig, read_timeout_s: int = READ_TIMEOUT_S) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "host": config.hostname,
        "port": config.port,
        "user": config.user,
        "password": config.password,
        "charset": "utf8mb4",
        "connect_timeout": CONNECT_TIMEOUT_S,
        "read_timeout": read_timeout_s,
    }
    if config.ssl_mode in ("required", "verify_ca", "verify_identity"):
        context = ssl.create_default_context(cafile=config.ssl_ca)
        context.check_hostname = config.ssl_mode == "verify_identity"
        if config.ssl_mode == "required":
            context.verify_mode = ssl.CERT_NONE
        settings["ssl"] = context
    elif config.ssl_mode == "disabled":
        settings["ssl_disabled"] = True
    return settings


def quoted(*names: str) -> str:
    return ".".join("`" + name.replace("`", "``") + "`" for name in names)


class Session:
    """Autocommit, but for what stands between START TRANSACTION and COMMIT. Failures are explained `ConnectError`s."""

    def __init__(self, config: MysqlConfig) -> None:
        pymysql = import_pymysql()
        self._config = config
        self._pymysql = pymysql
        try:
            self._connection: Any = pymysql.connect(
                **connection_settings(config), autocommit=True, init_command="SET time_zone = '+00:00'"
            )
        except pymysql.Error as error:
            raise explained(error, "connecting", config) from error
        (version,) = self.rows("SELECT VERSION()")[0]
        self.version: str = version
        self.is_mariadb = "mariadb" in version.lower()

    def close(self) -> None:
        self._connection.close()

    def rows(
        self, sql: str, parameters: Sequence[Any] | None = None, doing: str = "asking the catalog"
    ) -> list[tuple[Any, ...]]:
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(sql, parameters)
                return list(cursor.fetchall())
        except self._pymysql.Error as error:
            raise explained(error, doing, self._config) from error

    def rows_in_batches(self, query: str, size: int, doing: str) -> Iterator[list[tuple[Any, ...]]]:
        """So many at a time, without all of them in memory."""
        try:
            with self._connection.cursor(self._pymysql.cursors.SSCursor) as cursor:
                cursor.execute(query)
                while rows := cursor.fetchmany(size):
                    yield list(rows)
        except self._pymysql.Error as error:
            raise explained(error, doing, self._config) from error

    def check_server(self) -> None:
        """Raises `ConnectError` where changes cannot be read."""
        names = ", ".join(f"'{name}'" for name in _WANTED)
        found = dict(self.rows(f"SHOW GLOBAL VARIABLES WHERE variable_name IN ({names})"))
        for name, wanted in _WANTED.items():
            value = str(found.get(name, "not there"))
            if value.upper() not in (wanted, "1" if wanted == "ON" else wanted):
                raise ConnectError(
                    f"the server {self._config.hostname}:{self._config.port} ({self.version}) has {name}={value}; "
                    f"change data capture needs {name}={wanted}"
                )

    def charsets(self) -> dict[int, str]:
        """Of each collation, by its number."""
        if self.is_mariadb:
            try:
                return dict(self.rows(_COLLATIONS[0]))
            except ConnectionLostError:
                raise
            except ConnectError as error:
                _log.debug("the server tells its collations in the old way: %s", error)
        return dict(self.rows(_COLLATIONS[1]))
