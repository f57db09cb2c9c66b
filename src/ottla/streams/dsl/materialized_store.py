"""The store of one table, as far as it is known while the application is written (`MaterializedInternal`)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ottla.streams.dsl.store_suppliers import (
    BuiltInDslStoreSuppliers,
    DslSessionParams,
    DslWindowParams,
    configured_suppliers,
)
from ottla.streams.state.stores import Stores
from ottla.streams.topology.store_factory import StoreFactory
from ottla.streams.windows import EmitStrategy

if TYPE_CHECKING:
    from ottla.streams.dsl.graph.graph_builder import GraphBuilder
    from ottla.streams.dsl.materialized import Materialized
    from ottla.streams.dsl.store_suppliers import DslStoreSuppliers
    from ottla.streams.serdes.serde import Serde
    from ottla.streams.state.store import StoreBuilder
    from ottla.streams.topology.defaults import Defaults


@dataclass(frozen=True, slots=True)
class MaterializedStore:
    """`name` is None where none was given and none was made up: then there is no store."""

    options: Materialized[Any, Any]
    name: str | None
    queryable_name: str | None

    @classmethod
    def of(
        cls,
        options: Materialized[Any, Any],
        builder: GraphBuilder | None = None,
        prefix: str = "",
        *,
        queryable: bool = False,
    ) -> MaterializedStore:
        """With a builder, a store that has no name gets one; with `queryable` it may even be queried by it."""
        name = options.name
        is_queryable = queryable or name is not None
        if name is None and builder is not None:
            name = builder.new_store_name(prefix)
            builder.note_implicit_store(name, logged=options.logging_enabled)
        return cls(options, name, name if is_queryable else None)

    @property
    def key_serde(self) -> Serde[Any] | None:
        return self.options.key_serde

    @property
    def value_serde(self) -> Serde[Any] | None:
        return self.options.value_serde

    @property
    def history_retention_ms(self) -> int | None:
        """Of a versioned store."""
        found: int | None = getattr(self.options.supplier, "history_retention_ms", None)
        return found

    @property
    def is_versioned(self) -> bool:
        return self.history_retention_ms is not None

    def with_default_serdes(self, key: Serde[Any] | None, value: Serde[Any] | None = None) -> MaterializedStore:
        options = self.options
        return replace(
            self,
            options=replace(
                options,
                key_serde=key if options.key_serde is None else options.key_serde,
                value_serde=value if options.value_serde is None else options.value_serde,
            ),
        )

    def key_value_factory(self) -> StoreFactory:
        return self._factory(self._key_value_builder, self.history_retention_ms)

    def window_factory(
        self,
        window_size_ms: int,
        retention_ms: int,
        emit_strategy: EmitStrategy = EmitStrategy.ON_WINDOW_UPDATE,
        *,
        is_sliding: bool = False,
    ) -> StoreFactory:
        assert self.name is not None
        params = DslWindowParams(self.name, retention_ms, window_size_ms, False, emit_strategy, is_sliding)

        def make(defaults: Defaults) -> StoreBuilder:
            stores: Any = Stores
            options = self.options
            supplier = options.supplier
            if supplier is None:
                suppliers = configured_suppliers(options.store_type, defaults.config)
                supplier = _in_format(suppliers.window_store(params), suppliers, defaults)
            made = stores.timestamped_window_store_builder(supplier, options.key_serde, options.value_serde)
            if getattr(supplier, "headers", False):
                made = made.with_headers_of_deletions_logged()  # operators put values without headers
            return self._finished(made, cacheable=not (is_sliding and params.is_final))

        return self._factory(make)

    def session_factory(
        self, retention_ms: int, emit_strategy: EmitStrategy = EmitStrategy.ON_WINDOW_UPDATE
    ) -> StoreFactory:
        assert self.name is not None
        params = DslSessionParams(self.name, retention_ms, emit_strategy)

        def make(defaults: Defaults) -> StoreBuilder:
            stores: Any = Stores
            options = self.options
            supplier = options.supplier
            if supplier is None:
                suppliers = configured_suppliers(options.store_type, defaults.config)
                supplier = _in_format(suppliers.session_store(params), suppliers, defaults)
            made = stores.session_store_builder(supplier, options.key_serde, options.value_serde)
            if getattr(supplier, "headers", False):
                made = made.with_headers_of_deletions_logged()
            return self._finished(made, cacheable=not params.is_final)

        return self._factory(make)

    def _key_value_builder(self, defaults: Defaults) -> StoreBuilder:
        stores: Any = Stores
        options = self.options
        assert self.name is not None
        supplier = options.supplier
        if supplier is None:
            suppliers = configured_suppliers(options.store_type, defaults.config)
            supplier = _in_format(suppliers.key_value_store(self.name), suppliers, defaults)
        if self.is_versioned:
            # Versioned stores have no cache.
            made = stores.versioned_key_value_store_builder(supplier, options.key_serde, options.value_serde)
            return logged(made, options.logging_enabled, options.topic_config)
        made = stores.timestamped_key_value_store_builder(supplier, options.key_serde, options.value_serde)
        if getattr(supplier, "headers", False):
            made = made.with_headers_logged("of_deletions")  # operators put values without headers
        return self._finished(made)

    def _finished(self, builder: Any, *, cacheable: bool = True) -> StoreBuilder:
        """Stores of final results are not cached, but for those of fixed windows, as in Java."""
        caching = cacheable and self.options.caching_enabled
        builder = builder.with_caching_enabled() if caching else builder.with_caching_disabled()
        return logged(builder, self.options.logging_enabled, self.options.topic_config)

    def _factory(self, make: Any, history_retention_ms: int | None = None) -> StoreFactory:
        assert self.name is not None
        return StoreFactory(self.name, make, object(), self.options.logging_enabled, history_retention_ms)


def _in_format(supplier: Any, suppliers: DslStoreSuppliers, defaults: Defaults) -> Any:
    """As `dsl.store.format` wants it, of stores on disk; those in memory have one format."""
    with_headers = str(defaults.config.get("dsl.store.format", "")).upper() == "HEADERS"
    return (
        replace(supplier, headers=True) if with_headers and suppliers is BuiltInDslStoreSuppliers.ROCKS_DB else supplier
    )


def logged(builder: Any, enabled: bool, topic_config: Any) -> StoreBuilder:
    made: StoreBuilder = builder.with_logging_enabled(topic_config) if enabled else builder.with_logging_disabled()
    return made
