"""Times and moments as MySQL packs them into a number (mysys/my_time.cc), in rows and in documents of JSON."""

from __future__ import annotations

import datetime
from typing import Final

_FRACTION_BITS: Final = 24


def time_of(packed: int, unit: int = 1, width: int = 3) -> datetime.timedelta:
    """Hours, minutes and seconds in 10, 6 and 6 bits above the fraction: `width` bytes of so many microseconds."""
    size = abs(packed)
    whole = size >> _FRACTION_BITS
    fraction = (size & (1 << _FRACTION_BITS) - 1) >> 8 * (3 - width)
    span = datetime.timedelta(
        hours=whole >> 12, minutes=whole >> 6 & 63, seconds=whole & 63, microseconds=fraction * unit
    )
    return -span if packed < 0 else span


def datetime_of(packed: int, micros: int) -> datetime.datetime | None:
    """Thirteen months a year, then day, hour, minute and second in 5, 5, 6 and 6 bits."""
    year, month = divmod(packed >> 22, 13)
    try:
        return datetime.datetime(
            year, month, packed >> 17 & 31, packed >> 12 & 31, packed >> 6 & 63, packed & 63, micros
        )
    except ValueError:
        return None
