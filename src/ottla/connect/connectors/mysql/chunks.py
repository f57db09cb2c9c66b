"""Reads the chunks of an incremental snapshot, between the two signals that mark its window in the stream.

With `read.only` nothing marks it: the window is open at once, when the stream cannot be further than the chunk, and is
closed when the stream has all that was done by the time that the chunk was read.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from ottla.connect.connectors.cdc.incremental_snapshot import Chunk
from ottla.connect.connectors.mysql.session import quoted

if TYPE_CHECKING:
    from ottla.connect.connectors.cdc.incremental_snapshot import IncrementalSnapshot
    from ottla.connect.connectors.cdc.table import CapturedTable
    from ottla.connect.connectors.mysql.config import MysqlConfig
    from ottla.connect.connectors.mysql.session import Session
    from ottla.connect.connectors.mysql.tables import Tables


def read_chunk(config: MysqlConfig, session: Session, tables: Tables, snapshot: IncrementalSnapshot) -> str | None:
    """The next chunk; what it holds comes with the stream. The name of its window; `None`: there is nothing to read."""
    wanted = snapshot.current
    assert wanted is not None
    path = next((each for each in tables.captured(session) if ".".join(each) == wanted.table), None)
    readable = tables.from_catalog(session, *path) if path is not None else None
    if readable is None:
        snapshot.leave_out("it is not there any more, or not captured")
        return None
    table = readable.table
    if not table.has_whole_key:
        snapshot.leave_out("it has no key that is never null, by which chunks are read")
        return None
    doing = f"reading a chunk of {table.name}"
    names = [quoted(table.columns[place].name) for place in table.key_places]
    conditions = [f"({wanted.condition.replace('%', '%%')})"] if wanted.condition else []
    if snapshot.maximum_key is None:
        where = f" WHERE {conditions[0]}" if conditions else ""
        order = ", ".join(f"{name} DESC" for name in names)
        last = session.rows(f"{readable.select}{where} ORDER BY {order} LIMIT 1".replace("%%", "%"), doing=doing)
        snapshot.maximum_key = _key(table, last[0]) if last else None
    parameters: list[Any] = []
    for operator, key in (("<=", snapshot.maximum_key), (">", snapshot.last_key)):
        if key is not None:
            conditions.append(f"({', '.join(names)}) {operator} ({', '.join(['%s'] * len(key))})")
            parameters += key
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    window = str(uuid.uuid4())
    _signal(config, session, window, "open")
    statement = f"{readable.select}{where} ORDER BY {', '.join(names)} LIMIT {config.chunk_size}"
    rows = session.rows(statement if parameters else statement.replace("%%", "%"), parameters or None, doing)
    _signal(config, session, window, "close")
    last_key = _key(table, rows[-1]) if rows else None
    is_last = len(rows) < config.chunk_size or last_key == snapshot.maximum_key
    snapshot.expect(window, Chunk(table, rows, last_key, is_last))
    if config.read_only:
        snapshot.opened(window)
    return window


def _signal(config: MysqlConfig, session: Session, window: str, what: str) -> None:
    signal_table = config.signal_table
    if config.read_only or signal_table is None:
        return
    session.rows(
        f"INSERT INTO {quoted(*signal_table.split('.', 1))} VALUES (%s, %s, NULL)",
        (f"{window}-{what}", f"snapshot-window-{what}"),
        doing=f"writing to the table of signals {signal_table}",
    )


def _key(table: CapturedTable, row: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple(str(row[place]) for place in table.key_places)
