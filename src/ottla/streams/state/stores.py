"""`Stores`: suppliers of what keeps bytes, and builders of typed stores over them (`org.apache.kafka.streams.state`).

Stores.key_value_store_builder(Stores.persistent_key_value_store("seen"), Serdes.str(), Serdes.int64())
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.streams.duration import milliseconds
from ottla.streams.state.join_candidates import JoinCandidatesBuilder
from ottla.streams.state.key_value_builder import KeyValueBytesStoreSupplier, KeyValueStoreBuilder
from ottla.streams.state.memory_bytes_store import LruBytesStore, MemoryBytesStore
from ottla.streams.state.persistent_segments import PersistentSegments
from ottla.streams.state.segmented_builder import (
    SessionBytesStoreSupplier,
    SessionStoreBuilder,
    WindowBytesStoreSupplier,
    WindowStoreBuilder,
)
from ottla.streams.state.suppress_buffer import SuppressBufferBuilder
from ottla.streams.state.time_ordered_buffer import TimeOrderedBufferBuilder
from ottla.streams.state.versioned_store import (
    VersionedBytesStoreSupplier,
    VersionedStoreBuilder,
    default_segment_interval_ms,
)
from ottla.streams.state.without_timestamps import WithoutTimestamps

if TYPE_CHECKING:
    from ottla.streams.duration import Duration
    from ottla.streams.serdes.serde import Serde
    from ottla.streams.state.bytes_store import BytesStore


class Stores:
    # Where the bytes are

    @staticmethod
    def persistent_key_value_store(name: str) -> KeyValueBytesStoreSupplier:
        return KeyValueBytesStoreSupplier(name, _persistent, timestamped=False)

    @staticmethod
    def persistent_timestamped_key_value_store(name: str) -> KeyValueBytesStoreSupplier:
        return KeyValueBytesStoreSupplier(name, _persistent)

    @staticmethod
    def persistent_timestamped_key_value_store_with_headers(name: str) -> KeyValueBytesStoreSupplier:
        return KeyValueBytesStoreSupplier(name, _persistent, headers=True)

    @staticmethod
    def in_memory_key_value_store(name: str) -> KeyValueBytesStoreSupplier:
        return KeyValueBytesStoreSupplier(name, _in_memory)

    @staticmethod
    def lru_map(name: str, max_cache_size: int) -> KeyValueBytesStoreSupplier:
        """In memory, no more than so many entries: what was not used for longest is dropped.

        A store without timestamps says so in its changelog.
        """
        if max_cache_size < 0:
            raise ValueError("the size of an LRU map cannot be negative")
        return KeyValueBytesStoreSupplier(name, lambda name: LruBytesStore(max_cache_size))

    @staticmethod
    def persistent_window_store(
        name: str, retention_period: Duration, window_size: Duration, *, retain_duplicates: bool = False
    ) -> WindowBytesStoreSupplier:
        retention_ms, size_ms = _window_times(retention_period, window_size)
        return WindowBytesStoreSupplier(name, retention_ms, size_ms, retain_duplicates, timestamped=False)

    @staticmethod
    def persistent_timestamped_window_store(
        name: str,
        retention_period: Duration,
        window_size: Duration,
        *,
        retain_duplicates: bool = False,
        time_ordered: bool = False,
        indexed_by_key: bool = False,
    ) -> WindowBytesStoreSupplier:
        """`time_ordered` is for the DSL's results of closed windows, which are read by time.

        Of sliding ones Java keeps an index by key beside that, which ranges of keys are read from.
        """
        retention_ms, size_ms = _window_times(retention_period, window_size)
        return WindowBytesStoreSupplier(
            name,
            retention_ms,
            size_ms,
            retain_duplicates,
            time_ordered=time_ordered,
            indexed_by_key=time_ordered and indexed_by_key,
        )

    @staticmethod
    def persistent_timestamped_window_store_with_headers(
        name: str, retention_period: Duration, window_size: Duration, *, retain_duplicates: bool = False
    ) -> WindowBytesStoreSupplier:
        retention_ms, size_ms = _window_times(retention_period, window_size)
        return WindowBytesStoreSupplier(name, retention_ms, size_ms, retain_duplicates, headers=True)

    @staticmethod
    def in_memory_window_store(
        name: str, retention_period: Duration, window_size: Duration, *, retain_duplicates: bool = False
    ) -> WindowBytesStoreSupplier:
        retention_ms, size_ms = _window_times(retention_period, window_size)
        return WindowBytesStoreSupplier(name, retention_ms, size_ms, retain_duplicates, is_in_memory=True)

    @staticmethod
    def persistent_session_store(
        name: str, retention_period: Duration, *, time_ordered: bool = False
    ) -> SessionBytesStoreSupplier:
        retention_ms = milliseconds(retention_period, "retentionPeriod")
        return SessionBytesStoreSupplier(name, retention_ms, time_ordered=time_ordered)

    @staticmethod
    def persistent_session_store_with_headers(name: str, retention_period: Duration) -> SessionBytesStoreSupplier:
        return SessionBytesStoreSupplier(name, milliseconds(retention_period, "retentionPeriod"), headers=True)

    @staticmethod
    def in_memory_session_store(name: str, retention_period: Duration) -> SessionBytesStoreSupplier:
        return SessionBytesStoreSupplier(name, milliseconds(retention_period, "retentionPeriod"), is_in_memory=True)

    @staticmethod
    def persistent_versioned_key_value_store(
        name: str, history_retention: Duration, segment_interval: Duration | None = None
    ) -> VersionedBytesStoreSupplier:
        history_ms = milliseconds(history_retention, "historyRetention")
        if segment_interval is None:
            interval_ms = default_segment_interval_ms(history_ms)
        else:
            interval_ms = milliseconds(segment_interval, "segmentInterval")
        return VersionedBytesStoreSupplier(name, history_ms, interval_ms, PersistentSegments)

    # Typed stores over them; a serde that is None is the configuration's

    @staticmethod
    def key_value_store_builder(
        supplier: KeyValueBytesStoreSupplier, key_serde: Serde[Any] | None, value_serde: Serde[Any] | None
    ) -> KeyValueStoreBuilder:
        return KeyValueStoreBuilder(supplier.name, supplier.make, key_serde, value_serde, timestamped=False)

    @staticmethod
    def timestamped_key_value_store_builder(
        supplier: KeyValueBytesStoreSupplier, key_serde: Serde[Any] | None, value_serde: Serde[Any] | None
    ) -> KeyValueStoreBuilder:
        make = supplier.make
        if not supplier.timestamped:
            return KeyValueStoreBuilder(
                supplier.name, lambda name: WithoutTimestamps(make(name)), key_serde, value_serde, timestamped=True
            )
        return KeyValueStoreBuilder(supplier.name, make, key_serde, value_serde, timestamped=True)

    @staticmethod
    def timestamped_key_value_store_with_headers_builder(
        supplier: KeyValueBytesStoreSupplier, key_serde: Serde[Any] | None, value_serde: Serde[Any] | None
    ) -> KeyValueStoreBuilder:
        """Of `ValueTimestampHeaders`."""
        name, make = supplier.name, supplier.make
        return KeyValueStoreBuilder(name, make, key_serde, value_serde, timestamped=True, keeps_headers=True)

    @staticmethod
    def time_ordered_buffer_builder(
        name: str, grace_ms: int, key_serde: Serde[Any] | None, value_serde: Serde[Any] | None
    ) -> TimeOrderedBufferBuilder:
        """For the DSL: the buffer of a stream-table join."""
        topic = name.removesuffix("-Buffer")
        return TimeOrderedBufferBuilder(name, topic, grace_ms, _persistent, key_serde, value_serde)

    @staticmethod
    def window_store_builder(
        supplier: WindowBytesStoreSupplier, key_serde: Serde[Any] | None, value_serde: Serde[Any] | None
    ) -> WindowStoreBuilder:
        return WindowStoreBuilder(supplier, key_serde, value_serde)

    @staticmethod
    def timestamped_window_store_builder(
        supplier: WindowBytesStoreSupplier, key_serde: Serde[Any] | None, value_serde: Serde[Any] | None
    ) -> WindowStoreBuilder:
        return WindowStoreBuilder(supplier, key_serde, value_serde, timestamped=True)

    @staticmethod
    def timestamped_window_store_with_headers_builder(
        supplier: WindowBytesStoreSupplier, key_serde: Serde[Any] | None, value_serde: Serde[Any] | None
    ) -> WindowStoreBuilder:
        """Of `ValueTimestampHeaders`."""
        return WindowStoreBuilder(supplier, key_serde, value_serde, keeps_headers=True)

    @staticmethod
    def session_store_with_headers_builder(
        supplier: SessionBytesStoreSupplier, key_serde: Serde[Any] | None, value_serde: Serde[Any] | None
    ) -> SessionStoreBuilder:
        """Of `AggregationWithHeaders`."""
        return SessionStoreBuilder(supplier, key_serde, value_serde, keeps_headers=True)

    @staticmethod
    def session_store_builder(
        supplier: SessionBytesStoreSupplier, key_serde: Serde[Any] | None, value_serde: Serde[Any] | None
    ) -> SessionStoreBuilder:
        return SessionStoreBuilder(supplier, key_serde, value_serde)

    @staticmethod
    def versioned_key_value_store_builder(
        supplier: VersionedBytesStoreSupplier, key_serde: Serde[Any] | None, value_serde: Serde[Any] | None
    ) -> VersionedStoreBuilder:
        return VersionedStoreBuilder(supplier, key_serde, value_serde)

    # What the DSL alone makes

    @staticmethod
    def join_store_builder(
        supplier: WindowBytesStoreSupplier, key_serde: Serde[Any] | None, value_serde: Serde[Any] | None
    ) -> WindowStoreBuilder:
        return WindowStoreBuilder(supplier, key_serde, value_serde, logs_headers=True)

    @staticmethod
    def outer_join_store_builder(
        supplier: KeyValueBytesStoreSupplier,
        key_serde: Serde[Any] | None,
        left_serde: Serde[Any] | None,
        right_serde: Serde[Any] | None,
    ) -> JoinCandidatesBuilder:
        return JoinCandidatesBuilder(supplier.name, supplier.make, key_serde, left_serde, right_serde)

    @staticmethod
    def suppress_buffer_builder(
        name: str, key_serde: Serde[Any] | None, value_serde: Serde[Any] | None
    ) -> SuppressBufferBuilder:
        return SuppressBufferBuilder(name, key_serde, value_serde)


def _window_times(retention_period: Duration, window_size: Duration) -> tuple[int, int]:
    return milliseconds(retention_period, "retentionPeriod"), milliseconds(window_size, "windowSize")


def _in_memory(name: str) -> BytesStore:
    return MemoryBytesStore()


def _persistent(name: str) -> BytesStore:
    from ottla.streams.state.rocksdb_bytes_store import RocksBytesStore  # needed by few tests, and slow to import

    return RocksBytesStore(name)
