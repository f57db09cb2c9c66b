"""Random op-trees over key-value operators, and inputs out of order, for Hypothesis."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

Op = dict[str, Any]

TEXT, LONG = "string", "long"
MAX_STEPS = 7

FROM_ANY_TO_TEXT = ("upper", "tag", "text", "first_char")
PREDICATES = ("always", "is_even", "key_is_even", "has_key", "is_early", "never")


@dataclass(frozen=True)
class Made:
    """A stream, a table or a global table that later operators may use; `value` names its serde."""

    id: str
    kind: str
    value: str


class _Tree:
    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.ops: list[Op] = []
        self.made: list[Made] = []
        self.topics: list[str] = []
        self.used: set[str] = set()

    def pick(self, *choices: Any) -> Any:
        return self.draw(st.sampled_from(choices))

    def maybe(self) -> bool:
        return self.draw(st.booleans())

    def one(self, kind: str, value: str | None = None) -> Made | None:
        found = [each for each in self.made if each.kind == kind and value in (None, each.value)]
        return self.draw(st.sampled_from(found)) if found else None

    def add(self, op: str, kind: str, value: str, on: Made | list[Made] | None = None, /, **options: Any) -> Made:
        made = Made(f"n{len(self.ops)}", kind, value)
        statement: Op = {"id": made.id, "op": op, **options}
        if on is not None:
            self.used |= {each.id for each in (on if isinstance(on, list) else [on])}
            statement["on"] = [each.id for each in on] if isinstance(on, list) else on.id
        self.ops.append(statement)
        if kind != "grouped":
            self.made.append(made)
        return made

    def materialized(self, value: str, *, always: bool = False) -> Op:
        if not always and self.maybe():
            return {}
        given: Op = {"name": f"store{len(self.ops)}", "value": value}
        if self.maybe():
            given["caching"] = self.maybe()
        if self.maybe():
            given["supplier"] = self.pick("in_memory", "in_memory", "plain", "lru")
            if given["supplier"] == "lru":
                given["max_entries"] = 2
        return {"materialized": given}

    # Sources

    def source(self) -> None:
        kind = self.pick("stream", "stream", "table", "table", "global_table")
        topic = f"t{len(self.topics)}"
        self.topics.append(topic)
        if kind == "stream":
            self.add("stream", "stream", TEXT, topics=[topic])
        else:
            self.add(kind, kind, TEXT, topic=topic, **self.materialized(TEXT))

    # Streams

    def stream_step(self) -> None:
        on = self.one("stream")
        if on is None:
            return
        step = self.pick(
            self._stream_values,
            self._stream_keys,
            self._filter_stream,
            self._aggregate_stream,
            self._aggregate_stream,
            self._stream_table_join,
            self._stream_table_join,
            self._others,
        )
        step(on)

    def _filter_stream(self, on: Made) -> None:
        self.add(self.pick("filter", "filter_not"), "stream", on.value, on, fn=self.pick(*PREDICATES))

    def _stream_values(self, on: Made) -> None:
        fn = self.pick("same", *FROM_ANY_TO_TEXT, "length", "null_if_even", "words", "twice", "concat")
        if fn == "concat":
            self.add("map_values", "stream", TEXT, on, with_key=fn)
        elif fn in ("words", "twice"):
            self.add("flat_map_values", "stream", TEXT, on, fn=fn)
        elif fn in FROM_ANY_TO_TEXT:
            self.add("map_values", "stream", TEXT, on, fn=fn)
        elif fn == "length":
            self.add("map_values", "stream", LONG, on, fn=fn)
        else:
            self.add("map_values", "stream", on.value, on, fn="identity" if fn == "same" else fn)

    def _stream_keys(self, on: Made) -> None:
        fn = self.pick("first_char", "value", "text_key", "length_key", "swap", "by_first_char", "by_word", "length")
        if fn == "length":
            self.add("map", "stream", LONG, on, fn="length_by_first_char")
        elif fn in ("swap", "by_first_char"):
            self.add("map", "stream", TEXT, on, fn=fn)
        elif fn == "by_word":
            self.add("flat_map", "stream", TEXT, on, fn=fn)
        else:
            self.add("select_key", "stream", on.value, on, fn=fn)

    def _others(self, on: Made) -> None:
        kind = self.pick("merge", "process", "process_values", "repartition", "to_table", "split")
        if kind == "merge":
            other = self.one("stream", on.value)
            assert other is not None
            self.add("merge", "stream", on.value, [on, other])
        elif kind == "process":
            self.add("process", "stream", TEXT, on, fn="swap")
        elif kind == "process_values":
            self.add("process_values", "stream", TEXT, on, fn="tag")
        elif kind == "repartition":
            self.add("repartition", "stream", on.value, on, repartitioned={"value": on.value})
        elif kind == "to_table":
            self.add("to_table", "table", on.value, on, **self.materialized(on.value, always=on.value == LONG))
        else:
            branches = [{"fn": self.pick(*PREDICATES)} for _ in range(self.pick(1, 2))]
            split = self.add("split", "split", on.value, on, branches=branches, default={})
            for name in ("0", "default"):
                self.made.append(Made(f"{split.id}.{name}", "stream", on.value))

    def _grouped(self, on: Made) -> Made:
        if on.kind == "table":
            fn = self.pick("by_first_char", "tag_value", "swap", "length_by_first_char")
            value = LONG if fn == "length_by_first_char" else TEXT
            return self.add("group_by", "grouped", value, on, fn=fn, grouped={"value": value})
        if self.maybe():
            return self.add("group_by_key", "grouped", on.value, on, grouped={"value": on.value})
        fn = self.pick("first_char", "value", "length_key")
        return self.add("group_by", "grouped", on.value, on, fn=fn, grouped={"value": on.value})

    def _aggregate_stream(self, on: Made) -> None:
        grouped = self._grouped(on)
        kind = self.pick("count", "reduce", "aggregate", "sum")
        if kind == "count":
            self.add("count", "table", LONG, grouped, **self.materialized(LONG))
        elif kind == "reduce":
            fn = "add" if grouped.value == LONG else self.pick("concat", "last", "max")
            self.add("reduce", "table", grouped.value, grouped, fn=fn, **self.materialized(grouped.value, always=True))
        elif kind == "aggregate":
            options = {"initializer": "empty", "fn": self.pick("concat", "null_if_even")}
            self.add("aggregate", "table", TEXT, grouped, **options, **self.materialized(TEXT))
        else:
            options = {"initializer": "zero", "fn": "sum"}
            self.add("aggregate", "table", LONG, grouped, **options, **self.materialized(LONG, always=True))

    def _stream_table_join(self, on: Made) -> None:
        kind = self.pick("join", "left_join")
        other = self.one("global_table") if self.pick(0, 0, 1) else self.one("table")
        if other is None:
            return
        by = {"with_key": "join_with_key"} if self.maybe() else {"fn": self.pick("join", "null_if_even")}
        if other.kind == "global_table":
            selector = self.pick("value", "first_char", "same_key")
            self.add(kind, "stream", TEXT, [on, other], key_selector=selector, **by)
        else:
            joined = {"value": on.value, "other_value": other.value}
            self.add(kind, "stream", TEXT, [on, other], joined=joined, **by)

    # Tables

    def table_step(self) -> None:
        on = self.one("table")
        if on is None:
            return
        step = self.pick(
            self._table_values,
            self._table_values,
            self._aggregate_table,
            self._join_tables,
            self._join_tables,
            self._foreign_key_join,
            self._to_stream,
        )
        step(on)

    def _table_values(self, on: Made) -> None:
        kind = self.pick("filter", "filter_not", "map_values", "map_values", "transform_values")
        if kind in ("filter", "filter_not"):
            fn = self.pick(*PREDICATES)
            self.add(kind, "table", on.value, on, fn=fn, **self.materialized(on.value))
        elif kind == "transform_values":
            self.add(kind, "table", TEXT, on, fn="concat", **self.materialized(TEXT))
        else:
            fn = self.pick(*FROM_ANY_TO_TEXT, "length", "null_if_even")
            value = {"length": LONG, "null_if_even": on.value}.get(fn, TEXT)
            self.add(kind, "table", value, on, fn=fn, **self.materialized(value))

    def _aggregate_table(self, on: Made) -> None:
        grouped = self._grouped(on)
        kind = self.pick("count", "reduce", "aggregate")
        if kind == "count":
            self.add("count", "table", LONG, grouped, **self.materialized(LONG))
        elif kind == "reduce":
            names = ("add", "subtract") if grouped.value == LONG else ("concat", "concat_minus")
            options = dict(zip(("fn", "subtractor"), names, strict=True))
            self.add(
                "reduce", "table", grouped.value, grouped, **options, **self.materialized(grouped.value, always=True)
            )
        elif self.maybe():
            options = {"initializer": "empty", "fn": "concat", "subtractor": "concat_minus"}
            self.add("aggregate", "table", TEXT, grouped, **options, **self.materialized(TEXT))
        else:
            options = {"initializer": "zero", "fn": "sum", "subtractor": "subtract"}
            self.add("aggregate", "table", LONG, grouped, **options, **self.materialized(LONG, always=True))

    def _join_tables(self, on: Made) -> None:
        other = self.one("table")
        assert other is not None
        kind = self.pick("join", "left_join", "outer_join")
        self.add(kind, "table", TEXT, [on, other], fn=self.pick("join", "null_if_even"), **self.materialized(TEXT))

    def _foreign_key_join(self, _: Made) -> None:
        on, other = self.one("table", TEXT), self.one("table", TEXT)
        if on is None or other is None:
            return
        kind = self.pick("join", "left_join")
        by = self.pick(
            {"foreign_key": "first_char"}, {"foreign_key": "value"}, {"foreign_key_with_key": "key_first_char"}
        )
        self.add(
            kind, "table", TEXT, [on, other], fn=self.pick("join", "null_if_even"), **by, **self.materialized(TEXT)
        )

    def _to_stream(self, on: Made) -> None:
        self.add("to_stream", "stream", on.value, on)

    # The end

    def finish(self) -> None:
        for each in list(self.made):
            if each.id in self.used or each.kind == "global_table":
                continue
            stream = self.add("to_stream", "stream", each.value, each) if each.kind == "table" else each
            if each.kind != "split":
                self.ops.append(
                    {"op": "to", "on": stream.id, "topic": f"out-{each.id}", "produced": {"value": each.value}}
                )


@st.composite
def op_trees(draw: st.DrawFn) -> tuple[list[Op], list[str]]:
    """Statements, and the topics that they read."""
    tree = _Tree(draw)
    for _ in range(draw(st.integers(1, 3))):
        tree.source()
    for _ in range(draw(st.integers(1, MAX_STEPS))):
        (tree.stream_step if tree.maybe() else tree.table_step)()
    tree.finish()
    return tree.ops, tree.topics


KEYS = st.sampled_from(["a", "b", "ab", "c", None])
VALUES = st.sampled_from(["a", "b", "x", "ab", "a b", "b ab", "", "c", None])
HEADERS = st.sampled_from([[], [], [], [["h", "eA=="]], [["h", None], ["i", ""]]])


def encoded(text: str | None) -> str | None:
    return None if text is None else b64encode(text.encode()).decode()


def record(topic: str, key: str | None, value: str | None, timestamp_ms: int, headers: Any = ()) -> Op:
    return {
        "topic": topic,
        "key": encoded(key),
        "value": encoded(value),
        "timestamp": timestamp_ms,
        "headers": list(headers),
    }


def inputs(topics: list[str], max_size: int = 15) -> st.SearchStrategy[list[Op]]:
    piped = st.builds(record, st.sampled_from(topics), KEYS, VALUES, st.integers(0, 60), HEADERS)
    advanced = st.builds(lambda by_ms: {"advance_wall_clock_ms": by_ms}, st.sampled_from([1, 50, 200]))
    return st.lists(st.one_of(piped, piped, piped, piped, piped, piped, piped, advanced), min_size=1, max_size=max_size)


CONFIGS = st.fixed_dictionaries(
    {},
    optional={
        "statestore.cache.max.bytes": st.just("0"),
        "topology.optimization": st.just("all"),
        "dsl.store.format": st.just("HEADERS"),
    },
)


@st.composite
def questions(draw: st.DrawFn) -> dict[str, Any]:
    ops, topics = draw(op_trees())
    return {"ops": ops, "inputs": draw(inputs(topics)), "config": draw(CONFIGS)}
