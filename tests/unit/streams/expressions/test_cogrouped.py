"""Aggregates of expressions: `cogroup` with aggregations, and aggregators over what was and what comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.streams.expressions.random_expressions import aggregations
from tests.unit.streams.expressions.test_like_rows import JSON, SETTINGS, STR, WINDOWS, compare, inputs
from tests.unit.streams.expressions.test_sides import told

from ottla.streams import (
    Aggregation,
    Consumed,
    Grouped,
    Materialized,
    Produced,
    SessionWindows,
    StreamsBuilder,
    TimeWindows,
    avg_,
    col,
    count_,
    key,
    left,
    max_,
    right,
    struct,
    sum_,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ottla.streams.record import RawRecord

GROUPED: Grouped[Any, Any] = Grouped(STR, JSON)
STORE: Materialized[Any, Any] = Materialized.with_(STR)
RECORDS: list[Any] = [
    ("orders", "a", {"n": 5}, 10),
    ("payments", "a", {"paid": 3}, 11),
    ("payments", "b", {"paid": 9}, 12),
    ("orders", "a", {"n": 2}, 13),
    ("orders", "b", {"n": None}, 14),
    ("payments", "a", {"paid": 4}, 40),
    ("orders", "a", {"n": 1}, 27),
]
BOTH_WINDOWS = [None, TimeWindows.of_size_and_grace(20, 20), SessionWindows.of_inactivity_gap_and_grace(15, 40)]


def both(builder: StreamsBuilder) -> tuple[Any, Any]:
    orders = builder.stream("orders", Consumed(STR, JSON)).group_by_key(GROUPED)
    return orders, builder.stream("payments", Consumed(STR, JSON)).group_by_key(GROUPED)


def tell(table: Any) -> None:
    table.to_stream(lambda k, _: str(k)).to("out", Produced(STR, JSON))


@pytest.mark.parametrize("windows", BOTH_WINDOWS)
def test_each_stream_has_its_fields(windows: Any) -> None:
    def of_functions(builder: StreamsBuilder) -> None:
        orders, payments = both(builder)

        def ordered(_: Any, order: Any, state: Any) -> Any:
            n = order["n"]
            return state if n is None else {**state, "n": state["n"] + n, "most": max(state["most"] or 0, n)}

        def paid(_: Any, payment: Any, state: Any) -> Any:
            total, count = state["paid"]
            return {**state, "paid": [total + payment["paid"], count + 1]}

        def merged(_: Any, one: Any, two: Any) -> Any:
            most = max((each for each in (one["most"], two["most"]) if each is not None), default=None)
            total = [x + y for x, y in zip(one["paid"], two["paid"], strict=True)]
            return {"n": one["n"] + two["n"], "most": most, "paid": total}

        cogrouped = orders.cogroup(ordered).cogroup(payments, paid)
        cogrouped = cogrouped if windows is None else cogrouped.windowed_by(windows)
        functions: list[Any] = [lambda: {"n": 0, "most": None, "paid": [0, 0]}]
        functions += [merged] if isinstance(windows, SessionWindows) else []
        store: Materialized[Any, Any] = Materialized.with_(STR, JSON)
        table = cogrouped.aggregate(*functions, materialized=store)
        tell(table.map_values(lambda v: v and {**v, "paid": v["paid"][0] / v["paid"][1] if v["paid"][1] else None}))

    def of_aggregations(builder: StreamsBuilder) -> None:
        orders, payments = both(builder)
        cogrouped = orders.cogroup(n=sum_("n"), most=max_("n")).cogroup(payments, paid=avg_("paid"))
        cogrouped = cogrouped if windows is None else cogrouped.windowed_by(windows)
        tell(cogrouped.aggregate(materialized=STORE))

    expected = told(of_functions, RECORDS)
    assert told(of_aggregations, RECORDS) == expected
    assert len(expected) >= len(RECORDS)


def test_streams_may_add_to_one_field() -> None:
    def build(builder: StreamsBuilder) -> None:
        orders, payments = both(builder)
        tell(orders.cogroup(sum_("n")).cogroup(payments, sum_(col("paid") * -1)).aggregate(materialized=STORE))

    assert [each[:2] for each in told(build, RECORDS)] == [
        ("a", 5),
        ("a", 2),
        ("b", -9),
        ("a", 4),
        ("b", -9),
        ("a", 0),
        ("a", 1),
    ]


@given(
    aggregations(),
    aggregations(),
    inputs(),
    st.sampled_from(list(WINDOWS)),
    st.sampled_from([0, 1 << 20]),
    st.booleans(),
)
@SETTINGS
def test_compiled_as_row_by_row(
    one: dict[str, Aggregation],
    two: dict[str, Aggregation],
    records: list[RawRecord],
    windows: str,
    cache: int,
    goes_on: bool,
) -> None:
    other = {f"other_{name}": each for name, each in two.items()}

    def build() -> StreamsBuilder:
        builder = StreamsBuilder()
        first, second = builder.stream("in", Consumed(STR, JSON)).split().branch(key() == "k").default_branch().values()
        cogrouped: Any = first.group_by_key(GROUPED).cogroup(**one).cogroup(second.group_by_key(GROUPED), **other)
        cogrouped = cogrouped if WINDOWS[windows] is None else cogrouped.windowed_by(WINDOWS[windows])
        tell(cogrouped.aggregate(materialized=STORE))
        return builder

    compare(build, records, batch=3, cache=cache, goes_on=goes_on)


def aggregated(builder: StreamsBuilder, windows: Any, aggregator: Any, merger: Any) -> None:
    orders, _ = both(builder)
    grouped = orders if windows is None else orders.windowed_by(windows)
    functions = [lambda: {"n": 0}, aggregator, *([merger] if isinstance(windows, SessionWindows) else [])]
    tell(grouped.aggregate(*functions, materialized=Materialized.with_(STR, JSON)))


def cogrouped(builder: StreamsBuilder, windows: Any, aggregator: Any, merger: Any) -> None:
    orders, _ = both(builder)
    grouped = orders.cogroup(aggregator)
    grouped = grouped if windows is None else grouped.windowed_by(windows)
    functions = [lambda: {"n": 0}, *([merger] if isinstance(windows, SessionWindows) else [])]
    tell(grouped.aggregate(*functions, materialized=Materialized.with_(STR, JSON)))


@pytest.mark.parametrize("build", [aggregated, cogrouped])
@pytest.mark.parametrize("windows", BOTH_WINDOWS)
def test_aggregators_over_what_was_and_what_comes(build: Callable[..., None], windows: Any) -> None:
    records = [each for each in RECORDS if each[0] == "orders"]

    def added(k: Any, order: Any, state: Any) -> Any:
        return {"n": state["n"] + (order["n"] or 0), "last": order["n"], "k": k}

    def merged(k: Any, one: Any, two: Any) -> Any:
        return {"n": one["n"] + two["n"], "k": k}

    expected = told(lambda builder: build(builder, windows, added, merged), records)
    add = struct(n=left("n") + right("n").fill_null(0), last=right("n"), k=key())
    merge = struct(n=left("n") + right("n"), k=key())
    assert told(lambda builder: build(builder, windows, add, merge), records) == expected
    assert len(expected) >= len(records)


def test_aggregators_of_tables() -> None:
    records = [("orders", "a", {"n": 5}, 1), ("orders", "b", {"n": 2}, 2), ("orders", "a", None, 3)]

    def build(builder: StreamsBuilder) -> None:
        grouped = builder.table("orders", Consumed(STR, JSON)).group_by(lambda _, order: ("all", order), GROUPED)
        tell(
            grouped.aggregate(
                lambda: 0, left() + right("n"), left() - right("n"), materialized=Materialized.with_(STR, JSON)
            )
        )

    assert [each[:2] for each in told(build, records)] == [("all", 5), ("all", 7), ("all", 2)]


def test_mistakes_are_told() -> None:
    orders, payments = both(StreamsBuilder())
    with pytest.raises(TypeError, match=r"cogroup needs an aggregator, or aggregations"):
        orders.cogroup()
    with pytest.raises(TypeError, match="give one aggregation, or several by name"):
        orders.cogroup(count_(), n=count_())
    with pytest.raises(TypeError, match=r"n is 5, not an aggregation like sum_\('n'\)"):
        orders.cogroup(n=5)
    with pytest.raises(TypeError, match="not some of both"):
        orders.cogroup(n=count_()).cogroup(payments, lambda *_: 0).aggregate()
    with pytest.raises(TypeError, match="not some of both"):
        orders.cogroup(n=count_()).aggregate(lambda: 0)
    with pytest.raises(TypeError, match="are aggregated by functions"):
        orders.cogroup(lambda *_: 0).aggregate()
    with pytest.raises(
        TypeError, match=r"the field n of cogrouped streams is count_\(\) of one and sum_\(col\('n'\)\)"
    ):
        orders.cogroup(n=count_()).cogroup(payments, n=sum_("n")).aggregate()
    with pytest.raises(TypeError, match="give every cogrouped stream one aggregation"):
        orders.cogroup(count_()).cogroup(payments, n=sum_("n")).aggregate()
