"""Numbers as Java says and reads them: `Double.toString`, `Float.toString`, `BigDecimal`, narrowing.

`Double.toString` is that of JDK 19 and later, the shortest text that means the very number; older ones sometimes write
a digit more.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Final

from ottla.connect.data.type import Float32, to_float32, wrap

MAX_EXPONENT: Final = 1 << 31
"""A scale of BigDecimal has 32 bits."""
_BIG_DECIMAL: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_FLOATING: Final = re.compile(
    r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[fFdD]?|(?P<word>NaN|Infinity))"
)
_FLOAT_DIGITS: Final = 9
_PLAIN_FROM: Final = -3
_PLAIN_TO: Final = 7
_LONG_MAX: Final = (1 << 63) - 1
_LONG_DIGITS: Final = 19


def number_text(value: int | float | Decimal) -> str:
    """`toString()` of the number that Java would have."""
    if isinstance(value, Float32):
        return float_text(value)
    if isinstance(value, float):
        return double_text(value)
    return str(int(value)) if isinstance(value, int) else str(value)


def double_text(value: float) -> str:
    """`Double.toString`: 1.0, 1.0E-5, 1.0E7, NaN, Infinity."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    text = repr(float(value))
    if "e" not in text:
        size = abs(value)
        if 1e-3 <= size < 1e7 or size == 0:
            return text
    return _scientific(value, text)


def float_text(value: float) -> str:
    """`Float.toString` of what is left of the number in 32 bits."""
    value = to_float32(value)
    if not math.isfinite(value) or value == 0:
        return double_text(value)
    text = next(
        text
        for digits in range(_FLOAT_DIGITS)
        if to_float32(float(text := f"{value:.{digits}e}")) == value or digits == _FLOAT_DIGITS - 1
    )
    return _scientific(value, text)


def _scientific(value: float, shortest: str) -> str:
    """Java's form of these digits: at least two of them, an exponent where the number is small or large."""
    decimal = Decimal(shortest)
    digits = "".join(map(str, decimal.as_tuple().digits)).rstrip("0")
    if len(digits) <= 1:
        decimal = Decimal(f"{value:.1e}")
        digits = "".join(map(str, decimal.as_tuple().digits)).rstrip("0") or "0"
    exponent = decimal.adjusted()
    sign = "-" if value < 0 else ""
    if exponent < _PLAIN_FROM or exponent >= _PLAIN_TO:
        return f"{sign}{digits[0]}.{digits[1:] or '0'}E{exponent}"
    if exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
    whole = digits[: exponent + 1].ljust(exponent + 1, "0")
    return f"{sign}{whole}.{digits[exponent + 1 :] or '0'}"


def parse_decimal(text: str) -> Decimal | None:
    """`new BigDecimal(text)`; `None` where Java finds no number in it."""
    if not _BIG_DECIMAL.fullmatch(text):
        return None
    exponent = re.search(r"[eE]([+-]?\d+)$", text)
    if exponent is not None and len(exponent[1].lstrip("+-0")) > len(str(MAX_EXPONENT)):
        return None
    value = Decimal(text)
    found = value.as_tuple().exponent
    if not isinstance(found, int) or not -MAX_EXPONENT < found <= MAX_EXPONENT:
        return None
    return value.copy_abs() if value.is_zero() else value


def parse_floating(text: str) -> float | None:
    """`Double.parseDouble(text)`, blanks around it and all; hexadecimal numbers are not read."""
    text = text.strip()
    found = _FLOATING.fullmatch(text)
    if found is None:
        return None
    return float(text if found["word"] else text.rstrip("fFdD"))


def to_long(value: int | float | Decimal) -> int:
    """`Number.longValue()`: of a double the nearest that fits, of a decimal its low 64 bits."""
    if isinstance(value, float):
        return to_integer(value, 64)
    if isinstance(value, Decimal):
        return wrap(_truncated(value), 64)
    return wrap(value, 64)


def to_integer(value: float, bits: int) -> int:
    """Java's cast of a double to an int or long: cut off, within the range, and 0 for NaN."""
    if math.isnan(value):
        return 0
    high = (1 << (bits - 1)) - 1
    if math.isinf(value):
        return high if value > 0 else -high - 1
    return max(-high - 1, min(high, int(value)))


def narrow(value: int | float | Decimal, bits: int) -> int:
    """`byteValue()`, `shortValue()`, `intValue()`: of a double by way of an int."""
    if isinstance(value, float):
        return wrap(to_integer(value, 32), bits)
    return wrap(to_long(value), bits)


def _truncated(value: Decimal) -> int:
    """The whole part; of what is so large that no bit of 64 is left of it, 0."""
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    if exponent >= 64:  # (10 to the 64th has 64 factors of two)
        return 0
    if exponent >= 0:
        number = int("".join(map(str, digits)) + "0" * exponent)
    else:
        number = int("".join(map(str, digits[:exponent])) or "0")
    return -number if sign else number


def whole(value: Decimal) -> int | None:
    """The number, if it is whole and a long can hold it."""
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int):
        return None
    if value.is_zero():
        return 0
    if value.adjusted() >= _LONG_DIGITS or value.adjusted() < 0:
        return None
    if exponent < 0 and any(value.as_tuple().digits[exponent:]):
        return None
    number = _truncated(value)
    return number if -_LONG_MAX - 1 <= number <= _LONG_MAX else None
