"""Lengths of time as applications write them: milliseconds, a `timedelta`, or a text such as `"10s"`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

Duration = int | timedelta | str

LONG_MAX: Final = 2**63 - 1
"""Java's greatest `long`: where Kafka Streams says "for ever"."""

_UNITS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
_TEXT: Final = re.compile(r"\s*([+-]?)\s*(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d)\s*")
_MILLISECOND: Final = timedelta(milliseconds=1)


def milliseconds(value: Duration, name: str) -> int:
    """`value` in whole milliseconds, cut toward the past as Java does; ValueError names the parameter `name`."""
    if isinstance(value, timedelta):
        number = value // _MILLISECOND
    elif isinstance(value, str):
        match = _TEXT.fullmatch(value)
        if match is None:
            raise ValueError(_refusal(value, name) + "Write it as a number and one of ms, s, m, h, d.")
        sign, digits, unit = match.groups()
        number = int(float(digits) * _UNITS[unit]) if "." in digits else int(digits) * _UNITS[unit]
        number = -number if sign == "-" else number
    elif isinstance(value, int) and not isinstance(value, bool):
        number = value
    else:
        raise ValueError(_refusal(value, name) + ("It shouldn't be null." if value is None else "It is no duration."))
    if not -LONG_MAX <= number <= LONG_MAX:
        raise ValueError(_refusal(value, name) + "It can't be converted to milliseconds.")
    return number


def _refusal(value: object, name: str) -> str:
    shown = "null" if value is None else value
    return f'Invalid value for parameter "{name}" (value was: {shown}). '
