"""BSON as JSON and back, as MongoDB's Java driver 4.7 writes it (`org.bson.json.JsonWriter`), to the character.

| formatter | int32, int64 | double | date | binary data | ObjectId, Decimal128 |
|---|---|---|---|---|---|
| `DefaultJson` | `1`, `{"$numberLong": "1"}` | `1.0` | `{"$date": 1}` | `{"$binary": "", "$type": "00"}` | objects |
| `ExtendedJson` | objects | objects | objects | objects | objects |
| `SimplifiedJson` | `1`, `1` | `1.0` | ISO 8601 | base64 | texts |
| `RELAXED` | `1`, `1` | `1.0` | `{"$date": "1970-01-01T…Z"}` | objects | objects |

`RELAXED` is what resume tokens are stored in. Documents are dicts of what `bson` decodes under `CODEC`.
"""

from __future__ import annotations

import base64
import math
import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import DataError
from ottla.connect.connectors.mongodb.driver import (
    Binary,
    Code,
    CodecOptions,
    DatetimeConversion,
    DatetimeMS,
    DBRef,
    Decimal128,
    Int64,
    MaxKey,
    MinKey,
    ObjectId,
    Regex,
    Timestamp,
    bson,
    json_util,
)
from ottla.connect.data.calendar import MILLIS_PER_DAY
from ottla.connect.data.java_numbers import double_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CODEC: Final[CodecOptions[dict[str, Any]]] = CodecOptions(dict, datetime_conversion=DatetimeConversion.DATETIME_MS)
"""Dates as milliseconds, whatever their year; UUIDs as the binary data that they are."""
_PARSING: Final = json_util.JSONOptions(
    json_mode=json_util.JSONMode.RELAXED, datetime_conversion=DatetimeConversion.DATETIME_MS, document_class=dict
)
_ENVELOPE_BYTES: Final = 4 + 1 + 1
"""Before a document that is the only field of another: a length, a type, an empty name."""
_PLAIN: Final = re.compile(r"[ !#-\[\]-~]*")
_SHORT_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_SHOWN: Final = frozenset(
    ("Lu", "Ll", "Lt", "Lo", "Nd", "Nl", "No", "Zs", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So")
)
"""Categories of characters that stand for themselves."""
_MAX_CACHED_CHARACTERS: Final = 4096
_REGEX_FLAGS: Final = ((re.I, "i"), (re.L, "l"), (re.M, "m"), (re.S, "s"), (re.U, "u"), (re.X, "x"))
_LAST_MS_OF_9999: Final = 253_402_300_799_999
_DAYS_PER_ERA: Final = 146_097
_ERA_SHIFT: Final = 719_468
"""From the first of March of the year 0 to 1970, in days."""

Formatter = dict[type, "Callable[[Any], str]"]


def bson_bytes(document: Mapping[str, Any]) -> bytes:
    """Its fields in order; by itself a document would have `_id` put first."""
    return bson.encode({"": document}, codec_options=CODEC)[_ENVELOPE_BYTES:-1]


def json_text(document: Mapping[str, Any], formatter: Formatter) -> str:
    return _document(document, formatter)


def parse_json(text: str) -> dict[str, Any]:
    """A document of extended JSON, of whichever kind; `DataError` for anything else."""
    try:
        found = json_util.loads(text, json_options=_PARSING)
    except Exception as error:  # of json, of bson, or plain ones of Python, as the text pleases
        raise DataError(f"It is no JSON of a document: {error}") from error
    if not isinstance(found, dict):
        raise DataError(f"It is no JSON of a document but of {type(found).__name__}")
    return found


def quoted(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return f'"{text}"'
    return '"' + "".join(map(_character, text)) + '"'


@lru_cache(_MAX_CACHED_CHARACTERS)
def _character(character: str) -> str:
    short = _SHORT_ESCAPES.get(character)
    if short is not None:
        return short
    if unicodedata.category(character) in _SHOWN and character <= "\uffff":
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def iso_instant(ms: int) -> str:
    """`DateTimeFormatter.ISO_OFFSET_DATE_TIME` in UTC, of any year."""
    days, rest = divmod(ms, MILLIS_PER_DAY)
    era, day_of_era = divmod(days + _ERA_SHIFT, _DAYS_PER_ERA)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153
    day, month = day_of_year - (153 * shifted + 2) // 5 + 1, (shifted + 2) % 12 + 1
    year = era * 400 + year_of_era + (month <= 2)
    seconds, fraction = divmod(rest, 1000)
    years = f"{year:04}" if 0 <= year <= 9999 else f"{year:+05}"
    time = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{years}-{month:02}-{day:02}T{time}" + (f".{fraction:03}".rstrip("0") if fraction else "") + "Z"


def value_text(value: Any, formatter: Formatter) -> str:
    writer = formatter.get(type(value))
    if writer is not None:
        return writer(value)
    if isinstance(value, dict):
        return _document(value, formatter)
    if isinstance(value, list):
        return "[" + ", ".join([value_text(each, formatter) for each in value]) + "]"
    if isinstance(value, DBRef):
        return _document(value.as_doc(), formatter)
    if isinstance(value, Code):
        if value.scope is None:
            return f'{{"$code": {quoted(str(value))}}}'
        return f'{{"$code": {quoted(str(value))}, "$scope": {_document(value.scope, formatter)}}}'
    raise DataError(f"A {type(value).__name__} is no value of BSON")


def _document(document: Mapping[str, Any], formatter: Formatter) -> str:
    return "{" + ", ".join([f"{quoted(name)}: {value_text(each, formatter)}" for name, each in document.items()]) + "}"


def _relaxed_double(value: float) -> str:
    return double_text(value) if math.isfinite(value) else _extended_double(value)


def _extended_double(value: float) -> str:
    return f'{{"$numberDouble": "{double_text(value)}"}}'


def _extended_long(value: int) -> str:
    return f'{{"$numberLong": "{int(value)}"}}'


def _extended_date(value: DatetimeMS) -> str:
    return f'{{"$date": {{"$numberLong": "{int(value)}"}}}}'


def _relaxed_date(value: DatetimeMS) -> str:
    if not 0 <= int(value) <= _LAST_MS_OF_9999:
        return _extended_date(value)
    return f'{{"$date": "{iso_instant(int(value))}"}}'


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _subtype(value: bytes) -> str:
    return f"{value.subtype if isinstance(value, Binary) else 0:02X}"


def _legacy_binary(value: bytes) -> str:
    return f'{{"$binary": "{_base64(value)}", "$type": "{_subtype(value)}"}}'


def _extended_binary(value: bytes) -> str:
    return f'{{"$binary": {{"base64": "{_base64(value)}", "subType": "{_subtype(value)}"}}}}'


def _regex_options(value: Regex[str]) -> str:
    return "".join(letter for flag, letter in _REGEX_FLAGS if value.flags & flag)


def _legacy_regex(value: Regex[str]) -> str:
    return f'{{"$regex": {quoted(value.pattern)}, "$options": "{_regex_options(value)}"}}'


def _extended_regex(value: Regex[str]) -> str:
    options = _regex_options(value)
    return f'{{"$regularExpression": {{"pattern": {quoted(value.pattern)}, "options": "{options}"}}}}'


_COMMON: Final[Formatter] = {
    type(None): lambda _: "null",
    bool: lambda value: "true" if value else "false",
    str: quoted,
    int: str,
    ObjectId: lambda value: f'{{"$oid": "{value}"}}',
    Decimal128: lambda value: f'{{"$numberDecimal": "{value}"}}',
    Timestamp: lambda value: f'{{"$timestamp": {{"t": {value.time}, "i": {value.inc}}}}}',
    MinKey: lambda _: '{"$minKey": 1}',
    MaxKey: lambda _: '{"$maxKey": 1}',
}
DEFAULT: Final[Formatter] = _COMMON | {
    Int64: _extended_long,
    float: double_text,
    DatetimeMS: lambda value: f'{{"$date": {int(value)}}}',
    bytes: _legacy_binary,
    Binary: _legacy_binary,
    Regex: _legacy_regex,
}
EXTENDED: Final[Formatter] = _COMMON | {
    int: lambda value: f'{{"$numberInt": "{value}"}}',
    Int64: _extended_long,
    float: _extended_double,
    DatetimeMS: _extended_date,
    bytes: _extended_binary,
    Binary: _extended_binary,
    Regex: _extended_regex,
}
RELAXED: Final[Formatter] = _COMMON | {
    Int64: lambda value: str(int(value)),
    float: _relaxed_double,
    DatetimeMS: _relaxed_date,
    bytes: _extended_binary,
    Binary: _extended_binary,
    Regex: _extended_regex,
}
SIMPLIFIED: Final[Formatter] = RELAXED | {
    bytes: lambda value: f'"{_base64(value)}"',
    Binary: lambda value: f'"{_base64(value)}"',
    DatetimeMS: lambda value: f'"{iso_instant(int(value))}"',
    Decimal128: lambda value: f'"{value}"',
    ObjectId: lambda value: f'"{value}"',
}
FORMATTERS: Final = {"DefaultJson": DEFAULT, "ExtendedJson": EXTENDED, "SimplifiedJson": SIMPLIFIED}
