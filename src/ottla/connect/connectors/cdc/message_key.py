"""Keys of one's own choice (`message.key.columns`): `schema.table:column,column;schema.other:column`.

Names of tables are regular expressions, in whatever case; a table that none of them names keeps its primary key.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME: Final = "message.key.columns"
COLUMNS_MAX: Final = 10_000
_PART: Final = re.compile(r"\s*([^:]+):([^:,]+(?:,[^:,]+)*)\s*")


class MessageKeys:
    def __init__(self, text: str | None) -> None:
        """Raises `ConfigError`."""
        self._columns: list[re.Pattern[str]] = []
        """Of `schema.table.column`."""
        for part in (text or "").split(";") if text else ():
            found = _PART.fullmatch(part)
            if found is None:
                raise ConfigError.of(NAME, part, "has the form schema.table:column,column;schema.other:column")
            for column in found[2].split(","):
                expression = f"{found[1]}.{column.strip()}"
                try:
                    self._columns.append(re.compile(expression, re.IGNORECASE))
                except re.error as error:
                    raise ConfigError.of(NAME, expression, f"is no regular expression: {error}") from error
        if len(self._columns) > COLUMNS_MAX:
            raise ConfigError.of(NAME, f"{(text or '')[:100]}…", f"at most {COLUMNS_MAX} columns")

    def places(self, table: str, columns: Sequence[str], primary: Sequence[int]) -> tuple[int, ...]:
        """Where the columns of the key are, in the order in which they are configured."""
        found = [
            place for key in self._columns for place, column in enumerate(columns) if key.fullmatch(f"{table}.{column}")
        ]
        return tuple(dict.fromkeys(found)) or tuple(primary)


class KeyValidator:
    """For `ConfigDef`."""

    def ensure_valid(self, _name: str, value: Any) -> None:
        MessageKeys(value)

    def __str__(self) -> str:
        return "schema.table:column,column;schema.other:column"
