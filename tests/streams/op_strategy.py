"""Random op-trees that run: every serde is given where the configuration's (strings) would not do.

Values are strings or longs, keys strings; windowed tables are told of with their keys as text. Names are given now and
then. Topics are `in-0` and so on for streams, `table-0` for tables, `global-0`; results go to `out-0` and so on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

Op = dict[str, Any]

OPTIMIZATIONS: Final = (
    "none",
    "all",
    "reuse.ktable.source.topics",
    "merge.repartition.topics",
    "single.store.self.join",
    "reuse.ktable.source.topics,merge.repartition.topics",
)
WINDOWS: Final = st.sampled_from(
    (
        {"kind": "time", "size_ms": 10},
        {"kind": "time", "size_ms": 10, "grace_ms": 5},
        {"kind": "time", "size_ms": 10, "advance_ms": 4, "grace_ms": 20},
        {"kind": "unlimited"},
        {"kind": "sliding", "difference_ms": 10, "grace_ms": 7},
        {"kind": "session", "gap_ms": 6, "grace_ms": 3},
    )
)
JOIN_WINDOWS: Final = st.sampled_from(
    (
        {"difference_ms": 10},
        {"difference_ms": 5, "grace_ms": 10},
        {"difference_ms": 0, "before_ms": 8, "grace_ms": 4},
    )
)


@dataclass
class Node:
    id: str
    value: str  # the serde of its values


@dataclass
class Tree:
    """What has been drawn; `op` adds a statement."""

    draw: Callable[[st.SearchStrategy[Any]], Any]
    windowed: bool
    ops: list[Op] = field(default_factory=list)
    streams: list[Node] = field(default_factory=list)
    tables: list[Node] = field(default_factory=list)
    globals: list[Node] = field(default_factory=list)
    merges: int = 0
    names: int = 0
    outputs: int = 0

    def op(self, kind: str, on: Any = None, /, **options: Any) -> str:
        made: Op = {"id": f"x{len(self.ops)}", "op": kind, **options}
        if on is not None:
            made["on"] = on
        self.ops.append(made)
        return str(made["id"])

    def flip(self) -> bool:
        return bool(self.draw(st.booleans()))

    def pick(self, *values: Any) -> Any:
        return self.draw(st.sampled_from(values))

    def name(self) -> str:
        self.names += 1
        return f"name-{self.names}"

    def named(self) -> Op:
        return {"named": self.name()} if self.draw(st.integers(0, 3)) == 0 else {}

    def options(self, field: str, **given: Any) -> Op:
        """An option object, with a name now and then."""
        if self.draw(st.integers(0, 3)) == 0:
            given["name"] = self.name()
        return {field: given}

    def materialized(self, value: str, *, needed: bool = False) -> Op:
        """What a table that is not of strings needs in any case, for its serde."""
        kind = self.draw(st.integers(0, 3))
        if kind == 0 and not needed and value == "string":
            return {}
        given: Op = {"key": "string", "value": value}
        if kind > 1:
            given["name"] = self.name()
            given["caching"] = self.flip()
        return {"materialized": given}


def _stream_step(tree: Tree) -> None:
    node = tree.draw(st.sampled_from(tree.streams))
    _STREAM_STEPS[tree.draw(st.integers(0, len(_STREAM_STEPS) - 1))](tree, node)


def _filter(tree: Tree, node: Node) -> None:
    kind = tree.pick("filter", "filter_not", "peek")
    fn = {} if kind == "peek" else {"fn": tree.pick("is_even", "is_early", "has_key")}
    tree.streams.append(Node(tree.op(kind, node.id, **fn, **tree.named()), node.value))


def _map_values(tree: Tree, node: Node) -> None:
    fn, value = tree.pick(("upper", "string"), ("length", "long"), ("tag", "string"), ("first_char", "string"))
    tree.streams.append(Node(tree.op("map_values", node.id, fn=fn, **tree.named()), value))


def _map_values_with_key(tree: Tree, node: Node) -> None:
    tree.streams.append(Node(tree.op("map_values", node.id, with_key="concat", **tree.named()), "string"))


def _flat_map_values(tree: Tree, node: Node) -> None:
    fn = tree.pick("words", "twice")
    tree.streams.append(Node(tree.op("flat_map_values", node.id, fn=fn, **tree.named()), "string"))


def _change_key(tree: Tree, node: Node) -> None:
    kind, fn, value = tree.pick(
        ("select_key", "first_char", node.value),
        ("select_key", "value", node.value),
        ("select_key", "length_key", node.value),
        ("map", "swap", "string"),
        ("map", "by_first_char", "string"),
        ("flat_map", "by_word", "string"),
    )
    tree.streams.append(Node(tree.op(kind, node.id, fn=fn, **tree.named()), value))


def _merge(tree: Tree, node: Node) -> None:
    others = [other for other in tree.streams if other.value == node.value and other is not node]
    if not others or tree.merges:
        return  # Java goes through several merges in an order of its own in each run
    tree.merges += 1
    other = tree.draw(st.sampled_from(others))
    tree.streams.append(Node(tree.op("merge", [node.id, other.id], **tree.named()), node.value))


def _split(tree: Tree, node: Node) -> None:
    branches = [{"fn": fn} for fn in tree.pick(("is_even",), ("is_early", "is_even"))]
    made = tree.op("split", node.id, branches=branches, default={}, **tree.named())
    tree.streams += [Node(f"{made}.{branch}", node.value) for branch in (*range(len(branches)), "default")]


def _process(tree: Tree, node: Node) -> None:
    kind, fn = tree.pick(("process", "swap"), ("process_values", "tag"))
    tree.streams.append(Node(tree.op(kind, node.id, fn=fn, **tree.named()), "string"))


def _repartition(tree: Tree, node: Node) -> None:
    options = tree.options("repartitioned", key="string", value=node.value)
    tree.streams.append(Node(tree.op("repartition", node.id, **options), node.value))


def _to_table(tree: Tree, node: Node) -> None:
    made = tree.op("to_table", node.id, **tree.named(), **tree.materialized(node.value, needed=True))
    tree.tables.append(Node(made, node.value))


def _aggregate(tree: Tree, node: Node) -> None:
    grouped = tree.options("grouped", key="string", value=node.value)
    if tree.flip():
        group = tree.op("group_by_key", node.id, **grouped)
    else:
        group = tree.op("group_by", node.id, fn=tree.pick("first_char", "value"), **grouped)
    if not tree.windowed or tree.flip():
        tree.tables.append(_aggregation(tree, group, node.value, {}))
        return
    windows = tree.draw(WINDOWS)
    emit = {"emit": "on_window_close"} if windows["kind"] != "unlimited" and tree.flip() else {}
    made = tree.op("windowed_by", group, windows=windows, **emit)
    table = _aggregation(tree, made, node.value, {"merger": "concat"} if windows["kind"] == "session" else {})
    if windows["kind"] != "unlimited" and not emit and tree.draw(st.integers(0, 2)) == 0:
        suppressed = tree.options("suppressed", until="window_closes")
        table = Node(tree.op("suppress", table.id, **suppressed), table.value)
    stream = tree.op("to_stream", table.id, fn="text_key")
    tree.streams.append(Node(stream, table.value))


def _aggregation(tree: Tree, group: str, value: str, merger: Op) -> Node:
    kind = tree.pick("count", "reduce", "aggregate")
    if kind == "count":
        return Node(tree.op(kind, group, **tree.named(), **tree.materialized("long")), "long")
    if kind == "reduce":
        fn = "add" if value == "long" else tree.pick("concat", "max", "last")
        return Node(tree.op(kind, group, fn=fn, **tree.materialized(value, needed=True)), value)
    options = tree.materialized("string", needed=True)
    return Node(tree.op(kind, group, fn="concat", initializer="empty", **merger, **options), "string")


def _join_stream(tree: Tree, node: Node) -> None:
    other = tree.draw(st.sampled_from(tree.streams))
    joined = tree.options("stream_joined", key="string", value=node.value, other_value=other.value)
    if tree.draw(st.integers(0, 3)) == 0:
        joined["stream_joined"]["store_name"] = tree.name()
    kind = tree.pick("join", "left_join", "outer_join")
    made = tree.op(kind, [node.id, other.id], fn="join", windows=tree.draw(JOIN_WINDOWS), **joined)
    tree.streams.append(Node(made, "string"))


def _join_table(tree: Tree, node: Node) -> None:
    if not tree.tables:
        return
    table = tree.draw(st.sampled_from(tree.tables))
    joined = tree.options("joined", key="string", value=node.value, other_value=table.value)
    how = tree.pick({"fn": "join"}, {"with_key": "join_with_key"})
    made = tree.op(tree.pick("join", "left_join"), [node.id, table.id], **how, **joined)
    tree.streams.append(Node(made, "string"))


def _join_global(tree: Tree, node: Node) -> None:
    if not tree.globals:
        return
    table = tree.draw(st.sampled_from(tree.globals))
    selector = tree.pick("value", "first_char", "same_key")
    kind = tree.pick("join", "left_join")
    made = tree.op(kind, [node.id, table.id], fn="join", key_selector=selector, **tree.named())
    tree.streams.append(Node(made, "string"))


def _to(tree: Tree, node: Node) -> None:
    tree.op("to", node.id, topic=f"out-{tree.outputs}", produced={"key": "string", "value": node.value})
    tree.outputs += 1


_STREAM_STEPS: Final = (
    _filter,
    _map_values,
    _map_values_with_key,
    _flat_map_values,
    _change_key,
    _change_key,
    _merge,
    _split,
    _process,
    _repartition,
    _to_table,
    _aggregate,
    _aggregate,
    _join_stream,
    _join_table,
    _join_table,
    _join_global,
    _to,
)


def _table_step(tree: Tree) -> None:
    node = tree.draw(st.sampled_from(tree.tables))
    kind = tree.pick("filter", "filter_not", "map_values", "group_by", "join", "foreign_key", "to_stream", "suppress")
    if kind in ("filter", "filter_not"):
        options = tree.named() | tree.materialized(node.value)
        tree.tables.append(Node(tree.op(kind, node.id, fn=tree.pick("is_even", "is_early"), **options), node.value))
    elif kind == "map_values":
        fn, value = tree.pick(("upper", "string"), ("length", "long"), ("tag", "string"))
        options = tree.named() | tree.materialized(value, needed=value != "string")
        tree.tables.append(Node(tree.op(kind, node.id, fn=fn, **options), value))
    elif kind == "group_by":
        _group_table(tree, node)
    elif kind == "join":
        other = tree.draw(st.sampled_from(tree.tables))
        options = tree.named() | tree.materialized("string")
        kind = tree.pick("join", "left_join", "outer_join")
        tree.tables.append(Node(tree.op(kind, [node.id, other.id], fn="join", **options), "string"))
    elif kind == "foreign_key":
        other = tree.draw(st.sampled_from(tree.tables))
        by = tree.pick(
            {"foreign_key": "first_char"}, {"foreign_key": "value"}, {"foreign_key_with_key": "key_first_char"}
        )
        options = {"table_joined": {"name": tree.name()}} if tree.flip() else {}
        options |= tree.materialized("string")
        made = tree.op(tree.pick("join", "left_join"), [node.id, other.id], fn="join", **by, **options)
        tree.tables.append(Node(made, "string"))
    elif kind == "suppress":
        limit = {"until": "time_limit", "time_ms": 5, **tree.pick({}, {"max_records": 2})}
        made = tree.op("suppress", node.id, **tree.options("suppressed", **limit))
        tree.tables.append(Node(made, node.value))
    else:
        tree.streams.append(Node(tree.op("to_stream", node.id, **tree.named()), node.value))


def _group_table(tree: Tree, node: Node) -> None:
    fn, value = tree.pick(("by_first_char", "string"), ("length_by_first_char", "long"))
    group = tree.op("group_by", node.id, fn=fn, **tree.options("grouped", key="string", value=value))
    kind = tree.pick("count", "reduce", "aggregate")
    if kind == "count":
        tree.tables.append(Node(tree.op(kind, group, **tree.named(), **tree.materialized("long")), "long"))
    elif kind == "reduce":
        functions = ("add", "subtract") if value == "long" else ("concat", "concat_minus")
        options = tree.materialized(value, needed=True)
        made = tree.op(kind, group, fn=functions[0], subtractor=functions[1], **options)
        tree.tables.append(Node(made, value))
    else:
        options = tree.named() | tree.materialized("long", needed=True)
        made = tree.op(kind, group, fn="sum", subtractor="subtract", initializer="zero", **options)
        tree.tables.append(Node(made, "long"))


@st.composite
def op_trees(draw: Any, *, max_steps: int = 10, windowed: bool = True) -> list[Op]:
    """Without `windowed` there are no windows, but those of joins."""
    tree = Tree(draw, windowed)
    for number in range(draw(st.integers(1, 3))):
        tree.streams.append(Node(tree.op("stream", topics=[f"in-{number}"]), "string"))
    for number in range(draw(st.integers(0, 3))):
        made = tree.op("table", topic=f"table-{number}", **tree.materialized("string"))
        tree.tables.append(Node(made, "string"))
    if draw(st.integers(0, 3)) == 0:
        tree.globals.append(Node(tree.op("global_table", topic="global-0"), "string"))
    for _ in range(draw(st.integers(1, max_steps))):
        if tree.tables and draw(st.booleans()):
            _table_step(tree)
        else:
            _stream_step(tree)
    used = {each for op in tree.ops if "on" in op for each in ([op["on"]] if isinstance(op["on"], str) else op["on"])}
    for node in [*tree.tables]:
        if node.id not in used:
            tree.streams.append(Node(tree.op("to_stream", node.id), node.value))
    for node in tree.streams:
        if node.id not in used:
            _to(tree, node)
    return tree.ops
