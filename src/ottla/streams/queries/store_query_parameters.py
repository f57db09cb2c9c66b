"""Which store a view is wanted of, and of what kind (`StoreQueryParameters`, KIP-562)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from ottla.streams.queries.queryable_store_types import QueryableStoreType

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StoreQueryParameters(Generic[T]):
    """Immutable: each `with_…` returns another one."""

    store_name: str
    queryable_store_type: QueryableStoreType[T]
    partition: int | None = None
    is_stale_stores_enabled: bool = False

    @classmethod
    def from_name_and_type(cls, store_name: str, store_type: QueryableStoreType[T]) -> StoreQueryParameters[T]:
        return cls(store_name, store_type)

    def with_partition(self, partition: int) -> StoreQueryParameters[T]:
        """That one alone, as `query_metadata_for_key` names it."""
        return replace(self, partition=partition)

    def enable_stale_stores(self) -> StoreQueryParameters[T]:
        """Copies, and stores that are being restored, too: they may be behind."""
        return replace(self, is_stale_stores_enabled=True)
