"""What operators make of an expression: `map` a pair, `flat_map` pairs, `flat_map_values` the elements of a list.

Each is checked for every record before anything of it goes on, so that a record fails whole or not at all.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Final

from ottla.streams.expressions.expression import Expression
from ottla.streams.expressions.records import KeyValueOf, ListOf

_PAIR_SIZE: Final = 2


class Checked(Expression):
    """The operand, which has to be of a certain shape: TypeError for a record where it is not."""

    __slots__ = ()

    def __init__(self, expression: Expression) -> None:
        super().__init__(expression)

    @property
    def is_certain(self) -> bool:
        """Whether it cannot be of another shape."""
        return False

    @abstractmethod
    def checked(self, found: Any) -> Any: ...

    def evaluate(self, key: Any, value: Any) -> Any:
        return self.checked(self.operands[0].evaluate(key, value))

    def __repr__(self) -> str:
        return repr(self.operands[0])


class Elements(Checked):
    """A list, empty where it is null: the letters of a text are not what is meant."""

    __slots__ = ()

    def checked(self, found: Any) -> Any:
        if found is None:
            return ()
        if isinstance(found, list | tuple | set | frozenset):
            return found
        raise TypeError(f"{self!r} is of type {type(found).__name__}, and flat_map_values wants a list")


class OnePair(Checked):
    """A key and a value."""

    __slots__ = ()

    @property
    def is_certain(self) -> bool:
        return isinstance(self.operands[0], KeyValueOf)

    def checked(self, found: Any) -> Any:
        if _is_pair(found):
            return found
        raise TypeError(f"{self!r} is of type {type(found).__name__}, and what is wanted is pair(key, value)")


class Pairs(Checked):
    """A list of pairs without those that are null; empty where it is null itself."""

    __slots__ = ()

    @property
    def is_certain(self) -> bool:
        (pairs,) = self.operands
        return isinstance(pairs, ListOf) and all(isinstance(each, KeyValueOf) for each in pairs.operands)

    def checked(self, found: Any) -> Any:
        if found is None:
            return ()
        if not isinstance(found, list):
            raise TypeError(f"{self!r} is of type {type(found).__name__}, and flat_map wants a list of pairs")
        pairs = [each for each in found if each is not None]
        for each in pairs:
            if not _is_pair(each):
                raise TypeError(f"an element of {self!r} is of type {type(each).__name__}, and flat_map wants pairs")
        return pairs


def _is_pair(found: Any) -> bool:
    return isinstance(found, tuple | list) and len(found) == _PAIR_SIZE
