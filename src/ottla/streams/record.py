"""What flows through a topology: records, their headers, and where a record came from (KIP-478)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final, Generic, NamedTuple, TypeVar

K = TypeVar("K")
V = TypeVar("V")

Headers = tuple[tuple[str, bytes | None], ...]
"""Names and values in the order in which they were written; immutable, so a chain of operators shares one tuple."""

NO_HEADERS: Final[Headers] = ()


class TopicPartition(NamedTuple):
    topic: str
    partition: int


class RecordMetadata(NamedTuple):
    """Where the record that is being processed was read; no such record exists while a punctuator runs."""

    topic: str
    partition: int
    offset: int


class RawRecord(NamedTuple):
    """A record as a consumer hands it over: `timestamp_ms` since 1970, `-1` where the batch carries none."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers = NO_HEADERS


class CurrentRecord:
    """What a task processes now, as stores see it: the time and headers that they log, and where it was read.

    One for each task, changed in place. A cache keeps `saved()` beside a value, and restores it to forward the value.
    """

    __slots__ = ("headers", "raw", "timestamp_ms")

    def __init__(self) -> None:
        self.timestamp_ms = -1
        self.headers: Headers = NO_HEADERS
        self.raw: RawRecord | None = None

    def saved(self) -> tuple[int, Headers, RawRecord | None]:
        return self.timestamp_ms, self.headers, self.raw

    def restore(self, saved: tuple[int, Headers, RawRecord | None]) -> None:
        self.timestamp_ms, self.headers, self.raw = saved

    @property
    def metadata(self) -> RecordMetadata | None:
        raw = self.raw
        return None if raw is None else RecordMetadata(raw.topic, raw.partition, raw.offset)


@dataclass(frozen=True, slots=True)
class Record(Generic[K, V]):
    """What a `Processor` gets and forwards. Inside the library a record is four arguments instead: see `Operator`."""

    key: K
    value: V
    timestamp_ms: int
    headers: Headers = NO_HEADERS

    def with_key(self, key: Any) -> Record[Any, V]:
        return replace(self, key=key)

    def with_value(self, value: Any) -> Record[K, Any]:
        return replace(self, value=value)

    def with_timestamp(self, timestamp_ms: int) -> Record[K, V]:
        return replace(self, timestamp_ms=timestamp_ms)

    def with_headers(self, headers: Headers) -> Record[K, V]:
        return replace(self, headers=headers)
