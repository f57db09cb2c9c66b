"""Expressions over two values: `left("price") * right("rate")` in joiners, `left() + right()` in reducers.

In a join the left value is that of the stream or table that `join` is called on; in reducers and aggregators it is what
they came to so far, and the right one is the new value. `left()` is a value as it is; a side that is None has null in
every column.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.streams.expressions.compiled import function_of
from ottla.streams.expressions.expression import Column, Expression, Key, Value
from ottla.streams.expressions.pair import PLACES, Pair, Side
from ottla.streams.expressions.source import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def left(name: str | None = None) -> Expression:
    """The field of that name of the left value; without a name, that value."""
    return Side("left", name)


def right(name: str | None = None) -> Expression:
    """The field of that name of the right value; without a name, that value."""
    return Side("right", name)


def of_key_and_both(function: Any) -> Callable[[Any, Any, Any], Any]:
    """A function of key, left and right: what an expression comes to, or `function` itself.

    TypeError where an expression asks for something else.
    """
    made: Callable[[Any, Any, Any], Any] = function
    return _function(made, ("key", "left", "right")) if isinstance(made, Expression) else made


def of_value_and_aggregate(function: Any) -> Callable[[Any, Any, Any], Any]:
    """A function of key, value and aggregate, of which the aggregate is left and the value is right."""
    made: Callable[[Any, Any, Any], Any] = function
    return _function(made, ("key", "right", "left")) if isinstance(made, Expression) else made


def of_both(function: Any) -> Callable[[Any, Any], Any]:
    """A function of left and right."""
    made: Callable[[Any, Any], Any] = function
    return _function(made, PLACES) if isinstance(made, Expression) else made


def _function(expression: Expression, order: Sequence[str]) -> Any:
    has_key = "key" in order
    parts = list(_parts(expression))
    for each in parts:
        if isinstance(each, Column | Value):
            raise TypeError(f"{expression!r}: there are two values here, so say left or right instead of {each!r}")
        if isinstance(each, Key) and not has_key:
            raise TypeError(f"{expression!r}: there is no key here, only left and right")

    def row(*given: Any) -> Any:
        named = dict(zip(order, given, strict=True))
        return expression.row(named.get("key"), Pair(named["left"], named["right"]))

    parameters = ", ".join(order)
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
