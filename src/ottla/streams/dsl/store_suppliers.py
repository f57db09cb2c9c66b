"""What kinds of stores the DSL makes where an application names none (`DslStoreSuppliers`, KIP-954).

`dsl.store.suppliers.class`, or else `default.dsl.store`, says so for an application, `Materialized` for one table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ottla.streams.state.stores import Stores
from ottla.streams.windows import EmitStrategy

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class DslWindowParams:
    name: str
    retention_ms: int
    window_size_ms: int
    retain_duplicates: bool = False
    emit_strategy: EmitStrategy = EmitStrategy.ON_WINDOW_UPDATE
    is_sliding: bool = False

    @property
    def is_final(self) -> bool:
        return self.emit_strategy is EmitStrategy.ON_WINDOW_CLOSE


@dataclass(frozen=True, slots=True)
class DslSessionParams:
    name: str
    retention_ms: int
    emit_strategy: EmitStrategy = EmitStrategy.ON_WINDOW_UPDATE

    @property
    def is_final(self) -> bool:
        return self.emit_strategy is EmitStrategy.ON_WINDOW_CLOSE


class DslStoreSuppliers(Protocol):
    """Each returns a supplier as those of `Stores`."""

    def key_value_store(self, name: str) -> Any: ...

    def window_store(self, params: DslWindowParams) -> Any: ...

    def session_store(self, params: DslSessionParams) -> Any: ...


class RocksDbDslStoreSuppliers:
    def key_value_store(self, name: str) -> Any:
        return Stores.persistent_timestamped_key_value_store(name)

    def window_store(self, params: DslWindowParams) -> Any:
        stores: Any = Stores
        return stores.persistent_timestamped_window_store(
            params.name,
            params.retention_ms,
            params.window_size_ms,
            retain_duplicates=params.retain_duplicates,
            time_ordered=params.is_final,
            indexed_by_key=params.is_sliding,
        )

    def session_store(self, params: DslSessionParams) -> Any:
        stores: Any = Stores
        return stores.persistent_session_store(params.name, params.retention_ms, time_ordered=params.is_final)


class InMemoryDslStoreSuppliers:
    def key_value_store(self, name: str) -> Any:
        return Stores.in_memory_key_value_store(name)

    def window_store(self, params: DslWindowParams) -> Any:
        stores: Any = Stores
        return stores.in_memory_window_store(
            params.name, params.retention_ms, params.window_size_ms, retain_duplicates=params.retain_duplicates
        )

    def session_store(self, params: DslSessionParams) -> Any:
        stores: Any = Stores
        return stores.in_memory_session_store(params.name, params.retention_ms)


class BuiltInDslStoreSuppliers:
    ROCKS_DB: DslStoreSuppliers = RocksDbDslStoreSuppliers()
    IN_MEMORY: DslStoreSuppliers = InMemoryDslStoreSuppliers()


def configured_suppliers(given: DslStoreSuppliers | None, config: Mapping[str, Any]) -> DslStoreSuppliers:
    """Those that were given, or else the application's."""
    if given is not None:
        return given
    found: Any = config.get("dsl.store.suppliers.class")
    if found is not None:
        made: DslStoreSuppliers = found() if isinstance(found, type) else found
        return made
    if config.get("default.dsl.store") == "in_memory":
        return BuiltInDslStoreSuppliers.IN_MEMORY
    return BuiltInDslStoreSuppliers.ROCKS_DB
