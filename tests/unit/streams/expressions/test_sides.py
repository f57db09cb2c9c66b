"""Expressions over two values, and those that are lists: joiners, reducers, foreign keys, `flat_map_values`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.streams.expressions.random_expressions import Order, OrderStruct, expressions_of_both, values

from ottla.streams import (
    Consumed,
    Expression,
    ExpressionError,
    Grouped,
    Joined,
    JoinWindows,
    Materialized,
    Produced,
    Serde,
    Serdes,
    SessionWindows,
    StreamJoined,
    StreamsBuilder,
    StreamsError,
    TimeWindows,
    TopologyTestDriver,
    col,
    key,
    left,
    lit,
    right,
    struct,
    value,
    with_fields,
)
from ottla.streams.expressions.pair import Pair
from ottla.streams.expressions.sides import of_both, of_key_and_both
from ottla.streams.record import RawRecord, TopicPartition
from ottla.streams.tasks.stream_task import StreamTask

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLES = int(os.environ.get("OTTLA_STREAMS_EXAMPLES", "60"))
STR = Serdes.str()
JSON: Serde[Any] = Serdes.json()
CONFIG = {"application.id": "app", "default.key.serde": STR, "default.value.serde": JSON}


def outcome(function: Any, *arguments: Any) -> tuple[str, str]:
    try:
        found = function(*arguments)
    except ExpressionError as error:
        return "ExpressionError", str(error)
    return type(found).__name__, repr(found)


@given(expressions_of_both(), st.lists(st.tuples(values(), values()), min_size=1, max_size=3))
@settings(max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES <= 60, suppress_health_check=list(HealthCheck))
def test_the_compiled_form_is_the_row_form(expression: Expression, records: list[tuple[Any, Any]]) -> None:
    function = of_key_and_both(expression)
    for one, two in [*records, ({}, None)]:
        assert outcome(function, "k", one, two) == outcome(expression.row, "k", Pair(one, two)), repr(expression)


def test_what_they_mean() -> None:
    total = left("a") * right("b") + 1
    records: list[Any] = [{"a": 2, "b": 3}, Order(a=2, b=3), OrderStruct(a=2, b=3)]
    with mock.patch.object(Expression, "row", side_effect=AssertionError("not compiled")):
        joiner = of_key_and_both(struct(k=key(), total=total, whole=right()))
        for one in records:
            for two in records:
                assert joiner("k", one, two) == {"k": "k", "total": 7, "whole": two}
        assert joiner("k", {"a": 2}, None) == {"k": "k", "total": None, "whole": None}
        assert of_both(left() + right())(2, 3) == 5
        assert of_both(with_fields(left(), b=right("a")))({"a": 1}, {"a": 7}) == {"a": 1, "b": 7}
    assert of_both(max) is max


def test_mistakes_are_told() -> None:
    for mistake in (col("a") + left("b"), value(), struct(x=right() + value()["a"])):
        with pytest.raises(TypeError, match="say left or right instead of"):
            of_key_and_both(mistake)
    with pytest.raises(TypeError, match="there is no key here"):
        of_both(struct(k=key()))
    with pytest.raises(TypeError, match="the name of a column is text, not 5"):
        left(5)  # type: ignore[arg-type]
    for misplaced in (left("a") > 1, right() > 1):
        with pytest.raises(ExpressionError, match="is for joiners, reducers and aggregators"):
            misplaced("k", {"a": 5})
    with pytest.raises(ExpressionError) as caught:
        of_key_and_both(left("a") * right("b"))("k", {"a": 1}, {"b": "x"})
    assert str(caught.value) == (
        "left('a') * right('b') failed for the record with the key 'k' and the value Pair(left={'a': 1}, "
        "right={'b': 'x'}): left('a') * right('b') of 1, 'x': bad operand type for unary +: 'str'"
    )


def told(build: Callable[[StreamsBuilder], None], records: list[tuple[str, str, Any, int]]) -> list[Any]:
    """Keys, values and timestamps of `out`."""
    builder = StreamsBuilder()
    build(builder)
    with TopologyTestDriver(builder.build(), CONFIG) as driver:
        topics = {
            name: driver.create_input_topic(name, STR.serializer, JSON.serializer)
            for name in {each[0] for each in records}
        }
        out = driver.create_output_topic("out", STR.deserializer, JSON.deserializer)
        for topic, record_key, record, time_ms in records:
            topics[topic].pipe_input(record_key, record, time_ms)
        return [(each.key, each.value, each.timestamp_ms) for each in out.read_records_to_list()]


ORDERS = [
    ("table", "a", {"name": "tea", "rate": 2}, 0),
    ("orders", "a", {"n": 5, "of": "a"}, 10),
    ("orders", "b", {"n": 1, "of": "a"}, 11),
    ("table", "b", {"name": "milk", "rate": None}, 12),
    ("orders", "b", {"n": 4, "of": "b"}, 15),
    ("orders", "a", {"n": 7, "of": None}, 16),
    ("table", "a", {"name": "tea", "rate": 3}, 17),
    ("table", "b", None, 18),
    ("orders", "b", {"n": 9, "of": "a"}, 40),
]
JOINED = struct(n=left("n") * right("rate"), name=right("name"), was=left("n"))


def joined(one: Any, two: Any) -> Any:
    rate = None if two is None else two["rate"]
    n = None if one is None else one["n"]
    return {
        "n": None if n is None or rate is None else n * rate,
        "name": None if two is None else two["name"],
        "was": n,
    }


def _stream_table(how: str, joiner: Any) -> Callable[[StreamsBuilder], None]:
    def build(builder: StreamsBuilder) -> None:
        stream = builder.stream("orders", Consumed(STR, JSON))
        table: Any = builder.table("table", Consumed(STR, JSON))
        getattr(stream, how)(table, joiner, joined=Joined.with_(STR, JSON, JSON)).to("out", Produced(STR, JSON))

    return build


def _stream_stream(how: str, joiner: Any) -> Callable[[StreamsBuilder], None]:
    def build(builder: StreamsBuilder) -> None:
        stream, other = builder.stream("orders", Consumed(STR, JSON)), builder.stream("table", Consumed(STR, JSON))
        windows = JoinWindows.of_time_difference_and_grace(5, 1)
        options = {"joined": StreamJoined(STR, JSON, JSON)}
        getattr(stream, how)(other, joiner, windows, **options).to("out", Produced(STR, JSON))

    return build


def _global(how: str, joiner: Any) -> Callable[[StreamsBuilder], None]:
    selector = col("of") if isinstance(joiner, Expression) else lambda _, order: order["of"]

    def build(builder: StreamsBuilder) -> None:
        stream, table = (
            builder.stream("orders", Consumed(STR, JSON)),
            builder.global_table("table", Consumed(STR, JSON)),
        )
        getattr(stream, how)(table, joiner, key_selector=selector).to("out", Produced(STR, JSON))

    return build


def _tables(how: str, joiner: Any) -> Callable[[StreamsBuilder], None]:
    def build(builder: StreamsBuilder) -> None:
        one, two = builder.table("orders", Consumed(STR, JSON)), builder.table("table", Consumed(STR, JSON))
        getattr(one, how)(two, joiner).to_stream().to("out", Produced(STR, JSON))

    return build


def _foreign_key(how: str, joiner: Any) -> Callable[[StreamsBuilder], None]:
    extractor = col("of") if isinstance(joiner, Expression) else lambda order: order["of"]

    def build(builder: StreamsBuilder) -> None:
        one, two = builder.table("orders", Consumed(STR, JSON)), builder.table("table", Consumed(STR, JSON))
        store = Materialized.with_(STR, JSON)
        getattr(one, how)(two, joiner, foreign_key=extractor, materialized=store).to_stream().to(
            "out", Produced(STR, JSON)
        )

    return build


@pytest.mark.parametrize("how", ["join", "left_join", "outer_join"])
@pytest.mark.parametrize("kind", [_stream_table, _stream_stream, _global, _tables, _foreign_key])
def test_joins(kind: Any, how: str) -> None:
    if how == "outer_join" and kind not in (_stream_stream, _tables):
        return
    expected = told(kind(how, joined), ORDERS)
    assert told(kind(how, JOINED), ORDERS) == expected
    assert len(expected) >= 2


def test_a_joiner_that_sees_the_key() -> None:
    expected = told(
        lambda builder: _with_key(builder, lambda k, one, two: {"k": k, "n": one["n"], "name": two["name"]}), ORDERS
    )
    expression = struct(k=key(), n=left("n"), name=right("name"))
    assert told(lambda builder: _with_key(builder, expression), ORDERS) == expected
    assert len(expected) >= 2


def _with_key(builder: StreamsBuilder, joiner: Any) -> None:
    table = builder.table("table", Consumed(STR, JSON))
    builder.stream("orders", Consumed(STR, JSON)).join(table, with_key=joiner).to("out", Produced(STR, JSON))


REDUCED = struct(n=left("n") + right("n"), of=right("of"))


def reduced(total: Any, order: Any) -> Any:
    return {"n": total["n"] + order["n"], "of": order["of"]}


@pytest.mark.parametrize(
    "windows", [None, TimeWindows.of_size_and_grace(10, 5), SessionWindows.of_inactivity_gap_and_grace(3, 9)]
)
def test_reducers_of_streams(windows: Any) -> None:
    def build(builder: StreamsBuilder, reducer: Any) -> None:
        grouped: Any = builder.stream("orders", Consumed(STR, JSON)).group_by(lambda *_: "all", Grouped(STR, JSON))
        grouped = grouped if windows is None else grouped.windowed_by(windows)
        grouped.reduce(reducer).to_stream(lambda k, _: str(k)).to("out", Produced(STR, JSON))

    records = [each for each in ORDERS if each[0] == "orders"]
    expected = told(lambda builder: build(builder, reduced), records)
    assert told(lambda builder: build(builder, REDUCED), records) == expected
    assert len(expected) >= 4


def test_reducers_of_tables() -> None:
    def build(builder: StreamsBuilder, adder: Any, subtractor: Any) -> None:
        table = builder.table("orders", Consumed(STR, JSON))
        grouped = table.group_by(lambda _, order: ("all", order), Grouped(STR, JSON))
        grouped.reduce(adder, subtractor).to_stream().to("out", Produced(STR, JSON))

    records = [each for each in ORDERS if each[0] == "orders"]

    def less(total: Any, order: Any) -> Any:
        return {"n": total["n"] - order["n"], "of": total["of"]}

    expected = told(lambda builder: build(builder, reduced, less), records)
    assert (
        told(lambda builder: build(builder, REDUCED, with_fields(left(), n=left("n") - right("n"))), records)
        == expected
    )
    assert expected[-1][1]["n"] == 7 + 9


def test_flat_map_values() -> None:
    def build(builder: StreamsBuilder) -> None:
        stream = builder.stream("in", Consumed(STR, JSON))
        stream.flat_map_values(col("items")).filter(col("n") > 1).to("out", Produced(STR, JSON))

    records: list[Any] = [
        ("in", "a", {"items": [{"n": 1}, {"n": 2}, {"n": 3}]}, 1),
        ("in", "b", {"items": []}, 2),
        ("in", "c", {"items": None}, 3),
        ("in", "d", None, 4),
        ("in", "e", {"items": [{"n": 5}]}, 5),
    ]
    assert told(build, records) == [("a", {"n": 2}, 1), ("a", {"n": 3}, 1), ("e", {"n": 5}, 5)]
    with pytest.raises(StreamsError) as caught:
        told(build, [("in", "a", {"items": "text"}, 1)])
    assert "col('items') is of type str, and flat_map_values wants a list" in str(caught.value.__cause__)


def test_one_record_of_a_batch_goes_by_rows_and_the_others_do_not() -> None:
    """Where the generated code of a chain fails, that record alone is given to the row operators, in its place."""
    builder = StreamsBuilder()
    stream = builder.stream("in", Consumed(STR, JSON))
    stream = stream.filter(col("n") > 1).map_values(lambda order: {**order, "seen": True})
    stream.map_values(struct(half=lit(1) / col("n"), seen=col("seen"))).to("out", Produced(STR, JSON))
    built = builder.build().build({**CONFIG, "processing.exception.handler": Continue()})
    sent: list[tuple[bytes | None, bytes | None]] = []
    collector = mock.Mock(send=lambda topic, record_key, record, *_: sent.append((record_key, record)))
    place = TopicPartition("in", 0)
    (sub,) = built.sub_topologies
    task = StreamTask(sub, 0, [place], "app", built.config, collector)
    task.initialize({})
    rows = [b'{"n": 2}', b'{"n": "two"}', b'{"n": 4}', b'{"n": 1}', b'{"n": 8}']
    task.add_records(place, [RawRecord("in", 0, at, at, b"k%d" % at, row, ()) for at, row in enumerate(rows)])
    by_rows: list[Any] = []
    evaluate = Expression.row

    def watched(self: Expression, record_key: Any, record: Any) -> Any:
        by_rows.append(record_key)
        return evaluate(self, record_key, record)

    with mock.patch.object(Expression, "row", watched):
        assert task.process(0, 100) == 5  # one batch
    assert sent == [
        (b"k0", b'{"half":0.5,"seen":true}'),
        (b"k2", b'{"half":0.25,"seen":true}'),
        (b"k4", b'{"half":0.125,"seen":true}'),
    ]
    assert set(by_rows) == {"k1"}
    task.close()


class Continue:
    def handle_error(self, context: Any, record: Any, error: Exception) -> Any:
        from ottla.streams.tasks.exception_handlers import Response

        return Response.resume()
