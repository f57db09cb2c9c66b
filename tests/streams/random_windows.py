"""Random topologies over windows, stream joins, suppressions and versioned tables, and inputs out of order.

A `Random` of a seed decides: Hypothesis' own would draw the same few topologies again and again. Times are multiples of
a scale with a millisecond more or less here and there: edges of windows, of grace and of segments (a minute at least)
are met often.
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

Op = dict[str, Any]
Question = dict[str, Any]

SCALES: Final = (1, 1, 20, 1_000, 30_000)
LONG_MAX: Final = 2**63 - 1
AGGREGATION_INTERVAL: Final = "__emit.interval.ms.kstreams.windowed.aggregation__"
OUTER_JOIN_INTERVAL: Final = "__emit.interval.ms.kstreams.outer.join.spurious.results.fix__"
CACHE: Final = "statestore.cache.max.bytes"
FORMAT: Final = "dsl.store.format"


def windowed_aggregation(random: Random) -> Question:
    """Of one stream or of two cogrouped ones, on updates and on closes."""
    scale = random.choice(SCALES)
    kind, windows, key_serde = _windows(random, scale, unlimited=True)
    aggregate, value_serde = _aggregate(random, kind, "windowed")
    is_final = kind != "unlimited" and random.random() < 0.4
    windowed: Op = {"id": "windowed", "op": "windowed_by", "on": "grouped", "windows": windows}
    ops: list[Op] = [_stream("in"), {"id": "grouped", "op": "group_by_key", "on": "in"}]
    topics = ["in"]
    if is_final:
        windowed["emit"] = "on_window_close"
    elif aggregate["op"] == "aggregate" and random.random() < 0.3:
        ops += _cogrouped(aggregate, kind)
        windowed["on"], value_serde = "cogrouped", "string"
        topics.append("other")
    ops += [windowed, aggregate]
    on = "aggregate"
    if random.random() < 0.3:
        on, value_serde = _derived(random, ops, on, value_serde)
    elif random.random() < 0.3 and len(topics) == 1:  # Java cannot look up windowed tables of cogrouped streams
        on, value_serde = _with_its_counts(random, ops), "string"
    elif random.random() < 0.3:
        on, key_serde, value_serde = _regrouped(ops), "string", "long"
    config: dict[str, Any] = {CACHE: 0} if random.random() < 0.3 else {}
    if random.random() < 0.3:
        config[AGGREGATION_INTERVAL] = 1_000
    if random.random() < 0.3:
        config[FORMAT] = "HEADERS"
    return _question(ops + _written(on, key_serde, value_serde), config, _inputs(random, topics, scale))


def stream_join(random: Random) -> Question:
    """Of two streams, of a stream with itself, and of the result with one of them once more."""
    scale = random.choice(SCALES)
    difference_ms = random.randint(1, 8) * scale
    windows: Op = {"difference_ms": difference_ms, "grace_ms": random.choice((0, 0, 1, 3, 10)) * scale}
    for side in ("before_ms", "after_ms"):
        if random.random() < 0.3:
            # Both 0 would be windows that Kafka Streams can keep and not read.
            windows[side] = random.randint(1 if side == "before_ms" else 0, 8) * scale
    with_itself = random.random() < 0.15
    topics = ["left"] if with_itself else ["left", "right"]
    kinds = ("join", "left_join", "outer_join")
    options: Op = {"store_name": "named"} if random.random() < 0.3 else {}
    if random.random() < 0.2:
        options["logging"] = False
    function = (
        {"with_key": "join_with_key"} if random.random() < 0.3 else {"fn": random.choice(("join", "null_if_even"))}
    )
    join = {"id": "joined", "op": random.choice(kinds), "on": ["left", topics[-1]], "windows": windows, **function}
    ops = [*(_stream(topic) for topic in topics), {**join, "stream_joined": options}]
    on = "joined"
    if random.random() < 0.3:
        again = {"difference_ms": difference_ms, "grace_ms": 0}
        on = "again"
        ops.append({"id": on, "op": random.choice(kinds), "on": ["joined", "left"], "fn": "join", "windows": again})
    ops.append({"op": "to", "on": on, "topic": "out"})
    config: dict[str, Any] = {"topology.optimization": "all"} if with_itself and random.random() < 0.5 else {}
    if random.random() < 0.3:
        config[OUTER_JOIN_INTERVAL] = 1_000
    return _question(ops, config, _inputs(random, topics, scale))


def suppression(random: Random) -> Question:
    """Of windowed tables and of others, with what filters and maps around it."""
    scale = random.choice(SCALES)
    kind, key_serde, value_serde = "table", "string", "string"
    ops: list[Op]
    if random.random() < 0.65:
        kind, windows, key_serde = _windows(random, scale, unlimited=False)
        aggregate, value_serde = _aggregate(random, kind, "windowed")
        windowed = {"id": "windowed", "op": "windowed_by", "on": "grouped", "windows": windows}
        ops = [_stream("in"), {"id": "grouped", "op": "group_by_key", "on": "in"}, windowed, aggregate]
    elif random.random() < 0.5:
        ops = [{"id": "aggregate", "op": "table", "topic": "in"}]
        if random.random() < 0.5:
            ops[0]["materialized"] = {"name": "table"}
    else:
        aggregate, value_serde = _aggregate(random, kind, "grouped")
        ops = [_stream("in"), {"id": "grouped", "op": "group_by_key", "on": "in"}, aggregate]
    on = "aggregate"
    if random.random() < 0.25:
        ops.append({"id": "kept", "op": "filter", "on": on, "fn": "is_even"})
        on = "kept"
    ops.append({"id": "suppressed", "op": "suppress", "on": on, "suppressed": _suppressed(random, kind, scale)})
    on = "suppressed"
    if random.random() < 0.4:
        on, value_serde = _derived(random, ops, on, value_serde, materialized=kind == "table")
    config: dict[str, Any] = {CACHE: 0} if random.random() < 0.3 else {}
    return _question(ops + _written(on, key_serde, value_serde), config, _inputs(random, ["in"], scale))


def versioned_table(random: Random) -> Question:
    """Read by a stream at its records' times, joined with another table, filtered, grouped."""
    scale = random.choice((1, 1, 1_000, 30_000))
    history = random.choice((0, 3, 10, 100))
    versioned = {"supplier": "versioned", "history_ms": history * scale}
    ops: list[Op] = [
        {"id": "table", "op": "table", "topic": "table", "materialized": {"name": "versioned", **versioned}}
    ]
    topics, value_serde, on = ["table"], "string", "result"
    kind = random.choice(("stream", "stream", "table", "filter", "group"))
    if kind == "stream":
        topics.append("stream")
        joined = {"grace_ms": random.randint(0, history) * scale} if random.random() < 0.5 else {}
        join = {"id": "result", "op": random.choice(("join", "left_join")), "on": ["stream", "table"], "fn": "join"}
        ops += [_stream("stream"), {**join, "joined": {"key": "string", "value": "string", **joined}}]
        ops.append({"op": "to", "on": "result", "topic": "out"})
        return _question(ops, {}, [each for each in _inputs(random, topics, scale) if each.get("key", "") is not None])
    if kind == "table":
        topics.append("other")
        materialized = {"materialized": {"name": "other", **versioned}} if random.random() < 0.5 else {}
        ops.append({"id": "other", "op": "table", "topic": "other", **materialized})
        join = {"id": "result", "op": random.choice(("join", "left_join", "outer_join")), "fn": "join"}
        ops.append({**join, "on": ["table", "other"]})
    elif kind == "filter":
        ops.append({"id": "result", "op": "filter", "on": "table", "fn": "is_even"})
    else:
        ops.append({"id": "grouped", "op": "group_by", "on": "table", "fn": "by_first_char"})
        ops.append({"id": "result", "op": "count", "on": "grouped", "materialized": {"name": "counts"}})
        value_serde = "long"
    return _question(ops + _written(on, "string", value_serde), {}, _inputs(random, topics, scale))


def _stream(topic: str) -> Op:
    return {"id": topic, "op": "stream", "topics": [topic]}


def _written(on: str, key_serde: str, value_serde: str) -> list[Op]:
    produced = {"key": key_serde, "value": value_serde}
    return [
        {"id": "changes", "op": "to_stream", "on": on},
        {"op": "to", "on": "changes", "topic": "out", "produced": produced},
    ]


def _question(ops: list[Op], config: dict[str, Any], inputs: list[Op]) -> Question:
    return {"ops": ops, "config": config, "inputs": inputs}


def _windows(random: Random, scale: int, *, unlimited: bool) -> tuple[str, Op, str]:
    """The kind, the windows, and the serde of their keys."""
    kinds = ["time", "time", "sliding", "session"]
    kind = random.choice([*kinds, "unlimited"] if unlimited else kinds)
    grace_ms = random.choice((0, 0, 2, 5)) * scale
    if kind == "time":
        size_ms = random.randint(1, 10) * scale
        advance_ms = random.choice((size_ms, max(1, size_ms // 2)))
        windows = {"kind": kind, "size_ms": size_ms, "advance_ms": advance_ms, "grace_ms": grace_ms}
        return kind, windows, f"windowed_string:{size_ms}"
    if kind == "sliding":
        size_ms = random.randint(1, 8) * scale
        windows = {"kind": kind, "difference_ms": size_ms, "grace_ms": grace_ms}
        return kind, windows, f"windowed_string:{size_ms}"
    if kind == "session":
        # With a gap of a segment or more, Kafka Streams' cache of sessions refuses to be read (an error of its own).
        gap_ms = min(random.randint(0, 6) * scale, 30_000)
        return kind, {"kind": kind, "gap_ms": gap_ms, "grace_ms": grace_ms}, "session_string"
    return kind, {"kind": kind, "start_ms": random.randint(0, 10) * scale}, f"windowed_string:{LONG_MAX}"


def _aggregate(random: Random, kind: str, on: str) -> tuple[Op, str]:
    """Over windows of that kind, and the serde of its values."""
    name = random.choice(("count", "reduce", "aggregate", "aggregate"))
    made: Op = {"id": "aggregate", "op": name, "on": on}
    value_serde = "long" if name == "count" else "string"
    if name == "reduce":
        made["fn"] = random.choice(("concat", "max", "last"))
    elif name == "aggregate":
        made["fn"] = random.choice(("concat", "concat", "sum", "null_if_even"))
        is_sum = made["fn"] == "sum"
        made["initializer"] = "zero" if is_sum else "empty"
        value_serde = "long" if is_sum else "string"
        if kind == "session":
            made["merger"] = "add" if is_sum else "concat"
    materialized: Op = {"key": "string", "value": value_serde}
    if random.random() < 0.8:
        materialized["name"] = "store"
    if random.random() < 0.5:
        materialized["caching"] = random.random() < 0.5
    if random.random() < 0.15:
        materialized["store_type"] = "in_memory"
    return {**made, "materialized": materialized}, value_serde


def _cogrouped(aggregate: Op, kind: str) -> list[Op]:
    """A second stream, cogrouped with the first; the aggregation takes its functions from there."""
    del aggregate["fn"]
    aggregate["initializer"] = "empty"
    aggregate["materialized"]["value"] = "string"
    if kind == "session":
        aggregate["merger"] = "concat"
    return [
        _stream("other"),
        {"id": "other grouped", "op": "group_by_key", "on": "other"},
        {"id": "first", "op": "cogroup", "on": "grouped", "fn": "concat"},
        {"id": "cogrouped", "op": "cogroup", "on": ["first", "other grouped"], "fn": "concat_minus"},
    ]


def _with_its_counts(random: Random, ops: list[Op]) -> str:
    """The windowed table joined with another one over the same windows."""
    counts = {"id": "counts", "op": "count", "on": "windowed", "materialized": {"name": "counts", "key": "string"}}
    kind = random.choice(("join", "left_join", "outer_join"))
    ops += [counts, {"id": "both", "op": kind, "on": ["aggregate", "counts"], "fn": "join"}]
    return "both"


def _regrouped(ops: list[Op]) -> str:
    """The windowed table grouped anew, so that old values are asked for."""
    ops.append({"id": "regrouped", "op": "group_by", "on": "aggregate", "fn": "by_first_char"})
    ops.append({"id": "recounted", "op": "count", "on": "regrouped", "materialized": {"name": "recounted"}})
    return "recounted"


def _derived(
    random: Random, ops: list[Op], on: str, value_serde: str, *, materialized: bool = False
) -> tuple[str, str]:
    made: Op = {"id": "derived", "op": random.choice(("filter", "map_values")), "on": on}
    if made["op"] == "filter":
        made["fn"] = "is_even"
    else:
        made["fn"], value_serde = "tag", "string"
    if materialized and random.random() < 0.5:
        made["materialized"] = {"name": "derived", "value": value_serde}
    ops.append(made)
    return "derived", value_serde


def _suppressed(random: Random, kind: str, scale: int) -> Op:
    if kind != "table" and random.random() < 0.6:
        made: Op = {"until": "window_closes"}
        if random.random() < 0.1:
            made["max_records"] = random.randint(2, 4)
    else:
        made = {"until": "time_limit", "time_ms": random.randint(0, 8) * scale}
        if random.random() < 0.4:
            made["max_records"] = random.randint(1, 4)
    if random.random() < 0.2:
        made["logging"] = False
    if random.random() < 0.2:
        made["name"] = "held"
    return made


def _inputs(random: Random, topics: Sequence[str], scale: int) -> list[Op]:
    now_ms = 0
    inputs: list[Op] = []
    for at in range(random.randint(1, 25)):
        if random.random() < 0.1:
            inputs.append({"advance_wall_clock_ms": random.choice((1, 500, 1_000, 2_500))})
            continue
        if random.random() < 0.9:
            now_ms += random.randint(-6, 8) * scale + random.choice((0, 0, 1, -1, 2))
        else:
            now_ms += random.choice((-40, 40, 30)) * scale
        now_ms = max(0, now_ms)
        key = random.choice(("a", "b", "ab", None)) if random.random() < 0.4 else "a"
        value = random.choice((None, "1", "22")) if random.random() < 0.3 else chr(97 + at % 26)
        inputs.append(
            {
                "topic": random.choice(topics),
                "key": _encoded(key),
                "value": _encoded(value),
                "timestamp": now_ms,
                "headers": [["at", _encoded(str(at))]],
            }
        )
    return inputs


def _encoded(text: str | None) -> str | None:
    return None if text is None else b64encode(text.encode()).decode()
