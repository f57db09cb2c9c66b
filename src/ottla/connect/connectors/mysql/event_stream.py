"""The connection over which a server sends its binary log: PyMySQL below, events as they stand in the log above.

MySQL is asked by COM_BINLOG_DUMP for a place in a file, or by COM_BINLOG_DUMP_GTID for all that is not done; MariaDB
for a place, or, when it was told what is done, for a file without a name.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.connectors.mysql.failures import ConnectionLostError, explained
from ottla.connect.connectors.mysql.gtid_set import GtidSet
from ottla.connect.connectors.mysql.log_event import (
    CHECKSUM_BYTES,
    EventCode,
    LogEvent,
    events_of_payload,
    has_checksums,
    log_event,
)
from ottla.connect.connectors.mysql.session import connection_settings, import_pymysql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ottla.connect.connectors.mysql.config import MysqlConfig
    from ottla.connect.connectors.mysql.position import BinlogPosition

SERVER_HEARTBEAT_S: Final = 0.5
"""So often the server says that it is there, so that one may look what else is to do."""
SILENCE_S: Final = 30
_COM_BINLOG_DUMP: Final = 0x12
_COM_BINLOG_DUMP_GTID: Final = 0x1E
_THROUGH_GTID: Final = 4
_FIRST_POS: Final = 4
_CAPABILITY: Final = 4
"""Of a replica of MariaDB: it knows GTIDs."""


class EventStream:
    def __init__(self, config: MysqlConfig, position: BinlogPosition) -> None:
        """From there on; a position without a file is one of GTIDs, and the server finds the place.

        Raises `ConnectionLostError`, or whatever `explained` makes of what the server refuses.
        """
        self._config = config
        self._pymysql = import_pymysql()
        self._payload: Iterator[LogEvent] = iter(())
        """What is left of a compressed transaction."""
        self._checksum_bytes = 0
        try:
            self._connection: Any = self._pymysql.connect(**connection_settings(config, SILENCE_S))
        except self._pymysql.Error as error:
            raise explained(error, "connecting", config) from error
        try:
            self._ask(position)
        except (self._pymysql.Error, OSError) as error:
            self.close()
            raise explained(error, "asking for the binary log", config) from error

    def close(self) -> None:
        self._connection.close()

    def next(self) -> LogEvent:
        """Waits, half a second at most if the server is well.

        Raises `ConnectionLostError`, `BinlogLostError`; `PayloadError`, `struct.error` or `IndexError` for what is no
        event.
        """
        event = next(self._payload, None)
        if event is not None:
            return event
        try:
            packet = self._connection._read_packet()
        except (self._pymysql.Error, OSError) as error:
            raise explained(error, "reading the binary log", self._config) from error
        if packet.is_eof_packet():
            raise ConnectionLostError(f"the server {self._config.hostname}:{self._config.port} ended the stream")
        event = log_event(packet.get_all_data()[1:], self._checksum_bytes)
        if event.code == EventCode.FORMAT_DESCRIPTION:
            self._checksum_bytes = CHECKSUM_BYTES if has_checksums(event) else 0
        elif event.code == EventCode.TRANSACTION_PAYLOAD:
            self._payload = events_of_payload(event)
            return next(self._payload, event)
        return event

    def _ask(self, position: BinlogPosition) -> None:
        period = int(SERVER_HEARTBEAT_S * 1e9)
        with self._connection.cursor() as cursor:
            cursor.execute("SELECT @@GLOBAL.binlog_checksum")
            (checksum,) = cursor.fetchone()
            # What stands before the first format description has one, too, if the server has been told that it may.
            self._checksum_bytes = CHECKSUM_BYTES if checksum != "NONE" else 0
            for name in ("source", "master"):  # MySQL's word of now, and the one of before and of MariaDB
                cursor.execute(f"SET @{name}_binlog_checksum = %s, @{name}_heartbeat_period = %s", (checksum, period))
            cursor.execute("SET @mariadb_slave_capability = %s", (_CAPABILITY,))
            if not position.file and not isinstance(position.gtids, GtidSet):
                cursor.execute("SET @slave_connect_state = %s", (str(position.gtids),))
                # In the strict mode a server that has not got them says so.
                cursor.execute("SET @slave_gtid_strict_mode = 1, @slave_gtid_ignore_duplicates = 0")
        server_id = self._config.server_id
        if not position.file and isinstance(position.gtids, GtidSet):
            done = position.gtids.encoded()
            asked = struct.pack("<HIIQI", _THROUGH_GTID, server_id, 0, _FIRST_POS, len(done)) + done
            self._connection._execute_command(_COM_BINLOG_DUMP_GTID, asked)
        else:
            asked = struct.pack("<IHI", position.pos, 0, server_id) + position.file.encode()
            self._connection._execute_command(_COM_BINLOG_DUMP, asked)
