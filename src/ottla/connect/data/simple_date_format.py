"""Dates as text by a pattern of Java's `SimpleDateFormat`, in UTC and English: `yyyy-MM-dd'T'HH:mm:ss.SSS'Z'`.

Parsing is lenient, as Java's is: a thirteenth month is the first of the next year, text behind the end is not looked
at. Before 15 October 1582 dates are Julian, as in `GregorianCalendar`. Not read are the letters of weeks (Y w W F u),
which are written, and zones other than UTC, GMT, Z and offsets.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from ottla.connect.data.calendar import MILLIS_PER_DAY, Fields, days_of, fields_of

if TYPE_CHECKING:
    from collections.abc import Callable

MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_ERAS: Final = ("BC", "AD")
_HALVES: Final = ("AM", "PM")
_LETTERS: Final = "GyMdkHmsSEDFwWahKzZYuXL"
_READ: Final = "GyMLdkHmsSEDahKzZX"
_NUMERIC: Final = "ydkHmsSDhKFwWuYM"
_LONG: Final = 4
_ISO_LENGTHS: Final = 3
_INTEGER: Final = re.compile(r"-?[0-9]+")
_OFFSET: Final = re.compile(r"(?:GMT)?([+-])([0-9]{1,2}):?([0-9]{2})")
_ISO_OFFSETS: Final = {
    1: re.compile(r"([+-])([0-9]{2})()"),
    2: re.compile(r"([+-])([0-9]{2})([0-9]{2})"),
    3: re.compile(r"([+-])([0-9]{2}):([0-9]{2})"),
}
_NAMED_ZONE: Final = re.compile(r"UTC|GMT|UT|Z|Coordinated Universal Time|Greenwich Mean Time", re.IGNORECASE)


class _Part(NamedTuple):
    letter: str
    """"" for literal text."""
    text: str


class SimpleDateFormat:
    """`SimpleDateFormat(pattern).format(ms)`, `.parse(text)`, both in ms since 1970; `ValueError` for a wrong pattern.

    `century_start` is the first year that a year of two digits can mean (Java: eighty years before today).
    """

    def __init__(self, pattern: str, century_start: int = 1946) -> None:
        self.pattern = pattern
        self._century_start = century_start
        self._parts = _parts(pattern)

    def format(self, ms: int) -> str:
        fields = fields_of(ms)
        return "".join(part.text if not part.letter else _written(part, fields) for part in self._parts)

    def parse(self, text: str) -> int | None:
        """`None` where the text does not begin as the pattern says."""
        found: dict[str, int] = {}
        at = 0
        for place, part in enumerate(self._parts):
            if not part.letter:
                following = _literal(part.text, text, at)
            else:
                following = self._read(part, text, at, self._is_number(place + 1), found)
            if following is None:
                return None
            at = following
        return _milliseconds(found)

    def _is_number(self, place: int) -> bool:
        """A number directly behind another ends that one where its letters end."""
        letter, text = self._parts[place] if place < len(self._parts) else _Part("", "")
        return bool(letter) and letter in _NUMERIC and not (letter == "M" and len(text) >= _ISO_LENGTHS)

    def _read(self, part: _Part, text: str, at: int, abutting: bool, found: dict[str, int]) -> int | None:
        while at < len(text) and text[at] in " \t":
            at += 1
        letter, count = part.letter, len(part.text)
        if letter not in _READ:
            return None
        if letter in _NAMES and not (letter in "ML" and count < _ISO_LENGTHS):
            return _NAMES[letter](text, at, found)
        if letter in "zZX":
            return _zone(letter, count, text, at, found)
        number = _INTEGER.match(text, at, at + count if abutting else len(text))
        if number is None:
            return None
        value = int(number[0])
        if letter == "y" and count <= 2 and number.end() - number.start() == 2 and number[0].isdigit():
            value += self._century_start // 100 * 100
            value += 100 if value < self._century_start else 0
        found["M" if letter == "L" else letter] = value
        return number.end()


def _parts(pattern: str) -> tuple[_Part, ...]:
    parts: list[_Part] = []
    literal = ""
    at = 0
    quoted = False
    while at < len(pattern):
        char = pattern[at]
        if char == "'":
            if pattern[at + 1 : at + 2] == "'":
                literal += "'"
                at += 1
            else:
                quoted = not quoted
        elif quoted or not (char.isascii() and char.isalpha()):
            literal += char
        elif char not in _LETTERS:
            raise ValueError(f"Illegal pattern character '{char}'")
        else:
            if literal:
                parts.append(_Part("", literal))
                literal = ""
            end = at
            while pattern[end : end + 1] == char:
                end += 1
            if char == "X" and end - at > _ISO_LENGTHS:
                raise ValueError(f"invalid ISO 8601 format: length={end - at}")
            parts.append(_Part(char, pattern[at:end]))
            at = end - 1
        at += 1
    if quoted:
        raise ValueError("Unterminated quote")
    if literal:
        parts.append(_Part("", literal))
    return tuple(parts)


def _written(part: _Part, fields: Fields) -> str:
    letter, count = part.letter, len(part.text)
    if letter in "yY" and count == 2:
        return f"{(fields.year_of_era if letter == 'y' else fields.week_year) % 100:02d}"
    if letter in "ML" and count >= _ISO_LENGTHS:
        name = MONTHS[fields.month - 1]
        return name if count >= _LONG else name[:3]
    if letter == "E":
        name = DAYS[fields.day_of_week - 1]
        return name if count >= _LONG else name[:3]
    if letter == "a":
        return _HALVES[fields.hour // 12]
    if letter == "G":
        return _ERAS[fields.year > 0]
    if letter == "z":
        return "Coordinated Universal Time" if count >= _LONG else "UTC"
    if letter == "Z":
        return "+0000"
    if letter == "X":
        return "Z"
    return f"{_NUMBERS[letter](fields):0{count}d}"


_NUMBERS: Final[dict[str, Callable[[Fields], int]]] = {
    "y": lambda fields: fields.year_of_era,
    "Y": lambda fields: fields.week_year,
    "M": lambda fields: fields.month,
    "L": lambda fields: fields.month,
    "d": lambda fields: fields.day,
    "H": lambda fields: fields.hour,
    "k": lambda fields: fields.hour or 24,
    "K": lambda fields: fields.hour % 12,
    "h": lambda fields: fields.hour % 12 or 12,
    "m": lambda fields: fields.minute,
    "s": lambda fields: fields.second,
    "S": lambda fields: fields.millisecond,
    "D": lambda fields: fields.day_of_year,
    "F": lambda fields: (fields.day - 1) // 7 + 1,
    "w": lambda fields: fields.week_of_year,
    "W": lambda fields: fields.week_of_month,
    "u": lambda fields: fields.day_of_week,
}


def _literal(literal: str, text: str, at: int) -> int | None:
    """Where the text goes on behind the literal."""
    return at + len(literal) if text.startswith(literal, at) else None


def _named(names: tuple[str, ...], letter: str, first: int) -> Callable[[str, int, dict[str, int]], int | None]:
    """Reads a name or its first three letters, in whatever case."""

    def read(text: str, at: int, found: dict[str, int]) -> int | None:
        lower = text[at : at + 9].lower()
        for shorten in (False, True):
            for place, name in enumerate(names):
                wanted = (name[:3] if shorten else name).lower()
                if lower.startswith(wanted):
                    found[letter] = place + first
                    return at + len(wanted)
        return None

    return read


_NAMES: Final = {
    "M": _named(MONTHS, "M", 1),
    "L": _named(MONTHS, "M", 1),
    "E": _named(DAYS, "E", 1),
    "a": _named(_HALVES, "a", 0),
    "G": _named(_ERAS, "G", 0),
}


def _zone(letter: str, count: int, text: str, at: int, found: dict[str, int]) -> int | None:
    if letter == "X":
        if text.startswith("Z", at):
            found["zone"] = 0
            return at + 1
        offset = _ISO_OFFSETS[count].match(text, at)
    else:
        offset = _OFFSET.match(text, at)
        if offset is None:
            name = _NAMED_ZONE.match(text, at)
            found["zone"] = 0
            return None if name is None else name.end()
    if offset is None:
        return None
    minutes = int(offset[2]) * 60 + int(offset[3] or 0)
    found["zone"] = -minutes if offset[1] == "-" else minutes
    return offset.end()


def _milliseconds(found: dict[str, int]) -> int:
    year = found.get("y", 1970)
    if found.get("G") == 0:
        year = 1 - year
    if "D" in found and "d" not in found:
        days = days_of(year, 1, 1) + found["D"] - 1
    else:
        days = days_of(year, found.get("M", 1), found.get("d", 1))
    hour = found.get("H", found.get("k", 0) % 24 if "k" in found else None)
    if hour is None:
        half = found.get("h", 0) % 12 if "h" in found else found.get("K", 0)
        hour = half + 12 * found.get("a", 0)
    minutes = hour * 60 + found.get("m", 0) - found.get("zone", 0)
    return days * MILLIS_PER_DAY + (minutes * 60 + found.get("s", 0)) * 1000 + found.get("S", 0)
