"""What MySQL and MariaDB refuse, said so that one knows what to do; and which failures may pass by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla.connect.api.errors import ConnectError, RetriableError

if TYPE_CHECKING:
    from ottla.connect.connectors.mysql.config import MysqlConfig


class ConnectionLostError(RetriableError):
    """The connection ended, or there is none."""


class BinlogLostError(ConnectError):
    """What the connector has not read yet is not in the server's binary log any more."""


_LOST: Final = "Take a new snapshot: snapshot.mode=when_needed does, or delete the connector's offsets"
_DOUBLED: Final = "with the same server_uuid/server_id"
_ONE_EACH: Final = "Give each connector a database.server.id of its own"
_PASSING: Final = frozenset({1040, 1042, 1053, 1129, 1158, 1159, 1160, 1161, 1205, 1213, 2002, 2003, 2006, 2013, 2055})
_HINTS: Final = {
    1045: "Look at database.user and database.password",
    1044: "The user needs SELECT on the tables",
    1142: "The user needs SELECT on the tables",
    1227: "The user needs REPLICATION SLAVE, REPLICATION CLIENT (MariaDB: BINLOG MONITOR) and, for a snapshot, RELOAD",
    1236: _LOST,
}


def explained(error: Exception, doing: str, config: MysqlConfig) -> ConnectError:
    """Of an error of PyMySQL: (number, text)."""
    number = error.args[0] if error.args and isinstance(error.args[0], int) else None
    said = " ".join(str(error.args[1] if len(error.args) > 1 else error).split())
    is_doubled = _DOUBLED in said
    hint = _ONE_EACH if is_doubled else _HINTS.get(number or 0)
    text = f"{doing} at {config.hostname}:{config.port}: {said}" + (f". {hint}" if hint else "")
    if number == 1236 and not is_doubled:
        return BinlogLostError(text)
    if number is None or number in _PASSING or number == 0:
        return ConnectionLostError(text)
    return ConnectError(text)
