"""Expressions that choose (`when`) or make: `struct`, `make`, `with_fields`, `pair`; several: `array`, `explode`."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from ottla.streams.expressions.expression import Expression, operand
from ottla.streams.expressions.operations import Operation, field

if TYPE_CHECKING:
    from collections.abc import Callable


class When(Expression):
    """The value of the first condition that is true; the last operand where none is. No other value is looked at."""

    __slots__ = ()

    @property
    def is_boolean(self) -> bool:  # type: ignore[override]
        values = (*self.operands[1::2], self.operands[-1])
        return all(each.is_boolean for each in values)

    def evaluate(self, key: Any, value: Any) -> Any:
        operands = self.operands
        for at in range(0, len(operands) - 1, 2):
            if operands[at].evaluate(key, value):
                return operands[at + 1].evaluate(key, value)
        return operands[-1].evaluate(key, value)

    def __repr__(self) -> str:
        operands = self.operands
        cases = "".join(f".when({operands[at]!r}).then({operands[at + 1]!r})" for at in range(0, len(operands) - 1, 2))
        return f"{cases[1:]}.otherwise({operands[-1]!r})"


class Fields(Expression):
    """Records of named operands."""

    __slots__ = ("names",)

    def __init__(self, fields: Mapping[str, Any], *before: Expression) -> None:
        super().__init__(*before, *(operand(each) for each in fields.values()))
        self.names = tuple(fields)

    @property
    def fields(self) -> dict[str, Expression]:
        return dict(zip(self.names, self.operands[len(self.operands) - len(self.names) :], strict=True))

    def _written(self) -> str:
        return ", ".join(f"{name}={each!r}" for name, each in self.fields.items())

    def _values(self, key: Any, value: Any) -> dict[str, Any]:
        return {name: each.evaluate(key, value) for name, each in self.fields.items()}


class StructOf(Fields):
    """A dict."""

    __slots__ = ()

    def evaluate(self, key: Any, value: Any) -> Any:
        return self._values(key, value)

    def __repr__(self) -> str:
        return f"struct({self._written()})"


class Make(Fields):
    """What a class, or a function, makes of named arguments."""

    __slots__ = ("kind",)

    def __init__(self, kind: Callable[..., Any], fields: Mapping[str, Any]) -> None:
        super().__init__(fields)
        self.kind = kind

    def evaluate(self, key: Any, value: Any) -> Any:
        return self.kind(**self._values(key, value))

    def __repr__(self) -> str:
        name = getattr(self.kind, "__name__", repr(self.kind))
        return f"make({name}, {self._written()})"


class WithFields(Fields):
    """The first operand, with other values in some of its fields; null where it is null."""

    __slots__ = ()

    def __init__(self, record: Expression, fields: Mapping[str, Any]) -> None:
        super().__init__(fields, record)

    def evaluate(self, key: Any, value: Any) -> Any:
        record = self.operands[0].evaluate(key, value)
        return None if record is None else with_values(record, self._values(key, value))

    def __repr__(self) -> str:
        return f"with_fields({self.operands[0]!r}, {self._written()})"


class KeyValueOf(Expression):
    """A key and a value, both operands: a tuple."""

    __slots__ = ()

    def evaluate(self, key: Any, value: Any) -> Any:
        new_key, new_value = self.operands
        return new_key.evaluate(key, value), new_value.evaluate(key, value)

    def __repr__(self) -> str:
        return f"pair({', '.join(map(repr, self.operands))})"


class ListOf(Expression):
    """A list of its operands."""

    __slots__ = ()

    def evaluate(self, key: Any, value: Any) -> Any:
        return [each.evaluate(key, value) for each in self.operands]

    def __repr__(self) -> str:
        return f"array({', '.join(map(repr, self.operands))})"


def with_values(record: Any, values: dict[str, Any]) -> Any:
    """A copy: a dict of a mapping; of a dataclass or a struct of msgspec, one of its kind, which has these fields."""
    if isinstance(record, Mapping):
        return {**record, **values}
    if dataclasses.is_dataclass(record) and not isinstance(record, type):
        return dataclasses.replace(record, **values)
    if hasattr(record, "__struct_fields__"):
        return sys.modules["msgspec"].structs.replace(record, **values)
    raise TypeError(f"{type(record).__name__} is no record: a dict, a dataclass or a struct of msgspec")


def _exploded(record: Any, name: str) -> list[Any] | None:
    elements = field(record, name)
    if elements is None:
        return None
    if not isinstance(elements, list | tuple | set | frozenset):
        raise TypeError(f"{name} is of type {type(elements).__name__}, and explode wants a list")
    return [with_values(record, {name: each}) for each in elements]


EXPLODE: Final = Operation("explode", "explode({1})", _exploded, may_be_null=True)
