"""Where a server's binary log is, and where in it a stream goes on that was read up to some position.

By file and position as long as it is the same server's log; in another one's by global transaction ids, of MariaDB or
of MySQL (`gtid_mode=ON`). `gtid.source.includes` and `excludes` say whose transactions count: others pass for done.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ottla.connect.api.errors import ConnectError
from ottla.connect.connectors.cdc.text import text_of
from ottla.connect.connectors.mysql.failures import BinlogLostError, ConnectionLostError
from ottla.connect.connectors.mysql.gtid_set import GtidSet
from ottla.connect.connectors.mysql.gtids import Gtids
from ottla.connect.connectors.mysql.position import FIRST_POS, BinlogPosition

if TYPE_CHECKING:
    from ottla.connect.connectors.mysql.config import MysqlConfig
    from ottla.connect.connectors.mysql.session import Session

_GTID_NEXT: Final = re.compile(r"GTID_NEXT\s*=\s*'([^']+)'", re.IGNORECASE)
_HOW_TO_GO_ON: Final = "Take a new snapshot: snapshot.mode=when_needed does, or delete the connector's offsets"


class ServerLog:
    def __init__(self, config: MysqlConfig, session: Session) -> None:
        self._config = config
        self._session = session
        (server_id,) = session.rows("SELECT @@server_id")[0]
        self._server_id = int(server_id)
        self._has_gtids = session.is_mariadb
        if not session.is_mariadb:
            (mode,) = session.rows("SELECT @@GLOBAL.gtid_mode")[0]
            self._has_gtids = text_of(mode) == "ON"
        if config.read_only and not self._has_gtids:
            raise ConnectError(f"read.only=true needs gtid_mode=ON on the server {self._address}")

    def current(self) -> BinlogPosition:
        """Raises `ConnectError`."""
        for statement in ("SHOW MASTER STATUS", "SHOW BINARY LOG STATUS"):
            try:
                rows = self._session.rows(statement, doing="asking where the binary log is")
            except ConnectionLostError:
                raise
            except ConnectError:
                if statement != "SHOW MASTER STATUS":
                    raise
                continue  # from MySQL 8.4 on it has the other name
            if rows:
                position = BinlogPosition(rows[0][0], int(rows[0][1]), server=self._server_id)
                if self._session.is_mariadb:
                    return self.with_gtids(position)
                return replace(position, gtids=GtidSet.parse(text_of(rows[0][4])) if self._has_gtids else None)
        raise ConnectError("the server writes no binary log")

    def with_gtids(self, position: BinlogPosition) -> BinlogPosition:
        """What is done there, as any server of the topology understands it; MySQL does not tell it of any place."""
        if not self._session.is_mariadb:
            return replace(position, server=self._server_id)
        return replace(position, gtids=self._domains_at(position), server=self._server_id)

    def found(self, position: BinlogPosition) -> BinlogPosition:
        """Where the stream goes on: there, or, in the log of another server, behind what is done.

        Raises `BinlogLostError` if the log was purged, `ConnectionLostError` if the server is not that far yet.
        """
        if position.gtids is not None and self._has_gtids:
            kind = Gtids if self._session.is_mariadb else GtidSet
            if str(position.gtids) and not isinstance(position.gtids, kind):
                raise self._lags("transactions of another kind", position.gtids)
            return self._by_domains(position) if self._session.is_mariadb else self._by_set(position)
        if position.server not in (0, self._server_id):
            raise BinlogLostError(
                f"the binary log of the server with server_id={position.server} was read up to {position}; that of the "
                f"server {self._address} (server_id={self._server_id}) is another, and no GTIDs say where to go on. "
                + _HOW_TO_GO_ON
            )
        files = self._files()
        if position.file not in files:
            raise BinlogLostError(
                f"the binary log {position.file}, up to which changes were read, is not on the server any more (it has "
                f"{next(iter(files), 'none')} and later): changes are lost. {_HOW_TO_GO_ON}"
            )
        return self.with_gtids(position)

    @property
    def _address(self) -> str:
        return f"{self._config.hostname}:{self._config.port}"

    def _files(self) -> dict[str, int]:
        """Each with its size."""
        rows = self._session.rows("SHOW BINARY LOGS", doing="asking for the binary logs")
        return {row[0]: int(row[1]) for row in rows}

    def _lags(self, done: object, read: object) -> ConnectionLostError:
        return ConnectionLostError(
            f"the server {self._address} has done {str(done) or 'nothing'}, and changes up to {read} were read "
            "already: it is a replica that lags, or another cluster"
        )

    # MariaDB

    def _domains_at(self, position: BinlogPosition) -> Gtids | None:
        """`None`: there is no such place in its log."""
        rows = self._session.rows("SELECT BINLOG_GTID_POS(%s, %s)", (position.file, position.pos))
        return None if rows[0][0] is None else Gtids.parse(text_of(rows[0][0]))

    def _by_domains(self, position: BinlogPosition) -> BinlogPosition:
        known = position.gtids if isinstance(position.gtids, Gtids) else Gtids({})
        is_same = position.server in (0, self._server_id)
        if position.file and is_same and self._domains_at(position) == known:
            return replace(position, gtids=known, server=self._server_id)
        (has,) = self._session.rows("SELECT @@GLOBAL.gtid_binlog_pos")[0]
        done = Gtids.parse(text_of(has)) or Gtids({})
        counts = self._config.gtid_sources.matches
        known = known.of_domains(counts)
        if known.beyond(done):
            raise self._lags(done, known)
        others = done.of_domains(lambda domain: not counts(domain))
        return replace(position.by_gtids(), gtids=Gtids({**known.last, **others.last}), server=self._server_id)

    # MySQL

    def _by_set(self, position: BinlogPosition) -> BinlogPosition:
        known = position.gtids if isinstance(position.gtids, GtidSet) else GtidSet({})
        texts = self._session.rows("SELECT @@GLOBAL.gtid_executed, @@GLOBAL.gtid_purged")[0]
        done, purged = (GtidSet.parse(text_of(text)) or GtidSet({}) for text in texts)
        counts = self._config.gtid_sources.matches
        known_of_ours = known.of_sources(counts)
        if known_of_ours - done:
            raise self._lags(done, known)
        if position.file and position.server in (0, self._server_id) and self._goes_on(position, known):
            return replace(position, gtids=known, server=self._server_id)
        begins = known_of_ours | done.of_sources(lambda source: not counts(source))
        lost = purged - begins
        if lost:
            raise BinlogLostError(
                f"the server {self._address} has purged {lost} from its binary log, which was not read yet: changes "
                f"are lost. {_HOW_TO_GO_ON}"
            )
        return replace(position.by_gtids(), gtids=begins, server=self._server_id)

    def _goes_on(self, position: BinlogPosition, known: GtidSet) -> bool:
        """Whether what stands there is what comes behind these, as it is in the log that was read."""
        size = self._files().get(position.file)
        if size is None or not FIRST_POS <= position.pos <= size:
            return False
        if position.pos == size:
            return True
        try:
            rows = self._session.rows(
                f"SHOW BINLOG EVENTS IN %s FROM {position.pos} LIMIT 1", (position.file,), "looking at the binary log"
            )
        except ConnectionLostError:
            raise
        except ConnectError:  # no event begins there
            return False
        named = _GTID_NEXT.search(text_of(rows[0][5])) if rows else None
        following = GtidSet.parse(named[1]) if named is not None else None
        return following is None or bool(following - known)
