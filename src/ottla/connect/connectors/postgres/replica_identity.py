"""What the database tells of a row that was changed or deleted, set at the start (`replica.identity.autoset.values`).

`public.orders:FULL,public.log.*:DEFAULT,public.items:INDEX items_key`: names are regular expressions, in whatever case;
each captured table is named by one of them at most. It needs the owner of the table.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from ottla.connect.api.errors import ConfigError

NAME: Final = "replica.identity.autoset.values"
RULES_MAX: Final = 1000
_RULE: Final = re.compile(r"\s*([^\s:]+):(DEFAULT|FULL|NOTHING|INDEX\s+(\w+))\s*", re.IGNORECASE)


class ReplicaIdentity(NamedTuple):
    letter: str
    """As `pg_class` has it: `d`, `f`, `n`, `i`."""
    wanted: str
    """`DEFAULT`, `FULL`, `NOTHING`; of an index its name."""


class _Rule(NamedTuple):
    tables: re.Pattern[str]
    identity: ReplicaIdentity


class ReplicaIdentities:
    def __init__(self, text: str | None) -> None:
        """Raises `ConfigError`."""
        self._rules: list[_Rule] = []
        for part in text.split(",") if text else ():
            found = _RULE.fullmatch(part)
            if found is None:
                raise ConfigError.of(NAME, part, "has the form schema.table:FULL, DEFAULT, NOTHING or INDEX name")
            try:
                tables = re.compile(found[1], re.IGNORECASE)
            except re.error as error:
                raise ConfigError.of(NAME, found[1], f"is no regular expression: {error}") from error
            word = found[2].upper()
            identity = ReplicaIdentity("i", found[3]) if found[3] else ReplicaIdentity(word[0].lower(), word)
            self._rules.append(_Rule(tables, identity))
        if len(self._rules) > RULES_MAX:
            raise ConfigError.of(NAME, f"{(text or '')[:100]}…", f"at most {RULES_MAX} of them")

    def of(self, table: str) -> ReplicaIdentity | None:
        """What `schema.table` is to have; `None`: nothing is said of it. Raises `ConfigError`."""
        found = [rule.identity for rule in self._rules if rule.tables.fullmatch(table)]
        if len(found) > 1:
            raise ConfigError.of(NAME, table, "more than one of the expressions names this table")
        return found[0] if found else None


class IdentityValidator:
    """For `ConfigDef`."""

    def ensure_valid(self, _name: str, value: Any) -> None:
        ReplicaIdentities(value)

    def __str__(self) -> str:
        return "schema.table:FULL, DEFAULT, NOTHING or INDEX name, separated by commas"
