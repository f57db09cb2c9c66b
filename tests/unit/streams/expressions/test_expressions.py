"""Expressions by themselves: what they mean, and that their compiled form comes to exactly that."""

from __future__ import annotations

import datetime
import os
from decimal import Decimal
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.streams.expressions.random_expressions import Order, OrderStruct, aggregations, expressions, values

from ottla.streams import Aggregation, coalesce, col, key, lit, make, min_, struct, sum_, value, when, with_fields
from ottla.streams.expressions.aggregator import Aggregator
from ottla.streams.expressions.compiled import function_of
from ottla.streams.expressions.expression import MAX_DEPTH, Expression, ExpressionError
from ottla.streams.expressions.source import Source

EXAMPLES = int(os.environ.get("OTTLA_STREAMS_EXAMPLES", "60"))


def outcome(function: Any, *arguments: Any) -> tuple[str, str]:
    """Its type and everything about it; `nan`s are equal, and zeros of two signs are not."""
    try:
        found = function(*arguments)
    except ExpressionError as error:
        return "ExpressionError", str(error)
    return type(found).__name__, repr(found)


def passing(expression: Expression) -> Any:
    """A filter, as a fused chain has it."""
    source = Source()
    source.load([expression])
    body = "\n".join(source.lines)
    code = f"def f(key, value):\n{body}\n    return bool({source.passes(expression)})"
    names = dict(source.names)
    exec(code, names)
    return names["f"]


@given(expressions(), values(), values())
@settings(max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES <= 60, suppress_health_check=list(HealthCheck))
def test_the_compiled_form_is_the_row_form(expression: Expression, one: Any, two: Any) -> None:
    records: list[Any] = [one, two, {}]
    for record in records:
        assert outcome(expression, "k", record) == outcome(expression.row, "k", record), repr(expression)


@given(expressions(), values())
@settings(max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES <= 60, suppress_health_check=list(HealthCheck))
def test_a_filter_passes_what_is_true(expression: Expression, record: Any) -> None:
    try:
        passes = passing(expression)(1, record)
    except Exception:
        return  # the record is evaluated then
    assert passes == bool(expression.row(1, record)), repr(expression)


@given(aggregations(), st.lists(values(), min_size=1, max_size=6))
@settings(max_examples=2 * EXAMPLES, deadline=None, derandomize=EXAMPLES <= 60, suppress_health_check=list(HealthCheck))
def test_compiled_aggregators_are_their_row_form(fields: dict[str, Aggregation], records: list[Any]) -> None:
    one = next(iter(fields.values()))
    for aggregator in (Aggregator.of(None, fields), Aggregator.of(one, {})):
        state = aggregator.initial()
        for record in records:
            expected = outcome(aggregator.added, "k", record, state)
            assert outcome(aggregator.adder, "k", record, state) == expected, repr(fields)
            if expected[0] != "ExpressionError":
                state = aggregator.added("k", record, state)


ROW = {"amount": 7, "price": 2.5, "name": "Ottla", "none": None, "inner": {"city": "Prag", "list": [1, 2]}}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (col("amount") * col("price") + 1, 18.5),
        (1 - col("amount"), -6),
        (col("amount") // 2, 3),
        (2 ** col("amount"), 128),
        (col("amount") > col("none"), None),
        (col("absent") + 1, None),
        ((col("amount") > 5) & (col("none") > 5), None),
        ((col("amount") < 5) & (col("none") > 5), False),
        ((col("none") > 5) | (col("amount") > 5), True),
        ((col("none") > 5) | (col("amount") < 5), None),
        (~(col("none") > 5), None),
        (col("none").fill_null(3), 3),
        (coalesce(col("none"), col("absent"), col("name")), "Ottla"),
        (col("amount").is_in([1, 7]), True),
        (col("amount").between(7, 8), True),
        (col("name").upper() + "!", "OTTLA!"),
        (col("name").substring(1, 3), "ttl"),
        (col("name").contains("tt") & col("name").starts_with("O"), True),
        (col("name").length(), 5),
        (col("price").cast(int), 2),
        (col("name").try_cast(int), None),
        (lit("false").cast(bool), False),
        (col("inner")["city"], "Prag"),
        (col("inner")["list"][-1], 2),
        (col("inner")["list"][2], None),
        (when(col("amount") > 9).then("many").when(col("none") > 0).then("?").otherwise("few"), "few"),
        (when(col("amount") > 9).then("many"), None),
        (struct(k=key(), twice=col("amount") * 2), {"k": "k", "twice": 14}),
        (with_fields(value()["inner"], city="Wien")["city"], "Wien"),
        (make(Order, a=col("amount")), Order(a=7)),
        (col("amount").round(-1) + col("price").ceil(), 13),
    ],
    ids=str,
)
def test_what_they_mean(expression: Expression, expected: Any) -> None:
    for function in (expression, expression.row):
        found = function("k", ROW)
        assert found == expected
        assert type(found) is type(expected)


def test_records_of_every_kind() -> None:
    total = col("a") * 2
    records: list[Any] = [{"a": 2}, Order(a=2), OrderStruct(a=2)]
    for record in records:
        assert total(None, record) == 4
        copy = with_fields(value(), a=5)(None, record)
        assert type(copy) is type(record)
        assert total(None, copy) == 10
    assert (col("real") + 1)(None, Decimal(2)) == 3
    assert (col("at") + datetime.timedelta(days=1))(0, {"at": datetime.date(2026, 1, 1)}) == datetime.date(2026, 1, 2)


def test_errors_name_the_expression_and_the_record() -> None:
    expression = (col("amount") * col("pieces") > 500) & (col("name") == "tea")
    with pytest.raises(ExpressionError) as caught:
        expression("k7", {"amount": "12", "pieces": 3, "name": "tea"})
    assert str(caught.value) == (
        "((col('amount') * col('pieces')) > 500) & (col('name') == 'tea') failed for the record with the key 'k7' and "
        "the value {'amount': '12', 'pieces': 3, 'name': 'tea'}: col('amount') * col('pieces') of '12', 3: bad operand "
        "type for unary +: 'str'"
    )
    assert isinstance(caught.value.__cause__, TypeError)
    with pytest.raises(ExpressionError, match=r"col\('colour'\): 'Order' object has no attribute 'colour'"):
        (col("colour") == "red")(1, Order())
    with pytest.raises(ExpressionError, match="division by zero"):
        (1 / col("a"))(1, {"a": 0})
    with pytest.raises(ExpressionError, match="more than 4096 bits"):
        (col("a") ** 1_000_000_000)(1, {"a": 7})
    with pytest.raises(ExpressionError, match="neither true nor false"):
        (col("a") & (col("b") > 1))(1, {"a": 7})
    with pytest.raises(ExpressionError, match="bad operand type"):
        (col("a") * 1_000_000_000)(1, {"a": "text that is not repeated"})
    with pytest.raises(ExpressionError, match="bad operand type"):
        (col("a") % 5)(1, {"a": "%999999999d"})


@pytest.mark.parametrize(
    "mistake",
    [
        lambda: not col("a"),
        lambda: 1 < col("a") < 2,
        lambda: "x" in col("a"),
        lambda: [*col("a")],
        lambda: (col("a") > 1) & 5,
        lambda: col("a").cast(list),  # type: ignore[arg-type]
        lambda: col(5),  # type: ignore[arg-type]
    ],
)
def test_mistakes_are_errors_at_once(mistake: Any) -> None:
    with pytest.raises(TypeError):
        mistake()


@pytest.mark.parametrize(
    "fails",
    [
        (col("none") > 1) & (1 / col("zero") > 1),
        (col("none") > 1) | (1 / col("zero") > 1),
        (1 / col("zero")).is_null(),
        (1 / col("zero")) + col("none"),
        when(1 / col("zero") > 1).then(1),
        struct(x=1 / col("zero")),
    ],
    ids=str,
)
def test_what_has_to_be_looked_at_fails(fails: Expression) -> None:
    for function in (fails, fails.row, passing(fails)):
        with pytest.raises((ExpressionError, ZeroDivisionError)):
            function(0, {"zero": 0})


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ((col("one") == 2) & (1 / col("zero") > 1), False),
        ((col("one") == 1) | (1 / col("zero") > 1), True),
        (col("none") + 1 / col("zero"), None),
        (coalesce(col("one"), 1 / col("zero")), 1),
        (when(col("zero") != 0).then(1 / col("zero")).otherwise(5), 5),
        (sum_(1 / col("zero")).where(col("zero") != 0), 0),
        (min_(1 / col("zero")).where(col("none") != 0), None),
    ],
    ids=str,
)
def test_what_is_not_looked_at_cannot_fail(expression: Any, expected: Any) -> None:
    record = {"one": 1, "zero": 0}
    if isinstance(expression, Expression):
        assert expression(0, record) == expression.row(0, record) == expected
        source = Source()
        source.load([expression])
        source.line(f"return {source.text(expression)}")
        compiled: Any = function_of(source, "f", "key, value")
        assert compiled(0, record) == expected  # and not because the record was evaluated
    else:
        aggregator = Aggregator.of(expression, {})
        with mock.patch.object(Aggregation, "added", side_effect=AssertionError("not compiled")):
            assert aggregator.adder(0, record, aggregator.initial()) == expected


def test_depth_is_bounded_and_what_python_cannot_nest_is_evaluated() -> None:
    deep = col("a")
    for _ in range(MAX_DEPTH - 1):
        deep = deep + 1
    assert deep(0, {"a": 1}) == MAX_DEPTH
    with pytest.raises(ValueError, match="at most 200"):
        deep + 1
    choice = col("a")
    for each in range(150):
        choice = when((col("a") == each) & (col("b") != each)).then(choice).otherwise(each)
    assert choice(0, {"a": 1, "b": 5}) == choice.row(0, {"a": 1, "b": 5}) == 149
