"""MySQL's binary JSON (sql-common/json_binary.h) ─► a document in Python ─► the text that Debezium makes of it.

A document is made of dicts (in the server's order: by length of the name, then by its bytes), lists, texts, numbers and
the few values that JSON itself does not know: decimals, dates, times, and `Opaque` for all others.
"""

from __future__ import annotations

import base64
import datetime
import struct
from decimal import Decimal
from typing import Any, Final, NamedTuple

from ottla.connect.connectors.mysql.packed_decimal import decimal_of
from ottla.connect.connectors.mysql.packed_times import datetime_of, time_of
from ottla.connect.data.java_numbers import double_text

DEPTH_MAX: Final = 100
"""The server has no deeper ones."""
_SMALL_OBJECT, _LARGE_OBJECT, _SMALL_ARRAY, _LARGE_ARRAY, _LITERAL = range(5)
_DOUBLE, _STRING, _OPAQUE = 0x0B, 0x0C, 0x0F
_LITERALS: Final = (None, True, False)
_INTEGERS: Final = {0x05: "<h", 0x06: "<H", 0x07: "<i", 0x08: "<I", 0x09: "<q", 0x0A: "<Q"}
_INLINE: Final = frozenset({_LITERAL, 0x05, 0x06})
"""Values that stand in the place of their offset; in large documents those of four bytes, too."""
_INLINE_IN_LARGE: Final = _INLINE | {0x07, 0x08}
_NEWDECIMAL, _DATE, _TIME, _DATETIME, _TIMESTAMP = 246, 10, 11, 12, 7
_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\f": "\\f", "\n": "\\n", "\r": "\\r"}
_ESCAPED: Final = {ord(char): text for char, text in _ESCAPES.items()} | {
    code: f"\\u{code:04X}" for code in range(0x20) if chr(code) not in _ESCAPES
}


class Opaque(NamedTuple):
    """A value of a type of the server, as its bytes."""

    type: int
    data: bytes


def json_document(data: bytes) -> Any:
    """Raises `ValueError`, `IndexError` or `struct.error` for bytes that are none."""
    return _value(data[0], data, 1, 0)


def _value(kind: int, data: bytes, at: int, depth: int) -> Any:
    if kind <= _LARGE_ARRAY:
        return _container(kind, data, at, depth)
    if kind == _LITERAL:
        return _LITERALS[data[at]]
    if kind in _INTEGERS:
        return struct.unpack_from(_INTEGERS[kind], data, at)[0]
    if kind == _DOUBLE:
        return struct.unpack_from("<d", data, at)[0]
    if kind == _STRING:
        return _counted(data, at).decode()
    if kind == _OPAQUE:
        return _opaque(data[at], _counted(data, at + 1))
    raise ValueError(f"a document of JSON has a value of the type {kind}")


def _container(kind: int, data: bytes, base: int, depth: int) -> Any:
    """Count and size, the places of the names, types and places of the values; all places are from its beginning."""
    if depth > DEPTH_MAX:
        raise ValueError(f"a document of JSON is more than {DEPTH_MAX} deep")
    is_large = kind in (_LARGE_OBJECT, _LARGE_ARRAY)
    width = 4 if is_large else 2
    inline = _INLINE_IN_LARGE if is_large else _INLINE
    count = _number(data, base, width)
    if count > len(data):
        raise ValueError(f"a container of {count} values in {len(data)} bytes")
    at = base + 2 * width
    names = []
    if kind in (_SMALL_OBJECT, _LARGE_OBJECT):
        for _ in range(count):
            begin = base + _number(data, at, width)
            names.append(_bytes(data, begin, _number(data, at + width, 2)).decode())
            at += width + 2
    values = []
    for _ in range(count):
        value_kind = data[at]
        place = at + 1 if value_kind in inline else base + _number(data, at + 1, width)
        values.append(_value(value_kind, data, place, depth + 1))
        at += 1 + width
    return dict(zip(names, values, strict=True)) if kind in (_SMALL_OBJECT, _LARGE_OBJECT) else values


def _number(data: bytes, at: int, width: int) -> int:
    return int.from_bytes(_bytes(data, at, width), "little")


def _counted(data: bytes, at: int) -> bytes:
    """Behind their length, seven bits a byte."""
    length = shift = 0
    while True:
        byte = data[at]
        length |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            break
    return _bytes(data, at, length)


def _bytes(data: bytes, at: int, length: int) -> bytes:
    if at + length > len(data):
        raise IndexError("a document of JSON is cut")
    return data[at : at + length]


def _opaque(kind: int, data: bytes) -> Any:
    if kind == _NEWDECIMAL:
        return decimal_of(data)
    if kind in (_DATE, _TIME, _DATETIME, _TIMESTAMP):
        packed = int.from_bytes(data[:8], "little", signed=True)
        if kind == _TIME:
            return time_of(packed)
        moment = datetime_of(packed >> 24, packed & 0xFFFFFF)
        if moment is not None:
            return moment.date() if kind == _DATE else moment
    return Opaque(kind, data)


def json_text(document: Any) -> str:
    """Without spaces, numbers without exponents."""
    parts: list[str] = []
    _write(document, parts.append)
    return "".join(parts)


def _write(value: Any, write: Any) -> None:
    match value:
        case dict():
            write("{")
            for number, (name, each) in enumerate(value.items()):
                write(f"{',' if number else ''}{_quoted(name)}:")
                _write(each, write)
            write("}")
        case list():
            write("[")
            for number, each in enumerate(value):
                if number:
                    write(",")
                _write(each, write)
            write("]")
        case None:
            write("null")
        case bool():
            write("true" if value else "false")
        case str():
            write(_quoted(value))
        case float():
            text = double_text(value)
            write(f"{Decimal(value):f}" if "E" in text else text)
        case Decimal():
            write(f"{value:f}")
        case Opaque(_, data):
            write(f'"{base64.b64encode(data).decode()}"')
        case datetime.timedelta():
            write(f'"{_time_text(value)}"')
        case datetime.date():
            write(f'"{_date_text(value)}"')
        case _:
            write(str(value))


def _quoted(text: str) -> str:
    return f'"{text.translate(_ESCAPED)}"'


def _date_text(value: datetime.date) -> str:
    if not isinstance(value, datetime.datetime):
        return value.isoformat()
    text = value.isoformat(sep=" ", timespec="seconds")
    return text + _fraction_text(value.microsecond)


def _time_text(value: datetime.timedelta) -> str:
    micros = abs(value) // datetime.timedelta(microseconds=1)
    seconds, micros = divmod(micros, 1_000_000)
    text = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return f"{'-' if value < datetime.timedelta() else ''}{text}{_fraction_text(micros)}"


def _fraction_text(micros: int) -> str:
    return f".{micros:06d}".rstrip("0") if micros else ""
