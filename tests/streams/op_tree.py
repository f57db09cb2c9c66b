"""Op-trees in Ottla's DSL: the same statements that the oracle writes in Java's (`oracle/README.md`)."""

from __future__ import annotations

import re
from typing import Any

from tests.streams import lambdas, op_options, processors

from ottla.streams.dsl.branched import Branched
from ottla.streams.dsl.cogrouped_kstream import CogroupedKStream, SessionWindowedCogroupedKStream
from ottla.streams.dsl.global_ktable import GlobalKTable
from ottla.streams.dsl.kgrouped_stream import KGroupedStream
from ottla.streams.dsl.kgrouped_table import KGroupedTable
from ottla.streams.dsl.kstream import KStream
from ottla.streams.dsl.ktable import KTable
from ottla.streams.dsl.printed import Printed
from ottla.streams.dsl.session_windowed_kstream import SessionWindowedKStream
from ottla.streams.dsl.streams_builder import StreamsBuilder

Op = dict[str, Any]


def described(ops: list[Op], config: dict[str, str] | None = None) -> str:
    builder = StreamsBuilder()
    OpTree(builder).write(ops)
    return str(builder.build(config).describe())


class OpTree:
    def __init__(self, builder: StreamsBuilder) -> None:
        self._builder = builder
        self._made: dict[str, Any] = {}

    def write(self, ops: list[Op]) -> None:
        for op in ops:
            result = self._apply(op)
            if "id" in op:
                self._made[op["id"]] = result

    def _on(self, op: Op, index: int = 0) -> Any:
        on = op["on"]
        return self._made[on if isinstance(on, str) else on[index]]

    def _apply(self, op: Op) -> Any:
        kind = op["op"]
        if kind in ("stream", "table", "global_table", "add_state_store"):
            return self._source(op, kind)
        if kind in ("join", "left_join", "outer_join"):
            return self._join(op, kind)
        on = self._on(op)
        if isinstance(on, KStream):
            return self._stream(on, op, kind)
        if isinstance(on, KTable):
            return _table(on, op, kind)
        return self._grouped(on, op, kind)

    def _source(self, op: Op, kind: str) -> Any:
        builder = self._builder
        if kind == "add_state_store":
            from ottla.streams.state.stores import Stores

            supplier = Stores.in_memory_key_value_store(op["name"])
            key, value = op_options.serde(op, "key"), op_options.serde(op, "value")
            return builder.add_state_store(Stores.key_value_store_builder(supplier, key, value))
        consumed = op_options.consumed(op)
        if kind == "stream":
            return builder.stream(re.compile(op["pattern"]) if "pattern" in op else op["topics"], consumed)
        source = builder.table if kind == "table" else builder.global_table
        return source(op["topic"], consumed, op_options.materialized(op))

    def _stream(self, stream: KStream[Any, Any], op: Op, kind: str) -> Any:
        named, fn = op.get("named"), op.get("fn", "")
        match kind:
            case "filter":
                return stream.filter(lambdas.PREDICATES[fn], named=named)
            case "filter_not":
                return stream.filter_not(lambdas.PREDICATES[fn], named=named)
            case "select_key":
                return stream.select_key(lambdas.KEY_SELECTORS[fn], named=named)
            case "map":
                return stream.map(lambdas.PAIR_MAPPERS[fn], named=named)
            case "flat_map":
                return stream.flat_map(lambdas.FLAT_PAIR_MAPPERS[fn], named=named)
            case "map_values":
                return _map_values(stream, op)
            case "flat_map_values" if "with_key" in op:
                mapper = lambdas.FLAT_MAPPERS_WITH_KEY[op["with_key"]]
                return stream.flat_map_values(with_key=mapper, named=named)
            case "flat_map_values":
                return stream.flat_map_values(lambdas.FLAT_MAPPERS[fn], named=named)
            case "peek":
                return stream.peek(_nothing, named=named)
            case "foreach":
                return stream.foreach(_nothing, named=named)
            case "print":
                return stream.print(Printed(name=named))
            case "merge":
                return stream.merge(self._on(op, 1), named=named)
            case "split":
                return self._split(stream, op)
            case _:
                return self._stream_onwards(stream, op, kind)

    def _stream_onwards(self, stream: KStream[Any, Any], op: Op, kind: str) -> Any:
        named, fn = op.get("named"), op.get("fn", "")
        match kind:
            case "to":
                return stream.to(processors.ByKey() if "extractor" in op else op["topic"], op_options.produced(op))
            case "repartition":
                return stream.repartition(op_options.repartitioned(op))
            case "to_table":
                return stream.to_table(named=named, materialized=op_options.materialized(op))
            case "group_by_key":
                return stream.group_by_key(op_options.grouped(op))
            case "group_by":
                return stream.group_by(lambdas.KEY_SELECTORS[fn], op_options.grouped(op))
            case "process":
                return stream.process(processors.PROCESSORS[fn], *op.get("stores", ()), named=named)
            case "process_values":
                return stream.process_values(processors.FIXED_KEY[fn], *op.get("stores", ()), named=named)
            case _:
                raise ValueError(f"no operator of streams {kind}")

    def _split(self, stream: KStream[Any, Any], op: Op) -> None:
        branched = stream.split(named=op.get("named"))
        for index, branch in enumerate(op["branches"]):
            to: Any = self._branch(branch, f"{op['id']}.{index}")
            branched = branched.branch(lambdas.PREDICATES[branch["fn"]], to)
        if "default" in op:
            branched.default_branch(self._branch(op["default"], f"{op['id']}.default"))
        else:
            branched.no_default_branch()

    def _branch(self, branch: Op, key: str) -> Branched[Any, Any]:
        return Branched.with_consumer(lambda stream: self._made.__setitem__(key, stream), branch.get("name"))

    def _join(self, op: Op, kind: str) -> Any:
        this, other = self._on(op, 0), self._on(op, 1)
        joiner: Any = None if "with_key" in op else lambdas.JOINERS[op["fn"]]
        with_key: Any = lambdas.JOINERS_WITH_KEY[op["with_key"]] if "with_key" in op else None
        join: Any = getattr(this, kind)
        if isinstance(this, KTable):
            return _join_tables(join, other, joiner, op)
        if isinstance(other, KTable):
            return join(other, joiner, with_key=with_key, joined=op_options.joined(op))
        if isinstance(other, GlobalKTable):
            selector = lambdas.KEY_SELECTORS[op["key_selector"]]
            return join(other, joiner, with_key=with_key, key_selector=selector, named=op.get("named"))
        windows = op_options.join_windows(op["windows"])
        return join(other, joiner, windows, with_key=with_key, joined=op_options.stream_joined(op))

    def _grouped(self, on: Any, op: Op, kind: str) -> Any:
        if kind == "windowed_by":
            made = on.windowed_by(op_options.windows(op["windows"]))
            strategy = op_options.emit_strategy(op)
            return made if strategy is None else made.emit_strategy(strategy)
        if kind == "cogroup":
            aggregator = lambdas.AGGREGATORS[op["fn"]]
            if isinstance(on, CogroupedKStream):
                return on.cogroup(self._on(op, 1), aggregator)
            assert isinstance(on, KGroupedStream)
            return on.cogroup(aggregator)
        options = {"named": op.get("named"), "materialized": op_options.materialized(op)}
        is_table = isinstance(on, KGroupedTable)
        if kind == "count":
            return on.count(**options)
        if kind == "reduce":
            names = ("fn", "subtractor") if is_table else ("fn",)
            return on.reduce(*(lambdas.REDUCERS[op[name]] for name in names), **options)
        functions: list[Any] = [lambdas.INITIALIZERS[op["initializer"]]]
        if "fn" in op:
            functions.append(lambdas.AGGREGATORS[op["fn"]])
        if is_table:
            functions.append(lambdas.AGGREGATORS[op["subtractor"]])
        if isinstance(on, SessionWindowedKStream | SessionWindowedCogroupedKStream):
            functions.append(lambdas.MERGERS[op["merger"]])
        return on.aggregate(*functions, **options)


def _table(table: KTable[Any, Any], op: Op, kind: str) -> Any:
    named, fn, materialized = op.get("named"), op.get("fn", ""), op_options.materialized(op)
    match kind:
        case "filter":
            return table.filter(lambdas.PREDICATES[fn], named=named, materialized=materialized)
        case "filter_not":
            return table.filter_not(lambdas.PREDICATES[fn], named=named, materialized=materialized)
        case "map_values":
            return _map_values(table, op, materialized=materialized)
        case "transform_values":
            stores = op.get("stores", ())
            made = processors.TRANSFORMERS[fn]
            return table.transform_values(made, *stores, named=named, materialized=materialized)
        case "to_stream" if fn:
            return table.to_stream(lambdas.KEY_SELECTORS[fn], named=named)
        case "to_stream":
            return table.to_stream(named=named)
        case "suppress":
            return table.suppress(op_options.suppressed(op["suppressed"]))
        case "group_by":
            return table.group_by(lambdas.PAIR_MAPPERS[fn], op_options.grouped(op))
        case _:
            raise ValueError(f"no operator of tables {kind}")


def _map_values(on: Any, op: Op, **options: Any) -> Any:
    if "with_key" in op:
        return on.map_values(with_key=lambdas.MAPPERS_WITH_KEY[op["with_key"]], named=op.get("named"), **options)
    return on.map_values(lambdas.MAPPERS[op["fn"]], named=op.get("named"), **options)


def _join_tables(join: Any, other: Any, joiner: Any, op: Op) -> Any:
    materialized = op_options.materialized(op)
    if "foreign_key" in op:
        by: dict[str, Any] = {"foreign_key": lambdas.FOREIGN_KEYS[op["foreign_key"]]}
    elif "foreign_key_with_key" in op:
        by = {"foreign_key_with_key": lambdas.FOREIGN_KEYS_WITH_KEY[op["foreign_key_with_key"]]}
    else:
        return join(other, joiner, named=op.get("named"), materialized=materialized)
    return join(other, joiner, **by, table_joined=op_options.table_joined(op), materialized=materialized)


def _nothing(key: Any, value: Any) -> None:
    """An action that is not seen."""
