"""The tables of a sink as they are, created and given columns where that is wanted (`auto.create`, `auto.evolve`).

A field of a map that is null says nothing of its type: its column waits for a value where columns may be added, and is
text where not.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ottla.connect.api.errors import ConnectError, DataError
from ottla.connect.connectors.jdbc.columns import column_type
from ottla.connect.connectors.jdbc.database import error_text, sqlalchemy
from ottla.connect.connectors.jdbc.rows import Action
from ottla.connect.connectors.jdbc.sink_config import AUTO_CREATE, AUTO_EVOLVE
from ottla.connect.connectors.shapes import may_be_null
from ottla.connect.data.schema import OPTIONAL_STRING_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.connect.connectors.jdbc.rows import Shape
    from ottla.connect.connectors.jdbc.tables import TableName
    from ottla.connect.data.schema import Schema

_log = logging.getLogger("ottla.connect.jdbc")


class Structure:
    """`table(connection, shape)` is SQLAlchemy's, with every column that rows need; `None`: none to delete from.

    `ConnectError`; `DataError` for rows of which no column is known.
    """

    def __init__(self, config: Mapping[str, Any], dialect: str) -> None:
        self._creates: bool = config[AUTO_CREATE]
        self._evolves: bool = config[AUTO_EVOLVE]
        self._dialect = dialect
        self._known: dict[TableName, Any] = {}

    def table(self, connection: Any, shape: Shape) -> Any:
        found = self._known.get(shape.table)
        if found is None:
            found = self._reflect(connection, shape.table)
            if found is None and shape.action is Action.DELETE:
                return None
            if found is None:
                found = self._create(connection, shape)
            self._known[shape.table] = found
        if any(name not in found.c for name in self._columns(shape)):
            found = self._known[shape.table] = self._evolve(connection, shape, found)
        if not any(name in found.c for name in shape.schemas):
            raise shape.without_columns()
        return found

    def _columns(self, shape: Shape) -> dict[str, Schema]:
        """Those that there are to be."""
        unknown = None if self._evolves else OPTIONAL_STRING_SCHEMA
        columns = {name: unknown if schema is None else schema for name, schema in shape.schemas.items()}
        return {name: schema for name, schema in columns.items() if schema is not None}

    def forget(self) -> None:
        """What was created may not be there any more, or may have been by another task."""
        self._known.clear()

    def _reflect(self, connection: Any, name: TableName) -> Any:
        library = sqlalchemy()
        try:
            table = library.Table(name.name, library.MetaData(), schema=name.schema, autoload_with=connection)
        except library.exc.NoSuchTableError:
            return None
        for column in table.c:
            if isinstance(column.type, library.types.JSON):
                column.type.none_as_null = True  # else it would hold a null of JSON's
        return table

    def _create(self, connection: Any, shape: Shape) -> Any:
        if not self._creates:
            raise ConnectError(f"There is no table {shape.table}; create it, or set {AUTO_CREATE}=true")
        library = sqlalchemy()
        columns = [
            library.Column(
                name,
                self._type(shape, name, schema),
                primary_key=name in shape.key,
                nullable=name not in shape.key and may_be_null(schema),
                autoincrement=False,
            )
            for name, schema in self._columns(shape).items()
        ]
        if not columns:
            raise shape.without_columns()
        table = library.Table(shape.table.name, library.MetaData(), *columns, schema=shape.table.schema)
        _log.info("table %s is created", shape.table)
        try:
            table.create(connection)
        except library.exc.DatabaseError as error:
            connection.rollback()
            other = self._reflect(connection, shape.table)  # another task was quicker
            if other is None:
                raise ConnectError(f"The table {shape.table} cannot be created: {error_text(error)}") from error
            return other
        connection.commit()
        return table

    def _evolve(self, connection: Any, shape: Shape, table: Any) -> Any:
        fresh = self._reflect(connection, shape.table)
        table = table if fresh is None else fresh
        missing = {name: schema for name, schema in self._columns(shape).items() if name not in table.c}
        if not missing:
            return table
        names = ", ".join(missing)
        if not self._evolves:
            raise ConnectError(f"The table {shape.table} has no columns {names}; add them, or set {AUTO_EVOLVE}=true")
        required = [name for name, schema in missing.items() if not may_be_null(schema) or name in shape.key]
        if required:
            text = f"The table {shape.table} cannot get the column {required[0]}: the field must be optional"
            raise ConnectError(text)
        library = sqlalchemy()
        for name, schema in missing.items():
            column = library.Column(name, self._type(shape, name, schema))
            spec = library.schema.CreateColumn(column).compile(dialect=connection.dialect)
            statement = f"ALTER TABLE {connection.dialect.identifier_preparer.format_table(table)} ADD {spec}"
            _log.info("table %s gets the column %s", shape.table, name)
            try:
                connection.execute(library.DDL(statement.replace("%", "%%")))
                connection.commit()
            except library.exc.DatabaseError as error:
                connection.rollback()
                again = self._reflect(connection, shape.table)
                if again is None or name not in again.c:
                    text = f"The table {shape.table} cannot get the column {name}: {error_text(error)}"
                    raise ConnectError(text) from error
        return self._reflect(connection, shape.table)

    def _type(self, shape: Shape, name: str, schema: Schema) -> Any:
        try:
            return column_type(schema, self._dialect, is_key=name in shape.key)
        except DataError as error:
            raise ConnectError(f"The field {name} for {shape.table}: {error}") from error
