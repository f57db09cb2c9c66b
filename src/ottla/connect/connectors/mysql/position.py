"""How far a connector is in a binary log: what stands as a source offset, under the names of Debezium's connectors.

file, pos       where the stream begins again: all that committed before is done
event, row      of the transaction there: so many of its events with rows are done, and so many rows of the next
ts_sec          when the last of them was
snapshot, snapshot_completed      as in `connect/connectors/postgres/position.py`
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ottla.connect.api.errors import ConnectError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class BinlogPosition:
    file: str
    pos: int
    events: int = 0
    rows: int = 0
    ts_s: int = 0

    def committed(self, pos: int, ts_s: int = 0) -> BinlogPosition:
        return BinlogPosition(self.file, pos, ts_s=ts_s or self.ts_s)

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
        return offset

    @classmethod
    def of(cls, offset: Mapping[str, Any]) -> BinlogPosition:
        """Raises `ConnectError` for an offset that says nothing of the kind."""
        try:
            numbers = [int(offset.get(key) or 0) for key in ("event", "row", "ts_sec")]
            file = offset["file"]
            if not isinstance(file, str):
                raise TypeError("file is no text")
            return cls(file, int(offset["pos"]), *numbers)
        except (KeyError, TypeError, ValueError) as error:
            raise ConnectError(f"the stored offset {dict(offset)} is none of a binary log: {error!r}") from error

    def __str__(self) -> str:
        return f"{self.file}:{self.pos}"
