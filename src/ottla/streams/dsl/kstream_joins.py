"""Joins of a stream: with a stream within a window, with a table, with a global table (`KStream.join` and its kin)."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from ottla.streams.dsl.abstract_stream import AbstractStream, Origin, joiner_with_key
from ottla.streams.dsl.graph.node import StreamTableJoinNode
from ottla.streams.dsl.joined import Joined
from ottla.streams.dsl.named import AnyNamed, NodeName
from ottla.streams.dsl.stream_joined import StreamJoined
from ottla.streams.dsl.stream_stream_join import JoinKind, join_streams
from ottla.streams.topology.store_factory import StoreFactory

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ottla.streams.dsl.global_ktable import GlobalKTable
    from ottla.streams.dsl.kstream import KStream
    from ottla.streams.dsl.ktable import KTable
    from ottla.streams.expressions.expression import Expression
    from ottla.streams.operators.table_view import TableView
    from ottla.streams.serdes.serde import Serde
    from ottla.streams.windows import JoinWindows

K = TypeVar("K")
V = TypeVar("V")
VO = TypeVar("VO")
VR = TypeVar("VR")
GK = TypeVar("GK")


class StreamJoins(AbstractStream, Generic[K, V]):
    """One joiner is given: `joiner` of both values, or `with_key` of the key and both values.

    Or an expression, over `left("price")` and `right("rate")`, and `key()`.
    """

    _needs_repartition: bool

    @abstractmethod
    def _repartitioned_for_join(
        self, prefix: str, key_serde: Serde[Any] | None, value_serde: Serde[Any] | None, *, is_named: bool
    ) -> KStream[K, V]: ...

    @overload
    def join(
        self,
        other: KStream[K, VO],
        joiner: Callable[[V, VO], VR] | Expression | None = None,
        windows: JoinWindows | None = None,
        *,
        with_key: Callable[[K, V, VO], VR] | Expression | None = None,
        joined: StreamJoined[K, V, VO] | None = None,
    ) -> KStream[K, VR]: ...
    @overload
    def join(
        self,
        other: KTable[K, VO],
        joiner: Callable[[V, VO], VR] | Expression | None = None,
        *,
        with_key: Callable[[K, V, VO], VR] | Expression | None = None,
        joined: Joined[K, V, VO] | None = None,
    ) -> KStream[K, VR]: ...
    @overload
    def join(
        self,
        other: GlobalKTable[GK, VO],
        joiner: Callable[[V, VO], VR] | Expression | None = None,
        *,
        key_selector: Callable[[K, V], GK | None] | Expression,
        with_key: Callable[[K, V, VO], VR] | Expression | None = None,
        named: AnyNamed = None,
    ) -> KStream[K, VR]: ...
    def join(self, other: Any, joiner: Any = None, windows: JoinWindows | None = None, **options: Any) -> Any:
        """Both sides must have a value. Records of streams meet within `windows`."""
        return self._join("inner", other, joiner, windows, **options)

    @overload
    def left_join(
        self,
        other: KStream[K, VO],
        joiner: Callable[[V, VO | None], VR] | Expression | None = None,
        windows: JoinWindows | None = None,
        *,
        with_key: Callable[[K, V, VO | None], VR] | Expression | None = None,
        joined: StreamJoined[K, V, VO] | None = None,
    ) -> KStream[K, VR]: ...
    @overload
    def left_join(
        self,
        other: KTable[K, VO],
        joiner: Callable[[V, VO | None], VR] | Expression | None = None,
        *,
        with_key: Callable[[K, V, VO | None], VR] | Expression | None = None,
        joined: Joined[K, V, VO] | None = None,
    ) -> KStream[K, VR]: ...
    @overload
    def left_join(
        self,
        other: GlobalKTable[GK, VO],
        joiner: Callable[[V, VO | None], VR] | Expression | None = None,
        *,
        key_selector: Callable[[K, V], GK | None] | Expression,
        with_key: Callable[[K, V, VO | None], VR] | Expression | None = None,
        named: AnyNamed = None,
    ) -> KStream[K, VR]: ...
    def left_join(self, other: Any, joiner: Any = None, windows: JoinWindows | None = None, **options: Any) -> Any:
        """The other side's value may be None."""
        return self._join("left", other, joiner, windows, **options)

    def outer_join(
        self,
        other: KStream[K, VO],
        joiner: Callable[[V | None, VO | None], VR] | Expression | None = None,
        windows: JoinWindows | None = None,
        *,
        with_key: Callable[[K, V | None, VO | None], VR] | Expression | None = None,
        joined: StreamJoined[K, V, VO] | None = None,
    ) -> KStream[K, VR]:
        """Either value may be None, but not both."""
        return self._join_stream("outer", other, joiner_with_key(joiner, with_key), windows, joined)

    def _join(
        self,
        kind: JoinKind,
        other: Any,
        joiner: Any,
        windows: JoinWindows | None,
        *,
        with_key: Any = None,
        joined: Any = None,
        key_selector: Any = None,
        named: AnyNamed = None,
    ) -> Any:
        from ottla.streams.dsl.global_ktable import GlobalKTable
        from ottla.streams.dsl.ktable import KTable

        both = joiner_with_key(joiner, with_key)
        if isinstance(other, GlobalKTable):
            if key_selector is None:
                raise TypeError("a join with a global table needs a key_selector")
            return self._join_global(kind, other, key_selector, both, named)
        if isinstance(other, KTable):
            return self._join_table(kind, other, both, joined or Joined())
        return self._join_stream(kind, other, both, windows, joined)

    def _join_stream(
        self,
        kind: JoinKind,
        other: KStream[K, Any],
        joiner: Callable[[Any, Any, Any], Any],
        windows: JoinWindows | None,
        joined: StreamJoined[Any, Any, Any] | None,
    ) -> KStream[K, Any]:
        if windows is None:
            raise TypeError("a join of streams needs windows")
        options = joined or StreamJoined()
        named = NodeName.of(options.name)
        this: StreamJoins[Any, Any] = self
        right: StreamJoins[Any, Any] = other
        if self._needs_repartition:
            this = self._repartitioned_for_join(
                named.suffixed_or("-left", self.name),
                options.key_serde,
                options.value_serde,
                is_named=named.name is not None,
            )
        if other._needs_repartition:
            right = other._repartitioned_for_join(
                named.suffixed_or("-right", other.name),
                options.key_serde,
                options.other_value_serde,
                is_named=named.name is not None,
            )
        this._ensure_copartition_with(right)
        return join_streams(kind, this._origin, right._origin, joiner, windows, options)

    def _join_table(
        self,
        kind: JoinKind,
        table: KTable[K, Any],
        joiner: Callable[[Any, Any, Any], Any],
        joined: Joined[Any, Any, Any],
    ) -> KStream[K, Any]:
        if self._needs_repartition:
            stream = self._repartitioned_for_join(
                joined.name or self.name, joined.key_serde, joined.value_serde, is_named=joined.name is not None
            )
            return stream._join_copartitioned_table(kind, table, joiner, joined)
        return self._join_copartitioned_table(kind, table, joiner, joined)

    def _join_copartitioned_table(
        self,
        kind: JoinKind,
        table: KTable[K, Any],
        joiner: Callable[[Any, Any, Any], Any],
        joined: Joined[Any, Any, Any],
    ) -> KStream[K, Any]:
        from ottla.streams.dsl.kstream import KStream

        sources = self._ensure_copartition_with(table)
        prefix = "KSTREAM-LEFTJOIN-" if kind == "left" else "KSTREAM-JOIN-"
        name = NodeName.of(joined.name).or_generated(self._builder, prefix)
        key_serde = self._key_serde if joined.key_serde is None else joined.key_serde
        buffer = None
        if joined.grace_ms is not None:
            if table._node.output_versioned is False:
                raise ValueError("KTable must be versioned to use a grace period in a stream table join.")
            value_serde = self._value_serde if joined.value_serde is None else joined.value_serde
            buffer = _buffer_factory(f"{name}-Buffer", key_serde, value_serde, joined.grace_ms)
            if joined.name is None:
                self._builder.note_implicit_store(buffer.name, logged=True)
        view = table.view()
        supplier = _StreamTableJoinSupplier(view, joiner, joined.grace_ms, buffer, left=kind == "left")
        node = StreamTableJoinNode(name, supplier, view.store_names, joined.grace_ms)
        node.accepts_null_keys = kind == "left"
        self._builder.add(node, self._node)
        return KStream(Origin(self._builder, node, name, sources), key_serde, None, needs_repartition=False)

    def _join_global(
        self,
        kind: JoinKind,
        table: GlobalKTable[Any, Any],
        key_selector: Callable[[Any, Any], Any],
        joiner: Callable[[Any, Any, Any], Any],
        named: AnyNamed,
    ) -> KStream[K, Any]:
        from ottla.streams.dsl.kstream import KStream

        name = NodeName.of(named).or_generated(self._builder, "KSTREAM-LEFTJOIN-")
        view, is_left = table.view(), kind == "left"

        def make() -> Any:
            from ottla.streams.operators.global_join import StreamGlobalJoin

            return StreamGlobalJoin(view, key_selector, joiner, is_left)

        node = StreamTableJoinNode(name, make, (), None)
        node.accepts_null_keys = is_left
        self._builder.add(node, self._node)
        origin = Origin(self._builder, node, name, self._origin.sources)
        return KStream(origin, self._key_serde, None, needs_repartition=self._needs_repartition)


class _StreamTableJoinSupplier:
    def __init__(
        self,
        view: TableView,
        joiner: Callable[[Any, Any, Any], Any],
        grace_ms: int | None,
        buffer: StoreFactory | None,
        *,
        left: bool,
    ) -> None:
        self._view = view
        self._joiner = joiner
        self._grace_ms = grace_ms
        self._buffer = buffer
        self._left = left

    def __call__(self) -> Any:
        from ottla.streams.operators.stream_table_join import StreamTableJoin

        buffer = None if self._buffer is None else self._buffer.name
        return StreamTableJoin(self._view, self._joiner, self._left, self._grace_ms, buffer)

    def stores(self) -> Sequence[StoreFactory]:
        return () if self._buffer is None else (self._buffer,)


def _buffer_factory(
    name: str, key_serde: Serde[Any] | None, value_serde: Serde[Any] | None, grace_ms: int
) -> StoreFactory:
    def make(_: Any) -> Any:
        from ottla.streams.state import stores

        found: Any = stores.Stores
        return found.time_ordered_buffer_builder(name, grace_ms, key_serde, value_serde)

    return StoreFactory(name, make, object())
