"""How two streams are joined, and in what stores they wait for each other (`StreamJoined`)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ottla.streams.serdes.serde import Serde

K = TypeVar("K")
V1 = TypeVar("V1")
V2 = TypeVar("V2")


@dataclass(frozen=True, slots=True)
class StreamJoined(Generic[K, V1, V2]):
    """`store_name` makes the stores' names stable, `name` those of the nodes and repartition topics."""

    key_serde: Serde[K] | None = None
    value_serde: Serde[V1] | None = None
    other_value_serde: Serde[V2] | None = None
    name: str | None = None
    store_name: str | None = None
    this_store_supplier: Any = None
    other_store_supplier: Any = None
    dsl_store_suppliers: Any = None
    logging_enabled: bool = True
    topic_config: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def with_(
        cls,
        key_serde: Serde[K] | None = None,
        value_serde: Serde[V1] | None = None,
        other_value_serde: Serde[V2] | None = None,
    ) -> StreamJoined[K, V1, V2]:
        return cls(key_serde, value_serde, other_value_serde)

    @classmethod
    def with_stores(cls, this_supplier: Any, other_supplier: Any) -> StreamJoined[K, V1, V2]:
        return cls(this_store_supplier=this_supplier, other_store_supplier=other_supplier)

    @classmethod
    def as_(cls, store_name: str) -> StreamJoined[K, V1, V2]:
        return cls(store_name=store_name)

    def with_name(self, name: str) -> StreamJoined[K, V1, V2]:
        return replace(self, name=name)

    def with_store_name(self, store_name: str) -> StreamJoined[K, V1, V2]:
        return replace(self, store_name=store_name)

    def with_key_serde(self, serde: Serde[K] | None) -> StreamJoined[K, V1, V2]:
        return replace(self, key_serde=serde)

    def with_value_serde(self, serde: Serde[V1] | None) -> StreamJoined[K, V1, V2]:
        return replace(self, value_serde=serde)

    def with_other_value_serde(self, serde: Serde[V2] | None) -> StreamJoined[K, V1, V2]:
        return replace(self, other_value_serde=serde)

    def with_dsl_store_suppliers(self, suppliers: Any) -> StreamJoined[K, V1, V2]:
        return replace(self, dsl_store_suppliers=suppliers)

    def with_this_store_supplier(self, supplier: Any) -> StreamJoined[K, V1, V2]:
        return replace(self, this_store_supplier=supplier)

    def with_other_store_supplier(self, supplier: Any) -> StreamJoined[K, V1, V2]:
        return replace(self, other_store_supplier=supplier)

    def with_logging_enabled(self, topic_config: Mapping[str, str] | None = None) -> StreamJoined[K, V1, V2]:
        return replace(self, logging_enabled=True, topic_config=dict(topic_config or {}))

    def with_logging_disabled(self) -> StreamJoined[K, V1, V2]:
        return replace(self, logging_enabled=False, topic_config={})
