"""Decimals, dates and times, which are messages in Protobuf: `google.type`, `google.protobuf`, Confluent's Decimal."""

from __future__ import annotations

import datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import TYPE_CHECKING, Any, Final

from ottla.connect.api.errors import DataError
from ottla.connect.data import logical
from ottla.connect.protobuf import names

if TYPE_CHECKING:
    from collections.abc import Callable

    Write = Callable[[Any, Any], None]
    """A value into a message."""
    Read = Callable[[Any], Any]

_NANOS_PER_MILLI: Final = 1_000_000


def _write_decimal(message: Any, value: Any) -> None:
    if not isinstance(value, Decimal):
        raise DataError(f"Invalid type for Decimal: {type(value).__name__}")
    message.scale = logical.scale(value)
    message.value = logical.unscaled_bytes(value)
    message.precision = len(str(abs(logical.unscaled(value))))


def _write_date(message: Any, value: Any) -> None:
    ms = logical.epoch_ms(_instant(value))
    if ms % logical.MILLIS_PER_DAY:
        raise DataError(f"A Date has no time of day: {value}")
    day = logical.instant(ms)
    message.year, message.month, message.day = day.year, day.month, day.day


def _write_time(message: Any, value: Any) -> None:
    ms = logical.epoch_ms(_instant(value))
    if not 0 <= ms <= logical.MILLIS_PER_DAY:
        raise DataError(f"A Time is within the first of January 1970: {value}")
    seconds, rest = divmod(ms % logical.MILLIS_PER_DAY, 1000)
    minutes, message.seconds = divmod(seconds, 60)
    message.hours, message.minutes = divmod(minutes, 60)
    message.nanos = rest * _NANOS_PER_MILLI


def _write_timestamp(message: Any, value: Any) -> None:
    message.seconds, rest = divmod(logical.epoch_ms(_instant(value)), 1000)
    message.nanos = rest * _NANOS_PER_MILLI


def _instant(value: Any) -> Any:
    if not isinstance(value, logical.INSTANT):
        raise DataError(f"Invalid type for a date or time: {type(value).__name__}")
    return value


WRITERS: Final[dict[str, tuple[str, Write]]] = {
    logical.DECIMAL: (names.DECIMAL, _write_decimal),
    logical.DATE: (names.DATE, _write_date),
    logical.TIME: (names.TIME, _write_time),
    logical.TIMESTAMP: (names.TIMESTAMP, _write_timestamp),
}
"""By the logical name of a schema: the message that says it."""


def _read_decimal(message: Any) -> Decimal:
    number = int.from_bytes(message.value, "big", signed=True)
    value = logical.decimal_of(number, message.scale)
    if message.precision and len(value.as_tuple().digits) > message.precision:
        value = Context(prec=message.precision, rounding=ROUND_HALF_UP).plus(value)
    return value


def _read_date(message: Any) -> datetime.date:
    try:
        return datetime.date(message.year, message.month, message.day)
    except ValueError as error:
        raise DataError(f"{message.year}-{message.month}-{message.day} is no Date: {error}") from None


def _read_time(message: Any) -> datetime.time:
    micros = message.nanos // _NANOS_PER_MILLI * 1000
    try:
        return datetime.time(message.hours, message.minutes, message.seconds, micros)
    except ValueError as error:
        raise DataError(f"{message.hours}:{message.minutes}:{message.seconds} is no Time: {error}") from None


def _read_timestamp(message: Any) -> datetime.datetime:
    return logical.instant(message.seconds * 1000 + message.nanos // _NANOS_PER_MILLI)


READERS: Final[dict[str, Read]] = {
    logical.DECIMAL: _read_decimal,
    logical.DATE: _read_date,
    logical.TIME: _read_time,
    logical.TIMESTAMP: _read_timestamp,
}
