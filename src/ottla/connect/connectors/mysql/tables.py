"""The tables that are captured: from what the catalog and the binary log say of them to `CapturedTable`s."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ottla.connect.api.errors import ConnectError
from ottla.connect.connectors.cdc.readable_table import ReadableTable
from ottla.connect.connectors.cdc.table import CapturedTable, Column, TableStyle
from ottla.connect.connectors.mysql.catalog import catalog_table
from ottla.connect.connectors.mysql.column_types import Shape, field_type, shape_of_binlog
from ottla.connect.connectors.mysql.config import SYSTEM_SCHEMAS
from ottla.connect.connectors.mysql.defaults import default_value
from ottla.connect.connectors.mysql.session import quoted

if TYPE_CHECKING:
    from ottla.connect.connectors.mysql.catalog import CatalogColumn, CatalogTable
    from ottla.connect.connectors.mysql.config import MysqlConfig
    from ottla.connect.connectors.mysql.session import Session
    from ottla.connect.connectors.mysql.table_map import TableMap

VERSIONS_MAX: Final = 10_000
"""So many versions of tables are remembered."""


class _ColumnShape(NamedTuple):
    name: str
    shape: Shape
    optional: bool


class Tables:
    def __init__(self, config: MysqlConfig, style: TableStyle) -> None:
        self._config = config
        self._style = style
        self._session: Session | None = None
        self._known: dict[tuple[Any, ...], CapturedTable] = {}
        self._latest: dict[str, CapturedTable] = {}

    def connected(self, session: Session) -> None:
        """The catalog tells what the log does not."""
        self._session = session
        self.forget()

    def forget(self) -> None:
        """Something was altered."""
        self._known.clear()

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

    def of_binlog(self, described: TableMap) -> CapturedTable:
        """Raises `ConnectError` where the log does not name the columns."""
        shapes = []
        for column in described.columns:
            if column.name is None:
                raise ConnectError(
                    f"the binary log does not name the columns of {described.name.full}: it was written without "
                    "binlog_row_metadata=FULL; take a new snapshot"
                )
            shapes.append(_ColumnShape(column.name, shape_of_binlog(column), column.optional))
        return self._version(described.name, tuple(shapes), described.key)

    def from_catalog(self, session: Session, schema: str, name: str) -> ReadableTable | None:
        """As it is now. `None`: it is gone."""
        found = catalog_table(session, schema, name)
        if found is None:
            return None
        shapes = tuple(_ColumnShape(*column[:3]) for column in found.columns)
        names = [shape.name for shape in shapes]
        table = self._version((schema, name), shapes, tuple(names.index(each) for each in found.key), found)
        return ReadableTable(table, ", ".join(map(quoted, names)), quoted(schema, name))

    def _version(
        self,
        path: tuple[str, str],
        shapes: tuple[_ColumnShape, ...],
        key: tuple[int, ...],
        now: CatalogTable | None = None,
    ) -> CapturedTable:
        identity = (path, shapes, key)
        found = self._known.get(identity)
        if found is None:
            if len(self._known) >= VERSIONS_MAX:
                self._known.clear()
            if now is None and self._session is not None:
                now = catalog_table(self._session, *path)
            full = ".".join(path)
            known = {(each.name, each.shape): each for each in now.columns} if now is not None else {}
            columns = [self._column(each, known.get((each.name, each.shape))) for each in shapes]
            found = self._known[identity] = CapturedTable(
                path, columns, key, self._style, lambda column: self._config.columns.matches(f"{full}.{column}")
            )
        self._latest[found.name] = found
        return found

    def _column(self, told: _ColumnShape, now: CatalogColumn | None) -> Column:
        """A column that is another by now has no default and no length."""
        kind = field_type(told.shape, self._config)
        if now is None:
            return Column(told.name, kind, told.shape.kind, told.optional)
        default = None
        if not told.optional or self._config.tells_all_defaults:
            default = default_value(told.shape, kind, now.default)
        return Column(told.name, kind, told.shape.kind, told.optional, default, source=now.source)
