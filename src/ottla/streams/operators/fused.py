"""Fused chains: stateless operators below each other as one function, straight from the first to what follows the last.

    filter(col("amount") > 500) ─► map_values(struct(…)) ─► peek(a lambda) ─► the sink

Runs of expressions are code over local variables: a struct that a later step takes apart is never made. Where that code
fails, the record is given to the row operator of the run's first step instead, which comes to the same, or fails with a
reason, at the right node. Expressions are pure, so nothing happens twice. Functions of the application's own are
called in their place, outside of that. The order of everything that can be seen is that of the row operators.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ottla.streams.expressions.compiled import function_of
from ottla.streams.expressions.expression import Expression
from ottla.streams.expressions.records import StructOf
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
    PEEK = "peek"


class Step(NamedTuple):
    """What a stateless operator does to a record; `function` may be an expression where it takes key and value."""

    kind: StepKind
    function: Callable[..., Any] | None = None

    @property
    def is_pure(self) -> bool:
        return self.kind is StepKind.PASS or (isinstance(self.function, Expression) and self.kind in _EXPRESSIBLE)


_EXPRESSIBLE: Final = {StepKind.FILTER, StepKind.FILTER_NOT, StepKind.SELECT_KEY, StepKind.MAP_VALUES_WITH_KEY}


class Link(NamedTuple):
    """One operator of a chain, and its own push, guarded by the handler of errors where there is one."""

    node: str
    step: Step
    row: Push


def fuse(links: Sequence[Link], forward: Push) -> Push | None:
    """None where row operators are as good: one function of the application's own, or code that nests too deeply."""
    if len(links) < 2 and not any(isinstance(each.step.function, Expression) for each in links):
        return None
    source = Source()
    nodes: dict[int, str] = {}
    at = 0
    while at < len(links):
        run = at
        while run < len(links) and links[run].step.is_pure:
            run += 1
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


def _write_run(source: Source, links: Sequence[Link]) -> None:
    if all(each.step.kind is StepKind.PASS for each in links):
        return
    _settle(source)
    key, value = source.key, source.value
    row = source.constant(links[0].row)
    source.line("try:")
    source.indent(1)
    for each in links:
        _write_step(source, each.step)
    source.indent(-1)
    source.line("except Exception:")
    source.line(f"    {row}({key}, {value}, timestamp_ms, headers)")
    source.line("    return")


def _write_step(source: Source, step: Step) -> None:
    kind, expression = step
    if not isinstance(expression, Expression):
        return
    source.load([expression])
    if kind is StepKind.FILTER:
        source.line(f"if not {source.passes(expression)}:")
        source.line("    return")
    elif kind is StepKind.FILTER_NOT:
        source.line(f"if {source.passes(expression)}:")
        source.line("    return")
    elif kind is StepKind.SELECT_KEY:
        source.key = source.assigned("key", expression)
    elif isinstance(expression, StructOf):
        fields = {name: source.assigned("field", each) for name, each in expression.fields.items()}
        source.set_value({name: Lowered((each,), each, True) for name, each in fields.items()})
    else:
        source.set_value(source.assigned("value", expression))


def _write_call(source: Source, step: Step) -> None:
    """One line that calls the function."""
    _settle(source)
    kind, function = step
    key, value = source.key, source.value
    name = source.constant(function)
    if kind is StepKind.FILTER or kind is StepKind.FILTER_NOT:
        source.line(f"if {'not ' if kind is StepKind.FILTER else ''}{name}({key}, {value}): return")
    elif kind is StepKind.SELECT_KEY:
        source.key = source.variable("key")
        source.line(f"{source.key} = {name}({key}, {value})")
    elif kind is StepKind.MAP:
        source.key, new = source.variable("key"), source.variable("value")
        source.line(f"{source.key}, {new} = {name}({key}, {value})")
        source.set_value(new)
    elif kind is StepKind.PEEK:
        source.line(f"{name}({key}, {value})")
    else:
        new = source.variable("value")
        source.line(f"{new} = {name}({f'{key}, ' if kind is StepKind.MAP_VALUES_WITH_KEY else ''}{value})")
        source.set_value(new)


def _settle(source: Source) -> None:
    """Have the value in a variable."""
    if not isinstance(source.value, str):
        variable = source.variable("value")
        source.line(f"{variable} = {source.value_text()}")
        source.set_value(variable)
