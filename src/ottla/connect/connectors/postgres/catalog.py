"""What the catalog says of tables and types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from ottla.connect.connectors.cdc.text import text_of
from ottla.connect.connectors.postgres.column_types import TypeInfo

if TYPE_CHECKING:
    from ottla.connect.connectors.postgres.session import Session

TYPES_MAX: Final = 100_000
"""So many types are remembered; then all are asked for again."""

_TABLES: Final = """
    SELECT n.nspname, c.relname
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relpersistence = 'p' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
       AND CASE WHEN %s THEN c.relkind IN ('r', 'p') AND NOT c.relispartition ELSE c.relkind = 'r' END
     ORDER BY 1, 2
"""
_COLUMNS: Final = """
    SELECT a.attname, a.atttypid, a.atttypmod, a.attnotnull, pg_catalog.format_type(a.atttypid, a.atttypmod),
           CASE WHEN a.attgenerated = '' THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid) END,
           pg_catalog.col_description(a.attrelid, a.attnum), a.attgenerated <> '', c.oid, c.relkind
      FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE n.nspname = %s AND c.relname = %s
     ORDER BY a.attnum
"""
_KEYS: Final = """
    SELECT i.indexrelid, i.indisprimary, a.attname
      FROM pg_catalog.pg_index i
      JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
      CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, place)
      JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
     WHERE i.indrelid = %s AND i.indisunique AND i.indisvalid AND 0 <> ALL (i.indkey::int2[])
       AND k.place <= i.indnkeyatts
     ORDER BY i.indisprimary DESC, i.indisreplident DESC, i.indisclustered DESC, c.relname, k.place
"""
_TYPE: Final = """
    SELECT t.oid, t.typname, t.typtype, t.typcategory, t.typelem, t.typbasetype, t.typtypmod, t.typdelim,
           (SELECT pg_catalog.array_agg(e.enumlabel::text ORDER BY e.enumsortorder)
              FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid)
      FROM pg_catalog.pg_type t WHERE t.oid = %s
"""


class CatalogColumn(NamedTuple):
    name: str
    type_oid: int
    type_modifier: int
    not_null: bool
    type_name: str
    default: str | None
    """The expression."""
    comment: str | None
    generated: bool


class CatalogTable(NamedTuple):
    oid: int
    is_partitioned: bool
    columns: tuple[CatalogColumn, ...]
    key: tuple[str, ...]
    """The columns of the primary key, in its order."""
    unique: tuple[str, ...]
    """Where there is none, those of the first unique index, which may be null."""


class Catalog:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._types: dict[int, TypeInfo] = {}

    def tables(self, *, via_root: bool) -> list[tuple[str, str]]:
        """(schema, name) of every table; of a partitioned one itself if changes are told `via_root`, else its parts."""
        return [(row[0], row[1]) for row in self._session.rows(_TABLES, (via_root,))]

    def table(self, schema: str, name: str) -> CatalogTable | None:
        rows = self._session.rows(_COLUMNS, (schema, name))
        if not rows:
            return None
        columns = tuple(CatalogColumn(*row[:8]) for row in rows)
        oid = rows[0][8]
        keys = self._session.rows(_KEYS, (oid,))
        first = tuple(name for index, _, name in keys if index == keys[0][0])
        is_primary = bool(keys) and keys[0][1]
        is_partitioned = text_of(rows[0][9]) == "p"
        return CatalogTable(oid, is_partitioned, columns, first if is_primary else (), () if is_primary else first)

    def type_info(self, oid: int) -> TypeInfo | None:
        if oid not in self._types:
            rows = self._session.rows(_TYPE, (oid,))
            if not rows:
                return None
            if len(self._types) >= TYPES_MAX:
                self._types.clear()
            row = rows[0]
            self._types[oid] = TypeInfo(
                row[0],
                row[1],
                text_of(row[2]),
                text_of(row[3]),
                row[4],
                row[5],
                row[6],
                text_of(row[7]),
                tuple(row[8] or ()),
            )
        return self._types[oid]

    def forget_enums(self) -> None:
        """They may have got more labels, of which nobody tells."""
        self._types = {oid: info for oid, info in self._types.items() if info.kind != "e"}
