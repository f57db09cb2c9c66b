"""What strict operations do: a function for one record at a time, and the Python that a fused chain has in its place.

Strict: operands are evaluated from left to right, and the first one that is null makes the whole null. `function` is
what an operation means; `source` must come to the same or raise, which has the record evaluated by `function`.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_POWER_BITS: Final = 4_096
"""Integers of more bits than that are not made by `**`: one record must not keep a task busy."""

ROUND_DIGITS: Final = 300


@dataclass(frozen=True, slots=True)
class Operation:
    """`text` and `source` have `{0}`, `{1}` … for operands; without `source` it is a call of `function`."""

    name: str
    text: str
    function: Callable[..., Any]
    source: str | None = None
    is_boolean: bool = False
    is_infix: bool = False
    may_be_null: bool = False
    """Even where its operands are not."""


def field(record: Any, name: str) -> Any:
    """A column of a record: an entry of a mapping, None where it has none; of anything else, an attribute."""
    if record is None:
        return None
    if type(record) is dict or isinstance(record, Mapping):
        return record.get(name)
    return getattr(record, name)


def _item(values: Any, index: Any) -> Any:
    if isinstance(index, str):
        return field(values, index)
    if not isinstance(values, list | tuple):
        raise TypeError(f"{type(values).__name__} has no elements by number")
    return values[index] if -len(values) <= index < len(values) else None


def _multiply(left: Any, right: Any) -> Any:
    return +left * +right  # text has no unary plus: it is not to be repeated


def _modulo(left: Any, right: Any) -> Any:
    return +left % right  # nor to be a format


def _power(left: Any, right: Any) -> Any:
    if isinstance(left, int) and isinstance(right, int) and right > 0 and left.bit_length() * right > MAX_POWER_BITS:
        raise OverflowError(f"an integer of more than {MAX_POWER_BITS} bits")
    return left**right


def truth(value: Any) -> bool:
    if value is True or value is False:
        return value
    raise TypeError(f"{type(value).__name__} is neither true nor false; compare it with something")


def _cast_bool(value: Any) -> bool:
    if isinstance(value, str):
        if value in ("true", "false"):
            return value == "true"
    elif isinstance(value, bool | int | float):
        return value != 0
    raise ValueError(f"{value!r} is neither true nor false")


def _cast_int(value: Any) -> int:
    if isinstance(value, str | bytes) and len(value) > MAX_POWER_BITS:
        raise OverflowError(f"an integer of {len(value)} digits")
    return int(value)


def _length(value: Any) -> int:
    return len(value)


def _contains(text: Any, part: Any) -> bool:
    return str.__contains__(text, part)


def _substring(text: str, start: int, length: int) -> str:
    if not isinstance(text, str):
        raise TypeError(f"{type(text).__name__} is no text")
    if start < 0 or length < 0:
        raise ValueError("start and length of a substring are not negative")
    return text[start : start + length]


def _round(value: Any, digits: int) -> Any:
    return round(value, min(digits, ROUND_DIGITS))


def _in(value: Any, values: frozenset[Any]) -> bool:
    return value in values


def _infix(
    name: str, symbol: str, function: Callable[..., Any], source: str | None = None, *, is_boolean: bool = False
) -> Operation:
    text = f"{{0}} {symbol} {{1}}"
    return Operation(name, text, function, source or text, is_boolean=is_boolean, is_infix=True)


def _method(name: str, function: Callable[..., Any], operands: int = 1, *, is_boolean: bool = False) -> Operation:
    return Operation(
        name,
        f"{{0}}.{name}({', '.join(f'{{{each}}}' for each in range(1, operands))})",
        function,
        is_boolean=is_boolean,
    )


ADD: Final = _infix("add", "+", operator.add)
SUBTRACT: Final = _infix("subtract", "-", operator.sub)
MULTIPLY: Final = _infix("multiply", "*", _multiply, "+{0} * +{1}")
DIVIDE: Final = _infix("divide", "/", operator.truediv)
FLOOR_DIVIDE: Final = _infix("floor_divide", "//", operator.floordiv)
MODULO: Final = _infix("modulo", "%", _modulo, "+{0} % {1}")
POWER: Final = Operation("power", "{0} ** {1}", _power, is_infix=True)
EQUAL: Final = _infix("equal", "==", operator.eq, is_boolean=True)
NOT_EQUAL: Final = _infix("not_equal", "!=", operator.ne, is_boolean=True)
LESS: Final = _infix("less", "<", operator.lt, is_boolean=True)
LESS_EQUAL: Final = _infix("less_equal", "<=", operator.le, is_boolean=True)
GREATER: Final = _infix("greater", ">", operator.gt, is_boolean=True)
GREATER_EQUAL: Final = _infix("greater_equal", ">=", operator.ge, is_boolean=True)
NEGATE: Final = Operation("negate", "-{0}", operator.neg, "-{0}", is_infix=True)
NOT: Final = Operation("not", "~{0}", operator.not_, "not {0}", is_boolean=True, is_infix=True)
TRUTH: Final = Operation("truth", "{0}", truth, is_boolean=True)
ITEM: Final = Operation("item", "{0}[{1}]", _item, may_be_null=True)
ABS: Final = _method("abs", abs)
ROUND: Final = _method("round", _round, 2)
FLOOR: Final = _method("floor", math.floor)
CEIL: Final = _method("ceil", math.ceil)
UPPER: Final = _method("upper", str.upper)
LOWER: Final = _method("lower", str.lower)
STRIP: Final = _method("strip", str.strip)
LENGTH: Final = _method("length", _length)
CONTAINS: Final = _method("contains", _contains, 2, is_boolean=True)
STARTS_WITH: Final = _method("starts_with", str.startswith, 2, is_boolean=True)
ENDS_WITH: Final = _method("ends_with", str.endswith, 2, is_boolean=True)
SUBSTRING: Final = _method("substring", _substring, 3)
IS_IN: Final = _method("is_in", _in, 2, is_boolean=True)


def _or_null(function: Callable[..., Any]) -> Callable[..., Any]:
    def called(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except Exception:
            return None

    return called


CASTS: Final = {
    bool: Operation("cast_bool", "{0}.cast(bool)", _cast_bool, is_boolean=True),
    int: Operation("cast_int", "{0}.cast(int)", _cast_int),
    float: Operation("cast_float", "{0}.cast(float)", float),
    str: Operation("cast_str", "{0}.cast(str)", str),
}
TRY_CASTS: Final = {
    kind: Operation(
        f"try_{cast.name}",
        cast.text.replace(".cast", ".try_cast"),
        _or_null(cast.function),
        is_boolean=cast.is_boolean,
        may_be_null=True,
    )
    for kind, cast in CASTS.items()
}
