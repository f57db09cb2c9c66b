"""The binary log, event by event (mysql-replication), as this connector thinks of it.

By file and position, or, after a failover of MariaDB, by GTIDs: a connection that has said what is done asks for a file
without a name. The library's own mode for MariaDB did not get anywhere when it was tried. It would connect again by
itself without an end; here it may connect once.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ottla.connect.api.errors import ConnectError
from ottla.connect.connectors.cdc.field_type import UNAVAILABLE
from ottla.connect.connectors.mysql.failures import ConnectionLostError, explained
from ottla.connect.connectors.mysql.session import connection_settings, import_pymysql

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ottla.connect.connectors.cdc.table import CapturedTable
    from ottla.connect.connectors.mysql.config import MysqlConfig
    from ottla.connect.connectors.mysql.position import BinlogPosition
    from ottla.connect.connectors.mysql.tables import Tables

SERVER_HEARTBEAT_S: Final = 0.5
"""So often the server says that it is there, so that one may look what else is to do."""
SILENCE_S: Final = 30
CONNECTIONS: Final = 2
"""One for the stream, one for the library's own questions."""


class Rows(NamedTuple):
    """`kind` is `c`, `u` or `d`; each row is (before, after)."""

    kind: str
    table: CapturedTable
    rows: Sequence[tuple[Sequence[Any] | None, Sequence[Any] | None]]
    pos: int
    ts_s: int
    server_id: int


class Begin(NamedTuple):
    gtid: str | None


class Commit(NamedTuple):
    end_pos: int
    ts_s: int


class Ddl(NamedTuple):
    schema: str
    statement: str
    pos: int
    end_pos: int
    ts_s: int
    server_id: int


class Rotate(NamedTuple):
    file: str
    pos: int


class Passed(NamedTuple):
    """Nothing of interest; the end of what was read."""

    end_pos: int


class OtherRows(NamedTuple):
    """Rows of a table that is not captured."""


Event = Rows | OtherRows | Begin | Commit | Ddl | Rotate | Passed


class Binlog:
    def __init__(self, config: MysqlConfig, tables: Tables, position: BinlogPosition) -> None:
        """The stream from there on; a position without a file is one of GTIDs, and the server finds the place."""
        import_pymysql()
        from pymysqlreplication import BinLogStreamReader, event, row_event

        self._config = config
        self._tables = tables
        self._connections = 0
        self._gtids = None if position.file else position.gtids
        self._maps: dict[int, Any] = {}
        self._events = event
        self._rows = row_event
        wanted = [
            event.QueryEvent, event.RotateEvent, event.XidEvent, event.GtidEvent, event.MariadbGtidEvent,
            event.HeartbeatLogEvent, row_event.TableMapEvent, row_event.WriteRowsEvent, row_event.UpdateRowsEvent,
            row_event.DeleteRowsEvent, row_event.PartialUpdateRowsEvent, event.FormatDescriptionEvent,
        ]  # fmt: skip
        self._reader = BinLogStreamReader(
            connection_settings=connection_settings(config, SILENCE_S),
            server_id=config.server_id,
            blocking=True,
            resume_stream=True,
            log_file=position.file,
            log_pos=position.pos,
            only_events=wanted,
            slave_heartbeat=SERVER_HEARTBEAT_S,
            pymysql_wrapper=self._connect,
            enable_logging=False,
        )

    def _connect(self, **settings: Any) -> Any:
        self._connections += 1
        if self._connections > CONNECTIONS:
            raise ConnectionLostError(f"the server {self._config.hostname}:{self._config.port} ended the stream")
        connection = import_pymysql().connect(**settings)
        if self._gtids is not None:
            with connection.cursor() as cursor:
                cursor.execute("SET @slave_connect_state = %s", (str(self._gtids),))
                # In the strict mode a server that has not got them says so.
                cursor.execute("SET @slave_gtid_strict_mode = 1, @slave_gtid_ignore_duplicates = 0")
        return connection

    def close(self) -> None:
        self._reader.close()

    def next(self) -> Event:
        """Waits, half a second at most if the server is well. Raises `ConnectionLostError`, `BinlogLostError`."""
        pymysql = import_pymysql()
        try:
            event = self._reader.fetchone()
            if event is None:
                raise ConnectionLostError(f"the server {self._config.hostname}:{self._config.port} ended the stream")
            return self._event(event)
        except ConnectError:
            raise
        except (pymysql.Error, OSError) as error:
            raise explained(error, "reading the binary log", self._config) from error
        except Exception as error:
            where = f"{self._reader.log_file}:{self._reader.log_pos}"
            raise ConnectError(f"the binary log cannot be understood before {where}: {error!r}") from error

    def _event(self, event: Any) -> Event:
        end_pos = self._reader.log_pos
        match event:
            case self._rows.TableMapEvent():
                self._maps[event.table_id] = event
                return Passed(0)
            case self._rows.RowsEvent():
                return self._rows_event(event, end_pos)
            case self._events.XidEvent():
                return Commit(end_pos, event.timestamp)
            case self._events.GtidEvent():
                return Begin(event.gtid)
            case self._events.MariadbGtidEvent():
                return Begin(event.gtid)
            case self._events.RotateEvent():
                self._maps.clear()
                return Rotate(event.next_binlog, event.position)
            case self._events.QueryEvent():
                return self._query(event, end_pos)
        return Passed(end_pos if event.timestamp else 0)

    def _query(self, event: Any, end_pos: int) -> Event:
        statement = event.query.strip()
        word = statement.split(None, 1)[0].upper().rstrip(";") if statement else ""
        if word == "BEGIN":
            return Begin(None)
        if word in ("COMMIT", "ROLLBACK") and "TO" not in statement.upper().split():
            return Commit(end_pos, event.timestamp)
        if word in ("SAVEPOINT", "XA", "RELEASE", "ROLLBACK"):
            return Passed(0)
        pos = end_pos - event.packet.event_size
        schema = event.schema.decode("utf-8", "replace")
        return Ddl(schema, statement, pos, end_pos, event.timestamp, event.packet.server_id)

    def _rows_event(self, event: Any, end_pos: int) -> Event:
        mapped = self._maps.get(event.table_id)
        if mapped is None:
            raise ConnectError(f"rows of a table (number {event.table_id}) that the binary log has not described")
        full = f"{mapped.schema}.{mapped.table}"
        if not self._tables.is_captured(full) and full != self._config.signal_table:
            return OtherRows()
        metadata = mapped.optional_metadata
        key = list(metadata.simple_primary_key_list) or list(metadata.primary_keys_with_prefix)
        table = self._tables.of_binlog(mapped.schema, mapped.table, mapped.columns, mapped.null_bitmask, key)
        pos, server = end_pos - event.packet.event_size, event.packet.server_id
        columns = mapped.columns
        if isinstance(event, self._rows.UpdateRowsEvent):
            pairs = [
                (
                    _cells(row["before_values"], row["before_none_sources"], columns),
                    _cells(row["after_values"], row["after_none_sources"], columns),
                )
                for row in event.rows
            ]
            return Rows("u", table, pairs, pos, event.timestamp, server)
        rows = [_cells(row["values"], row["none_sources"], columns) for row in event.rows]
        if isinstance(event, self._rows.DeleteRowsEvent):
            return Rows("d", table, [(row, None) for row in rows], pos, event.timestamp, server)
        return Rows("c", table, [(None, row) for row in rows], pos, event.timestamp, server)


def _cells(values: dict[str, Any], none_sources: dict[str, str], columns: Sequence[Any]) -> list[Any]:
    """A row, with what the library cannot tell apart from null."""
    from pymysqlreplication.constants import FIELD_TYPE, NONE_SOURCE

    cells: list[Any] = []
    for column, (name, value) in zip(columns, values.items(), strict=True):
        if value is None:
            why = none_sources.get(name)
            if why == NONE_SOURCE.EMPTY_SET:
                cells.append(set())
            else:
                cells.append(UNAVAILABLE if why == NONE_SOURCE.COLS_BITMAP else None)
        elif column.type == FIELD_TYPE.JSON:
            cells.append(json.dumps(_plain(value), separators=(",", ":"), ensure_ascii=False))
        else:
            cells.append(value)
    return cells


def _plain(value: Any) -> Any:
    """JSON as the library reads it, with texts for bytes."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, dict):
        return {_plain(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)
