"""The default of a column, where it is a plain value, as Debezium tells it in the schema.

MariaDB's catalog quotes texts and writes functions as such; MySQL's quotes nothing and marks functions. The time at
which a row is made nobody knows before: 1970 stands for it.
"""

from __future__ import annotations

import datetime
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Final, NamedTuple

from ottla.connect.api.errors import DataError

if TYPE_CHECKING:
    from ottla.connect.connectors.cdc.field_type import FieldType
    from ottla.connect.connectors.mysql.column_types import Shape

_QUOTED: Final = re.compile(r"'((?:[^']|'')*)'", re.DOTALL)
_BITS: Final = re.compile(r"b'([01]+)'")
_NUMBER: Final = re.compile(r"-?[0-9.]+(?:[eE][+-]?[0-9]+)?")
_NOW: Final = re.compile(r"(?:current_timestamp|now)\b.*", re.IGNORECASE)
_TIME: Final = re.compile(r"(-?)(\d+):(\d{2}):(\d{2})(?:\.(\d{1,6}))?")
_EPOCH: Final = "1970-01-01 00:00:00"


class Default(NamedTuple):
    """As the catalog has it."""

    text: str
    is_quoted: bool
    """Texts are in quotes, by which they differ from functions (MariaDB)."""
    is_generated: bool
    """By a function (MySQL says so)."""


def default_value(shape: Shape, kind: FieldType, default: Default | None) -> object:
    """`None`: there is none, or none that the schema could tell."""
    text = _plain(default) if default is not None else None
    if text is None:
        return None
    try:
        cell = _cell(shape, text)
        value = None if cell is None else kind.convert(cell)
        if value is not None:
            kind.builder().default(value)  # whether the schema takes it
    except (ValueError, ArithmeticError, DataError):
        return None
    return value


def _plain(default: Default) -> str | None:
    if _NOW.fullmatch(default.text):
        return _EPOCH
    if not default.is_quoted:
        return None if default.is_generated else default.text
    if (quoted := _QUOTED.fullmatch(default.text)) is not None:
        return quoted[1].replace("''", "'")
    return default.text if _NUMBER.fullmatch(default.text) or _BITS.fullmatch(default.text) else None


def _cell(shape: Shape, text: str) -> object:
    """As a row would have it."""
    match shape.kind:
        case "int" | "year":
            return int(text)
        case "decimal":
            return Decimal(text)
        case "float" | "double":
            return float(text)
        case "text" | "enum" | "set":
            return text
        case "bit":
            bits = _BITS.fullmatch(text)
            return bits[1] if bits is not None else None
        case "date":
            return datetime.date.fromisoformat(_without_zeros(text)[:10])
        case "datetime" | "timestamp":
            return datetime.datetime.fromisoformat(_without_zeros(text))
        case "time":
            return _time(text)
    return None


def _without_zeros(text: str) -> str:
    """A date that is none stands for the first."""
    year, month, day = text[:10].split("-")
    return _EPOCH if 0 in (int(year), int(month), int(day)) else text


def _time(text: str) -> datetime.timedelta | None:
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    micros = int((found[5] or "").ljust(6, "0"))
    span = datetime.timedelta(hours=int(found[2]), minutes=int(found[3]), seconds=int(found[4]), microseconds=micros)
    return -span if found[1] else span
