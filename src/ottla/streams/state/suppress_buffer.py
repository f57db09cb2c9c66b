"""What `KTable.suppress` holds back: one change for each key, in the order of the times until which it is held.

A later change of a key takes the place of the earlier one, and its time: a key waits as long as its first change says.
The buffer is in memory, as in Java (`InMemoryTimeOrderedKeyValueChangeBuffer`); each flush logs what has changed.

    changelog: key ─► BufferValue ‖ int64 time, with the header v = 3; null when the key left
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, Final

from ottla.streams.change import Change
from ottla.streams.duration import LONG_MAX
from ottla.streams.errors import InvalidStateStoreError, StreamsError
from ottla.streams.state.buffer_value import BufferValue
from ottla.streams.state.logged_builder import LoggedBuilder
from ottla.streams.state.store import StateStore, ValueAndTimestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ottla.streams.record import Headers
    from ottla.streams.serdes.serde import Serde
    from ottla.streams.state.buffer_value import Saved
    from ottla.streams.state.store import Changelog, StoreContext

VERSION: Final = (("v", b"\x03"),)
NO_TIMESTAMP: Final = -1

_TIME: Final = struct.Struct(">q")
_CONTEXT_BYTES: Final = 8 + 8 + 4  # timestamp, offset, partition


class SuppressBuffer(StateStore):
    def __init__(self, config: SuppressBufferBuilder) -> None:
        self.name = config.name
        self._config = config
        self._held: dict[bytes, tuple[int, BufferValue]] = {}
        self._queue: list[tuple[int, bytes]] = []  # what has left by a restored deletion stays until it is first
        self._dirty: dict[bytes, None] = {}
        self._log: Changelog | None = None
        self.size_bytes = 0
        """As Kafka Streams counts it."""

        self._open = False

    @property
    def is_persistent(self) -> bool:
        return False

    @property
    def metrics_scope(self) -> str:
        return "in-memory-suppression"

    @property
    def committed_offset(self) -> int | None:
        return None

    @property
    def is_open(self) -> bool:
        return self._open

    def open(self, context: StoreContext) -> None:
        key_serde = self._config.key_serde or context.key_serde
        value_serde = self._config.value_serde or context.value_serde
        self._serialize_key, self._deserialize_key = key_serde.serializer, key_serde.deserializer
        self._serialize_value, self._deserialize_value = value_serde.serializer, value_serde.deserializer
        self._topic = context.changelog_topic(self.name)
        self._log = context.changelog(self.name)
        self.record = context.record
        self._open = True

    def __len__(self) -> int:
        return len(self._held)

    @property
    def min_time_ms(self) -> int:
        """Of the change that leaves next; the greatest time there is when nothing is held."""
        queue = self._queue
        while queue:
            time_ms, key = queue[0]
            held = self._held.get(key)
            if held is not None and held[0] == time_ms:
                return time_ms
            heappop(queue)
        return LONG_MAX

    def put(self, time_ms: int, key: Any, change: Change, record: Saved) -> None:
        if not self._open:
            raise InvalidStateStoreError(f"the store {self.name} is closed")
        topic, headers = self._topic, record[1]
        encoded = self._serialize_key(topic, key, headers)
        if encoded is None:
            raise StreamsError(f"a change without a key cannot wait in the buffer {self.name}")
        new, old, _ = change
        new_bytes = None if new is None else self._serialize_value(topic, new, headers)
        old_bytes = None if old is None else self._serialize_value(topic, old, headers)
        held = self._held.get(encoded)
        prior = old_bytes if held is None else held[1].prior
        self._hold(time_ms, encoded, BufferValue(prior, old_bytes, new_bytes, record))
        if self._log is not None:
            self._dirty[encoded] = None

    def evict_while(self, is_due: Callable[[], bool], emit: Callable[[Any, Change, Saved], None]) -> None:
        """Hand on the changes in their order as long as `is_due` says so; each is still held while it is handed on."""
        while is_due() and self.min_time_ms != LONG_MAX:
            _, encoded = self._queue[0]
            value = self._held[encoded][1]
            topic, headers = self._topic, self.record.headers
            key = self._deserialize_key(topic, encoded, headers)
            emit(key, Change(self._value(value.new, headers), self._value(value.old, headers)), value.record)
            heappop(self._queue)
            self._drop(encoded)
            if self._log is not None:
                self._dirty[encoded] = None

    def prior_value(self, key: Any) -> tuple[bool, ValueAndTimestamp | None]:
        """Whether a change of `key` waits, and the value before it; nobody knows any more when that was written."""
        encoded = self._serialize_key(self._topic, key, self.record.headers)
        held = None if encoded is None else self._held.get(encoded)
        if held is None:
            return False, None
        value = self._value(held[1].prior, self.record.headers)
        return True, None if value is None else ValueAndTimestamp(value, NO_TIMESTAMP)

    def restore(self, records: Iterable[tuple[bytes, bytes | None, int, Headers]]) -> None:
        for key, data, _, headers in records:
            if data is None:
                if key in self._held:
                    self._drop(key)
                continue
            version = next((value for name, value in reversed(headers) if name == "v"), None)
            if version != VERSION[0][1]:
                raise StreamsError(
                    f"the changelog of {self.name} has a record of version {version!r}; only 3 (Kafka 2.4) can be read"
                )
            self._hold(_TIME.unpack_from(data, len(data) - _TIME.size)[0], key, BufferValue.from_bytes(data))

    def flush(self) -> None:
        if self._log is not None:
            for key in self._dirty:
                held = self._held.get(key)
                if held is None:
                    self._log(key, None, NO_TIMESTAMP)
                else:
                    self._log(key, held[1].to_bytes() + _TIME.pack(held[0]), NO_TIMESTAMP, VERSION)
        self._dirty.clear()

    def commit(self, changelog_offset: int | None) -> None:
        """Nothing of it outlives the process."""

    def close(self) -> None:
        self._open = False
        self._held.clear()
        self._queue.clear()
        self._dirty.clear()
        self.size_bytes = 0

    def _value(self, data: bytes | None, headers: Headers) -> Any:
        return None if data is None else self._deserialize_value(self._topic, data, headers)

    def _hold(self, time_ms: int, key: bytes, value: BufferValue) -> None:
        held = self._held.get(key)
        if held is None:
            heappush(self._queue, (time_ms, key))
        else:
            time_ms = held[0]
            self.size_bytes -= _size_of(key, held[1])
        self._held[key] = time_ms, value
        self.size_bytes += _size_of(key, value)

    def _drop(self, key: bytes) -> None:
        _, value = self._held.pop(key)
        self.size_bytes -= _size_of(key, value)


def _size_of(key: bytes, value: BufferValue) -> int:
    prior, old, new, (_, headers, raw) = value
    size = _TIME.size + len(key) + _CONTEXT_BYTES + len(prior or b"") + len(new or b"")
    if old is not None and old != prior:
        size += len(old)
    if raw is not None:
        size += len(raw.topic)
    return size + sum(len(name) + len(data or b"") for name, data in headers)


@dataclass(frozen=True, slots=True)
class SuppressBufferBuilder(LoggedBuilder):
    """A `StoreBuilder`."""

    name: str
    key_serde: Serde[Any] | None
    value_serde: Serde[Any] | None

    def build(self) -> SuppressBuffer:
        return SuppressBuffer(self)
