"""Which tables a database has, and what a table is called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ottla.connect.connectors.jdbc.database import sqlalchemy
from ottla.connect.connectors.jdbc.source_config import BLACKLIST, SCHEMA_PATTERN, TABLE_TYPES, WHITELIST

if TYPE_CHECKING:
    from collections.abc import Mapping


class TableName(NamedTuple):
    schema: str | None
    name: str

    @classmethod
    def parse(cls, text: str) -> TableName:
        """`table`, or `schema.table`, or more before it, which says nothing here."""
        *before, name = text.split(".")
        return cls(before[-1] if before else None, name)

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name


def list_tables(connection: Any, config: Mapping[str, Any]) -> list[TableName]:
    """Those that are to be read, by name. Of the default schema the schema is not named."""
    inspector = sqlalchemy().inspect(connection)
    kinds = {each.upper() for each in config[TABLE_TYPES]}
    found = []
    for schema in _schemas(inspector, config[SCHEMA_PATTERN], config[WHITELIST]):
        names = inspector.get_table_names(schema) if "TABLE" in kinds else []
        names += inspector.get_view_names(schema) if "VIEW" in kinds else []
        found += [TableName(schema, name) for name in names]
    return sorted((each for each in found if _is_wanted(each, config)), key=str)


def _schemas(inspector: Any, pattern: str | None, whitelist: list[str]) -> list[str | None]:
    named = {schema for schema, _ in map(TableName.parse, whitelist) if schema}
    if not pattern and not named:
        return [None]
    default = inspector.default_schema_name
    if pattern == "%":
        found = [each for each in inspector.get_schema_names() if each not in ("information_schema", "pg_catalog")]
    else:
        found = sorted(named | ({pattern} if pattern else set()))
    without = [TableName.parse(each).schema is None for each in whitelist]
    schemas: list[str | None] = [None if each == default else each for each in found]
    if any(without) and not pattern:
        schemas.insert(0, None)
    return list(dict.fromkeys(schemas))


def _is_wanted(table: TableName, config: Mapping[str, Any]) -> bool:
    def is_named(entries: list[str]) -> bool:
        for schema, name in map(TableName.parse, entries):
            if name == table.name and (schema is None or table.schema is None or schema == table.schema):
                return True
        return False

    if config[WHITELIST]:
        return is_named(config[WHITELIST])
    return not is_named(config[BLACKLIST])
