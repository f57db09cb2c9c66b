"""The cells of rows in a binary log: bytes ─► what PyMySQL would make of the same value.

The layouts are those of MySQL's storage formats (libs/mysql/binlog/event/rows_event.h, mysys/my_time.cc).
What is no date (0000-00-00, 2026-02-00) is `None`.
"""

from __future__ import annotations

import datetime
import struct
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import ConnectError
from ottla.connect.connectors.mysql.binlog_column import BinlogColumn, ColumnCode
from ottla.connect.connectors.mysql.charsets import BINARY, decoder_of
from ottla.connect.connectors.mysql.json_document import json_document, json_text
from ottla.connect.connectors.mysql.packed_decimal import decimal_reader
from ottla.connect.connectors.mysql.packed_times import datetime_of, time_of

if TYPE_CHECKING:
    from collections.abc import Callable

    Reader = Callable[[bytes, int], tuple[Any, int]]
    """Bytes and where the cell begins ─► its value, and where it ends. Raises for bytes that are cut."""

_EPOCH: Final = datetime.datetime(1970, 1, 1)
_INTEGER_BYTES: Final = {
    ColumnCode.TINY: 1,
    ColumnCode.SHORT: 2,
    ColumnCode.INT24: 3,
    ColumnCode.LONG: 4,
    ColumnCode.LONGLONG: 8,
}
_FLOAT: Final = struct.Struct("<f")
_DOUBLE: Final = struct.Struct("<d")
_TIME_ZERO: Final = 1 << 47
"""Packed times are signed, and stored with this beyond them."""
_DATETIME_ZERO: Final = 1 << 39


def cell_reader(column: BinlogColumn, table: str) -> Reader:
    """Raises `ConnectError` for a column that cannot be read."""
    code = column.code
    if code in _INTEGER_BYTES:
        return _integer(_INTEGER_BYTES[code], signed=not column.unsigned)
    match code:
        case ColumnCode.FLOAT:
            return lambda data, at: (_FLOAT.unpack_from(data, at)[0], at + 4)
        case ColumnCode.DOUBLE:
            return lambda data, at: (_DOUBLE.unpack_from(data, at)[0], at + 8)
        case ColumnCode.NEWDECIMAL:
            return decimal_reader(column.size, column.scale)
        case ColumnCode.VARCHAR | ColumnCode.STRING:
            return _text(column, 2 if column.size > 255 else 1, table)
        case ColumnCode.BLOB:
            return _text(column, column.size, table)
        case ColumnCode.JSON:
            read = bytes_reader(column.size)
            return lambda data, at: _json(read, data, at)
        case ColumnCode.GEOMETRY | ColumnCode.VECTOR:
            return bytes_reader(column.size)
        case ColumnCode.ENUM | ColumnCode.SET:
            return _labelled(column)
        case ColumnCode.BIT:
            return _fixed((column.size + 7) // 8)
    return _time(column)


def _take(data: bytes, at: int, length: int) -> tuple[bytes, int]:
    end = at + length
    if end > len(data):
        raise IndexError(f"a cell of {length} bytes is cut")
    return data[at:end], end


def _integer(width: int, *, signed: bool) -> Reader:
    def read(data: bytes, at: int) -> tuple[int, int]:
        end = at + width
        return int.from_bytes(data[at:end], "little", signed=signed), end

    return read


def _fixed(length: int) -> Reader:
    return lambda data, at: _take(data, at, length)


def bytes_reader(width: int) -> Reader:
    """Behind their length, which has so many bytes."""

    def read(data: bytes, at: int) -> tuple[bytes, int]:
        begin = at + width
        return _take(data, begin, int.from_bytes(data[at:begin], "little"))

    return read


def _text(column: BinlogColumn, width: int, table: str) -> Reader:
    read_bytes = bytes_reader(width)
    if column.charset is None or column.charset == BINARY:
        return read_bytes
    what = f"{table}.{column.name}"
    decode = decoder_of(column.charset, what)

    def read(data: bytes, at: int) -> tuple[str, int]:
        found, end = read_bytes(data, at)
        try:
            return decode(found), end
        except UnicodeDecodeError as error:
            raise ConnectError(
                f"{what} holds what is no text of its character set {column.charset}: {error}"
            ) from error

    return read


def _json(read: Reader, data: bytes, at: int) -> tuple[str | None, int]:
    document, end = read(data, at)
    return json_text(json_document(document)) if document else None, end


def _labelled(column: BinlogColumn) -> Reader:
    width, labels = column.size, column.labels

    def one(data: bytes, at: int) -> tuple[str, int]:
        number = int.from_bytes(data[at : at + width], "little")
        return labels[number - 1] if number else "", at + width

    def several(data: bytes, at: int) -> tuple[set[str], int]:
        bits = int.from_bytes(data[at : at + width], "little")
        return {label for place, label in enumerate(labels) if bits >> place & 1}, at + width

    return one if column.code is ColumnCode.ENUM else several


# Times


def _time(column: BinlogColumn) -> Reader:
    width = (column.scale + 1) // 2
    unit = 10 ** (6 - 2 * width)
    match column.code:
        case ColumnCode.DATE:
            return _date
        case ColumnCode.YEAR:
            return lambda data, at: (data[at] + 1900 if data[at] else 0, at + 1)
        case ColumnCode.TIME2:
            return lambda data, at: (
                time_of((_big(data, at, 3 + width) << 8 * (3 - width)) - _TIME_ZERO, unit, width),
                at + 3 + width,
            )
        case ColumnCode.DATETIME2:
            return lambda data, at: (
                datetime_of(_big(data, at, 5) - _DATETIME_ZERO, _big(data, at + 5, width) * unit),
                at + 5 + width,
            )
        case ColumnCode.TIMESTAMP2:
            return lambda data, at: (
                _timestamp(_big(data, at, 4), _big(data, at + 4, width) * unit),
                at + 4 + width,
            )
        case ColumnCode.TIMESTAMP:
            return lambda data, at: (_timestamp(int.from_bytes(data[at : at + 4], "little"), 0), at + 4)
        case ColumnCode.TIME:
            return _old_time
        case ColumnCode.DATETIME:
            return _old_datetime
    raise ConnectError(f"the binary log has a column of the type {column.code.name}, which cannot be read")


def _big(data: bytes, at: int, width: int) -> int:
    return int.from_bytes(_take(data, at, width)[0], "big")


def _date(data: bytes, at: int) -> tuple[datetime.date | None, int]:
    packed = int.from_bytes(_take(data, at, 3)[0], "little")
    year, month, day = packed >> 9, packed >> 5 & 15, packed & 31
    return datetime.date(year, month, day) if year and month and day else None, at + 3


def _timestamp(seconds: int, micros: int) -> datetime.datetime | None:
    """In UTC. 0 is the one that is none."""
    if not seconds and not micros:
        return None
    return _EPOCH + datetime.timedelta(seconds=seconds, microseconds=micros)


def _old_time(data: bytes, at: int) -> tuple[datetime.timedelta, int]:
    """Before MySQL 5.6: decimal digits."""
    digits = int.from_bytes(_take(data, at, 3)[0], "little", signed=True)
    hours, rest = divmod(abs(digits), 10_000)
    span = datetime.timedelta(hours=hours, minutes=rest // 100, seconds=rest % 100)
    return -span if digits < 0 else span, at + 3


def _old_datetime(data: bytes, at: int) -> tuple[datetime.datetime | None, int]:
    digits = int.from_bytes(_take(data, at, 8)[0], "little")
    date, time = divmod(digits, 1_000_000)
    try:
        found = datetime.datetime(
            date // 10_000, date // 100 % 100, date % 100, time // 10_000, time // 100 % 100, time % 100
        )
    except ValueError:
        return None, at + 8
    return found, at + 8
