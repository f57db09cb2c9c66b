"""The replication slot: what makes the server keep its log until this connector has read it; and what it tells: the
publication, and the replica identities of its tables."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from ottla.connect.api.errors import ConnectError
from ottla.connect.connectors.postgres.failures import ConnectionLostError, SlotLostError
from ottla.connect.connectors.postgres.lsn import format_lsn, parse_lsn
from ottla.connect.connectors.postgres.session import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ottla.connect.connectors.postgres.config import PostgresConfig
    from ottla.connect.connectors.postgres.position import Position
    from ottla.connect.connectors.postgres.session import Session

_log = logging.getLogger("ottla.connect.cdc.postgres")
LAG_WARNING_DEFAULT: Final = 1 << 30
"""Bytes, where max_slot_wal_keep_size sets no bound; otherwise half of that."""
LAG_CHECK_S: Final = 10.0
WARN_AGAIN_S: Final = 300.0
_MIB: Final = 1 << 20
WITH_WAL_STATUS: Final = 130_000
MESSAGES_SINCE: Final = 140_000


class Slot(NamedTuple):
    confirmed_lsn: int
    is_active: bool
    wal_status: str
    """`reserved`, `extended`, `unreserved`, `lost`."""


def check_server(session: Session, config: PostgresConfig) -> None:
    """Raises `ConnectError` where changes cannot be read at all."""
    if session.server_version < 100_000:
        raise ConnectError(f"PostgreSQL {session.server_version // 10_000} has no pgoutput; version 10 is the first")
    (level,) = session.rows("SELECT pg_catalog.current_setting('wal_level')")[0]
    if level != "logical":
        raise ConnectError(
            f"the server {config.hostname}:{config.port} has wal_level={level}; logical replication needs "
            "wal_level=logical in postgresql.conf, and a restart"
        )
    (may,) = session.rows(
        "SELECT rolreplication OR rolsuper OR EXISTS (SELECT 1 FROM pg_catalog.pg_roles g WHERE g.rolname IN "
        "('rds_replication', 'rdsadmin') AND pg_catalog.pg_has_role(current_user, g.oid, 'member')) "
        "FROM pg_catalog.pg_roles WHERE rolname = current_user"
    )[0]
    if not may:
        raise ConnectError(f"the user {config.user} may not replicate: ALTER ROLE {quoted(config.user)} REPLICATION")


def find_slot(session: Session, config: PostgresConfig) -> Slot | None:
    """Raises `ConnectError` if the slot is one of another kind or database, `SlotLostError` if it is of no use."""
    status = "wal_status" if session.server_version >= WITH_WAL_STATUS else "'reserved'"
    rows = session.rows(
        f"SELECT plugin, database, confirmed_flush_lsn::text, active, {status} "
        "FROM pg_catalog.pg_replication_slots WHERE slot_name = %s",
        (config.slot_name,),
    )
    if not rows:
        return None
    plugin, database, confirmed, active, wal_status = rows[0]
    if plugin != "pgoutput" or database != config.dbname:
        raise ConnectError(
            f"the replication slot {config.slot_name} is there already, for the plugin {plugin} and the database "
            f"{database}; choose another slot.name"
        )
    if wal_status == "lost":
        raise SlotLostError(
            f"the replication slot {config.slot_name} fell further behind than max_slot_wal_keep_size allows, and "
            f"changes are lost. Drop it (SELECT pg_drop_replication_slot('{config.slot_name}')) and take a new "
            "snapshot: snapshot.mode=when_needed does both"
        )
    return Slot(parse_lsn(confirmed) if confirmed else 0, bool(active), wal_status or "lost")


def check_position(slot: Slot, position: Position, config: PostgresConfig) -> None:
    """Raises `SlotLostError` if the slot has passed what is not stored yet."""
    if slot.confirmed_lsn <= position.lsn_commit or config.trusts_slot:
        return
    raise SlotLostError(
        f"the replication slot {config.slot_name} stands at {format_lsn(slot.confirmed_lsn)}, behind the stored offset "
        f"{format_lsn(position.lsn_commit)}: changes between them are lost (somebody else read from the slot, or made "
        "it anew). Take a new snapshot (snapshot.mode=when_needed does), or go on without them "
        "(offset.mismatch.strategy=trust_slot)"
    )


def drop_slot(session: Session, config: PostgresConfig) -> None:
    doing = f"dropping the replication slot {config.slot_name}"
    session.execute("SELECT pg_catalog.pg_drop_replication_slot(%s)", (config.slot_name,), doing=doing)


# The publication


def ensure_publication(session: Session, config: PostgresConfig, tables: Sequence[tuple[str, str]]) -> None:
    """There is one that tells of `tables`; made, if need be, as `publication.autocreate.mode` says."""
    name, mode = config.publication_name, config.autocreate_mode
    doing = f"making the publication {name} ({mode})"
    rows = session.rows("SELECT puballtables FROM pg_catalog.pg_publication WHERE pubname = %s", (name,))
    published = quoted(name)
    root = " WITH (publish_via_partition_root = true)" if config.via_root and session.server_version >= 130_000 else ""
    listed = ", ".join(quoted(*table) for table in tables)
    if not rows:
        if mode == "disabled":
            raise ConnectError(
                f"there is no publication {name}, and publication.autocreate.mode=disabled; make one: "
                f"CREATE PUBLICATION {published} FOR TABLE …"
            )
        if mode == "filtered" and not tables:
            raise ConnectError("no table matches table.include.list and table.exclude.list: a publication needs one")
        what = {"all_tables": " FOR ALL TABLES", "filtered": f" FOR TABLE {listed}", "no_tables": ""}[mode]
        session.execute(f"CREATE PUBLICATION {published}{what}{root}", doing=doing)
        return
    if mode == "filtered" and not rows[0][0] and tables:
        have = set(
            session.rows(
                "SELECT schemaname, tablename FROM pg_catalog.pg_publication_tables WHERE pubname = %s", (name,)
            )
        )
        missing = [table for table in tables if table not in have]
        if missing:
            added = ", ".join(quoted(*table) for table in missing)
            session.execute(f"ALTER PUBLICATION {published} ADD TABLE {added}", doing=doing)


def ensure_replica_identities(session: Session, config: PostgresConfig, tables: Sequence[tuple[str, str]]) -> None:
    """As `replica.identity.autoset.values` says; a table that the user may not alter is warned of."""
    for path in tables:
        name = ".".join(path)
        identity = config.identities.of(name)
        if identity is None:
            continue
        rows = session.rows(
            "SELECT c.relreplident::text, x.relname FROM pg_catalog.pg_class c "
            "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
            "LEFT JOIN pg_catalog.pg_index i ON i.indrelid = c.oid AND i.indisreplident "
            "LEFT JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid WHERE n.nspname = %s AND c.relname = %s",
            path,
        )
        is_index = identity.letter == "i"
        if not rows or rows[0] == (identity.letter, identity.wanted if is_index else rows[0][1]):
            continue
        wanted = f"USING INDEX {quoted(identity.wanted)}" if is_index else identity.wanted
        statement = f"ALTER TABLE {quoted(*path)} REPLICA IDENTITY {wanted}"
        try:
            session.execute(statement, doing=f"setting the replica identity of {name}")
        except ConnectionLostError:
            raise
        except ConnectError as error:
            _log.warning("%s", error)
        else:
            _log.info("%s", statement)


class SlotWatch:
    """How far the slot is behind: told as metrics, and as a warning with what to do."""

    def __init__(self, config: PostgresConfig) -> None:
        self._config = config
        self._next_s = 0.0
        self._warned_s: float | None = None
        self.metrics: dict[str, float] = {}

    def due(self) -> bool:
        return time.monotonic() >= self._next_s

    def look(self, session: Session) -> None:
        self._next_s = time.monotonic() + LAG_CHECK_S
        status = "wal_status" if session.server_version >= WITH_WAL_STATUS else "'reserved'"
        rows = session.rows(
            f"SELECT pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), confirmed_flush_lsn)::bigint, "
            f"pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), restart_lsn)::bigint, {status}, "
            "(SELECT setting::bigint FROM pg_catalog.pg_settings WHERE name = 'max_slot_wal_keep_size') "
            "FROM pg_catalog.pg_replication_slots WHERE slot_name = %s",
            (self._config.slot_name,),
        )
        if not rows:
            return
        lag, kept, wal_status, bound_mib = rows[0]
        bound = bound_mib * _MIB if bound_mib is not None and bound_mib > 0 else None
        self.metrics = {
            "replication-slot-lag-bytes": float(lag or 0),
            "replication-slot-kept-wal-bytes": float(kept or 0),
            "replication-slot-wal-bound-bytes": float(bound if bound is not None else -1),
        }
        self._warn(int(kept or 0), bound, wal_status)

    def _warn(self, kept: int, bound: int | None, wal_status: str | None) -> None:
        limit = self._config.lag_warning_bytes or (bound // 2 if bound is not None else LAG_WARNING_DEFAULT)
        in_danger = wal_status in ("unreserved", "lost")
        if kept < limit and not in_danger:
            self._warned_s = None
            return
        now = time.monotonic()
        if self._warned_s is not None and now < self._warned_s + WARN_AGAIN_S:
            return
        self._warned_s = now
        bounded = (
            f"beyond {bound:,} bytes (max_slot_wal_keep_size) the slot is lost and a new snapshot is needed"
            if bound is not None
            else "without a bound (max_slot_wal_keep_size) it fills the server's disk"
        )
        _log.warning(
            "the replication slot %s keeps %s bytes of the server's log (%s); %s. Look whether this connector keeps "
            "up, whether a transaction stays open for long, and whether heartbeats are on",
            self._config.slot_name,
            f"{kept:,}",
            wal_status or "lost",
            bounded,
        )

    def told(self) -> Mapping[str, float]:
        return self.metrics
