"""How far the connector is: what stands as a source offset, under the names of Debezium's connector.

lsn_commit                              where the stream begins again: all that committed before is done
txId, lsn, lsn_events_processed         of a transaction that is being sent: its id, the place of the last event
                                        that is done, and how many events at that place are
ts_usec                                 when the last transaction committed
snapshot, snapshot_completed,           while a snapshot is under way; with its last record it is complete
last_snapshot_record
snapshot_lsn, snapshot_visible          transactions before that place that the snapshot has seen
                                        (xmin:xmax:xid,…) are left out of the stream; Ottla's own
incremental_snapshot                    an incremental snapshot under way, as JSON; Ottla's own
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import ConnectError

if TYPE_CHECKING:
    from collections.abc import Mapping

_XID_BITS: Final = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Position:
    lsn_commit: int
    commit_us: int | None = None
    xid: int | None = None
    """`None`: between two transactions."""
    lsn: int | None = None
    events: int = 0

    def committed(self, end_lsn: int, commit_us: int | None = None) -> Position:
        return Position(end_lsn, commit_us or self.commit_us)

    def within(self, xid: int, lsn: int, events: int, commit_us: int) -> Position:
        return Position(self.lsn_commit, commit_us, xid, lsn, events)

    def offset(self) -> dict[str, Any]:
        offset: dict[str, Any] = {"lsn_commit": self.lsn_commit, "lsn_proc": self.lsn_commit, "lsn": self.lsn_commit}
        if self.commit_us is not None:
            offset["ts_usec"] = self.commit_us
        if self.xid is not None and self.lsn is not None:
            offset |= {"txId": self.xid, "lsn": self.lsn, "lsn_events_processed": self.events}
        return offset

    @classmethod
    def of(cls, offset: Mapping[str, Any]) -> Position:
        """Raises `ConnectError` for an offset that says nothing of the kind."""
        try:
            lsn_commit = offset.get("lsn_commit") or offset.get("lsn_proc") or offset["lsn"]
            position = cls(int(lsn_commit), _number(offset, "ts_usec"))
            xid, lsn = _number(offset, "txId"), _number(offset, "lsn")
            events = _number(offset, "lsn_events_processed")
        except (KeyError, TypeError, ValueError) as error:
            raise ConnectError(
                f"the stored offset {dict(offset)} is none of a PostgreSQL connector: {error!r}"
            ) from error
        if xid is not None and lsn is not None and events:
            return replace(position, xid=xid & _XID_BITS, lsn=lsn, events=events)
        return position


def _number(offset: Mapping[str, Any], key: str) -> int | None:
    value = offset.get(key)
    return None if value is None else int(value)


def snapshot_offset(position: Position, *, is_last: bool) -> dict[str, Any]:
    """Of a record of the first snapshot."""
    state = {"snapshot": "initial", "snapshot_completed": is_last, "last_snapshot_record": is_last}
    return position.offset() | state


def snapshot_is_under_way(offset: Mapping[str, Any]) -> bool:
    """A snapshot had begun, and its last record was not stored: it has to be taken anew."""
    return bool(offset.get("snapshot")) and not (offset.get("snapshot_completed") or offset.get("last_snapshot_record"))
