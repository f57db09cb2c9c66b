"""`Stores`: suppliers of what keeps bytes, and builders of typed stores over them (`org.apache.kafka.streams.state`).

Stores.key_value_store_builder(Stores.persistent_key_value_store("seen"), Serdes.str(), Serdes.int64())
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ottla.streams.state.key_value_builder import KeyValueBytesStoreSupplier, KeyValueStoreBuilder
from ottla.streams.state.memory_bytes_store import LruBytesStore, MemoryBytesStore
from ottla.streams.state.time_ordered_buffer import TimeOrderedBufferBuilder

if TYPE_CHECKING:
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
    def in_memory_key_value_store(name: str) -> KeyValueBytesStoreSupplier:
        return KeyValueBytesStoreSupplier(name, _in_memory)

    @staticmethod
    def lru_map(name: str, max_cache_size: int) -> KeyValueBytesStoreSupplier:
        """In memory, no more than so many entries: what was not used for longest is deleted, in the changelog, too."""
        if max_cache_size < 0:
            raise ValueError("the size of an LRU map cannot be negative")
        return KeyValueBytesStoreSupplier(name, lambda name: LruBytesStore(max_cache_size))

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
        return KeyValueStoreBuilder(supplier.name, supplier.make, key_serde, value_serde, timestamped=True)

    @staticmethod
    def time_ordered_buffer_builder(
        name: str, grace_ms: int, key_serde: Serde[Any] | None, value_serde: Serde[Any] | None
    ) -> TimeOrderedBufferBuilder:
        """For the DSL: the buffer of a stream-table join."""
        topic = name.removesuffix("-Buffer")
        return TimeOrderedBufferBuilder(name, topic, grace_ms, _persistent, key_serde, value_serde)


def _in_memory(name: str) -> BytesStore:
    return MemoryBytesStore()


def _persistent(name: str) -> BytesStore:
    from ottla.streams.state.rocksdb_bytes_store import RocksBytesStore  # needed by few tests, and slow to import

    return RocksBytesStore(name)
