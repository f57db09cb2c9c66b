"""What PostgreSQL refuses, said so that one knows what to do; and which failures may pass by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla.connect.api.errors import ConnectError, RetriableError

if TYPE_CHECKING:
    from ottla.connect.connectors.postgres.config import PostgresConfig


class SlotInUseError(RetriableError):
    """Another process reads from the slot; it may be the one of before that has not noticed its end yet."""


class SlotLostError(ConnectError):
    """What the connector has not read yet is not in the database's log any more."""


class ConnectionLostError(RetriableError):
    """The connection ended, or there is none."""


_PASSING: Final = ("08", "57P0", "53300", "40", "57014")
"""Classes of SQLSTATE that may pass: connections, shutdowns, too many clients, rollbacks."""
_SLOT_GONE: Final = (
    "can no longer get changes",
    "has already been removed",
    "cannot read from logical replication slot",
)


def explained(state: str | None, text: str, doing: str, config: PostgresConfig) -> ConnectError:
    """`state` is the SQLSTATE, `text` what the server says, `doing` what was being done."""
    where = f"{config.hostname}:{config.port}/{config.dbname}"
    said = " ".join(text.split()) or "the connection was lost"
    state = state or _state_of(said)
    hint = _hint(state, said, config)
    full = f"{doing} at {where}: {said}" + (f". {hint}" if hint else "")
    if any(part in said for part in _SLOT_GONE):
        return SlotLostError(full)
    if state == "55006":
        return SlotInUseError(full)
    if state is None or state.startswith(_PASSING):
        return ConnectionLostError(full)
    return ConnectError(full)


def _hint(state: str | None, said: str, config: PostgresConfig) -> str:
    if any(part in said for part in _SLOT_GONE):
        return (
            f"The slot {config.slot_name} fell further behind than max_slot_wal_keep_size allows: changes are lost. "
            f"Drop it (SELECT pg_drop_replication_slot('{config.slot_name}')) and take a new snapshot: "
            "snapshot.mode=when_needed does both"
        )
    if "wal_level" in said:
        return "Set wal_level=logical in postgresql.conf and restart the server"
    if "all replication slots are in use" in said:
        return "Raise max_replication_slots, or drop slots that nobody reads (SELECT * FROM pg_replication_slots)"
    if "max_wal_senders" in said or "number of requested standby connections" in said:
        return "Raise max_wal_senders"
    match state:
        case "28P01" | "28000":
            return "Look at database.user, database.password and pg_hba.conf (also for connections of replication)"
        case "3D000":
            return "Look at database.dbname"
        case "42501":
            return (
                f"The user {config.user} needs ALTER ROLE … REPLICATION, SELECT on the tables, and to create a "
                "publication the tables themselves (for all tables: superuser; see publication.autocreate.mode)"
            )
        case "55006":
            return f"Another connector reads from {config.slot_name}: give each its own slot.name"
        case "42704":
            return "Look at slot.name and publication.name"
    return ""


def _state_of(text: str) -> str | None:
    """libpq tells none of a connection that was refused."""
    if "password authentication failed" in text or "pg_hba.conf" in text:
        return "28P01"
    if "does not exist" in text and "database" in text:
        return "3D000"
    if "permission denied" in text or "must be superuser or replication role" in text:
        return "42501"
    if "max_wal_senders" in text or "number of requested standby connections" in text:
        return "53300"
    return None
