"""Expressions at random, and records for them: dicts, dataclasses and structs, with nulls, gaps and wrong types."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec
from hypothesis import strategies as st

from ottla.streams.expressions.aggregations import (
    Aggregation,
    avg_,
    collect_,
    count_,
    first_,
    last_,
    max_,
    min_,
    sum_,
)
from ottla.streams.expressions.expression import Expression, operand
from ottla.streams.expressions.functions import (
    array,
    coalesce,
    col,
    explode,
    key,
    lit,
    make,
    pair,
    struct,
    value,
    when,
    with_fields,
)
from ottla.streams.expressions.sides import left, right

NUMBERS = ("a", "b")
TEXTS = ("s", "t")
FLAG = "flag"
FIELDS = (*NUMBERS, *TEXTS, FLAG, "inner", "list")


@dataclass(frozen=True)
class Order:
    a: Any = None
    b: Any = None
    s: Any = None
    t: Any = None
    flag: Any = None
    inner: Any = None
    list: Any = None


class OrderStruct(msgspec.Struct):
    a: Any = None
    b: Any = None
    s: Any = None
    t: Any = None
    flag: Any = None
    inner: Any = None
    list: Any = None


class Subclass(dict[str, Any]):
    """A mapping that is no dict exactly."""


numbers = st.one_of(
    st.integers(-3, 3),
    st.integers(-3, 3),
    st.floats(-4, 4, width=16),
    st.sampled_from([0, 0.0, -0.0, 1 << 70, -(1 << 63), 1e308, float("inf"), True]),
)
texts = st.sampled_from(["", "a", "A", "ab", "12", "-1.5", "true", " é ", "x" * 30])
wrong = st.sampled_from([None, "7", 5, 2.5, True, [1], {"x": 1}])


def _mostly(usual: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(usual, usual, usual, usual, st.none(), wrong)


@cache
def dicts() -> st.SearchStrategy[dict[str, Any]]:
    inner = st.fixed_dictionaries({}, optional={"a": numbers, "x": numbers})
    kinds = {name: _mostly(numbers) for name in NUMBERS} | {name: _mostly(texts) for name in TEXTS}
    kinds |= {FLAG: _mostly(st.booleans()), "inner": _mostly(inner), "list": _mostly(st.lists(numbers, max_size=2))}
    return st.fixed_dictionaries({}, optional=kinds)


@cache
def values() -> st.SearchStrategy[Any]:
    made = dicts()
    return st.one_of(
        made,
        made,
        made.map(lambda fields: Order(**fields)),
        made.map(lambda fields: OrderStruct(**fields)),
        made.map(Subclass),
        st.none(),
        numbers,
        texts,
    )


@cache
def expressions() -> st.SearchStrategy[Expression]:
    """Any at all: what would be an error in a typed language, too."""
    leaves = st.one_of(
        st.sampled_from([*FIELDS, *NUMBERS, *NUMBERS, "absent"]).map(col),
        st.one_of(numbers, texts, st.none(), st.booleans()).map(lit),
        st.just(key()),
        st.just(value()),
        st.sampled_from(["list", "inner"]).map(explode),
    )
    return st.recursive(leaves, _around, max_leaves=5)


@cache
def expressions_of_both() -> st.SearchStrategy[Expression]:
    """Over `left` and `right`."""
    names = st.sampled_from([*FIELDS, *NUMBERS, *NUMBERS, "absent", None])
    leaves = st.one_of(
        names.map(left), names.map(right), st.one_of(numbers, texts, st.none(), st.booleans()).map(lit), st.just(key())
    )
    return st.recursive(leaves, _around, max_leaves=5)


def _around(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    def both_of(combine: Any) -> st.SearchStrategy[Expression]:
        return st.tuples(inner, inner).map(lambda both: combine(*both))

    kinds = st.sampled_from([int, float, str, bool])
    binary = [
        lambda x, y: x + y,
        lambda x, y: x - y,
        lambda x, y: x * y,
        lambda x, y: x / y,
        lambda x, y: x // y,
        lambda x, y: x % y,
        lambda x, y: x > y,
        lambda x, y: x <= y,
        lambda x, y: x == y,
        lambda x, y: x != y,
        lambda x, y: x.fill_null(y),
        lambda x, y: coalesce(x, y, 1),
        lambda x, y: x.contains(y),
        lambda x, y: x.starts_with(y),
        lambda x, y: struct(a=x, s=y),
        lambda x, y: pair(x, y),
        lambda x, y: array(x, y, 1),
        lambda x, y: with_fields(x, a=y),
        lambda x, y: make(Order, a=x, b=y),
        lambda x, y: when(x > 0).then(y),
        lambda x, y: when(y.is_null()).then(0).when(x == y).then(x).otherwise(y),
        _logical(lambda x, y: x & y),
        _logical(lambda x, y: x | y),
        _logical(lambda x, y: ~x & (y > 0)),
    ]
    unary = [
        lambda x: -x,
        lambda x: x.abs(),
        lambda x: x.round(1),
        lambda x: x.floor(),
        lambda x: x.is_null(),
        lambda x: x.is_not_null(),
        lambda x: x.is_in([1, "a", None, 2.5]),
        lambda x: x.between(0, 2),
        lambda x: x.upper(),
        lambda x: x.length(),
        lambda x: x.substring(1, 2),
        lambda x: x["a"],
        lambda x: x[1],
        lambda x: x**2,
    ]
    return st.one_of(
        *(both_of(each) for each in binary),
        *(inner.map(each) for each in unary),
        st.tuples(inner, kinds).map(lambda both: both[0].cast(both[1])),
        st.tuples(inner, kinds).map(lambda both: both[0].try_cast(both[1])),
    )


def _logical(combine: Any) -> Any:
    """Literals that are no truth values are refused at once; anything else is, record by record."""

    def combined(x: Expression, y: Expression) -> Expression:
        try:
            return operand(combine(x, y))
        except TypeError:
            return lit(True)

    return combined


@cache
def aggregations() -> st.SearchStrategy[dict[str, Aggregation]]:
    of: st.SearchStrategy[Any] = st.one_of(st.sampled_from(["a", "b", "s"]), st.sampled_from(["a", "b"]), expressions())
    kinds: list[Any] = [sum_, count_, min_, max_, avg_, first_, last_, lambda each: collect_(each, limit=2)]
    one: st.SearchStrategy[Aggregation] = st.tuples(st.sampled_from(kinds), of).map(lambda both: both[0](both[1]))
    conditions = st.one_of(st.sampled_from([col("b") > 0, col(FLAG), col("s").is_not_null()]), expressions())
    conditional = st.tuples(one, conditions).map(lambda both: both[0].where(both[1]))
    return st.dictionaries(st.sampled_from(["x", "y", "z"]), st.one_of(one, conditional), min_size=1)
