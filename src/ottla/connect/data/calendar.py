"""Java's `GregorianCalendar` in UTC: Julian before 15 October 1582, weeks that begin on Sunday and hold 1 January."""

from __future__ import annotations

from typing import Final, NamedTuple

MILLIS_PER_DAY: Final = 86_400_000
_CUTOVER_DAY: Final = -141_427
"""15 October 1582, in days since 1970."""
_GREGORIAN_SHIFT: Final = 719_468
_JULIAN_SHIFT: Final = 719_470
_MONDAY: Final = 3
"""1 January 1970 was a Thursday."""


class Fields(NamedTuple):
    """`year` is 0 for 1 BC; `month` and `day` begin at 1, `day_of_week` at 1 for Monday."""

    year: int
    month: int
    day: int
    hour: int
    minute: int
    second: int
    millisecond: int
    days: int

    @property
    def year_of_era(self) -> int:
        return self.year if self.year > 0 else 1 - self.year

    @property
    def day_of_week(self) -> int:
        return (self.days + _MONDAY) % 7 + 1

    @property
    def day_of_year(self) -> int:
        return self.days - days_of(self.year, 1, 1) + 1

    @property
    def week_of_month(self) -> int:
        return _week(self.days, days_of(self.year, self.month, 1))

    @property
    def week_of_year(self) -> int:
        return _week(self.days, days_of(self.week_year, 1, 1))

    @property
    def week_year(self) -> int:
        """The year whose first week holds this day."""
        next_year = days_of(self.year + 1, 1, 1)
        return self.year + 1 if self.days >= _sunday_before(next_year) else self.year


def fields_of(ms: int) -> Fields:
    days, rest = divmod(ms, MILLIS_PER_DAY)
    seconds, millisecond = divmod(rest, 1000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return Fields(*_date(days), hour, minute, second, millisecond, days)


def days_of(year: int, month: int, day: int) -> int:
    """Days since 1970 of that date; months and days outside their range go on into the next years and months."""
    months = year * 12 + month - 1
    year, month = divmod(months, 12)
    # Years begin in March, so that the odd day is their last one.
    shifted, place = (year, month - 2) if month >= 2 else (year - 1, month + 10)
    day_of_year = (153 * place + 2) // 5 + day - 1
    gregorian = shifted * 365 + shifted // 4 - shifted // 100 + shifted // 400 + day_of_year - _GREGORIAN_SHIFT
    if gregorian >= _CUTOVER_DAY:
        return gregorian
    return shifted * 365 + shifted // 4 + day_of_year - _JULIAN_SHIFT


def _date(days: int) -> tuple[int, int, int]:
    if days >= _CUTOVER_DAY:
        era, day_of_era = divmod(days + _GREGORIAN_SHIFT, 146_097)
        year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
        day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
        year = year_of_era + era * 400
    else:
        era, day_of_era = divmod(days + _JULIAN_SHIFT, 1461)
        year_of_era = min(day_of_era // 365, 3)
        day_of_year = day_of_era - 365 * year_of_era
        year = year_of_era + era * 4
    place = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * place + 2) // 5 + 1
    return (year, place + 3, day) if place < 10 else (year + 1, place - 9, day)


def _sunday_before(day: int) -> int:
    return day - (day + _MONDAY + 1) % 7


def _week(day: int, first: int) -> int:
    return (day - _sunday_before(first)) // 7 + 1
