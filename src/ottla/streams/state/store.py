"""State stores as processors and interactive queries see them (`org.apache.kafka.streams.state`).

    typed store (this file) ─► cache ─► changelog ─► bytes store (memory or RocksDB)

Every time is in milliseconds since 1970. A window store's ranges are inclusive at both ends. Iterators are plain Python
iterators over a snapshot of the range; closing a generator closes what is below it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ottla.streams.operator import Push
    from ottla.streams.record import CurrentRecord, Headers, RawRecord, RecordMetadata
    from ottla.streams.serdes.serde import Serde
    from ottla.streams.windows import Windowed


class ValueAndTimestamp(NamedTuple):
    value: Any
    timestamp_ms: int


class ValueTimestampHeaders(NamedTuple):
    value: Any
    timestamp_ms: int
    headers: Headers = ()


class AggregationWithHeaders(NamedTuple):
    """What a session store with headers holds."""

    aggregation: Any
    headers: Headers = ()


class VersionedRecord(NamedTuple):
    """`valid_to_ms` is None while the value is the newest of its key."""

    value: Any
    timestamp_ms: int
    valid_to_ms: int | None = None


class RecordContext(NamedTuple):
    """What was being processed when a cache's entry was written; at the flush it is what is processed once more."""

    timestamp_ms: int
    headers: Headers
    metadata: RecordMetadata | RawRecord | None


class Changelog(Protocol):
    """Where a store logs what it changes: a task's collector, or a list in a test."""

    def __call__(self, key: bytes, value: bytes | None, timestamp_ms: int, headers: Headers = (), /) -> None: ...


class StoreContext(Protocol):
    """What a store is opened with."""

    @property
    def task_id(self) -> str: ...

    @property
    def directory(self) -> str | None:
        """The task's state directory; None where nothing is kept (TopologyTestDriver without one)."""

    def changelog(self, store_name: str) -> Changelog | None:
        """None when logging is disabled for that store."""

    def changelog_topic(self, store_name: str) -> str:
        """The topic's name, which serdes are given even when nothing is logged."""

    @property
    def key_serde(self) -> Serde[Any]:
        """The configuration's default, for a store that was given none."""

    @property
    def value_serde(self) -> Serde[Any]: ...

    @property
    def stream_time_ms(self) -> int: ...

    @property
    def record(self) -> CurrentRecord:
        """What is being processed; the same object as long as the store is open."""

    @property
    def record_timestamp_ms(self) -> int: ...

    @property
    def record_headers(self) -> Headers: ...

    @property
    def record_context(self) -> RecordContext:
        """Of the record as the operator got it that is running now (its timestamp may not be the source's)."""

    def swap_record_context(self, context: RecordContext) -> RecordContext:
        """From now on `context` is what is processed; returns what was, to be swapped back after a flush."""

    @property
    def cache_bytes(self) -> int:
        """How much the cache of one store may hold; 0 means that every write goes through."""

    def record_expired(self, store_name: str, reason: str) -> None:
        """Count a write that came after its retention (`dropped-records-total`)."""


class StateStore(ABC):
    name: str

    @property
    def metrics_scope(self) -> str:
        """How Kafka Streams calls its kind, in the tags of its metrics; nothing is measured of one without."""
        return ""

    @property
    @abstractmethod
    def is_persistent(self) -> bool: ...

    @property
    @abstractmethod
    def is_open(self) -> bool: ...

    @abstractmethod
    def open(self, context: StoreContext) -> None: ...

    @abstractmethod
    def restore(self, records: Iterable[tuple[bytes, bytes | None, int, Headers]]) -> None:
        """Apply what the changelog holds: key, value, timestamp_ms, headers. Nothing is logged or forwarded."""

    @abstractmethod
    def flush(self) -> None:
        """Write the cache through: listeners hear of it, the changelog is written."""

    @abstractmethod
    def commit(self, changelog_offset: int | None) -> None:
        """After a flush and a successful commit: what was flushed becomes durable with its changelog position."""

    @property
    @abstractmethod
    def committed_offset(self) -> int | None:
        """The changelog position of what is durable (the next offset to restore); None when nothing is."""

    def forget_cached(self) -> None:  # noqa: B027  # most have no cache
        """Drop what a cache remembers of what lies below it; nothing is dirty: this comes after a commit."""

    @abstractmethod
    def close(self) -> None: ...


class CachedStore(Protocol):
    """What DSL operators ask of the stores that they aggregate into; typed stores of every kind have it."""

    def set_flush_listener(self, listener: Push, send_old_values: bool) -> bool:
        """True when this store has a cache: then `listener` alone forwards, at each flush, in the order of the writes.

        It gets key (`Windowed` where the store has windows), `Change` of what the store holds (`ValueAndTimestamp` in
        timestamped stores), and the timestamp and headers of the last write. `old` is None unless it was asked for.
        """


class KeyValueStore(StateStore):
    """Keys in the order of their bytes. `Any` is the value itself, or `ValueAndTimestamp` in a timestamped store."""

    @abstractmethod
    def get(self, key: Any) -> Any | None: ...

    @abstractmethod
    def put(self, key: Any, value: Any | None) -> None: ...

    @abstractmethod
    def put_if_absent(self, key: Any, value: Any) -> Any | None: ...

    @abstractmethod
    def delete(self, key: Any) -> Any | None: ...

    @abstractmethod
    def range(
        self, first: Any | None = None, last: Any | None = None, *, reverse: bool = False
    ) -> Iterator[tuple[Any, Any]]: ...

    @abstractmethod
    def prefix_scan(self, prefix: bytes) -> Iterator[tuple[Any, Any]]: ...

    def all(self, *, reverse: bool = False) -> Iterator[tuple[Any, Any]]:
        return self.range(reverse=reverse)

    @abstractmethod
    def approximate_num_entries(self) -> int: ...


class WindowStore(StateStore):
    """Windows are named by their start; the size belongs to the store."""

    retention_ms: int
    window_size_ms: int

    @abstractmethod
    def put(self, key: Any, value: Any | None, window_start_ms: int) -> None: ...

    @abstractmethod
    def get(self, key: Any, window_start_ms: int) -> Any | None: ...

    @abstractmethod
    def fetch(self, key: Any, from_ms: int, to_ms: int, *, reverse: bool = False) -> Iterator[tuple[int, Any]]:
        """Starts and values of the windows of `key` that start from `from_ms` to `to_ms`."""

    @abstractmethod
    def fetch_range(
        self, first: Any | None, last: Any | None, from_ms: int, to_ms: int, *, reverse: bool = False
    ) -> Iterator[tuple[Windowed[Any], Any]]: ...

    @abstractmethod
    def fetch_all(self, from_ms: int, to_ms: int, *, reverse: bool = False) -> Iterator[tuple[Windowed[Any], Any]]: ...

    @abstractmethod
    def all(self, *, reverse: bool = False) -> Iterator[tuple[Windowed[Any], Any]]: ...


class SessionStore(StateStore):
    retention_ms: int

    @abstractmethod
    def put(self, session: Windowed[Any], value: Any | None) -> None: ...

    @abstractmethod
    def remove(self, session: Windowed[Any]) -> None: ...

    @abstractmethod
    def find_sessions(
        self, key: Any, earliest_end_ms: int, latest_start_ms: int, *, reverse: bool = False
    ) -> Iterator[tuple[Windowed[Any], Any]]:
        """Sessions that end at `earliest_end_ms` or later and start at `latest_start_ms` or earlier."""

    @abstractmethod
    def fetch_session(self, key: Any, start_ms: int, end_ms: int) -> Any | None: ...

    @abstractmethod
    def fetch(self, key: Any, *, reverse: bool = False) -> Iterator[tuple[Windowed[Any], Any]]: ...


class VersionedKeyValueStore(StateStore):
    """KIP-889: the history of each key for `history_retention_ms`."""

    history_retention_ms: int

    @abstractmethod
    def put(self, key: Any, value: Any | None, timestamp_ms: int) -> int | None:
        """The time from which a later value replaces this one; None when it is the newest; -1 when it came too late."""

    @abstractmethod
    def get(self, key: Any, as_of_ms: int | None = None) -> VersionedRecord | None: ...

    @abstractmethod
    def delete(self, key: Any, timestamp_ms: int) -> VersionedRecord | None: ...


class StoreBuilder(Protocol):
    """How a store is made for each task: `Stores` and `Materialized` make builders, the topology keeps them."""

    @property
    def name(self) -> str: ...

    @property
    def logging_enabled(self) -> bool: ...

    @property
    def caching_enabled(self) -> bool: ...

    @property
    def log_config(self) -> dict[str, str]:
        """What the changelog topic is created with, beside what its kind of store implies."""

    def with_caching_disabled(self) -> StoreBuilder: ...

    @property
    def window_retention_ms(self) -> int | None:
        """Of window and session stores: their changelog is `compact,delete`. None for key-value stores: `compact`."""

    def build(self) -> StateStore: ...
