"""An expression over the key and the value of a record (`Expression`): what it says, and what it is for one record.

    (col("amount") * col("price") > 500) & col("country").is_in(["DE", "CZ"])

Null is None, as a value of JSON, a field that a mapping does not have, or any column of a value that is None. It goes
through everything strict; `&` and `|` know three truth values, as SQL does. A predicate holds where it is true.

`evaluate` is what an expression means: one record, node by node. `compiled` does the same as straight Python, and calls
`evaluate` for records with which that fails, which says what was wrong. Expressions are immutable, and pure: evaluating
one twice comes to the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NoReturn

from ottla.streams.expressions import operations as op
from ottla.streams.expressions.operations import Operation, field, truth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

MAX_DEPTH: Final = 200
"""Of expressions within expressions."""

MAX_SHOWN: Final = 200  # characters of a value in the text of an error


class ExpressionError(Exception):
    """An expression could not be evaluated: which, of which record, and why. Handlers of errors are asked about it."""


class _FailedError(Exception):
    """Within an expression: the innermost one that failed, and its operands."""


class Expression:
    """Made by `col`, `key`, `value`, `lit`, `when`, `struct` and by operators; a function of a key and a value, too."""

    __slots__ = ("_function", "depth", "operands")

    is_boolean = False
    """Whether it is never anything but true, false and null."""

    def __init__(self, *operands: Expression) -> None:
        self.operands = operands
        self.depth: int = 1 + max((each.depth for each in operands), default=0)
        self._function: Callable[[Any, Any], Any] | None = None
        if self.depth > MAX_DEPTH:
            raise ValueError(f"an expression has at most {MAX_DEPTH} others within each other")

    def evaluate(self, key: Any, value: Any) -> Any:
        """What it is for that record, node by node."""
        raise NotImplementedError

    def row(self, key: Any, value: Any) -> Any:
        """`evaluate`; ExpressionError with the text of the expression and the record when that fails."""
        try:
            return self.evaluate(key, value)
        except Exception as failure:
            raise ExpressionError(
                f"{self!r} failed for the record with the key {shown(key)} and the value {shown(value)}: {failure}"
            ) from (failure.__cause__ if isinstance(failure, _FailedError) else failure)

    def __call__(self, key: Any, value: Any) -> Any:
        if self._function is None:
            from ottla.streams.expressions.compiled import compiled

            self._function = compiled(self)
        return self._function(key, value)

    # Arithmetic. Text can be added, and nothing else be done to it.

    def __add__(self, other: Any) -> Expression:
        return Strict(op.ADD, self, operand(other))

    def __radd__(self, other: Any) -> Expression:
        return Strict(op.ADD, operand(other), self)

    def __sub__(self, other: Any) -> Expression:
        return Strict(op.SUBTRACT, self, operand(other))

    def __rsub__(self, other: Any) -> Expression:
        return Strict(op.SUBTRACT, operand(other), self)

    def __mul__(self, other: Any) -> Expression:
        return Strict(op.MULTIPLY, self, operand(other))

    def __rmul__(self, other: Any) -> Expression:
        return Strict(op.MULTIPLY, operand(other), self)

    def __truediv__(self, other: Any) -> Expression:
        return Strict(op.DIVIDE, self, operand(other))

    def __rtruediv__(self, other: Any) -> Expression:
        return Strict(op.DIVIDE, operand(other), self)

    def __floordiv__(self, other: Any) -> Expression:
        return Strict(op.FLOOR_DIVIDE, self, operand(other))

    def __rfloordiv__(self, other: Any) -> Expression:
        return Strict(op.FLOOR_DIVIDE, operand(other), self)

    def __mod__(self, other: Any) -> Expression:
        return Strict(op.MODULO, self, operand(other))

    def __rmod__(self, other: Any) -> Expression:
        return Strict(op.MODULO, operand(other), self)

    def __pow__(self, other: Any) -> Expression:
        return Strict(op.POWER, self, operand(other))

    def __rpow__(self, other: Any) -> Expression:
        return Strict(op.POWER, operand(other), self)

    def __neg__(self) -> Expression:
        return Strict(op.NEGATE, self)

    def abs(self) -> Expression:
        return Strict(op.ABS, self)

    def round(self, digits: int = 0) -> Expression:
        """To that many decimal digits, as Python rounds."""
        return Strict(op.ROUND, self, Literal(digits))

    def floor(self) -> Expression:
        return Strict(op.FLOOR, self)

    def ceil(self) -> Expression:
        return Strict(op.CEIL, self)

    # Comparison

    def __eq__(self, other: object) -> Expression:  # type: ignore[override]
        return Strict(op.EQUAL, self, operand(other))

    def __ne__(self, other: object) -> Expression:  # type: ignore[override]
        return Strict(op.NOT_EQUAL, self, operand(other))

    def __lt__(self, other: Any) -> Expression:
        return Strict(op.LESS, self, operand(other))

    def __le__(self, other: Any) -> Expression:
        return Strict(op.LESS_EQUAL, self, operand(other))

    def __gt__(self, other: Any) -> Expression:
        return Strict(op.GREATER, self, operand(other))

    def __ge__(self, other: Any) -> Expression:
        return Strict(op.GREATER_EQUAL, self, operand(other))

    def between(self, least: Any, greatest: Any) -> Expression:
        """Both bounds included."""
        return Strict(op.GREATER_EQUAL, self, operand(least)) & Strict(op.LESS_EQUAL, self, operand(greatest))

    def is_in(self, values: Iterable[Any]) -> Expression:
        """Whether it equals one of `values`, which are hashable."""
        return Strict(op.IS_IN, self, Literal(frozenset(values)))

    # Truth

    def __and__(self, other: Any) -> Expression:
        return And(boolean(self), boolean(operand(other)))

    def __rand__(self, other: Any) -> Expression:
        return And(boolean(operand(other)), boolean(self))

    def __or__(self, other: Any) -> Expression:
        return Or(boolean(self), boolean(operand(other)))

    def __ror__(self, other: Any) -> Expression:
        return Or(boolean(operand(other)), boolean(self))

    def __invert__(self) -> Expression:
        return Strict(op.NOT, boolean(self))

    # Null

    def is_null(self) -> Expression:
        return IsNull(self)

    def is_not_null(self) -> Expression:
        return ~IsNull(self)

    def fill_null(self, other: Any) -> Expression:
        """`other` where this is null."""
        return Coalesce(self, operand(other))

    # Text

    def upper(self) -> Expression:
        return Strict(op.UPPER, self)

    def lower(self) -> Expression:
        return Strict(op.LOWER, self)

    def strip(self) -> Expression:
        """Without white space around."""
        return Strict(op.STRIP, self)

    def length(self) -> Expression:
        """Of text in characters, of a list in elements."""
        return Strict(op.LENGTH, self)

    def contains(self, part: Any) -> Expression:
        return Strict(op.CONTAINS, self, operand(part))

    def starts_with(self, prefix: Any) -> Expression:
        return Strict(op.STARTS_WITH, self, operand(prefix))

    def ends_with(self, suffix: Any) -> Expression:
        return Strict(op.ENDS_WITH, self, operand(suffix))

    def substring(self, start: Any, length: Any) -> Expression:
        """`length` characters from `start` on, the first of which is 0; fewer where the text ends."""
        return Strict(op.SUBSTRING, self, operand(start), operand(length))

    # Other types

    def cast(self, kind: type[bool] | type[int] | type[float] | type[str]) -> Expression:
        """As Python converts; text that is `true` or `false` becomes a bool, and no other."""
        return Strict(_cast(op.CASTS, kind), self)

    def try_cast(self, kind: type[bool] | type[int] | type[float] | type[str]) -> Expression:
        """`cast`, and null where that fails."""
        return Strict(_cast(op.TRY_CASTS, kind), self)

    def __getitem__(self, name: str | int) -> Expression:
        """A field of a record within the record, or an element of a list; null where there is none."""
        return Strict(op.ITEM, self, Literal(name))

    # What would be a mistake

    def __bool__(self) -> NoReturn:
        raise TypeError(
            f"{self!r} is an expression, neither true nor false: write & for `and`, | for `or`, ~ for `not` (each side "
            "in parentheses), is_in for `in`, when for `if`, and between for chained comparisons"
        )

    def __iter__(self) -> Iterator[Any]:
        raise TypeError(f"{self!r} is an expression; there is nothing to iterate over")

    def __contains__(self, part: object) -> NoReturn:
        raise TypeError(f"{self!r} is an expression: use contains or is_in")

    __hash__ = object.__hash__

    def _nested(self) -> str:
        """As it is written within another one."""
        return repr(self)


class Column(Expression):
    """A field of the value."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        super().__init__()
        if not isinstance(name, str):
            raise TypeError(f"the name of a column is text, not {name!r}")
        self.name = name

    def evaluate(self, key: Any, value: Any) -> Any:
        try:
            return field(value, self.name)
        except Exception as failure:
            raise _FailedError(f"{self!r}: {failure}") from failure

    def __repr__(self) -> str:
        return f"col({self.name!r})"


class Key(Expression):
    __slots__ = ()

    def evaluate(self, key: Any, value: Any) -> Any:
        return key

    def __repr__(self) -> str:
        return "key()"


class Value(Expression):
    __slots__ = ()

    def evaluate(self, key: Any, value: Any) -> Any:
        return value

    def __repr__(self) -> str:
        return "value()"


class Literal(Expression):
    __slots__ = ("is_boolean", "literal")

    def __init__(self, literal: Any) -> None:
        super().__init__()
        self.literal = literal
        self.is_boolean = isinstance(literal, bool)

    def evaluate(self, key: Any, value: Any) -> Any:
        return self.literal

    def __repr__(self) -> str:
        return shown(set(self.literal) if isinstance(self.literal, frozenset) else self.literal)


class Strict(Expression):
    """An operation whose operands are not null."""

    __slots__ = ("is_boolean", "operation")

    def __init__(self, operation: Operation, *operands: Expression) -> None:
        super().__init__(*operands)
        self.operation = operation
        self.is_boolean = operation.is_boolean

    def evaluate(self, key: Any, value: Any) -> Any:
        arguments = []
        for each in self.operands:
            argument = each.evaluate(key, value)
            if argument is None:
                return None
            arguments.append(argument)
        try:
            return self.operation.function(*arguments)
        except Exception as failure:
            given = ", ".join(shown(each) for each in arguments)
            raise _FailedError(f"{self!r} of {given}: {failure or repr(failure)}") from failure

    def __repr__(self) -> str:
        return self.operation.text.format(*(each._nested() for each in self.operands))

    def _nested(self) -> str:
        return f"({self!r})" if self.operation.is_infix else repr(self)


class And(Expression):
    """False where one side is, whatever the other; otherwise null where one is. False on the left ends it."""

    __slots__ = ()
    is_boolean = True

    def evaluate(self, key: Any, value: Any) -> Any:
        left = self.operands[0].evaluate(key, value)
        if left is False:
            return False
        right = self.operands[1].evaluate(key, value)
        if right is False:
            return False
        return None if left is None or right is None else True

    def __repr__(self) -> str:
        return " & ".join(each._nested() for each in self.operands)

    def _nested(self) -> str:
        return f"({self!r})"


class Or(Expression):
    """True where one side is, whatever the other; otherwise null where one is. True on the left ends it."""

    __slots__ = ()
    is_boolean = True

    def evaluate(self, key: Any, value: Any) -> Any:
        left = self.operands[0].evaluate(key, value)
        if left is True:
            return True
        right = self.operands[1].evaluate(key, value)
        if right is True:
            return True
        return None if left is None or right is None else False

    def __repr__(self) -> str:
        return " | ".join(each._nested() for each in self.operands)

    def _nested(self) -> str:
        return f"({self!r})"


class IsNull(Expression):
    __slots__ = ()
    is_boolean = True

    def evaluate(self, key: Any, value: Any) -> Any:
        return self.operands[0].evaluate(key, value) is None

    def __repr__(self) -> str:
        return f"{self.operands[0]._nested()}.is_null()"


class Coalesce(Expression):
    """The first that is not null."""

    __slots__ = ()

    @property
    def is_boolean(self) -> bool:  # type: ignore[override]
        return all(each.is_boolean for each in self.operands)

    def evaluate(self, key: Any, value: Any) -> Any:
        for each in self.operands:
            found = each.evaluate(key, value)
            if found is not None:
                return found
        return None

    def __repr__(self) -> str:
        return f"coalesce({', '.join(map(repr, self.operands))})"


def operand(value: Any) -> Expression:
    """An expression as it is; anything else as a literal."""
    return value if isinstance(value, Expression) else Literal(value)


def boolean(expression: Expression) -> Expression:
    """The same, and an error where it is neither true nor false nor null."""
    if isinstance(expression, Literal) and expression.literal is not None:
        truth(expression.literal)
    return expression if expression.is_boolean else Strict(op.TRUTH, expression)


def _cast(casts: dict[type, Operation], kind: type) -> Operation:
    if kind not in casts:
        raise TypeError(f"cast to bool, int, float or str, not to {kind!r}")
    return casts[kind]


def shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"
