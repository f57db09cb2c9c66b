"""Dates and times in Debezium's ways (`time.precision.mode`, `io.debezium.time`).

| mode | date | time | timestamp |
|---|---|---|---|
| adaptive | days | ms or µs, by the column's precision | ms or µs |
| adaptive_time_microseconds | days | µs | ms or µs |
| connect | Connect's Date | Connect's Time: ms | Connect's Timestamp: ms |
| microseconds, nanoseconds | days | µs, ns | µs, ns |
| isostring | `2026-11-29Z` | `10:15:30.5Z` | `2026-11-29T10:15:30.5Z` |

Days and microseconds are since 1970-01-01 UTC, whatever the year; a time is microseconds since midnight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla.connect.connectors.cdc.field_type import ConversionError
from ottla.connect.data.logical import date_builder, instant, time_builder, timestamp_builder
from ottla.connect.data.schema_builder import SchemaBuilder

if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable

    Codec = tuple[Callable[[], SchemaBuilder], Callable[[int], object]]
    """The schema, and what a number of days or microseconds becomes."""

PRECISION_MODES: Final = (
    "adaptive",
    "adaptive_time_microseconds",
    "connect",
    "isostring",
    "microseconds",
    "nanoseconds",
)
DAY_US: Final = 86_400_000_000
_PACKAGE: Final = "io.debezium.time."


def _int32(name: str) -> Callable[[], SchemaBuilder]:
    return lambda: SchemaBuilder.int32().name(_PACKAGE + name).version(1)


def _int64(name: str) -> Callable[[], SchemaBuilder]:
    return lambda: SchemaBuilder.int64().name(_PACKAGE + name).version(1)


def text_builder(name: str) -> Callable[[], SchemaBuilder]:
    """`ZonedTimestamp`, `Interval` and so on: text of that name."""
    return lambda: SchemaBuilder.string().name(_PACKAGE + name).version(1)


MICRO_DURATION: Final = _int64("MicroDuration")
YEAR: Final = _int32("Year")


def date_codec(mode: str) -> Codec:
    if mode == "connect":
        return date_builder, lambda days: instant(days * 86_400_000).date()
    if mode == "isostring":
        return text_builder("IsoDate"), lambda days: iso_date(days) + "Z"
    return _int32("Date"), int


def time_codec(mode: str, precision: int) -> Codec:
    if mode == "connect":
        return time_builder, _connect_time
    if mode == "isostring":
        return text_builder("IsoTime"), lambda us: iso_time(us) + "Z"
    if mode == "nanoseconds":
        return _int64("NanoTime"), lambda us: us * 1000
    if mode == "adaptive" and precision <= 3:
        return _int32("Time"), lambda us: us // 1000
    return _int64("MicroTime"), int


def timestamp_codec(mode: str, precision: int) -> Codec:
    if mode == "connect":
        return timestamp_builder, lambda us: instant(us // 1000)
    if mode == "isostring":
        return text_builder("IsoTimestamp"), lambda us: iso_timestamp(us) + "Z"
    if mode == "nanoseconds":
        return _int64("NanoTimestamp"), _nanoseconds
    if mode.startswith("adaptive") and precision <= 3:
        return _int64("Timestamp"), lambda us: us // 1000
    return _int64("MicroTimestamp"), int


def _connect_time(us: int) -> datetime.time:
    if not 0 <= us < DAY_US:
        raise ConversionError(
            f"{iso_time(us)} is no Time of Connect, which ends before 24:00; set time.precision.mode=adaptive"
        )
    return instant(us // 1000).time()


def _nanoseconds(us: int) -> int:
    ns = us * 1000
    if not -(1 << 63) <= ns < 1 << 63:
        raise ConversionError(
            f"{iso_timestamp(us)} is beyond what 64 bits of nanoseconds can say; set time.precision.mode=adaptive"
        )
    return ns


# Calendar without bounds: proleptic Gregorian, as databases count.


def days_of(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01; year 0 is 1 BC."""
    year -= month <= 2
    era, year_of_era = divmod(year, 400)
    day_of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719_468


def civil_of(days: int) -> tuple[int, int, int]:
    """Year, month and day of a number of days since 1970-01-01."""
    era, day_of_era = divmod(days + 719_468, 146_097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153
    month = shifted + (3 if shifted < 10 else -9)
    return year_of_era + era * 400 + (month <= 2), month, day_of_year - (153 * shifted + 2) // 5 + 1


def iso_date(days: int) -> str:
    """As Java's `ISO_LOCAL_DATE`: years beyond 9999 with a plus, before 0 with a minus."""
    year, month, day = civil_of(days)
    shown = f"+{year}" if year > 9999 else f"{year:04d}" if year >= 0 else f"-{-year:04d}"
    return f"{shown}-{month:02d}-{day:02d}"


def iso_time(us: int, digits: int | None = None) -> str:
    """`10:15:30.5`: as many digits as it takes, or as told (at most six)."""
    seconds, fraction = divmod(us, 1_000_000)
    text = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    shown = f"{fraction:06d}"
    shown = shown.rstrip("0") if digits is None else shown[:digits]
    return f"{text}.{shown}" if shown else text


def iso_timestamp(us: int, digits: int | None = None) -> str:
    days, rest = divmod(us, DAY_US)
    return f"{iso_date(days)}T{iso_time(rest, digits)}"
