"""The words that expressions begin with.

col("amount")   a field of the value       key(), value()   of the record       lit(5)   always the same
when(col("n") > 9).then("many").otherwise("few")
struct(user=key(), total=col("amount") * 2)      make(Order, …)      with_fields(value(), total=…)
pair(col("user"), value())   a record      array(pair(…), pair(…))   several      explode("items")   one for each
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.streams.expressions.expression import (
    Coalesce,
    Column,
    Expression,
    Key,
    Literal,
    Strict,
    Value,
    operand,
)
from ottla.streams.expressions.records import EXPLODE, KeyValueOf, ListOf, Make, StructOf, When, WithFields

if TYPE_CHECKING:
    from collections.abc import Callable


def col(name: str) -> Expression:
    """The field of the value of that name: an entry of a dict, null where it has none, or an attribute."""
    return Column(name)


def key() -> Expression:
    """The record's key."""
    return Key()


def value() -> Expression:
    """The record's value as it is, as that of a topic of numbers."""
    return Value()


def lit(literal: Any) -> Expression:
    """The same for every record. Beside another expression, values become literals by themselves."""
    return Literal(literal)


def coalesce(*expressions: Any) -> Expression:
    """The first that is not null."""
    if not expressions:
        raise TypeError("coalesce needs an expression")
    return Coalesce(*(operand(each) for each in expressions))


def struct(**fields: Any) -> Expression:
    """A dict with these fields."""
    return StructOf(fields)


def make(kind: Callable[..., Any], /, **fields: Any) -> Expression:
    """What `kind(**fields)` returns: a dataclass, a struct of msgspec, or any function without side effects."""
    return Make(kind, fields)


def with_fields(record: Any, /, **fields: Any) -> Expression:
    """A copy of a record, `value()` mostly, with these fields."""
    return WithFields(operand(record), fields)


def pair(key: Any, value: Any) -> Expression:
    """A key and a value: what `map` makes of a record, and `group_by` of a table's."""
    return KeyValueOf(operand(key), operand(value))


def array(*elements: Any) -> Expression:
    """A list: of values for `flat_map_values`, of pairs for `flat_map`, which leaves out those that are null."""
    return ListOf(*(operand(each) for each in elements))


def explode(name: str) -> Expression:
    """Of the list in that field one copy of the value for each element, which has it in the list's place.

    Null where the list is null. `orders.flat_map_values(explode("items")).select_key(col("items")["product"])`.
    """
    if not isinstance(name, str):
        raise TypeError(f"the name of a column is text, not {name!r}")
    return Strict(EXPLODE, Value(), Literal(name))


def when(condition: Any) -> Condition:
    """`when(…).then(…)`, as often as is wanted, and `otherwise(…)`; null without that. Null is not true."""
    return Condition((), operand(condition))


class Condition:
    """`when(…)`, which lacks its value."""

    def __init__(self, before: tuple[Expression, ...], condition: Expression) -> None:
        self._before = before
        self._condition = condition

    def then(self, chosen: Any) -> Case:
        return Case((*self._before, self._condition, operand(chosen)))


class Case(When):
    """`when(…).then(…)`, to which more can be said."""

    __slots__ = ("_cases",)

    def __init__(self, cases: tuple[Expression, ...]) -> None:
        super().__init__(*cases, Literal(None))
        self._cases = cases

    def when(self, condition: Any) -> Condition:
        return Condition(self._cases, operand(condition))

    def otherwise(self, chosen: Any) -> Expression:
        return When(*self._cases, operand(chosen))
