"""One function of several aggregations: what `aggregate` of a grouping calls for each record.

The state is a dict of their states; a state that lacks one (the topology was given another aggregation since) begins
with it. A single aggregation has its own state alone. Of cogrouped streams each has an aggregator of its own, which
changes its fields of the state that all share.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from ottla.streams.expressions.aggregations import Aggregation
from ottla.streams.expressions.compiled import function_of
from ottla.streams.expressions.source import Source, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

ONE = ""
"""The name of a single aggregation's field, in here."""


class Aggregator:
    """Initializer, aggregator, merger (of sessions) and subtractor (of tables) of named aggregations."""

    def __init__(self, fields: Mapping[str, Aggregation], *, keeps_others: bool = False) -> None:
        """`keeps_others`: what else the state has stays as it is."""
        for name, each in fields.items():
            if not isinstance(each, Aggregation):
                raise TypeError(f"{name or 'what is aggregated'} is {each!r}, not an aggregation like sum_({name!r})")
        if not fields:
            raise TypeError("aggregate needs an initializer and an aggregator, or aggregations: total=sum_('amount')")
        self._fields = dict(fields)
        self._is_one = tuple(fields) == (ONE,)
        self._keeps_others = keeps_others

    @classmethod
    def of(
        cls, one: Aggregation | None, fields: Mapping[str, Aggregation], *, keeps_others: bool = False
    ) -> Aggregator:
        if one is not None and fields:
            raise TypeError("give one aggregation, or several by name: aggregate(total=sum_('amount'), n=count_())")
        return cls({ONE: one} if one is not None else fields, keeps_others=keeps_others)

    @classmethod
    def together(cls, parts: Iterable[Aggregator]) -> Aggregator:
        """What begins, merges and finishes the state that all of them change; TypeError where they do not go together.

        Several may add to one field if they do the same with it.
        """
        fields: dict[str, Aggregation] = {}
        for part in parts:
            for name, each in part._fields.items():
                known = fields.setdefault(name, each)
                if known.name != each.name:
                    what = f"the field {name}" if name != ONE else "the aggregate"
                    raise TypeError(f"{what} of cogrouped streams is {known!r} of one and {each!r} of another")
        if ONE in fields and len(fields) > 1:
            raise TypeError("give every cogrouped stream one aggregation, or every one of them some by name")
        return cls(fields)

    @cached_property
    def adder(self) -> Callable[[Any, Any, Any], Any]:
        return self._compiled()

    def initial(self) -> Any:
        if self._is_one:
            return self._fields[ONE].begin()
        return {name: each.begin() for name, each in self._fields.items()}

    def added(self, key: Any, value: Any, state: Any) -> Any:
        """Aggregation by aggregation: what `adder` means."""
        return self._changed(Aggregation.added, key, value, state)

    def removed(self, key: Any, value: Any, state: Any) -> Any:
        return self._changed(Aggregation.removed, key, value, state)

    def merged(self, key: Any, one: Any, two: Any) -> Any:
        if self._is_one:
            return self._fields[ONE].merge(one, two)
        return {
            name: each.merge(one.get(name, each.initial), two.get(name, each.initial))
            for name, each in self._fields.items()
        }

    @property
    def finisher(self) -> Callable[[Any], Any] | None:
        """What makes results of states; None where they are the same."""
        finishers = {name: each.finish for name, each in self._fields.items() if each.finish is not None}
        if not finishers:
            return None
        if self._is_one:
            finish = finishers[ONE]
            return lambda state: None if state is None else finish(state)

        def finished(state: Any) -> Any:
            if state is None:
                return None
            return {name: finishers[name](each) if name in finishers else each for name, each in state.items()}

        return finished

    @property
    def irreversible(self) -> list[str]:
        """The aggregations that no record can be taken out of."""
        return [repr(each) for each in self._fields.values() if each.remove is None]

    def _changed(self, change: Callable[..., Any], key: Any, value: Any, state: Any) -> Any:
        if self._is_one:
            return change(self._fields[ONE], key, value, state)
        changed = {name: change(each, key, value, state.get(name, each.initial)) for name, each in self._fields.items()}
        return {**state, **changed} if self._keeps_others else changed

    def _compiled(self) -> Callable[[Any, Any, Any], Any]:
        source = Source()
        source.names["_added"] = self.added
        source.line("try:")
        source.indent(1)
        wanted = [each.expression for each in self._fields.values()]
        source.load([*wanted, *(each.condition for each in self._fields.values() if each.condition is not None)])
        results = {name: _source_of(source, name, each) for name, each in self._fields.items()}
        if self._is_one:
            source.line(f"return {results[ONE]}")
        else:
            others = "**state, " if self._keeps_others else ""
            source.line(f"return {{{others}" + ", ".join(f"{name!r}: {each}" for name, each in results.items()) + "}")
        source.indent(-1)
        source.line("except Exception:")
        source.line("    return _added(key, value, state)")
        return function_of(source, "aggregate", "key, value, state") or self.added


def _source_of(source: Source, name: str, aggregation: Aggregation) -> str:
    """Python of the new state of one field, whose lines before it are written."""
    state = "state" if name == ONE else f"state[{name!r}]"
    if state != "state" and aggregation.source.count("{state}") > 1:
        variable = source.variable("s")
        source.line(f"{variable} = {state}")
        state = variable
    lowered = source.lower(aggregation.expression)
    given = lowered.raw
    subjects = lowered.subjects
    is_used_once = aggregation.source.count("{x}") == 1 and " if " not in aggregation.source
    if not lowered.is_leaf and not is_used_once:  # evaluated whatever the state is
        given = source.variable("x")
        subjects = (f"({given} := {text(lowered)})",)
    new = aggregation.source.format(state=state, x=given)
    conditions = [f"{each} is not None" for each in subjects]
    if aggregation.condition is not None:
        conditions.insert(0, source.passes(aggregation.condition))
    return f"(({new}) if {' and '.join(conditions)} else {state})" if conditions else f"({new})"
