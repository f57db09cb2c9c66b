"""The binary log, event by event, as this connector thinks of it."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ottla.connect.api.errors import ConnectError
from ottla.connect.connectors.mysql.cells import cell_reader
from ottla.connect.connectors.mysql.event_stream import EventStream
from ottla.connect.connectors.mysql.gtid_event import gtid_of_event
from ottla.connect.connectors.mysql.gtid_set import GtidSet
from ottla.connect.connectors.mysql.log_event import EventCode, uncompressed
from ottla.connect.connectors.mysql.partial_update import partial_rows_of
from ottla.connect.connectors.mysql.rows_event import KINDS, rows_of
from ottla.connect.connectors.mysql.table_map import table_id, table_map, table_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ottla.connect.connectors.cdc.table import CapturedTable
    from ottla.connect.connectors.mysql.cells import Reader
    from ottla.connect.connectors.mysql.config import MysqlConfig
    from ottla.connect.connectors.mysql.log_event import LogEvent
    from ottla.connect.connectors.mysql.position import BinlogPosition
    from ottla.connect.connectors.mysql.table_map import TableMap
    from ottla.connect.connectors.mysql.tables import Tables

MAPS_MAX: Final = 10_000
"""So many descriptions of tables are remembered, as bytes and as what they say."""
_STARTS_TRANSACTION: Final = re.compile(r"\bSTART\s+TRANSACTION\s*$", re.IGNORECASE)
_QUERY: Final = struct.Struct("<IIBHH")


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
    commits: bool = True
    """But for CREATE TABLE … SELECT of MySQL, behind which the rows of the same transaction come."""


class Rotate(NamedTuple):
    file: str
    pos: int


class Passed(NamedTuple):
    """Nothing of interest; the end of what was read."""

    end_pos: int


class Done(NamedTuple):
    """What is done where a file begins."""

    gtids: GtidSet


class OtherRows(NamedTuple):
    """Rows of a table that is not captured."""


Event = Rows | OtherRows | Begin | Commit | Ddl | Rotate | Passed | Done


class _Described(NamedTuple):
    map: TableMap
    readers: Sequence[Reader]


class Binlog:
    def __init__(
        self,
        config: MysqlConfig,
        tables: Tables,
        position: BinlogPosition,
        charsets: Mapping[int, str],
        *,
        is_mariadb: bool,
    ) -> None:
        """The stream from there on, see `EventStream`. `charsets`: of collations by their number."""
        self._config = config
        self._tables = tables
        self._charsets = charsets
        self._is_mariadb = is_mariadb
        self._where = str(position)
        self._maps: dict[int, _Described | None] = {}
        """Of the file that is read; `None`: the table is not captured."""
        self._known: dict[bytes, _Described] = {}
        self._stream = EventStream(config, position)

    def close(self) -> None:
        self._stream.close()

    def next(self) -> Event:
        """Waits, half a second at most if the server is well. Raises `ConnectionLostError`, `BinlogLostError`."""
        try:
            event = self._stream.next()
            if event.end_pos:
                self._where = str(event.end_pos)
            return self._event(event)
        except ConnectError:
            raise
        except Exception as error:
            raise ConnectError(f"the binary log cannot be understood before {self._where}: {error!r}") from error

    def _event(self, event: LogEvent) -> Event:
        body = event.body
        if event.code in KINDS:
            return self._rows(event)
        match event.code:
            case EventCode.TABLE_MAP:
                self._describe(body)
                return Passed(0)
            case EventCode.XID | EventCode.XA_PREPARE:
                return Commit(event.end_pos, event.ts_s)
            case EventCode.GTID | EventCode.GTID_TAGGED | EventCode.MARIADB_GTID:
                return Begin(gtid_of_event(event))
            case EventCode.ANONYMOUS_GTID:
                return Begin(None)
            case EventCode.PREVIOUS_GTIDS:
                return Done(GtidSet.decode(body))
            case EventCode.ROTATE:
                self._maps.clear()
                return Rotate(body[8:].decode(), int.from_bytes(body[:8], "little"))
            case EventCode.QUERY | EventCode.MARIADB_QUERY_COMPRESSED:
                return self._query(event)
            case EventCode.PARTIAL_UPDATE_ROWS:
                return self._partial(event)
        return Passed(event.end_pos if event.ts_s else 0)

    def _query(self, event: LogEvent) -> Event:
        _, _, schema_length, _, status_length = _QUERY.unpack_from(event.body)
        begin = _QUERY.size + status_length
        schema = event.body[begin : begin + schema_length].decode("utf-8", "replace")
        text = event.body[begin + schema_length + 1 :]
        if event.code == EventCode.MARIADB_QUERY_COMPRESSED:
            text = uncompressed(text)
        statement = text.decode("utf-8", "replace").strip()
        words = [word.rstrip(";") for word in statement.upper().split(None, 2)[:2]]
        match words:
            case ["BEGIN", *_]:
                return Begin(None)
            case ["XA", "COMMIT" | "ROLLBACK"]:
                return Commit(event.end_pos, event.ts_s)
            case ["COMMIT" | "ROLLBACK", *_] if "TO" not in statement.upper().split():
                return Commit(event.end_pos, event.ts_s)
            case ["SAVEPOINT" | "XA" | "RELEASE" | "ROLLBACK", *_]:
                return Passed(0)
        commits = _STARTS_TRANSACTION.search(statement) is None
        return Ddl(schema, statement, event.pos, event.end_pos, event.ts_s, event.server_id, commits)

    def _describe(self, body: bytes) -> None:
        name = table_name(body)
        found = None
        if self._tables.is_captured(name.full) or name.full == self._config.signal_table:
            said = body[6:]  # the rest is the number of the table
            found = self._known.get(said)
            if found is None:
                described = table_map(body, self._charsets, is_mariadb=self._is_mariadb)
                found = _Described(described, [cell_reader(each, name.full) for each in described.columns])
                if len(self._known) >= MAPS_MAX:
                    self._known.clear()
                self._known[said] = found
        if len(self._maps) >= MAPS_MAX:
            self._maps.clear()
        self._maps[table_id(body)] = found

    def _described(self, body: bytes) -> _Described | None:
        number = table_id(body)
        if number not in self._maps:
            raise ConnectError(f"rows of a table (number {number}) that the binary log has not described")
        return self._maps[number]

    def _rows(self, event: LogEvent) -> Event:
        described = self._described(event.body)
        if described is None:
            return OtherRows()
        code = EventCode(event.code)
        table = self._tables.of_binlog(described.map)
        rows = rows_of(code, event.body, described.readers)
        return Rows(KINDS[code], table, rows, event.pos, event.ts_s, event.server_id)

    def _partial(self, event: LogEvent) -> Event:
        described = self._described(event.body)
        if described is None:
            return OtherRows()
        table = self._tables.of_binlog(described.map)
        rows = partial_rows_of(event.body, described.map.columns, described.readers)
        return Rows("u", table, rows, event.pos, event.ts_s, event.server_id)
