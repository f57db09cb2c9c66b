"""Writes rows of one table and one kind: one statement, many values.

An upsert is `ON CONFLICT` or `ON DUPLICATE KEY` where the database has it; elsewhere an update, and an insert of
what was not there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.connect.connectors.jdbc.columns import column_value
from ottla.connect.connectors.jdbc.database import EXTRA, sqlalchemy
from ottla.connect.connectors.jdbc.rows import Action
from ottla.connect.connectors.library import load

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from ottla.connect.connectors.jdbc.rows import Row

_ON_CONFLICT: Final = {"sqlite": "sqlite"} | dict.fromkeys(("postgresql", "duckdb", "cockroachdb"), "postgresql")
_ON_DUPLICATE: Final = ("mysql", "mariadb")
_OLD: Final = "ottla_key_"


def write(connection: Any, table: Any, rows: Sequence[Row], zone: ZoneInfo, batch_size: int) -> None:
    """Rows of the same action and columns. What the database does not like, it raises."""
    first = rows[0]
    with_zone = {name: bool(getattr(table.c[name].type, "timezone", False)) for name in first.values if name in table.c}
    values = [
        {name: column_value(value, zone, with_zone=with_zone[name]) for name, value in row.values.items()}
        for row in rows
    ]
    for at in range(0, len(values), batch_size):
        _write(connection, table, first, values[at : at + batch_size])


def _write(connection: Any, table: Any, first: Row, values: list[dict[str, Any]]) -> None:
    library = sqlalchemy()
    rest = [name for name in first.values if name not in first.key]
    dialect = connection.dialect.name
    if first.action is Action.INSERT:
        connection.execute(library.insert(table), values)
    elif first.action is Action.DELETE:
        connection.execute(library.delete(table).where(_is_row(table, first.key)), _keyed(values, first.key))
    elif first.action is Action.UPDATE:
        if rest:
            _update(connection, table, first.key, rest, values)
    elif dialect in _ON_CONFLICT:
        statement = load(f"sqlalchemy.dialects.{_ON_CONFLICT[dialect]}", EXTRA).insert(table)
        keys = [table.c[name] for name in first.key]
        if rest:
            changes = {name: statement.excluded[name] for name in rest}
            statement = statement.on_conflict_do_update(index_elements=keys, set_=changes)
        else:
            statement = statement.on_conflict_do_nothing(index_elements=keys)
        connection.execute(statement, values)
    elif dialect in _ON_DUPLICATE:
        statement = load("sqlalchemy.dialects.mysql", EXTRA).insert(table)
        changes = {name: statement.inserted[name] for name in rest or first.key}
        connection.execute(statement.on_duplicate_key_update(changes), values)
    else:
        _update_or_insert(connection, table, first.key, rest, values)


def _is_row(table: Any, key: Sequence[str]) -> Any:
    library = sqlalchemy()
    return library.and_(*(table.c[name] == library.bindparam(_OLD + name) for name in key))


def _keyed(values: list[dict[str, Any]], key: Sequence[str], rest: Sequence[str] = ()) -> list[dict[str, Any]]:
    return [{_OLD + name: each[name] for name in key} | {name: each[name] for name in rest} for each in values]


def _update(connection: Any, table: Any, key: Sequence[str], rest: Sequence[str], values: list[dict[str, Any]]) -> Any:
    library = sqlalchemy()
    changes = {name: library.bindparam(name) for name in rest}
    statement = library.update(table).where(_is_row(table, key)).values(changes)
    return connection.execute(statement, _keyed(values, key, rest))


def _update_or_insert(
    connection: Any, table: Any, key: Sequence[str], rest: Sequence[str], values: list[dict[str, Any]]
) -> None:
    library = sqlalchemy()
    for each in values:
        if rest:
            found = _update(connection, table, key, rest, [each]).rowcount > 0
        else:
            query = library.select(library.func.count()).select_from(table).where(_is_row(table, key))
            found = bool(connection.execute(query, _keyed([each], key)[0]).scalar())
        if not found:
            connection.execute(library.insert(table), [each])
