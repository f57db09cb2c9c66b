"""What the catalog says of tables: the columns as they are now."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from ottla.connect.connectors.cdc.column_rules import SourceType
from ottla.connect.connectors.cdc.text import text_of
from ottla.connect.connectors.mysql.column_types import Shape, shape_of_column_type
from ottla.connect.connectors.mysql.defaults import Default
from ottla.connect.connectors.mysql.session import quoted

if TYPE_CHECKING:
    from ottla.connect.connectors.mysql.session import Session

_COLUMN_TYPE: Final = re.compile(r"(\w+)(?:\((.*)\))?([\w ]*)", re.DOTALL)


class CatalogColumn(NamedTuple):
    name: str
    shape: Shape
    optional: bool
    source: SourceType
    default: Default | None


class CatalogTable(NamedTuple):
    columns: tuple[CatalogColumn, ...]
    key: tuple[str, ...]
    """The columns of the primary key, in its order; without one, of the first unique index that is never null."""


def catalog_table(session: Session, schema: str, name: str) -> CatalogTable | None:
    """`None`: it is gone."""
    rows = session.rows(
        "SELECT column_name, column_type, is_nullable, column_default, extra FROM information_schema.columns "
        "WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position",
        (schema, name),
    )
    if not rows:
        return None
    # Whichever comes first the server takes for a primary key itself, and so it stands in the log.
    indexes: dict[str, list[tuple[str, bool]]] = {}
    for row in session.rows(f"SHOW INDEX FROM {quoted(schema, name)} WHERE Non_unique = 0"):
        index, column, part, nullable = row[2], row[4], row[7], row[9]  # of an expression there is no column
        indexes.setdefault(index, []).append((column, nullable != "YES" and part is None and column is not None))
    keys = [index for index, parts in indexes.items() if index == "PRIMARY" or all(whole for _, whole in parts)]
    keys.sort(key=lambda index: index != "PRIMARY")
    columns = []
    for column, kind, nullable, default, extra in rows:
        text = text_of(kind)
        shape = shape_of_column_type(text)
        said = None
        if default is not None:
            said = Default(text_of(default), session.is_mariadb, "DEFAULT_GENERATED" in str(extra).upper())
        columns.append(CatalogColumn(column, shape, nullable == "YES", source_type(text, shape), said))
    return CatalogTable(tuple(columns), tuple(column for column, _ in indexes[keys[0]]) if keys else ())


def source_type(text: str, shape: Shape) -> SourceType:
    """`int(10) unsigned` is INT UNSIGNED of the length 10, as Debezium reads it in the table's definition."""
    found = _COLUMN_TYPE.fullmatch(text.strip())
    if found is None:
        return SourceType(text)
    name = f"{found[1]} {found[3].strip()}".strip()
    if shape.kind == "enum":
        return SourceType(name, 1)
    if shape.kind == "set":
        return SourceType(name, max(0, 2 * len(shape.labels) - 1))
    numbers = [int(each) for each in (found[2] or "").split(",") if each.strip().isdigit()]
    return SourceType(name, numbers[0] if numbers else None, numbers[1] if len(numbers) > 1 else None)
