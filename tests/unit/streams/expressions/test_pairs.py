"""Expressions that are keys and values, one or several: `map`, `flat_map`, `explode`, groupings of tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from tests.unit.streams.expressions.random_expressions import Order
from tests.unit.streams.expressions.test_sides import CONFIG, JSON, STR, told

from ottla.streams import (
    Consumed,
    Expression,
    Grouped,
    Produced,
    StreamsBuilder,
    StreamsError,
    TopologyTestDriver,
    array,
    col,
    explode,
    key,
    pair,
    struct,
    sum_,
    value,
    when,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.streams import KStream

RECORDS: list[Any] = [
    ("in", "a", {"user": "u", "items": [{"n": 1}, {"n": 2}]}, 1),
    ("in", "b", {"user": "v", "items": []}, 2),
    ("in", "c", {"user": None, "items": [{"n": 3}]}, 3),
    ("in", "d", {"user": "w"}, 4),
]


def of(change: Callable[[KStream[Any, Any]], KStream[Any, Any]]) -> Callable[[StreamsBuilder], None]:
    return lambda builder: change(builder.stream("in", Consumed(STR, JSON))).to("out", Produced(STR, JSON))


def without_rows(change: Callable[[KStream[Any, Any]], KStream[Any, Any]]) -> list[Any]:
    """What is told where no expression is evaluated node by node."""
    with mock.patch.object(Expression, "row", side_effect=AssertionError("not compiled")):
        return told(of(change), RECORDS)


def test_map() -> None:
    changed = pair(col("user").fill_null("nobody"), struct(was=key(), items=col("items")))
    expected = told(
        of(lambda each: each.map(lambda k, v: (v["user"] or "nobody", {"was": k, "items": v.get("items")}))), RECORDS
    )
    assert without_rows(lambda each: each.map(changed)) == expected
    assert [each[0] for each in expected] == ["u", "v", "nobody", "w"]
    # what follows takes the new value apart, and has the new key
    found = without_rows(lambda each: each.map(changed).filter(key() != "v").map(pair(col("was"), key())))
    assert found == [("a", "u", 1), ("c", "nobody", 3), ("d", "w", 4)]


def test_flat_map() -> None:
    def several(k: Any, v: Any) -> list[tuple[Any, Any]]:
        pairs = [(k, {"user": v["user"]})]
        return [*pairs, (v["user"], {"user": None})] if v["user"] else pairs

    some = array(
        pair(key(), struct(user=col("user"))), when(col("user").is_not_null()).then(pair(col("user"), {"user": None}))
    )
    expected = told(of(lambda each: each.flat_map(several)), RECORDS)
    assert without_rows(lambda each: each.flat_map(some)) == expected
    assert len(expected) == 7
    expected = told(of(lambda each: each.flat_map(several).filter(lambda k, v: v["user"] is None)), RECORDS)
    assert without_rows(lambda each: each.flat_map(some).filter(col("user").is_null())) == expected
    assert [each[0] for each in expected] == ["u", "v", "c", "w"]
    # loops within loops, and a function of the application's own in the middle
    twice = array(pair(key(), 1), pair(key(), 2))
    found = without_rows(
        lambda each: each.flat_map(twice).map_values(lambda n: n * 10).flat_map_values(array(value(), 0))
    )
    assert found == [(k, n, at) for k, at in zip("abcd", (1, 2, 3, 4), strict=True) for n in (10, 0, 20, 0)]


def test_explode() -> None:
    chosen = pair(col("user").fill_null("nobody"), col("items")["n"])
    assert without_rows(lambda each: each.flat_map_values(explode("items")).map(chosen)) == [
        ("u", 1, 1),
        ("u", 2, 1),
        ("nobody", 3, 3),
    ]
    assert explode("list")("k", Order(a=1, list=[7, 8])) == [Order(a=1, list=7), Order(a=1, list=8)]
    assert explode("list")("k", None) is None
    assert repr(explode("list")) == "explode('list')"


def test_mistakes_are_told() -> None:
    mistakes: list[tuple[Callable[[KStream[Any, Any]], Any], str]] = [
        (lambda each: each.map(col("user")), "col('user') is of type str, and what is wanted is pair(key, value)"),
        (lambda each: each.flat_map(pair(1, 2)), "pair(1, 2) is of type tuple, and flat_map wants a list of pairs"),
        (lambda each: each.flat_map(array(1)), "an element of array(1) is of type int, and flat_map wants pairs"),
        (lambda each: each.flat_map_values(explode("user")), "user is of type str, and explode wants a list"),
    ]
    for mistake, message in mistakes:
        with pytest.raises(StreamsError) as caught:
            told(of(mistake), RECORDS)
        assert message in str(caught.value.__cause__)
    with pytest.raises(TypeError, match="the name of a column is text"):
        explode(col("items"))  # type: ignore[arg-type]


def test_tables_are_grouped_by_pairs() -> None:
    def build(builder: StreamsBuilder, selector: Any) -> None:
        grouped = builder.table("in", Consumed(STR, JSON)).group_by(selector, Grouped(STR, JSON))
        grouped.aggregate(sum_(value())).to_stream().to("out", Produced(STR, JSON))

    records = [
        ("in", k, v, at)
        for at, (k, v) in enumerate(
            [("a", {"u": "x", "n": 1}), ("b", {"u": "x", "n": 5}), ("a", {"u": "y", "n": 2}), ("b", None)]
        )
    ]
    expected = told(lambda builder: build(builder, lambda _, order: (order["u"], order["n"])), records)
    assert told(lambda builder: build(builder, pair(col("u"), col("n"))), records) == expected
    assert [each[:2] for each in expected] == [("x", 1), ("x", 6), ("x", 5), ("y", 2), ("x", 0)]


def test_more_loops_than_python_can_nest_are_rows() -> None:
    """Within each other Python has twenty blocks at most: such a chain is not fused, and comes to the same."""
    builder = StreamsBuilder()
    stream = builder.stream("in", Consumed(STR, JSON))
    for _ in range(25):
        stream = stream.flat_map_values(array(value()))
    stream.to("out", Produced(STR, JSON))
    with TopologyTestDriver(builder.build(), CONFIG) as driver:
        driver.create_input_topic("in", STR.serializer, JSON.serializer).pipe_input("a", 5)
        assert driver.create_output_topic("out", STR.deserializer, JSON.deserializer).read_key_values_to_list() == [
            ("a", 5)
        ]
