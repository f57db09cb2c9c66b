"""Typed key-value stores without a cache, and the bytes of their values.

A put goes to the bytes store and the changelog at once.

plain          key ─► value
timestamped    key ─► 8 bytes of time ‖ value        in the changelog: the value, in a record of that time
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from ottla.streams.errors import InvalidStateStoreError, StreamsError
from ottla.streams.record import NO_HEADERS
from ottla.streams.state.bytes_store import successor
from ottla.streams.state.memory_bytes_store import LruBytesStore, MemoryBytesStore
from ottla.streams.state.store import KeyValueStore, ValueAndTimestamp
from ottla.streams.state.without_timestamps import WithoutTimestamps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ottla.streams.operator import Push
    from ottla.streams.record import CurrentRecord, Headers
    from ottla.streams.serdes.serde import Serde
    from ottla.streams.state.bytes_store import BytesStore
    from ottla.streams.state.store import Changelog, StoreContext

TIMESTAMP: Final = struct.Struct(">q")
TIMESTAMP_SIZE: Final = TIMESTAMP.size


HeadersLogged = Literal["never", "of_deletions", "always"]
"""Which records of the changelog have the headers of the record that caused them."""


@dataclass(frozen=True, slots=True)
class KeyValueConfig:
    """What a builder knows of a store. Serdes that are None are the configuration's."""

    name: str
    make_bytes_store: Callable[[str], BytesStore]
    key_serde: Serde[Any] | None
    value_serde: Serde[Any] | None
    timestamped: bool
    headers_logged: HeadersLogged = "never"


class TypedKeyValueStore(KeyValueStore):
    """With `timestamped` its values are `ValueAndTimestamp`s."""

    def __init__(self, config: KeyValueConfig) -> None:
        self.name = config.name
        self.timestamped = config.timestamped
        self.bytes_store = config.make_bytes_store(config.name)
        self._config = config
        self._log: Changelog | None = None

    def open(self, context: StoreContext) -> None:
        key_serde = self._config.key_serde or context.key_serde
        value_serde = self._config.value_serde or context.value_serde
        self._open_typed(context, key_serde, value_serde)
        self.bytes_store.open(context.directory)

    def _open_typed(self, context: StoreContext, key_serde: Serde[Any], value_serde: Serde[Any]) -> None:
        self._record: CurrentRecord = context.record
        self._topic = context.changelog_topic(self.name)
        self._log = context.changelog(self.name)
        self._serialize_key, self._deserialize_key = key_serde.serializer, key_serde.deserializer
        self._serialize_value, self._deserialize_value = value_serde.serializer, value_serde.deserializer
        if isinstance(self.bytes_store, LruBytesStore) and not self.timestamped:  # Java's logs no others, either
            self.bytes_store.on_evicted = self._evicted

    @property
    def is_persistent(self) -> bool:
        return self.bytes_store.is_persistent

    @property
    def is_open(self) -> bool:
        return self.bytes_store.is_open

    @property
    def metrics_scope(self) -> str:
        return kind_of(self.bytes_store)

    # Reading

    def get(self, key: Any) -> Any | None:
        data = self.bytes_store.get(self.key_bytes(key))
        return None if data is None else self.value_of(data)

    def peek(self, key: Any) -> Any | None:
        """As `get`, for a query: the task must not notice that somebody has read."""
        return self.get(key)

    def range(
        self, first: Any | None = None, last: Any | None = None, *, reverse: bool = False
    ) -> Iterator[tuple[Any, Any]]:
        low = None if first is None else self.key_bytes(first)
        high = None if last is None else self.key_bytes(last)
        return self.typed(self.range_of_bytes(low, high, reverse=reverse))

    def prefix_scan(self, prefix: bytes) -> Iterator[tuple[Any, Any]]:
        return self.typed(self.prefix_of_bytes(prefix))

    def prefix_of_bytes(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        end = successor(prefix)
        for key, data in self.range_of_bytes(prefix, end):
            if key != end:
                yield key, data

    def range_of_bytes(
        self, first: bytes | None, last: bytes | None, *, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        """As they are stored, with what a cache holds."""
        self._check_open()
        if first is not None and last is not None and first > last:
            return iter(())
        return self.bytes_store.range(first, last, reverse=reverse)

    def approximate_num_entries(self) -> int:
        self._check_open()
        return self.bytes_store.approximate_num_entries()

    # Writing

    def put(self, key: Any, value: Any | None) -> None:
        if value is None:
            self.write(self.key_bytes(key), None, self._record.timestamp_ms)
        else:
            self.write_value(self.key_bytes(key), value, self._record.timestamp_ms)

    def put_if_absent(self, key: Any, value: Any) -> Any | None:
        before = self.get(key)
        if before is None:
            self.put(key, value)
        return before

    def delete(self, key: Any) -> Any | None:
        before = self.get(key)
        self.put(key, None)
        return before

    def write(self, key: bytes, data: bytes | None, timestamp_ms: int) -> None:
        """To the bytes store and the changelog; `timestamp_ms` is for what has no time of its own."""
        self.bytes_store.put(key, data)
        log = self._log
        if log is None:
            return
        if data is not None and self.timestamped:
            (timestamp_ms,) = TIMESTAMP.unpack_from(data)
            data = data[TIMESTAMP_SIZE:]
        logged = self._config.headers_logged
        has_headers = logged != "never" and (data is None or logged == "always")
        log(key, data, timestamp_ms, self._record.headers if has_headers else NO_HEADERS)

    def write_value(self, key: bytes, value: Any, timestamp_ms: int) -> None:
        """`write` of the bytes of `value`, of which what is stored and what is logged are made at once."""
        if not self.timestamped:
            self.write(key, self._serialize_value(self._topic, value), timestamp_ms)
            return
        data = self._serialize_value(self._topic, value[0])
        if data is None:
            self.write(key, None, timestamp_ms)
            return
        self.bytes_store.put(key, TIMESTAMP.pack(value[1]) + data)
        if self._log is not None:
            has_headers = self._config.headers_logged == "always"
            self._log(key, data, value[1], self._record.headers if has_headers else NO_HEADERS)

    def _evicted(self, key: bytes) -> None:
        if self._log is not None:
            self._log(key, None, self._record.timestamp_ms)

    # The rest of its life

    def set_flush_listener(self, listener: Push, send_old_values: bool) -> bool:
        return False

    def restore(self, records: Iterable[tuple[bytes, bytes | None, int, Headers]]) -> None:
        if not self.timestamped:
            self.bytes_store.put_all((key, value) for key, value, _, _ in records)
            return
        pack = TIMESTAMP.pack
        self.bytes_store.put_all(
            (key, None if value is None else pack(timestamp_ms) + value) for key, value, timestamp_ms, _ in records
        )

    def flush(self) -> None:
        """Every write went through."""

    def commit(self, changelog_offset: int | None) -> None:
        self.bytes_store.commit(changelog_offset)

    @property
    def committed_offset(self) -> int | None:
        return self.bytes_store.committed_offset

    def close(self) -> None:
        self.bytes_store.close()

    # Bytes

    def key_bytes(self, key: Any) -> bytes:
        data = self._serialize_key(self._topic, key)
        if data is None:
            raise StreamsError(f"the store {self.name} cannot have None as a key")
        return data

    def data_of(self, value: Any) -> bytes | None:
        """What is stored of a value; None where the serde makes a value nothing."""
        if not self.timestamped:
            return self._serialize_value(self._topic, value)
        data = self._serialize_value(self._topic, value[0])
        return None if data is None else TIMESTAMP.pack(value[1]) + data

    def value_of(self, data: bytes) -> Any:
        if not self.timestamped:
            return self._deserialize_value(self._topic, data)
        value = self._deserialize_value(self._topic, data[TIMESTAMP_SIZE:])
        return ValueAndTimestamp(value, TIMESTAMP.unpack_from(data)[0])

    def typed(self, entries: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[Any, Any]]:
        deserialize_key, topic, value_of = self._deserialize_key, self._topic, self.value_of
        return ((deserialize_key(topic, key), value_of(data)) for key, data in entries)

    def _check_open(self) -> None:
        if not self.bytes_store.is_open:
            raise InvalidStateStoreError(f"the store {self.name} is closed")


def kind_of(store: BytesStore) -> str:
    """As Kafka Streams calls it; a store on disk is one, too, where a task has no directory."""
    if isinstance(store, WithoutTimestamps):
        return kind_of(store.inner)
    if isinstance(store, LruBytesStore):
        return "in-memory-lru"
    return "in-memory" if isinstance(store, MemoryBytesStore) else "rocksdb"
