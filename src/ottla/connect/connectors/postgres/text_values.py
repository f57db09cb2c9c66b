"""PostgreSQL's values as text, read: what a session writes under the settings of `session.TEXT_SETTINGS`.

Pure. What cannot be read is a `ValueError`.
"""

from __future__ import annotations

import re
from typing import Final, TypeAlias

from ottla.connect.connectors.cdc.temporal import DAY_US, days_of

Elements: TypeAlias = "list[str | Elements | None]"

_DATE: Final = re.compile(r"(\d{4,})-(\d\d)-(\d\d)( BC)?")
_TIME: Final = re.compile(r"(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?:([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?)?")
_TIMESTAMP: Final = re.compile(
    r"(\d{4,})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?:([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?)?( BC)?"
)
_INTERVAL_UNITS: Final = re.compile(r"([+-]?\d+) (year|mon|day)s?\s*")
_INTERVAL_TIME: Final = re.compile(r"([+-]?)(\d+):(\d\d):(\d\d)(?:\.(\d{1,6}))?")
_MONEY: Final = re.compile(r"(-?)\$?([\d,]+)(\.\d+)?")
DEPTH_MAX: Final = 6
"""PostgreSQL's arrays have no more dimensions."""


def _micros(hours: str, minutes: str, seconds: str, fraction: str | None) -> int:
    whole = (int(hours) * 60 + int(minutes)) * 60 + int(seconds)
    return whole * 1_000_000 + (int(fraction.ljust(6, "0")) if fraction else 0)


def _offset_s(sign: str | None, hours: str | None, minutes: str | None, seconds: str | None) -> int:
    if sign is None:
        return 0
    total = (int(hours or 0) * 60 + int(minutes or 0)) * 60 + int(seconds or 0)
    return -total if sign == "-" else total


def parse_date(text: str) -> int:
    """Days since 1970-01-01."""
    found = _DATE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no date")
    year, month, day, before_christ = found.groups()
    return days_of(1 - int(year) if before_christ else int(year), int(month), int(day))


def parse_time(text: str) -> tuple[int, int]:
    """Microseconds since midnight, and seconds east of UTC."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no time")
    parts = found.groups()
    return _micros(*parts[:4]), _offset_s(*parts[4:])


def parse_timestamp(text: str) -> int:
    """Microseconds since 1970-01-01 UTC; without a zone as if it were UTC."""
    found = _TIMESTAMP.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no timestamp")
    year, month, day, hours, minutes, seconds, fraction, sign, *offset, before_christ = found.groups()
    days = days_of(1 - int(year) if before_christ else int(year), int(month), int(day))
    local_us = days * DAY_US + _micros(hours, minutes, seconds, fraction)
    return local_us - _offset_s(sign, *offset) * 1_000_000


def parse_interval(text: str) -> tuple[int, int, int, int]:
    """Years, months, days, microseconds."""
    parts = {"year": 0, "mon": 0, "day": 0}
    at = 0
    while (found := _INTERVAL_UNITS.match(text, at)) is not None:
        parts[found[2]] += int(found[1])
        at = found.end()
    micros = 0
    if at < len(text):
        clock = _INTERVAL_TIME.fullmatch(text, at)
        if clock is None:
            raise ValueError(f"{text!r} is no interval")
        micros = _micros(clock[2], clock[3], clock[4], clock[5])
        micros = -micros if clock[1] == "-" else micros
    return parts["year"], parts["mon"], parts["day"], micros


def parse_bytea(text: bytes) -> bytes:
    if not text.startswith(b"\\x"):
        raise ValueError("bytes that do not begin with \\x")
    return bytes.fromhex(text[2:].decode("ascii"))


def parse_money(text: str) -> str:
    """`-$1,234.50` ─► `-1234.50`."""
    found = _MONEY.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no amount of money")
    return found[1] + found[2].replace(",", "") + (found[3] or "")


def parse_array(text: str, delimiter: str = ",") -> Elements:
    """`{1,NULL,"a\\"b"}`; the bounds of `[0:1]={…}` are left out."""
    begin = text.find("{")
    if begin < 0 or (begin and not text.startswith("[")):
        raise ValueError(f"{text[:100]!r} is no array")
    elements, at = _array(text, begin + 1, delimiter, 1)
    if at != len(text):
        raise ValueError(f"{text[:100]!r} goes on behind an array")
    return elements


def _array(text: str, at: int, delimiter: str, depth: int) -> tuple[Elements, int]:
    if depth > DEPTH_MAX:
        raise ValueError(f"an array of more than {DEPTH_MAX} dimensions")
    elements: Elements = []
    if text[at : at + 1] == "}":
        return elements, at + 1
    while at < len(text):
        if text[at] == "{":
            inner, at = _array(text, at + 1, delimiter, depth + 1)
            elements.append(inner)
        elif text[at] == '"':
            quoted, at = _quoted(text, at + 1)
            elements.append(quoted)
        else:
            end = at
            while end < len(text) and text[end] != delimiter and text[end] != "}":
                end += 2 if text[end] == "\\" else 1
            plain = text[at:end]
            elements.append(None if plain.upper() == "NULL" else _unescaped(plain))
            at = end
        if text[at : at + 1] == "}":
            return elements, at + 1
        if text[at : at + 1] != delimiter:
            break
        at += 1
    raise ValueError(f"{text[:100]!r} is an array without an end")


_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_QUOTED: Final = re.compile(r'((?:[^"\\]|\\.)*)"', re.DOTALL)


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text


def _quoted(text: str, at: int) -> tuple[str, int]:
    found = _QUOTED.match(text, at)
    if found is None:
        raise ValueError(f"{text[:100]!r} has a quotation without an end")
    return _unescaped(found[1]), found.end()


def parse_hstore(text: str) -> dict[str, str | None]:
    """`"a"=>"1", "b"=>NULL`."""
    pairs: dict[str, str | None] = {}
    at = 0
    while at < len(text):
        if text[at] != '"':
            raise ValueError(f"{text[:100]!r} is no hstore")
        key, at = _quoted(text, at + 1)
        if text[at : at + 2] != "=>":
            raise ValueError(f"{text[:100]!r} is no hstore")
        at += 2
        if text[at : at + 1] == '"':
            pairs[key], at = _quoted(text, at + 1)
        elif text[at : at + 4] == "NULL":
            pairs[key], at = None, at + 4
        else:
            raise ValueError(f"{text[:100]!r} is no hstore")
        if text[at : at + 2] == ", ":
            at += 2
        elif at < len(text):
            raise ValueError(f"{text[:100]!r} is no hstore")
    return pairs
