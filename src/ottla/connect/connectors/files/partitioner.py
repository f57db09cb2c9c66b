"""In which folder a record goes (Confluent's storage partitioners), and what time it has there.

| partitioner | folder |
|---|---|
| default | `partition=0` |
| field | `field=value/…` of `partition.field.name` |
| time | `path.format` of the record's time, cut to `partition.duration.ms` |
| daily, hourly | `year=2026/month=11/day=29`, and `/hour=07` |
"""

from __future__ import annotations

import datetime
import re
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from ottla.connect.api.errors import ConfigError, DataError
from ottla.connect.connectors.shapes import field_at
from ottla.connect.data import logical
from ottla.connect.data.simple_date_format import SimpleDateFormat
from ottla.connect.data.values import convert_to_string

if TYPE_CHECKING:
    from collections.abc import Callable
    from zoneinfo import ZoneInfo

    from ottla.connect.api.record import SinkRecord

DAILY: Final = "'year'=YYYY/'month'=MM/'day'=dd"
HOURLY: Final = DAILY + "/'hour'=HH"
HOUR_MS: Final = 3_600_000
WALLCLOCK, RECORD, RECORD_FIELD = "Wallclock", "Record", "RecordField"
_TEXT_OR_LETTERS: Final = re.compile(r"'[^']*'|[^']+")


def time_of(extractor: str, field: str) -> Callable[[SinkRecord], int]:
    """What says a record's time, in ms since 1970. `DataError` where it has none."""
    if extractor == WALLCLOCK:
        return lambda _record: int(time.time() * 1000)
    if extractor == RECORD:
        return _record_time
    return lambda record: _field_time(record, field)


def _record_time(record: SinkRecord) -> int:
    if record.timestamp is None:
        raise DataError("the record has no timestamp")
    return record.timestamp


def _field_time(record: SinkRecord, field: str) -> int:
    value = field_at(record.value, field)
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return logical.epoch_ms(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, str):
        try:
            parsed = datetime.datetime.fromisoformat(value)
        except ValueError:
            raise DataError(f"the field {field} is no time: {value!r}") from None
        return logical.epoch_ms(parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=datetime.UTC))
    raise DataError(f"the field {field} is no time: {value!r}")


def by_default(record: SinkRecord) -> str:
    return f"partition={record.original_kafka_partition}"


def by_fields(names: list[str], delimiter: str) -> Callable[[SinkRecord], str]:
    def folder(record: SinkRecord) -> str:
        parts = []
        for name in names:
            value = field_at(record.value, name)
            if isinstance(value, list | dict) or hasattr(value, "schema"):
                raise DataError(f"the field {name} is no single value: no folder can have its name")
            text = "null" if value is None else _safe(convert_to_string(None, value) or "")
            parts.append(f"{name}={text}")
        return delimiter.join(parts)

    return folder


def _safe(text: str) -> str:
    """Whatever it is, one folder of its own."""
    escaped = quote(text, safe=" !$&'()*+,;=:@-_.~")
    return escaped.replace("..", "%2E%2E") if escaped not in ("", ".") else quote(text) or "%00"


def by_time(
    pattern: str, duration_ms: int, zone: ZoneInfo, when: Callable[[SinkRecord], int]
) -> Callable[[SinkRecord], str]:
    """`ConfigError` for a pattern that is none."""
    # Joda's letter of the year is Y, which is that of weeks' years in SimpleDateFormat.
    plain = "".join(
        part if part.startswith("'") else part.replace("Y", "y") for part in _TEXT_OR_LETTERS.findall(pattern)
    )
    try:
        form = SimpleDateFormat(plain)
    except ValueError as error:
        raise ConfigError(f"the pattern {pattern} is wrong: {error}") from error

    def folder(record: SinkRecord) -> str:
        ms = when(record)
        offset = datetime.datetime.fromtimestamp(ms / 1000, zone).utcoffset() or datetime.timedelta()
        local = ms + offset // datetime.timedelta(milliseconds=1)
        return form.format(local - local % duration_ms)

    return folder
