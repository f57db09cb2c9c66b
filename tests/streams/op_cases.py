"""One op-tree for each operator of the DSL and its options, and some in which operators meet."""

from __future__ import annotations

from typing import Any, Final

Op = dict[str, Any]
Ops = list[Op]


def op(name: str | None, kind: str, on: Any = None, /, **options: Any) -> Op:
    made: Op = {"op": kind, **options}
    if name is not None:
        made["id"] = name
    if on is not None:
        made["on"] = on
    return made


def stream(name: str, /, *topics: str, **consumed: Any) -> Op:
    made = op(name, "stream", topics=list(topics or (name,)))
    return made | {"consumed": consumed} if consumed else made


def table(name: str, topic: str | None = None, /, **options: Any) -> Op:
    return op(name, "table", topic=topic or name, **options)


S: Final = stream("s", "in")
KEYED: Final = [S, op("k", "select_key", "s", fn="first_char")]
COUNTED: Final = [S, op("g", "group_by_key", "s"), op("t", "count", "g")]
WINDOWS: Final[dict[str, Op]] = {
    "tumbling": {"kind": "time", "size_ms": 10},
    "hopping": {"kind": "time", "size_ms": 10, "advance_ms": 5, "grace_ms": 20},
    "unlimited": {"kind": "unlimited", "start_ms": 5},
    "sliding": {"kind": "sliding", "difference_ms": 10, "grace_ms": 5},
    "session": {"kind": "session", "gap_ms": 10, "grace_ms": 5},
}
JOIN: Final = {"difference_ms": 10, "grace_ms": 5}

CASES: Final[dict[str, Ops]] = {}


def _case(name: str, *ops: Op) -> None:
    assert name not in CASES, name
    CASES[name] = list(ops)


def _stateless() -> None:
    for kind, fn in (
        ("filter", "is_even"),
        ("filter_not", "is_even"),
        ("select_key", "value"),
        ("map", "swap"),
        ("flat_map", "by_word"),
        ("map_values", "upper"),
        ("flat_map_values", "words"),
    ):
        _case(kind, S, op("m", kind, "s", fn=fn), op(None, "to", "m", topic="out"))
        _case(f"{kind} named", S, op("m", kind, "s", fn=fn, named="mine"), op(None, "to", "m", topic="out"))
    _case("map_values with key", S, op("m", "map_values", "s", with_key="concat"), op(None, "to", "m", topic="out"))
    _case("flat_map_values with key", S, op("m", "flat_map_values", "s", with_key="key_and_value"))
    for kind in ("peek", "foreach", "print"):
        _case(kind, S, op("m", kind, "s"))
        _case(f"{kind} named", S, op("m", kind, "s", named="mine"))
    _case("several topics", stream("s", "b", "a", "c", "topic-4"), op(None, "to", "s", topic="out"))
    _case("a pattern", op("s", "stream", pattern="in-.*"), op(None, "to", "s", topic="out"))
    _case("the same topics twice", S, stream("r", "in"), op("m", "map_values", "r", fn="upper"), op(None, "peek", "s"))
    _case(
        "the same pattern twice",
        op("s", "stream", pattern="x.*"),
        op("r", "stream", pattern="x.*"),
        op(None, "peek", "r"),
    )
    _case("a named source", stream("s", "in", name="source", offset_reset="latest"), op(None, "to", "s", topic="out"))
    _case("to, named", S, op(None, "to", "s", topic="out", produced={"name": "sink"}))
    _case("to, by an extractor", S, op(None, "to", "s", extractor=True))
    _case("merge", S, stream("r"), op("m", "merge", ["s", "r"]), op(None, "to", "m", topic="out"))
    _case(
        "merge with itself",
        S,
        op("f", "filter", "s", fn="is_even"),
        op("m", "merge", ["f", "f"]),
        op(None, "peek", "m"),
    )
    _case("merge named", S, stream("r"), op("m", "merge", ["s", "r"], named="mine"))
    branches = [{"fn": "is_even"}, {"fn": "is_early", "name": "-early"}]
    _case("split", S, op("b", "split", "s", branches=branches, default={}), op(None, "to", "b.0", topic="out"))
    _case("split named", S, op("b", "split", "s", named="b-", branches=branches, default={"name": "rest"}))
    _case("split without default", S, op("b", "split", "s", branches=branches), op(None, "to", "b.1", topic="out"))
    _case("process", S, op("p", "process", "s", fn="swap"), op(None, "to", "p", topic="out"))
    _case(
        "process named",
        S,
        op("p", "process", "s", fn="swap", named="mine"),
        op("g", "group_by_key", "p"),
        op("c", "count", "g"),
    )
    counts = op(None, "add_state_store", name="counts", key="string", value="long")
    _case("process with a store", counts, S, op("p", "process", "s", fn="count_in_store", stores=["counts"]))
    _case(
        "a store of two processors",
        counts,
        S,
        stream("r"),
        op("p", "process", "s", fn="count_in_store", stores=["counts"]),
        op("q", "process", "r", fn="count_in_store", stores=["counts"]),
    )
    _case("process_values", S, op("p", "process_values", "s", fn="tag"), op(None, "to", "p", topic="out"))
    _case("process_values named", S, op("p", "process_values", "s", fn="tag", named="mine"))


def _repartition() -> None:
    _case("repartition", S, op("r", "repartition", "s"), op(None, "to", "r", topic="out"))
    options = {"name": "mine", "partitions": 3}
    _case("repartition named", S, op("r", "repartition", "s", repartitioned=options), op(None, "to", "r", topic="out"))
    _case(
        "repartition after a key change",
        *KEYED,
        op("r", "repartition", "k"),
        op("g", "group_by_key", "r"),
        op("c", "count", "g"),
    )
    for name, first in (("", [S]), (" after a key change", KEYED)):
        on = first[-1]["id"]
        _case(f"to_table{name}", *first, op("t", "to_table", on), op("u", "to_stream", "t"))
        _case(f"to_table named{name}", *first, op("t", "to_table", on, named="mine"))
        _case(f"to_table materialized{name}", *first, op("t", "to_table", on, materialized={"name": "store"}))
        _case(f"to_table both{name}", *first, op("t", "to_table", on, named="mine", materialized={"name": "store"}))


def _aggregations() -> None:
    options: dict[str, Op] = {
        "": {},
        " named": {"named": "mine"},
        " materialized": {"materialized": {"name": "store"}},
        " with serdes": {"materialized": {"key": "string"}},
        " both": {"named": "mine", "materialized": {"name": "store", "logging": False}},
    }
    for name, given in options.items():
        for grouping, first in (
            ("group_by_key", [S, op("g", "group_by_key", "s")]),
            ("group_by_key after a key change", [*KEYED, op("g", "group_by_key", "k")]),
            ("group_by", [S, op("g", "group_by", "s", fn="first_char")]),
            ("group_by named", [S, op("g", "group_by", "s", fn="first_char", grouped={"name": "group"})]),
        ):
            _case(f"{grouping}, count{name}", *first, op("c", "count", "g", **given))
            if given.keys() == {"named"}:
                continue  # Java has no such overload
            _case(f"{grouping}, reduce{name}", *first, op("c", "reduce", "g", fn="concat", **given))
            aggregate = op("c", "aggregate", "g", fn="concat", initializer="empty", **given)
            _case(f"{grouping}, aggregate{name}", *first, aggregate)
        groupings: tuple[Op, ...] = ({}, {"grouped": {"name": "group"}})
        for grouped in groupings:
            first = [table("t"), op("g", "group_by", "t", fn="by_first_char", **grouped)]
            what = f"of a table{' with a named topic' if grouped else ''}{name}"
            _case(f"count {what}", *first, op("c", "count", "g", **given))
            if given.keys() != {"named"}:
                _case(f"reduce {what}", *first, op("c", "reduce", "g", fn="concat", subtractor="concat_minus", **given))
            pair = {"fn": "concat", "subtractor": "concat_minus", "initializer": "empty"}
            _case(f"aggregate {what}", *first, op("c", "aggregate", "g", **pair, **given))
    group = op("g", "group_by", "s", fn="first_char", grouped={"name": "group"})
    _case("two aggregations of one named grouping", S, group, op("c", "count", "g"), op("d", "reduce", "g", fn="last"))
    group = op("g", "group_by", "s", fn="first_char")
    _case("two aggregations of one grouping", S, group, op("c", "count", "g"), op("d", "reduce", "g", fn="last"))


def _windows() -> None:
    options: dict[str, Op] = {
        "": {},
        " named": {"named": "mine"},
        " materialized": {"materialized": {"name": "store"}},
        " with serdes": {"materialized": {"key": "string"}},
        " both": {"named": "mine", "materialized": {"name": "store"}},
    }
    for kind, windows in WINDOWS.items():
        first = [*KEYED, op("g", "group_by_key", "k"), op("w", "windowed_by", "g", windows=windows)]
        merger = {"merger": "concat"} if kind == "session" else {}
        for name, given in options.items():
            _case(f"{kind}, count{name}", *first, op("c", "count", "w", **given), op("o", "to_stream", "c"))
            _case(f"{kind}, reduce{name}", *first, op("c", "reduce", "w", fn="concat", **given))
            aggregate = op("c", "aggregate", "w", fn="concat", initializer="empty", **merger, **given)
            _case(f"{kind}, aggregate{name}", *first, aggregate)
            cogroup = [*first[:-1], op("h", "cogroup", "g", fn="concat"), op("w", "windowed_by", "h", windows=windows)]
            _case(f"{kind}, cogroup{name}", *cogroup, op("c", "aggregate", "w", initializer="empty", **merger, **given))
        if kind != "unlimited":
            final = {**first[-1], "emit": "on_window_close"}
            _case(f"{kind}, final", *first[:-1], final, op("c", "count", "w"))
            until = {"suppressed": {"until": "window_closes"}}
            _case(f"{kind}, suppressed", *first, op("c", "count", "w"), op("x", "suppress", "c", **until))


def _cogroup() -> None:
    options: dict[str, Op] = {"": {}, " named": {"named": "mine"}, " materialized": {"materialized": {"name": "store"}}}
    for name, given in options.items():
        for what, one, two in (("", "group_by_key", "group_by_key"), (" after key changes", "group_by", "group_by")):
            groups = [op("g", one, "s", **_selector(one, "g1")), op("h", two, "r", **_selector(two, "g2"))]
            cogroup = [op("c", "cogroup", "g", fn="concat"), op("d", "cogroup", ["c", "h"], fn="concat")]
            aggregate = op("t", "aggregate", "d", initializer="empty", **given)
            _case(f"cogroup{what}{name}", S, stream("r"), *groups, *cogroup, aggregate, op("o", "to_stream", "t"))


def _selector(kind: str, name: str) -> Op:
    return {"fn": "first_char", "grouped": {"name": name}} if kind == "group_by" else {}


def _tables() -> None:
    options: dict[str, Op] = {
        "": {},
        " named": {"named": "mine"},
        " materialized": {"materialized": {"name": "store"}},
        " with serdes": {"materialized": {"key": "string"}},
        " both": {"named": "mine", "materialized": {"name": "store"}},
    }
    _case("table", table("t"), op("o", "to_stream", "t"), op(None, "to", "o", topic="out"))
    _case("table materialized", table("t", materialized={"name": "store"}), op("o", "to_stream", "t"))
    _case("table with serdes", table("t", materialized={"key": "string"}), op("o", "to_stream", "t"))
    _case("table named", table("t", consumed={"name": "mine"}), op("o", "to_stream", "t"))
    _case("table without logging", table("t", materialized={"name": "store", "logging": False}))
    _case("to_stream named", table("t"), op("o", "to_stream", "t", named="mine"))
    _case("to_stream with keys", table("t"), op("o", "to_stream", "t", fn="value"), op(None, "to", "o", topic="out"))
    _case("to_stream with keys, named", table("t"), op("o", "to_stream", "t", fn="value", named="mine"))
    parents: dict[str, Op] = {"": {}, " of a materialized one": {"materialized": {"name": "parent"}}}
    for parent, given_parent in parents.items():
        for name, given in options.items():
            first = table("t", **given_parent)
            last = op("o", "to_stream", "f")
            _case(f"table filter{name}{parent}", first, op("f", "filter", "t", fn="is_even", **given), last)
            _case(f"table filter_not{name}{parent}", first, op("f", "filter_not", "t", fn="is_even", **given), last)
            _case(f"table map_values{name}{parent}", first, op("f", "map_values", "t", fn="upper", **given), last)
            transform = op("f", "transform_values", "t", fn="concat", **given)
            _case(f"table transform_values{name}{parent}", first, transform, last)
    _case("table map_values with key", table("t"), op("f", "map_values", "t", with_key="concat"))
    limit = {"until": "time_limit", "time_ms": 5}
    _case("suppress", table("t"), op("x", "suppress", "t", suppressed=limit), op("o", "to_stream", "x"))
    _case("suppress named", table("t"), op("x", "suppress", "t", suppressed={**limit, "name": "mine"}))
    _case("suppress a count", *COUNTED, op("x", "suppress", "t", suppressed={**limit, "max_records": 3}))
    _case("global table", op("t", "global_table", topic="t"))
    _case("global table materialized", op("t", "global_table", topic="t", materialized={"name": "store"}))
    _case(
        "global table named",
        op("t", "global_table", topic="t", consumed={"name": "mine"}),
        S,
        op(None, "to", "s", topic="o"),
    )


def _stream_joins() -> None:
    kinds = ("join", "left_join", "outer_join")
    options: dict[str, Op] = {
        "": {},
        " named": {"stream_joined": {"name": "mine"}},
        " with named stores": {"stream_joined": {"store_name": "store"}},
        " both": {"stream_joined": {"name": "mine", "store_name": "store", "key": "string"}},
    }
    for kind in kinds:
        for name, given in options.items():
            for what, left, right in (
                ("", [S], [stream("r")]),
                (" after a key change", KEYED, [stream("r")]),
                (" after key changes", KEYED, [stream("r"), op("q", "select_key", "r", fn="value")]),
            ):
                sides = [left[-1]["id"], right[-1]["id"]]
                join = op("j", kind, sides, fn="join", windows=JOIN, **given)
                _case(f"stream {kind}{name}{what}", *left, *right, join, op(None, "to", "j", topic="out"))
        _case(f"self {kind}", S, op("j", kind, ["s", "s"], fn="join", windows=JOIN), op(None, "to", "j", topic="out"))
        _case(f"self {kind} after a key change", *KEYED, op("j", kind, ["k", "k"], fn="join", windows=JOIN))
    two = [
        op("j", "join", ["k", "r"], fn="join", windows=JOIN),
        op("l", "left_join", ["k", "q"], fn="join", windows=JOIN),
    ]
    _case("two joins of one stream after a key change", *KEYED, stream("r"), stream("q"), *two)
    two = [
        op("j", "join", ["s", "r"], fn="join", windows=JOIN),
        op("l", "left_join", ["j", "q"], fn="join", windows=JOIN),
    ]
    _case("a join of a join", S, stream("r"), stream("q"), *two, op("g", "group_by_key", "l"), op("c", "count", "g"))


def _table_joins() -> None:
    for kind in ("join", "left_join"):
        joined: dict[str, Op] = {"": {}, " named": {"joined": {"name": "mine", "key": "string"}}}
        for name, given in joined.items():
            for what, first in (("", [S]), (" after a key change", KEYED)):
                sides = [first[-1]["id"], "t"]
                join = op("j", kind, sides, fn="join", **given)
                _case(f"stream-table {kind}{name}{what}", *first, table("t"), join, op(None, "to", "j", topic="out"))
                derived = op("f", "filter", "t", fn="is_even")
                join = op("j", kind, [sides[0], "f"], with_key="join_with_key", **given)
                _case(f"stream-table {kind} of a derived table{name}{what}", *first, table("t"), derived, join)
        named: dict[str, Op] = {"": {}, " named": {"named": "mine"}}
        for name, given in named.items():
            join = op("j", kind, ["s", "t"], fn="join", key_selector="value", **given)
            _case(
                f"stream-global {kind}{name}",
                S,
                op("t", "global_table", topic="t"),
                join,
                op(None, "to", "j", topic="out"),
            )


def _joins_of_tables() -> None:
    options: dict[str, Op] = {
        "": {},
        " named": {"named": "mine"},
        " materialized": {"materialized": {"name": "store"}},
        " with serdes": {"materialized": {"key": "string"}},
        " both": {"named": "mine", "materialized": {"name": "store"}},
    }
    for kind in ("join", "left_join", "outer_join"):
        for name, given in options.items():
            join = op("j", kind, ["t", "u"], fn="join", **given)
            _case(f"table {kind}{name}", table("t"), table("u"), join, op("o", "to_stream", "j"))
        derived = [op("f", "map_values", "t", fn="upper"), op("h", "filter", "u", fn="is_even")]
        join = op("j", kind, ["f", "h"], fn="join")
        again = op("i", "left_join", ["j", "v"], fn="join")
        _case(f"table {kind} of derived tables", table("t"), table("u"), table("v"), *derived, join, again)
        grouped = [op("g", "group_by", "j", fn="by_first_char"), op("c", "count", "g")]
        _case(f"table {kind}, grouped", table("t"), table("u"), op("j", kind, ["t", "u"], fn="join"), *grouped)
    _case("a table joined with itself", table("t"), op("j", "join", ["t", "t"], fn="join"), op("o", "to_stream", "j"))


def _foreign_key_joins() -> None:
    options: dict[str, Op] = {
        "": {},
        " named": {"table_joined": {"name": "mine"}},
        " materialized": {"materialized": {"name": "store"}},
        " both": {"table_joined": {"name": "mine"}, "materialized": {"name": "store"}},
    }
    for kind in ("join", "left_join"):
        for name, given in options.items():
            join = op("j", kind, ["t", "u"], fn="join", foreign_key="first_char", **given)
            _case(f"foreign-key {kind}{name}", table("t"), table("u"), join, op("o", "to_stream", "j"))
        join = op("j", kind, ["t", "u"], fn="join", foreign_key_with_key="key_first_char")
        _case(f"foreign-key {kind} with key", table("t"), table("u"), join)
        again = op("i", "join", ["j", "t"], fn="join")
        _case(f"foreign-key {kind}, joined again", table("t"), table("u"), join, again, op("o", "to_stream", "i"))


def _together() -> None:
    split = op("b", "split", "s", branches=[{"fn": "is_even"}], default={})
    _case(
        "word count",
        S,
        op("w", "flat_map_values", "s", fn="words"),
        op("g", "group_by", "w", fn="value", grouped={"key": "string", "value": "string"}),
        op("c", "count", "g", materialized={"name": "counts"}),
        op("o", "to_stream", "c"),
        op(None, "to", "o", topic="out", produced={"value": "long"}),
    )
    _case(
        "branches merged again",
        S,
        split,
        op("m", "merge", ["b.default", "b.0"]),
        op("g", "group_by_key", "m"),
        op("c", "count", "g"),
    )
    _case(
        "many repartitions after one key change",
        *KEYED,
        op("g", "group_by_key", "k"),
        op("c", "count", "g"),
        op("f", "filter", "k", fn="is_even"),
        op("h", "group_by_key", "f"),
        op("d", "reduce", "h", fn="last"),
        op("m", "map_values", "k", fn="upper"),
        op("i", "group_by_key", "m"),
        op("e", "count", "i", materialized={"name": "upper"}),
        op("j", "join", ["k", "t2"], fn="join") | {"on": ["k", "c"]},
    )
    _case(
        "key changes before a merge",
        S,
        stream("r"),
        op("k", "select_key", "s", fn="value"),
        op("l", "map", "r", fn="swap"),
        op("m", "merge", ["k", "l"]),
        op("g", "group_by_key", "m"),
        op("c", "count", "g"),
        op("w", "windowed_by", "g", windows=WINDOWS["tumbling"]),
        op("d", "count", "w"),
    )
    _case(
        "a stream joined with a count of itself",
        *COUNTED,
        op("j", "left_join", ["s", "t"], fn="join"),
        op("g2", "group_by", "j", fn="value"),
        op("d", "aggregate", "g2", fn="concat", initializer="empty"),
        op("o", "to_stream", "d"),
        op(None, "to", "o", topic="out"),
    )
    _case(
        "left joins below a repartition",
        *KEYED,
        table("t"),
        op("j", "left_join", ["k", "t"], fn="join"),
        op("g", "group_by_key", "k"),
        op("c", "count", "g"),
    )


for _write in (
    _stateless,
    _repartition,
    _aggregations,
    _windows,
    _cogroup,
    _tables,
    _stream_joins,
    _table_joins,
    _joins_of_tables,
    _foreign_key_joins,
    _together,
):
    _write()
