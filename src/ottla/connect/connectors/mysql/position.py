"""How far a connector is in a binary log: what stands as a source offset, under the names of Debezium's connectors.

file, pos       where the stream begins again: all that committed before is done
event, row      of the transaction there: so many of its events with rows are done, and so many rows of the next
ts_sec          when the last of them was
gtids           what is done in terms of any server (MariaDB's or MySQL's): in another one's log the stream begins there
log_server_id   whose log `file` is; Ottla's own, by which its offsets are told from Debezium's
snapshot, snapshot_completed      as in `connect/connectors/postgres/position.py`
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import ConnectError
from ottla.connect.connectors.mysql.gtid_set import GtidSet
from ottla.connect.connectors.mysql.gtids import Gtids

if TYPE_CHECKING:
    from collections.abc import Mapping

FIRST_POS: Final = 4
"""Where the first event of a file stands."""


@dataclass(frozen=True, slots=True)
class BinlogPosition:
    file: str
    pos: int
    events: int = 0
    rows: int = 0
    ts_s: int = 0
    gtids: Gtids | GtidSet | None = None
    """`None`: the server has none, or they are not known."""
    server: int = 0
    """The `server_id` of whoever has the file; 0: not known."""

    def committed(self, file: str, pos: int, ts_s: int) -> BinlogPosition:
        """Between two transactions."""
        return replace(self, file=file, pos=pos, events=0, rows=0, ts_s=ts_s)

    def by_gtids(self) -> BinlogPosition:
        """Wherever a server has what is to come. A transaction of which some events are done comes whole."""
        return self.committed("", FIRST_POS, self.ts_s)

    def within(self, events: int, rows: int, ts_s: int) -> BinlogPosition:
        return replace(self, events=events, rows=rows, ts_s=ts_s)

    def offset(self) -> dict[str, Any]:
        offset: dict[str, Any] = {"file": self.file, "pos": self.pos}
        if self.events:
            offset["event"] = self.events
        if self.rows:
            offset["row"] = self.rows
        if self.ts_s:
            offset["ts_sec"] = self.ts_s
        if self.gtids is not None:
            offset["gtids"] = str(self.gtids)
        if self.server:
            offset["log_server_id"] = self.server
        return offset

    @classmethod
    def of(cls, offset: Mapping[str, Any]) -> BinlogPosition:
        """Raises `ConnectError` for an offset that says nothing of the kind."""
        try:
            keys = ("event", "row", "ts_sec", "log_server_id")
            events, rows, ts_s, server = (int(offset.get(key) or 0) for key in keys)
            if not server:  # it is Debezium's, which counts other events, too: the transaction comes whole
                events = rows = 0
            file = offset["file"]
            if not isinstance(file, str):
                raise TypeError("file is no text")
            gtids = offset.get("gtids")
            known = (Gtids.parse(gtids) or GtidSet.parse(gtids)) if isinstance(gtids, str) else None
            return cls(file, int(offset["pos"]), events, rows, ts_s, known, server)
        except (KeyError, TypeError, ValueError) as error:
            raise ConnectError(f"the stored offset {dict(offset)} is none of a binary log: {error!r}") from error

    def __str__(self) -> str:
        return f"{self.file}:{self.pos}" if self.file else f"GTID {self.gtids}"
