"""The tables of a sink as they are, created and given columns where that is wanted (`auto.create`, `auto.evolve`)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ottla.connect.api.errors import ConnectError, DataError
from ottla.connect.connectors.jdbc.columns import column_type
from ottla.connect.connectors.jdbc.database import error_text, sqlalchemy
from ottla.connect.connectors.jdbc.rows import Action, Row
from ottla.connect.connectors.jdbc.sink_config import AUTO_CREATE, AUTO_EVOLVE
from ottla.connect.connectors.shapes import may_be_null

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.connectors.jdbc.tables import TableName
    from ottla.connect.data.schema import Schema

_log = logging.getLogger("ottla.connect.jdbc")


class Structure:
    """`table(connection, row)` is SQLAlchemy's, with every column that the row needs; `None`: none to delete from.

    `ConnectError`.
    """

    def __init__(self, config: Mapping[str, Any], dialect: str) -> None:
        self._creates: bool = config[AUTO_CREATE]
        self._evolves: bool = config[AUTO_EVOLVE]
        self._dialect = dialect
        self._known: dict[TableName, Any] = {}

    def table(self, connection: Any, row: Row) -> Any:
        found = self._known.get(row.table)
        if found is None and row.action is Action.DELETE:
            found = self._reflect(connection, row.table)
            if found is None:
                return None
            self._known[row.table] = found
        if found is None:
            found = self._reflect(connection, row.table)
            if found is None:
                found = self._create(connection, row)
            self._known[row.table] = found
        if not row.values.keys() <= set(found.c.keys()):
            found = self._known[row.table] = self._evolve(connection, row, found)
        return found

    def forget(self) -> None:
        """What was created may not be there any more, or may have been by another task."""
        self._known.clear()

    def _reflect(self, connection: Any, name: TableName) -> Any:
        library = sqlalchemy()
        try:
            return library.Table(name.name, library.MetaData(), schema=name.schema, autoload_with=connection)
        except library.exc.NoSuchTableError:
            return None

    def _create(self, connection: Any, row: Row) -> Any:
        if not self._creates:
            raise ConnectError(f"There is no table {row.table}; create it, or set {AUTO_CREATE}=true")
        library = sqlalchemy()
        columns = [
            library.Column(
                name,
                self._type(row, name, schema),
                primary_key=name in row.key,
                nullable=name not in row.key and may_be_null(schema),
                autoincrement=False,
            )
            for name, schema in row.schemas.items()
        ]
        table = library.Table(row.table.name, library.MetaData(), *columns, schema=row.table.schema)
        _log.info("table %s is created", row.table)
        try:
            table.create(connection)
        except library.exc.DatabaseError as error:
            connection.rollback()
            other = self._reflect(connection, row.table)  # another task was quicker
            if other is None:
                raise ConnectError(f"The table {row.table} cannot be created: {error_text(error)}") from error
            return other
        connection.commit()
        return table

    def _evolve(self, connection: Any, row: Row, table: Any) -> Any:
        fresh = self._reflect(connection, row.table)
        table = table if fresh is None else fresh
        missing = {name: schema for name, schema in row.schemas.items() if name not in table.c}
        if not missing:
            return table
        names = ", ".join(missing)
        if not self._evolves:
            raise ConnectError(f"The table {row.table} has no columns {names}; add them, or set {AUTO_EVOLVE}=true")
        required = [name for name, schema in missing.items() if not may_be_null(schema) or name in row.key]
        if required:
            text = f"The table {row.table} cannot get the column {required[0]}: the field must be optional"
            raise ConnectError(text)
        library = sqlalchemy()
        for name, schema in missing.items():
            column = library.Column(name, self._type(row, name, schema))
            spec = library.schema.CreateColumn(column).compile(dialect=connection.dialect)
            statement = f"ALTER TABLE {connection.dialect.identifier_preparer.format_table(table)} ADD {spec}"
            _log.info("table %s gets the column %s", row.table, name)
            try:
                connection.execute(library.DDL(statement.replace("%", "%%")))
                connection.commit()
            except library.exc.DatabaseError as error:
                connection.rollback()
                again = self._reflect(connection, row.table)
                if again is None or name not in again.c:
                    text = f"The table {row.table} cannot get the column {name}: {error_text(error)}"
                    raise ConnectError(text) from error
        return self._reflect(connection, row.table)

    def _type(self, row: Row, name: str, schema: Schema) -> Any:
        try:
            return column_type(schema, self._dialect, is_key=name in row.key)
        except DataError as error:
            raise ConnectError(f"The field {name} for {row.table}: {error}") from error
