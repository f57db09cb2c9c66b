"""Decimals as MySQL stores them (strings/decimal.cc): groups of nine digits in four bytes each, big-endian.

The rest before the first and behind the last group takes fewer bytes. The first bit says that a number is not negative;
all bits of a negative one are turned over.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_GROUP_DIGITS: Final = 9
_GROUP_BYTES: Final = 4
_REST_BYTES: Final = (0, 1, 1, 2, 2, 3, 3, 4, 4)
"""Of so many digits that fill no group."""


def decimal_reader(precision: int, scale: int) -> Callable[[bytes, int], tuple[Decimal, int]]:
    """Bytes and where the number begins ─► it, with that scale, and where it ends. Raises `IndexError` if it is cut."""
    groups, rest = divmod(precision - scale, _GROUP_DIGITS)
    groups_behind, rest_behind = divmod(scale, _GROUP_DIGITS)
    widths = [(_REST_BYTES[rest], rest)] if rest else []
    widths += [(_GROUP_BYTES, _GROUP_DIGITS)] * (groups + groups_behind)
    widths += [(_REST_BYTES[rest_behind], rest_behind)] if rest_behind else []
    length = sum(width for width, _ in widths)

    def read(data: bytes, at: int) -> tuple[Decimal, int]:
        end = at + length
        if end > len(data):
            raise IndexError("a decimal is cut")
        number = int.from_bytes(data[at:end], "big") ^ 1 << 8 * length - 1
        is_negative = not data[at] & 0x80
        if is_negative:
            number ^= (1 << 8 * length) - 1
        digits, left = "", 8 * length
        for width, count in widths:
            left -= 8 * width
            digits += f"{number >> left & (1 << 8 * width) - 1:0{count}d}"
        return Decimal(f"{'-' if is_negative else ''}{digits}E-{scale}"), end

    return read


def decimal_of(data: bytes) -> Decimal:
    """As a document of JSON holds it: precision and scale come first."""
    return decimal_reader(data[0], data[1])(data, 2)[0]
