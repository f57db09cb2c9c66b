"""Statements of one's own for tables in a snapshot (`snapshot.select.statement.overrides`): some rows, not all.

`snapshot.select.statement.overrides=public.orders` and
`snapshot.select.statement.overrides.public.orders=SELECT * FROM public.orders WHERE NOT deleted`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME: Final = "snapshot.select.statement.overrides"


class SelectOverrides:
    def __init__(self, props: Mapping[str, Any], tables: list[str]) -> None:
        """`tables` are `schema.table`; `props` has a statement for each. Raises `ConfigError`."""
        self._statements: dict[str, str] = {}
        for table in tables:
            statement = str(props.get(f"{NAME}.{table}") or "").strip()
            if not statement:
                raise ConfigError.of(NAME, table, f"there is no {NAME}.{table} with the statement")
            self._statements[table] = statement

    def rows_of(self, table: str, path: str) -> str:
        """What stands behind FROM: `path`, which is the table in SQL, or what is configured instead."""
        statement = self._statements.get(table)
        return rows_selected(statement) if statement is not None else path


def rows_selected(statement: str) -> str:
    """What stands behind FROM."""
    return f"({statement.strip().rstrip(';')}) AS ottla_rows"
