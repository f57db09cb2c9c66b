"""A connection for queries (PyMySQL), in UTC."""

from __future__ import annotations

import ssl
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import ConnectError
from ottla.connect.connectors.cdc.text import text_of
from ottla.connect.connectors.mysql.failures import BinlogLostError, ConnectionLostError, explained
from ottla.connect.connectors.mysql.gtids import Gtids
from ottla.connect.connectors.mysql.position import BinlogPosition

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ottla.connect.connectors.mysql.config import MysqlConfig

CONNECT_TIMEOUT_S: Final = 10
READ_TIMEOUT_S: Final = 600
_WANTED: Final = {"log_bin": "ON", "binlog_format": "ROW", "binlog_row_image": "FULL", "binlog_row_metadata": "FULL"}


def import_pymysql() -> Any:
    try:
        import pymysql
        import pymysql.cursors
        import pymysqlreplication  # noqa: F401
    except ImportError as error:
        raise ConnectError(
            f"the connectors for MySQL and MariaDB need mysql-replication: pip install 'ottla[cdc-mysql]' ({error})"
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
        version, server_id = self.rows("SELECT VERSION(), @@server_id")[0]
        self.version: str = version
        self._server_id = int(server_id)
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
        found = dict(self.rows("SHOW GLOBAL VARIABLES WHERE variable_name IN ('log_bin', 'binlog_format', "
                               "'binlog_row_image', 'binlog_row_metadata')"))  # fmt: skip
        for name, wanted in _WANTED.items():
            value = str(found.get(name, "not there"))
            if value.upper() not in (wanted, "1" if wanted == "ON" else wanted):
                raise ConnectError(
                    f"the server {self._config.hostname}:{self._config.port} ({self.version}) has {name}={value}; "
                    f"change data capture needs {name}={wanted}"
                )

    def current_position(self) -> BinlogPosition:
        for statement in ("SHOW MASTER STATUS", "SHOW BINARY LOG STATUS"):
            try:
                rows = self.rows(statement, doing="asking where the binary log is")
            except ConnectError:
                if statement != "SHOW MASTER STATUS":
                    raise
                continue  # from MySQL 8.4 on it has the other name
            if rows:
                return self.with_gtids(BinlogPosition(rows[0][0], int(rows[0][1])))
        raise ConnectError("the server writes no binary log")

    def with_gtids(self, position: BinlogPosition) -> BinlogPosition:
        """What is done there, as any server of the cluster understands it."""
        return replace(position, gtids=self._gtids_at(position), server=self._server_id)

    def _gtids_at(self, position: BinlogPosition) -> Gtids | None:
        """`None`: the server has none, or there is no such place in its log."""
        if not self.is_mariadb:
            return None
        rows = self.rows("SELECT BINLOG_GTID_POS(%s, %s)", (position.file, position.pos))
        return None if rows[0][0] is None else Gtids.parse(text_of(rows[0][0]))

    def found(self, position: BinlogPosition) -> BinlogPosition:
        """Where the stream goes on: there, or, in the log of another server, behind what is done.

        Raises `BinlogLostError` if the log was purged, `ConnectionLostError` if the server is not that far yet.
        """
        if position.gtids is not None and self.is_mariadb:
            is_same = position.server in (0, self._server_id)
            if position.file and is_same and self._gtids_at(position) == position.gtids:
                return replace(position, server=self._server_id)
            (has,) = self.rows("SELECT @@GLOBAL.gtid_binlog_pos")[0]
            missing = position.gtids.beyond(Gtids.parse(text_of(has)) or Gtids({}))
            if missing:
                raise ConnectionLostError(
                    f"the server {self._config.hostname}:{self._config.port} has done {text_of(has) or 'nothing'}, and "
                    f"changes up to {position.gtids} were read already: it is a replica that lags, or another cluster"
                )
            return replace(position.by_gtids(), server=self._server_id)
        files = [row[0] for row in self.rows("SHOW BINARY LOGS", doing="asking for the binary logs")]
        if position.file not in files:
            raise BinlogLostError(
                f"the binary log {position.file}, up to which changes were read, is not on the server any more (it has "
                f"{files[0] if files else 'none'} and later): changes are lost. Take a new snapshot: "
                "snapshot.mode=when_needed does, or delete the connector's offsets"
            )
        return self.with_gtids(position)
