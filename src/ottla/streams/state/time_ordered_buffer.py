"""The buffer of a stream-table join with a grace period: records until stream time is that much later (KIP-923).

    0 ‖ int64 time ‖ key ‖ int32 sequence ─► BufferValue          in the changelog: the same ‖ int64 0

Java's `RocksDBTimeOrderedKeyValueBuffer`. Records leave in the order of their times, and of their keys' bytes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ottla.streams.errors import StreamsError
from ottla.streams.state.buffer_value import BufferValue
from ottla.streams.state.logged_builder import LoggedBuilder
from ottla.streams.state.store import StateStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ottla.streams.operator import Push
    from ottla.streams.record import Headers
    from ottla.streams.serdes.serde import Serde
    from ottla.streams.state.bytes_store import BytesStore
    from ottla.streams.state.store import Changelog, StoreContext

_HEAD: Final = struct.Struct(">bq")
_SEQUENCE: Final = struct.Struct(">I")
_PADDING: Final = bytes(8)
_LAST_SEQUENCE: Final = 0x7FFF_FFFF
NO_TIMESTAMP: Final = -1


class TimeOrderedBuffer(StateStore):
    def __init__(self, config: TimeOrderedBufferBuilder) -> None:
        self.name = config.name
        self._config = config
        self._bytes = config.make_bytes_store(config.name)
        self._sequence = 0
        self._observed_ms = -1
        self._log: Changelog | None = None

    @property
    def is_persistent(self) -> bool:
        return self._bytes.is_persistent

    @property
    def is_open(self) -> bool:
        return self._bytes.is_open

    def open(self, context: StoreContext) -> None:
        key_serde = self._config.key_serde or context.key_serde
        value_serde = self._config.value_serde or context.value_serde
        self._serialize_key, self._deserialize_key = key_serde.serializer, key_serde.deserializer
        self._serialize_value, self._deserialize_value = value_serde.serializer, value_serde.deserializer
        self._record = context.record
        self._log = context.changelog(self.name)
        self._bytes.open(context.directory)

    def put(self, key: Any, value: Any, timestamp_ms: int, headers: Headers) -> bool:
        """False for a record that is too late to wait: its time has come already."""
        if self._observed_ms - self._config.grace_ms > timestamp_ms:
            return False
        topic = self._config.topic
        key_bytes = self._serialize_key(topic, key, headers)
        if key_bytes is None:
            raise StreamsError(f"a record with a null key cannot wait in the buffer {self.name}")
        self._sequence = (self._sequence + 1) & _LAST_SEQUENCE
        store_key = _HEAD.pack(0, timestamp_ms) + key_bytes + _SEQUENCE.pack(self._sequence)
        held = BufferValue(None, None, self._serialize_value(topic, value, headers), self._record.saved()).to_bytes()
        self._bytes.put(store_key, held)
        self._observed_ms = max(self._observed_ms, timestamp_ms)
        if self._log is not None:
            self._log(store_key, held + _PADDING, NO_TIMESTAMP)
        return True

    def evict(self, forward: Push) -> None:
        """Hand on, as they were processed when they came, all records whose grace is over."""
        until_ms = self._observed_ms - self._config.grace_ms
        if until_ms < 0:
            return
        topic, record = self._config.topic, self._record
        before = record.saved()
        try:
            for store_key, data in self._bytes.range(None, _HEAD.pack(0, until_ms + 1)):
                held = BufferValue.from_bytes(data)
                timestamp_ms, headers, _ = held.record
                key = self._deserialize_key(topic, store_key[_HEAD.size : -_SEQUENCE.size], headers)
                value = self._deserialize_value(topic, held.new, headers)
                record.restore(held.record)
                forward(key, value, timestamp_ms, headers)
                self._bytes.put(store_key, None)
                if self._log is not None:
                    self._log(store_key, None, NO_TIMESTAMP)
        finally:
            record.restore(before)

    def restore(self, records: Iterable[tuple[bytes, bytes | None, int, Headers]]) -> None:
        for key, value, _, _ in records:
            self._observed_ms = max(self._observed_ms, _HEAD.unpack_from(key)[1])
            self._bytes.put(key, None if value is None else value[: -len(_PADDING)])

    def flush(self) -> None:
        """Every write went through."""

    def commit(self, changelog_offset: int | None) -> None:
        self._bytes.commit(changelog_offset)

    @property
    def committed_offset(self) -> int | None:
        return self._bytes.committed_offset

    def close(self) -> None:
        self._bytes.close()


@dataclass(frozen=True, slots=True)
class TimeOrderedBufferBuilder(LoggedBuilder):
    """A `StoreBuilder`. `topic` is what serdes are told."""

    name: str
    topic: str
    grace_ms: int
    make_bytes_store: Callable[[str], BytesStore]
    key_serde: Serde[Any] | None
    value_serde: Serde[Any] | None

    def build(self) -> TimeOrderedBuffer:
        return TimeOrderedBuffer(self)
