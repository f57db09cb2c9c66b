"""The store of a table: its name, serdes and kind (`Materialized`)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ottla.streams.dsl.named import checked
from ottla.streams.duration import milliseconds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.streams.duration import Duration
    from ottla.streams.serdes.serde import Serde

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Materialized(Generic[K, V]):
    """`supplier` is one of `Stores`; without one, `store_type` or the configuration says what kind of store it is."""

    name: str | None = None
    key_serde: Serde[K] | None = None
    value_serde: Serde[V] | None = None
    supplier: Any = None
    store_type: Any = None
    retention_ms: int | None = None
    caching_enabled: bool = True
    logging_enabled: bool = True
    topic_config: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.name is not None and self.supplier is None:
            checked(self.name)

    @classmethod
    def as_(
        cls, store: Any, key_serde: Serde[K] | None = None, value_serde: Serde[V] | None = None
    ) -> Materialized[K, V]:
        """`store` is a name, or a supplier of `Stores`."""
        if isinstance(store, str):
            return cls(store, key_serde, value_serde)
        return cls(store.name, key_serde, value_serde, supplier=store)

    @classmethod
    def with_(cls, key_serde: Serde[K] | None = None, value_serde: Serde[V] | None = None) -> Materialized[K, V]:
        return cls(None, key_serde, value_serde)

    def with_key_serde(self, serde: Serde[K] | None) -> Materialized[K, V]:
        return replace(self, key_serde=serde)

    def with_value_serde(self, serde: Serde[V] | None) -> Materialized[K, V]:
        return replace(self, value_serde=serde)

    def with_logging_enabled(self, topic_config: Mapping[str, str] | None = None) -> Materialized[K, V]:
        return replace(self, logging_enabled=True, topic_config=dict(topic_config or {}))

    def with_logging_disabled(self) -> Materialized[K, V]:
        return replace(self, logging_enabled=False, topic_config={})

    def with_caching_enabled(self) -> Materialized[K, V]:
        return replace(self, caching_enabled=True)

    def with_caching_disabled(self) -> Materialized[K, V]:
        return replace(self, caching_enabled=False)

    def with_retention(self, retention: Duration) -> Materialized[K, V]:
        """Of windowed tables."""
        retention_ms = milliseconds(retention, "retention")
        if retention_ms < 0:
            raise ValueError("Retention must not be negative.")
        return replace(self, retention_ms=retention_ms)

    def with_store_type(self, store_type: Any) -> Materialized[K, V]:
        if self.supplier is not None:
            raise ValueError("Cannot set store type when store supplier is pre-configured.")
        return replace(self, store_type=store_type)
