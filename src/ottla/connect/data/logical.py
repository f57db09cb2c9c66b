"""The logical types (`Decimal`, `Date`, `Time`, `Timestamp`): a primitive with a name of Connect's.

| name | as | in Python |
|---|---|---|
| Decimal | BYTES: the unscaled value, two's complement, big-endian | `decimal.Decimal` of the scale in its parameter |
| Date | INT32: days since 1970-01-01 | `datetime.date` |
| Time | INT32: milliseconds since midnight | `datetime.time` |
| Timestamp | INT64: milliseconds since 1970-01-01 UTC | `datetime.datetime` in UTC |

Where Java takes any `java.util.Date`, a `date`, `time` or `datetime` is taken, each as the instant that it is: a date
is its midnight in UTC, a time is on the first of January 1970. Python's years go from 1 to 9999; a value outside is a
`DataError`.
"""

from __future__ import annotations

import datetime
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Final, TypeAlias

from ottla.connect.api.errors import DataError
from ottla.connect.data.schema_builder import SchemaBuilder

if TYPE_CHECKING:
    from ottla.connect.data.schema import Schema

Instant: TypeAlias = datetime.date | datetime.time
"""`datetime.datetime` is a `datetime.date`."""
INSTANT: Final = (datetime.date, datetime.time)

DECIMAL: Final = "org.apache.kafka.connect.data.Decimal"
DATE: Final = "org.apache.kafka.connect.data.Date"
TIME: Final = "org.apache.kafka.connect.data.Time"
TIMESTAMP: Final = "org.apache.kafka.connect.data.Timestamp"
SCALE: Final = "scale"

MILLIS_PER_DAY: Final = 86_400_000
MAX_SCALE: Final = 1 << 31
_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_EPOCH_DAY: Final = _EPOCH.toordinal()
_MILLISECOND: Final = datetime.timedelta(milliseconds=1)
_INTEGER: Final = re.compile(r"[+-]?[0-9]+")


def decimal_builder(scale: int) -> SchemaBuilder:
    return SchemaBuilder.bytes().name(DECIMAL).parameter(SCALE, str(scale)).version(1)


def decimal_schema(scale: int) -> Schema:
    return decimal_builder(scale).build()


def date_builder() -> SchemaBuilder:
    return SchemaBuilder.int32().name(DATE).version(1)


def time_builder() -> SchemaBuilder:
    return SchemaBuilder.int32().name(TIME).version(1)


def timestamp_builder() -> SchemaBuilder:
    return SchemaBuilder.int64().name(TIMESTAMP).version(1)


DATE_SCHEMA: Final = date_builder().build()
TIME_SCHEMA: Final = time_builder().build()
TIMESTAMP_SCHEMA: Final = timestamp_builder().build()
OPTIONAL_DATE_SCHEMA: Final = date_builder().optional().build()
OPTIONAL_TIME_SCHEMA: Final = time_builder().optional().build()
OPTIONAL_TIMESTAMP_SCHEMA: Final = timestamp_builder().optional().build()


def scale_of(schema: Schema) -> int:
    """The scale that a Decimal's schema says."""
    text = (schema.parameters or {}).get(SCALE)
    if text is None:
        raise DataError(f"The schema {schema} has no parameter {SCALE}")
    if not _INTEGER.fullmatch(text) or not -MAX_SCALE <= int(text) < MAX_SCALE:
        raise DataError(f"The parameter {SCALE} of {schema} is not an integer of 32 bits: {text!r}")
    return int(text)


def decimal_of(unscaled: int, scale: int) -> Decimal:
    digits = tuple(int(digit) for digit in str(abs(unscaled)))
    return Decimal((int(unscaled < 0), digits, -scale))


def unscaled(value: Decimal) -> int:
    sign, digits, _exponent = value.as_tuple()
    number = int("".join(map(str, digits)))
    return -number if sign else number


def scale(value: Decimal) -> int:
    """Digits after the point, as Java counts them; infinity and NaN are a `DataError`."""
    exponent = value.as_tuple().exponent
    if isinstance(exponent, str):
        raise DataError(f"A Decimal cannot be {value}")
    return -exponent


def unscaled_bytes(value: Decimal) -> bytes:
    """`BigInteger.toByteArray()` of the unscaled value."""
    number = unscaled(value)
    length = (number if number >= 0 else ~number).bit_length() // 8 + 1
    return number.to_bytes(length, "big", signed=True)


def decimal_from_logical(schema: Schema, value: Decimal) -> bytes:
    """The bytes of a decimal; it must have the very scale of the schema."""
    wanted = scale_of(schema)
    if scale(value) != wanted:
        raise DataError(f"The decimal {value} has the scale {scale(value)}, and its schema the scale {wanted}")
    return unscaled_bytes(value)


def decimal_to_logical(schema: Schema, data: bytes) -> Decimal:
    if not data:
        raise DataError("A Decimal has at least one byte")
    return decimal_of(int.from_bytes(data, "big", signed=True), scale_of(schema))


def epoch_ms(value: Instant) -> int:
    """Milliseconds since 1970-01-01 UTC; what is shorter is cut off."""
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            raise DataError(f"The datetime {value} has no time zone; give it one (datetime.UTC)")
        return (value - _EPOCH) // _MILLISECOND
    if isinstance(value, datetime.date):
        return (value.toordinal() - _EPOCH_DAY) * MILLIS_PER_DAY
    return ((value.hour * 60 + value.minute) * 60 + value.second) * 1000 + value.microsecond // 1000


def instant(ms: int) -> datetime.datetime:
    try:
        return _EPOCH + ms * _MILLISECOND
    except OverflowError:
        raise DataError(f"{ms} ms since 1970 is not within the years 1 to 9999") from None


def date_from_logical(schema: Schema, value: Instant) -> int:
    """Days since 1970-01-01."""
    _check_name(schema, DATE)
    ms = epoch_ms(value)
    if ms % MILLIS_PER_DAY:
        raise DataError(f"A Date has no time of day: {value}")
    return ms // MILLIS_PER_DAY


def date_to_logical(schema: Schema, days: int) -> datetime.date:
    _check_name(schema, DATE)
    return instant(days * MILLIS_PER_DAY).date()


def time_from_logical(schema: Schema, value: Instant) -> int:
    """Milliseconds since midnight."""
    _check_name(schema, TIME)
    ms = epoch_ms(value)
    if not 0 <= ms <= MILLIS_PER_DAY:
        raise DataError(f"A Time is within the first of January 1970: {value}")
    return ms


def time_to_logical(schema: Schema, ms: int) -> datetime.time:
    _check_name(schema, TIME)
    if not 0 <= ms < MILLIS_PER_DAY:
        raise DataError(f"A Time is from 0 to {MILLIS_PER_DAY - 1} milliseconds after midnight, not {ms}")
    return instant(ms).time()


def timestamp_from_logical(schema: Schema, value: Instant) -> int:
    """Milliseconds since 1970-01-01 UTC."""
    _check_name(schema, TIMESTAMP)
    return epoch_ms(value)


def timestamp_to_logical(schema: Schema, ms: int) -> datetime.datetime:
    _check_name(schema, TIMESTAMP)
    return instant(ms)


def _check_name(schema: Schema, name: str) -> None:
    if schema.name != name:
        raise DataError(f"The schema {schema} is not that of {name}")
