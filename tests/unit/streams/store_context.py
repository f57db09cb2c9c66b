"""A `StoreContext` for stores by themselves: what they log is a list, and a test says what is being processed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.streams.record import NO_HEADERS, CurrentRecord, Headers, RawRecord
from ottla.streams.serdes.serde import Serde
from ottla.streams.state.store import RecordContext

if TYPE_CHECKING:
    from ottla.streams.state.store import Changelog


def text_serde() -> Serde[Any]:
    return Serde(
        lambda topic, data, headers=(): None if data is None else data.encode(),
        lambda topic, data, headers=(): None if data is None else data.decode(),
    )


Logged = tuple[bytes, bytes | None, int, Headers]


class ListedContext:
    """`process` is what a task does before it hands a record to its operators."""

    task_id = "0_0"
    directory = None

    def __init__(self, cache_bytes: int = 1 << 20, *, logging: bool = True) -> None:
        self.cache_bytes = cache_bytes
        self.record = CurrentRecord()
        self.logged: list[Logged] = []
        self.expired: list[str] = []
        self.key_serde = text_serde()
        self.value_serde = text_serde()
        self.stream_time_ms = -1
        self._logging = logging

    def process(self, timestamp_ms: int, headers: Headers = NO_HEADERS, offset: int = 0) -> None:
        self.stream_time_ms = max(self.stream_time_ms, timestamp_ms)
        self.record.restore((timestamp_ms, headers, RawRecord("topic", 0, offset, timestamp_ms, None, None, headers)))

    def changelog(self, store_name: str) -> Changelog | None:
        def log(key: bytes, value: bytes | None, timestamp_ms: int, headers: Headers = (), /) -> None:
            self.logged.append((key, value, timestamp_ms, headers))

        return log if self._logging else None

    def changelog_topic(self, store_name: str) -> str:
        return f"app-{store_name}-changelog"

    @property
    def record_timestamp_ms(self) -> int:
        return self.record.timestamp_ms

    @property
    def record_headers(self) -> Headers:
        return self.record.headers

    @property
    def record_context(self) -> RecordContext:
        return RecordContext(*self.record.saved())

    def swap_record_context(self, context: RecordContext) -> RecordContext:
        raise NotImplementedError

    def record_expired(self, store_name: str, reason: str) -> None:
        self.expired.append(reason)
