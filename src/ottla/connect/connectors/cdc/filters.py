"""Which tables and columns are captured: Debezium's `….include.list` and `….exclude.list` of regular expressions.

Each expression must match the whole name (`schema.table`, `schema.table.column`), in whatever case.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

_COMMA: Final = re.compile(r"(?<!\\),")
EXPRESSIONS_MAX: Final = 1000


def split_list(text: str) -> list[str]:
    """At commas; `\\,` is one of the expression."""
    return [part for each in _COMMA.split(text) if (part := each.replace("\\,", ",").strip())]


def _compile(name: str, text: str) -> re.Pattern[str] | None:
    parts = split_list(text)
    if not parts:
        return None
    if len(parts) > EXPRESSIONS_MAX:
        raise ConfigError.of(name, text[:100], f"at most {EXPRESSIONS_MAX} expressions")
    for part in parts:
        try:
            re.compile(part)
        except re.error as error:
            raise ConfigError.of(name, part, f"is no regular expression: {error}") from error
    return re.compile("|".join(f"(?:{part})" for part in parts), re.IGNORECASE)


class NameFilter:
    """`NameFilter.of(config, "table")` reads `table.include.list` and `table.exclude.list`."""

    def __init__(self, include: re.Pattern[str] | None, exclude: re.Pattern[str] | None) -> None:
        self._include = include
        self._exclude = exclude

    @classmethod
    def of(
        cls, config: Mapping[str, Any], kind: str, include: str = "include.list", exclude: str = "exclude.list"
    ) -> NameFilter:
        include, exclude = f"{kind}.{include}", f"{kind}.{exclude}"
        included = _compile(include, config.get(include) or "")
        excluded = _compile(exclude, config.get(exclude) or "")
        if included is not None and excluded is not None:
            raise ConfigError.of(exclude, config[exclude], f"{include} is set, too; one of both says what is meant")
        return cls(included, excluded)

    @classmethod
    def included_by(cls, name: str, text: str | None) -> NameFilter:
        return cls(_compile(name, text or ""), None)

    def names(self, name: str) -> bool:
        """It is included by an expression, not only not excluded."""
        return self._include is not None and self._include.fullmatch(name) is not None

    def matches(self, name: str) -> bool:
        if self._include is not None:
            return self._include.fullmatch(name) is not None
        return self._exclude is None or self._exclude.fullmatch(name) is None


class ListValidator:
    """For `ConfigDef`: expressions that can be read."""

    def ensure_valid(self, name: str, value: Any) -> None:
        if value is not None:
            _compile(name, value)

    def __str__(self) -> str:
        return "regular expressions, separated by commas"
