"""The text of a query: which topics stand in it, in which state, and what DuckDB is given to run in its place.

    select … from orders                                             all that is there now: every record is a row
    … from latest(orders)                                            the last value of each key, as a table
    … from orders as of timestamp '2026-11-29T08:00' o               as it was then
    … from latest("a.b") as of offsets '0:120,1:77'                  as it was at these offsets
    … join orders between timestamp '…' and timestamp '…' on …       a part of it; also with offsets

All else is DuckDB's SQL: files ('x.parquet'), table functions, attached databases and common table expressions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ottla.console.sql.moment import Moment, QueryError, parse_moment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlglot.tokenizer_core import Token

LATEST: Final = "LATEST"
KINDS: Final = ("TIMESTAMP", "OFFSETS")
IDENTIFIER: Final = re.compile(r"[^\W\d]\w*")
NO_ALIAS: Final = frozenset(
    (
        "ANTI",
        "ASOF",
        "CROSS",
        "EXCEPT",
        "FETCH",
        "FOR",
        "FROM",
        "FULL",
        "GROUP",
        "HAVING",
        "INNER",
        "INTERSECT",
        "JOIN",
        "LEFT",
        "LIMIT",
        "NATURAL",
        "OFFSET",
        "ON",
        "ORDER",
        "PIVOT",
        "POSITIONAL",
        "QUALIFY",
        "RIGHT",
        "SELECT",
        "SEMI",
        "TABLESAMPLE",
        "UNION",
        "UNPIVOT",
        "USING",
        "WHERE",
        "WINDOW",
    )
)
"""Words that may follow a relation without being its alias."""
ENDS_FROM: Final = frozenset(
    (
        "WHERE",
        "GROUP",
        "HAVING",
        "ORDER",
        "LIMIT",
        "WINDOW",
        "QUALIFY",
        "UNION",
        "EXCEPT",
        "INTERSECT",
        "SELECT",
    )
)
NO_RELATION: Final = frozenset(("LATERAL", "VALUES", "SELECT", "WITH"))


@dataclass(frozen=True, slots=True)
class Reference:
    """One place where a topic stands in a query; `name` is what stands there for DuckDB."""

    name: str
    topic: str
    latest: bool = False
    since: Moment | None = None
    until: Moment | None = None


@dataclass(slots=True)
class Query:
    text: str
    """For DuckDB."""
    references: list[Reference] = field(default_factory=list)


def parse_query(text: str, now_ms: int, *, attached: Sequence[str] = ()) -> Query:
    """`attached`: names of databases, whose tables are no topics. `QueryError` where a state is written wrong."""
    from sqlglot.dialects.duckdb import DuckDB
    from sqlglot.errors import TokenError

    try:
        tokens = DuckDB().tokenize(text)
    except TokenError as error:
        raise QueryError(f"the query ends too early, or a quote is open: {error}") from None
    return _Rewriting(text, tokens, now_ms, attached).query()


class _Rewriting:
    def __init__(self, text: str, tokens: Sequence[Token], now_ms: int, attached: Sequence[str]) -> None:
        self._text = text
        self._tokens = tokens
        self._words = [self._word_of(token) for token in tokens]
        self._now_ms = now_ms
        self._known = {name.upper() for name in attached} | self._table_expressions()
        self._references: list[Reference] = []

    def _word_of(self, token: Token) -> str:
        """In capitals, the first of two (ORDER BY); nothing for what is quoted, which is no word of SQL."""
        return "" if self._text[token.start] in "\"'$" else token.text.upper().partition(" ")[0]

    def query(self) -> Query:
        parts: list[str] = []
        copied = 0
        for start in self._relations():
            end = self._relation(start)
            if end is None:
                continue
            reference = self._references[-1]
            parts += [self._text[copied : self._tokens[start].start], f'"{reference.name}"']
            if not self._has_alias(end):
                parts.append(' AS "{}"'.format(reference.topic.replace('"', '""')))
            copied = self._tokens[end - 1].end + 1
        return Query("".join([*parts, self._text[copied:]]), self._references)

    def _table_expressions(self) -> set[str]:
        """The names of common table expressions: `NAME AS (`, also with columns or MATERIALIZED in between."""
        words = self._words
        names = set()
        for index, word in enumerate(words[:-1]):
            behind = index + 1
            if words[behind] == "(" and ")" in words[behind:]:
                behind = words.index(")", behind) + 1
            if words[behind : behind + 1] != ["AS"]:
                continue
            after = [each for each in words[behind + 1 : behind + 4] if each not in ("NOT", "MATERIALIZED")]
            if after[:1] == ["("]:
                names.add(word)
        return names

    def _relations(self) -> list[int]:
        """Where a relation begins: behind FROM, JOIN, and the commas between those of one FROM."""
        found: list[int] = []
        selects, within = [True], [False]  # one for each open parenthesis
        for index, word in enumerate(self._words):
            if word == "(":
                selects.append(self._word(index + 1) in ("SELECT", "FROM", "WITH"))
                within.append(False)
            elif word == ")" and len(selects) > 1:
                selects.pop()
                within.pop()
            elif word in ENDS_FROM:
                within[-1] = False
            elif word == "FROM" and selects[-1] and self._word(index - 1) != "DISTINCT":
                within[-1] = True
                found.append(index + 1)
            elif word == "JOIN" or (word == "," and within[-1]):
                found.append(index + 1)
        return found

    def _relation(self, start: int) -> int | None:
        """Note the reference that begins there; where it ends, or `None` if it is no topic."""
        latest = self._word(start) == LATEST and self._word(start + 1) == "("
        first = start + 2 if latest else start
        name, end = self._name(first)
        if latest:
            if name is None or self._word(end) != ")":
                raise QueryError("latest(…) wants the name of a topic; with dots or dashes in it, in double quotes")
            end += 1
        elif name is None or self._word(end) == "(" or self._is_known(name):
            return None
        since, until, end = self._state(name, end)
        if latest and since is not None:
            raise QueryError(f"latest({name}) is a state: it goes with AS OF, not with BETWEEN")
        number = len(self._references)
        self._references.append(Reference(f"{name}#{number}".replace('"', "'"), name, latest, since, until))
        return end

    def _is_known(self, name: str) -> bool:
        return name.upper() in self._known or name.upper().partition(".")[0] in self._known | {"INFORMATION_SCHEMA"}

    def _name(self, index: int) -> tuple[str | None, int]:
        """`orders`, `"orders-1"`, or `a.b.c`."""
        parts: list[str] = []
        while True:
            if not self._is_name(index):
                return None, index
            parts.append(self._tokens[index].text)
            index += 1
            if self._word(index) != ".":
                return ".".join(parts), index
            index += 1

    def _is_name(self, index: int) -> bool:
        if index >= len(self._tokens):
            return False
        token = self._tokens[index]
        if self._text[token.start] in "\"'":
            return self._text[token.start] == '"'
        return IDENTIFIER.fullmatch(token.text) is not None and self._words[index] not in NO_RELATION

    def _state(self, name: str, index: int) -> tuple[Moment | None, Moment | None, int]:
        """(since, until, where it ends)."""
        if self._word(index) == "AS" and self._word(index + 1) == "OF":
            until, end = self._moment(name, index + 2, None)
            return None, until, end
        if self._word(index) == "BETWEEN":
            since, end = self._moment(name, index + 1, None)
            if self._word(end) != "AND":
                raise QueryError(f"{name} between …: write BETWEEN {self._word(index + 1)} '…' AND '…'")
            until, end = self._moment(name, end + 1, self._word(index + 1))
            return since, until, end
        return None, None, index

    def _moment(self, name: str, index: int, default: str | None) -> tuple[Moment, int]:
        kind = self._word(index)
        if kind in KINDS:
            index += 1
        elif default is not None:
            kind = default
        text = self._text[self._tokens[index].start] if index < len(self._tokens) else ""
        if kind not in KINDS or text != "'":
            raise QueryError(f"{name}: write TIMESTAMP '2026-11-29T08:00' or OFFSETS '0:120,1:77'")
        return parse_moment(kind, self._tokens[index].text, self._now_ms), index + 1

    def _has_alias(self, index: int) -> bool:
        if self._word(index) == "AS":
            return True
        return self._is_name(index) and self._words[index] not in NO_ALIAS

    def _word(self, index: int) -> str:
        return self._words[index] if 0 <= index < len(self._words) else ""
