"""How a key-value store is made: where its bytes are, its serdes, whether it is logged and cached."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ottla.streams.state.cached_key_value_store import CachedKeyValueStore
from ottla.streams.state.headers_key_value_store import CachedHeadersKeyValueStore, HeadersKeyValueStore
from ottla.streams.state.key_value_store import KeyValueConfig, TypedKeyValueStore

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ottla.streams.serdes.serde import Serde
    from ottla.streams.state.bytes_store import BytesStore
    from ottla.streams.state.key_value_store import HeadersLogged


@dataclass(frozen=True, slots=True)
class KeyValueBytesStoreSupplier:
    """`Stores` makes these: the name of a store and what holds its bytes."""

    name: str
    make: Callable[[str], BytesStore]
    """Called with the store's name, for each task."""

    timestamped: bool = True
    """False for a store that keeps no timestamps."""

    headers: bool = False
    """True for a store that keeps headers, too; a table of the DSL has none to keep, but logs those of deletions."""


@dataclass(frozen=True, slots=True)
class KeyValueStoreBuilder:
    """A `StoreBuilder`; immutable: each `with_…` returns another one."""

    name: str
    make_bytes_store: Callable[[str], BytesStore]
    key_serde: Serde[Any] | None
    value_serde: Serde[Any] | None
    timestamped: bool
    logging_enabled: bool = True
    caching_enabled: bool = False
    log_config: dict[str, str] = field(default_factory=dict)
    headers_logged: HeadersLogged = "never"
    keeps_headers: bool = False

    @property
    def window_retention_ms(self) -> int | None:
        return None

    def with_caching_enabled(self) -> KeyValueStoreBuilder:
        return replace(self, caching_enabled=True)

    def with_caching_disabled(self) -> KeyValueStoreBuilder:
        return replace(self, caching_enabled=False)

    def with_logging_enabled(self, config: Mapping[str, str] | None = None) -> KeyValueStoreBuilder:
        """`config`: what the changelog topic is created with."""
        return replace(self, logging_enabled=True, log_config=dict(config or {}))

    def with_logging_disabled(self) -> KeyValueStoreBuilder:
        return replace(self, logging_enabled=False, log_config={})

    def with_headers_logged(self, when: HeadersLogged) -> KeyValueStoreBuilder:
        """Of tables whose `dsl.store.format` is HEADERS, those of deletions; of subscriptions to foreign keys, all."""
        return replace(self, headers_logged=when)

    def build(self) -> TypedKeyValueStore:
        config = KeyValueConfig(
            self.name, self.make_bytes_store, self.key_serde, self.value_serde, self.timestamped, self.headers_logged
        )
        if self.keeps_headers:
            return CachedHeadersKeyValueStore(config) if self.caching_enabled else HeadersKeyValueStore(config)
        return CachedKeyValueStore(config) if self.caching_enabled else TypedKeyValueStore(config)
