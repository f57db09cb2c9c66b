"""Writes rows of one table and one kind: one statement, many values (for PostgreSQL as `arrays`).

An upsert is `ON CONFLICT` or `ON DUPLICATE KEY` where the database has it; elsewhere an update, and an insert of
what was not there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.connect.connectors.jdbc.arrays import insert_arrays
from ottla.connect.connectors.jdbc.columns import column_values
from ottla.connect.connectors.jdbc.database import EXTRA, sqlalchemy
from ottla.connect.connectors.jdbc.rows import Action
from ottla.connect.connectors.library import load

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from ottla.connect.connectors.jdbc.rows import Batch, Shape

_ON_CONFLICT: Final = {"sqlite": "sqlite"} | dict.fromkeys(("postgresql", "duckdb", "cockroachdb"), "postgresql")
_ON_DUPLICATE: Final = ("mysql", "mariadb")
_OLD: Final = "ottla_key_"


def write(connection: Any, table: Any, batch: Batch, zone: ZoneInfo, batch_size: int) -> None:
    """What the database does not like, it raises. Of a column that is not there all values are null."""
    shape = batch.shape
    columns = {
        name: column_values(values, zone, with_zone=bool(getattr(table.c[name].type, "timezone", False)))
        for name, values in zip(shape.schemas, zip(*[row.values for row in batch.rows], strict=True), strict=True)
        if name in table.c
    }
    for at in range(0, len(batch.rows), batch_size):
        _write(connection, table, shape, {name: values[at : at + batch_size] for name, values in columns.items()})


def _write(connection: Any, table: Any, shape: Shape, columns: Mapping[str, Sequence[Any]]) -> None:
    library = sqlalchemy()
    key = shape.key
    rest = [name for name in columns if name not in key]
    dialect = connection.dialect.name
    finish = _replacing(table, key, rest) if shape.action is Action.UPSERT and dialect in _ON_CONFLICT else None
    is_insert = finish is not None or shape.action is Action.INSERT
    if is_insert and dialect == "postgresql" and insert_arrays(connection, table, columns, key, finish):
        return
    values = [dict(zip(columns, each, strict=True)) for each in zip(*columns.values(), strict=True)]
    if shape.action is Action.INSERT:
        connection.execute(library.insert(table), values)
    elif shape.action is Action.DELETE:
        connection.execute(library.delete(table).where(_is_row(table, key)), _keyed(values, key))
    elif shape.action is Action.UPDATE:
        if rest:
            _update(connection, table, key, rest, values)
    elif finish is not None:
        statement = load(f"sqlalchemy.dialects.{_ON_CONFLICT[dialect]}", EXTRA).insert(table)
        connection.execute(finish(statement), values)
    elif dialect in _ON_DUPLICATE:
        statement = load("sqlalchemy.dialects.mysql", EXTRA).insert(table)
        changes = {name: statement.inserted[name] for name in rest or key}
        connection.execute(statement.on_duplicate_key_update(changes), values)
    else:
        _update_or_insert(connection, table, key, rest, values)


def _replacing(table: Any, key: Sequence[str], rest: Sequence[str]) -> Callable[[Any], Any]:
    """An INSERT as one that takes the place of the row with its key."""
    keys = [table.c[name] for name in key]

    def finish(statement: Any) -> Any:
        if not rest:
            return statement.on_conflict_do_nothing(index_elements=keys)
        changes = {name: statement.excluded[name] for name in rest}
        return statement.on_conflict_do_update(index_elements=keys, set_=changes)

    return finish


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
