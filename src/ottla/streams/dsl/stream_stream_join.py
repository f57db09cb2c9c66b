"""How the graph of a stream-stream join is made: two stores, two sides, what merges them (`KStreamImplJoin`)."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Literal

from ottla.streams.dsl.abstract_stream import Origin
from ottla.streams.dsl.graph.node import StreamStreamJoinNode, WindowedStreamNode
from ottla.streams.dsl.materialized_store import logged
from ottla.streams.dsl.named import NodeName
from ottla.streams.dsl.store_suppliers import DslWindowParams, configured_suppliers
from ottla.streams.errors import StreamsError
from ottla.streams.state.stores import Stores
from ottla.streams.topology.store_factory import StoreFactory

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ottla.streams.dsl.graph.graph_builder import GraphBuilder
    from ottla.streams.dsl.kstream import KStream
    from ottla.streams.dsl.stream_joined import StreamJoined
    from ottla.streams.serdes.serde import Serde
    from ottla.streams.state.store import StoreBuilder
    from ottla.streams.topology.defaults import Defaults
    from ottla.streams.windows import JoinWindows

JoinKind = Literal["inner", "left", "outer"]


def join_streams(
    kind: JoinKind,
    left: Origin,
    right: Origin,
    joiner: Callable[[Any, Any, Any], Any],
    windows: JoinWindows,
    options: StreamJoined[Any, Any, Any],
) -> KStream[Any, Any]:
    from ottla.streams.dsl.kstream import KStream

    builder = left.builder
    names = _Names(builder, kind, NodeName.of(options.name))
    stores = _Stores(kind, names, windows, options)
    if options.store_name is None:
        for factory in stores.all():
            builder.note_implicit_store(factory.name, logged=factory.logging_enabled)
    builder.add(WindowedStreamNode(names.this_windowed, _WindowedSupplier(stores.this)), left.node)
    builder.add(WindowedStreamNode(names.other_windowed, _WindowedSupplier(stores.other)), right.node)

    trackers = _Trackers()
    this = _SideSupplier(windows, joiner, trackers, stores, is_left_side=True, outer=kind != "inner")
    other = _SideSupplier(windows, _reversed(joiner), trackers, stores, is_left_side=False, outer=kind == "outer")
    node = StreamStreamJoinNode(
        names.merge,
        (names.this_windowed, names.this_join, this),
        (names.other_windowed, names.other_join, other),
        _SelfJoinSupplier(windows, joiner, stores.this),
    )
    node.accepts_null_keys = kind != "inner"
    builder.add(node, left.node, right.node)
    origin = Origin(builder, node, names.merge, left.sources | right.sources)
    return KStream(origin, options.key_serde, None, needs_repartition=False)


class _Names:
    """In the order in which Java counts them."""

    def __init__(self, builder: GraphBuilder, kind: JoinKind, named: NodeName) -> None:
        self.this_suffix = "-outer-this-join" if kind == "outer" else "-this-join"
        self.other_suffix = "-other-join" if kind == "inner" else "-outer-other-join"
        self.this_windowed = named.suffixed_or_generated("-this-windowed", builder, "KSTREAM-WINDOWED-")
        self.other_windowed = named.suffixed_or_generated("-other-windowed", builder, "KSTREAM-WINDOWED-")
        this_prefix = "KSTREAM-OUTERTHIS-" if kind == "outer" else "KSTREAM-JOINTHIS-"
        other_prefix = "KSTREAM-JOINOTHER-" if kind == "inner" else "KSTREAM-OUTEROTHER-"
        self.this_generated = builder.new_processor_name(this_prefix)
        self.other_generated = builder.new_processor_name(other_prefix)
        self.index = self.this_generated[len(this_prefix) :]
        self.this_join = named.suffixed_or(self.this_suffix, self.this_generated)
        self.other_join = named.suffixed_or(self.other_suffix, self.other_generated)
        self.merge = named.suffixed_or_generated("-merge", builder, "KSTREAM-MERGE-")


class _Stores:
    """Of each side the records within the windows; of left and outer joins what waits to be joined with nothing."""

    def __init__(
        self, kind: JoinKind, names: _Names, windows: JoinWindows, options: StreamJoined[Any, Any, Any]
    ) -> None:
        self._windows = windows
        self._options = options
        this, other = options.this_store_supplier, options.other_store_supplier
        if this is not None and other is not None and this.name == other.name:
            raise StreamsError("Both StoreSuppliers have the same name.  StoreSuppliers must provide unique names")
        given = options.store_name
        this_name = names.this_generated if given is None else given + names.this_suffix
        other_name = names.other_generated if given is None else given + names.other_suffix
        self.this = self._window_store(f"{this_name}-store", this, options.value_serde)
        self.other = self._window_store(f"{other_name}-store", other, options.other_value_serde)
        self.outer = None if kind == "inner" else self._outer_store(kind, names)

    def all(self) -> Sequence[StoreFactory]:
        found = (self.this, self.other, self.outer)
        return tuple(factory for factory in found if factory is not None)

    def _window_store(self, name: str, supplier: Any, value_serde: Serde[Any] | None) -> StoreFactory:
        windows, options = self._windows, self._options
        retention_ms = windows.size_ms + windows.grace_period_ms
        if supplier is not None:
            self._check(supplier, retention_ms)
            name = supplier.name
        params = DslWindowParams(name, retention_ms, windows.size_ms, retain_duplicates=True)

        def make(defaults: Defaults) -> StoreBuilder:
            stores: Any = Stores
            bytes_supplier = supplier
            if bytes_supplier is None:
                given = options.dsl_store_suppliers
                bytes_supplier = configured_suppliers(given, defaults.config).window_store(params)
            builder = stores.join_store_builder(bytes_supplier, options.key_serde, value_serde)
            if supplier is not None:
                return builder  # type: ignore[no-any-return]
            # Duplicates must not be compacted away.
            return logged(builder, options.logging_enabled, {**options.topic_config, "cleanup.policy": "delete"})

        return StoreFactory(name, make, object(), supplier is not None or options.logging_enabled)

    def _check(self, supplier: Any, retention_ms: int) -> None:
        if not supplier.retain_duplicates:
            raise StreamsError("The StoreSupplier must set retainDuplicates=true, found retainDuplicates=false")
        if supplier.retention_ms != retention_ms or supplier.window_size_ms != self._windows.size_ms:
            raise StreamsError(
                f"Window settings mismatch. WindowBytesStoreSupplier settings {supplier} must match JoinWindows "
                f"settings {self._windows} for the window size and retention period"
            )

    def _outer_store(self, kind: JoinKind, names: _Names) -> StoreFactory:
        options = self._options
        suffix = "-outer-shared-join" if kind == "outer" else "-left-shared-join"
        this = options.this_store_supplier
        if this is not None and this.name:
            base = this.name + suffix
        elif options.store_name is not None:
            base = options.store_name + suffix
        else:
            base = f"KSTREAM-OUTERSHARED-{names.index}"
        name = f"{base}-store"

        def make(defaults: Defaults) -> StoreBuilder:
            stores: Any = Stores
            in_memory = this is not None and getattr(this, "is_in_memory", False)
            if options.dsl_store_suppliers is None and in_memory:
                supplier = stores.in_memory_key_value_store(name)
            else:
                supplier = configured_suppliers(options.dsl_store_suppliers, defaults.config).key_value_store(name)
            builder = stores.outer_join_store_builder(
                supplier, options.key_serde, options.value_serde, options.other_value_serde
            )
            return logged(builder, options.logging_enabled, options.topic_config)

        return StoreFactory(name, make, object(), options.logging_enabled)


class _WindowedSupplier:
    def __init__(self, factory: StoreFactory) -> None:
        self._factory = factory

    def __call__(self) -> Any:
        from ottla.streams.operators.stream_stream_join import JoinWindowed

        return JoinWindowed(self._factory.name)

    def stores(self) -> Sequence[StoreFactory]:
        return (self._factory,)


class _SideSupplier:
    def __init__(
        self,
        windows: JoinWindows,
        joiner: Callable[[Any, Any, Any], Any],
        trackers: _Trackers,
        stores: _Stores,
        *,
        is_left_side: bool,
        outer: bool,
    ) -> None:
        self._windows = windows
        self._joiner = joiner
        self._trackers = trackers
        self._other = stores.other if is_left_side else stores.this
        self._outer_store = stores.outer
        self._is_left_side = is_left_side
        self._outer = outer

    def __call__(self) -> Any:
        from ottla.streams.operators.stream_stream_join import StreamStreamJoin

        outer = None if self._outer_store is None else self._outer_store.name
        return StreamStreamJoin(
            self._windows,
            self._joiner,
            self._is_left_side,
            self._outer,
            self._other.name,
            outer,
            self._trackers.of_side(is_left=self._is_left_side),
        )

    def stores(self) -> Sequence[StoreFactory]:
        return (self._other,) if self._outer_store is None else (self._other, self._outer_store)


class _SelfJoinSupplier:
    def __init__(self, windows: JoinWindows, joiner: Callable[[Any, Any, Any], Any], factory: StoreFactory) -> None:
        self._windows = windows
        self._joiner = joiner
        self._factory = factory

    def __call__(self) -> Any:
        from ottla.streams.operators.stream_stream_join import SelfJoin

        return SelfJoin(self._windows, self._joiner, self._factory.name)

    def stores(self) -> Sequence[StoreFactory]:
        return (self._factory,)


class _Trackers:
    """Gives both sides of one task's join the same tracker of time.

    A task makes all its operators at once, in one thread; so two sides that ask one after the other belong together.
    """

    def __init__(self) -> None:
        self._waiting = threading.local()

    def of_side(self, *, is_left: bool) -> Any:
        from ottla.streams.operators.time_tracker import TimeTracker

        side, tracker = getattr(self._waiting, "made", (is_left, None))
        if tracker is not None and side is not is_left:
            self._waiting.made = (is_left, None)
            return tracker
        tracker = TimeTracker()
        self._waiting.made = (is_left, tracker)
        return tracker


def _reversed(joiner: Callable[[Any, Any, Any], Any]) -> Callable[[Any, Any, Any], Any]:
    return lambda key, right, left: joiner(key, left, right)
