"""Columns of texts with types: `id:int64,price:decimal(2),at:timestamp`; an empty text is null."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ottla.connect.api.errors import ConfigError, DataError
from ottla.connect.data import logical
from ottla.connect.data.schema_builder import SchemaBuilder
from ottla.connect.data.type import INTEGER_BITS, INTEGER_HALF, Type
from ottla.connect.data.values import convert_to_date, convert_to_decimal, convert_to_time, convert_to_timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ottla.connect.data.schema import Schema

_NAMED: Final = {
    "date": (logical.date_builder, convert_to_date),
    "time": (logical.time_builder, convert_to_time),
    "timestamp": (logical.timestamp_builder, convert_to_timestamp),
}
_PLAIN: Final = {each.value: each for each in Type if each.is_primitive and each is not Type.BYTES}
_DECIMAL: Final = re.compile(r"decimal\((\d+)\)")
_INTEGER: Final = re.compile(r"[+-]?[0-9]+")
KNOWN: Final = ", ".join([*_PLAIN, *_NAMED, "decimal(SCALE)"])


class Column(NamedTuple):
    name: str
    schema: Schema
    read: Callable[[str], Any]


def columns_of(types: Sequence[str], names: Sequence[str] | None) -> list[Column]:
    """Of the columns that a file names; without names, of all in `types`. `ConfigError`, `DataError`."""
    wanted = [parse_column(each) for each in types]
    if names is None:
        if not wanted:
            raise ConfigError("without a line of names, csv.types must name the columns")
        return wanted
    if len(set(names)) != len(names) or "" in names:
        raise DataError(f"the first line does not name columns: {', '.join(names)}")
    by_name = {column.name: column for column in wanted}
    missing = [name for name in by_name if name not in names]
    if missing:
        raise DataError(f"there is no column {missing[0]}; there are: {', '.join(names)}")
    return [by_name.get(name) or _column(name, "string") for name in names]


def parse_column(text: str) -> Column:
    """`name:type`. `ConfigError`."""
    name, _, kind = text.rpartition(":")
    if not name:
        raise ConfigError(f"{text!r} is no name:type")
    return _column(name, kind.strip().lower())


def _column(name: str, kind: str) -> Column:
    decimal = _DECIMAL.fullmatch(kind)
    if decimal is not None:
        scale = int(decimal[1])
        builder = logical.decimal_builder(scale)
        return Column(name, builder.optional().build(), _reader(name, lambda text: convert_to_decimal(text, scale)))
    if kind in _NAMED:
        make, convert = _NAMED[kind]
        return Column(name, make().optional().build(), _reader(name, lambda text: convert(None, text)))
    if kind not in _PLAIN:
        raise ConfigError(f"there is no type {kind!r} for the column {name}; there are: {KNOWN}")
    schema = SchemaBuilder(_PLAIN[kind]).optional().build()
    if kind == "string":
        return Column(name, schema, lambda text: text)
    return Column(name, schema, _reader(name, _plain_reader(schema.type)))


def _plain_reader(kind: Type) -> Callable[[str], Any]:
    if kind is Type.BOOLEAN:
        return _boolean
    if kind in INTEGER_BITS:
        half = INTEGER_HALF[kind]

        def integer(text: str) -> int:
            if not _INTEGER.fullmatch(text) or not -half <= int(text) < half:
                raise DataError(f"{text!r} is no {kind.value}")
            return int(text)

        return integer
    return _number


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false", "1", "0"):
        raise DataError(f"{text!r} is no boolean")
    return text.lower() in ("true", "1")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise DataError(f"{text!r} is no number") from None


def _reader(name: str, convert: Callable[[str], Any]) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        if text == "":
            return None
        try:
            return convert(text.strip())
        except DataError as error:
            raise DataError(f"the column {name}: {error}") from error

    return read
