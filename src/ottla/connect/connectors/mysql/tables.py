"""The tables that are captured: from what the catalog and the binary log say of them to `CapturedTable`s."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ottla.connect.api.errors import ConnectError
from ottla.connect.connectors.cdc.table import CapturedTable, Column, TableStyle
from ottla.connect.connectors.cdc.text import text_of
from ottla.connect.connectors.mysql.column_types import Shape, field_type, shape_of_binlog, shape_of_column_type
from ottla.connect.connectors.mysql.config import SYSTEM_SCHEMAS
from ottla.connect.connectors.mysql.session import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ottla.connect.connectors.mysql.config import MysqlConfig
    from ottla.connect.connectors.mysql.session import Session

VERSIONS_MAX: Final = 10_000
"""So many versions of tables are remembered."""


class _ColumnShape(NamedTuple):
    name: str
    shape: Shape
    optional: bool


class ReadableTable(NamedTuple):
    table: CapturedTable
    select: str


class Tables:
    def __init__(self, config: MysqlConfig, style: TableStyle) -> None:
        self._config = config
        self._style = style
        self._known: dict[tuple[Any, ...], CapturedTable] = {}
        self._latest: dict[str, CapturedTable] = {}

    def is_captured(self, table: str) -> bool:
        return self._config.captures(table)

    def latest(self, table: str) -> CapturedTable | None:
        """As it was when it was last written to."""
        return self._latest.get(table)

    def captured(self, session: Session) -> list[tuple[str, str]]:
        rows = session.rows(
            "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE' "
            "ORDER BY table_schema, table_name"
        )
        tables = [(str(schema), str(name)) for schema, name in rows if schema not in SYSTEM_SCHEMAS]
        return [each for each in tables if self.is_captured(".".join(each))]

    def of_binlog(
        self, schema: str, name: str, columns: Sequence[Any], null_bits: bytes, key: Sequence[int]
    ) -> CapturedTable:
        """Raises `ConnectError` where the log does not name the columns."""
        if any(column.name is None for column in columns):
            raise ConnectError(
                f"the binary log does not name the columns of {schema}.{name}: it was written without "
                "binlog_row_metadata=FULL; take a new snapshot"
            )
        shapes = tuple(
            _ColumnShape(column.name, shape_of_binlog(column), bool(null_bits[place // 8] >> place % 8 & 1))
            for place, column in enumerate(columns)
        )
        return self._version((schema, name), shapes, tuple(key))

    def from_catalog(self, session: Session, schema: str, name: str) -> ReadableTable | None:
        """As it is now. `None`: it is gone."""
        rows = session.rows(
            "SELECT column_name, column_type, is_nullable, column_key FROM information_schema.columns "
            "WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position",
            (schema, name),
        )
        if not rows:
            return None
        shapes = tuple(_ColumnShape(row[0], shape_of_column_type(text_of(row[1])), row[2] == "YES") for row in rows)
        keys = session.rows(
            "SELECT column_name FROM information_schema.key_column_usage WHERE table_schema = %s AND table_name = %s "
            "AND constraint_name = 'PRIMARY' ORDER BY ordinal_position",
            (schema, name),
        )
        names = [shape.name for shape in shapes]
        table = self._version((schema, name), shapes, tuple(names.index(row[0]) for row in keys))
        return ReadableTable(table, f"SELECT {', '.join(map(quoted, names))} FROM {quoted(schema, name)}")

    def _version(self, path: tuple[str, str], shapes: tuple[_ColumnShape, ...], key: tuple[int, ...]) -> CapturedTable:
        identity = (path, shapes, key)
        found = self._known.get(identity)
        if found is None:
            if len(self._known) >= VERSIONS_MAX:
                self._known.clear()
            full = ".".join(path)
            columns = [
                Column(each.name, field_type(each.shape, self._config), each.shape.kind, each.optional)
                for each in shapes
            ]
            found = self._known[identity] = CapturedTable(
                path, columns, key, self._style, lambda column: self._config.columns.matches(f"{full}.{column}")
            )
        self._latest[found.name] = found
        return found
