"""Two values instead of one: what `left` and `right` are columns of."""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple

from ottla.streams.expressions.expression import Expression
from ottla.streams.expressions.operations import field

Place = Literal["left", "right"]
PLACES: Final[tuple[Place, ...]] = ("left", "right")


class Pair(NamedTuple):
    """What an expression over two values is evaluated with, in place of a value."""

    left: Any
    right: Any


class Side(Expression):
    """One of both values, or a field of it."""

    __slots__ = ("name", "place")

    def __init__(self, place: Place, name: str | None) -> None:
        super().__init__()
        if name is not None and not isinstance(name, str):
            raise TypeError(f"the name of a column is text, not {name!r}")
        self.place = place
        self.name = name

    def evaluate(self, key: Any, value: Any) -> Any:
        if type(value) is not Pair:
            raise TypeError(
                f"{self!r} is for joiners, reducers and aggregators, which have two values; here it is col or value"
            )
        record = value.left if self.place == "left" else value.right
        return record if self.name is None else field(record, self.name)

    def __repr__(self) -> str:
        return f"{self.place}({'' if self.name is None else repr(self.name)})"
