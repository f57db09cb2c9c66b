"""How stores of windows and of sessions are made: where their bytes are, their serdes, whether logged and cached."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ottla.streams.state.headers_segmented_store import HeadersSessionStore, HeadersWindowStore
from ottla.streams.state.logged_builder import LoggedBuilder
from ottla.streams.state.persistent_segments import PersistentSegments
from ottla.streams.state.segmented_store import SegmentedConfig
from ottla.streams.state.session_store import SegmentedSessionStore
from ottla.streams.state.window_store import SegmentedWindowStore, TimestampedWindowStore

if TYPE_CHECKING:
    from typing import Self

    from ottla.streams.serdes.serde import Serde


@dataclass(frozen=True, slots=True)
class WindowBytesStoreSupplier:
    """`Stores` makes these. `time_ordered`: for results that are final, which are read by time."""

    name: str
    retention_ms: int
    window_size_ms: int
    retain_duplicates: bool = False
    is_in_memory: bool = False
    time_ordered: bool = False
    timestamped: bool = True
    indexed_by_key: bool = False
    headers: bool = False
    """True for a store that keeps headers, too; a table of the DSL has none to keep, but logs those of deletions."""

    def __post_init__(self) -> None:
        if self.retention_ms < 0:
            raise ValueError("retentionPeriod cannot be negative")
        if self.window_size_ms < 0:
            raise ValueError("windowSize cannot be negative")
        if self.window_size_ms > self.retention_ms:
            raise ValueError(
                f"The retention period of the window store {self.name} must be no smaller than its window size. Got "
                f"size=[{self.window_size_ms}], retention=[{self.retention_ms}]"
            )

    def config(self, key_serde: Serde[Any] | None, value_serde: Serde[Any] | None, *, caching: bool) -> SegmentedConfig:
        return SegmentedConfig(
            self.name,
            self.retention_ms,
            key_serde,
            value_serde,
            caching=caching,
            time_ordered=self.time_ordered or self.is_in_memory,
            keeps_last=self.time_ordered,
            indexed_by_key=self.indexed_by_key,
            refuses_expired=self.is_in_memory,
            storage=None if self.is_in_memory else PersistentSegments,
        )


@dataclass(frozen=True, slots=True)
class SessionBytesStoreSupplier:
    name: str
    retention_ms: int
    is_in_memory: bool = False
    time_ordered: bool = False
    headers: bool = False
    """As of windows."""

    def __post_init__(self) -> None:
        if self.retention_ms < 0:
            raise ValueError("retentionPeriod cannot be negative")

    def config(self, key_serde: Serde[Any] | None, value_serde: Serde[Any] | None, *, caching: bool) -> SegmentedConfig:
        return SegmentedConfig(
            self.name,
            self.retention_ms,
            key_serde,
            value_serde,
            caching=caching,
            time_ordered=self.is_in_memory,
            refuses_expired=self.is_in_memory,
            storage=None if self.is_in_memory else PersistentSegments,
        )


@dataclass(frozen=True, slots=True)
class _SegmentedStoreBuilder(LoggedBuilder):
    supplier: Any
    key_serde: Serde[Any] | None
    value_serde: Serde[Any] | None
    caching_enabled: bool = False
    logs_headers_of_deletions: bool = False

    @property
    def name(self) -> str:
        name: str = self.supplier.name
        return name

    @property
    def window_retention_ms(self) -> int | None:
        retention_ms: int = self.supplier.retention_ms
        return retention_ms

    def with_caching_enabled(self) -> Self:
        return replace(self, caching_enabled=True)

    def with_caching_disabled(self) -> Self:
        return replace(self, caching_enabled=False)

    def _config(self) -> SegmentedConfig:
        config: SegmentedConfig = self.supplier.config(self.key_serde, self.value_serde, caching=self.caching_enabled)
        return replace(config, logs_headers_of_deletions=self.logs_headers_of_deletions)

    def with_headers_of_deletions_logged(self) -> Self:
        """For tables whose `dsl.store.format` is HEADERS."""
        return replace(self, logs_headers_of_deletions=True)


@dataclass(frozen=True, slots=True)
class WindowStoreBuilder(_SegmentedStoreBuilder):
    timestamped: bool = False
    logs_headers: bool = False
    keeps_headers: bool = False

    def build(self) -> SegmentedWindowStore:
        """Duplicates are never cached: a cache would keep the last alone."""
        supplier: WindowBytesStoreSupplier = self.supplier
        kind = TimestampedWindowStore if self.timestamped else SegmentedWindowStore
        if self.keeps_headers:
            kind = HeadersWindowStore
        config = self._config()
        if supplier.retain_duplicates:
            config = replace(config, caching=False, logs_headers=self.logs_headers)
        return kind(config, supplier.window_size_ms, retain_duplicates=supplier.retain_duplicates)


@dataclass(frozen=True, slots=True)
class SessionStoreBuilder(_SegmentedStoreBuilder):
    keeps_headers: bool = False

    def build(self) -> SegmentedSessionStore:
        return HeadersSessionStore(self._config()) if self.keeps_headers else SegmentedSessionStore(self._config())
