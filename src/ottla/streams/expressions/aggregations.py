"""Aggregations of a grouped stream: `sum_`, `count_`, `min_`, `max_`, `avg_`, `first_`, `last_`, `collect_`.

    grouped.aggregate(total=sum_("amount"), orders=count_())       a dict of them for each key
    grouped.aggregate(max_(col("price") * col("pieces")))          one of them

Null is skipped. Sums begin with 0, averages and extremes of nothing are null. What the store keeps is what is told,
but for `avg_`, which it keeps as a sum and a count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ottla.streams.expressions.expression import Column, Expression, ExpressionError, Literal, boolean, shown

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_COLLECTED: Final = 1_000
"""How many values `collect_` keeps unless it is told otherwise."""


class Aggregation:
    """Immutable; the state of a key is a value that is replaced, never changed.

    `source` is the new state, as Python: `{state}` and `{x}` stand for the old one and the record's value, which is not
    null. It means the same as `add`.
    """

    def __init__(
        self,
        name: str,
        expression: Expression,
        initial: Any,
        add: Callable[[Any, Any], Any],
        source: str,
        merge: Callable[[Any, Any], Any],
        *,
        remove: Callable[[Any, Any], Any] | None = None,
        finish: Callable[[Any], Any] | None = None,
    ) -> None:
        self.name = name
        self.expression = expression
        self.condition: Expression | None = None
        self.initial = initial
        self.add = add
        self.source = source
        self.merge = merge
        self.remove = remove
        self.finish = finish

    def where(self, condition: Expression) -> Aggregation:
        """Of the records for which that is true."""
        made = Aggregation(
            self.name,
            self.expression,
            self.initial,
            self.add,
            self.source,
            self.merge,
            remove=self.remove,
            finish=self.finish,
        )
        made.condition = condition if self.condition is None else boolean(self.condition) & condition
        return made

    def begin(self) -> Any:
        """The state of a key without records, which nobody else has."""
        return [*self.initial] if isinstance(self.initial, list) else self.initial

    def added(self, key: Any, value: Any, state: Any) -> Any:
        """The state with one record more, step by step: what the compiled form must come to."""
        return self._changed(self.add, key, value, state)

    def removed(self, key: Any, value: Any, state: Any) -> Any:
        assert self.remove is not None
        return self._changed(self.remove, key, value, state)

    def _changed(self, change: Callable[[Any, Any], Any], key: Any, value: Any, state: Any) -> Any:
        if self.condition is not None and not self.condition.row(key, value):
            return state
        given = self.expression.row(key, value)
        if given is None:
            return state
        try:
            return change(state, given)
        except Exception as failure:
            raise ExpressionError(
                f"{self!r} failed for the record with the key {shown(key)} and the value {shown(value)}: "
                f"{shown(given)} does not go with {shown(state)}: {failure}"
            ) from failure

    def __repr__(self) -> str:
        inner = "" if isinstance(self.expression, Literal) else repr(self.expression)
        where = "" if self.condition is None else f".where({self.condition!r})"
        return f"{self.name}({inner}){where}"


def count_(of: Expression | str | None = None) -> Aggregation:
    """Records; of an expression, those for which it is not null."""
    expression = Literal(1) if of is None else _expression(of)
    return Aggregation(
        "count_",
        expression,
        0,
        lambda state, _: state + 1,
        "{state} + 1",
        _plus,
        remove=lambda state, _: state - 1,
    )


def sum_(of: Expression | str) -> Aggregation:
    return Aggregation("sum_", _expression(of), 0, _plus, "{state} + {x}", _plus, remove=lambda state, x: state - x)


def min_(of: Expression | str) -> Aggregation:
    return Aggregation(
        "min_", _expression(of), None, _least, "{x} if {state} is None or {x} < {state} else {state}", _least
    )


def max_(of: Expression | str) -> Aggregation:
    source = "{x} if {state} is None or {x} > {state} else {state}"
    return Aggregation("max_", _expression(of), None, _greatest, source, _greatest)


def avg_(of: Expression | str) -> Aggregation:
    """A float, or what else the sum divided by an integer is. The store keeps `[sum, count]`."""
    return Aggregation(
        "avg_",
        _expression(of),
        [0, 0],
        lambda state, x: [state[0] + x, state[1] + 1],
        "[{state}[0] + {x}, {state}[1] + 1]",
        lambda one, two: [one[0] + two[0], one[1] + two[1]],
        remove=lambda state, x: [state[0] - x, state[1] - 1],
        finish=lambda state: None if state[1] == 0 else state[0] / state[1],
    )


def first_(of: Expression | str) -> Aggregation:
    """The value of the record that came first, of those whose value is not null."""
    return Aggregation("first_", _expression(of), None, _first, "{x} if {state} is None else {state}", _first)


def last_(of: Expression | str) -> Aggregation:
    """The value of the record that came last, of those whose value is not null."""
    return Aggregation("last_", _expression(of), None, _last, "{x}", _last)


def collect_(of: Expression | str, *, limit: int = MAX_COLLECTED) -> Aggregation:
    """A list of the first `limit` values, in the order of the records."""
    if limit < 1:
        raise ValueError("collect_ keeps at least one value")
    return Aggregation(
        f"collect_[{limit}]" if limit != MAX_COLLECTED else "collect_",
        _expression(of),
        [],
        lambda state, x: state if len(state) >= limit else [*state, x],
        f"{{state}} if len({{state}}) >= {limit} else [*{{state}}, {{x}}]",
        lambda one, two: [*one, *two][:limit],
    )


def _expression(of: Expression | str) -> Expression:
    if isinstance(of, str):
        return Column(of)
    if isinstance(of, Expression):
        return of
    raise TypeError(f"an aggregation is of a column's name or of an expression, not of {of!r}")


def _plus(state: Any, x: Any) -> Any:
    return state + x


def _least(state: Any, x: Any) -> Any:
    return x if state is None or (x is not None and x < state) else state


def _greatest(state: Any, x: Any) -> Any:
    return x if state is None or (x is not None and x > state) else state


def _first(state: Any, x: Any) -> Any:
    return x if state is None else state


def _last(state: Any, x: Any) -> Any:
    return state if x is None else x
