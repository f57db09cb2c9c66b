"""Fused chains: stateless operators below each other as one function, straight from the first to what follows the last.

    filter(col("amount") > 500) ─► map_values(struct(…)) ─► peek(a lambda) ─► the sink

Runs of expressions are code over local variables: a struct that a later step takes apart is never made. Where that code
fails, the record is given to the row operator of the run's first step instead, which comes to the same, or fails with a
reason, at the right node. Expressions are pure, so nothing happens twice. Functions of the application's own are
called in their place, outside of that. What makes several records of one is a loop around all that follows it, which a
record leaves by `continue`. The order of everything that can be seen is that of the row operators.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ottla.streams.expressions.compiled import function_of
from ottla.streams.expressions.expression import Expression
from ottla.streams.expressions.records import KeyValueOf, StructOf
from ottla.streams.expressions.source import Lowered, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ottla.streams.operator import Push

MAX_STEPS: Final = 50
"""Of one chain; longer ones are several."""

NODES: Final = "_nodes"
"""Among the globals of a fused function: by line, which node is at work there."""


class StepKind(Enum):
    PASS = "pass"
    FILTER = "filter"
    FILTER_NOT = "filter_not"
    SELECT_KEY = "select_key"
    MAP = "map"
    MAP_VALUES = "map_values"
    MAP_VALUES_WITH_KEY = "map_values_with_key"
    FLAT_MAP = "flat_map"
    FLAT_MAP_VALUES = "flat_map_values"
    FLAT_MAP_VALUES_WITH_KEY = "flat_map_values_with_key"
    PEEK = "peek"


class Step(NamedTuple):
    """What a stateless operator does to a record; `function` may be an expression where it takes key and value."""

    kind: StepKind
    function: Callable[..., Any] | None = None

    @property
    def is_pure(self) -> bool:
        return self.kind is StepKind.PASS or (isinstance(self.function, Expression) and self.kind in _EXPRESSIBLE)


_EXPRESSIBLE: Final = {
    StepKind.FILTER,
    StepKind.FILTER_NOT,
    StepKind.SELECT_KEY,
    StepKind.MAP,
    StepKind.MAP_VALUES_WITH_KEY,
    StepKind.FLAT_MAP,
    StepKind.FLAT_MAP_VALUES_WITH_KEY,
}
_OF_VALUES: Final = {StepKind.MAP_VALUES, StepKind.FLAT_MAP_VALUES}
"""Their functions are not given the key."""

_LOOPS: Final = {StepKind.FLAT_MAP, StepKind.FLAT_MAP_VALUES, StepKind.FLAT_MAP_VALUES_WITH_KEY}


class _ChainSource(Source):
    """The function of a chain, which a record may leave in the middle."""

    def __init__(self) -> None:
        super().__init__()
        self.leave = "return"

    def loop(self, over: str, *, has_keys: bool) -> None:
        """All that follows, for each value, or each key and value, of that."""
        value = self.variable("value")
        if has_keys:
            self.key = self.variable("key")
        self.line(f"for {f'{self.key}, ' if has_keys else ''}{value} in {over}:")
        self.indent(1)
        self.leave = "continue"
        self.set_value(value)

    def settle(self) -> None:
        """Have the value in a variable."""
        if not isinstance(self.value, str):
            variable = self.variable("value")
            self.line(f"{variable} = {self.value_text()}")
            self.set_value(variable)


class Link(NamedTuple):
    """One operator of a chain, and its own push, guarded by the handler of errors where there is one."""

    node: str
    step: Step
    row: Push


def fuse(links: Sequence[Link], forward: Push) -> Push | None:
    """None where row operators are as good: one function of the application's own, or code that nests too deeply."""
    if len(links) < 2 and not any(isinstance(each.step.function, Expression) for each in links):
        return None
    source = _ChainSource()
    nodes: dict[int, str] = {}
    at = 0
    while at < len(links):
        run = at
        while run < len(links) and links[run].step.is_pure:
            run += 1
            if links[run - 1].step.kind in _LOOPS:
                break
        if run > at:
            _write_run(source, links[at:run])
            at = run
        else:
            _write_call(source, links[at].step)
            nodes[len(source.lines) + 1] = links[at].node  # the def has a line, too
            at += 1
    source.names["_forward"] = forward
    nodes[len(source.lines) + 2] = links[-1].node  # for what has no node of its own to be found: a sink
    source.line(f"_forward({source.key}, {source.value_text()}, timestamp_ms, headers)")
    source.names[NODES] = nodes
    return function_of(source, "fused", "key, value, timestamp_ms, headers")  # type: ignore[no-any-return]


def _write_run(source: _ChainSource, links: Sequence[Link]) -> None:
    """Steps that are pure, of which the last one may begin a loop."""
    if all(each.step.kind is StepKind.PASS for each in links):
        return
    source.settle()
    key, value = source.key, source.value
    row = source.constant(links[0].row)
    elements = ""
    source.line("try:")
    source.indent(1)
    for each in links:
        elements = _write_step(source, each.step)
    source.indent(-1)
    source.line("except Exception:")
    source.line(f"    {row}({key}, {value}, timestamp_ms, headers)")
    source.line(f"    {source.leave}")
    if elements:
        source.loop(elements, has_keys=links[-1].step.kind is StepKind.FLAT_MAP)


def _write_step(source: _ChainSource, step: Step) -> str:
    """The variable that is to be gone through, of a step that begins a loop."""
    kind, expression = step
    if not isinstance(expression, Expression):
        return ""
    source.load([expression])
    if kind is StepKind.FILTER:
        source.line(f"if not {source.passes(expression)}:")
        source.line(f"    {source.leave}")
    elif kind is StepKind.FILTER_NOT:
        source.line(f"if {source.passes(expression)}:")
        source.line(f"    {source.leave}")
    elif kind is StepKind.SELECT_KEY:
        source.key = source.assigned("key", expression)
    elif kind is StepKind.MAP:
        _write_map(source, expression)
    elif kind in _LOOPS:
        return source.assigned("elements", expression)
    else:
        _write_value(source, expression)
    return ""


def _write_map(source: _ChainSource, expression: Expression) -> None:
    """`expression` is `OnePair`."""
    (pair,) = expression.operands
    if isinstance(pair, KeyValueOf):
        key = source.assigned("key", pair.operands[0])
        _write_value(source, pair.operands[1])  # which may ask for the key of before
    else:
        key, value = source.variable("key"), source.variable("value")
        source.line(f"{key}, {value} = {source.text(expression)}")
        source.set_value(value)
    source.key = key


def _write_value(source: _ChainSource, expression: Expression) -> None:
    if isinstance(expression, StructOf):
        fields = {name: source.assigned("field", each) for name, each in expression.fields.items()}
        source.set_value({name: Lowered((each,), each, True) for name, each in fields.items()})
    else:
        source.set_value(source.assigned("value", expression))


def _write_call(source: _ChainSource, step: Step) -> None:
    """One line that calls the function."""
    source.settle()
    kind, function = step
    key, value = source.key, source.value
    called = f"{source.constant(function)}({'' if kind in _OF_VALUES else f'{key}, '}{value})"
    if kind is StepKind.FILTER or kind is StepKind.FILTER_NOT:
        source.line(f"if {'not ' if kind is StepKind.FILTER else ''}{called}: {source.leave}")
    elif kind is StepKind.SELECT_KEY:
        source.key = source.variable("key")
        source.line(f"{source.key} = {called}")
    elif kind is StepKind.MAP:
        source.key, new = source.variable("key"), source.variable("value")
        source.line(f"{source.key}, {new} = {called}")
        source.set_value(new)
    elif kind in _LOOPS:
        source.loop(called, has_keys=kind is StepKind.FLAT_MAP)
    elif kind is StepKind.PEEK:
        source.line(called)
    else:
        new = source.variable("value")
        source.line(f"{new} = {called}")
        source.set_value(new)
