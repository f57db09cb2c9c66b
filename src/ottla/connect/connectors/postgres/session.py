"""A connection for queries (psycopg): the catalog's rows as Python values, those of tables as the text that they are.

Both connections, this and that of the stream, write values in the same way (`TEXT_SETTINGS`), so that a row is read by
the same functions wherever it comes from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import ConnectError
from ottla.connect.connectors.postgres.failures import explained

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from psycopg import Connection
    from psycopg.pq.abc import PGconn, PGresult

    from ottla.connect.connectors.postgres.config import PostgresConfig

TEXT_SETTINGS: Final = (
    "-c datestyle=ISO -c timezone=UTC -c intervalstyle=postgres -c extra_float_digits=3 -c bytea_output=hex "
    "-c lc_monetary=C"
)
CONNECT_TIMEOUT_S: Final = 10


def import_psycopg() -> Any:
    try:
        import psycopg
    except ImportError as error:
        raise ConnectError(
            f"the connector for PostgreSQL needs psycopg: pip install 'ottla[cdc-postgres]' ({error})"
        ) from error
    return psycopg


def connection_parameters(config: PostgresConfig, application: str) -> dict[str, str]:
    """For libpq."""
    parameters = {
        "host": config.hostname,
        "port": str(config.port),
        "user": config.user,
        "dbname": config.dbname,
        "sslmode": config.sslmode,
        "client_encoding": "UTF8",
        "options": TEXT_SETTINGS,
        "application_name": application,
        "connect_timeout": str(CONNECT_TIMEOUT_S),
        "keepalives": "1" if config.tcp_keepalive else "0",
    }
    return parameters | {key: value for key, value in config.secrets().items() if value}


def quoted(*names: str) -> str:
    """`"schema"."table"`."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


class Session:
    """Autocommit, but for what stands between BEGIN and COMMIT. Failures are explained `ConnectError`s."""

    def __init__(self, config: PostgresConfig) -> None:
        self._config = config
        psycopg = import_psycopg()
        self._error: type[Exception] = psycopg.Error
        try:
            self._connection: Connection[tuple[Any, ...]] = psycopg.connect(
                **connection_parameters(config, f"ottla {config.prefix}"), autocommit=True
            )
        except psycopg.Error as error:
            raise self._explained(error, "connecting") from error

    def close(self) -> None:
        self._connection.close()

    @property
    def server_version(self) -> int:
        """150004 is 15.4."""
        return int(self._connection.info.server_version)

    def rows(
        self, sql: str, parameters: Sequence[Any] = (), doing: str = "asking the catalog"
    ) -> list[tuple[Any, ...]]:
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(sql.encode(), parameters or None)
                return cursor.fetchall() if cursor.description is not None else []
        except self._error as error:
            raise self._explained(error, doing) from error

    def execute(self, sql: str, parameters: Sequence[Any] = (), *, doing: str) -> None:
        self.rows(sql, parameters, doing)

    def text_rows(self, sql: str, doing: str) -> list[list[bytes | None]]:
        """Each value as text, without parameters."""
        result = self._exec(sql, doing)
        width, get = range(result.nfields), result.get_value
        return [[get(row, column) for column in width] for row in range(result.ntuples)]

    def text_rows_in_batches(self, query: str, size: int, doing: str) -> Iterator[list[list[bytes | None]]]:
        """Within a transaction: the rows of a query, so many at a time."""
        self._exec(f"DECLARE ottla_rows NO SCROLL CURSOR FOR {query}", doing)
        while rows := self.text_rows(f"FETCH FORWARD {size} FROM ottla_rows", doing):
            yield rows
        self._exec("CLOSE ottla_rows", doing)

    def literal(self, text: str) -> str:
        """A text as a literal of SQL."""
        from psycopg.pq import Escaping

        return bytes(Escaping(self._pgconn).escape_literal(text.encode())).decode()

    @property
    def _pgconn(self) -> PGconn:
        return self._connection.pgconn

    def _exec(self, sql: str, doing: str) -> PGresult:
        from psycopg.pq import ExecStatus

        try:
            result = self._pgconn.exec_(sql.encode())
        except self._error as error:
            raise self._explained(error, doing) from error
        if result.status not in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
            raise result_failure(result, doing, self._config)
        return result

    def _explained(self, error: Exception, doing: str) -> ConnectError:
        return explained(getattr(error, "sqlstate", None), str(error), doing, self._config)


def result_failure(result: PGresult, doing: str, config: PostgresConfig) -> ConnectError:
    from psycopg.pq import DiagnosticField

    state = result.error_field(DiagnosticField.SQLSTATE)
    message = result.error_field(DiagnosticField.MESSAGE_PRIMARY) or result.error_message
    return explained(state.decode() if state else None, message.decode("utf-8", "replace"), doing, config)
