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
