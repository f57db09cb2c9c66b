"""The default of a column, where it is a plain value, as Debezium tells it in the schema.

What a function says when a row is made nobody knows before: a neutral value of the type stands for it. Types that
Debezium knows no defaults of have none here either.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ottla.connect.api.errors import DataError
from ottla.connect.data.struct import Struct

if TYPE_CHECKING:
    from ottla.connect.connectors.cdc.field_type import FieldType

_LITERAL: Final = re.compile(r"B?'((?:[^']|'')*)'(?:::[\w\" .(),]+)?")
_NUMBER: Final = re.compile(r"\(?(-?[0-9]+(?:\.[0-9]+)?)\)?(?:::[\w\" .(),]+)?")
_CALL: Final = re.compile(r"\(?[A-Za-z0-9_.]+\(.*", re.DOTALL)
_NOW: Final = frozenset({"current_timestamp", "current_time", "current_date", "localtime", "localtimestamp"})
_NEUTRAL: Final = {
    "bpchar": b"", "varchar": b"", "text": b"", "xml": b"", "json": b"{}", "jsonb": b"{}", "bool": b"f",
    "numeric": b"0", "float4": b"0", "float8": b"0", "int2": b"0", "int4": b"0", "int8": b"0",
    "date": b"1970-01-01", "time": b"00:00:00", "timestamp": b"1970-01-01 00:00:00",
    "timestamptz": b"1970-01-01 00:00:00+00", "interval": b"00:00:00", "uuid": b"00000000-0000-0000-0000-000000000000",
}  # fmt: skip
_ONLY_LITERALS: Final = frozenset({"bit", "varbit"})


def default_value(kind: FieldType, type_name: str, *, is_enum: bool, expression: str | None) -> object:
    """`type_name` is that of `pg_type`. `None`: there is no default, or none that the schema could tell."""
    raw = _raw(type_name, expression.strip(), is_enum=is_enum) if expression is not None else None
    if raw is None:
        return None
    try:
        value = kind.convert(raw)
        kind.builder().default(value)  # whether the schema takes it
    except (ValueError, ArithmeticError, DataError):
        return None
    return None if isinstance(value, Struct) else value


def _raw(type_name: str, text: str, *, is_enum: bool) -> bytes | None:
    """As a row would have it."""
    if not (is_enum or type_name in _NEUTRAL or type_name in _ONLY_LITERALS):
        return None
    if text in ("true", "false"):
        return text[:1].encode()
    if (literal := _LITERAL.fullmatch(text)) is not None:
        return literal[1].replace("''", "'").encode()
    if (number := _NUMBER.fullmatch(text)) is not None:
        return number[1].encode()
    return _NEUTRAL.get(type_name) if _CALL.fullmatch(text) or text.lower() in _NOW else None
