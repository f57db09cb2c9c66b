"""What the database tells of a row that was changed or deleted, set at the start (`replica.identity.autoset.values`).

`public.orders:FULL,public.log.*:DEFAULT,public.items:INDEX items_key`: names are regular expressions, in whatever case;
each captured table is named by one of them at most. It needs the owner of the table.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ottla.connect.api.errors import ConfigError, ConnectError
from ottla.connect.connectors.postgres.failures import ConnectionLostError
from ottla.connect.connectors.postgres.session import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ottla.connect.connectors.postgres.session import Session

_log = logging.getLogger("ottla.connect.cdc.postgres")
NAME: Final = "replica.identity.autoset.values"
RULES_MAX: Final = 1000
_RULE: Final = re.compile(r"\s*([^\s:]+):(DEFAULT|FULL|NOTHING|INDEX\s+(\w+))\s*", re.IGNORECASE)
_LETTERS: Final = {"DEFAULT": "d", "FULL": "f", "NOTHING": "n"}
"""As `pg_class` has them."""


class _Rule(NamedTuple):
    tables: re.Pattern[str]
    identity: str
    """`DEFAULT`, `FULL`, `NOTHING`; of an index empty."""
    index_name: str


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
            self._rules.append(_Rule(tables, "" if found[3] else found[2].upper(), found[3] or ""))
        if len(self._rules) > RULES_MAX:
            raise ConfigError.of(NAME, f"{(text or '')[:100]}…", f"at most {RULES_MAX} of them")

    def ensure(self, session: Session, tables: Sequence[tuple[str, str]]) -> None:
        """Sets what is another; a table that the user may not alter is warned of. Raises `ConfigError`."""
        for path in tables:
            name = ".".join(path)
            rules = [rule for rule in self._rules if rule.tables.fullmatch(name)]
            if len(rules) > 1:
                raise ConfigError.of(NAME, name, "more than one of the expressions names this table")
            for rule in rules:
                self._ensure(session, path, rule)

    @staticmethod
    def _ensure(session: Session, path: tuple[str, str], rule: _Rule) -> None:
        rows = session.rows(
            "SELECT c.relreplident::text, x.relname FROM pg_catalog.pg_class c "
            "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
            "LEFT JOIN pg_catalog.pg_index i ON i.indrelid = c.oid AND i.indisreplident "
            "LEFT JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid WHERE n.nspname = %s AND c.relname = %s",
            path,
        )
        if not rows or rows[0] == (_LETTERS.get(rule.identity, "i"), rule.index_name or rows[0][1]):
            return
        wanted = f"USING INDEX {quoted(rule.index_name)}" if rule.index_name else rule.identity
        statement = f"ALTER TABLE {quoted(*path)} REPLICA IDENTITY {wanted}"
        try:
            session.execute(statement, doing=f"setting the replica identity of {'.'.join(path)} ({NAME})")
        except ConnectionLostError:
            raise
        except ConnectError as error:
            _log.warning("%s", error)
            return
        _log.info("%s", statement)


class IdentityValidator:
    """For `ConfigDef`."""

    def ensure_valid(self, _name: str, value: Any) -> None:
        ReplicaIdentities(value)

    def __str__(self) -> str:
        return "schema.table:FULL, DEFAULT, NOTHING or INDEX name, separated by commas"
