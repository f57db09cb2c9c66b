"""The tables that are captured: from what the catalog and the stream say of them to `CapturedTable`s."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from ottla.connect.api.errors import ConnectError, DataError
from ottla.connect.connectors.cdc.readable_table import ReadableTable
from ottla.connect.connectors.cdc.table import CapturedTable, Column, TableStyle
from ottla.connect.connectors.postgres.column_types import ColumnTypes
from ottla.connect.connectors.postgres.defaults import default_value
from ottla.connect.connectors.postgres.session import quoted
from ottla.connect.connectors.postgres.source_types import source_type

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ottla.connect.connectors.postgres.catalog import Catalog, CatalogColumn, CatalogTable
    from ottla.connect.connectors.postgres.config import PostgresConfig
    from ottla.connect.connectors.postgres.pgoutput import Relation

_log = logging.getLogger("ottla.connect.cdc.postgres")
RELATIONS_MAX: Final = 100_000


class Tables:
    """`announced` and `find` for the stream, `from_catalog` for snapshots."""

    def __init__(self, config: PostgresConfig, catalog: Catalog, style: TableStyle) -> None:
        self._config = config
        self._catalog = catalog
        self._style = style
        self._types = ColumnTypes(config.type_modes(), catalog.type_info)
        self._by_oid: dict[int, CapturedTable] = {}

    def is_captured(self, table: str) -> bool:
        return self._config.captures(table)

    def captured(self) -> list[tuple[str, str]]:
        """All that are there now."""
        tables = self._catalog.tables(via_root=self._config.via_root)
        return [each for each in tables if self.is_captured(".".join(each))]

    def captured_names(self) -> list[str]:
        return [".".join(each) for each in self.captured()]

    def find(self, oid: int) -> CapturedTable:
        found = self._by_oid.get(oid)
        if found is None:
            raise ConnectError(f"a change of a table (oid {oid}) that the stream has not announced")
        return found

    def announced(self, relation: Relation) -> None:
        before = self._by_oid.get(relation.oid)
        self._catalog.forget_enums()
        found = self._catalog.table(relation.schema, relation.name)
        known = {column.name: column for column in found.columns} if found is not None else {}
        columns = [
            self._column(relation.schema, relation.name, column.name, column.type_oid, column.type_modifier, known)
            for column in relation.columns
        ]
        key = _key_places(relation, found)
        if len(self._by_oid) >= RELATIONS_MAX:
            raise ConnectError(f"more than {RELATIONS_MAX} tables are captured by one connector; divide them")
        table = self._table((relation.schema, relation.name), columns, key)
        self._by_oid[relation.oid] = table
        if before is not None and before.value_schema != table.value_schema:
            _log.info("the table %s has changed: its rows have a new schema", table.name)
        if relation.replica_identity == "n" and self.is_captured(table.name):
            _log.warning(
                "the table %s has no replica identity: its updates and deletions are refused by the database; "
                "give it a primary key or ALTER TABLE %s REPLICA IDENTITY FULL",
                table.name,
                table.name,
            )

    def from_catalog(self, schema: str, name: str) -> ReadableTable | None:
        """As it is now; generated columns are left out, since the stream does not tell them. `None`: it is gone."""
        found = self._catalog.table(schema, name)
        if found is None:
            return None
        told = [column for column in found.columns if not column.generated]
        known = {column.name: column for column in told}
        columns = [
            self._column(schema, name, column.name, column.type_oid, column.type_modifier, known) for column in told
        ]
        names = [column.name for column in told]
        table = self._table(
            (schema, name), columns, [names.index(each) for each in found.key or found.unique if each in names]
        )
        listed = ", ".join(quoted(each) for each in names) or "NULL"
        only = "" if found.is_partitioned else "ONLY "  # those that inherit are tables of their own
        return ReadableTable(table, listed, only + quoted(schema, name))

    def _table(self, path: tuple[str, str], columns: Sequence[Column], key: Sequence[int]) -> CapturedTable:
        full = ".".join(path)
        return CapturedTable(
            path, columns, key, self._style, lambda column: self._config.columns.matches(f"{full}.{column}")
        )

    def _column(
        self, schema: str, table: str, name: str, oid: int, modifier: int, known: dict[str, CatalogColumn]
    ) -> Column:
        """A column that was dropped since may have been null."""
        try:
            kind = self._types.field_type(oid, modifier)
        except DataError as error:
            raise ConnectError(f"the column {schema}.{table}.{name} cannot be captured: {error}") from error
        now = known.get(name)
        if now is not None and now.type_oid != oid:
            now = None
        source = source_type(oid, modifier, now.default if now is not None else None, self._catalog.type_info)
        if now is None:
            return Column(name, kind, f"type {oid}", optional=True, source=source)
        default = None
        if now.not_null or self._config.tells_all_defaults:
            info = self._catalog.type_info(oid)
            assert info is not None
            default = default_value(kind, info.name, is_enum=info.kind == "e", expression=now.default)
        return Column(name, kind, now.type_name, not now.not_null, default, now.comment, source)


def _key_places(relation: Relation, found: CatalogTable | None) -> list[int]:
    """The primary key as it was then, if the stream tells it, otherwise as it is now; without one a unique index."""
    names = [column.name for column in relation.columns]
    identity = [place for place, column in enumerate(relation.columns) if column.is_key]
    primary = [names.index(each) for each in found.key if each in names] if found is not None else []
    unique = [names.index(each) for each in found.unique if each in names] if found is not None else []
    if relation.replica_identity == "d":
        return (primary if set(primary) == set(identity) else identity) or unique
    if relation.replica_identity == "i" and not set(primary) <= set(identity):
        return identity  # of a deleted row nothing else is told
    return primary or (identity if relation.replica_identity == "i" else unique)
