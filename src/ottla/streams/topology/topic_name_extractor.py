"""Which topic a sink writes a record to, where that depends on the record (`TopicNameExtractor`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from ottla.streams.record import Headers


class RecordContext(NamedTuple):
    """Where the record came from that is processed now; topic, partition and offset are None in a punctuator."""

    topic: str | None
    partition: int | None
    offset: int | None
    timestamp_ms: int
    headers: Headers


class TopicNameExtractor(Protocol):
    def __call__(self, key: Any, value: Any, context: RecordContext, /) -> str: ...
