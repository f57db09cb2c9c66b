"""What a WHERE says of partitions, offsets and times: what it leaves out need not be read.

Only conditions that are joined by AND and compare `_partition`, `_offset` or `_timestamp` of one relation with literals
count. DuckDB looks at every row again, so reading too much is harmless.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MIRRORED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "="}


@dataclass(frozen=True, slots=True)
class Part:
    """Of a topic: `None` where nothing is said. All are inclusive."""

    partitions: frozenset[int] | None = None
    offset_min: int | None = None
    offset_max: int | None = None
    timestamp_min_ms: int | None = None
    """Times have no upper bound: behind a later record there may still be an earlier one."""

    def narrowed(self, column: str, operator: str, value: Any) -> Part:
        if column == "_partition":
            allowed = frozenset(value if operator == "in" else (value,))
            if operator not in ("=", "in"):
                return self
            return replace(self, partitions=allowed if self.partitions is None else self.partitions & allowed)
        if operator == "in":
            return self
        if column == "_offset":
            low = {">": value + 1, ">=": value, "=": value}.get(operator)
            high = {"<": value - 1, "<=": value, "=": value}.get(operator)
            return replace(self, offset_min=_most(self.offset_min, low), offset_max=_least(self.offset_max, high))
        low = value if operator in (">", ">=", "=") else None  # DuckDB compares to the microsecond
        return replace(self, timestamp_min_ms=_most(self.timestamp_min_ms, low))


WHOLE: Final = Part()


def parts(text: str, names: Iterable[str]) -> dict[str, Part]:
    """Of the relations with these names in a query of DuckDB's; nothing where it cannot be told."""
    from sqlglot import exp, parse_one
    from sqlglot.errors import SqlglotError

    try:
        tree = parse_one(text, read="duckdb")
    except SqlglotError:
        return {}
    wanted = set(names)
    found: dict[str, Part] = {}
    for select in tree.find_all(exp.Select):
        where = select.args.get("where")
        if where is None:
            continue
        relations = _relations(select)
        aliases = {table.alias_or_name: table.name for table in relations if isinstance(table, exp.Table)}
        only = next(iter(aliases)) if len(relations) == 1 and aliases else None
        for alias, column, operator, value in _comparisons(where.this):
            name = aliases.get(alias or only or "")
            if name in wanted:
                found[name] = found.get(name, WHOLE).narrowed(column, operator, value)
    return found


def _relations(select: Any) -> list[Any]:
    source = select.args.get("from_") or select.args.get("from")
    joined = [join.this for join in select.args.get("joins") or ()]
    return ([source.this] if source is not None else []) + joined


def _comparisons(condition: Any) -> Iterator[tuple[str, str, str, Any]]:
    """(alias or nothing, column, operator, value) of what is joined by AND."""
    from sqlglot import exp

    condition = condition.unnest()
    if isinstance(condition, exp.And):
        yield from _comparisons(condition.left)
        yield from _comparisons(condition.right)
        return
    operators = {exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=", exp.EQ: "="}
    if isinstance(condition, exp.Between):
        yield from _of_column(condition.this, ">=", condition.args["low"])
        yield from _of_column(condition.this, "<=", condition.args["high"])
    elif isinstance(condition, exp.In) and condition.expressions:
        yield from _of_column(condition.this, "in", condition.expressions)
    elif type(condition) in operators:
        operator = operators[type(condition)]
        yield from _of_column(condition.left, operator, condition.right)
        yield from _of_column(condition.right, MIRRORED[operator], condition.left)


def _of_column(column: Any, operator: str, literal: Any) -> Iterator[tuple[str, str, str, Any]]:
    from sqlglot import exp

    if not isinstance(column, exp.Column) or column.name.lower() not in ("_partition", "_offset", "_timestamp"):
        return
    name = column.name.lower()
    read = _time_ms if name == "_timestamp" else _integer
    if operator == "in":
        values = [read(each) for each in literal]
        if None not in values:
            yield column.table, name, operator, values
    elif (value := read(literal)) is not None:
        yield column.table, name, operator, value


def _integer(literal: Any) -> int | None:
    from sqlglot import exp

    if isinstance(literal, exp.Literal) and not literal.is_string and literal.this.isdecimal():
        return int(literal.this)
    return None


def _time_ms(literal: Any) -> int | None:
    """Of `'…'` and `TIMESTAMP[TZ] '…'`; where there is no zone it is UTC, as for DuckDB here."""
    from sqlglot import exp

    if isinstance(literal, exp.Cast):
        literal = literal.this
    if not isinstance(literal, exp.Literal) or not literal.is_string:
        return None
    try:
        moment = datetime.fromisoformat(literal.this)
    except ValueError:
        return None
    return int((moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _most(one: int | None, other: int | None) -> int | None:
    return one if other is None else other if one is None else max(one, other)


def _least(one: int | None, other: int | None) -> int | None:
    return one if other is None else other if one is None else min(one, other)
