"""How a key-value store is made: where its bytes are, its serdes, whether it is logged and cached."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ottla.streams.state.cached_key_value_store import CachedKeyValueStore
from ottla.streams.state.headers_key_value_store import CachedHeadersKeyValueStore, HeadersKeyValueStore
from ottla.streams.state.key_value_store import KeyValueConfig, TypedKeyValueStore
from ottla.streams.state.logged_builder import LoggedBuilder

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

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
class KeyValueStoreBuilder(LoggedBuilder):
    name: str
    make_bytes_store: Callable[[str], BytesStore]
    key_serde: Serde[Any] | None
    value_serde: Serde[Any] | None
    timestamped: bool
    caching_enabled: bool = False
    headers_logged: HeadersLogged = "never"
    keeps_headers: bool = False

    def with_caching_enabled(self) -> Self:
        return replace(self, caching_enabled=True)

    def with_caching_disabled(self) -> Self:
        return replace(self, caching_enabled=False)

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
