"""Expressions over two values: `left("price") * right("rate")` in joiners, `left() + right()` in reducers.

In a join the left value is that of the stream or table that `join` is called on; in a reducer it is what was reduced so
far, and the right one is the new value. `left()` is a value as it is; a side that is None has null in every column.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.streams.expressions.compiled import function_of
from ottla.streams.expressions.expression import Column, Expression, Key, Value
from ottla.streams.expressions.pair import PLACES, Pair, Side
from ottla.streams.expressions.source import Source

if TYPE_CHECKING:
    from collections.abc import Callable


def left(name: str | None = None) -> Expression:
    """The field of that name of the left value; without a name, that value."""
    return Side("left", name)


def right(name: str | None = None) -> Expression:
    """The field of that name of the right value; without a name, that value."""
    return Side("right", name)


def of_key_and_both(expression: Expression) -> Callable[[Any, Any, Any], Any]:
    """A function of key, left and right. TypeError where something else is asked for."""
    made: Callable[[Any, Any, Any], Any] = _function(expression, has_key=True)
    return made


def of_both(function: Any) -> Callable[[Any, Any], Any]:
    """A function of left and right: what an expression comes to, or `function` itself."""
    made: Callable[[Any, Any], Any] = function
    return _function(made, has_key=False) if isinstance(made, Expression) else made


def _function(expression: Expression, *, has_key: bool) -> Any:
    parts = list(_parts(expression))
    for each in parts:
        if isinstance(each, Column | Value):
            raise TypeError(f"{expression!r}: there are two values here, so say left or right instead of {each!r}")
        if isinstance(each, Key) and not has_key:
            raise TypeError(f"{expression!r}: there is no key here, only left and right")

    def row(*given: Any) -> Any:
        key, one, two = given if has_key else (None, *given)
        return expression.row(key, Pair(one, two))

    parameters = "key, left, right" if has_key else "left, right"
    source = Source(has_sides=True)
    source.names["_row"] = row
    source.line("try:")
    source.indent(1)
    for place in PLACES:
        names = {each.name: None for each in parts if isinstance(each, Side) and each.place == place}
        source.load_columns_of(place, [name for name in names if name is not None])
    source.line(f"return {source.text(expression)}")
    source.indent(-1)
    source.line("except Exception:")
    source.line(f"    return _row({parameters})")
    return function_of(source, "both", parameters) or row


def _parts(expression: Expression) -> list[Expression]:
    found = [expression]
    for each in found:  # it grows
        found += each.operands
    return found
