"""Whole applications over expressions: fused and compiled, they do what row operators do, record by record.

The row form: no chain is fused, no expression compiled; each is evaluated node by node, operator by operator. Compared
is all that can be seen: what is sent, in its order, with times; what is dropped; what handlers of errors are asked; and
the error that ends a task, where it ends.
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.streams.expressions.random_expressions import OrderStruct, aggregations, dicts, expressions

from ottla.streams import (
    Aggregation,
    Consumed,
    EmitStrategy,
    Expression,
    Grouped,
    Materialized,
    Produced,
    Serde,
    Serdes,
    SessionWindows,
    SlidingWindows,
    StreamsBuilder,
    TimeWindows,
    array,
    col,
    explode,
    key,
    pair,
    struct,
    value,
    when,
    with_fields,
)
from ottla.streams.expressions.aggregator import Aggregator
from ottla.streams.record import RawRecord, TopicPartition
from ottla.streams.tasks.exception_handlers import LogAndContinueExceptionHandler, Response
from ottla.streams.tasks.stream_task import StreamTask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ottla.streams import KStream
    from ottla.streams.record import Headers, Record
    from ottla.streams.tasks.exception_handlers import ErrorHandlerContext

EXAMPLES = int(os.environ.get("OTTLA_STREAMS_EXAMPLES", "12"))
JSON: Serde[Any] = Serdes.json()
STR = Serdes.str()
SETTINGS = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES <= 60, suppress_health_check=list(HealthCheck)
)


class Collector:
    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes | None, bytes | None, Headers, int]] = []

    def send(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
        timestamp_ms: int,
        partition: int | None,
        /,
    ) -> None:
        self.sent.append((topic, key, value, headers, timestamp_ms))

    def partitions_for(self, topic: str) -> int:
        return 1


class Asked:
    """A handler of processing errors that goes on, and remembers."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []

    def handle_error(self, context: ErrorHandlerContext, record: Record[Any, Any] | None, error: Exception) -> Response:
        node, offset = context.processor_node_id, context.offset
        self.asked.append((node, offset, repr(record), type(error).__name__, str(error)))
        return Response.resume()


class Outcome(NamedTuple):
    sent: list[tuple[str, bytes | None, bytes | None, Headers, int]]
    dropped: list[int]
    asked: list[tuple[Any, ...]]
    error: str


def run(
    build: Callable[[], StreamsBuilder], records: list[RawRecord], *, batch: int, cache: int, goes_on: bool
) -> Outcome:
    handler = Asked()
    config: dict[str, Any] = {
        "application.id": "app",
        "default.key.serde": JSON,
        "default.value.serde": JSON,
        "deserialization.exception.handler": LogAndContinueExceptionHandler,
    }
    if goes_on:
        config["processing.exception.handler"] = handler
    built = build().build().build(config)
    waiting = {"in": records}
    outcome = Outcome([], [], handler.asked, "")
    for sub in built.sub_topologies:
        topic = next(each for source in sub.sources for each in source.topics)
        collector = Collector()
        place = TopicPartition(topic, 0)
        task = StreamTask(sub, 0, [place], "app", built.config, collector, cache_bytes=cache)
        task.open_stores()
        task.initialize({})
        given_records = waiting.pop(topic, [])
        try:
            for start in range(0, len(given_records), batch):
                task.add_records(place, given_records[start : start + batch])
                while task.is_processable(0):
                    task.process(start, batch)
                task.prepare_commit()
                task.post_commit()
        except Exception as error:
            outcome = outcome._replace(error=f"{error} <- {error.__cause__!r} at {task.processed_records}")
        outcome.sent.extend(collector.sent)
        outcome.dropped.append(task.dropped_records)
        for topic, sent_key, sent_value, headers, time_ms in collector.sent:
            more = waiting.setdefault(topic, [])
            more.append(RawRecord(topic, 0, len(more), time_ms, sent_key, sent_value, headers))
        task.close()
    return outcome


@contextmanager
def rows() -> Iterator[None]:
    """Nothing is fused, nothing compiled."""
    with (
        mock.patch("ottla.streams.tasks.wiring.fuse", lambda *_: None),
        mock.patch.object(Expression, "__call__", Expression.row),
        mock.patch.object(Aggregator, "_compiled", lambda self: self.added),
        mock.patch("ottla.streams.expressions.sides.function_of", lambda *_: None),
    ):
        yield


def compare(build: Callable[[], StreamsBuilder], records: list[RawRecord], **how: Any) -> Outcome:
    with rows():
        expected = run(build, records, **how)
    assert run(build, records, **how) == expected
    return expected


# What applications are made of

Step = tuple[str, Any]
LAMBDAS: dict[str, Callable[..., Any]] = {
    "filter": lambda k, v: v != 1,
    "map_values": lambda v: {"a": len(repr(v)), "lambda": v} if isinstance(v, dict) else v,
    "select_key": lambda k, v: v["s"],
    "map": lambda k, v: (k, v + 1 if isinstance(v, int) else v),
    "flat_map": lambda k, v: [(k, v), (v, k), (1, v["a"])],
    "flat_map_values": lambda v: (each for each in (v, 1, v["a"])),
}


def steps() -> st.SearchStrategy[list[Step]]:
    any_of = expressions()
    structs = st.tuples(any_of, any_of).map(lambda both: struct(a=both[0], s=both[1], b=col("b")))
    changed = any_of.map(lambda each: with_fields(value(), a=each))
    pairs = st.tuples(any_of, st.one_of(structs, any_of)).map(lambda both: pair(*both))
    perhaps = st.tuples(any_of, pairs).map(lambda both: when(both[0]).then(both[1]))
    lists = st.tuples(any_of, st.one_of(structs, any_of)).map(lambda both: array(*both))
    lists_of_pairs = st.lists(st.one_of(pairs, pairs, perhaps), max_size=3).map(lambda all_of: array(*all_of))
    step = st.one_of(
        st.tuples(st.just("filter"), any_of),
        st.tuples(st.just("map"), st.one_of(pairs, pairs, perhaps, any_of)),
        st.tuples(st.just("flat_map"), st.one_of(lists_of_pairs, lists_of_pairs, any_of)),
        st.tuples(
            st.just("flat_map_values"), st.one_of(lists, st.sampled_from([explode("list"), col("list")]), any_of)
        ),
        st.tuples(st.just("filter_not"), any_of),
        st.tuples(st.just("map_values"), st.one_of(structs, structs, changed, any_of)),
        st.tuples(st.just("select_key"), any_of),
        st.sampled_from(list(LAMBDAS.items())),
        st.tuples(st.just("split"), any_of),
    )
    return st.lists(step, min_size=1, max_size=5)


WINDOWS: dict[str, Any] = {
    "none": None,
    "tumbling": TimeWindows.of_size_and_grace(10, 5),
    "hopping": TimeWindows.of_size_and_grace(10, 0).advance_by(4),
    "sliding": SlidingWindows.of_time_difference_and_grace(6, 3),
    "session": SessionWindows.of_inactivity_gap_and_grace(3, 4),
}


def application(
    chain: list[Step], fields: dict[str, Aggregation] | None, windows: str, final: bool, serde: Any
) -> StreamsBuilder:
    builder = StreamsBuilder()
    stream: KStream[Any, Any] = builder.stream("in", Consumed(STR, serde))
    for name, function in chain:
        if name == "split":
            branches = stream.split().branch(function).default_branch()
            first, stream = branches.values()
            first.map_values(struct(branch=value())).to("branch", Produced(JSON, JSON))
        else:
            stream = getattr(stream, name)(function)
    if fields is None:
        stream.to("out", Produced(JSON, JSON))
        return builder
    grouped = (
        stream.group_by(key(), Grouped(JSON, JSON)) if len(chain) % 2 else stream.group_by_key(Grouped(JSON, JSON))
    )
    windowed: Any = grouped if WINDOWS[windows] is None else grouped.windowed_by(WINDOWS[windows])
    if final and windows in ("tumbling", "sliding"):
        windowed = windowed.emit_strategy(EmitStrategy.ON_WINDOW_CLOSE)
    table = windowed.aggregate(materialized=Materialized.with_(JSON), **fields)
    table.to_stream(lambda k, v: str(k)).to("out", Produced(STR, JSON))
    return builder


@st.composite
def inputs(draw: st.DrawFn) -> list[RawRecord]:
    """Out of order, within grace and not, with and without keys, and some that are no JSON."""
    made = []
    time_ms = 20
    for offset in range(draw(st.integers(1, 12))):
        time_ms = max(0, time_ms + draw(st.integers(-9, 12)))
        data: Any = draw(st.one_of(dicts(), dicts(), dicts(), st.sampled_from([None, 5, "a", b"{broken"])))
        encoded = data if data is None or isinstance(data, bytes) else json.dumps(data).encode()
        record_key = draw(st.sampled_from([b"k", b"k", b"l", None]))
        headers = draw(st.sampled_from([(), (("h", b"1"),)]))
        made.append(RawRecord("in", 0, offset, time_ms, record_key, encoded, headers))
    return made


@pytest.mark.parametrize("goes_on", [True, False], ids=["a handler", "no handler"])
def test_chains(goes_on: bool) -> None:
    @given(steps(), inputs(), st.sampled_from([1, 3, 100]), st.booleans())
    @SETTINGS
    def compared(chain: list[Step], records: list[RawRecord], batch: int, structs: bool) -> None:
        serde = Serdes.json(OrderStruct) if structs else JSON
        compare(lambda: application(chain, None, "none", False, serde), records, batch=batch, cache=0, goes_on=goes_on)

    compared()


@pytest.mark.parametrize("windows", WINDOWS)
def test_aggregations(windows: str) -> None:
    @given(
        st.lists(st.tuples(st.just("filter"), expressions()), max_size=2),
        aggregations(),
        inputs(),
        st.sampled_from([1, 4, 100]),
        st.sampled_from([0, 1 << 20]),
        st.booleans(),
        st.booleans(),
    )
    @SETTINGS
    def compared(
        chain: list[Step],
        fields: dict[str, Aggregation],
        records: list[RawRecord],
        batch: int,
        cache: int,
        goes_on: bool,
        final: bool,
    ) -> None:
        def build() -> StreamsBuilder:
            return application(chain, fields, windows, final, JSON)

        compare(build, records, batch=batch, cache=cache, goes_on=goes_on)

    compared()
