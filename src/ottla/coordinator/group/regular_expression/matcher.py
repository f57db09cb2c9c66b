"""Matches whole topic names in time linear in their length, whatever the expression.

The expression becomes states; all states that a prefix can lead to are followed at once. Sets of states are remembered
with where a character leads from them, so that after a few names each character costs one look-up.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from ottla.coordinator.group.regular_expression.syntax import (
    WORD,
    Assertion,
    AssertionKind,
    Chars,
    Choice,
    InvalidExpressionError,
    Node,
    Repeat,
    Sequence,
    parse,
)

MAX_STATES = 20_000
MAX_CACHED_STEPS = 50_000

_START_OF_NAME = ""
_END_OF_NAME = ""


@dataclass(slots=True)
class _State:
    """Consumes a character of `allowed`, or, without one, leads on to each of `following` if `assertion` holds."""

    allowed: frozenset[str] | None
    assertion: AssertionKind | None
    following: list[int]


class TopicMatcher:
    """`InvalidExpressionError` if the pattern is none, or would need too many states."""

    def __init__(self, pattern: str) -> None:
        self._states: list[_State] = []
        start = self._new_state()
        end = self._compile(parse(pattern), start)
        self._final = end
        self._start = frozenset((start,))
        # (states, character before, character at hand or the end) -> states after it
        self._steps: dict[tuple[frozenset[int], str, str], frozenset[int]] = {}

    def matches(self, name: str) -> bool:
        states = self._start
        before = _START_OF_NAME
        for char in name:
            states = self._step(states, before, char)
            if not states:
                return False
            before = char
        return self._final in self._closure(states, before, _END_OF_NAME)

    def select(self, names: Iterable[str]) -> list[str]:
        return [name for name in names if self.matches(name)]

    # -- running

    def _step(self, states: frozenset[int], before: str, char: str) -> frozenset[int]:
        # Of the character before only matters whether it is part of a word.
        key = (states, before and ("a" if before in WORD else "-"), char)
        after = self._steps.get(key)
        if after is None:
            reached = self._closure(states, before, char)
            following = (
                each
                for number in reached
                if (allowed := self._states[number].allowed) is not None and char in allowed
                for each in self._states[number].following
            )
            after = frozenset(following)
            if len(self._steps) >= MAX_CACHED_STEPS:
                self._steps.clear()
            self._steps[key] = after
        return after

    def _closure(self, states: Iterable[int], before: str, after: str) -> set[int]:
        """Those states and all that can be reached from them between these two characters."""
        reached = set(states)
        todo = list(reached)
        while todo:
            state = self._states[todo.pop()]
            if state.allowed is not None or (
                state.assertion is not None and not _holds(state.assertion, before, after)
            ):
                continue
            for number in state.following:
                if number not in reached:
                    reached.add(number)
                    todo.append(number)
        return reached

    # -- compiling: each returns the state where a node that begins at `start` ends

    def _new_state(self) -> int:
        if len(self._states) >= MAX_STATES:
            raise InvalidExpressionError("the expression is too large")
        self._states.append(_State(None, None, []))
        return len(self._states) - 1

    def _compile(self, node: Node, start: int) -> int:
        if isinstance(node, Chars | Assertion):
            begin, end = self._new_state(), self._new_state()
            self._states[start].following.append(begin)
            if isinstance(node, Chars):
                self._states[begin].allowed = node.allowed
            else:
                self._states[begin].assertion = node.kind
            self._states[begin].following.append(end)
            return end
        if isinstance(node, Sequence):
            for part in node.parts:
                start = self._compile(part, start)
            return start
        if isinstance(node, Choice):
            end = self._new_state()
            for option in node.options:
                begin = self._new_state()
                self._states[start].following.append(begin)
                self._states[self._compile(option, begin)].following.append(end)
            return end
        return self._compile_repeat(node, start)

    def _compile_repeat(self, node: Repeat, start: int) -> int:
        for _ in range(node.least):
            start = self._compile(node.node, start)
        end = self._new_state()
        if node.most is None:
            again = self._new_state()
            self._states[start].following.append(again)
            self._states[self._compile(node.node, again)].following.append(again)
            self._states[again].following.append(end)
            return end
        self._states[start].following.append(end)
        for _ in range(node.most - node.least):
            start = self._compile(node.node, start)
            self._states[start].following.append(end)
        return end


def _holds(assertion: AssertionKind, before: str, after: str) -> bool:
    if assertion is AssertionKind.START:
        return before == _START_OF_NAME
    if assertion is AssertionKind.END:
        return after == _END_OF_NAME
    at_boundary = (before in WORD) != (after in WORD)
    return at_boundary == (assertion is AssertionKind.WORD_BOUNDARY)
